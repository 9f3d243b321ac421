"""A real Prometheus scrapes a cluster at work: dashboard and rules are answered, and rightly."""

from __future__ import annotations

import json
import math
import re
import shutil
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml

from support.personal_data import personal_words
from support.servers import ROOT, Cluster, Process, RedisServer, eventually, free_port

ORDERS = 30
PASSWORD = "wrench-of-flower"
REDIS_PASSWORD = "open-sesame-redis"
DASHBOARD = json.loads((ROOT / "deploy/grafana/dashboards/vtex-erp.json").read_text())
RULES = ROOT / "deploy" / "prometheus" / "rules.yml"
PANELS = {
    f"{panel['title']}: {target['refId']}": target["expr"].replace("$store", ".*")
    for panel in DASHBOARD["panels"]
    for target in panel.get("targets", ())
}


class Prometheus:
    """Prometheus from Debian's package, on a port and in a folder of its own."""

    def __init__(self, folder: Path, jobs: list[dict[str, Any]]) -> None:
        self.port = free_port()
        config = folder / "prometheus.yml"
        config.write_text(
            yaml.safe_dump(
                {
                    # A page that takes longer than the interval is not taken at all.
                    "global": {"scrape_interval": "5s", "evaluation_interval": "1s"},
                    "rule_files": [str(RULES)],
                    "scrape_configs": jobs,
                }
            )
        )
        self.process = Process(
            [
                str(shutil.which("prometheus")),
                f"--config.file={config}",
                f"--storage.tsdb.path={folder}/tsdb",
                f"--web.listen-address=127.0.0.1:{self.port}",
            ],
            {},
            folder / "prometheus.log",
        )
        self.process.start()
        # Before it has read what it stored it answers with a page of its own.
        eventually(self._is_ready, 60, "Prometheus does not come up")

    def _is_ready(self) -> bool:
        try:
            return requests.get(f"http://127.0.0.1:{self.port}/-/ready", timeout=10).ok
        except requests.ConnectionError:
            return False

    def get(self, path: str, **query: str) -> Any:
        url = f"http://127.0.0.1:{self.port}/api/v1/{path}"
        answer = requests.get(url, params=query, timeout=10).json()
        assert answer["status"] == "success", f"{query}: {answer}"
        return answer["data"]

    def ask(self, expression: str) -> list[tuple[dict[str, str], float]]:
        found = self.get("query", query=expression)["result"]
        return [(row["metric"], float(row["value"][1])) for row in found]

    def number(self, expression: str) -> float:
        """Return the one number that answers, 0 where none does."""
        return sum(value for _, value in self.ask(expression))

    def has_seen(self, expression: str, value: float) -> bool:
        return self.number(expression) == value


class World:
    """A cluster that was at work under the eyes of Prometheus."""

    def __init__(self, cluster: Cluster, folder: Path) -> None:
        self.cluster = cluster
        self.ports = {name: free_port() for name in ("w1", "w2", "beat", "exporter", "flower")}
        targets = {
            "vtex-erp-processes": ("w1", "w2", "beat"),
            "vtex-erp-cluster": ("exporter",),
            "vtex-erp-flower": ("flower",),
        }
        self.prometheus = Prometheus(
            folder,
            [
                {
                    "job_name": job,
                    "static_configs": [
                        {"targets": [f"127.0.0.1:{self.ports[name]}" for name in names]}
                    ],
                    "basic_auth": {"username": "operator", "password": PASSWORD},
                }
                for job, names in targets.items()
            ],
        )

    def start(self) -> None:
        cluster, ports = self.cluster, self.ports
        cluster.start_simulator(ORDERS)
        self.bad, *_ = sorted(cluster.state()["orders"])
        cluster.change(self.bad, totals=[])
        cluster.steer("faults", kind="throttle", route="order", times=2, retry_after=1)
        cluster.start("exporter", "workers.cli.main", "metrics", "--port", str(ports["exporter"]))
        cluster.start(
            "flower",
            "celery",
            "-A",
            "workers",
            "flower",
            f"--port={ports['flower']}",
            FLOWER_BASIC_AUTH=f"operator:{PASSWORD}",
        )
        for name in ("w1", "w2"):
            cluster.start_worker(name, METRICS_PORT=str(ports[name]))
        eventually(lambda: self.prometheus.has_seen("count(up == 1)", 4), 60)
        cluster.start("beat", "celery", "-A", "workers", "beat", METRICS_PORT=str(ports["beat"]))
        eventually(lambda: cluster.handled() >= ORDERS - 1, 90)
        invoiced = max(cluster.state()["orders"])
        asked = cluster.command(
            "requests",
            "invoice",
            invoiced,
            "--invoice-number",
            "128841",
            "--issued-at",
            "2026-03-10T15:04:05-03:00",
            "--value",
            self.reais(invoiced),
        )
        assert asked.returncode == 0, asked.stderr
        # By both that tell of the cluster.
        done = 'min(vtex_erp_jobs_finished{kind="intake",state="done"})'
        eventually(lambda: self.prometheus.has_seen(done, ORDERS - 1), 60)
        eventually(lambda: self.prometheus.has_seen("sum(vtex_erp_dead_letters)", 2), 60)
        invoices = 'max(vtex_erp_jobs_finished{kind="invoice",state="done"})'
        eventually(lambda: self.prometheus.has_seen(invoices, 1), 60)
        eventually(lambda: self.prometheus.has_seen("sum(vtex_erp_beat_is_leader)", 1), 60)

    def reais(self, order_id: str) -> str:
        cents = next(
            order["value_cents"] for order in self.cluster.orders() if order["order_id"] == order_id
        )
        return f"{cents / 100:.2f}"

    def page(self, name: str, path: str) -> requests.Response:
        auth = ("operator", PASSWORD) if name == "flower" else None
        return requests.get(f"http://127.0.0.1:{self.ports[name]}{path}", auth=auth, timeout=10)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    if shutil.which("prometheus") is None:
        pytest.skip("no Prometheus: install prometheus (Debian)")
    folder = tmp_path_factory.mktemp("watched")
    (folder / "redis").mkdir()
    redis = RedisServer(folder / "redis")
    redis.start()
    redis.ask_for(REDIS_PASSWORD)
    cluster = Cluster(
        folder, f"sqlite:///{folder}/journal.db", f"sqlite:///{folder}/erp.db", redis.url
    )
    cluster.migrate()
    made = World(cluster, folder)
    try:
        made.start()
        yield made
    finally:
        made.prometheus.process.kill()
        cluster.stop()
        redis.stop()


@pytest.mark.parametrize("panel", PANELS)
def test_each_question_of_the_dashboard_is_answered(world: World, panel: str) -> None:
    def answered() -> bool:
        return any(math.isfinite(value) for _, value in world.prometheus.ask(PANELS[panel]))

    eventually(answered, 20, f"no number answers {PANELS[panel]}")


def test_each_rule_is_answered_and_what_is_wrong_is_told(world: World) -> None:
    rules = yaml.safe_load(RULES.read_text())["groups"][0]["rules"]

    def read() -> list[dict[str, Any]]:
        (group,) = world.prometheus.get("rules")["groups"]
        return list(group["rules"])

    eventually(lambda: {row["health"] for row in read()} == {"ok"}, 30)
    assert [row["name"] for row in read()] == [rule["alert"] for rule in rules]

    def told() -> set[str]:
        found = {alert["labels"]["alertname"] for alert in world.prometheus.get("alerts")["alerts"]}
        # What the daily reconciliation makes of the dead order depends on when it came by.
        return found - {"VtexErpReconciliationFindings"}

    eventually(lambda: told() == {"VtexErpDeadLetters"}, 20, "something else is told, or nothing")


def test_the_numbers_are_those_of_the_store(world: World) -> None:
    state = world.cluster.state()
    effects = sum(value.get("start_handling_effects", 0) for value in state["orders"].values())
    calls = sum(value.get("start_handling_calls", 0) for value in state["orders"].values())
    assert effects == ORDERS - 1

    for expression, value in (
        ('max(vtex_erp_jobs_finished{kind="intake",state="done"})', effects),
        ('sum(vtex_erp_tasks_total{task="orders.start_handling",outcome="done"})', effects),
        ("sum(vtex_erp_payment_to_erp_seconds_count)", effects),
        ('sum(vtex_erp_vtex_calls_total{status="429"})', 2),
        ('sum(vtex_erp_vtex_calls_total{endpoint="start_handling"})', calls),
        ("sum(vtex_erp_orders_discovered_total)", ORDERS),
        ("sum(vtex_erp_invoice_to_vtex_seconds_count)", 1),
    ):
        # Each process is read at its own time.
        seen = partial(world.prometheus.has_seen, expression, value)
        eventually(seen, 30, f"{expression} is not {value}")
    dead = world.prometheus.ask("max by (store, kind, reason) (vtex_erp_dead_letters)")
    assert dead == [({"store": "acme", "kind": "intake", "reason": "erp_rejected"}, 1)]


def test_both_workers_worked_and_each_process_says_what_it_is(world: World) -> None:
    worked = world.prometheus.ask('sum by (instance) (vtex_erp_tasks_total{task="orders.fetch"})')
    kinds = world.prometheus.ask("count by (kind) (vtex_erp_process_info)")

    assert len(worked) == 2
    assert {(row["kind"], count) for row, count in kinds} == {
        ("worker", 2),
        ("beat", 1),
        ("exporter", 1),
    }


def test_flower_tells_the_same_beside_its_own(world: World) -> None:
    both = world.prometheus.ask('vtex_erp_jobs_finished{kind="intake",state="done"}')
    own = world.prometheus.ask("flower_worker_online")

    assert {row["job"] for row, _ in both} == {"vtex-erp-cluster", "vtex-erp-flower"}
    assert {value for _, value in both} == {ORDERS - 1}
    assert len(own) == 2


@pytest.mark.parametrize("name", ["w1", "w2", "beat", "exporter", "flower"])
def test_each_process_is_alive_and_ready(world: World, name: str) -> None:
    for path in ("/livez", "/readyz"):
        answer = world.page(name, path)
        assert (answer.status_code, answer.headers["Content-Type"].split(";")[0]) == (
            200,
            "application/json",
        ), answer.text


def test_no_page_names_a_person_an_order_or_a_secret(world: World) -> None:
    shown = "\n".join(
        world.page(name, path).text
        for name in world.ports
        for path in ("/metrics", "/livez", "/readyz", "/nothing")
        if (name, path) != ("flower", "/nothing")
    )

    secrets = {PASSWORD, REDIS_PASSWORD, "vtexappkey-acme-SIMULA", "simulated-token"}
    words = personal_words(world.cluster) | secrets | set(world.cluster.state()["orders"])
    any_of_them = re.compile("|".join(rf"(?<!\w){re.escape(word)}(?!\w)" for word in words))
    # The numbers themselves are no words about anybody.
    labels = re.sub(r" [-+0-9.eE]+$", "", shown, flags=re.MULTILINE)
    assert "vtex_erp_tasks_total" in labels
    assert not any_of_them.findall(labels)


def test_every_metric_is_on_its_page_and_none_beside(world: World) -> None:
    page = (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8")
    described = set(re.findall(r"^\| `(vtex_erp_\w+)", page, re.MULTILINE))
    told = {
        re.sub(r"_(bucket|sum|count)$", "", text)
        for text in world.prometheus.get("label/__name__/values")
        if text.startswith("vtex_erp_")
    }

    # Nothing was compared yet, and no feed was set up.
    absent = {
        "vtex_erp_feed_healthy",
        "vtex_erp_reconciliation_findings",
        "vtex_erp_last_reconciliation_timestamp_seconds",
    }
    assert told <= described
    assert described - told <= absent
