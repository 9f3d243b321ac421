"""The interval of a store's order list. It is longer while the store's feed works.

Beat starts ``orders.list`` at the shorter interval, since only the journal knows the feed's state.
"""

from datetime import timedelta

from journal.monitoring.heartbeats import HANDLED_LIST_READ, ORDER_LIST_READ
from tasks.base import StoreTask

HEARTBEAT_INTERVAL = timedelta(seconds=30)
"""Shortest time between two heartbeats of a list. The alerts need one each minute."""

HANDLED_INTERVAL = timedelta(minutes=10)
"""Time between two lists of handled orders, which are longer than the list of ready ones."""


def is_due(task: StoreTask, store: str) -> bool:
    """Return whether to read the list now. False if the feed works and the last read is recent.

    ``Context.list_intervals`` holds the longer interval of each store that has a feed.
    """
    interval = task.context.list_intervals.get(store)
    feed = task.journal.feeds.get(store) if interval else None
    return not (interval and feed and feed.replaces_list(task.journal.now(), interval))


def record_read(task: StoreTask, store: str) -> None:
    """Record that the list was read to its end."""
    task.journal.heartbeats.record(ORDER_LIST_READ, store, every=HEARTBEAT_INTERVAL)
    if store in task.context.list_intervals:
        task.journal.feeds.mark_listed(store)


def is_handled_due(task: StoreTask, store: str) -> bool:
    """Return whether to read the list of orders that come in as handled."""
    if store not in task.context.also_intake:
        return False
    last = task.journal.heartbeats.last(HANDLED_LIST_READ, store)
    return last is None or task.journal.now() - last >= HANDLED_INTERVAL


def record_handled_read(task: StoreTask, store: str) -> None:
    """Record that the list of handled orders was read to its end."""
    task.journal.heartbeats.record(HANDLED_LIST_READ, store)
