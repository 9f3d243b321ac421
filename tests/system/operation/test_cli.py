"""The command line, as a person and as a script meet it."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
import redis

from support.servers import Cluster, eventually


@pytest.fixture
def store(cluster: Cluster) -> Cluster:
    """A migrated cluster with a simulated store of five orders, and nobody at work."""
    cluster.start_simulator(5)
    return cluster


@pytest.fixture
def at_work(store: Cluster) -> Iterator[Cluster]:
    store.start_worker("w1")
    store.start_beat()
    eventually(lambda: store.all_done(5), 60)
    yield store


def first(cluster: Cluster) -> str:
    return min(cluster.state()["orders"])


def shown(cluster: Cluster, *arguments: str, status: int = 0) -> str:
    answer = cluster.command(*arguments)
    assert "Traceback" not in answer.stderr
    assert answer.returncode == status, answer.stderr + answer.stdout
    return answer.stdout + answer.stderr


def tables(url: str, names: str) -> list[Any]:
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as db:
        return [db.execute(f"select * from {one}").fetchall() for one in names.split()]


def test_sync_lists_and_says_how_many_are_new(store: Cluster) -> None:
    assert "5 new orders, 5 sent to the workers" in shown(store, "orders", "sync")
    assert "0 new orders" in shown(store, "orders", "sync")


def test_sync_of_one_order_brings_in_exactly_this_one(store: Cluster) -> None:
    order_id = first(store)
    store.env["LEASE_SECONDS"] = "120"

    assert "sent to the workers" in shown(store, "orders", "sync", order_id)

    assert [one["order_id"] for one in store.orders()] == [order_id]
    assert "is running" in shown(store, "orders", "sync", order_id)


def test_sync_of_an_order_that_vtex_does_not_know_says_so(store: Cluster) -> None:
    assert "OMS007" in shown(store, "orders", "sync", "nobody-01", status=1)


def test_an_unknown_store_is_named_with_those_that_are_known(store: Cluster) -> None:
    for command in (
        "orders sync",
        "orders sync o-1",
        "orders explain o-1",
        "requests invoices o-1",
    ):
        text = shown(store, *command.split(), "--store", "outlet", status=2)
        assert "store 'outlet' is not configured (known: acme)" in text


def test_orders_are_filtered_by_stage_state_store_and_age(at_work: Cluster) -> None:
    assert len(at_work.orders("--state", "done")) == 5
    assert at_work.orders("--state", "dead") == []
    assert at_work.orders("--stage", "paid") == []
    assert at_work.orders("--store", "outlet") == []
    assert at_work.orders("--older-than", "60") == []
    assert (
        len(json.loads(shown(at_work, "orders", "list", "--limit", "2", "--json"))["orders"]) == 2
    )
    assert "no such orders" in shown(at_work, "orders", "list", "--state", "dead")
    assert first(at_work) in shown(at_work, "orders", "list")


def test_an_orders_life_is_told_as_text_and_as_json(at_work: Cluster) -> None:
    order_id = first(at_work)

    text = shown(at_work, "orders", "show", order_id)
    life = json.loads(shown(at_work, "orders", "show", order_id, "--json"))

    assert "is done: in the ERP as" in text
    stages = ["listed", "fetched", "paid", "inserted", "handling"]
    assert [one["event"] for one in life["events"]] == stages
    assert life["order"]["state"] == "done"
    assert "documents" not in life
    assert "clientProfileData" in shown(at_work, "orders", "show", order_id, "--documents")


def test_an_order_that_is_not_known_here_is_told_with_what_to_do(store: Cluster) -> None:
    assert "Run vtex-erp orders sync nobody-01, which brings it in" in shown(
        store, "orders", "show", "nobody-01", status=1
    )


def test_a_dry_run_shows_the_sales_order_and_writes_nothing(store: Cluster) -> None:
    order_id = first(store)
    journal = "journal_orders journal_jobs journal_events"
    before = (tables(store.env["JOURNAL_URL"], journal), tables(store.env["ERP_URL"], "int_order"))

    found = json.loads(shown(store, "orders", "explain", order_id, "--json"))

    assert found["would"] == "be inserted"
    assert found["sales_order"]["order_id"] == order_id
    assert found["sales_order"]["total"]
    assert "would be inserted; nothing is written" in shown(store, "orders", "explain", order_id)
    assert before == (
        tables(store.env["JOURNAL_URL"], journal),
        tables(store.env["ERP_URL"], "int_order"),
    )


def test_a_dry_run_of_an_order_that_would_be_held_says_why(store: Cluster) -> None:
    order_id = first(store)
    store.change(order_id, value=1)

    text = shown(store, "orders", "explain", order_id, status=1)

    assert "would be held" in text
    assert "difference" in text


def test_retry_of_what_is_done_or_unknown_does_nothing(at_work: Cluster) -> None:
    assert "nothing to do, it is done" in shown(at_work, "orders", "retry", first(at_work))
    shown(at_work, "orders", "retry", "nobody-01", status=1)


def test_check_is_all_well_in_a_sound_cluster(at_work: Cluster) -> None:
    verdicts = json.loads(shown(at_work, "check", "--json"))

    # Nobody is told of alerts: that is no fault.
    assert {one["name"] for one in verdicts if one["ok"] is not True} == {"alerts"}
    assert {one["ok"] for one in verdicts} == {True, None}
    names = " ".join(one["name"] for one in verdicts)
    for part in (
        "settings",
        "eviction",
        "persistence",
        "clock",
        "beat",
        "journal",
        "ERP",
        "List Orders",
    ):
        assert part in names


@pytest.mark.parametrize(
    "permission",
    [
        "List Orders",
        "View order",
        "Change order workflow status",
        "View Payment Data",
        "Notify invoice",
        "Cancel order",
    ],
)
def test_check_names_the_permission_that_lacks(store: Cluster, permission: str) -> None:
    store.steer("permissions", revoke=[permission])

    assert f"Grant '{permission}' to the key" in shown(store, "check", status=1)


def test_check_tells_what_is_wrong_with_the_broker(store: Cluster) -> None:
    with redis.Redis.from_url(store.env["REDIS_URL"]) as connection:
        connection.config_set("maxmemory-policy", "allkeys-lru")
        connection.config_set("appendonly", "no")

    text = shown(store, "check", status=1)

    assert "allkeys-lru may drop messages and locks. Set maxmemory-policy noeviction" in text
    assert "Set appendonly yes" in text
    assert "beat is stopped" in text


@pytest.mark.parametrize(
    ("setting", "value", "words"),
    [
        ("REDIS_URL", "redis://127.0.0.1:1/0", "fix REDIS_URL"),
        ("JOURNAL_URL", "postgresql://u:secret@127.0.0.1:1/x", "database failed"),
        ("ERP_URL", "postgresql://u:secret@127.0.0.1:1/x", "database failed"),
    ],
)
def test_what_is_out_of_reach_is_one_line_everywhere(
    store: Cluster, setting: str, value: str, words: str
) -> None:
    store.env[setting] = value

    text = shown(store, "check", status=1)
    for command in ("orders sync", "migrate", "orders list", "orders retry o-1"):
        answer = store.command(*command.split())
        assert "Traceback" not in answer.stderr
        text += answer.stderr

    assert words in text
    assert "secret" not in text


def test_a_journal_without_tables_says_what_to_run(store: Cluster) -> None:
    store.env["JOURNAL_URL"] += ".new"

    assert "vtex-erp migrate" in shown(store, "orders", "list", status=1)
    assert "vtex-erp migrate" in shown(store, "check", status=1)
    assert "schema" in shown(store, "migrate")
    assert "schema" in shown(store, "migrate")
    assert "no such orders" in shown(store, "orders", "list")


def test_a_cluster_without_a_store_says_what_to_set(store: Cluster) -> None:
    for name in ("VTEX_ACCOUNT", "VTEX_APP_KEY", "VTEX_APP_TOKEN"):
        del store.env[name]

    assert "set VTEX_ACCOUNT or STORES_FILE" in shown(store, "orders", "sync", status=2)
    assert "Set VTEX_ACCOUNT, VTEX_APP_KEY and VTEX_APP_TOKEN" in shown(store, "check", status=1)


# --- on the ERP's behalf --------------------------------------------------------------------------


def test_invoice_track_and_invoices_by_hand(at_work: Cluster) -> None:
    order_id = first(at_work)
    value = at_work.orders()[0]["value_cents"]
    reais = f"{value // 100},{value % 100:02}"
    named = (
        "--invoice-number",
        "128/841",
        "--value",
        reais,
        "--issued-at",
        "2026-03-10T15:04:05-03:00",
    )

    dry = shown(at_work, "requests", "invoice", order_id, *named, "--dry-run")
    nothing = at_work.state()["calls"].get("invoice", 0)
    shown(at_work, "requests", "invoice", order_id, *named)
    shown(
        at_work,
        "requests",
        "track",
        order_id,
        "--invoice-number",
        "128/841",
        "--tracking-number",
        "BR1",
    )
    eventually(lambda: "tracking 128/841 done" in shown(at_work, "orders", "show", order_id), 60)

    assert '"invoiceNumber": "128-x2F-841"' in dry
    assert nothing == 0
    balance = json.loads(shown(at_work, "requests", "invoices", order_id, "--json"))
    assert (balance["invoiced_cents"], balance["open_cents"]) == (value, 0)
    assert "0,00 open" in shown(at_work, "requests", "invoices", order_id)
    assert "too late: invoiced" in shown(
        at_work, "requests", "cancel", order_id, "--reason", "x", "--dry-run", status=1
    )


def test_an_invoice_from_json_that_breaks_the_contract_is_refused_by_field(
    at_work: Cluster, tmp_path: Any
) -> None:
    (tmp_path / "bad.json").write_text('{"invoice_number": "1", "value_cents": "12"}')

    for extra, status in (((), 2), (("--dry-run",), 1)):
        text = shown(
            at_work,
            "requests",
            "invoice",
            first(at_work),
            "--file",
            str(tmp_path / "bad.json"),
            *extra,
            status=status,
        )
        assert "value_cents: '12' is not a whole number" in text
        assert "issued_at" in text


def test_cancel_by_hand(at_work: Cluster) -> None:
    order_id = first(at_work)

    assert '"answer": "yes"' in shown(
        at_work, "requests", "cancel", order_id, "--reason", "x", "--dry-run"
    )
    shown(at_work, "requests", "cancel", order_id, "--reason", "Falta de estoque")

    eventually(lambda: at_work.state()["orders"][order_id]["status"] == "canceled", 60)
    eventually(lambda: "cancellation done" in shown(at_work, "orders", "show", order_id), 60)


# --- dead jobs and pauses -------------------------------------------------------------------------


def test_dead_jobs_are_shown_by_cause_brought_back_and_given_up(store: Cluster) -> None:
    broken = sorted(store.state()["orders"])[:3]
    for place, order_id in enumerate(broken):
        store.change(order_id, **{"items.0.quantity": f"many {place}"})
    store.start_worker("w1")
    store.start_beat()
    eventually(lambda: len(store.orders("--state", "dead")) == 3, 60)

    (cause,) = json.loads(shown(store, "dead-letters", "list", "--json"))["causes"]
    assert (cause["count"], "quantity" in cause["cause"]) == (3, True)
    assert "quantity" in shown(store, "dead-letters", "list")
    assert "no dead letter fits" in shown(store, "dead-letters", "retry", "--matching", "sums")
    assert "or add --all" in shown(store, "dead-letters", "retry", status=2)
    for order_id in broken[:2]:
        store.change(order_id, **{"items.0.quantity": 1})
        store.change(order_id, value=0, totals=[])
    assert "3 jobs retried" in shown(store, "dead-letters", "retry", "--all", "--yes")
    eventually(lambda: broken[2] in shown(store, "dead-letters", "list"), 60)
    assert "jobs discarded" in shown(
        store, "orders", "discard", broken[2], "--reason", "test order", "--yes"
    )
    assert store.order(broken[2])["last_error"] == "discarded: test order"


def test_a_store_pauses_by_hand_and_goes_on(store: Cluster) -> None:
    assert "until vtex-erp stores resume --store acme" in shown(
        store, "stores", "pause", "--store", "acme", "--reason", "stocktaking"
    )
    shown(store, "orders", "sync")
    store.start_worker("w1")
    store.start_beat()

    eventually(lambda: "one is at work" in store.command("check").stdout, 60)
    assert "stocktaking" in shown(store, "check")
    assert not store.all_done(5)
    assert "acme is resumed" in shown(store, "stores", "resume", "--store", "acme")
    eventually(lambda: store.all_done(5), 60)
    assert "acme was not paused" in shown(store, "stores", "resume", "--store", "acme")
    shown(store, "stores", "pause", "--store", "outlet", status=2)
