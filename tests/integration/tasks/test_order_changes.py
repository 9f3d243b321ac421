"""What changes at VTEX after the ERP has the order: real journal, real tasks, the simulated store, a
clock of the test's own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from erp.port import Event
from journal.model import Kind, State
from journal.order_changes import ChangeHint
from support.in_process import Desk, desk
from tasks.base import StoreTask
from vtex.documents import FeedConfig
from vtex.simulator import cancel_requests as deciding
from vtex.simulator import listing
from vtex.simulator import order_changes as amending
from vtex.statuses import CHANGES, READY
from workers.app import app

ASKED = {"reason": "Comprei errado, Ana Prado", "requestedByUser": True}


@pytest.fixture
def counter(journal_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    # There is no broker here: what would be sent is due at once, and worked by the desk.
    for module in ("tasks.intake.feed", "tasks.intake.orders", "tasks.order_changes.polling"):
        monkeypatch.setattr(
            f"{module}.send", lambda journal, tickets: journal.jobs.release(tickets)
        )
    with desk(journal_url, index_lag=0) as made:
        pace = timedelta(minutes=10)
        made.context = StoreTask.process_context = replace(made.context, rests={"acme": pace})
        config = FeedConfig((READY, *CHANGES), 300, 345_600)
        made.client.configure_feed(config)
        made.journal.feeds.set_up("acme", config.statuses or (), hidden_seconds=300,
                                 kept_seconds=345_600)  # fmt: skip
        yield made


def in_erp(counter: Desk, kind: str = "plain") -> str:
    """Let an order come in, to its end; return its id."""
    order_id = counter.order(kind, READY)
    hear(counter)
    counter.clock.pass_by(5)
    assert counter.journal.orders.get("acme", order_id).state is State.DONE
    return order_id


def hear(counter: Desk, *, rounds: int = 1) -> None:
    """Read the feed, and work off what it tells of."""
    for _ in range(rounds):
        app.tasks["orders.read_feed"].apply(kwargs={"store": "acme"})
        counter.work(seconds=6)


def watch(counter: Desk, *, ended: bool = False) -> None:
    """Let the schedule look into the list, and work off what it shows."""
    app.tasks["orders.poll_cancellations"].apply(kwargs={"store": "acme", "ended": ended})
    counter.work(seconds=6)


def ask(counter: Desk, order_id: str, **more: Any) -> str:
    return deciding.ask(counter.simulator.store, counter.entry(order_id), ASKED | more)


def cancel(counter: Desk, order_id: str) -> None:
    """Cancel an order at VTEX, to its end."""
    deciding.cancel(counter.simulator.store, counter.entry(order_id), {"reason": "fraude"})
    counter.clock.pass_by(5)


def amend(counter: Desk, order_id: str, **body: Any) -> None:
    amending.amend(counter.simulator.store, counter.entry(order_id), body)


def told(counter: Desk, order_id: str) -> list[Event]:
    return [one for one in counter.told(order_id) if one.outcome is None]


def kinds(counter: Desk, order_id: str) -> list[str]:
    return [one.kind for one in told(counter, order_id)]


def changes(counter: Desk, order_id: str) -> list[tuple[str, State]]:
    rows = counter.journal.requests.find("acme", order_id)
    return [(str(one.stage), one.state) for one in rows if one.kind is Kind.CHANGE]


def gets(counter: Desk) -> int:
    return counter.simulator.store.calls["order"]


# --- cancellations that are asked for -----------------------------------------------------------


def test_a_request_to_cancel_reaches_the_erp_with_its_reason_and_the_30_day_rule(
    counter: Desk,
) -> None:
    order_id = in_erp(counter)
    now = counter.clock()
    request = ask(counter, order_id)

    hear(counter)

    (event,) = told(counter, order_id)
    assert (event.kind, event.order_status) == ("cancel_requested", "cancellation-requested")
    assert (event.request_id, event.requested_by_user) == (request, True)
    assert event.reason == ASKED["reason"]
    assert event.decide_by == now + timedelta(days=30)
    (pending,) = counter.journal.cancel_requests.find("acme")
    assert (pending.order_id, pending.decide_by) == (order_id, event.decide_by)
    assert changes(counter, order_id) == [("reported", State.DONE)]


def test_nothing_that_a_shopper_wrote_is_in_the_timeline(counter: Desk) -> None:
    order_id = in_erp(counter)
    ask(counter, order_id)
    hear(counter)

    lines = [str(one.detail) for one in counter.journal.timeline.events("acme", order_id)]

    assert any("to be decided by 2026-04-09" in one for one in lines)
    assert not [one for one in lines if "Ana" in one or "errado" in one]


def test_an_event_twice_late_and_out_of_order_is_told_once(counter: Desk) -> None:
    order_id = in_erp(counter)
    counter.simulator.store.feed.repeats = 2
    counter.simulator.store.feed.shuffles = True
    ask(counter, order_id)
    hear(counter)
    cancel(counter, order_id)
    hear(counter, rounds=3)
    old = {"orderId": order_id, "state": "cancellation-requested", "domain": "Fulfillment",
           "currentChange": "2026-03-10T12:00:00.1Z"}  # fmt: skip
    counter.simulator.store.feed.add(old, counter.clock())

    hear(counter, rounds=2)

    assert kinds(counter, order_id) == ["cancel_requested", "canceled"]
    assert counter.journal.cancel_requests.find() == []


def test_an_event_whose_words_are_as_long_as_they_may_be_is_looked_into(counter: Desk) -> None:
    order_id = in_erp(counter)
    odd = {"orderId": order_id, "state": "s" * 64, "lastState": "cancellation-requested",
           "currentChange": "soon"}  # fmt: skip
    counter.simulator.store.feed.add(odd | {"eventId": "e" * 64}, counter.clock())

    hear(counter)

    assert changes(counter, order_id) == [("seen", State.SKIPPED)]


def test_the_erp_accepts_and_the_order_is_canceled_once(counter: Desk) -> None:
    order_id = in_erp(counter)
    ask(counter, order_id)
    hear(counter)

    counter.ask("cancellation", order_id, reason="ok")
    counter.settle()
    hear(counter, rounds=2)

    assert counter.status(order_id) == "canceled"
    assert counter.entry(order_id).calls["cancel_effects"] == 1
    # It asked for it itself: its outcome is all that it is told.
    assert counter.outcomes(order_id) == [("cancel_requested", None), ("cancellation", "done")]
    assert counter.journal.cancel_requests.find() == []


def test_the_erp_denies_and_the_order_goes_on(counter: Desk) -> None:
    order_id = in_erp(counter)
    ask(counter, order_id)
    hear(counter)

    counter.ask("denial", order_id, reason="já foi despachado")
    counter.settle()
    hear(counter, rounds=2)

    (request,) = counter.entry(order_id).order["cancellationRequests"]
    assert request["deniedBySellerReason"] == "já foi despachado"
    assert counter.status(order_id) == "handling"
    assert counter.entry(order_id).calls["deny_effects"] == 1
    assert counter.outcomes(order_id) == [("cancel_requested", None), ("denial", "done")]
    assert counter.journal.cancel_requests.find() == []


def test_a_denial_whose_answer_was_lost_is_looked_up_and_not_sent_again(counter: Desk) -> None:
    order_id = in_erp(counter)
    ask(counter, order_id)
    hear(counter)
    counter.simulator.faults.add(kind="lose_answer", route="deny")

    counter.ask("denial", order_id, reason="não")
    counter.settle()

    assert counter.entry(order_id).calls["deny_calls"] == 1
    assert counter.outcomes(order_id)[-1] == ("denial", "done")


def test_a_second_request_is_told_anew_and_may_be_denied_in_the_same_words(counter: Desk) -> None:
    order_id = in_erp(counter)
    for _ in range(2):
        ask(counter, order_id)
        hear(counter)
        counter.ask("denial", order_id, reason="não")
        counter.settle()
        counter.clock.pass_by(60)

    assert counter.entry(order_id).calls["deny_effects"] == 2
    assert kinds(counter, order_id) == ["cancel_requested"] * 2
    assert [one for one in counter.outcomes(order_id) if one[1]] == [("denial", "done")] * 2


def test_on_the_marketplaces_side_a_denial_waits_until_the_seller_is_asked(counter: Desk) -> None:
    order_id = in_erp(counter)
    ask(counter, order_id)
    store, entry = counter.simulator.store, counter.entry(order_id)
    store.change(entry, {"status": "request-cancel"})
    hear(counter)
    assert kinds(counter, order_id) == ["cancel_requested"]
    counter.ask("denial", order_id, reason="não")
    counter.work(rounds=2, seconds=30)
    assert not entry.calls["deny_calls"]

    store.change(entry, {"status": "waiting-for-seller-decision"})
    counter.settle()

    assert entry.calls["deny_effects"] == 1
    assert counter.status(order_id) == "handling"
    assert counter.outcomes(order_id)[-1] == ("denial", "done")


def test_a_denial_that_vtex_takes_and_never_acts_on_is_told_as_dead(counter: Desk) -> None:
    order_id = in_erp(counter)
    ask(counter, order_id)
    hear(counter)
    counter.simulator.faults.add(kind="ignore_effect", route="deny", times=None)

    counter.ask("denial", order_id, reason="não")
    counter.settle()

    assert counter.outcomes(order_id)[-1] == ("denial", "dead")
    assert counter.entry(order_id).calls["deny_effects"] == 0
    assert counter.journal.cancel_requests.get("acme", order_id) is not None


def test_a_denial_of_what_nobody_asks_for_is_refused(counter: Desk) -> None:
    order_id = in_erp(counter)

    counter.ask("denial", order_id, reason="não")
    counter.settle()

    assert counter.outcomes(order_id) == [("denial", "refused")]
    assert not counter.entry(order_id).calls["deny_calls"]


def test_the_erp_cannot_deny_what_it_asked_for_itself(counter: Desk) -> None:
    order_id = in_erp(counter)
    counter.ask("cancellation", order_id, reason="sem estoque")
    counter.work_one_step()
    assert counter.status(order_id) == "cancellation-requested"

    counter.ask("denial", order_id, reason="não")
    counter.settle()

    assert ("denial", "refused") in counter.outcomes(order_id)
    assert counter.status(order_id) == "canceled"
    assert kinds(counter, order_id) == []


def test_a_request_that_another_hand_denied_is_told_as_off(counter: Desk) -> None:
    order_id = in_erp(counter)
    ask(counter, order_id)
    hear(counter)
    entry = counter.entry(order_id)
    deciding.deny(counter.simulator.store, entry, entry.order["cancellationRequests"][0], "não")
    counter.clock.pass_by(16 * 60)

    watch(counter)

    assert kinds(counter, order_id) == ["cancel_requested", "cancel_dropped"]
    assert counter.journal.cancel_requests.find() == []


def test_what_nobody_decides_on_for_30_days_is_told_as_canceled(counter: Desk) -> None:
    order_id = in_erp(counter)
    ask(counter, order_id)
    hear(counter)
    counter.clock.pass_by(timedelta(days=30, minutes=1).total_seconds())

    counter.client.configure_feed(FeedConfig((READY, *CHANGES), 300, 345_600))
    hear(counter, rounds=2)
    counter.journal.feeds.mark_failed("acme", "gone")
    watch(counter)

    assert kinds(counter, order_id) == ["cancel_requested", "canceled"]


def test_a_request_amid_start_handling_is_told_as_such_and_handling_starts_after_a_denial(
    counter: Desk,
) -> None:
    order_id = counter.order(status=READY)
    counter.intake(order_id)
    for _ in range(3):
        counter.work_one_step()
        counter.clock.pass_by(46)
    ask(counter, order_id)
    counter.work(rounds=2, seconds=6)
    assert kinds(counter, order_id) == ["cancel_requested"]

    counter.ask("denial", order_id, reason="não")
    counter.settle()
    counter.work(rounds=2, seconds=6)

    assert counter.journal.orders.get("acme", order_id).state is State.DONE
    assert counter.status(order_id) == "handling"
    assert kinds(counter, order_id) == ["cancel_requested"]


def test_an_order_that_was_to_be_canceled_before_it_came_in_comes_in_once_that_is_off(
    counter: Desk,
) -> None:
    order_id = counter.order(status=READY)
    ask(counter, order_id)
    hear(counter)
    entry = counter.entry(order_id)
    assert counter.journal.orders.get("acme", order_id).state is State.SKIPPED
    deciding.deny(counter.simulator.store, entry, entry.order["cancellationRequests"][0], "não")
    counter.clock.pass_by(5)

    hear(counter, rounds=3)

    assert counter.journal.orders.get("acme", order_id).state is State.DONE
    assert kinds(counter, order_id) == []


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
    new = amending.replace(counter.simulator.store, counter.entry(order_id))

    hear(counter, rounds=2)

    (event,) = told(counter, order_id)
    assert (event.kind, event.new_order_id) == ("replaced", new)
    assert counter.journal.orders.get("acme", new).state is State.DONE
    assert kinds(counter, new) == []


def test_one_that_came_in_meanwhile_is_told_of_once_more_under_the_same_name(
    counter: Desk,
) -> None:
    order_id = in_erp(counter)
    new = amending.replace(counter.simulator.store, counter.entry(order_id), "payment-pending")
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
    amending.replace(counter.simulator.store, counter.entry(order_id))

    counter.work(rounds=3, seconds=6)

    assert kinds(counter, order_id) == ["replaced"]


def test_the_new_order_is_told_of_later_where_the_list_lags(counter: Desk) -> None:
    order_id = in_erp(counter)
    counter.simulator.store.config.change(index_lag=240)
    new = amending.replace(counter.simulator.store, counter.entry(order_id))
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
