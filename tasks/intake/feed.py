"""The feed, the second way in: read, written down, and only then committed.

Its configuration is watched: VTEX drops a feed that has long been silent, and anybody who has the
key can change it.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from celery import shared_task

from foundation.messages import log_events
from journal.feeds import FeedRow
from journal.orders import NewOrder
from tasks.base import StoreTask
from tasks.context import Renew
from tasks.order_changes.detection import heard
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

MOST_BATCHES = 100
"""Answers of one run, so that a feed without end keeps no thread for itself; the next run goes on.
"""

PERMISSION = "Feed v3 and Hook Admin"


@shared_task(base=StoreTask, bind=True, name="orders.read_feed")
def read_feed(self: StoreTask, /, *, store: str, **_: object) -> None:
    """Write the orders that the feed tells of into the journal, and commit the events after it.

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
    """Return the configuration that VTEX is to have."""
    return FeedConfig(feed.statuses, feed.hidden_seconds, feed.kept_seconds)


def difference(feed: FeedRow, found: FeedConfig | None) -> str | None:
    """Return how VTEX's configuration differs from ours; None where it does not."""
    if found is None:
        return "VTEX had none any more"
    if not found.is_workflow or set(found.statuses or ()) != set(feed.statuses):
        return "its filter had been changed at VTEX"
    queue = ((found.hidden_seconds, feed.hidden_seconds), (found.kept_seconds, feed.kept_seconds))
    if any(theirs not in (None, ours) for theirs, ours in queue):
        return "its times had been changed at VTEX"
    return None


def _read(task: StoreTask, feed: FeedRow, renew: Renew) -> None:
    client = task.vtex(feed.store)
    if feed.needs_check(task.journal.now()) and _restored(task, feed, client):
        return
    new = seen = 0
    try:
        for _ in range(MOST_BATCHES):
            renew()
            batch = client.feed()
            if not len(batch):
                break
            found = _recorded(task, feed.store, batch)
            # Only what the journal has; what is lost in between comes again.
            client.commit_feed(handles(batch))
            if found:
                dispatch(task.context, store=feed.store)
            new, seen = new + found, seen + len(batch)
    except FeedMissing:
        _restore(task, feed, client, "VTEX had none any more")
    if seen:
        log.info("read the feed", extra={"store": feed.store, "count": new})


def handles(batch: FeedBatch) -> list[str]:
    """Return what commits the events of an answer: those that name no order never will."""
    found = [one.handle for one in batch.events]
    return found + [one.handle for one in batch.unreadable if one.handle]


def _recorded(task: StoreTask, store: str, batch: FeedBatch) -> int:
    for one in batch.unreadable:
        names = {"store": store, "order_id": one.order_id}
        reason = f"event {one.event_id or 'without an id'}: {one.reason}"
        log_events.FEED_EVENT_UNUSABLE.log(log, **names, reason=reason)
    if batch.unreadable:
        task.journal.feeds.count_unreadable(store, len(batch.unreadable))
    # What it came to may be old: the order itself decides. So it does where no status is told.
    named = [one.order_id for one in batch.events if one.state in (None, READY)]
    named += [one.order_id for one in batch.unreadable if one.order_id]
    new = task.record(store, [NewOrder(one, None, None) for one in named])
    return new + task.journal.order_changes.record(store, heard(batch.events))


def _restored(task: StoreTask, feed: FeedRow, client: VtexClient) -> bool:
    """Compare the configuration with ours; restore it where it differs, and say whether."""
    try:
        why = difference(feed, client.feed_config())
    except DocumentInvalid as error:
        why = f"it could not be read ({error})"
    if why is None:
        task.journal.feeds.mark_working(feed.store)
        return False
    _restore(task, feed, client, why)
    return True


def _restore(task: StoreTask, feed: FeedRow, client: VtexClient, why: str) -> None:
    if task.journal.feeds.get(feed.store) is None:
        return  # removed meanwhile, by a person
    client.configure_feed(as_set_up(feed))
    task.journal.feeds.mark_restored(feed.store, why)
    log.warning("the feed was restored", extra={"store": feed.store, "reason": why})


@contextmanager
def _fault_kept(task: StoreTask, feed: FeedRow) -> Iterator[None]:
    """Keep why a feed does not work, so that the list takes over at its usual pace."""
    try:
        yield
    except (RateLimitReached, VtexThrottled):
        raise  # the store as a whole waits
    except VtexUnauthorized as error:
        if error.status != 403:
            raise
        # One permission of many: no reason to let the store pause.
        _fail(task, feed, f"grant {PERMISSION!r} to the key ({error})")
    except VtexError as error:
        _fail(task, feed, str(error))


def _fail(task: StoreTask, feed: FeedRow, fault: str) -> None:
    task.journal.feeds.mark_failed(feed.store, fault)
    if fault != feed.fault:
        log_events.FEED_FAILED.log(log, store=feed.store, reason=fault)
