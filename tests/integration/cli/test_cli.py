"""The command line where something is unclear, missing or broken: a line, an advice, a status."""

from __future__ import annotations

import json
import os
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click
import pytest
import redis
from click.testing import CliRunner

from erp.adapters.sql.adapter import SqlErp
from journal.cancel_requests import CancelRequest
from journal.jobs.dead_letters import DeadLetterFilter
from journal.journal import Journal
from journal.model import STAGES, Kind, Stage
from journal.order_changes import ChangeHint
from journal.orders import NewOrder, OrderRow, Orders
from journal.requests import RequestDraft
from support.servers import Cluster, RedisServer
from tasks.alerts.rules import update_alerts
from vtex.client import VtexClient
from vtex.documents import FeedConfig
from vtex.simulator import cancel_requests
from vtex.simulator.config import Config
from vtex.simulator.server import Running, running
from vtex.statuses import CHANGES, READY
from vtex.transport.transport import Account, Transport
from workers import wiring
from workers.cli.actions import check_broker as broker_checks
from workers.cli.main import main
from workers.configuration.settings import SettingsSchema, load

PERSON = "ana.prado@example.com"
NOW = datetime.now(UTC)


class Desk:
    """Somebody who types commands: a journal, an ERP and a simulated store, and no broker."""

    def __init__(self, folder: Path, store: Running) -> None:
        self.folder, self.store = folder, store
        names = SettingsSchema().fields
        self.env: dict[str, str | None] = {
            one: None for one in os.environ if one.removesuffix("_FILE") in names
        } | {
            "REDIS_URL": "redis://127.0.0.1:1/0",
            "JOURNAL_URL": f"sqlite:///{folder}/journal.db",
            "ERP_URL": f"sqlite:///{folder}/erp.db",
            "VTEX_ACCOUNT": "acme",
            "VTEX_APP_KEY": store.app_key,
            "VTEX_APP_TOKEN": store.app_token,
            "VTEX_BASE_URL": store.url,
            "VTEX_PAYMENTS_URL": store.url,
            "VTEX_READ_TIMEOUT_SECONDS": "2",
        }
        self.journal = Journal(str(self.env["JOURNAL_URL"]), now=lambda: self.moment)
        self.moment = NOW

    def type(self, *arguments: str, status: int = 0, answer: str = "") -> str:
        """Run a command; return all that it prints."""
        result = CliRunner().invoke(main, arguments, env=self.env, input=answer)
        assert isinstance(result.exception, SystemExit | None), result.exc_info
        assert result.exit_code == status, result.output
        assert "Traceback" not in result.output
        return result.output

    def json(self, *arguments: str, status: int = 0) -> Any:
        return json.loads(self.type(*arguments, "--json", status=status))

    def list(self, *ids: str, store: str = "acme", ago: timedelta = timedelta()) -> None:
        now, self.moment = self.moment, NOW - ago
        self.journal.orders.record(store, [NewOrder(one, NOW - ago, 123456) for one in ids])
        self.moment = now

    def bury(self, order_id: str, reason: str) -> None:
        (ticket,) = self.journal.jobs.dispatch(in_flight=9, store="acme", order_id=order_id)
        self.journal.jobs.bury("acme", order_id, ticket.attempt, reason)

    def paid(self, status: str = "ready-for-handling", **changes: Any) -> str:
        """Return a new order of the store, changed as told."""
        (order_id,) = self.store.store.generate(1, status)
        entry = self.store.store.entry(order_id)
        assert entry is not None
        entry.order.update(changes)
        return order_id

    def serve(self, server: RedisServer) -> redis.Redis:
        self.env["REDIS_URL"] = server.url
        return redis.Redis.from_url(server.url)

    def verdicts(self, *, status: int = 1) -> dict[str, tuple[bool | None, str]]:
        return {
            one["name"]: (one["ok"], one["detail"]) for one in self.json("check", status=status)
        }


@pytest.fixture
def bare(tmp_path: Path) -> Iterator[Desk]:
    """A desk where nobody has migrated yet."""
    with running(Config(index_lag=0)) as store:
        made = Desk(tmp_path, store)
        yield made
        made.journal.close()


@pytest.fixture
def desk(bare: Desk) -> Desk:
    bare.journal.migrate()
    erp = SqlErp(str(bare.env["ERP_URL"]))
    erp.migrate()
    erp.close()
    return bare


# --- orders ---------------------------------------------------------------------------------------


def test_orders_are_found_by_store_state_stage_and_age(desk: Desk) -> None:
    desk.list("old-01", ago=timedelta(minutes=90))
    desk.list("new-01", "dead-01")
    desk.list("far-01", store="outlet")
    desk.bury("dead-01", "the sums differ by 0,01")

    def found(*options: str) -> set[str]:
        return {one["order_id"] for one in desk.json("orders", *options)["orders"]}

    assert found() == {"old-01", "new-01", "dead-01", "far-01"}
    assert found("--store", "outlet") == {"far-01"}
    assert found("--state", "dead") == {"dead-01"}
    assert found("--state", "open", "--store", "acme") == {"old-01", "new-01"}
    assert found("--stage", "listed") == {"old-01", "new-01", "dead-01", "far-01"}
    assert found("--stage", "paid") == set()
    assert found("--older-than", "60") == {"old-01"}
    assert found("--older-than", "0.5", "--limit", "1") == {"old-01"}


def test_the_table_tells_value_and_reason_and_the_counts(desk: Desk) -> None:
    desk.list("dead-01", "new-01")
    desk.bury("dead-01", "the sums differ by 0,01")

    text = desk.type("orders")

    assert "1.234,56" in text
    assert "the sums differ by 0,01" in text
    assert "acme: 1 dead, 1 listed" in text


def test_orders_as_json_have_a_fixed_shape(desk: Desk) -> None:
    assert desk.json("orders") == {"orders": [], "counts": {}, "paused": {}}

    desk.list("new-01")
    shown = desk.json("orders")

    assert shown["counts"] == {"acme": {"listed": 1}}
    assert set(shown["orders"][0]) == set(OrderRow.__dataclass_fields__)
    assert datetime.fromisoformat(shown["orders"][0]["listed_at"]).tzinfo is not None


def test_a_store_that_was_never_listed_is_told(desk: Desk) -> None:
    desk.list("new-01")

    assert "'acmee' was ever listed (known: acme)" in desk.type("orders", "--store", "acmee")


@pytest.mark.parametrize(
    "options",
    [
        ("--older-than", "nan"), ("--older-than", "inf"), ("--older-than=-1",), ("--limit", "0"),
        ("--limit", "many"), ("--stage", "lost"), ("--state", "gone"),
    ],
)  # fmt: skip
def test_a_filter_that_makes_no_sense_is_a_wrong_call(desk: Desk, options: tuple[str, ...]) -> None:
    assert f"Invalid value for '{options[0].split('=')[0]}'" in desk.type(
        "orders", *options, status=2
    )


# --- order ----------------------------------------------------------------------------------------


def test_an_unknown_order_is_told_with_the_command_that_brings_it_in(desk: Desk) -> None:
    desk.list("far-01", store="outlet")

    assert "vtex-erp sync v1-01 brings it in" in desk.type("order", "v1-01", status=1)
    text = desk.type("order", "far-01", "--store", "acme", status=1)
    assert "store outlet has one of this id" in text
    assert "vtex-erp sync far-01 --store acme" in text


def test_an_order_of_two_stores_needs_the_store(desk: Desk) -> None:
    desk.list("v1-01")
    desk.list("v1-01", store="outlet")

    for command in (("order", "v1-01"), ("order", "v1-01", "--dry-run"), ("retry", "v1-01")):
        assert "several stores (acme, outlet): add --store" in desk.type(*command, status=2)
    assert desk.json("order", "v1-01", "--store", "outlet")["order"]["store"] == "outlet"


def test_an_id_is_taken_as_it_is_pasted(desk: Desk) -> None:
    desk.list("1268540501456-01")

    assert "1268540501456-01: waits" in desk.type("order", " #1268540501456-01\n")


@pytest.mark.parametrize("text", ["", "two words", "\udcff", "ação-01", "a\x00b"])
def test_what_is_no_order_id_is_a_wrong_call(desk: Desk, text: str) -> None:
    for command in ("order", "sync", "retry", "invoices"):
        assert "no order id such as" in desk.type(command, text, status=2)


def test_the_life_of_an_order_says_why_it_is_dead(desk: Desk) -> None:
    desk.list("v1-01")
    desk.bury("v1-01", "the sums differ by 0,01")

    assert "is dead at listed: the sums differ by 0,01" in desk.type("order", "v1-01")
    life = desk.json("order", "v1-01")
    assert (life["order"]["state"], life["requests"]) == ("dead", [])
    assert set(life["events"][0]) == {"at", "kind", "stage", "attempt", "event", "detail"}


def test_documents_are_shown_where_they_are_asked_for_alone(desk: Desk) -> None:
    desk.list("v1-01")

    assert "documents" not in desk.json("order", "v1-01")
    assert desk.json("order", "v1-01", "--documents")["documents"] == {
        "order": None, "payment": None,
    }  # fmt: skip


# --- dry run --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "would", "words"),
    [
        ({"status": "canceled"}, "be skipped", "canceled before it came in"),
        ({"status": "invoiced"}, "be skipped", "handled elsewhere"),
        ({"status": "payment-pending"}, "wait", "not yet 'ready-for-handling'"),
        ({"isCompleted": False}, "wait", "incomplete at VTEX"),
        ({"value": 1}, "be held", "difference"),
        ({"items": "none"}, "be held", "items"),
    ],
)
def test_a_dry_run_tells_what_keeps_an_order_out(
    desk: Desk, changes: dict[str, Any], would: str, words: str
) -> None:
    order_id = desk.paid(**changes)

    shown = desk.json("order", order_id, "--dry-run", status=1)
    text = desk.type("order", order_id, "--dry-run", status=1)

    assert shown["would"] == would
    assert words in shown["reason"]
    assert f"would {would}; nothing is written" in text
    assert (shown["sales_order"] is None) == (would == "be held")


def test_a_dry_run_flags_what_a_lenient_store_lets_in(desk: Desk) -> None:
    desk.env["ALLOW_SUM_MISMATCH"] = "true"

    text = desk.type("order", desk.paid(value=1), "--dry-run")

    assert "would be inserted" in text
    assert "flag: " in text


def test_a_dry_run_leaves_journal_erp_and_vtex_as_they_were(desk: Desk) -> None:
    order_id = desk.paid()
    desk.list(order_id)
    before = _contents(desk)

    shown = desk.json("order", order_id, "--dry-run")

    assert shown["sales_order"]["order_id"] == order_id
    assert _contents(desk) == before
    assert set(desk.store.store.calls) == {"order", "transaction", "payments"}


def _contents(desk: Desk) -> dict[str, list[Any]]:
    found = {}
    for name in ("journal", "erp"):
        with closing(sqlite3.connect(desk.folder / f"{name}.db")) as db:
            tables = db.execute("select name from sqlite_master where type = 'table'").fetchall()
            for (table,) in tables:
                found[f"{name}.{table}"] = db.execute(f"select * from {table}").fetchall()
    assert found
    return found


def test_a_dry_run_of_what_vtex_does_not_know_says_what_to_mind(desk: Desk) -> None:
    assert "mind the store, and the -01" in desk.type("order", "v1-01", "--dry-run", status=1)


# --- sync and retry, which need the broker --------------------------------------------------------


def test_a_dead_order_goes_back_to_the_queue_once_it_is_retried(cluster: Cluster) -> None:
    with closing(Journal(cluster.env["JOURNAL_URL"])) as journal:
        journal.orders.record("acme", [NewOrder("v1-01", NOW, 100)])
        (ticket,) = journal.jobs.dispatch(in_flight=1)
        journal.jobs.bury("acme", "v1-01", ticket.attempt, "refused")

    answer = cluster.command("retry", "v1-01")

    assert "v1-01: tried again (intake from stage listed)" in answer.stdout
    with redis.Redis.from_url(cluster.env["REDIS_URL"]) as broker:
        assert broker.llen("orders") == 1
    assert "no dead job fits" in cluster.command("retry", "v1-01", "--job", "99").stdout


def test_a_sync_without_a_broker_keeps_what_it_listed(cluster: Cluster) -> None:
    cluster.start_simulator(3)
    cluster.env["REDIS_URL"] = "redis://127.0.0.1:1/0"

    answer = cluster.command("sync")

    assert answer.returncode == 1
    assert "the broker does not answer" in answer.stderr
    assert "goes on by itself" in answer.stderr
    assert len(cluster.orders("--state", "open")) == 3


def test_every_store_of_a_file_is_listed_and_one_order_needs_its_store(
    cluster: Cluster, tmp_path: Path
) -> None:
    cluster.start_simulator(2)
    table = (
        'app_key_env = "KEY"\napp_token_env = "TOKEN"\n'
        f'base_url = "{cluster.simulator}"\npayments_url = "{cluster.simulator}"\n'
    )
    (tmp_path / "stores.toml").write_text(f"[stores.acme]\n{table}[stores.outlet]\n{table}")
    cluster.env["KEY"] = cluster.env.pop("VTEX_APP_KEY")
    cluster.env["TOKEN"] = cluster.env.pop("VTEX_APP_TOKEN")
    for name in ("VTEX_ACCOUNT", "VTEX_BASE_URL", "VTEX_PAYMENTS_URL"):
        del cluster.env[name]
    cluster.env["STORES_FILE"] = str(tmp_path / "stores.toml")

    everything = cluster.command("sync")
    unclear = cluster.command("sync", "v1-01")

    assert "acme: 2 new orders" in everything.stdout
    assert "outlet: 2 new orders" in everything.stdout
    assert unclear.returncode == 2
    assert "which store? add --store (configured: acme, outlet)" in unclear.stderr


def test_a_sync_with_a_wrong_token_points_to_check(desk: Desk) -> None:
    desk.env["VTEX_APP_TOKEN"] = "wr0ng-token"

    text = desk.type("sync", status=1)

    assert "401" in text
    assert "vtex-erp check tells more" in text
    assert "wr0ng" not in text


@pytest.mark.parametrize(
    "call",
    ["retry v1-01 --job 99999999999999999999", "pause acme --minutes inf", "dead --limit=-1"],
)
def test_a_number_out_of_all_reach_is_a_wrong_call(desk: Desk, call: str) -> None:
    assert "is not in the range" in desk.type(*call.split(), status=2)


# --- check ----------------------------------------------------------------------------------------


def test_check_tells_bad_settings_one_a_line_with_status_2(desk: Desk) -> None:
    desk.env |= {"ORDER_LIST_INTERVAL_SECONDS": "soon", "REDIS_URL": "cache"}

    lines = desk.type("check", status=2).splitlines()
    verdicts = desk.json("check", status=2)

    assert [line.split(":")[:2] for line in lines] == [
        ["FAILED  settings", " REDIS_URL"], ["FAILED  settings", " ORDER_LIST_INTERVAL_SECONDS"],
    ]  # fmt: skip
    assert [(one["name"], one["ok"]) for one in verdicts] == [("settings", False)] * 2


def test_check_tells_of_every_part_though_all_are_broken(bare: Desk) -> None:
    bare.env |= {"VTEX_BASE_URL": "http://127.0.0.1:1", "VTEX_PAYMENTS_URL": "http://127.0.0.1:1"}

    found = bare.verdicts()

    assert found["settings"][0] is True
    assert "start it, or mend REDIS_URL" in found["broker"][1]
    assert "vtex-erp migrate" in found["journal"][1]
    assert "vtex-erp migrate" in found["ERP"][1]
    assert "mind the account's name" in found["acme VTEX"][1]
    assert {name for name, (ok, _) in found.items() if not ok} == {
        "broker", "journal", "ERP", "alerts", "acme rate limit", "acme VTEX",
    }  # fmt: skip


@pytest.mark.parametrize(("name", "setting"), [("journal", "JOURNAL_URL"), ("ERP", "ERP_URL")])
@pytest.mark.parametrize(
    "url", ["sqlite:////proc/nowhere/x.db", "postgresql://u:s3cret@127.0.0.1:1/x"]
)
def test_check_says_which_setting_names_a_database_that_is_out_of_reach(
    desk: Desk, name: str, setting: str, url: str
) -> None:
    desk.env[setting] = url

    ok, detail = desk.verdicts()[name]

    assert ok is False
    assert f"mend {setting}" in detail
    assert "s3cret" not in detail


def test_check_tells_a_wrong_token_from_a_missing_permission(desk: Desk) -> None:
    desk.env["VTEX_APP_TOKEN"] = "wr0ng-token"

    found = {name: one for name, one in desk.verdicts().items() if name.startswith("acme ")}
    del found["acme rate limit"]

    assert len(found) == 6
    for ok, detail in found.values():
        assert ok is False
        assert detail.startswith("the key or token is wrong")
        assert "wr0ng" not in detail


def test_check_shows_a_store_that_is_paused(desk: Desk) -> None:
    desk.journal.store_pauses.begin("acme", seconds=3600, reason="VTEX answered 429")

    ok, detail = desk.verdicts()["acme paused"]

    assert ok is None
    assert "VTEX answered 429" in detail


def test_check_shows_the_rate_limit_and_what_slows_it_down_until_a_person_lets_it_go_on(
    desk: Desk, redis_server: RedisServer
) -> None:
    with desk.serve(redis_server):
        before = desk.verdicts(status=0)
        desk.store.faults.add(kind="throttle", retry_after=300)
        desk.type("sync", status=1)

        slow = desk.verdicts(status=0)
        desk.type("resume", "acme")
        after = desk.verdicts(status=0)

    assert before["acme rate limit"] == (
        True,
        "0 calls in the last minute, 4800 allowed (80 % of 6000)",
    )
    # Of the 300 seconds some have passed by the time of the look.
    told = r"none for (300|2\d\d) s: VTEX asked for a pause \(429 or 503\)"
    assert re.search(told, slow["acme rate limit"][1])
    assert slow["acme VTEX"] == (None, "not asked while VTEX wants a pause")
    assert "slowed down to 50%" in after["acme rate limit"][1]
    assert after["acme List Orders"][0] is True


def test_check_says_that_a_store_has_no_limit(desk: Desk) -> None:
    desk.env["VTEX_QUOTA_PER_MINUTE"] = "0"

    assert desk.verdicts()["acme rate limit"] == (
        None,
        "calls have no limit: VTEX_QUOTA_PER_MINUTE is 0",
    )


def test_check_and_orders_tell_of_an_erp_that_orders_wait_for(desk: Desk) -> None:
    desk.list("v1-01", ago=timedelta(minutes=5))
    (ticket,) = desk.journal.jobs.dispatch(in_flight=1)
    for stage in (Stage.FETCHED, Stage.PAID):
        with desk.journal.jobs.step("acme", "v1-01", ticket.attempt, to=stage):
            pass
    desk.journal.jobs.postpone("acme", "v1-01", ticket.attempt, "no answer", erp_down=True)

    ok, detail = desk.verdicts()["ERP paused"]

    assert ok is None
    assert "(no answer); orders wait at paid" in detail
    assert "waits for the ERP, which does not answer: no answer" in desk.type("orders")
    assert "waits at paid for the ERP" in desk.type("order", "v1-01")


def test_check_names_each_weakness_of_the_broker(desk: Desk, redis_server: RedisServer) -> None:
    with desk.serve(redis_server) as broker:
        broker.config_set("maxmemory-policy", "volatile-lru")
        broker.config_set("appendonly", "no")

    found = desk.verdicts()

    assert found["broker"][0] is True
    assert found["broker eviction"][0] is False
    assert "set maxmemory-policy noeviction" in found["broker eviction"][1]
    assert found["broker persistence"][0] is None
    assert "set appendonly yes" in found["broker persistence"][1]
    assert found["clock"][0] is True
    assert found["beat"][0] is None
    assert "until celery -A workers beat runs" in found["beat"][1]


def test_a_broker_without_a_file_is_worth_a_note_and_no_failure(
    desk: Desk, redis_server: RedisServer
) -> None:
    with desk.serve(redis_server) as broker:
        broker.config_set("appendonly", "no")

    text = desk.type("check")

    assert "note    broker persistence: no append-only file" in text
    assert "ok      acme List Orders: granted" in text


def test_check_tells_a_refused_password_from_a_dead_broker(
    desk: Desk, redis_server: RedisServer
) -> None:
    with desk.serve(redis_server) as broker:
        broker.config_set("requirepass", "s3cret")

    ok, detail = desk.verdicts()["broker"]

    assert ok is False
    assert "answers, but refuses us" in detail
    assert "REDIS_URL" in detail


def test_check_tells_a_replica_from_a_broker(desk: Desk, redis_server: RedisServer) -> None:
    with desk.serve(redis_server) as broker:
        broker.replicaof("127.0.0.1", 1)

    ok, detail = desk.verdicts()["broker role"]

    assert ok is False
    assert "let REDIS_URL name the primary" in detail


class Elsewhere:
    """A broker whose clock is a minute behind, of a version of long ago."""

    def time(self) -> tuple[int, int]:
        return int(datetime.now(UTC).timestamp()) - 60, 0

    def info(self) -> dict[str, str]:
        return {"redis_version": "5.0.14"}

    def exists(self, _: str) -> int:
        return 1


def test_a_clock_that_is_apart_and_an_old_broker_are_told() -> None:
    old: Any = Elsewhere()
    verdicts = [
        *broker_checks._server(old, "broker", "redis://cache", "REDIS_URL"),
        broker_checks._clock(old), broker_checks._beat(old),
    ]  # fmt: skip
    found = {one.name: one for one in verdicts}

    assert (found["clock"].ok, found["broker"].ok, found["beat"].ok) == (False, False, True)
    assert "run NTP on both hosts" in found["clock"].detail
    assert "6.2 or later is needed" in found["broker"].detail
    assert set(asdict(found["clock"])) == {"name", "ok", "detail"}


# --- all of them ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "command", ["orders", "order v1-01", "order v1-01 --dry-run", "sync", "retry v1-01", "migrate"]
)
@pytest.mark.parametrize("fault", ["folder", "not a database", "nowhere"])
def test_a_journal_that_is_none_is_one_line(bare: Desk, command: str, fault: str) -> None:
    path = bare.folder / "odd"
    if fault == "folder":
        path.mkdir()
    elif fault == "not a database":
        path.write_text("a letter to somebody, long enough to be looked into " * 20)
    else:
        path = Path("/proc/nowhere/x.db")
    bare.env["JOURNAL_URL"] = f"sqlite:///{path}"
    bare.paid()

    lines = bare.type(*command.split(), status=1).splitlines()

    assert [line for line in lines if line.startswith("Error: ")] == lines[-1:]


def test_a_journal_that_is_away_is_to_be_started_and_not_migrated(desk: Desk) -> None:
    desk.env["JOURNAL_URL"] = "postgresql://u:s3cret@127.0.0.1:1/x"

    (line,) = desk.type("orders", status=1).splitlines()

    assert "start it, or mend JOURNAL_URL; vtex-erp check tells more" in line
    assert "migrate" not in line


@pytest.mark.parametrize("fault", ["html_200", "malformed", "lose_answer", "throttle", "login"])
def test_a_nonsensical_answer_of_vtex_is_one_line(desk: Desk, fault: str) -> None:
    order_id = desk.paid()
    desk.store.faults.add(kind=fault, times=None)

    for command in (("sync",), ("sync", order_id), ("order", order_id, "--dry-run")):
        (line,) = desk.type(*command, status=1).splitlines()
        assert line.startswith("Error: ")
        assert "vtex-erp check tells more" in line


def test_what_nobody_foresaw_is_one_line_that_quotes_nothing(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(_: Orders) -> None:
        raise LookupError(PERSON)

    monkeypatch.setattr(Orders, "counts", breaks)

    text = desk.type("orders", status=1)

    assert text.startswith("Error: unforeseen LookupError at test_cli.py:")
    assert PERSON not in text


def test_migrate_may_be_run_again(bare: Desk) -> None:
    first, second = bare.type("migrate"), bare.type("migrate")

    assert first == second
    assert "journal: sqlite" in first
    assert "ERP: sqlite" in first


def test_what_needs_no_store_works_without_one(bare: Desk) -> None:
    bare.env |= dict.fromkeys(name for name in bare.env if name.startswith("VTEX_"))
    bare.type("migrate")
    bare.list("v1-01")

    assert "v1-01" in bare.type("orders")
    assert "v1-01: waits" in bare.type("order", "v1-01")
    for command in (("sync",), ("sync", "v1-01"), ("order", "v1-01", "--dry-run")):
        assert "set VTEX_ACCOUNT or STORES_FILE" in bare.type(*command, status=2)


def test_version_and_wrong_calls(bare: Desk) -> None:
    assert "version" in bare.type("--version")
    assert "No such command" in bare.type("ordres", status=2)
    assert "Missing argument" in bare.type("order", status=2)
    assert "No such option" in bare.type("orders", "--sotre", "acme", status=2)


def test_help_needs_no_sound_settings_and_leaves_nothing_unsaid(bare: Desk) -> None:
    bare.env["ORDER_LIST_INTERVAL_SECONDS"] = "soon"

    assert "migrate, check, sync" in " ".join(bare.type("--help").split())
    for name, command in main.commands.items():
        bare.type(name, "--help")
        options = [one for one in command.params if isinstance(one, click.Option)]
        assert [one.name for one in options if not one.help] == [], name
        assert "`" not in (command.help or ""), name


# --- dead jobs ------------------------------------------------------------------------------------


def table(text: str) -> str:
    """The text of a table without its lines."""
    return " ".join(text.replace("│", " ").split())


def test_dead_tells_since_when_until_when_how_often_and_which_stores(desk: Desk) -> None:
    desk.list("a-01", "b-01", ago=timedelta(days=2))
    desk.moment = NOW - timedelta(hours=5)
    desk.bury("a-01", "items.0.quantity: 'many' is not a whole number")
    desk.moment = NOW - timedelta(hours=1)
    desk.bury("b-01", "items.7.quantity: 'few' is not a whole number")

    text = table(desk.type("dead"))
    (cause,) = desk.json("dead")["causes"]

    first, last = ((NOW - timedelta(hours=h)).astimezone() for h in (5, 1))
    assert f"2 {first:%Y-%m-%d %H:%M:%S} {last:%Y-%m-%d %H:%M:%S} 2 acme items.…quantity" in text
    assert (cause["count"], cause["attempts"], cause["stores"]) == (2, 2, ["acme"])
    assert cause["last"]["order_id"] == "b-01"


@pytest.mark.parametrize("gap", ["…", "..."])
def test_a_cause_can_be_pasted_as_the_reason(desk: Desk, gap: str) -> None:
    desk.list("a-01", "b-01")
    desk.bury("a-01", "items.0.quantity: 'many' is not a whole number")
    desk.bury("b-01", "items.0.price: 'many' is not a whole number")
    (cause,) = [one["cause"] for one in desk.json("dead")["causes"] if "quantity" in one["cause"]]

    found = desk.json("dead", "--reason", cause.replace("…", gap))

    assert [one["order_id"] for one in found["jobs"]] == ["a-01"]


@pytest.mark.parametrize(
    ("options", "ids"),
    [
        ("--since 2h", ["new-01"]),
        ("--until 90m", ["old-01"]),
        ("--since 1d", ["old-01", "new-01"]),
        ("--since {day}", ["old-01", "new-01"]),
        ("--until {day}", ["old-01", "new-01"]),
        ("--since {old} --until {old}", ["old-01"]),
    ],
)
def test_dead_jobs_are_chosen_by_time(desk: Desk, options: str, ids: list[str]) -> None:
    noon = datetime.now().astimezone().replace(hour=12, minute=0, second=0, microsecond=0)
    desk.list("old-01", "new-01", ago=timedelta(days=2))
    for order_id, hours in (("old-01", 5), ("new-01", 1)):
        desk.moment = (noon if "{" in options else NOW) - timedelta(hours=hours)
        desk.bury(order_id, "x")
    named = options.format(day=f"{noon:%Y-%m-%d}", old=(noon - timedelta(hours=5)).isoformat())

    assert [one["order_id"] for one in desk.json("dead", *named.split())["jobs"]] == ids


@pytest.mark.parametrize(
    "call",
    [
        "dead --since yesterday", "dead --since 2026-13-01", "dead --since 0001-01-01",
        "dead --until 9999-12-31T23:59-23:00", "dead --since -2h", "dead --since 99999999999d",
        "dead --since 1h --until 2h", "retry --all --since 1h --until 2h",
        "discard --all --why=", "discard --all --why=   ", "retry --reason= --yes",
        "pause acme --minutes 0", "pause acme --minutes -1",
    ],
)  # fmt: skip
def test_what_makes_no_sense_to_an_operators_command_is_a_wrong_call(desk: Desk, call: str) -> None:
    desk.list("a-01")
    desk.bury("a-01", "x")

    desk.type(*call.split(" "), status=2)

    assert len(desk.json("dead")["jobs"]) == 1
    assert desk.journal.store_pauses.get("acme") is None


def test_a_store_that_nobody_knows_is_told_where_nothing_fits(desk: Desk) -> None:
    desk.list("a-01")
    desk.bury("a-01", "x")

    for call in ("dead", "retry", "discard --why=x"):
        text = desk.type(*call.split(), "--store", "acmee")
        assert "no order of store 'acmee' was ever listed (known: acme)" in text


def test_what_would_be_moved_is_shown_before_the_question(desk: Desk) -> None:
    desk.list("a-01", "b-01", "c-01")
    for order_id, reason in (("a-01", "the sums differ by 1,01"), ("b-01", "the sums differ by 2")):
        desk.bury(order_id, reason)
    desk.bury("c-01", "no such SKU")

    text = desk.type("retry", "--all", answer="n\n")

    assert "2  the sums differ by …" in text
    assert "1  no such SKU" in text
    assert "try again: 3 jobs of 3 orders? [y/N]" in text
    assert "nothing was changed" in text
    assert len(desk.json("dead")["jobs"]) == 3


def test_a_question_that_nobody_can_answer_says_how_to_go_without(desk: Desk) -> None:
    desk.list("a-01")
    desk.bury("a-01", "x")

    text = desk.type("discard", "--all", "--why", "old", status=1)

    assert "nobody answers here: --yes goes without asking; nothing was changed" in text
    assert len(desk.json("dead")["jobs"]) == 1


def test_what_was_discarded_keeps_who_said_why_in_its_timeline(desk: Desk) -> None:
    desk.list("a-01")
    desk.bury("a-01", "x")

    assert "1 jobs given up" in desk.type("discard", "--all", "--why", "test order", "--yes")

    text = desk.type("order", "a-01")
    assert "discarded: test order" in text
    assert "was skipped: discarded: test order" in text


# --- what is old ----------------------------------------------------------------------------------


def done(desk: Desk, order_id: str, days_ago: float, **client: str) -> None:
    """Let an order have come in, been done, and have its documents, so many days ago."""
    desk.list(order_id, ago=timedelta(days=days_ago))
    desk.moment = NOW - timedelta(days=days_ago)
    (ticket,) = desk.journal.jobs.dispatch(in_flight=9, store="acme", order_id=order_id)
    for stage in STAGES[Kind.INTAKE][1:]:
        with desk.journal.jobs.step("acme", order_id, ticket.attempt, to=stage) as job:
            job.order = {"orderId": order_id} | ({"clientProfileData": client} if client else {})
            job.erp_reference = f"ERP-{order_id}"
    desk.moment = NOW


def test_a_purge_shows_how_much_it_is_and_asks(desk: Desk) -> None:
    done(desk, "old-01", 400)
    done(desk, "mid-01", 40)
    done(desk, "new-01", 4)

    shown = desk.type("purge", "--dry-run")
    refused = desk.type("purge", answer="n\n")
    nobody = desk.type("purge", status=1)
    there = desk.json("order", "old-01", "--documents")["documents"]["order"]
    purged = desk.type("purge", "--yes")

    assert "2  orders' documents, closed more than 30 days ago" in shown
    assert "5  lines of timelines, closed more than 365 days ago" in shown
    assert "nothing was changed" in refused
    assert "--yes goes without asking; nothing was changed" in nobody
    assert there == {"orderId": "old-01"}
    assert "purged: documents of 2 orders, contents of 0 requests, 5 lines of timelines" in purged
    assert "0  orders' documents" in desk.type("purge", "--yes")


def test_a_purged_order_still_says_where_it_stands(desk: Desk) -> None:
    done(desk, "old-01", 400)
    desk.type("purge", "--yes")

    text = desk.type("order", "old-01", "--documents")

    assert "old-01: is done" in text
    assert "its timeline was purged" in text
    assert "its documents are not here: never fetched, or purged" in text
    assert "nothing to do, it is done" in desk.type("retry", "old-01")


def test_a_job_that_was_purged_is_not_tried_again_and_says_what_to_do(desk: Desk) -> None:
    desk.moment = NOW - timedelta(days=40)
    ask = RequestDraft("acme", "old-01", Kind.CANCELLATION, "k", {"reason": "Falta de estoque"})
    desk.journal.requests.refuse(ask, "no such order")
    list(
        desk.journal.dead_letters.discard(
            desk.journal.dead_letters.find(DeadLetterFilter()), "by phone"
        )
    )
    desk.moment = NOW
    desk.type("purge", "--yes")

    text = desk.type("retry", "--job", "1", "--yes")

    assert "job 1: cancellation skipped at requested: discarded: by phone" in text
    assert "was purged, so it cannot be tried again: ask for it anew" in text
    assert "no dead job fits" in text


def test_the_ages_of_a_call_go_before_those_of_the_settings(desk: Desk) -> None:
    done(desk, "mid-01", 40)
    desk.env |= {"RETENTION_DOCUMENTS_DAYS": "0", "RETENTION_TIMELINE_DAYS": "0"}

    for_ever = desk.type("purge", "--dry-run")
    called = desk.type("purge", "--dry-run", "--documents-older-than", "39")
    too_young = desk.type("purge", "--dry-run", "--documents-older-than", "41")

    assert "0  orders' documents, closed at any time: kept for ever" in for_ever
    assert "1  orders' documents, closed more than 39 days ago" in called
    assert "0  orders' documents" in too_young
    for age in ("0", "-1", "36501", "soon"):
        desk.type("purge", "--yes", "--documents-older-than", age, status=2)


def test_what_stays_because_it_is_dead_is_told(desk: Desk) -> None:
    desk.list("dead-01", ago=timedelta(days=90))
    desk.moment = NOW - timedelta(days=90)
    (ticket,) = desk.journal.jobs.dispatch(in_flight=9)
    with desk.journal.jobs.step("acme", "dead-01", ticket.attempt, to=Stage.FETCHED) as job:
        job.order = {"orderId": "dead-01"}
    desk.journal.jobs.bury("acme", "dead-01", ticket.attempt, "the sums differ")
    desk.moment = NOW

    text = desk.type("purge", "--yes")

    assert "1  old documents stay: their orders are open, dead, or closed since" in text
    assert desk.json("order", "dead-01", "--documents")["documents"]["order"]


# --- pauses ---------------------------------------------------------------------------------------


def test_a_pause_by_hand_is_told_with_the_command_that_ends_it(desk: Desk) -> None:
    desk.list("a-01")
    desk.type("pause", "acme", "--why", "stocktaking")

    _, detail = desk.verdicts()["acme paused"]
    orders = desk.type("orders")

    assert detail == "until vtex-erp resume acme: stocktaking"
    assert "acme pauses until vtex-erp resume acme: stocktaking" in orders
    assert "store paused: stocktaking" in table(orders)
    assert "waits at listed, acme pauses until vtex-erp resume acme" in desk.type("order", "a-01")
    assert desk.json("orders")["paused"]["acme"]["reason"] == "stocktaking"
    assert desk.json("order", "a-01")["paused"]["reason"] == "stocktaking"


def test_a_pause_that_ends_by_itself_says_when(desk: Desk) -> None:
    desk.journal.store_pauses.begin("acme", seconds=7200, reason="VTEX refuses the key (401)")

    _, detail = desk.verdicts()["acme paused"]

    assert "then it goes on by itself: VTEX refuses the key (401)" in detail
    assert detail.startswith("until 20")


def test_a_shorter_pause_leaves_a_pause_by_hand_alone_and_says_so(desk: Desk) -> None:
    desk.type("pause", "acme", "--why", "stocktaking")
    desk.journal.store_pauses.begin("acme", seconds=60, reason="VTEX answered 429")

    text = desk.type("pause", "acme", "--minutes", "5", "--why", "lunch")

    assert "acme pauses already, until vtex-erp resume acme: stocktaking" in text
    assert "stocktaking" in desk.verdicts()["acme paused"][1]


def test_no_pause_of_a_store_is_told_of_another(desk: Desk) -> None:
    desk.list("a-01")
    desk.list("b-01", store="outlet")
    desk.journal.store_pauses.begin("outlet", seconds=7200, reason="VTEX answered 429")

    assert "paused" not in desk.type("order", "a-01")
    assert "outlet pauses until" in desk.type("orders", "--store", "outlet")
    assert "pauses" not in desk.type("orders", "--store", "acme")


# --- the feed -------------------------------------------------------------------------------------


def test_a_feed_is_set_up_shown_and_removed(desk: Desk) -> None:
    told = desk.type("feed", "setup", "--status", "handling", "--status", "canceled")
    desk.store.store.generate(3)
    shown = desk.type("feed", "show")
    machine = desk.json("feed", "show")
    removed = desk.type("feed", "remove", answer="y\n")

    # What a change brings is told of, asked for or not.
    told_of = [READY, *CHANGES, "handling"]
    assert f"acme: the feed tells of {', '.join(told_of)}" in told
    assert "set VTEX_INTAKE=both" in told
    assert f"acme at VTEX: {', '.join(told_of)}" in shown
    assert "3 events wait, the oldest for 0 s" in shown
    assert machine["vtex"]["statuses"] == told_of
    assert machine["differs"] is None
    assert "orders come by the list alone" in removed
    assert "acme at VTEX: no feed\n  not set up here: vtex-erp feed setup" in desk.type(
        "feed", "show"
    )


def test_a_status_that_is_misspelt_is_refused_since_vtex_would_take_it(desk: Desk) -> None:
    said = desk.type("feed", "setup", "--status", "cancelation-requested", status=2)

    assert "cancellation-requested" in said
    assert desk.store.store.feed.shown([], datetime.now(UTC)) is None


def test_a_feed_that_another_system_may_read_is_taken_over_only_where_that_is_said(
    desk: Desk,
) -> None:
    body = {
        "filter": {"type": "FromWorkflow", "status": ["invoiced"]},
        "queue": {"visibilityTimeoutInSeconds": 240, "MessageRetentionPeriodInSeconds": 345600},
    }
    desk.store.store.feed.configure(body, [], datetime.now(UTC))

    refused = desk.type("feed", "setup", status=1)
    desk.type("feed", "setup", "--replace")

    assert "has a feed already (invoiced), which another system may read" in refused
    assert "add --replace" in refused
    assert desk.json("feed", "show")["vtex"]["statuses"] == [READY, *CHANGES]
    assert "replaced, handling" in desk.type("feed", "setup", "--status", "handling")


@pytest.mark.parametrize("command", [("setup",), ("show",), ("remove", "--yes")])
def test_without_its_permission_the_feeds_commands_name_it(
    desk: Desk, command: tuple[str, ...]
) -> None:
    desk.store.store.permissions.clear()

    said = desk.type("feed", *command, status=1)

    assert "grant 'Feed v3 and Hook Admin' to the key" in said


def test_check_says_nothing_of_a_feed_that_nobody_wants(desk: Desk) -> None:
    assert not [one for one in desk.verdicts() if "feed" in one]


def test_check_tells_how_a_feed_stands(desk: Desk) -> None:
    desk.env["VTEX_INTAKE"] = "both"
    found = [desk.verdicts()["acme feed"]]
    desk.type("feed", "setup")
    found.append(desk.verdicts()["acme feed"])
    desk.env["VTEX_INTAKE"] = "list"
    found.append(desk.verdicts()["acme feed"])
    desk.env["VTEX_INTAKE"] = "feed"
    desk.store.store.feed.forget()
    found.append(desk.verdicts()["acme feed"])
    desk.journal.feeds.mark_failed("acme", "VTEX answered 500")
    found.append(desk.verdicts()["acme feed"])
    desk.journal.feeds.mark_restored("acme", "VTEX had none any more")
    restored = desk.verdicts()["acme feed restored"]
    desk.store.store.permissions -= {"Feed v3 and Hook Admin", "Feed v3 and Hook view only"}
    found.append(desk.verdicts()["acme feed"])

    assert [ok for ok, _ in found] == [None, True, None, None, False, False]
    words = [
        "vtex-erp feed setup", "as it was set up, nothing waits", "set VTEX_INTAKE",
        "restored within minutes", "VTEX answered 500; the list brings the orders",
        "grant 'Feed v3 and Hook Admin' to the key",
    ]  # fmt: skip
    for (_, detail), word in zip(found, words, strict=True):
        assert word in detail
    assert "VTEX had none any more" in restored[1]


def test_show_tells_what_is_wrong_with_a_feed(desk: Desk) -> None:
    desk.type("feed", "setup")
    desk.journal.feeds.mark_failed("acme", "VTEX answered 500")
    desk.journal.feeds.count_unreadable("acme", 2)
    desk.store.store.feed.forget()

    shown = desk.type("feed", "show")

    assert "VTEX had none any more" in shown
    assert "does not work: VTEX answered 500" in shown
    assert "2 events named no order" in shown


def test_show_does_not_call_a_feed_working_that_no_worker_reads(desk: Desk) -> None:
    desk.type("feed", "setup")
    desk.journal.feeds.mark_working("acme")

    by_the_list = desk.type("feed", "show")
    desk.env["VTEX_INTAKE"] = "both"
    by_both = desk.type("feed", "show")

    assert "  is not read: the intake of acme is the list alone" in by_the_list
    assert "  works" in by_both


# --- erase ----------------------------------------------------------------------------------------


def test_erase_finds_a_customer_who_is_named_on_no_command_line(desk: Desk) -> None:
    done(desk, "his-01", 1, document="529.982.247-25", userProfileId="8f0c5d1e-cb1a")
    done(desk, "hers-01", 1, document="11144477735", corporateDocument="12ABC34501DE35")
    done(desk, "other-01", 1, document="39053344705", phone="+5552998224725")

    by_cpf = desk.type("erase", "--customer", "--dry-run", answer="52998224725\n")
    by_profile = desk.type("erase", "--customer", "--dry-run", answer="8F0C5D1E-CB1A\n")
    by_cnpj = desk.type("erase", "--customer", "--yes", answer="12.abc.345/01de-35\n")
    again = desk.type("erase", "--customer", "--yes", answer="12.ABC.345/01DE-35\n")

    for shown in (by_cpf, by_profile):
        assert "acme his-01: to erase: order and payment documents" in shown
    assert "acme hers-01: erased: order and payment documents" in by_cnpj
    assert "the ERP has its own data of them, as ERP-hers-01: erase it there" in by_cnpj
    assert "other-01" not in by_cpf + by_cnpj
    assert "no document that names them" in again
    assert desk.json("order", "hers-01", "--documents")["documents"]["order"] is None
    assert "erased" in desk.type("order", "hers-01")
    assert desk.json("order", "his-01", "--documents")["documents"]["order"]


def test_erase_asks_and_a_no_changes_nothing(desk: Desk) -> None:
    done(desk, "his-01", 1)

    text = desk.type("erase", "his-01", answer="n\n")

    assert "acme his-01: to erase: order and payment documents" in text
    assert "nothing was changed" in text
    assert desk.json("order", "his-01", "--documents")["documents"]["order"]


def test_erase_says_what_stays_and_why(desk: Desk) -> None:
    done(desk, "his-01", 1)
    desk.list("dead-01")
    desk.bury("dead-01", "the sums differ")

    text = desk.type("erase", "his-01", "dead-01", "--yes", status=1)
    shown = desk.json("erase", "his-01", "dead-01", "--yes", status=1)

    assert "acme dead-01: stays, it is needed by: intake dead; vtex-erp order dead-01" in text
    assert "acme his-01: erased" in text
    assert [(one["order_id"], one["erased"]) for one in shown] == [
        ("his-01", False), ("dead-01", False),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("words", "answer", "said"),
    [
        ((), "", "give order ids, or --customer"),
        (("o-01", "--customer"), "", "give order ids, or --customer"),
        (("--customer",), "ana.prado@example.com\n", "VTEX's orders hold an alias"),
        (("his-01", "--json"), "", "add --yes or --dry-run"),
    ],
)
def test_erase_says_what_it_needs(
    desk: Desk, words: tuple[str, ...], answer: str, said: str
) -> None:
    done(desk, "his-01", 1)

    assert said in desk.type("erase", *words, status=2, answer=answer)


def test_erase_of_an_unknown_order_says_so(desk: Desk) -> None:
    assert "no order none-01 in the journal" in desk.type("erase", "none-01", "--yes", status=1)


# --- coverage -------------------------------------------------------------------------------------


def in_the_erp(desk: Desk, statement: str) -> None:
    """Let the ERP write into its tables."""
    path = str(desk.env["ERP_URL"]).removeprefix("sqlite:///")
    with closing(sqlite3.connect(path)) as db, db:
        db.execute(statement)


def bought(desk: Desk) -> str:
    """Return an order that came in, its documents as VTEX gave them."""
    order_id = desk.paid()
    entry = desk.store.store.entry(order_id)
    assert entry is not None
    desk.list(order_id)
    (ticket,) = desk.journal.jobs.dispatch(in_flight=9, store="acme", order_id=order_id)
    with desk.journal.jobs.step("acme", order_id, ticket.attempt, to=Stage.FETCHED) as job:
        job.order = entry.order
    return order_id


def test_coverage_shows_what_the_erp_has_no_code_for(desk: Desk) -> None:
    order_id = bought(desk)
    in_the_erp(desk, "INSERT INTO int_code VALUES ('acme', 'CHANNEL', '1', 'LOJA', NULL)")
    in_the_erp(desk, "INSERT INTO int_code VALUES ('acme', 'SKU', '999999', 'CAM-P', NULL)")

    text = desk.type("coverage", status=1)
    everything = desk.type("coverage", "--all", status=1)
    shown = desk.json("coverage", "--days", "1", status=1)

    assert "no code" in text
    assert order_id in text
    assert "LOJA" not in text
    assert "LOJA" in everything
    assert "the ERP keeps codes for" in text
    assert {one["need"]["kind"] for one in shown["seen"] if one["missing"]} == {"sku"}
    assert shown["orders"] == 1


def test_coverage_is_content_where_the_erp_keeps_no_codes(desk: Desk) -> None:
    bought(desk)

    assert "the ERP keeps codes for nothing" in desk.type("coverage")


def test_coverage_says_what_is_wrong_with_the_codes(desk: Desk) -> None:
    in_the_erp(desk, "INSERT INTO int_code VALUES ('acme', 'CARD', '2', 'VISA', NULL)")

    assert "int_code.kind: card is none of payment" in desk.type("coverage", status=1)


# --- map ------------------------------------------------------------------------------------------


def mapped(desk: Desk, toml: str) -> None:
    """Let the retailer say what things are called in the ERP."""
    (desk.folder / "map.toml").write_text(toml)
    desk.env["ERP_CODE_MAP_FILE"] = str(desk.folder / "map.toml")


def test_the_map_shows_what_is_mapped_and_what_orders_need(desk: Desk) -> None:
    order_id = bought(desk)
    mapped(desk, '[channel]\n"1" = "LOJA"\n"7" = "B2B"\n[carrier]\n[document]\ndefault = 5')

    text = desk.type("map", status=1)
    shown = desk.json("map", "--days", "1", status=1)

    rows = {(one["need"]["kind"], one["need"]["code"]): one for one in shown["seen"]}
    assert [rows["channel", one]["erp_code"] for one in ("1", "7")] == ["LOJA", "B2B"]
    assert [rows["channel", one]["orders"] for one in ("1", "7")] == [1, 0]
    assert rows["document", "cpf"]["erp_code"] == "5"
    assert rows["channel", "1"]["source"] == "map"
    assert {one["need"]["kind"] for one in shown["seen"] if one["missing"]} == {"carrier"}
    assert shown["seen"][0]["missing"]
    assert shown["mapped"] == ["carrier", "channel", "document"]
    assert order_id in text
    assert "as VTEX has it" in text
    assert "ERP_CODE_MAP_FILE has codes for carrier, channel, document" in text


def test_the_map_is_content_where_nothing_is_mapped(desk: Desk) -> None:
    bought(desk)

    assert "ERP_CODE_MAP_FILE has codes for nothing" in desk.type("map")


def test_a_dry_run_shows_the_codes_or_what_has_none(desk: Desk) -> None:
    order_id = desk.paid()
    mapped(desk, '[channel]\n"1" = "LOJA"\n[tax]\nconsumer = 9')

    shown = desk.json("order", order_id, "--dry-run")

    assert shown["sales_order"]["codes"] == {"channel": {"1": "LOJA"}, "tax": {"consumer": 9}}

    mapped(desk, '[channel]\n"2" = "B2B"')

    shown = desk.json("order", order_id, "--dry-run", status=1)

    assert shown["would"] == "be held"
    assert shown["reason"].startswith(
        "channel '1': [channel] of ERP_CODE_MAP_FILE has no such entry: add"
    )


# --- alerts ---------------------------------------------------------------------------------------


def looked(desk: Desk) -> None:
    """Let somebody look for alerts now, without patience."""
    rules = replace(wiring.alert_policy(load(_set(desk.env))), pending=timedelta())
    update_alerts(desk.journal, rules, desk.moment)
    desk.journal.heartbeats.record("alerts_evaluated")


def _set(env: dict[str, str | None]) -> dict[str, str]:
    return {name: value for name, value in env.items() if value is not None}


def test_alerts_show_what_is_wrong_with_its_next_step_and_end_with_one(desk: Desk) -> None:
    desk.list("a-01", "a-02")
    for one in ("a-01", "a-02"):
        desk.bury(one, f"items[0] '{PERSON}': no such SKU")
    looked(desk)

    text = desk.type("alerts", status=1)
    (alert,) = desk.json("alerts", status=1)["alerts"]

    assert "2 jobs set aside: items[…] …: no such SKU (first order a-01)" in text
    assert "vtex-erp retry --store acme --reason 'items[…] …: no such SKU'" in text
    assert "nobody" in text
    assert (alert["rule"], alert["count"], alert["order_id"]) == ("dead_letters", 2, "a-01")
    assert PERSON not in text
    # What it says to type finds what it is about.
    assert desk.json("dead", "--store", "acme", "--reason", "items[…] …: no such SKU")["count"] == 2


def test_alerts_that_are_over_are_shown_where_they_are_asked_for(desk: Desk) -> None:
    # The command itself goes by the real clock, which may be far from the tests' beginning.
    desk.moment = datetime.now(UTC)
    desk.list("a-01")
    desk.bury("a-01", "no such SKU")
    looked(desk)
    desk.type("discard", "--all", "--why", "a test", "--yes")
    looked(desk)
    desk.moment += timedelta(minutes=6)
    looked(desk)

    told = desk.type("alerts")
    assert "nothing is wrong, as of" in told
    assert "younger than 120 s" in told
    assert "no such SKU" in desk.type("alerts", "--all")
    assert "no such SKU" in desk.type("alerts", "--since", "1h")
    assert "no such SKU" not in desk.type("alerts", "--all", "--store", "outlet")


def test_alerts_for_which_nobody_looks_say_so(desk: Desk) -> None:
    never = desk.type("alerts", status=1)
    desk.moment -= timedelta(minutes=10)
    desk.journal.heartbeats.record("alerts_evaluated")

    late = desk.type("alerts", status=1)

    assert "nobody has looked for alerts yet: start celery -A workers beat" in never
    assert "nobody has looked for alerts since 20" in late


def test_a_test_without_receivers_is_a_wrong_call(desk: Desk) -> None:
    assert "set ALERT_URLS" in desk.type("alerts", "--test", status=2)


def test_check_names_a_receiver_that_cannot_be_told_and_shows_no_secret(desk: Desk) -> None:
    nobody = desk.verdicts()["alerts"]
    desk.env["ALERT_URLS"] = f"json://127.0.0.1:1/open-sesame slack://open-sesame {PERSON}"
    refused = desk.type("check", status=2)
    desk.env["ALERT_URLS"] = "json://127.0.0.1:1/open-sesame slack://open-sesame"

    found = desk.verdicts()

    assert nobody[0] is None
    assert "set ALERT_URLS" in nobody[1]
    assert "as number 3 of those" in refused
    assert found["alerts to 2 slack"][0] is False
    assert found["alerts"] == (
        True, "go to 1 json; vtex-erp alerts --test sends one to each",
    )  # fmt: skip
    assert "open-sesame" not in refused + str(found)
    assert PERSON not in refused


# --- requests to cancel ---------------------------------------------------------------------------


def undecided(desk: Desk, order_id: str, days: int) -> None:
    desk.list(order_id)
    until = NOW + timedelta(days=days)
    request = CancelRequest("acme", order_id, "85835AB4", until - timedelta(days=30), until)
    desk.journal.cancel_requests.save(request)


def test_what_waits_for_a_decision_is_shown_by_its_last_day(desk: Desk) -> None:
    assert "no cancellation is asked for" in desk.type("undecided")
    undecided(desk, "later-01", 20)
    undecided(desk, "sooner-01", 2)

    said = desk.type("undecided")

    assert said.index("sooner-01") < said.index("later-01")
    assert "vtex-erp deny ORDER" in said
    assert "VTEX cancels by itself at" in desk.type("order", "sooner-01")
    assert desk.json("order", "sooner-01")["undecided"]["request_id"] == "85835AB4"
    shown = desk.json("undecided")
    assert [one["order_id"] for one in shown] == ["sooner-01", "later-01"]
    assert shown[0]["request_id"] == "85835AB4"
    assert desk.json("undecided", "--store", "outlet") == []


def test_a_denial_is_shown_before_it_is_sent(desk: Desk) -> None:
    order_id = desk.paid("handling")
    said = desk.type("deny", order_id, "--reason", "não", "--dry-run", status=1)
    assert "nobody asks for a cancellation: VTEX shows the order as 'handling'" in said
    entry = desk.store.store.entry(order_id)
    assert entry is not None
    request = cancel_requests.ask(desk.store.store, entry, {"reason": "x"})

    said = desk.type("deny", order_id, "--reason", "não", "--dry-run")

    body = json.loads(said[said.index("{") :])
    assert body["body"] == {"cancellationRequestId": request, "denyReason": "não"}
    assert not entry.calls["deny_calls"]


def test_sync_looks_into_what_changed_of_an_order_that_is_known(desk: Desk) -> None:
    same, other = desk.paid("handling"), desk.paid("canceled")
    desk.list(same, other)

    for one in (same, other):
        # There is no broker here: what was written down goes on once it is back.
        desk.type("sync", one, status=1)

    assert "seen at VTEX: by hand" in desk.type("order", other)
    assert "seen at VTEX" not in desk.type("order", same)


def test_a_denial_without_a_reason_is_refused_by_its_field(desk: Desk) -> None:
    order_id = desk.paid("handling")

    missing = desk.type("deny", order_id, status=2)
    empty = desk.type("deny", order_id, "--reason", " ", status=1)

    assert "Missing option '--reason'" in missing
    assert f"no order {order_id} in the journal" in empty
    desk.list(order_id)
    assert "reason: is empty; nothing was written" in desk.type(
        "deny", order_id, "--reason", " ", status=2
    )
    assert desk.journal.requests.find() == []


def test_an_order_that_changed_shows_it_in_its_life(desk: Desk) -> None:
    desk.list("o-01")
    desk.journal.order_changes.record(
        "acme", [ChangeHint("o-01", "canceled 1", "canceled, by the feed")]
    )

    said = desk.type("order", "o-01")

    assert "change waits at seen" in said
    assert "seen at VTEX: canceled, by the feed" in said


def test_check_tells_of_what_waits_for_a_decision(desk: Desk) -> None:
    undecided(desk, "o-1-01", 2)
    undecided(desk, "o-2-01", 20)

    ok, words = desk.verdicts()["acme cancellations asked for"]

    assert ok is None
    day = f"{(NOW + timedelta(days=2)).astimezone():%Y-%m-%d}"
    assert words == f"2 wait for the ERP's word, the first until {day}: vtex-erp undecided"


def test_check_tells_of_a_feed_that_was_set_up_before_it_told_of_cancellations(desk: Desk) -> None:
    desk.env["VTEX_INTAKE"] = "both"
    desk.type("feed", "setup")
    assert "as it was set up" in desk.verdicts()["acme feed"][1]
    feed = FeedConfig((READY,), 300, 345_600)
    wire = Account("acme", desk.store.app_key, desk.store.app_token, desk.store.url, desk.store.url)
    VtexClient(Transport(wire)).configure_feed(feed)
    desk.journal.feeds.set_up("acme", (READY,), hidden_seconds=300, kept_seconds=345_600)

    ok, words = desk.verdicts()["acme feed"]

    assert ok is None
    assert "tells of no cancellations: vtex-erp feed setup once more" in words


# --- what waits is not hidden ---------------------------------------------------------------------


def test_what_is_open_or_dead_is_shown_before_what_was_done_long_ago(desk: Desk) -> None:
    for number in range(4):
        done(desk, f"old-{number}", 9)
    desk.list("dead-01", "open-01", ago=timedelta(hours=2))
    desk.bury("dead-01", "no such SKU")

    first = [one["order_id"] for one in desk.json("orders", "--limit", "3")["orders"]]
    waits = [one["order_id"] for one in desk.json("orders", "--older-than", "30")["orders"]]

    assert first == ["open-01", "dead-01", "old-0"]
    assert waits == ["open-01"]


def test_requests_that_wait_are_listed_with_their_reason(desk: Desk) -> None:
    desk.list("o-01")
    desk.moment = datetime.now(UTC)
    ask = RequestDraft("acme", "o-01", Kind.CANCELLATION, "k", {"reason": "x"})
    number = desk.journal.requests.submit(ask).job

    (shown,) = desk.json("requests")

    assert (shown["order_id"], shown["kind"], shown["job"]) == ("o-01", "cancellation", number)
    assert "cancellation" in desk.type("requests", "--store", "acme")
    assert "no such requests" in desk.type("requests", "--older-than", "5")
    assert "no such requests" in desk.type("requests", "--state", "dead")


def test_a_slip_of_whoever_types_is_no_request_of_the_erp(desk: Desk) -> None:
    desk.list("o-01")

    text = desk.type("invoice", "o-01", "--invoice-number", "1", status=2)

    assert "value_cents: Missing data for required field." in text
    assert "nothing was written" in text
    assert desk.journal.requests.find() == []
