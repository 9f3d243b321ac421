"""The feed, the second source of orders: the task reads, records and then commits its events.

The task also checks the feed's configuration. VTEX drops a feed that was silent for long, and every
owner of a key can change it.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from celery import shared_task

from foundation.messages import checks, log_events
from journal.feeds import FeedRow
from journal.orders import NewOrder
from tasks.base import StoreTask
from tasks.context import Renew
from tasks.order_changes.detection import change_hints
from tasks.workflow import dispatch
from vtex.client import VtexClient
from vtex.documents import FeedBatch, FeedConfig
from vtex.errors import (
    DocumentInvalid,
    FeedMissing,
    RateLimitReached,
    VtexError,
    VtexThrottled,
    VtexUnauthorized,
)
from vtex.statuses import READY

log = logging.getLogger(__name__)

MAX_BATCHES = 100
"""Answers of VTEX in one run, so that an endless feed cannot occupy a thread. The next run
continues."""

PERMISSION = "Feed v3 and Hook Admin"


@shared_task(base=StoreTask, bind=True, name="orders.read_feed")
def read_feed(self: StoreTask, /, *, store: str, **_: object) -> None:
    """Write the orders of the feed's events into the journal, then commit the events.

    Source: ``GET`` and ``POST /api/orders/feed``.

    Args:
        store: VTEX account name, as in the settings.
    """
    feed = self.journal.feeds.get(store)
    if (
        feed is None
        or store not in self.context.list_intervals
        or self.journal.store_pauses.get(store)
    ):
        return
    if not feed.is_due(self.journal.now()):
        return
    with self.context.lock(f"orders.read_feed:{store}") as renew:
        if renew is None:
            return
        with _fault_kept(self, feed):
            _read(self, feed, renew)


def as_set_up(feed: FeedRow) -> FeedConfig:
    """Return the configuration that VTEX must have."""
    return FeedConfig(feed.statuses, feed.hidden_seconds, feed.kept_seconds)


def difference(feed: FeedRow, actual: FeedConfig | None) -> str | None:
    """Return how VTEX's configuration differs from ours, or None if they are equal."""
    if actual is None:
        return "VTEX had none any more"
    if not actual.is_workflow or set(actual.statuses or ()) != set(feed.statuses):
        return "its filter had been changed at VTEX"
    queue = ((actual.hidden_seconds, feed.hidden_seconds), (actual.kept_seconds, feed.kept_seconds))
    if any(theirs not in (None, ours) for theirs, ours in queue):
        return "its times had been changed at VTEX"
    return None


def _read(task: StoreTask, feed: FeedRow, renew: Renew) -> None:
    client = task.vtex(feed.store)
    if feed.needs_check(task.journal.now()) and _restored(task, feed, client):
        return
    new = seen = 0
    try:
        for _ in range(MAX_BATCHES):
            renew()
            batch = client.feed()
            if not len(batch):
                break
            count = _recorded(task, feed.store, batch)
            # Commit only after the journal has the events. VTEX sends uncommitted events again.
            client.commit_feed(handles(batch))
            if count:
                dispatch(task.context, store=feed.store)
            new, seen = new + count, seen + len(batch)
    except FeedMissing:
        _restore(task, feed, client, "VTEX had none any more")
    if seen:
        log.info("read the feed", extra={"store": feed.store, "count": new})


def handles(batch: FeedBatch) -> list[str]:
    """Return the handles that commit an answer's events, including events without an order id."""
    readable = [event.handle for event in batch.events]
    return readable + [event.handle for event in batch.unreadable if event.handle]


def _recorded(task: StoreTask, store: str, batch: FeedBatch) -> int:
    for event in batch.unreadable:
        names = {"store": store, "order_id": event.order_id}
        reason = f"event {event.event_id or 'without an id'}: {event.reason}"
        log_events.FEED_EVENT_UNUSABLE.log(log, **names, reason=reason)
    if batch.unreadable:
        task.journal.feeds.count_unreadable(store, len(batch.unreadable))
    # An event's status may be old or missing: the order's own document decides.
    also = task.context.also_intake.get(store)
    states = {None, READY, *(also.statuses if also else ())}
    order_ids = [event.order_id for event in batch.events if event.state in states]
    order_ids += [event.order_id for event in batch.unreadable if event.order_id]
    new = task.record(store, [NewOrder(order_id, None, None) for order_id in order_ids])
    return new + task.journal.order_changes.record(store, change_hints(batch.events))


def _restored(task: StoreTask, feed: FeedRow, client: VtexClient) -> bool:
    """Restore VTEX's configuration if it differs from ours. Return whether it differed."""
    try:
        reason = difference(feed, client.feed_config())
    except DocumentInvalid as error:
        reason = f"it could not be read ({error})"
    if reason is None:
        task.journal.feeds.mark_working(feed.store)
        return False
    _restore(task, feed, client, reason)
    return True


def _restore(task: StoreTask, feed: FeedRow, client: VtexClient, reason: str) -> None:
    if task.journal.feeds.get(feed.store) is None:
        return  # a person removed the feed meanwhile
    client.configure_feed(as_set_up(feed))
    task.journal.feeds.mark_restored(feed.store, reason)
    log.warning("the feed was restored", extra={"store": feed.store, "reason": reason})


@contextmanager
def _fault_kept(task: StoreTask, feed: FeedRow) -> Iterator[None]:
    """Record the fault of a feed, so that the list takes over at its usual pace."""
    try:
        yield
    except (RateLimitReached, VtexThrottled):
        raise  # the whole store waits
    except VtexUnauthorized as error:
        if error.status != 403:
            raise
        # Only one permission is missing, so that the store need not pause.
        _fail(task, feed, checks.PERMISSION_MISSING(permission=PERMISSION, error=error))
    except VtexError as error:
        _fail(task, feed, str(error))


def _fail(task: StoreTask, feed: FeedRow, fault: str) -> None:
    task.journal.feeds.mark_failed(feed.store, fault)
    if fault != feed.fault:
        log_events.FEED_FAILED.log(log, store=feed.store, reason=fault)
