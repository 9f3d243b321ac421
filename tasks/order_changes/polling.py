"""Cancellations by VTEX's list, for stores without a feed that tells of them."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from celery import shared_task

from journal.cancel_requests import CancelRequest
from journal.journal import Journal
from journal.order_changes import ChangeHint
from tasks.base import StoreTask
from tasks.workflow import dispatch
from vtex import statuses

log = logging.getLogger(__name__)

WINDOW = timedelta(days=3)
"""How old an order may be whose end is looked for here; older ones the reconciliation finds."""

SETTLED = timedelta(minutes=15)
"""A request to cancel that is younger may not be in VTEX's list yet."""


@shared_task(base=StoreTask, bind=True, name="orders.poll_cancellations")
def poll_cancellations(self: StoreTask, /, *, store: str, ended: bool = False, **_: object) -> None:
    """Look in VTEX's list for orders that the ERP must hear of.

    Source: ``GET /api/oms/pvt/orders``, one call a status and 100 orders.

    Args:
        store: VTEX account name, as in the settings.
        ended: look for those that were canceled or replaced; else for those that are to be.
    """
    journal = self.journal
    if journal.store_pauses.get(store) or (ended and _feed_tells(journal, store)):
        return
    with self.context.lock(f"orders.poll_cancellations:{store}:{ended}") as renew:
        if renew is None:
            return
        since = journal.now() - WINDOW if ended else None
        wanted = statuses.ENDED_CANCELED if ended else statuses.UNDECIDED
        listed: dict[str, str] = {}
        for status in sorted(wanted):
            for page in self.vtex(store).list_orders(status=status, created_from=since):
                renew()
                listed |= {
                    one.order_id: one.status or status
                    for one in page.orders
                    # VTEX does not document that f_status takes these.
                    if one.status is None or one.status in wanted
                }
        hints = _ended(journal, store, listed) if ended else _undecided(journal, store, listed)
        if new := journal.order_changes.record(store, hints):
            dispatch(self.context, store=store)
    log.info("watched", extra={"store": store, "count": new})


def _feed_tells(journal: Journal, store: str) -> bool:
    feed = journal.feeds.get(store)
    return (
        feed is not None
        and feed.is_working(journal.now())
        and (set(feed.statuses) >= statuses.ENDED_CANCELED)
    )


def _undecided(journal: Journal, store: str, listed: dict[str, str]) -> Iterator[ChangeHint]:
    now = journal.now()
    pending = {one.order_id: one for one in journal.cancel_requests.find(store)}
    new = _alive(journal, store, [one for one in listed if one not in pending])
    yield from _hints(journal, store, {one: listed[one] for one in new}, now)
    off = _no_more(pending.values(), listed, now)
    yield from _hints(journal, store, dict.fromkeys(off, "undecided no more"), now)


def _no_more(
    pending: Iterable[CancelRequest], listed: dict[str, str], now: datetime
) -> Iterator[str]:
    for one in pending:
        if one.order_id not in listed and now - one.requested_at > SETTLED:
            yield one.order_id


def _ended(journal: Journal, store: str, listed: dict[str, str]) -> Iterator[ChangeHint]:
    alive = _alive(journal, store, list(listed))
    yield from _hints(journal, store, {one: listed[one] for one in alive}, journal.now())


def _alive(journal: Journal, store: str, order_ids: list[str]) -> list[str]:
    """Return those that the ERP has, and takes for alive."""
    return [
        order_id
        for order_id, one in journal.reconciliations.orders(store, order_ids).items()
        if one.erp_reference is not None
        and not (one.cancellation_reported or one.cancellation_requested)
    ]


def _hints(
    journal: Journal, store: str, orders: dict[str, str], now: datetime
) -> Iterator[ChangeHint]:
    """Yield a hint an order and hour: what VTEX's list goes on to show wrongly costs no more."""
    busy = journal.order_changes.pending(store, list(orders)) if orders else set()
    for order_id, status in orders.items():
        if order_id not in busy:
            yield ChangeHint(
                order_id, f"{status} listed {now:%Y-%m-%dT%H}", f"{status}, by the list"
            )
