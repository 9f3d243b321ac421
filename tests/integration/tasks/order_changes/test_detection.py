"""Cancellations, replacements and changed items reach the ERP: real journal, real tasks, simulated
store, a clock of the test's own.
"""

from __future__ import annotations

from decimal import Decimal

import pytest

from erp.port import Event
from journal.model import Kind, State
from journal.order_changes import ChangeHint
from support.changed_orders import (
    amend,
    ask,
    cancel,
    changes,
    gets,
    hear,
    in_erp,
    kinds,
    told,
    watch,
)
from support.order_flow import OrderFlow
from vtex.simulator import order_changes
from vtex.simulator.listing import page
from vtex.statuses import READY
from workers.app import app

# --- cancellations that are done ----------------------------------------------------------------


def test_a_cancellation_at_vtex_is_told_once_and_ends_what_waits(flow: OrderFlow) -> None:
    order_id = in_erp(flow)
    flow.simulator.store.change(flow.entry(order_id), {"status": "verifying"})
    flow.invoice(order_id)
    flow.work()
    cancel(flow, order_id)

    hear(flow, rounds=2)

    assert kinds(flow, order_id) == ["canceled"]
    assert told(flow, order_id)[0].reason == "fraude"
    assert ("invoice", "obsolete") in flow.outcomes(order_id)


def test_events_of_orders_that_never_came_in_make_no_jobs_and_cost_no_call(flow: OrderFlow) -> None:
    order_id = flow.order(status="payment-pending")
    hear(flow)
    before = gets(flow)
    cancel(flow, order_id)

    hear(flow)

    assert flow.journal.requests.find() == []
    assert flow.journal.orders.get("acme", order_id) is None
    assert gets(flow) == before


def test_an_order_that_is_canceled_on_its_way_in_is_told_once(flow: OrderFlow) -> None:
    order_id = flow.order(status=READY)
    app.tasks["orders.read_feed"].apply(kwargs={"store": "acme"})
    for _ in range(3):
        flow.work_one_step()
        flow.clock.pass_by(46)
    cancel(flow, order_id)
    app.tasks["orders.read_feed"].apply(kwargs={"store": "acme"})

    flow.work(rounds=2, seconds=6)

    assert kinds(flow, order_id) == ["canceled"]
    assert flow.journal.orders.get("acme", order_id).state is State.SKIPPED


def test_an_order_unknown_to_the_erp_is_not_told_of(flow: OrderFlow) -> None:
    order_id = flow.order(status=READY)
    flow.intake(order_id)
    cancel(flow, order_id)

    hear(flow, rounds=2)

    assert kinds(flow, order_id) == []
    assert flow.journal.orders.get("acme", order_id).state is State.SKIPPED


def test_without_a_feed_the_list_shows_it(flow: OrderFlow) -> None:
    order_id, other = in_erp(flow), in_erp(flow)
    flow.journal.feeds.forget("acme")
    ask(flow, order_id)
    cancel(flow, other)

    for _ in range(3):
        watch(flow)
        watch(flow, ended=True)
        flow.clock.pass_by(3600)

    assert kinds(flow, order_id) == ["cancel_requested"]
    assert kinds(flow, other) == ["canceled"]
    # What the list goes on showing is looked into once.
    assert len(changes(flow, order_id)) == len(changes(flow, other)) == 1


def test_rows_of_a_status_that_was_not_asked_for_are_no_reason_to_read_an_order(
    flow: OrderFlow, monkeypatch: pytest.MonkeyPatch
) -> None:
    order_id = in_erp(flow)
    flow.journal.feeds.forget("acme")
    # VTEX documents few of the values that f_status takes.
    monkeypatch.setattr(page, "filters_of", lambda *_: [])
    before = flow.simulator.store.calls["order"]

    watch(flow)
    watch(flow, ended=True)

    assert flow.simulator.store.calls["order"] == before
    assert changes(flow, order_id) == []


def test_while_the_feed_tells_the_list_is_not_asked_for_what_has_ended(flow: OrderFlow) -> None:
    in_erp(flow)
    before = flow.simulator.store.calls["list"]

    watch(flow, ended=True)

    assert flow.simulator.store.calls["list"] == before


def test_the_erp_is_down_and_hears_of_it_when_it_is_back(flow: OrderFlow) -> None:
    order_id = in_erp(flow)
    ask(flow, order_id)
    flow.erp.is_down = True
    hear(flow)
    assert changes(flow, order_id) == [("read", State.OPEN)]
    before = gets(flow)

    flow.work(rounds=50, seconds=301)
    flow.erp.is_down = False
    flow.work(rounds=2, seconds=301)

    assert kinds(flow, order_id) == ["cancel_requested"]
    assert gets(flow) == before
    assert flow.journal.erp_circuit.current() is None


def test_a_worker_that_died_before_and_after_telling_leaves_one_event(
    flow: OrderFlow, monkeypatch: pytest.MonkeyPatch
) -> None:
    order_id = in_erp(flow)
    amend(flow, order_id, add="310555")
    ask(flow, order_id)
    report = flow.erp.report

    def die(event: Event) -> None:
        report(event)
        raise RuntimeError("killed here")

    with monkeypatch.context() as patch:
        patch.setattr(flow.erp, "report", die)
        hear(flow)
    flow.work(rounds=3, seconds=301)

    assert kinds(flow, order_id) == ["cancel_requested"]


def test_where_nobody_takes_changes_on_an_invoice_leaves_all_the_same(flow: OrderFlow) -> None:
    order_id = in_erp(flow)
    flow.journal.order_changes.record("acme", [ChangeHint(order_id, "k", "by hand")])
    flow.invoice(order_id)

    for _ in range(20):
        tickets = flow.journal.jobs.dispatch(in_flight=500)
        flow.run([one for one in tickets if one.kind is not Kind.CHANGE])
        flow.clock.pass_by(20)

    assert flow.status(order_id) == "invoiced"
    assert changes(flow, order_id) == [("seen", State.OPEN)]


# --- replaced orders ----------------------------------------------------------------------------


def test_a_replaced_order_is_told_with_the_new_one_which_comes_in_itself(flow: OrderFlow) -> None:
    order_id = in_erp(flow)
    new = order_changes.replace(flow.simulator.store, flow.entry(order_id))

    hear(flow, rounds=2)

    (event,) = told(flow, order_id)
    assert (event.kind, event.new_order_id) == ("replaced", new)
    assert flow.journal.orders.get("acme", new).state is State.DONE
    assert kinds(flow, new) == []


def test_one_that_came_in_meanwhile_is_told_of_once_more_under_the_same_name(
    flow: OrderFlow,
) -> None:
    order_id = in_erp(flow)
    new = order_changes.replace(flow.simulator.store, flow.entry(order_id), "payment-pending")
    hear(flow)
    reported: list[Event] = []
    flow.erp.report = reported.append  # type: ignore[method-assign]
    flow.simulator.store.change(flow.entry(new), {"status": READY})
    hear(flow)

    flow.work(rounds=3, seconds=301)

    assert [(one.kind, one.key, one.new_order_id) for one in reported] == [
        ("replaced", "replaced", new)
    ]


def test_an_order_that_is_replaced_on_its_way_in_is_told_as_replaced_alone(flow: OrderFlow) -> None:
    order_id = flow.order(status=READY)
    flow.intake(order_id)
    for _ in range(3):
        flow.work_one_step()
        flow.clock.pass_by(46)
    order_changes.replace(flow.simulator.store, flow.entry(order_id))

    flow.work(rounds=3, seconds=6)

    assert kinds(flow, order_id) == ["replaced"]


def test_the_new_order_is_told_of_later_where_the_list_lags(flow: OrderFlow) -> None:
    order_id = in_erp(flow)
    flow.simulator.store.config.change(index_lag=240)
    new = order_changes.replace(flow.simulator.store, flow.entry(order_id))
    hear(flow)
    assert [one.new_order_id for one in told(flow, order_id)] == [None]

    flow.work(rounds=3, seconds=301)

    assert [one.new_order_id for one in told(flow, order_id)] == [None, new]
    assert kinds(flow, order_id) == ["replaced", "replaced"]


def test_an_order_that_nothing_took_the_place_of_is_given_up_on_quietly(flow: OrderFlow) -> None:
    order_id = in_erp(flow)
    flow.simulator.store.change(flow.entry(order_id), {"status": "replaced"})
    hear(flow)

    flow.work(rounds=30, seconds=301)

    assert kinds(flow, order_id) == ["replaced"]
    assert changes(flow, order_id) == [("reported", State.DONE), ("seen", State.SKIPPED)]
    assert flow.simulator.store.calls["list"] < 25


# --- items and values ---------------------------------------------------------------------------


def settled(flow: OrderFlow, kind: str = "plain") -> str:
    """Let an order come in that is compared: the store's first one is older than the first look."""
    in_erp(flow)
    flow.clock.pass_by(3 * 3600)
    return in_erp(flow, kind)


def reconcile(flow: OrderFlow) -> None:
    """Let the daily reconciliation run, a day after what was before."""
    flow.clock.pass_by(86_400)
    app.tasks["orders.reconcile"].apply(kwargs={"store": "acme"})
    flow.work(seconds=6)


def test_changed_items_are_told_with_both_sides_and_the_journal_goes_along(flow: OrderFlow) -> None:
    order_id = settled(flow, "many")
    items = flow.entry(order_id).order["items"]
    gone, fewer = items[0], items[1]
    before = flow.value(order_id)
    amend(flow, order_id, quantities={"0": 0, "1": fewer["quantity"] + 2}, add="310555")

    reconcile(flow)

    (event,) = told(flow, order_id)
    assert event.kind == "changed"
    assert event.order_diff is not None
    found = {(one.kind, one.sku_id): one for one in event.order_diff.items}
    assert ("removed", gone["id"]) in found
    more = found["changed", fewer["id"]]
    assert (more.quantity_before, more.quantity) == (
        fewer["quantity"] - 0,
        more.quantity_before + 2,
    )
    assert more.unit_price == Decimal(fewer["price"]).scaleb(-2)
    assert event.order_diff.before.total == Decimal(before).scaleb(-2)
    assert event.order_diff.after.total == Decimal(flow.value(order_id)).scaleb(-2)
    kept, _ = flow.journal.documents.get("acme", order_id)
    assert kept["value"] == flow.journal.orders.get("acme", order_id).value_cents
    assert kept["value"] == flow.value(order_id)


def test_after_a_change_was_told_totals_agree(flow: OrderFlow) -> None:
    order_id = settled(flow, "many")
    amend(flow, order_id, add="310555")

    for _ in range(3):
        reconcile(flow)

    assert kinds(flow, order_id) == ["changed"]
    assert flow.journal.reconciliations.latest()["acme"].findings == {}


def test_a_second_change_is_a_second_event_also_where_it_undoes_the_first(flow: OrderFlow) -> None:
    order_id = settled(flow, "plain")
    units = flow.entry(order_id).order["items"][0]["quantity"]
    for quantity in (units + 1, units, units + 1):
        amend(flow, order_id, quantities={"0": quantity})
        reconcile(flow)

    found = [one.order_diff.items[0] for one in told(flow, order_id)]
    assert [(one.quantity_before, one.quantity) for one in found] == [
        (units, units + 1),
        (units + 1, units),
        (units, units + 1),
    ]


def test_a_change_that_is_under_way_is_waited_for(flow: OrderFlow) -> None:
    order_id = settled(flow)
    amend(flow, order_id, add="310555", running=True)
    reconcile(flow)
    assert kinds(flow, order_id) == []

    order_changes.end(flow.entry(order_id))
    flow.work(rounds=2, seconds=301)

    assert kinds(flow, order_id) == ["changed"]


def test_the_invoice_step_sees_a_change_of_equal_value_without_a_call_more(flow: OrderFlow) -> None:
    order_id = settled(flow)
    raw = flow.entry(order_id).order["items"][0]
    flow.simulator.store.change(flow.entry(order_id), {"items.0.id": "310999"})

    flow.invoice(
        order_id,
        items=[{"sku_id": "310999", "quantity": raw["quantity"], "price_cents": raw["price"]}],
    )
    flow.settle()

    assert ("invoice", "done") in flow.outcomes(order_id)
    (event,) = [one for one in told(flow, order_id) if one.kind == "changed"]
    assert {one.kind for one in event.order_diff.items} == {"added", "removed"}


def test_an_invoice_of_what_the_order_was_is_refused_and_the_erp_hears_why(flow: OrderFlow) -> None:
    order_id = in_erp(flow)
    item = flow.entry(order_id).order["items"][0]
    amend(flow, order_id, quantities={"0": item["quantity"] + 1})
    goods = [{"sku_id": item["id"], "quantity": item["quantity"] + 2, "price_cents": item["price"]}]

    flow.invoice(order_id, items=goods)
    flow.settle()

    assert ("invoice", "refused") in flow.outcomes(order_id)
    assert kinds(flow, order_id) == ["changed"]


def test_a_value_that_follows_its_invoices_is_no_change(flow: OrderFlow) -> None:
    order_id = settled(flow, "weight")
    flow.invoice(order_id)
    flow.settle()
    store, entry = flow.simulator.store, flow.entry(order_id)
    lighter = flow.value(order_id) - 57
    goods = entry.order["totals"][0]["value"] - 57
    store.change(entry, {"value": lighter, "totals.0.value": goods})

    reconcile(flow)

    assert kinds(flow, order_id) == []
    assert flow.journal.orders.get("acme", order_id).value_cents == lighter


def test_an_order_that_did_not_change_costs_no_call_more(flow: OrderFlow) -> None:
    order_id = settled(flow)
    before = flow.simulator.store.calls.copy()
    flow.invoice(order_id)
    flow.settle()
    hear(flow)

    assert flow.journal.requests.find("acme", order_id)[0].kind is Kind.INVOICE
    assert changes(flow, order_id) == []
    assert gets(flow) - before["order"] == 2  # before the invoice, and after it
