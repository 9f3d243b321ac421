"""A change of an order that VTEX never ends holds an invoice for a bounded time."""

from __future__ import annotations

from datetime import timedelta

from journal.jobs.dead_letters import DeadLetter, DeadLetterFilter
from journal.model import Kind, State
from support.changed_orders import amend, changes, in_erp, kinds
from support.order_flow import OrderFlow
from tasks.outbound import request_intake
from tasks.retry_policy import RetryPolicy
from vtex.simulator import order_changes
from workers.app import app

PATIENCE = RetryPolicy().change_patience


def stuck(flow: OrderFlow) -> str:
    """Return an order with a change that VTEX can neither finish nor undo."""
    order_id = flow.order("repeated")
    amend(flow, order_id, quantities={"0": 9}, fails=True)
    return order_id


def dead(flow: OrderFlow) -> list[DeadLetter]:
    return flow.journal.dead_letters.find(DeadLetterFilter(kind=Kind.INVOICE))


def wait_in_vain(flow: OrderFlow, order_id: str) -> DeadLetter:
    flow.invoice(order_id)
    flow.work(2, seconds=301)
    assert dead(flow) == []
    flow.clock.pass_by(PATIENCE.total_seconds())
    flow.work()
    (letter,) = dead(flow)
    return letter


def timeline(flow: OrderFlow, order_id: str) -> list[tuple[str, str | None]]:
    return [(row.event, row.detail) for row in flow.journal.timeline.events("acme", order_id)]


def test_after_the_bound_the_invoice_is_dead_and_names_the_next_step(flow: OrderFlow) -> None:
    order_id = stuck(flow)

    letter = wait_in_vain(flow, order_id)

    assert "vtex-erp requests invoice … --anyway" in letter.reason
    assert "vtex-erp requests retry JOB --anyway" in letter.reason
    assert "waited for 1 day" in letter.reason
    assert flow.entry(order_id).calls["invoice_calls"] == 0
    assert flow.outcomes(order_id) == [("invoice", "refused")]


def test_the_bound_is_a_setting(flow: OrderFlow) -> None:
    order_id = stuck(flow)
    object.__setattr__(flow.context, "retries", RetryPolicy(1, change_patience_seconds=60))

    flow.invoice(order_id)
    flow.work(2, seconds=61)

    assert len(dead(flow)) == 1


def test_a_replay_that_ignores_the_change_sends_the_invoice_and_is_in_the_timeline(
    flow: OrderFlow,
) -> None:
    order_id = stuck(flow)
    letter = wait_in_vain(flow, order_id)

    assert list(flow.journal.dead_letters.retry([letter], ignores_change=True)) == [1]
    flow.settle()

    assert flow.status(order_id) == "invoiced"
    assert flow.outcomes(order_id)[-1] == ("invoice", "done")
    lines = timeline(flow, order_id)
    assert ("retried by hand", "although a change of the order may be under way") in lines
    assert ("note", "sent without the check for a change under way") in lines


def test_a_replay_as_usual_waits_for_the_change_as_long_again(flow: OrderFlow) -> None:
    letter = wait_in_vain(flow, stuck(flow))

    list(flow.journal.dead_letters.retry([letter]))
    flow.work(2, seconds=301)
    waits = dead(flow)
    flow.clock.pass_by(PATIENCE.total_seconds())
    flow.work()

    assert waits == []
    assert [row.job for row in dead(flow)] == [letter.job]


def test_the_same_invoice_requested_anyway_is_sent_while_it_waits(flow: OrderFlow) -> None:
    order_id = stuck(flow)
    flow.invoice(order_id)
    flow.work()
    fields = {
        "store": "acme",
        "order_id": order_id,
        "invoice_number": "128841",
        "value_cents": flow.value(order_id),
        "issued_at": "2026-03-10T15:04:05-03:00",
    }

    request_intake.record(flow.context, "invoice", fields, again=True, ignores_change=True)
    flow.work(3, seconds=3)

    assert flow.outcomes(order_id) == [("invoice", "done")]
    (request,) = flow.journal.requests.find("acme", order_id)
    assert request.state is State.DONE


def test_anyway_skips_the_check_for_changes_alone(flow: OrderFlow) -> None:
    order_id = stuck(flow)
    too_much = {
        "store": "acme",
        "order_id": order_id,
        "invoice_number": "128841",
        "value_cents": flow.value(order_id) + 1,
        "issued_at": "2026-03-10T15:04:05-03:00",
    }

    request_intake.record(flow.context, "invoice", too_much, again=True, ignores_change=True)
    flow.settle()

    assert flow.entry(order_id).calls["invoice_calls"] == 0
    assert flow.outcomes(order_id) == [("invoice", "refused")]


def test_an_invoice_goes_out_by_itself_once_the_change_ends_in_time(flow: OrderFlow) -> None:
    order_id = flow.order()
    amend(flow, order_id, add="310555", running=True)
    flow.invoice(order_id)
    flow.work(2, seconds=301)

    order_changes.end(flow.entry(order_id), "canceled")
    flow.settle()

    assert flow.outcomes(order_id) == [("invoice", "done")]


def test_an_endless_change_reaches_the_erp_after_the_bound_as_vtex_shows_it(
    flow: OrderFlow,
) -> None:
    # The store's first order is older than the first comparison.
    in_erp(flow)
    flow.clock.pass_by(3 * 3600)
    order_id = in_erp(flow, "many")
    amend(flow, order_id, add="310555", running=True)
    flow.clock.pass_by(86_400)
    app.tasks["orders.reconcile"].apply(kwargs={"store": "acme"})
    flow.work(2, seconds=301)
    assert kinds(flow, order_id) == []

    flow.clock.pass_by((PATIENCE + timedelta(minutes=10)).total_seconds())
    flow.work()

    assert kinds(flow, order_id) == ["changed"]
    assert changes(flow, order_id) == [("reported", State.DONE)]
