"""What is done to one order reads nothing of the others, however many wait.

Asked of the database's own plans, on tables that nobody has analyzed: so are they in a new
installation's first hour, and after a sale has begun PostgreSQL knows as little of what waits.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from journal.journal import Journal
from journal.model import STAGES, Kind, Postponement, Stage
from journal.order_changes import ChangeHint
from journal.orders import NewOrder
from journal.requests import RequestDraft
from journal.storage.clock import utc_now
from support.query_plans import explained
from tasks.retry_policy import RetryPolicy


@pytest.fixture
def crowded(journal: Journal) -> Journal:
    """A journal in which 2,000 orders wait."""
    start = utc_now() - timedelta(hours=2)
    journal.orders.record(
        "acme", [NewOrder(f"o-{n:04}", start + timedelta(seconds=n), 100) for n in range(2000)]
    )
    return journal


@pytest.fixture
def plans(crowded: Journal) -> Iterator[dict[str, str]]:
    with explained(crowded) as found:
        yield found


def reads_others(plans: dict[str, str]) -> list[str]:
    """Return the plans that go through what is open, due or leased, or through all there is."""
    indexes = ("ix_journal_jobs_place", "ix_journal_jobs_leased")
    scans = ("Seq Scan on journal_jobs", "SCAN journal_jobs", "SCAN jobs")
    return [value for value in plans.values() if any(word in value for word in indexes + scans)]


def begin(journal: Journal, order_id: str) -> int:
    (ticket,) = journal.jobs.dispatch(in_flight=9999, order_id=order_id)
    return ticket.attempt


def test_the_steps_of_an_order(crowded: Journal, plans: dict[str, str]) -> None:
    attempt, left = begin(crowded, "o-1900"), None
    plans.clear()

    for stage in STAGES[Kind.INTAKE][1:]:
        with crowded.jobs.step(
            "acme", "o-1900", attempt, to=stage, begun=left, goes_on=stage != Stage.HANDLING
        ) as left:
            left.order = {"orderId": "o-1900"}

    assert len(plans) >= 2
    assert reads_others(plans) == []


def test_a_step_that_comes_by_itself_and_is_held(crowded: Journal, plans: dict[str, str]) -> None:
    attempt = begin(crowded, "o-1900")
    plans.clear()

    with crowded.jobs.step("acme", "o-1900", attempt, to=Stage.FETCHED) as job:
        crowded.jobs.hold(job)
        job.skip("canceled")

    assert len(plans) >= 3
    assert reads_others(plans) == []


@pytest.mark.parametrize("ending", ["postpone", "bury", "hand_back"])
def test_a_step_that_ends_otherwise(crowded: Journal, plans: dict[str, str], ending: str) -> None:
    attempt = begin(crowded, "o-1900")
    plans.clear()

    if ending == "postpone":
        crowded.jobs.postpone(
            "acme",
            "o-1900",
            attempt,
            "VTEX does not answer",
            Postponement(RetryPolicy().backoff_seconds),
        )
    elif ending == "bury":
        crowded.jobs.bury("acme", "o-1900", attempt, "broken", refused=True)
    else:
        crowded.jobs.hand_back("acme", "o-1900", attempt, job=None)

    assert plans
    assert reads_others(plans) == []


def test_a_request_of_the_erp(crowded: Journal, plans: dict[str, str]) -> None:
    ask = RequestDraft(
        "acme", "o-1900", Kind.INVOICE, "1", {"invoice_number": "1"}, invoice_number="1"
    )
    number = crowded.requests.submit(ask).job
    crowded.requests.submit(ask)
    done = begin(crowded, "o-1900")
    with crowded.jobs.step("acme", "o-1900", done, to=Stage.FETCHED) as job:
        job.skip("handled elsewhere")
    attempt = begin(crowded, "o-1900")
    plans.clear()

    for stage in (Stage.SENT, Stage.CONFIRMED):
        with crowded.jobs.step("acme", "o-1900", attempt, to=stage, job=number):
            pass
    crowded.requests.of_invoice("acme", "o-1900", "1")

    assert len(plans) >= 5
    assert reads_others(plans) == []


def test_what_is_heard_of_an_order(crowded: Journal, plans: dict[str, str]) -> None:
    crowded.order_changes.record("acme", [ChangeHint("o-1900", "list", "")])
    crowded.order_changes.pending("acme", ["o-1900", "o-1901"])

    assert plans
    assert reads_others(plans) == []
