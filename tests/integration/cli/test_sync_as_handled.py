"""``vtex-erp orders sync --as-handled``: orders whose handling started elsewhere."""

from collections.abc import Iterator

import pytest

from journal.orders import NewOrder
from support.command_line import Desk
from vtex.simulator.seed import FULFILLED
from workers.cli.actions import orders as actions


@pytest.fixture(autouse=True)
def _without_a_broker(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(actions, "send", lambda *_: None)
    yield


def fulfilled(desk: Desk) -> str:
    (order_id,) = desk.store.store.generate(1, kind=FULFILLED)
    return order_id


def test_sync_says_what_it_found_and_names_the_option(desk: Desk) -> None:
    order_id = fulfilled(desk)

    text = desk.type("orders", "sync", order_id, status=1)

    assert "VTEX shows 'invoiced'" in text
    assert f"vtex-erp orders sync {order_id} --store acme --as-handled" in text
    assert desk.journal.orders.get("acme", order_id) is None


def test_as_handled_sends_it_to_the_workers(desk: Desk) -> None:
    order_id = fulfilled(desk)

    text = desk.type("orders", "sync", order_id, "--as-handled")

    assert f"acme {order_id}: sent to the workers, without start-handling" in text
    assert "by hand" in desk.type("orders", "show", order_id)


def test_as_handled_refuses_an_order_that_is_ready(desk: Desk) -> None:
    order_id = desk.paid()

    text = desk.type("orders", "sync", order_id, "--as-handled", status=1)

    assert "VTEX shows 'ready-for-handling'" in text
    assert f"vtex-erp orders sync {order_id} --store acme, which brings it in" in text
    assert desk.journal.orders.get("acme", order_id) is None


def test_as_handled_leaves_a_canceled_order_out(desk: Desk) -> None:
    order_id = desk.paid("canceled")

    text = desk.type("orders", "sync", order_id, "--as-handled", status=1)

    assert "VTEX shows 'canceled'" in text
    assert desk.journal.orders.get("acme", order_id) is None


def test_as_handled_needs_an_order_id(desk: Desk) -> None:
    assert "--as-handled needs ORDER_ID" in desk.type("orders", "sync", "--as-handled", status=2)


def test_by_the_setting_sync_brings_it_in_without_the_option(desk: Desk) -> None:
    desk.env["VTEX_ALSO_INTAKE"] = "statuses=invoiced, origins=Fulfillment"
    order_id = fulfilled(desk)

    assert "sent to the workers" in desk.type("orders", "sync", order_id)


def test_sync_of_a_store_lists_the_orders_of_the_setting_too(desk: Desk) -> None:
    desk.env["VTEX_ALSO_INTAKE"] = "statuses=invoiced, origins=Fulfillment"
    order_id, other = fulfilled(desk), desk.paid("invoiced")

    assert "acme: 1 new orders" in desk.type("orders", "sync")
    assert desk.journal.orders.get("acme", order_id) is not None
    assert desk.journal.orders.get("acme", other) is None


def test_the_feed_follows_the_statuses_of_the_setting(desk: Desk) -> None:
    desk.env["VTEX_INTAKE"] = "both"
    desk.type("feed", "setup")
    desk.env["VTEX_ALSO_INTAKE"] = "statuses=invoiced"

    ok, words = desk.verdicts()["acme feed"]
    assert (ok, "the feed omits invoiced, which also_intake names" in words) == (None, True)
    assert "invoiced" in desk.type("feed", "setup")
    assert "as it was set up" in desk.verdicts()["acme feed"][1]


def test_explain_says_that_the_setting_brings_it_in(desk: Desk) -> None:
    order_id = fulfilled(desk)
    assert "would be skipped" in desk.type("orders", "explain", order_id, status=1)
    desk.env["VTEX_ALSO_INTAKE"] = "statuses=invoiced"

    assert "would be inserted" in desk.type("orders", "explain", order_id)


def test_an_order_that_was_skipped_comes_in_as_handled(desk: Desk) -> None:
    order_id = fulfilled(desk)
    desk.journal.orders.record("acme", [NewOrder(order_id, None, None)])
    (lease,) = desk.journal.jobs.dispatch(in_flight=9)
    desk.journal.jobs.bury("acme", order_id, lease.attempt, "x")

    assert "--as-handled" in desk.type("orders", "sync", order_id, status=1)
    assert "sent to the workers" in desk.type("orders", "sync", order_id, "--as-handled")
