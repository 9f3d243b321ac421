"""A request to cancel reaches the ERP, and the ERP's decision reaches VTEX."""

from __future__ import annotations

from datetime import timedelta

from journal.model import State
from support.changed_orders import (
    ASKED,
    ask,
    cancel,
    changes,
    hear,
    in_erp,
    kinds,
    told,
    watch,
)
from support.in_process import Desk
from vtex.documents import FeedConfig
from vtex.simulator import cancel_requests
from vtex.statuses import CHANGES, READY


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
    cancel_requests.deny(
        counter.simulator.store, entry, entry.order["cancellationRequests"][0], "não"
    )
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
    cancel_requests.deny(
        counter.simulator.store, entry, entry.order["cancellationRequests"][0], "não"
    )
    counter.clock.pass_by(5)

    hear(counter, rounds=3)

    assert counter.journal.orders.get("acme", order_id).state is State.DONE
    assert kinds(counter, order_id) == []
