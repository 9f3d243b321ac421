"""A store that pauses: what is running waits, and goes on as soon as the pause ends."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from journal.model import Lease, State
from support.order_flow import OrderFlow, order_flow
from tasks import workflow
from workers.app import app
from workers.cli.output import FOR_GOOD_SECONDS


@pytest.fixture
def flow(journal_url: str) -> Iterator[OrderFlow]:
    with order_flow(journal_url) as made:
        yield made


def under_way(flow: OrderFlow) -> tuple[str, Lease]:
    """Return an order that a worker has been sent."""
    order_id = flow.order(status="ready-for-handling")
    flow.intake(order_id)
    (ticket,) = flow.journal.jobs.dispatch(in_flight=1)
    return order_id, ticket


def begin(ticket: Lease) -> None:
    first = workflow.steps_of(ticket)[0]
    app.tasks[first.task].apply(kwargs=first.kwargs)


def test_an_order_that_meets_a_pause_by_hand_goes_on_as_soon_as_that_is_ended(
    flow: OrderFlow,
) -> None:
    order_id, ticket = under_way(flow)
    flow.journal.store_pauses.begin("acme", seconds=FOR_GOOD_SECONDS, reason="stocktaking")
    begin(ticket)
    flow.work(rounds=3, seconds=60)
    held = flow.journal.orders.get("acme", order_id)

    flow.journal.store_pauses.end("acme")
    flow.work()

    assert held is not None
    assert (held.state, held.stage, held.attempt) == (State.OPEN, "listed", 1)
    assert flow.journal.orders.get("acme", order_id).state is State.DONE


def test_an_order_that_met_a_401_goes_on_as_soon_as_the_pause_is_ended_by_hand(
    flow: OrderFlow,
) -> None:
    order_id, ticket = under_way(flow)
    allowed = set(flow.simulator.store.permissions)
    flow.simulator.store.permissions.clear()
    begin(ticket)
    assert flow.journal.store_pauses.get("acme") is not None

    flow.simulator.store.permissions |= allowed
    flow.journal.store_pauses.end("acme")
    flow.work()

    assert flow.journal.orders.get("acme", order_id).state is State.DONE


def test_a_store_that_is_refused_for_hours_leaves_one_line_in_a_timeline(flow: OrderFlow) -> None:
    order_id, ticket = under_way(flow)
    flow.simulator.store.permissions.clear()
    begin(ticket)

    flow.work(rounds=120, seconds=61)

    lines = [entry.event for entry in flow.journal.timeline.events("acme", order_id)]
    assert lines == ["listed", "retried later"]
