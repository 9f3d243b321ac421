"""VTEX, the journal and the ERP side by side: each kind of difference, and what mends it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from erp.port import ErpOrder, erp_orders
from journal.model import State
from journal.orders import NewOrder
from journal.reconciliation import CANCELLATION_REPORTED, JournalOrder
from support import in_process as desks
from support.in_process import Desk
from tasks.base import StoreTask
from tasks.reconciliation import repair
from tasks.reconciliation.compare import Finding, Fix, Found, Sides, compare_store
from tasks.reconciliation.tasks import patience
from vtex.client import VtexClient
from vtex.documents import ListedOrder
from vtex.errors import RateLimitReached
from vtex.simulator.timestamps import stamp
from vtex.transport.rate_limit import Priority
from vtex.transport.transport import Account, Transport
from workers.app import app

LONG = 2 * 3600


@pytest.fixture
def desk(journal_url: str) -> Iterator[Desk]:
    with desks.desk(journal_url, index_lag=0, handling_delay=0, invoice_delay=0) as made:
        yield made


def findings(desk: Desk) -> list[Finding]:
    now = desk.clock()
    since = now - timedelta(days=7)
    return compare_store(desk.journal, desk.erp, desk.client, "acme", since, now).findings


def kinds(desk: Desk) -> dict[str, tuple[str, str]]:
    return {one.order_id: (str(one.kind), str(one.fix)) for one in findings(desk)}


def mend(desk: Desk) -> list[bool]:
    return [repair.mend(desk.context, one).done for one in findings(desk)]


def in_erp(desk: Desk, status: str = "ready-for-handling") -> str:
    """Let an order come in, whole; then let time pass until it is young no more."""
    order_id = desk.order(status="ready-for-handling")
    desk.intake(order_id)
    desk.work()
    if status != "ready-for-handling":
        set_status(desk, order_id, status)
    desk.clock.pass_by(LONG)
    return order_id


def set_status(desk: Desk, order_id: str, status: str) -> None:
    desk.simulator.store.change(desk.entry(order_id), {"status": status})


def test_an_order_that_went_its_way_is_no_finding(desk: Desk) -> None:
    order_id = in_erp(desk)

    assert desk.status(order_id) == "handling"
    assert kinds(desk) == {}


def test_an_order_that_is_young_is_no_finding(desk: Desk) -> None:
    order_id = desk.order(status="ready-for-handling")
    now = stamp(desk.clock(), 0)
    dates = {"creationDate": now, "authorizedDate": now}
    desk.simulator.store.change(desk.entry(order_id), dates)

    assert kinds(desk) == {}


def test_an_order_that_still_tries_is_no_finding(desk: Desk) -> None:
    desk.erp.is_down = True
    desk.intake(desk.order(status="ready-for-handling"))
    desk.work()
    desk.clock.pass_by(LONG)
    desk.erp.is_down = False

    assert kinds(desk) == {}


def test_an_order_that_is_paid_and_unknown_here_comes_in(desk: Desk) -> None:
    order_id = desk.order(status="ready-for-handling")
    desk.clock.pass_by(LONG)

    assert kinds(desk) == {order_id: ("unknown-here", "record")}
    assert mend(desk) == [True]
    desk.work()
    desk.clock.pass_by(LONG)

    assert kinds(desk) == {}
    assert desk.erp.find("acme", order_id)
    assert "reconciled" in [one.what for one in desk.journal.timeline.events("acme", order_id)]


def test_an_order_that_was_skipped_and_is_ready_after_all_comes_in(desk: Desk) -> None:
    order_id = desk.order(status="canceled")
    desk.intake(order_id)
    desk.work()
    set_status(desk, order_id, "ready-for-handling")
    desk.clock.pass_by(LONG)

    assert kinds(desk) == {order_id: ("skipped-here", "retry")}
    mend(desk)
    desk.work()

    assert desk.erp.find("acme", order_id)


def test_an_order_that_is_dead_here_needs_a_person(desk: Desk) -> None:
    order_id = desk.order(status="ready-for-handling")
    desk.simulator.store.change(desk.entry(order_id), {"items": []})
    desk.intake(order_id)
    desk.work()
    desk.clock.pass_by(LONG)

    assert desk.journal.orders.find(state=State.DEAD)
    assert kinds(desk) == {order_id: ("set-aside", "nothing")}
    assert mend(desk) == [False]


def test_a_start_handling_that_vtex_forgot_is_sent_again(desk: Desk) -> None:
    order_id = in_erp(desk)
    set_status(desk, order_id, "ready-for-handling")

    assert kinds(desk) == {order_id: ("not-start-handled", "start-handling")}
    mend(desk)
    desk.work()

    assert desk.status(order_id) == "handling"
    assert desk.entry(order_id).calls["start_handling_effects"] == 2
    assert len(desk.erp.orders) == 1


def test_a_start_handling_that_the_list_alone_forgot_is_not_sent_again(desk: Desk) -> None:
    order_id = in_erp(desk)
    set_status(desk, order_id, "ready-for-handling")
    (found,) = findings(desk)
    set_status(desk, order_id, "handling")

    assert repair.mend(desk.context, found).done
    desk.work()

    assert desk.simulator.store.calls["start_handling"] == 1
    assert kinds(desk) == {}


def test_an_order_that_another_hand_moved_on_needs_a_person(desk: Desk) -> None:
    unknown = desk.order(status="handling")
    skipped = desk.order(status="invoiced")
    desk.intake(skipped)
    desk.work()
    desk.clock.pass_by(LONG)

    assert kinds(desk) == dict.fromkeys((unknown, skipped), ("moved-on-absent", "nothing"))


def test_an_order_that_the_erp_lost_needs_a_person(desk: Desk) -> None:
    order_id = in_erp(desk)
    desk.erp._references.clear()

    assert kinds(desk) == {order_id: ("lost-by-erp", "nothing")}


def test_a_cancellation_is_reported_to_the_erp_once(desk: Desk) -> None:
    order_id = in_erp(desk, "canceled")

    assert kinds(desk) == {order_id: ("canceled-alive", "tell-erp")}
    assert mend(desk) == [True]

    assert kinds(desk) == {}
    assert [one.kind for one in desk.told(order_id)] == ["canceled"]
    assert CANCELLATION_REPORTED in [
        one.what for one in desk.journal.timeline.events("acme", order_id)
    ]


def test_a_cancellation_that_the_list_alone_shows_is_not_reported(desk: Desk) -> None:
    order_id = in_erp(desk, "canceled")
    (found,) = findings(desk)
    set_status(desk, order_id, "handling")

    mended = repair.mend(desk.context, found)

    assert not mended.done
    assert "list is behind" in mended.words
    assert desk.told(order_id) == []


def test_a_cancellation_of_the_erp_s_own_is_no_finding(desk: Desk) -> None:
    order_id = in_erp(desk)
    desk.ask("cancellation", order_id, reason="acabou")
    desk.settle()
    desk.clock.pass_by(LONG)

    assert desk.status(order_id) == "canceled"
    assert kinds(desk) == {}


def test_an_order_that_was_canceled_while_it_came_in_is_no_finding(desk: Desk) -> None:
    order_id = desk.order(status="ready-for-handling")
    desk.intake(order_id)
    for _ in range(3):
        desk.work_one_step()
        desk.clock.pass_by(60)
    set_status(desk, order_id, "canceled")
    desk.work(rounds=3, seconds=60)
    desk.clock.pass_by(LONG)

    assert [one.kind for one in desk.told(order_id)] == ["canceled"]
    assert kinds(desk) == {}


def test_an_invoice_that_is_dead_here_and_done_there_tries_again(desk: Desk) -> None:
    order_id = in_erp(desk)
    desk.invoice(order_id)
    (ticket,) = desk.journal.jobs.dispatch(in_flight=9)
    desk.journal.jobs.bury("acme", order_id, ticket.attempt, "for a test", job=ticket.job)
    set_status(desk, order_id, "invoiced")
    desk.clock.pass_by(LONG)

    assert kinds(desk) == {order_id: ("invoiced-there", "retry-invoice")}
    assert mend(desk) == [True]

    assert "reconciled" in [one.what for one in desk.journal.timeline.events("acme", order_id)]


def test_an_invoice_that_the_erp_never_asked_for_is_found_where_it_asks_for_them(
    desk: Desk,
) -> None:
    by_hand = in_erp(desk, "invoiced")
    assert kinds(desk) == {}

    other = in_erp(desk)
    desk.invoice(other)
    desk.settle()
    desk.clock.pass_by(LONG)

    assert desk.status(other) == "invoiced"
    assert kinds(desk) == {by_hand: ("invoiced-there", "nothing")}


def test_an_invoice_that_vtex_does_not_show_needs_a_person(desk: Desk) -> None:
    order_id, in_part = in_erp(desk), in_erp(desk)
    desk.invoice(order_id)
    desk.part(in_part, "7")
    desk.settle()
    desk.clock.pass_by(LONG)
    assert kinds(desk) == {}

    set_status(desk, order_id, "handling")

    assert kinds(desk) == {order_id: ("invoiced-here", "nothing")}


def test_a_total_that_changed_at_vtex_needs_a_person(desk: Desk) -> None:
    order_id = in_erp(desk)
    desk.simulator.store.change(desk.entry(order_id), {"value": desk.value(order_id) + 1})

    (found,) = findings(desk)

    assert (found.kind, found.order_id, found.fix) == (Found.TOTALS, order_id, Fix.NOTHING)
    assert found.detail.endswith("in the ERP")


def test_an_order_that_is_stuck_at_vtex_needs_a_person(desk: Desk) -> None:
    stuck = in_erp(desk, "invoice")
    desk.clock.pass_by(24 * 3600)
    desk.order(status="payment-approved")

    assert kinds(desk)[stuck] == ("stuck", "nothing")


def test_a_finding_that_was_mended_by_another_hand_is_left_alone(desk: Desk) -> None:
    order_id = desk.order(status="ready-for-handling")
    desk.clock.pass_by(LONG)
    (found,) = findings(desk)
    desk.journal.orders.record("acme", [NewOrder(order_id, None, 1)])

    mended = repair.mend(desk.context, found)

    assert not mended.done
    assert mended.words == "it has moved on meanwhile"


def test_an_adapter_that_only_finds_is_asked_one_by_one(desk: Desk) -> None:
    order_id = in_erp(desk, "canceled")
    erp: Any = type("Plain", (), {"find": desk.erp.find})()

    assert erp_orders(erp, "acme", [order_id, "nobody-01"]) == {order_id: ErpOrder("1")}


# --- what the simulated store does not do by itself -----------------------------------------------


def sides(there: dict[str, Any], here: dict[str, Any] | None, in_erp: ErpOrder | None) -> list[str]:
    now = desks.Clock()()
    old = now - timedelta(days=3)
    listed = ListedOrder("o-1", old, there.pop("status"), there.pop("cents", 100))
    base = {"order_id": "o-1", "stage": "handling", "state": State.DONE, "last_error": None}
    base |= {"erp_reference": "1", "value_cents": 100, "updated_at": old}
    known = None if here is None else JournalOrder(**base | here)
    found = Sides("acme", listed, known, in_erp, now, True).findings()
    return [f"{one.kind} {one.fix}" for one in found]


def test_an_order_that_the_erp_takes_for_canceled_is_not_handled_without_a_person() -> None:
    there = {"status": "ready-for-handling"}

    assert sides(there, {}, ErpOrder("1", canceled=True)) == ["not-start-handled nothing"]


@pytest.mark.parametrize("known", ["cancellation_asked", "cancellation_told"])
def test_what_the_journal_knows_counts_where_the_erp_does_not_tell(known: str) -> None:
    assert sides({"status": "canceled"}, {known: True}, ErpOrder("1")) == []
    assert sides({"status": "canceled"}, {}, ErpOrder("1")) == ["canceled-alive tell-erp"]


@pytest.mark.parametrize(("hours", "found"), [(0, []), (2, ["invoiced-there nothing"])])
def test_an_invoice_that_is_being_confirmed_is_no_finding(hours: int, found: list[str]) -> None:
    asked_at = desks.Clock()() - timedelta(hours=hours)
    here = {"open_invoices": (7,), "asked_at": asked_at}

    assert sides({"status": "invoiced"}, here, ErpOrder("1")) == found


@pytest.mark.parametrize("move", ["updated_at", "asked_at", "invoiced_at"])
@pytest.mark.parametrize(("hours", "found"), [(23, []), (25, ["stuck nothing"])])
def test_an_order_that_was_moved_from_here_is_not_stuck_yet(
    move: str, hours: int, found: list[str]
) -> None:
    moved_at = desks.Clock()() - timedelta(hours=hours)

    assert sides({"status": "invoice"}, {move: moved_at}, ErpOrder("1")) == found


def test_a_large_total_that_vtex_s_list_rounds_is_the_same() -> None:
    exact = 123_456_789_01

    rounded = {"status": "handling", "cents": exact + 300}
    other = {"status": "handling", "cents": exact + 900}

    assert sides(rounded, {"value_cents": exact}, ErpOrder("1")) == []
    assert sides(other, {"value_cents": exact}, ErpOrder("1")) == ["totals-differ nothing"]


# --- on the schedule ------------------------------------------------------------------------------


def test_the_schedule_compares_once_a_day_and_keeps_what_it_came_to(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    in_erp(desk)
    lost = desk.order(status="ready-for-handling")
    desk.clock.pass_by(LONG)

    for _ in range(2):
        assert app.tasks["orders.reconcile"].apply(kwargs={"store": "acme"}).state == "SUCCESS"
    kept = desk.journal.reconciliations.latest()["acme"]

    assert kept.findings == {"unknown-here": 1}
    found = [one for one in caplog.records if one.message == "reconciliation found"]
    assert [one.__dict__["order_id"] for one in found] == [lost]

    desk.clock.pass_by(24 * 3600)
    app.tasks["orders.reconcile"].apply(kwargs={"store": "acme"})

    assert desk.journal.reconciliations.latest()["acme"].at > kept.at
    assert desk.simulator.store.status(desk.entry(lost)) == "ready-for-handling"


def test_the_schedule_leaves_what_was_placed_before_the_first_order_came_in(desk: Desk) -> None:
    desk.order(status="handling")
    desk.clock.pass_by(60)
    in_erp(desk)

    app.tasks["orders.reconcile"].apply(kwargs={"store": "acme"})

    assert desk.journal.reconciliations.latest()["acme"].findings == {}


def test_the_schedule_calls_nobody_before_any_order_is_old_enough(desk: Desk) -> None:
    desk.intake(desk.order(status="ready-for-handling"))

    app.tasks["orders.reconcile"].apply(kwargs={"store": "acme"})

    assert desk.journal.reconciliations.latest() == {}
    assert desk.simulator.store.calls.total() == 0


class Stingy:
    """A rate limit that refuses every second call of the list, and remembers the priorities."""

    def __init__(self) -> None:
        self.priorities: list[Priority] = []

    def acquire(self, group: str, priority: Priority) -> None:
        self.priorities.append(priority)
        if len(self.priorities) % 2:
            raise RateLimitReached.until(0)

    def slow_down(self, seconds: float) -> None:
        raise NotImplementedError


def test_the_schedule_waits_for_calls_and_lets_all_others_go_first(desk: Desk) -> None:
    in_erp(desk)
    rate_limiter = Stingy()
    store = desk.simulator
    account = Account("acme", store.app_key, store.app_token, store.url, store.url)
    client = VtexClient(Transport(account, rate_limiter=rate_limiter))
    StoreTask.process_context = replace(desk.context, vtex={"acme": client})

    assert app.tasks["orders.reconcile"].apply(kwargs={"store": "acme"}).state == "SUCCESS"

    assert rate_limiter.priorities == [Priority.LISTING] * 2
    assert "acme" in desk.journal.reconciliations.latest()


def test_the_schedule_gives_up_where_no_calls_are_left_for_long() -> None:
    wait = patience(lambda: None, seconds=60)

    wait(0)
    with pytest.raises(RateLimitReached):
        wait(61)


def test_a_reconciliation_that_takes_too_long_tells_how_far_it_got(desk: Desk) -> None:
    in_erp(desk)
    now = desk.clock()

    whole = compare_store(
        desk.journal, desk.erp, desk.client, "acme", now - timedelta(days=7), now, seconds=0
    )

    assert whole.until <= now
    assert whole.orders == 1
