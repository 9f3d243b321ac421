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
from support.in_process import Desk
from vtex.simulator import listing, order_changes
from vtex.statuses import READY
from workers.app import app

# --- cancellations that are done ----------------------------------------------------------------


def test_a_cancellation_at_vtex_is_told_once_and_ends_what_waits(counter: Desk) -> None:
    order_id = in_erp(counter)
    counter.simulator.store.change(counter.entry(order_id), {"status": "verifying"})
    counter.invoice(order_id)
    counter.work()
    cancel(counter, order_id)

    hear(counter, rounds=2)

    assert kinds(counter, order_id) == ["canceled"]
    assert told(counter, order_id)[0].reason == "fraude"
    assert ("invoice", "obsolete") in counter.outcomes(order_id)


def test_events_of_orders_that_never_came_in_make_no_jobs_and_cost_no_call(counter: Desk) -> None:
    order_id = counter.order(status="payment-pending")
    hear(counter)
    before = gets(counter)
    cancel(counter, order_id)

    hear(counter)

    assert counter.journal.requests.find() == []
    assert counter.journal.orders.get("acme", order_id) is None
    assert gets(counter) == before


def test_an_order_that_is_canceled_on_its_way_in_is_told_once(counter: Desk) -> None:
    order_id = counter.order(status=READY)
    app.tasks["orders.read_feed"].apply(kwargs={"store": "acme"})
    for _ in range(3):
        counter.work_one_step()
        counter.clock.pass_by(46)
    cancel(counter, order_id)
    app.tasks["orders.read_feed"].apply(kwargs={"store": "acme"})

    counter.work(rounds=2, seconds=6)

    assert kinds(counter, order_id) == ["canceled"]
    assert counter.journal.orders.get("acme", order_id).state is State.SKIPPED


def test_an_order_unknown_to_the_erp_is_not_told_of(counter: Desk) -> None:
    order_id = counter.order(status=READY)
    counter.intake(order_id)
    cancel(counter, order_id)

    hear(counter, rounds=2)

    assert kinds(counter, order_id) == []
    assert counter.journal.orders.get("acme", order_id).state is State.SKIPPED


def test_without_a_feed_the_list_shows_it(counter: Desk) -> None:
    order_id, other = in_erp(counter), in_erp(counter)
    counter.journal.feeds.forget("acme")
    ask(counter, order_id)
    cancel(counter, other)

    for _ in range(3):
        watch(counter)
        watch(counter, ended=True)
        counter.clock.pass_by(3600)

    assert kinds(counter, order_id) == ["cancel_requested"]
    assert kinds(counter, other) == ["canceled"]
    # What the list goes on showing is looked into once.
    assert len(changes(counter, order_id)) == len(changes(counter, other)) == 1


def test_rows_of_a_status_that_was_not_asked_for_are_no_reason_to_read_an_order(
    counter: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    order_id = in_erp(counter)
    counter.journal.feeds.forget("acme")
    # VTEX documents few of the values that f_status takes.
    monkeypatch.setattr(listing, "_filters", lambda _: [])
    before = counter.simulator.store.calls["order"]

    watch(counter)
    watch(counter, ended=True)

    assert counter.simulator.store.calls["order"] == before
    assert changes(counter, order_id) == []


def test_while_the_feed_tells_the_list_is_not_asked_for_what_has_ended(counter: Desk) -> None:
    in_erp(counter)
    before = counter.simulator.store.calls["list"]

    watch(counter, ended=True)

    assert counter.simulator.store.calls["list"] == before


def test_the_erp_is_down_and_hears_of_it_when_it_is_back(counter: Desk) -> None:
    order_id = in_erp(counter)
    ask(counter, order_id)
    counter.erp.is_down = True
    hear(counter)
    assert changes(counter, order_id) == [("read", State.OPEN)]
    before = gets(counter)

    counter.work(rounds=50, seconds=301)
    counter.erp.is_down = False
    counter.work(rounds=2, seconds=301)

    assert kinds(counter, order_id) == ["cancel_requested"]
    assert gets(counter) == before
    assert counter.journal.erp_circuit.current() is None


def test_a_worker_that_died_before_and_after_telling_leaves_one_event(
    counter: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    order_id = in_erp(counter)
    amend(counter, order_id, add="310555")
    ask(counter, order_id)
    report = counter.erp.report

    def die(event: Event) -> None:
        report(event)
        raise RuntimeError("killed here")

    with monkeypatch.context() as patch:
        patch.setattr(counter.erp, "report", die)
        hear(counter)
    counter.work(rounds=3, seconds=301)

    assert kinds(counter, order_id) == ["cancel_requested"]


def test_where_nobody_takes_changes_on_an_invoice_leaves_all_the_same(counter: Desk) -> None:
    order_id = in_erp(counter)
    counter.journal.order_changes.record("acme", [ChangeHint(order_id, "k", "by hand")])
    counter.invoice(order_id)

    for _ in range(20):
        tickets = counter.journal.jobs.dispatch(in_flight=500)
        counter.run([one for one in tickets if one.kind is not Kind.CHANGE])
        counter.clock.pass_by(20)

    assert counter.status(order_id) == "invoiced"
    assert changes(counter, order_id) == [("seen", State.OPEN)]


# --- replaced orders ----------------------------------------------------------------------------


def test_a_replaced_order_is_told_with_the_new_one_which_comes_in_itself(counter: Desk) -> None:
    order_id = in_erp(counter)
    new = order_changes.replace(counter.simulator.store, counter.entry(order_id))

    hear(counter, rounds=2)

    (event,) = told(counter, order_id)
    assert (event.kind, event.new_order_id) == ("replaced", new)
    assert counter.journal.orders.get("acme", new).state is State.DONE
    assert kinds(counter, new) == []


def test_one_that_came_in_meanwhile_is_told_of_once_more_under_the_same_name(
    counter: Desk,
) -> None:
    order_id = in_erp(counter)
    new = order_changes.replace(counter.simulator.store, counter.entry(order_id), "payment-pending")
    hear(counter)
    reported: list[Event] = []
    counter.erp.report = reported.append  # type: ignore[method-assign]
    counter.simulator.store.change(counter.entry(new), {"status": READY})
    hear(counter)

    counter.work(rounds=3, seconds=301)

    assert [(one.kind, one.key, one.new_order_id) for one in reported] == [
        ("replaced", "replaced", new)
    ]


def test_an_order_that_is_replaced_on_its_way_in_is_told_as_replaced_alone(counter: Desk) -> None:
    order_id = counter.order(status=READY)
    counter.intake(order_id)
    for _ in range(3):
        counter.work_one_step()
        counter.clock.pass_by(46)
    order_changes.replace(counter.simulator.store, counter.entry(order_id))

    counter.work(rounds=3, seconds=6)

    assert kinds(counter, order_id) == ["replaced"]


def test_the_new_order_is_told_of_later_where_the_list_lags(counter: Desk) -> None:
    order_id = in_erp(counter)
    counter.simulator.store.config.change(index_lag=240)
    new = order_changes.replace(counter.simulator.store, counter.entry(order_id))
    hear(counter)
    assert [one.new_order_id for one in told(counter, order_id)] == [None]

    counter.work(rounds=3, seconds=301)

    assert [one.new_order_id for one in told(counter, order_id)] == [None, new]
    assert kinds(counter, order_id) == ["replaced", "replaced"]


def test_an_order_that_nothing_took_the_place_of_is_given_up_on_quietly(counter: Desk) -> None:
    order_id = in_erp(counter)
    counter.simulator.store.change(counter.entry(order_id), {"status": "replaced"})
    hear(counter)

    counter.work(rounds=30, seconds=301)

    assert kinds(counter, order_id) == ["replaced"]
    assert changes(counter, order_id) == [("reported", State.DONE), ("seen", State.SKIPPED)]
    assert counter.simulator.store.calls["list"] < 25


# --- items and values ---------------------------------------------------------------------------


def settled(counter: Desk, kind: str = "plain") -> str:
    """Let an order come in that is compared: the store's first one is older than the first look."""
    in_erp(counter)
    counter.clock.pass_by(3 * 3600)
    return in_erp(counter, kind)


def reconcile(counter: Desk) -> None:
    """Let the daily reconciliation run, a day after what was before."""
    counter.clock.pass_by(86_400)
    app.tasks["orders.reconcile"].apply(kwargs={"store": "acme"})
    counter.work(seconds=6)


def test_changed_items_are_told_with_both_sides_and_the_journal_goes_along(counter: Desk) -> None:
    order_id = settled(counter, "many")
    items = counter.entry(order_id).order["items"]
    gone, fewer = items[0], items[1]
    before = counter.value(order_id)
    amend(counter, order_id, quantities={"0": 0, "1": fewer["quantity"] + 2}, add="310555")

    reconcile(counter)

    (event,) = told(counter, order_id)
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
    assert event.order_diff.after.total == Decimal(counter.value(order_id)).scaleb(-2)
    kept, _ = counter.journal.documents.get("acme", order_id)
    assert kept["value"] == counter.journal.orders.get("acme", order_id).value_cents
    assert kept["value"] == counter.value(order_id)


def test_after_a_change_was_told_totals_agree(counter: Desk) -> None:
    order_id = settled(counter, "many")
    amend(counter, order_id, add="310555")

    for _ in range(3):
        reconcile(counter)

    assert kinds(counter, order_id) == ["changed"]
    assert counter.journal.reconciliations.latest()["acme"].findings == {}


def test_a_second_change_is_a_second_event_also_where_it_undoes_the_first(counter: Desk) -> None:
    order_id = settled(counter, "plain")
    units = counter.entry(order_id).order["items"][0]["quantity"]
    for quantity in (units + 1, units, units + 1):
        amend(counter, order_id, quantities={"0": quantity})
        reconcile(counter)

    found = [one.order_diff.items[0] for one in told(counter, order_id)]
    assert [(one.quantity_before, one.quantity) for one in found] == [
        (units, units + 1), (units + 1, units), (units, units + 1),
    ]  # fmt: skip


def test_a_change_that_is_under_way_is_waited_for(counter: Desk) -> None:
    order_id = settled(counter)
    amend(counter, order_id, add="310555", running=True)
    reconcile(counter)
    assert kinds(counter, order_id) == []

    counter.simulator.store.change(counter.entry(order_id), {"changeRunning": False})
    counter.work(rounds=2, seconds=301)

    assert kinds(counter, order_id) == ["changed"]


def test_the_invoice_step_sees_a_change_of_equal_value_without_a_call_more(counter: Desk) -> None:
    order_id = settled(counter)
    raw = counter.entry(order_id).order["items"][0]
    counter.simulator.store.change(counter.entry(order_id), {"items.0.id": "310999"})

    counter.invoice(order_id, items=[
        {"sku_id": "310999", "quantity": raw["quantity"], "price_cents": raw["price"]}
    ])  # fmt: skip
    counter.settle()

    assert ("invoice", "done") in counter.outcomes(order_id)
    (event,) = [one for one in told(counter, order_id) if one.kind == "changed"]
    assert {one.kind for one in event.order_diff.items} == {"added", "removed"}


def test_an_invoice_of_what_the_order_was_is_refused_and_the_erp_hears_why(counter: Desk) -> None:
    order_id = in_erp(counter)
    item = counter.entry(order_id).order["items"][0]
    amend(counter, order_id, quantities={"0": item["quantity"] + 1})
    goods = [{"sku_id": item["id"], "quantity": item["quantity"] + 2, "price_cents": item["price"]}]

    counter.invoice(order_id, items=goods)
    counter.settle()

    assert ("invoice", "refused") in counter.outcomes(order_id)
    assert kinds(counter, order_id) == ["changed"]


def test_a_value_that_follows_its_invoices_is_no_change(counter: Desk) -> None:
    order_id = settled(counter, "weight")
    counter.invoice(order_id)
    counter.settle()
    store, entry = counter.simulator.store, counter.entry(order_id)
    lighter = counter.value(order_id) - 57
    goods = entry.order["totals"][0]["value"] - 57
    store.change(entry, {"value": lighter, "totals.0.value": goods})

    reconcile(counter)

    assert kinds(counter, order_id) == []
    assert counter.journal.orders.get("acme", order_id).value_cents == lighter


def test_an_order_that_did_not_change_costs_no_call_more(counter: Desk) -> None:
    order_id = settled(counter)
    before = counter.simulator.store.calls.copy()
    counter.invoice(order_id)
    counter.settle()
    hear(counter)

    assert counter.journal.requests.find("acme", order_id)[0].kind is Kind.INVOICE
    assert changes(counter, order_id) == []
    assert gets(counter) - before["order"] == 2  # before the invoice, and after it
