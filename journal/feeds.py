"""The stores' feeds: configuration, state, and the last reading of the order list."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, select, update

from journal.storage.repository import Repository
from journal.storage.rows import upsert
from journal.storage.tables import feeds

CHECK_INTERVAL = timedelta(minutes=5)
"""Interval in which a working feed's configuration is compared."""

RETRY_INTERVAL = timedelta(minutes=1)
"""Interval in which a broken feed is tried."""

SETTLE_TIME = timedelta(minutes=15)
"""Time after the configuration of a feed in which the list keeps its usual interval.

A feed lacks older events, and the list may lag by minutes."""


@dataclass(frozen=True, slots=True)
class FeedRow:
    """A feed that ``vtex-erp feed setup`` made.

    Attributes:
        configured_at: time of its set-up or restoration.
        checked_at: time of the last check that found it unchanged.
        tried_at: time of the last try while it is broken.
        fault: reason why it is broken. ``None`` while it works.
        restored_reason: reason of the last restoration, if any.
        unreadable: number of events without an order id.
        listed_at: time at which the list was last read completely.
    """

    store: str
    statuses: tuple[str, ...]
    hidden_seconds: int
    kept_seconds: int
    configured_at: datetime
    checked_at: datetime
    tried_at: datetime | None
    fault: str | None
    restored_at: datetime | None
    restored_reason: str | None
    unreadable: int
    listed_at: datetime | None

    def is_due(self, now: datetime) -> bool:
        """Return whether it may be read now. A broken feed is tried less often."""
        return self.fault is None or self.tried_at is None or now >= self.tried_at + RETRY_INTERVAL

    def needs_check(self, now: datetime) -> bool:
        """Return whether its configuration is due for a comparison."""
        return self.fault is not None or now >= self.checked_at + CHECK_INTERVAL

    def is_working(self, now: datetime) -> bool:
        """Return whether it brings orders: it can be read, and is unchanged."""
        return self.fault is None and now < self.checked_at + 3 * CHECK_INTERVAL

    def replaces_list(self, now: datetime, pace: timedelta) -> bool:
        """Return whether the feed makes a reading of the list unnecessary now."""
        settled = now >= self.configured_at + SETTLE_TIME
        recent = self.listed_at is not None and now < self.listed_at + pace
        return settled and recent and self.is_working(now)


def find_all(db: Connection) -> list[FeedRow]:
    """Return all stores' feeds."""
    return [_feed(row) for row in db.execute(select(feeds).order_by(feeds.c.store))]


def _feed(row: Row[Any]) -> FeedRow:
    return FeedRow(**row._asdict() | {"statuses": tuple(row.statuses.split())})


class Feeds(Repository):
    """The feeds of all stores."""

    def get(self, store: str) -> FeedRow | None:
        """Return a store's feed, or ``None`` without one."""
        row = self._database.row(select(feeds).where(feeds.c.store == store))
        return None if row is None else _feed(row)

    def set_up(
        self, store: str, statuses: Sequence[str], *, hidden_seconds: int, kept_seconds: int
    ) -> None:
        """Write the configuration of a store's feed. It replaces the former feed."""
        now = self._now()
        values: dict[str, Any] = {
            "statuses": " ".join(statuses),
            "hidden_seconds": hidden_seconds,
            "kept_seconds": kept_seconds,
            "configured_at": now,
            "checked_at": now,
            "tried_at": None,
            "fault": None,
            "restored_at": None,
            "restored_reason": None,
            "unreadable": 0,
            "listed_at": None,
        }
        with self._database.transaction() as db:
            upsert(db, feeds, {"store": store}, values)

    def forget(self, store: str) -> None:
        """Delete a store's feed."""
        self._database.run(feeds.delete().where(feeds.c.store == store))

    def mark_working(self, store: str) -> None:
        """Record that a feed works and is unchanged."""
        now = self._now()
        self._change(store, checked_at=now, tried_at=None, fault=None)

    def mark_restored(self, store: str, why: str) -> None:
        """Record that a feed was restored to its configuration."""
        now = self._now()
        self._change(
            store,
            configured_at=now,
            checked_at=now,
            tried_at=None,
            fault=None,
            restored_at=now,
            restored_reason=why,
        )

    def mark_failed(self, store: str, fault: str) -> None:
        """Record that a feed is broken. The list returns to its usual interval."""
        self._change(store, tried_at=self._now(), fault=fault)

    def count_unreadable(self, store: str, count: int) -> None:
        """Count events without an order id."""
        self._change(store, unreadable=feeds.c.unreadable + count)

    def mark_listed(self, store: str) -> None:
        """Record that the list was read completely."""
        self._change(store, listed_at=self._now())

    def _change(self, store: str, **values: Any) -> None:
        """Update a feed, unless it was removed meanwhile."""
        self._database.run(update(feeds).where(feeds.c.store == store).values(**values))
