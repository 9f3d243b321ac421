"""Polls VTEX's list for cancellations, for stores whose feed does not report them."""

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
"""Maximum age of an order in this poll. The reconciliation finds older cancellations."""

SETTLED = timedelta(minutes=15)
"""Age at which a request to cancel must be in VTEX's list, which lags by minutes."""


@shared_task(base=StoreTask, bind=True, name="orders.poll_cancellations")
def poll_cancellations(self: StoreTask, /, *, store: str, ended: bool = False, **_: object) -> None:
    """Poll VTEX's list for cancellations that the ERP must know.

    Source: ``GET /api/oms/pvt/orders``, one call for each status and 100 orders.

    Args:
        store: VTEX account name, as in the settings.
        ended: true for orders that were canceled or replaced. False for open requests to cancel.
    """
    journal = self.journal
    if journal.store_pauses.get(store) or (ended and _feed_reports_ends(journal, store)):
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
                    order.order_id: order.status or status
                    for order in page.orders
                    # VTEX does not document these values of f_status, so check the answer.
                    if order.status is None or order.status in wanted
                }
        hints = _ended(journal, store, listed) if ended else _undecided(journal, store, listed)
        if new := journal.order_changes.record(store, hints):
            dispatch(self.context, store=store)
    log.info("polled cancellations", extra={"store": store, "count": new})


def _feed_reports_ends(journal: Journal, store: str) -> bool:
    feed = journal.feeds.get(store)
    return (
        feed is not None
        and feed.is_working(journal.now())
        and (set(feed.statuses) >= statuses.ENDED_CANCELED)
    )


def _undecided(journal: Journal, store: str, listed: dict[str, str]) -> Iterator[ChangeHint]:
    now = journal.now()
    pending = {request.order_id: request for request in journal.cancel_requests.find(store)}
    new = _alive(journal, store, [order_id for order_id in listed if order_id not in pending])
    yield from _hints(journal, store, {order_id: listed[order_id] for order_id in new}, now)
    withdrawn = _withdrawn(pending.values(), listed, now)
    yield from _hints(journal, store, dict.fromkeys(withdrawn, "undecided no more"), now)


def _withdrawn(
    pending: Iterable[CancelRequest], listed: dict[str, str], now: datetime
) -> Iterator[str]:
    for request in pending:
        if request.order_id not in listed and now - request.requested_at > SETTLED:
            yield request.order_id


def _ended(journal: Journal, store: str, listed: dict[str, str]) -> Iterator[ChangeHint]:
    alive = _alive(journal, store, list(listed))
    yield from _hints(
        journal, store, {order_id: listed[order_id] for order_id in alive}, journal.now()
    )


def _alive(journal: Journal, store: str, order_ids: list[str]) -> list[str]:
    """Return the orders that the ERP has and does not know as canceled."""
    return [
        order_id
        for order_id, order in journal.reconciliations.orders(store, order_ids).items()
        if order.erp_reference is not None
        and not (order.cancellation_reported or order.cancellation_requested)
    ]


def _hints(
    journal: Journal, store: str, orders: dict[str, str], now: datetime
) -> Iterator[ChangeHint]:
    """Yield one hint per order and hour, since VTEX's list may stay wrong for long."""
    busy = journal.order_changes.pending(store, list(orders)) if orders else set()
    for order_id, status in orders.items():
        if order_id not in busy:
            yield ChangeHint(
                order_id, f"{status} listed {now:%Y-%m-%dT%H}", f"{status}, by the list"
            )
