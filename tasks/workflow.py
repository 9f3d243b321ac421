"""Turns leased jobs into messages: several orders share a message, every other job has its own."""

import logging
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

from celery import chain, signature
from celery.canvas import Signature
from kombu.exceptions import OperationalError

from journal.journal import Journal
from journal.model import JournalUnavailable, Kind, Lease
from tasks.context import Context
from tasks.job_kinds import RUN_TASK, remaining_tasks

log = logging.getLogger(__name__)

MAX_ORDERS = 25
"""Maximum orders of one message. They share its cost, which equals the cost of a step."""

MIN_MESSAGES = 8
"""Orders that are dispatched together go into at least so many messages, for several workers."""


def dispatch(context: Context, *, store: str | None = None, order_id: str | None = None) -> int:
    """Lease due jobs and enqueue their messages. Return the number of the jobs.

    Args:
        store, order_id: limit the dispatch to this store or order.

    Raises:
        JournalUnavailable: the database does not respond.
        OperationalError: the broker does not respond. The remaining jobs are released.
    """
    leases = context.journal.jobs.dispatch(
        in_flight=context.in_flight, store=store, order_id=order_id
    )
    send(context.journal, leases)
    return len(leases)


def send(journal: Journal, leases: Sequence[Lease]) -> None:
    """Enqueue the remaining steps of each job.

    Raises:
        OperationalError: the broker does not respond. The remaining jobs are released.
    """
    left = list(leases)
    for message, count in _messages(leases):
        try:
            message.apply_async()
        except OperationalError:
            _release(journal, left)
            raise
        del left[:count]


def _messages(leases: Sequence[Lease]) -> Iterator[tuple[Signature, int]]:
    """Yield messages, each with its number of jobs."""
    size = min(MAX_ORDERS, -(-len(leases) // MIN_MESSAGES))
    for is_intake, jobs in groupby(leases, lambda lease: lease.kind is Kind.INTAKE):
        group = list(jobs)
        if not is_intake:
            yield from ((chain(*steps_of(lease)), 1) for lease in group)
            continue
        for start in range(0, len(group), size):
            orders = [
                name_of(lease) | {"stage": lease.stage} for lease in group[start : start + size]
            ]
            yield signature(RUN_TASK, kwargs={"orders": orders}, immutable=True), len(orders)


def name_of(lease: Lease) -> dict[str, Any]:
    """Return the arguments of a job's steps: identifiers only."""
    name = {"store": lease.store, "order_id": lease.order_id, "attempt": lease.attempt}
    return name if lease.job is None else name | {"job": lease.job}


def steps_of(lease: Lease) -> list[Signature]:
    """Return the signatures of a job's remaining steps."""
    name = name_of(lease)
    return [
        signature(task, kwargs=name, immutable=True)
        for task in remaining_tasks(lease.kind, lease.stage)
    ]


def _release(journal: Journal, leases: Sequence[Lease]) -> None:
    try:
        journal.jobs.release(leases)
    except JournalUnavailable:
        log.warning("leases are left to expire", extra={"count": len(leases)})
