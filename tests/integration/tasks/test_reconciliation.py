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
from support import order_flow as order_flows
from support.order_flow import OrderFlow
from tasks.base import StoreTask
from tasks.reconciliation.compare import Finding, FindingKind, Fix, Sides, compare_store
from tasks.reconciliation.repair import repair
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
def flow(journal_url: str) -> Iterator[OrderFlow]:
    with order_flows.order_flow(
        journal_url, index_lag=0, handling_delay=0, invoice_delay=0
    ) as made:
        yield made


def findings(flow: OrderFlow) -> list[Finding]:
    now = flow.clock()
    since = now - timedelta(days=7)
    return compare_store(flow.journal, flow.erp, flow.client, "acme", since, now).findings


def kinds(flow: OrderFlow) -> dict[str, tuple[str, str]]:
    return {finding.order_id: (str(finding.kind), str(finding.fix)) for finding in findings(flow)}


def mend(flow: OrderFlow) -> list[bool]:
    return [repair(flow.context, finding).done for finding in findings(flow)]


def in_erp(flow: OrderFlow, status: str = "ready-for-handling") -> str:
    """Let an order come in, whole; then let time pass until it is young no more."""
    order_id = flow.order(status="ready-for-handling")
    flow.intake(order_id)
    flow.work()
    if status != "ready-for-handling":
        set_status(flow, order_id, status)
    flow.clock.pass_by(LONG)
    return order_id


def set_status(flow: OrderFlow, order_id: str, status: str) -> None:
    flow.simulator.store.change(flow.entry(order_id), {"status": status})


def test_an_order_that_went_its_way_is_no_finding(flow: OrderFlow) -> None:
    order_id = in_erp(flow)

    assert flow.status(order_id) == "handling"
    assert kinds(flow) == {}


def test_an_order_that_is_young_is_no_finding(flow: OrderFlow) -> None:
    order_id = flow.order(status="ready-for-handling")
    now = stamp(flow.clock(), 0)
    dates = {"creationDate": now, "authorizedDate": now}
    flow.simulator.store.change(flow.entry(order_id), dates)

    assert kinds(flow) == {}


def test_an_order_that_still_tries_is_no_finding(flow: OrderFlow) -> None:
    flow.erp.is_down = True
    flow.intake(flow.order(status="ready-for-handling"))
    flow.work()
    flow.clock.pass_by(LONG)
    flow.erp.is_down = False

    assert kinds(flow) == {}


def test_an_order_that_is_paid_and_unknown_here_comes_in(flow: OrderFlow) -> None:
    order_id = flow.order(status="ready-for-handling")
    flow.clock.pass_by(LONG)

    assert kinds(flow) == {order_id: ("unknown-here", "record")}
    assert mend(flow) == [True]
    flow.work()
    flow.clock.pass_by(LONG)

    assert kinds(flow) == {}
    assert flow.erp.find("acme", order_id)
    assert "reconciled" in [entry.event for entry in flow.journal.timeline.events("acme", order_id)]


def test_an_order_that_was_skipped_and_is_ready_after_all_comes_in(flow: OrderFlow) -> None:
    order_id = flow.order(status="canceled")
    flow.intake(order_id)
    flow.work()
    set_status(flow, order_id, "ready-for-handling")
    flow.clock.pass_by(LONG)

    assert kinds(flow) == {order_id: ("skipped-here", "retry")}
    mend(flow)
    flow.work()

    assert flow.erp.find("acme", order_id)


def test_an_order_that_is_dead_here_needs_a_person(flow: OrderFlow) -> None:
    order_id = flow.order(status="ready-for-handling")
    flow.simulator.store.change(flow.entry(order_id), {"items": []})
    flow.intake(order_id)
    flow.work()
    flow.clock.pass_by(LONG)

    assert flow.journal.orders.find(state=State.DEAD)
    assert kinds(flow) == {order_id: ("dead-here", "nothing")}
    assert mend(flow) == [False]


def test_a_start_handling_that_vtex_forgot_is_sent_again(flow: OrderFlow) -> None:
    order_id = in_erp(flow)
    set_status(flow, order_id, "ready-for-handling")

    assert kinds(flow) == {order_id: ("not-start-handled", "start-handling")}
    mend(flow)
    flow.work()

    assert flow.status(order_id) == "handling"
    assert flow.entry(order_id).calls["start_handling_effects"] == 2
    assert len(flow.erp.orders) == 1


def test_a_start_handling_that_the_list_alone_forgot_is_not_sent_again(flow: OrderFlow) -> None:
    order_id = in_erp(flow)
    set_status(flow, order_id, "ready-for-handling")
    (found,) = findings(flow)
    set_status(flow, order_id, "handling")

    assert repair(flow.context, found).done
    flow.work()

    assert flow.simulator.store.calls["start_handling"] == 1
    assert kinds(flow) == {}


def test_an_order_that_another_hand_moved_on_needs_a_person(flow: OrderFlow) -> None:
    unknown = flow.order(status="handling")
    skipped = flow.order(status="invoiced")
    flow.intake(skipped)
    flow.work()
    flow.clock.pass_by(LONG)

    assert kinds(flow) == dict.fromkeys((unknown, skipped), ("moved-on-absent", "nothing"))


def test_an_order_that_the_erp_lost_needs_a_person(flow: OrderFlow) -> None:
    order_id = in_erp(flow)
    flow.erp._references.clear()

    assert kinds(flow) == {order_id: ("lost-by-erp", "nothing")}


def test_a_cancellation_is_reported_to_the_erp_once(flow: OrderFlow) -> None:
    order_id = in_erp(flow, "canceled")

    assert kinds(flow) == {order_id: ("canceled-alive", "report-cancellation")}
    assert mend(flow) == [True]

    assert kinds(flow) == {}
    assert [entry.kind for entry in flow.told(order_id)] == ["canceled"]
    assert CANCELLATION_REPORTED in [
        entry.event for entry in flow.journal.timeline.events("acme", order_id)
    ]


def test_a_cancellation_that_the_list_alone_shows_is_not_reported(flow: OrderFlow) -> None:
    order_id = in_erp(flow, "canceled")
    (found,) = findings(flow)
    set_status(flow, order_id, "handling")

    mended = repair(flow.context, found)

    assert not mended.done
    assert "list is behind" in mended.text
    assert flow.told(order_id) == []


def test_a_cancellation_of_the_erp_s_own_is_no_finding(flow: OrderFlow) -> None:
    order_id = in_erp(flow)
    flow.ask("cancellation", order_id, reason="acabou")
    flow.settle()
    flow.clock.pass_by(LONG)

    assert flow.status(order_id) == "canceled"
    assert kinds(flow) == {}


def test_an_order_that_was_canceled_while_it_came_in_is_no_finding(flow: OrderFlow) -> None:
    order_id = flow.order(status="ready-for-handling")
    flow.intake(order_id)
    for _ in range(3):
        flow.work_one_step()
        flow.clock.pass_by(60)
    set_status(flow, order_id, "canceled")
    flow.work(rounds=3, seconds=60)
    flow.clock.pass_by(LONG)

    assert [entry.kind for entry in flow.told(order_id)] == ["canceled"]
    assert kinds(flow) == {}


def test_an_invoice_that_is_dead_here_and_done_there_tries_again(flow: OrderFlow) -> None:
    order_id = in_erp(flow)
    flow.invoice(order_id)
    (ticket,) = flow.journal.jobs.dispatch(in_flight=9)
    flow.journal.jobs.bury("acme", order_id, ticket.attempt, "for a test", job=ticket.job)
    set_status(flow, order_id, "invoiced")
    flow.clock.pass_by(LONG)

    assert kinds(flow) == {order_id: ("invoiced-there", "retry-invoice")}
    assert mend(flow) == [True]

    assert "reconciled" in [entry.event for entry in flow.journal.timeline.events("acme", order_id)]


def test_an_invoice_that_the_erp_never_asked_for_is_found_where_it_asks_for_them(
    flow: OrderFlow,
) -> None:
    by_hand = in_erp(flow, "invoiced")
    assert kinds(flow) == {}

    other = in_erp(flow)
    flow.invoice(other)
    flow.settle()
    flow.clock.pass_by(LONG)

    assert flow.status(other) == "invoiced"
    assert kinds(flow) == {by_hand: ("invoiced-there", "nothing")}


def test_an_invoice_that_vtex_does_not_show_needs_a_person(flow: OrderFlow) -> None:
    order_id, in_part = in_erp(flow), in_erp(flow)
    flow.invoice(order_id)
    flow.part(in_part, "7")
    flow.settle()
    flow.clock.pass_by(LONG)
    assert kinds(flow) == {}

    set_status(flow, order_id, "handling")

    assert kinds(flow) == {order_id: ("invoiced-here", "nothing")}


def test_cents_that_stay_open_after_all_units_are_a_finding(flow: OrderFlow) -> None:
    order_id = in_erp(flow)
    items = [
        {"sku_id": item["id"], "quantity": item["quantity"], "price_cents": 1}
        for item in flow.entry(order_id).order["items"]
    ]
    flow.invoice(order_id, value_cents=flow.value(order_id) - 1, items=items)
    flow.settle()
    flow.clock.pass_by(LONG)

    [finding] = findings(flow)

    assert (finding.kind, finding.fix) == (FindingKind.CENTS_OPEN, Fix.NOTHING)
    assert finding.detail.startswith("1 cents are open, and VTEX shows")


def test_a_total_that_changed_at_vtex_needs_a_person(flow: OrderFlow) -> None:
    order_id = in_erp(flow)
    flow.simulator.store.change(flow.entry(order_id), {"value": flow.value(order_id) + 1})

    (found,) = findings(flow)

    assert (found.kind, found.order_id, found.fix) == (FindingKind.TOTALS, order_id, Fix.NOTHING)
    assert found.detail.endswith("in the ERP")


def test_an_order_that_is_stuck_at_vtex_needs_a_person(flow: OrderFlow) -> None:
    stuck = in_erp(flow, "invoice")
    flow.clock.pass_by(24 * 3600)
    flow.order(status="payment-approved")

    assert kinds(flow)[stuck] == ("stuck", "nothing")


def test_a_finding_that_was_mended_by_another_hand_is_left_alone(flow: OrderFlow) -> None:
    order_id = flow.order(status="ready-for-handling")
    flow.clock.pass_by(LONG)
    (found,) = findings(flow)
    flow.journal.orders.record("acme", [NewOrder(order_id, None, 1)])

    mended = repair(flow.context, found)

    assert not mended.done
    assert mended.text == "it has moved on meanwhile"


def test_an_adapter_that_only_finds_is_asked_one_by_one(flow: OrderFlow) -> None:
    order_id = in_erp(flow, "canceled")
    erp: Any = type("Plain", (), {"find": flow.erp.find})()

    assert erp_orders(erp, "acme", [order_id, "nobody-01"]) == {order_id: ErpOrder("1")}


# --- what the simulated store does not do by itself -----------------------------------------------


def sides(there: dict[str, Any], here: dict[str, Any] | None, in_erp: ErpOrder | None) -> list[str]:
    now = order_flows.Clock()()
    old = now - timedelta(days=3)
    listed = ListedOrder("o-1", old, there.pop("status"), there.pop("cents", 100))
    base = {"order_id": "o-1", "stage": "handling", "state": State.DONE, "last_error": None}
    base |= {"erp_reference": "1", "value_cents": 100, "updated_at": old}
    known = None if here is None else JournalOrder(**base | here)
    found = Sides("acme", listed, known, in_erp, now, True).findings()
    return [f"{entry.kind} {entry.fix}" for entry in found]


def test_an_order_that_the_erp_takes_for_canceled_is_not_handled_without_a_person() -> None:
    there = {"status": "ready-for-handling"}

    assert sides(there, {}, ErpOrder("1", canceled=True)) == ["not-start-handled nothing"]


@pytest.mark.parametrize("known", ["cancellation_requested", "cancellation_reported"])
def test_what_the_journal_knows_counts_where_the_erp_does_not_tell(known: str) -> None:
    assert sides({"status": "canceled"}, {known: True}, ErpOrder("1")) == []
    assert sides({"status": "canceled"}, {}, ErpOrder("1")) == [
        "canceled-alive report-cancellation"
    ]


@pytest.mark.parametrize(("hours", "found"), [(0, []), (2, ["invoiced-there nothing"])])
def test_an_invoice_that_is_being_confirmed_is_no_finding(hours: int, found: list[str]) -> None:
    asked_at = order_flows.Clock()() - timedelta(hours=hours)
    here = {"open_invoices": (7,), "invoice_requested_at": asked_at}

    assert sides({"status": "invoiced"}, here, ErpOrder("1")) == found


@pytest.mark.parametrize("move", ["updated_at", "invoice_requested_at", "invoiced_at"])
@pytest.mark.parametrize(("hours", "found"), [(23, []), (25, ["stuck nothing"])])
def test_an_order_that_was_moved_from_here_is_not_stuck_yet(
    move: str, hours: int, found: list[str]
) -> None:
    moved_at = order_flows.Clock()() - timedelta(hours=hours)

    assert sides({"status": "invoice"}, {move: moved_at}, ErpOrder("1")) == found


def test_a_large_total_that_vtex_s_list_rounds_is_the_same() -> None:
    exact = 123_456_789_01

    rounded = {"status": "handling", "cents": exact + 300}
    other = {"status": "handling", "cents": exact + 900}

    assert sides(rounded, {"value_cents": exact}, ErpOrder("1")) == []
    assert sides(other, {"value_cents": exact}, ErpOrder("1")) == ["totals-differ nothing"]


# --- on the schedule ------------------------------------------------------------------------------


def test_the_schedule_compares_once_a_day_and_keeps_what_it_came_to(
    flow: OrderFlow, caplog: pytest.LogCaptureFixture
) -> None:
    in_erp(flow)
    lost = flow.order(status="ready-for-handling")
    flow.clock.pass_by(LONG)

    for _ in range(2):
        assert app.tasks["orders.reconcile"].apply(kwargs={"store": "acme"}).state == "SUCCESS"
    kept = flow.journal.reconciliations.latest()["acme"]

    assert kept.findings == {"unknown-here": 1}
    found = [record for record in caplog.records if record.message == "reconciliation found"]
    assert [entry.__dict__["order_id"] for entry in found] == [lost]

    flow.clock.pass_by(24 * 3600)
    app.tasks["orders.reconcile"].apply(kwargs={"store": "acme"})

    assert flow.journal.reconciliations.latest()["acme"].at > kept.at
    assert flow.simulator.store.status(flow.entry(lost)) == "ready-for-handling"


def test_the_schedule_leaves_what_was_placed_before_the_first_order_came_in(
    flow: OrderFlow,
) -> None:
    flow.order(status="handling")
    flow.clock.pass_by(60)
    in_erp(flow)

    app.tasks["orders.reconcile"].apply(kwargs={"store": "acme"})

    assert flow.journal.reconciliations.latest()["acme"].findings == {}


def test_the_schedule_calls_nobody_before_any_order_is_old_enough(flow: OrderFlow) -> None:
    flow.intake(flow.order(status="ready-for-handling"))

    app.tasks["orders.reconcile"].apply(kwargs={"store": "acme"})

    assert flow.journal.reconciliations.latest() == {}
    assert flow.simulator.store.calls.total() == 0


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


def test_the_schedule_waits_for_calls_and_lets_all_others_go_first(flow: OrderFlow) -> None:
    in_erp(flow)
    rate_limiter = Stingy()
    store = flow.simulator
    account = Account("acme", store.app_key, store.app_token, store.url, store.url)
    client = VtexClient(Transport(account, rate_limiter=rate_limiter))
    StoreTask.process_context = replace(flow.context, vtex={"acme": client})

    assert app.tasks["orders.reconcile"].apply(kwargs={"store": "acme"}).state == "SUCCESS"

    assert rate_limiter.priorities == [Priority.LISTING] * 2
    assert "acme" in flow.journal.reconciliations.latest()


def test_the_schedule_gives_up_where_no_calls_are_left_for_long() -> None:
    wait = patience(lambda: None, seconds=60)

    wait(0)
    with pytest.raises(RateLimitReached):
        wait(61)


def test_a_reconciliation_that_takes_too_long_tells_how_far_it_got(flow: OrderFlow) -> None:
    in_erp(flow)
    now = flow.clock()

    whole = compare_store(
        flow.journal, flow.erp, flow.client, "acme", now - timedelta(days=7), now, seconds=0
    )

    assert whole.until <= now
    assert whole.orders == 1
