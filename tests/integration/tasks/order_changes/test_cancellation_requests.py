"""A request to cancel reaches the ERP, and the ERP's decision reaches VTEX."""

from __future__ import annotations

from datetime import timedelta

from journal.model import State
from support.changed_orders import ASKED, ask, cancel, changes, hear, in_erp, kinds, told, watch
from support.order_flow import OrderFlow
from vtex.documents import FeedConfig
from vtex.simulator import cancel_requests
from vtex.statuses import CHANGES, READY


def test_a_request_to_cancel_reaches_the_erp_with_its_reason_and_the_30_day_rule(
    flow: OrderFlow,
) -> None:
    order_id = in_erp(flow)
    now = flow.clock()
    request = ask(flow, order_id)

    hear(flow)

    (event,) = told(flow, order_id)
    assert (event.kind, event.order_status) == ("cancel_requested", "cancellation-requested")
    assert (event.request_id, event.requested_by_user) == (request, True)
    assert event.reason == ASKED["reason"]
    assert event.decide_by == now + timedelta(days=30)
    (pending,) = flow.journal.cancel_requests.find("acme")
    assert (pending.order_id, pending.decide_by) == (order_id, event.decide_by)
    assert changes(flow, order_id) == [("reported", State.DONE)]


def test_nothing_that_a_shopper_wrote_is_in_the_timeline(flow: OrderFlow) -> None:
    order_id = in_erp(flow)
    ask(flow, order_id)
    hear(flow)

    lines = [str(event.detail) for event in flow.journal.timeline.events("acme", order_id)]

    assert any("to be decided by 2026-04-09" in line for line in lines)
    assert not [line for line in lines if "Ana" in line or "errado" in line]


def test_an_event_twice_late_and_out_of_order_is_told_once(flow: OrderFlow) -> None:
    order_id = in_erp(flow)
    flow.simulator.store.feed.repeats = 2
    flow.simulator.store.feed.shuffles = True
    ask(flow, order_id)
    hear(flow)
    cancel(flow, order_id)
    hear(flow, rounds=3)
    old = {
        "orderId": order_id,
        "state": "cancellation-requested",
        "domain": "Fulfillment",
        "currentChange": "2026-03-10T12:00:00.1Z",
    }
    flow.simulator.store.feed.add(old, flow.clock())

    hear(flow, rounds=2)

    assert kinds(flow, order_id) == ["cancel_requested", "canceled"]
    assert flow.journal.cancel_requests.find() == []


def test_an_event_whose_words_are_as_long_as_they_may_be_is_looked_into(flow: OrderFlow) -> None:
    order_id = in_erp(flow)
    odd = {
        "orderId": order_id,
        "state": "s" * 64,
        "lastState": "cancellation-requested",
        "currentChange": "soon",
    }
    flow.simulator.store.feed.add(odd | {"eventId": "e" * 64}, flow.clock())

    hear(flow)

    assert changes(flow, order_id) == [("seen", State.SKIPPED)]


def test_the_erp_accepts_and_the_order_is_canceled_once(flow: OrderFlow) -> None:
    order_id = in_erp(flow)
    ask(flow, order_id)
    hear(flow)

    flow.ask("cancellation", order_id, reason="ok")
    flow.settle()
    hear(flow, rounds=2)

    assert flow.status(order_id) == "canceled"
    assert flow.entry(order_id).calls["cancel_effects"] == 1
    # It asked for it itself: its outcome is all that it is told.
    assert flow.outcomes(order_id) == [("cancel_requested", None), ("cancellation", "done")]
    assert flow.journal.cancel_requests.find() == []


def test_the_erp_denies_and_the_order_goes_on(flow: OrderFlow) -> None:
    order_id = in_erp(flow)
    ask(flow, order_id)
    hear(flow)

    flow.ask("denial", order_id, reason="já foi despachado")
    flow.settle()
    hear(flow, rounds=2)

    (request,) = flow.entry(order_id).order["cancellationRequests"]
    assert request["deniedBySellerReason"] == "já foi despachado"
    assert flow.status(order_id) == "handling"
    assert flow.entry(order_id).calls["deny_effects"] == 1
    assert flow.outcomes(order_id) == [("cancel_requested", None), ("denial", "done")]
    assert flow.journal.cancel_requests.find() == []


def test_a_denial_whose_answer_was_lost_is_looked_up_and_not_sent_again(flow: OrderFlow) -> None:
    order_id = in_erp(flow)
    ask(flow, order_id)
    hear(flow)
    flow.simulator.faults.add(kind="lose_answer", route="deny")

    flow.ask("denial", order_id, reason="não")
    flow.settle()

    assert flow.entry(order_id).calls["deny_calls"] == 1
    assert flow.outcomes(order_id)[-1] == ("denial", "done")


def test_a_second_request_is_told_anew_and_may_be_denied_in_the_same_words(flow: OrderFlow) -> None:
    order_id = in_erp(flow)
    for _ in range(2):
        ask(flow, order_id)
        hear(flow)
        flow.ask("denial", order_id, reason="não")
        flow.settle()
        flow.clock.pass_by(60)

    assert flow.entry(order_id).calls["deny_effects"] == 2
    assert kinds(flow, order_id) == ["cancel_requested"] * 2
    assert [outcome for outcome in flow.outcomes(order_id) if outcome[1]] == [
        ("denial", "done")
    ] * 2


def test_on_the_marketplaces_side_a_denial_waits_until_the_seller_is_asked(flow: OrderFlow) -> None:
    order_id = in_erp(flow)
    ask(flow, order_id)
    store, entry = flow.simulator.store, flow.entry(order_id)
    store.change(entry, {"status": "request-cancel"})
    hear(flow)
    assert kinds(flow, order_id) == ["cancel_requested"]
    flow.ask("denial", order_id, reason="não")
    flow.work(rounds=2, seconds=30)
    assert not entry.calls["deny_calls"]

    store.change(entry, {"status": "waiting-for-seller-decision"})
    flow.settle()

    assert entry.calls["deny_effects"] == 1
    assert flow.status(order_id) == "handling"
    assert flow.outcomes(order_id)[-1] == ("denial", "done")


def test_a_denial_that_vtex_takes_and_never_acts_on_is_told_as_dead(flow: OrderFlow) -> None:
    order_id = in_erp(flow)
    ask(flow, order_id)
    hear(flow)
    flow.simulator.faults.add(kind="ignore_effect", route="deny", times=None)

    flow.ask("denial", order_id, reason="não")
    flow.settle()

    assert flow.outcomes(order_id)[-1] == ("denial", "dead")
    assert flow.entry(order_id).calls["deny_effects"] == 0
    assert flow.journal.cancel_requests.get("acme", order_id) is not None


def test_a_denial_of_what_nobody_asks_for_is_refused(flow: OrderFlow) -> None:
    order_id = in_erp(flow)

    flow.ask("denial", order_id, reason="não")
    flow.settle()

    assert flow.outcomes(order_id) == [("denial", "refused")]
    assert not flow.entry(order_id).calls["deny_calls"]


def test_the_erp_cannot_deny_what_it_asked_for_itself(flow: OrderFlow) -> None:
    order_id = in_erp(flow)
    flow.ask("cancellation", order_id, reason="sem estoque")
    flow.work_one_step()
    assert flow.status(order_id) == "cancellation-requested"

    flow.ask("denial", order_id, reason="não")
    flow.settle()

    assert ("denial", "refused") in flow.outcomes(order_id)
    assert flow.status(order_id) == "canceled"
    assert kinds(flow, order_id) == []


def test_a_request_that_another_hand_denied_is_told_as_off(flow: OrderFlow) -> None:
    order_id = in_erp(flow)
    ask(flow, order_id)
    hear(flow)
    entry = flow.entry(order_id)
    cancel_requests.deny(flow.simulator.store, entry, entry.order["cancellationRequests"][0], "não")
    flow.clock.pass_by(16 * 60)

    watch(flow)

    assert kinds(flow, order_id) == ["cancel_requested", "cancel_dropped"]
    assert flow.journal.cancel_requests.find() == []


def test_what_nobody_decides_on_for_30_days_is_told_as_canceled(flow: OrderFlow) -> None:
    order_id = in_erp(flow)
    ask(flow, order_id)
    hear(flow)
    flow.clock.pass_by(timedelta(days=30, minutes=1).total_seconds())

    flow.client.configure_feed(FeedConfig((READY, *CHANGES), 300, 345_600))
    hear(flow, rounds=2)
    flow.journal.feeds.mark_failed("acme", "gone")
    watch(flow)

    assert kinds(flow, order_id) == ["cancel_requested", "canceled"]


def test_a_request_amid_start_handling_is_told_as_such_and_handling_starts_after_a_denial(
    flow: OrderFlow,
) -> None:
    order_id = flow.order(status=READY)
    flow.intake(order_id)
    for _ in range(3):
        flow.work_one_step()
        flow.clock.pass_by(46)
    ask(flow, order_id)
    flow.work(rounds=2, seconds=6)
    assert kinds(flow, order_id) == ["cancel_requested"]

    flow.ask("denial", order_id, reason="não")
    flow.settle()
    flow.work(rounds=2, seconds=6)

    assert flow.journal.orders.get("acme", order_id).state is State.DONE
    assert flow.status(order_id) == "handling"
    assert kinds(flow, order_id) == ["cancel_requested"]


def test_an_order_that_was_to_be_canceled_before_it_came_in_comes_in_once_that_is_off(
    flow: OrderFlow,
) -> None:
    order_id = flow.order(status=READY)
    ask(flow, order_id)
    hear(flow)
    entry = flow.entry(order_id)
    assert flow.journal.orders.get("acme", order_id).state is State.SKIPPED
    cancel_requests.deny(flow.simulator.store, entry, entry.order["cancellationRequests"][0], "não")
    flow.clock.pass_by(5)

    hear(flow, rounds=3)

    assert flow.journal.orders.get("acme", order_id).state is State.DONE
    assert kinds(flow, order_id) == []
