"""What changes at VTEX, with real workers: from the feed to the ERP, and its decision back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from celery import Celery
from sqlalchemy import text

from support.servers import Cluster, RedisServer, deadly, eventually


@pytest.fixture
def handled(cluster: Cluster, request: pytest.FixtureRequest) -> Iterator[Cluster]:
    """A cluster at work by the feed, whose three orders are in handling."""
    if getattr(request, "param", "sqlite") == "postgresql":
        url = request.getfixturevalue("postgres_database")
        cluster.env |= {"JOURNAL_URL": url, "ERP_URL": url}
        cluster.migrate()
    cluster.env |= {"VTEX_INTAKE": "both", "FEED_INTERVAL_SECONDS": "0.5"}
    cluster.start_simulator(0, "--index-lag", "3600")
    assert cluster.command("feed", "setup").returncode == 0
    cluster.steer("orders", count=3)
    cluster.start_worker("w1")
    cluster.start_beat()
    eventually(lambda: cluster.all_done(3), 60)
    # The store takes a moment from the call to the status.
    eventually(
        lambda: {value["status"] for value in cluster.state()["orders"].values()} == {"handling"}
    )
    yield cluster


ON_BOTH = pytest.mark.parametrize("handled", ["sqlite", "postgresql"], indirect=True)


def first(cluster: Cluster) -> str:
    return str(min(order["order_id"] for order in cluster.orders()))


def events(cluster: Cluster) -> list[tuple[str, str]]:
    cluster.keep()
    rows = cluster.erp_rows("select order_id, kind from int_order_event order by id")
    return [(order_id, kind) for order_id, kind in rows]


def status(cluster: Cluster, order_id: str) -> str:
    return str(cluster.state()["orders"][order_id]["status"])


def effects(cluster: Cluster, order_id: str, name: str) -> int:
    return int(cluster.state()["orders"][order_id].get(name, 0))


def put(cluster: Cluster, **row: object) -> None:
    """Ask for something as an ERP does that knows plain SQL."""
    columns = {"store": "acme", **row}
    names, marks = ", ".join(columns), ", ".join(f":{name}" for name in columns)
    with cluster.erp_database().begin() as db:
        db.execute(text(f"insert into int_outbox ({names}) values ({marks})"), columns)


def outbox(cluster: Cluster) -> list[str]:
    cluster.keep()
    return [value for (value,) in cluster.erp_rows("select status from int_outbox order by id")]


@ON_BOTH
def test_a_shoppers_request_is_a_row_and_the_erps_yes_cancels_the_order(handled: Cluster) -> None:
    order_id = first(handled)
    handled.steer("cancellations", order_id=order_id, reason="desisti", requestedByUser=True)
    eventually(lambda: events(handled) == [(order_id, "cancel_requested")], 60)
    ((days, by_user),) = handled.erp_rows(
        "select decide_by, requested_by_user from int_order_event"
    )
    assert (len(days), by_user) == (20, 1)

    put(handled, kind="CANCEL", order_id=order_id, reason="de acordo")

    eventually(lambda: outbox(handled) == ["SENT"], 90)
    assert status(handled, order_id) == "canceled"
    assert effects(handled, order_id, "cancel_effects") == 1
    eventually(lambda: "nothing waits" in handled.command("check").stdout, 60)
    assert events(handled) == [(order_id, "cancel_requested")]
    assert (
        "no cancellation is pending" in handled.command("requests", "pending-cancellations").stdout
    )


@ON_BOTH
def test_the_erps_no_lets_the_order_go_on(handled: Cluster) -> None:
    order_id = first(handled)
    handled.steer("cancellations", order_id=order_id, reason="desisti")
    eventually(lambda: events(handled) == [(order_id, "cancel_requested")], 60)
    assert order_id in handled.command("requests", "pending-cancellations").stdout

    put(handled, kind="DENY", order_id=order_id, reason="já foi despachado")

    eventually(lambda: outbox(handled) == ["SENT"], 90)
    assert status(handled, order_id) == "handling"
    assert effects(handled, order_id, "deny_effects") == 1
    assert events(handled) == [(order_id, "cancel_requested")]


def test_a_no_by_message_and_by_command_is_one(handled: Cluster, redis_server: RedisServer) -> None:
    order_id = first(handled)
    handled.steer("cancellations", order_id=order_id, reason="desisti")
    eventually(lambda: events(handled) == [(order_id, "cancel_requested")], 60)

    fields = {"store": "acme", "order_id": order_id, "reason": "não"}
    Celery(broker=redis_server.url).send_task("cancellations.deny", kwargs=fields, queue="denials")
    said = handled.command("requests", "deny", order_id, "--reason", "não").stdout

    assert f"{order_id}: denial is job" in said
    eventually(lambda: status(handled, order_id) == "handling", 90)
    assert effects(handled, order_id, "deny_effects") == 1


@ON_BOTH
@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_worker_killed_while_it_tells_the_erp_leaves_exactly_one_row(
    handled: Cluster, tmp_path: Path, moment: str
) -> None:
    order_id = first(handled)
    handled.processes.pop("w1").kill()
    marker, env = deadly(tmp_path, f"erp.adapters.sql.adapter SqlErp report {moment}")
    handled.start_worker("w2", **env)

    handled.steer("cancellations", order_id=order_id, final=True, reason="fraude")

    eventually(lambda: events(handled) == [(order_id, "canceled")], 90)
    eventually(lambda: ends(handled, order_id) == ["done"], 90)
    assert marker.exists()
    assert events(handled) == [(order_id, "canceled")]


def ends(cluster: Cluster, order_id: str) -> list[str]:
    cluster.keep()
    shown = cluster.command("orders", "show", order_id, "--json").stdout
    return [request["state"] for request in json.loads(shown)["requests"]] if shown else []


@ON_BOTH
def test_a_replaced_order_and_a_changed_one_reach_the_erp(handled: Cluster) -> None:
    old, other, *_ = sorted(order["order_id"] for order in handled.orders())
    handled.steer("settings", index_lag=0)
    handled.steer("replacements", order_id=old, status="payment-pending")
    handled.steer("changes", order_id=other, add="310555")
    worth = json.loads(handled.command("requests", "invoices", other, "--json").stdout)[
        "total_cents"
    ]
    put(
        handled,
        kind="INVOICE",
        order_id=other,
        invoice_number="128841",
        value_cents=worth,
        issued_at="2026-03-10T15:04:05-03:00",
    )

    eventually(lambda: sorted(events(handled)) == [(old, "replaced"), (other, "changed")], 90)
    eventually(lambda: outbox(handled) == ["SENT"], 90)
    ((new,),) = handled.erp_rows("select new_order_id from int_order_event where kind='replaced'")
    handled.change(new, status="ready-for-handling")
    eventually(lambda: handled.all_done_supervised(4), 60)
    query = "select order_id, replaces_order_id from int_order where replaces_order_id is not null"
    assert handled.erp_rows(query) == [(new, old)]
    added = "select kind, sku_id, quantity_before, quantity from int_order_event_item"
    assert handled.erp_rows(added) == [("ADDED", "310555", 0, 1)]
    assert handled.erp_rows("select total_cents from int_order_event where kind = 'changed'") == [
        (worth,)
    ]
    assert handled.command("reconcile", "--store", "acme").returncode in (0, 1)
