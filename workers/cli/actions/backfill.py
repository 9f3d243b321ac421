"""Run ``vtex-erp orders backfill``, and read VTEX's list of a range of dates."""

import time
from datetime import datetime

import click

from foundation.local_days import days_ago
from foundation.messages import commands as messages
from journal.model import State
from journal.orders import NewOrder
from tasks.context import Context
from tasks.reconciliation.compare import DAYS
from vtex.client import VtexClient
from vtex.statuses import READY
from vtex.transport.rate_limit import Priority
from workers.cli.options import LocalTime
from workers.cli.output import progress
from workers.cli.session import chosen_stores, reading

WAIT_SHOWN_SECONDS = 5.0
"""Shorter waits for the rate limit are not printed: a small quota causes one per second."""


def backfill(*, store: str | None, since: LocalTime, until: LocalTime | None) -> None:
    """Bring in every paid order that was placed in a range of dates."""
    with reading() as context:
        for name in chosen_stores(context, store):
            _backfill(context, name, *time_range(context, name, since, until))


def time_range(
    context: Context, store: str, since: LocalTime | None, until: LocalTime | None
) -> tuple[datetime, datetime]:
    """Return the range of dates that the options name, in the time zone of the store.

    Without ``since`` it begins with a whole day, ``DAYS`` before its end.

    Raises:
        UsageError: the range ends before it begins.
    """
    zone = context.zone(store)
    end = until.at(zone) if until else context.journal.now()
    begin = since.at(zone) if since else days_ago(DAYS, end, zone)
    if begin >= end:
        raise click.UsageError(messages.RANGE_EMPTY(begin="--from", end="--to"))
    return begin, end


def patient_client(context: Context, store: str) -> VtexClient:
    """Return a client whose calls have the lowest priority, and wait for the rate limit."""

    def wait(seconds: float) -> None:
        if seconds >= WAIT_SHOWN_SECONDS:
            click.echo(f"\nwaiting {seconds:.0f} s for VTEX's quota", err=True)
        time.sleep(seconds)

    return context.vtex[store].with_priority(Priority.LISTING, wait=wait)


def _backfill(context: Context, store: str, since: datetime, until: datetime) -> None:
    read = new = skipped = 0
    through: datetime | None = None
    try:
        with progress(f"{store}: brought in") as show:
            for part in patient_client(context, store).created(since, until, status=READY):
                known = context.journal.reconciliations.orders(
                    store, [order.order_id for order in part.orders]
                )
                new += context.journal.orders.record(
                    store,
                    [
                        NewOrder(order.order_id, order.created_at, order.value_cents)
                        for order in part.orders
                    ],
                )
                skipped += sum(order.state is State.SKIPPED for order in known.values())
                read += len(part.orders)
                through = part.through or through
                for reason in part.unreadable:
                    click.echo(f"\na row of the list names no order: {reason}", err=True)
                show(read, part.total)
    finally:
        click.echo(f"{store}: {new} new, {read - new} known, {skipped} of these skipped here")
        if through is None or through < until:
            begin = (through or since).astimezone(context.zone(store)).isoformat(timespec="seconds")
            click.echo(f"{store}: ended early; continue with --from {begin}", err=True)
