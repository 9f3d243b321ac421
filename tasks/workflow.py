"""From a claimed job to its messages: which task takes it on from each stage."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

from celery import chain, signature
from celery.canvas import Signature
from kombu.exceptions import OperationalError

from journal.journal import Journal
from journal.model import STAGES, JournalUnavailable, Kind, Lease, Stage

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
    Kind.DENIAL: {
        Stage.REQUESTED: "denials.post",
        Stage.SENT: "denials.confirm",
    },
    Kind.CHANGE: {
        Stage.SEEN: "changes.read",
        Stage.READ: "changes.report",
    },
}
"""The task that takes a job on from each stage."""

MOST_ORDERS = 25
"""Orders of one message: its cost, which is that of a step, is shared by as many."""

LEAST_MESSAGES = 8
"""What is sent at once goes in as many, where it can: one worker must not have it all."""


def send(journal: Journal, tickets: Sequence[Lease]) -> None:
    """Enqueue what is left of each ticket's steps.

    Raises:
        OperationalError: the broker does not answer; what was not enqueued is handed back.
    """
    left = list(tickets)
    for message, count in _messages(tickets):
        try:
            message.apply_async()
        except OperationalError:
            _release(journal, left)
            raise
        del left[:count]


def _messages(tickets: Sequence[Lease]) -> Iterator[tuple[Signature, int]]:
    """Yield messages, and how many of the tickets each has; intakes go several in one."""
    size = min(MOST_ORDERS, -(-len(tickets) // LEAST_MESSAGES))
    for is_intake, some in groupby(tickets, lambda one: one.kind is Kind.INTAKE):
        group = list(some)
        if not is_intake:
            yield from ((chain(*steps_of(one)), 1) for one in group)
            continue
        for start in range(0, len(group), size):
            orders = [name_of(one) | {"stage": one.stage} for one in group[start : start + size]]
            yield signature("orders.run", kwargs={"orders": orders}, immutable=True), len(orders)


def name_of(ticket: Lease) -> dict[str, Any]:
    """Return what the messages of a ticket's steps carry: identifiers only."""
    name = {"store": ticket.store, "order_id": ticket.order_id, "attempt": ticket.attempt}
    return name if ticket.job is None else name | {"job": ticket.job}


def steps_of(ticket: Lease) -> list[Signature]:
    """Return the signatures of a ticket's remaining steps."""
    name = name_of(ticket)
    return [
        signature(one, kwargs=name, immutable=True) for one in names_of(ticket.kind, ticket.stage)
    ]


def names_of(kind: Kind, stage: str) -> list[str]:
    """Return the tasks that take a job on from a stage; none where the stage is not known here."""
    path = STAGES[kind]
    if stage not in path:
        return []
    return [STEPS[kind][one] for one in path[path.index(Stage(stage)) : -1]]


def _release(journal: Journal, tickets: Sequence[Lease]) -> None:
    try:
        journal.jobs.release(tickets)
    except JournalUnavailable:
        log.warning("leases run out by themselves", extra={"count": len(tickets)})
