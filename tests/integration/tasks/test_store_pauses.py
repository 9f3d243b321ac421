"""A store that pauses: what is running waits, and goes on as soon as the pause ends."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from workers.pauses import FOR_GOOD_SECONDS

from journal.model import Lease, State
from support.in_process import Desk, desk
from tasks import workflow
from workers.app import app


@pytest.fixture
def counter(journal_url: str) -> Iterator[Desk]:
    with desk(journal_url) as made:
        yield made


def under_way(counter: Desk) -> tuple[str, Lease]:
    """Return an order that a worker has been sent."""
    order_id = counter.order(status="ready-for-handling")
    counter.intake(order_id)
    (ticket,) = counter.journal.jobs.dispatch(in_flight=1)
    return order_id, ticket


def begin(ticket: Lease) -> None:
    first = workflow.steps_of(ticket)[0]
    app.tasks[first.task].apply(kwargs=first.kwargs)


def test_an_order_that_meets_a_pause_by_hand_goes_on_as_soon_as_that_is_ended(
    counter: Desk,
) -> None:
    order_id, ticket = under_way(counter)
    counter.journal.store_pauses.begin("acme", seconds=FOR_GOOD_SECONDS, reason="stocktaking")
    begin(ticket)
    counter.work(rounds=3, seconds=60)
    held = counter.journal.orders.get("acme", order_id)

    counter.journal.store_pauses.end("acme")
    counter.work()

    assert held is not None
    assert (held.state, held.stage, held.attempt) == (State.OPEN, "listed", 1)
    assert counter.journal.orders.get("acme", order_id).state is State.DONE


def test_an_order_that_met_a_401_goes_on_as_soon_as_the_pause_is_ended_by_hand(
    counter: Desk,
) -> None:
    order_id, ticket = under_way(counter)
    allowed = set(counter.simulator.store.permissions)
    counter.simulator.store.permissions.clear()
    begin(ticket)
    assert counter.journal.store_pauses.get("acme") is not None

    counter.simulator.store.permissions |= allowed
    counter.journal.store_pauses.end("acme")
    counter.work()

    assert counter.journal.orders.get("acme", order_id).state is State.DONE


def test_a_store_that_is_refused_for_hours_leaves_one_line_in_a_timeline(counter: Desk) -> None:
    order_id, ticket = under_way(counter)
    counter.simulator.store.permissions.clear()
    begin(ticket)

    counter.work(rounds=120, seconds=61)

    lines = [one.what for one in counter.journal.timeline.events("acme", order_id)]
    assert lines == ["listed", "tried again later"]
