"""Orders that never were ready for handling: a marketplace's own fulfillment, hand-moved orders."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from journal.model import Stage, State
from journal.orders import OrderRow
from support import order_flow as order_flows
from support.order_flow import OrderFlow
from tasks.base import StoreTask
from tasks.reconciliation.compare import Finding, compare_store
from tasks.reconciliation.repair import repair
from vtex.documents import FeedConfig
from vtex.simulator.seed import FULFILLED
from vtex.statuses import READY, HandledOrders
from workers.app import app

RULE = HandledOrders(frozenset({"invoiced"}), frozenset({"Fulfillment"}))


@pytest.fixture
def flow(journal_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[OrderFlow]:
    # Without a broker, the test runs what would be sent.
    monkeypatch.setattr(
        "tasks.workflow.send", lambda journal, tickets: journal.jobs.release(tickets)
    )
    with order_flows.order_flow(journal_url, index_lag=0, handling_delay=0) as made:
        yield made


def allow(flow: OrderFlow, rule: HandledOrders = RULE, **more: Any) -> None:
    """Let the store's setting bring in orders that were handled elsewhere."""
    flow.context = replace(flow.context, also_intake={"acme": rule}, **more)
    StoreTask.process_context = flow.context


def fulfilled(flow: OrderFlow) -> str:
    (order_id,) = flow.simulator.store.generate(1, kind=FULFILLED)
    return order_id


def row(flow: OrderFlow, order_id: str) -> OrderRow:
    found = flow.journal.orders.get("acme", order_id)
    assert found is not None
    return found


def stands(flow: OrderFlow, order_id: str) -> tuple[State, Stage]:
    found = row(flow, order_id)
    return found.state, found.stage


def lines(flow: OrderFlow, order_id: str) -> str:
    events = flow.journal.timeline.events("acme", order_id)
    return "\n".join(f"{event.event}: {event.detail}" for event in events)


def list_orders(flow: OrderFlow) -> None:
    assert app.tasks["orders.list"].apply(kwargs={"store": "acme"}).state == "SUCCESS"


def starts(flow: OrderFlow) -> int:
    return flow.simulator.store.counted()["handled"]


def test_a_marketplace_fulfilled_order_was_never_ready(flow: OrderFlow) -> None:
    entry = flow.entry(fulfilled(flow))

    assert [status for _, status in entry.past] == ["invoiced"]
    assert entry.order["origin"] == "Fulfillment"
    assert entry.order["packageAttachment"]["packages"]
    assert entry.order["invoicedDate"]


def test_by_default_such_an_order_stays_out(flow: OrderFlow) -> None:
    order_id = fulfilled(flow)
    list_orders(flow)
    assert flow.journal.orders.get("acme", order_id) is None

    flow.intake(order_id)
    flow.work()

    assert stands(flow, order_id) == (State.SKIPPED, Stage.LISTED)
    assert "handled elsewhere: VTEX shows 'invoiced'" in lines(flow, order_id)


@pytest.mark.parametrize("status", ["invoiced", "handling"])
def test_as_handled_it_comes_in_and_ends_with_the_insert(flow: OrderFlow, status: str) -> None:
    order_id = fulfilled(flow) if status == "invoiced" else flow.order(status=status)
    flow.intake(order_id)

    assert flow.journal.jobs.take_as_handled("acme", order_id)
    flow.work()

    assert stands(flow, order_id) == (State.DONE, Stage.INSERTED)
    assert row(flow, order_id).erp_reference
    assert (starts(flow), flow.status(order_id)) == (0, status)
    assert f"VTEX shows {status!r}" in lines(flow, order_id)
    assert "as handled" in lines(flow, order_id)


def test_an_order_that_was_skipped_or_is_dead_comes_in_as_handled(flow: OrderFlow) -> None:
    skipped, dead = fulfilled(flow), fulfilled(flow)
    flow.intake(skipped)
    flow.work()
    flow.intake(dead)
    (lease,) = flow.journal.jobs.dispatch(in_flight=9)
    flow.journal.jobs.bury("acme", dead, lease.attempt, "x")

    for order_id in (skipped, dead):
        assert flow.journal.jobs.take_as_handled("acme", order_id)
    flow.work()

    assert {stands(flow, order_id) for order_id in (skipped, dead)} == {
        (State.DONE, Stage.INSERTED)
    }


def test_an_order_in_the_erp_is_left_alone(flow: OrderFlow) -> None:
    order_id = flow.order(status=READY)
    flow.intake(order_id)
    flow.work()

    assert not flow.journal.jobs.take_as_handled("acme", order_id)
    assert stands(flow, order_id) == (State.DONE, Stage.HANDLING)
    assert not flow.journal.jobs.take_as_handled("acme", "unknown-01")


def test_an_order_that_is_ready_after_all_is_handled_as_usual(flow: OrderFlow) -> None:
    order_id = flow.order(status=READY)
    flow.intake(order_id)
    flow.journal.jobs.take_as_handled("acme", order_id)
    flow.work()

    assert stands(flow, order_id) == (State.DONE, Stage.HANDLING)


def test_a_worker_that_dies_around_the_insert_leaves_one_erp_order_and_no_handling(
    flow: OrderFlow,
) -> None:
    order_id = fulfilled(flow)
    flow.intake(order_id)
    flow.journal.jobs.take_as_handled("acme", order_id)
    for _ in range(3):
        flow.work_one_step()
        flow.clock.pass_by(60)
    flow.work()

    assert stands(flow, order_id) == (State.DONE, Stage.INSERTED)
    assert len(flow.erp.orders) == 1
    assert starts(flow) == 0


# --- by themselves, by the store's setting --------------------------------------------------------


def test_by_the_setting_the_listing_brings_them_in(flow: OrderFlow) -> None:
    allow(flow)
    ids = {fulfilled(flow) for _ in range(3)}
    other_status, other_origin = (
        flow.order("marketplace", "handling"),
        flow.order(status="invoiced"),
    )
    ready = flow.order(status=READY)

    list_orders(flow)
    flow.work()

    assert {stands(flow, order_id) for order_id in ids} == {(State.DONE, Stage.INSERTED)}
    assert "also_intake" in lines(flow, min(ids))
    assert flow.journal.orders.get("acme", other_status) is None
    assert flow.journal.orders.get("acme", other_origin) is None
    assert stands(flow, ready) == (State.DONE, Stage.HANDLING)
    assert starts(flow) == 1


def test_an_affiliate_of_the_setting_leaves_out_the_others(flow: OrderFlow) -> None:
    allow(flow, replace(RULE, affiliates=frozenset({"XYZ"})))
    order_id = fulfilled(flow)

    list_orders(flow)
    assert flow.journal.orders.get("acme", order_id) is None
    flow.intake(order_id)
    flow.work()

    assert stands(flow, order_id) == (State.SKIPPED, Stage.LISTED)


def test_the_listing_of_handled_orders_begins_at_a_midnight_of_the_store(flow: OrderFlow) -> None:
    allow(flow)
    old, young = fulfilled(flow), fulfilled(flow)
    for order_id, text in (
        (old, "2026-03-03T02:59:59.9990000Z"),
        (young, "2026-03-03T03:00:00.0000000Z"),
    ):
        flow.simulator.store.change(flow.entry(order_id), {"creationDate": text})

    list_orders(flow)

    assert flow.journal.orders.get("acme", old) is None
    assert flow.journal.orders.get("acme", young) is not None


def test_handled_orders_are_listed_every_ten_minutes_at_most(flow: OrderFlow) -> None:
    allow(flow)
    list_orders(flow)
    order_id = fulfilled(flow)

    list_orders(flow)
    assert flow.journal.orders.get("acme", order_id) is None
    flow.clock.pass_by(600)
    list_orders(flow)

    assert flow.journal.orders.get("acme", order_id) is not None


def test_by_the_setting_the_feed_brings_them_in(flow: OrderFlow) -> None:
    allow(flow, list_intervals={"acme": timedelta(days=1)})
    statuses = (READY, "invoiced")
    flow.client.configure_feed(FeedConfig(statuses, 60, 345_600))
    flow.journal.feeds.set_up("acme", statuses, hidden_seconds=60, kept_seconds=345_600)
    order_id, other_origin = fulfilled(flow), flow.order(status="invoiced")

    assert app.tasks["orders.read_feed"].apply(kwargs={"store": "acme"}).state == "SUCCESS"
    flow.work()

    assert stands(flow, order_id) == (State.DONE, Stage.INSERTED)
    assert stands(flow, other_origin) == (State.SKIPPED, Stage.LISTED)
    assert starts(flow) == 0


def test_an_order_that_comes_both_ways_is_one_job(flow: OrderFlow) -> None:
    allow(flow)
    order_id = flow.order("marketplace", READY)
    list_orders(flow)
    flow.simulator.store.change(flow.entry(order_id), {"status": "invoiced"})
    flow.clock.pass_by(600)
    list_orders(flow)
    flow.work()
    flow.clock.pass_by(600)
    list_orders(flow)
    flow.work()

    assert stands(flow, order_id) == (State.DONE, Stage.INSERTED)
    assert len(flow.erp.orders) == 1
    assert lines(flow, order_id).count("inserted:") == 1


# --- documents that cannot be read ----------------------------------------------------------------


@pytest.mark.parametrize("status", ["canceled", "invoiced"])
def test_an_unreadable_order_that_has_ended_is_skipped(flow: OrderFlow, status: str) -> None:
    order_id = flow.order(status=status)
    flow.simulator.store.change(flow.entry(order_id), {"items": "none"})

    flow.journal.orders.record("acme", [order_flows.NewOrder(order_id, flow.clock(), 1)])
    flow.work()

    assert stands(flow, order_id) == (State.SKIPPED, Stage.LISTED)
    assert f"VTEX shows {status!r}" in lines(flow, order_id)
    assert "items" in lines(flow, order_id)


def test_an_unreadable_order_that_is_alive_or_was_asked_for_is_dead(flow: OrderFlow) -> None:
    ready, asked = flow.order(status=READY), fulfilled(flow)
    for order_id in (ready, asked):
        flow.simulator.store.change(flow.entry(order_id), {"items": "none"})
        flow.journal.orders.record("acme", [order_flows.NewOrder(order_id, flow.clock(), 1)])
    flow.journal.jobs.take_as_handled("acme", asked)

    flow.work()

    assert {row(flow, order_id).state for order_id in (ready, asked)} == {State.DEAD}


# --- reconciliation -------------------------------------------------------------------------------


def findings(flow: OrderFlow) -> list[Finding]:
    now, rule = flow.clock(), flow.context.also_intake.get("acme")
    since = now - timedelta(days=7)
    compared = compare_store(
        flow.journal, flow.erp, flow.client, "acme", since, now, also_intake=rule
    )
    return compared.findings


def test_reconciliation_names_the_command_that_brings_it_in(flow: OrderFlow) -> None:
    order_id = fulfilled(flow)
    flow.clock.pass_by(7200)

    (finding,) = findings(flow)

    assert (str(finding.kind), str(finding.fix)) == ("moved-on-absent", "nothing")
    assert f"vtex-erp orders sync {order_id} --store acme --as-handled" in finding.detail
    assert not repair(flow.context, finding).done


def test_reconciliation_brings_it_in_where_the_setting_allows(flow: OrderFlow) -> None:
    order_id, other = fulfilled(flow), flow.order(status="handling")
    flow.clock.pass_by(7200)
    allow(flow)

    fixes = {finding.order_id: finding for finding in findings(flow)}
    assert {key: str(finding.fix) for key, finding in fixes.items()} == {
        order_id: "bring-in-handled",
        other: "nothing",
    }
    assert repair(flow.context, fixes[order_id]).done
    flow.work()

    assert stands(flow, order_id) == (State.DONE, Stage.INSERTED)
    assert "reconciled" in lines(flow, order_id)
    flow.clock.pass_by(7200)
    assert [finding.order_id for finding in findings(flow)] == [other]


def test_an_invoice_of_the_marketplace_is_no_finding(flow: OrderFlow) -> None:
    invoiced_here = flow.order(status=READY)
    flow.intake(invoiced_here)
    flow.work()
    flow.invoice(invoiced_here)
    flow.settle()
    order_id = fulfilled(flow)
    flow.intake(order_id)
    flow.journal.jobs.take_as_handled("acme", order_id)
    flow.work()
    flow.clock.pass_by(7200)

    assert flow.journal.reconciliations.sends_invoices("acme")
    assert findings(flow) == []


def test_an_order_that_came_in_as_handled_and_is_ready_needs_a_person(flow: OrderFlow) -> None:
    order_id = fulfilled(flow)
    flow.intake(order_id)
    flow.journal.jobs.take_as_handled("acme", order_id)
    flow.work()
    flow.simulator.store.change(flow.entry(order_id), {"status": READY})
    flow.clock.pass_by(7200)

    (finding,) = findings(flow)

    assert (str(finding.kind), str(finding.fix)) == ("not-start-handled", "nothing")


# --- any order of events --------------------------------------------------------------------------

MOVES = st.lists(
    st.sampled_from(["list", "feed", "by hand", "invoice", "ready", "die", "work", "dead"]),
    min_size=4,
    max_size=12,
)


def act(flow: OrderFlow, order_id: str, move: str) -> None:
    """Let one thing happen to an order. One that its marketplace fulfills stays invoiced."""
    entry = flow.entry(order_id)

    def set_status(status: str) -> None:
        if entry.past[0][1] == READY:
            flow.simulator.store.change(entry, {"status": status})

    def bury() -> None:
        for lease in flow.journal.jobs.dispatch(in_flight=9, store="acme", order_id=order_id):
            flow.journal.jobs.bury("acme", order_id, lease.attempt, "x")

    def by_hand() -> None:
        flow.intake(order_id)
        flow.journal.jobs.take_as_handled("acme", order_id)

    moves: dict[str, Callable[[], object]] = {
        "list": lambda: list_orders(flow),
        "feed": lambda: app.tasks["orders.read_feed"].apply(kwargs={"store": "acme"}),
        "by hand": by_hand,
        "invoice": lambda: set_status("invoiced"),
        "ready": lambda: set_status(READY),
        "die": flow.work_one_step,
        "dead": bury,
        "work": flow.work,
    }
    moves[move]()


@pytest.mark.parametrize("kind", [FULFILLED, "marketplace"])
@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(moves=MOVES)
def test_whatever_happens_the_erp_has_it_once_and_handling_starts_only_from_ready(
    flow: OrderFlow, kind: str, moves: list[str]
) -> None:
    allow(flow, list_intervals={"acme": timedelta(days=1)})
    flow.client.configure_feed(FeedConfig((READY, "invoiced"), 60, 345_600))
    flow.journal.feeds.set_up("acme", (READY, "invoiced"), hidden_seconds=60, kept_seconds=345_600)
    (order_id,) = flow.simulator.store.generate(1, kind=kind)
    entry = flow.entry(order_id)
    for move in [*moves, "work", "by hand", "work"]:
        act(flow, order_id, move)
        flow.clock.pass_by(700)

    inserted = [key for key in flow.erp.orders if order_id in key]
    assert len(inserted) == 1
    assert lines(flow, order_id).count("inserted: ") == 1
    assert entry.calls["start_handling_effects"] <= [s for _, s in entry.past].count(READY)
    assert stands(flow, order_id)[0] is State.DONE
