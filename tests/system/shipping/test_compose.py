"""The cluster that docker-compose.yml describes comes up, natively, and moves orders."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml

import celeryconfig
from support.servers import ROOT, Cluster, Process, RedisServer, eventually, free_port
from workers.configuration.settings import SettingsSchema

COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
OTHERS = ("redis", "rabbitmq", "postgres", "prometheus", "grafana")
OURS = {n: s for n, s in COMPOSE["services"].items() if n not in OTHERS}


@pytest.mark.parametrize("name", OURS)
def test_every_variable_of_a_service_is_a_setting(name: str) -> None:
    known = set(SettingsSchema().fields)

    given = {one.removesuffix("_FILE") for one in OURS[name].get("environment", {})}

    assert given <= known


def test_each_of_our_processes_has_the_settings_that_are_not_named_here() -> None:
    ours = {name: one for name, one in OURS.items() if name != "simulator"}

    assert {str(one.get("env_file")) for one in ours.values()} == {
        "[{'path': 'config/settings.env', 'required': False}]"
    }
    assert all("./config:/etc/vtex-erp:ro" in one["volumes"] for one in ours.values())


def test_the_file_fits_the_compose_specification() -> None:
    checked = subprocess.run(
        [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec",
         "docker-compose.yml"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert checked.returncode == 0, checked.stdout


def test_every_queue_has_a_worker() -> None:
    served = {
        queue
        for service in OURS.values()
        if "-Q" in service["command"]
        for queue in service["command"][-1].split(",")
    }

    assert served == {one.name for one in celeryconfig.task_queues}


def test_each_of_our_processes_is_asked_whether_it_is_ready() -> None:
    lasting = {name for name in OURS if name not in ("migrate", "simulator")}

    asked = {name: str(OURS[name].get("healthcheck")) for name in lasting}

    assert {name for name, how in asked.items() if "/readyz" in how} == lasting


def test_what_shows_the_cluster_is_reached_from_this_host_alone() -> None:
    ports = [one for s in COMPOSE["services"].values() for one in s.get("ports", ())]

    assert len(ports) == 3
    assert all(one.startswith("127.0.0.1:") for one in ports)


def test_every_image_has_a_version() -> None:
    images = [s["image"] for s in COMPOSE["services"].values()]

    assert all(":" in one and not one.endswith(":latest") for one in images)


def test_no_secret_stands_in_the_file_and_none_runs_as_root() -> None:
    assert all(set(one) == {"file"} for one in COMPOSE["secrets"].values())
    assert "\nUSER erp\n" in (ROOT / "Dockerfile").read_text()


def test_every_service_is_restarted_and_can_be_scaled() -> None:
    assert all("container_name" not in one for one in COMPOSE["services"].values())
    assert all(s["restart"] in ("always", "on-failure") for s in COMPOSE["services"].values())


def test_the_described_cluster_moves_orders(
    tmp_path: Path, redis_server: RedisServer, postgres_database: str
) -> None:
    cluster = Cluster(tmp_path, "", "", redis_server.url)
    flower, metrics = free_port(), free_port()
    secrets = {
        "journal_url": postgres_database,
        "erp_url": postgres_database,
        "vtex_app_key": "vtexappkey-acme-SIMULA",
        "vtex_app_token": "simulated-token",
        "flower_auth": "user:password",
    }
    for name, text in secrets.items():
        (tmp_path / name).write_text(text)
    moved = {
        "/run/secrets": str(tmp_path),
        "redis://redis:6379/0": redis_server.url,
        "0.0.0.0": "127.0.0.1",
        "8700": str(cluster.port),
        "--port=5555": f"--port={flower}",
        "${VTEX_ACCOUNT:-acme}": "acme",
        "${VTEX_BASE_URL:-}": cluster.simulator,
        "${VTEX_PAYMENTS_URL:-}": cluster.simulator,
        "${VTEX_QUOTA_PER_MINUTE:-}": "",
        "${BROKER_URL:-}": "",
        "${VTEX_INTAKE:-}": "",
        "${ALERT_URLS:-}": "",
        "${OTEL_EXPORTER_OTLP_ENDPOINT:-}": "",
        "9540": f"{metrics}-{metrics + 40}",
    }
    base = {
        k: v for k, v in cluster.env.items() if k in ("PATH", "HOME", "ORDER_LIST_INTERVAL_SECONDS")
    }

    def start(name: str, *more: str) -> Process:
        service = OURS[name]
        command = [_moved(one, moved) for one in service["command"]]
        program = ["celery"] if command[0] == "celery" else ["workers.cli.main"]
        env = {k: _moved(v, moved) for k, v in service.get("environment", {}).items()}
        process = Process(
            [sys.executable, "-m", *program, *command[1:], *more],
            base | env,
            tmp_path / f"{name}.log",
        )
        process.start()
        cluster.processes[name] = process
        return process

    try:
        simulator = start("simulator", "--orders", "12", "--handling-delay", "0.1")
        eventually(lambda: "ready on" in simulator.text(), 30)
        migrate = start("migrate")
        eventually(lambda: migrate.child is not None and migrate.child.poll() == 0, 60)
        for name in ("worker-orders", "worker-out", "worker-control", "beat", "flower", "metrics"):
            start(name)
        url = f"{cluster.simulator}/_simulator/state"
        eventually(lambda: _handled(url) >= 12, 120)
        address = f"http://127.0.0.1:{flower}"
        eventually(lambda: _answers(f"{address}/healthcheck"), 30)
        eventually(lambda: _answers(f"{address}/readyz"), 30)
        served = [f"http://127.0.0.1:{one}" for one in range(metrics, metrics + 41)]
        eventually(lambda: sum(_answers(f"{one}/readyz") for one in served) >= 5, 60)
        assert requests.get(f"{address}/api/tasks", timeout=10).status_code == 401
        shown = requests.get(f"{address}/api/tasks", auth=("user", "password"), timeout=10)
        assert shown.status_code == 200
        assert "Rua das Palmeiras" not in shown.text
    finally:
        cluster.stop()


def _moved(text: str, moved: dict[str, str]) -> str:
    for old, new in moved.items():
        text = text.replace(old, new)
    return text


def _handled(url: str) -> int:
    orders = requests.get(url, timeout=10).json()["orders"].values()
    return sum(one.get("start_handling_effects", 0) for one in orders)


def _answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=5).ok
    except requests.RequestException:
        return False
