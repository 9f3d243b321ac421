"""From a claimed job to its messages: which task takes it on from each stage."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from celery import chain, signature
from celery.canvas import Signature
from kombu.exceptions import OperationalError

from journal.jobs import PATHS, JournalUnavailable, Kind, Stage, Ticket
from journal.store import Journal

log = logging.getLogger(__name__)

STEPS = {
    Kind.INTAKE: {
        Stage.LISTED: "orders.fetch",
        Stage.FETCHED: "orders.fetch_payment",
        Stage.PAID: "orders.insert",
        Stage.INSERTED: "orders.start_handling",
    },
    Kind.INVOICE: {
        Stage.REQUESTED: "invoices.post",
        Stage.SENT: "invoices.confirm",
    },
    Kind.TRACKING: {
        Stage.REQUESTED: "tracking.post",
    },
    Kind.CANCELLATION: {
        Stage.REQUESTED: "cancellations.post",
        Stage.SENT: "cancellations.confirm",
    },
}
"""The task that takes a job on from each stage."""


def send(journal: Journal, tickets: Sequence[Ticket]) -> None:
    """Enqueue what is left of each ticket's chain.

    Raises:
        OperationalError: the broker does not answer; what was not enqueued is handed back.
    """
    for position, ticket in enumerate(tickets):
        try:
            chain(*steps_of(ticket)).apply_async()
        except OperationalError:
            _release(journal, tickets[position:])
            raise


def steps_of(ticket: Ticket) -> list[Signature]:
    """Return the signatures of a ticket's remaining steps; they carry identifiers only."""
    name = {"store": ticket.store, "order_id": ticket.order_id, "attempt": ticket.attempt}
    if ticket.job is not None:
        name["job"] = ticket.job
    steps, path = STEPS[ticket.kind], PATHS[ticket.kind]
    return [
        signature(steps[stage], kwargs=name, immutable=True)
        for stage in path[path.index(ticket.stage) : -1]
    ]


def _release(journal: Journal, tickets: Sequence[Ticket]) -> None:
    try:
        journal.release(tickets)
    except JournalUnavailable:
        log.warning("leases run out by themselves", extra={"count": len(tickets)})
