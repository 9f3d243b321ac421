"""Dead jobs by the thousand: found by cause, brought back, or given up."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from journal.jobs.dead_letters import DeadLetterFilter
from journal.journal import Journal
from journal.model import Kind, Policy, State
from journal.orders import NewOrder
from journal.requests import RequestDraft


def bury(journal: Journal, count: int, reason: str = "items.{n}.quantity is not text") -> None:
    journal.orders.record("acme", [NewOrder(f"o-{n:05}", None, 100) for n in range(count)])
    tickets = journal.jobs.dispatch(in_flight=count)
    for n, ticket in enumerate(tickets):
        journal.jobs.bury("acme", ticket.order_id, ticket.attempt, reason.format(n=n))


def test_ten_thousand_dead_jobs_come_back_once(journal_url: str) -> None:
    # A lease that has lapsed at once, and no crash that is forgiven: the quick way to die.
    journal = Journal(journal_url, policy=Policy(lease_seconds=-1, max_crashes=0))
    journal.migrate()
    for start in range(0, 10_000, 500):
        journal.orders.record(
            "acme", [NewOrder(f"o-{n:05}", None, 1) for n in range(start, start + 500)]
        )
    journal.jobs.dispatch(in_flight=10_000)
    journal.jobs.dispatch(in_flight=0)
    rows = journal.dead_letters.find(DeadLetterFilter())

    moved = sum(journal.dead_letters.retry(rows))
    again = sum(journal.dead_letters.retry(rows))

    assert (len(rows), moved, again) == (10_000, 10_000, 0)
    assert journal.orders.counts() == {"acme": {"listed": 10_000}}
    journal.close()


def test_causes_are_the_same_where_only_numbers_and_names_differ(journal: Journal) -> None:
    bury(journal, 5)

    assert {letter.cause for letter in journal.dead_letters.find(DeadLetterFilter())} == {
        "items.…quantity is not text"
    }


@pytest.mark.parametrize(
    ("which", "count"),
    [
        (DeadLetterFilter(), 3),
        (DeadLetterFilter(store="acme"), 3),
        (DeadLetterFilter(store="outlet"), 0),
        (DeadLetterFilter(order_id="o-00001"), 1),
        (DeadLetterFilter(kind=Kind.INVOICE), 0),
        (DeadLetterFilter(reason="ITEMS.1"), 1),
        (DeadLetterFilter(reason="100%"), 0),
        (DeadLetterFilter(since=datetime(2099, 1, 1, tzinfo=UTC)), 0),
        (DeadLetterFilter(until=datetime(2000, 1, 1, tzinfo=UTC)), 0),
    ],
)
def test_dead_jobs_are_found_by_what_is_known_of_them(
    journal: Journal, which: DeadLetterFilter, count: int
) -> None:
    bury(journal, 3)

    assert len(journal.dead_letters.find(which)) == count


def test_a_request_that_is_given_up_is_told_to_the_erp_with_the_reason(journal: Journal) -> None:
    journal.requests.refuse(
        RequestDraft("acme", "o-1", Kind.INVOICE, "k", {"invoice_number": "1"}), "no such SKU"
    )
    for outcome in journal.outcomes.due(10):
        journal.outcomes.mark_reported(outcome)

    assert (
        sum(
            journal.dead_letters.discard(
                journal.dead_letters.find(DeadLetterFilter()), "sent by hand"
            )
        )
        == 1
    )

    (outcome,) = journal.outcomes.due(10)
    assert (outcome.outcome, outcome.reason) == ("obsolete", "discarded: sent by hand")
    (row,) = journal.requests.find("acme", "o-1")
    assert row.state is State.SKIPPED
    assert journal.dead_letters.find(DeadLetterFilter()) == []
    assert [entry.event for entry in journal.timeline.events("acme", "o-1")][-1] == "discarded"
