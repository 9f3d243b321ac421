"""A store's feed: what it was set up as, whether it works, and when the list was last asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, RowMapping, select, update

from journal.storage.repository import Repository
from journal.storage.rows import insert
from journal.storage.tables import feeds

CHECK_INTERVAL = timedelta(minutes=5)
"""So often a feed that works is compared with what it was set up as."""

RETRY_INTERVAL = timedelta(minutes=1)
"""So often a feed that does not work is tried."""

SETTLE_TIME = timedelta(minutes=15)
"""For so long after a feed was (re)configured the list goes on at its usual pace: a feed tells
nothing of what was before, and the list may lag by minutes."""


@dataclass(frozen=True, slots=True)
class FeedRow:
    """A feed that was set up through us.

    Attributes:
        configured_at: when it was set up, or restored.
        checked_at: when it was last seen to be as it was set up.
        tried_at: when it was last tried, while it does not work.
        fault: why it does not work; None while it does.
        restored_reason: why it was restored last; None where it never was.
        unreadable: events that named no order.
        listed_at: when the list was last read to its end.
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
        """Say whether it may be read now: one that does not work is not hammered."""
        return self.fault is None or self.tried_at is None or now >= self.tried_at + RETRY_INTERVAL

    def needs_check(self, now: datetime) -> bool:
        """Say whether its configuration is to be compared now."""
        return self.fault is not None or now >= self.checked_at + CHECK_INTERVAL

    def is_working(self, now: datetime) -> bool:
        """Say whether orders come by it: it is read, and is what it was set up as."""
        return self.fault is None and now < self.checked_at + 3 * CHECK_INTERVAL

    def replaces_list(self, now: datetime, pace: timedelta) -> bool:
        """Say whether the list need not be asked now."""
        settled = now >= self.configured_at + SETTLE_TIME
        recent = self.listed_at is not None and now < self.listed_at + pace
        return settled and recent and self.is_working(now)


def find(db: Connection, store: str) -> FeedRow | None:
    """Return a store's feed; None where none was set up."""
    row = db.execute(select(feeds).where(feeds.c.store == store)).mappings().one_or_none()
    return None if row is None else _feed(row)


def find_all(db: Connection) -> list[FeedRow]:
    """Return all stores' feeds."""
    return [_feed(row) for row in db.execute(select(feeds).order_by(feeds.c.store)).mappings()]


def _feed(row: RowMapping) -> FeedRow:
    return FeedRow(**dict(row) | {"statuses": tuple(row["statuses"].split())})


def set_up(
    db: Connection,
    store: str,
    statuses: tuple[str, ...],
    hidden_seconds: int,
    kept_seconds: int,
    *,
    now: datetime,
) -> None:
    """Keep how a feed was set up; whatever was known of the former one is forgotten."""
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
    db.execute(
        insert(db, feeds)
        .values(store=store, **values)
        .on_conflict_do_update(index_elements=[feeds.c.store], set_=values)
    )


def forget(db: Connection, store: str) -> None:
    """Forget a feed."""
    db.execute(feeds.delete().where(feeds.c.store == store))


def change(db: Connection, store: str, **values: Any) -> None:
    """Keep what has become of a feed; nothing where it was removed meanwhile."""
    db.execute(update(feeds).where(feeds.c.store == store).values(**values))


class Feeds(Repository):
    """The feeds that were set up here."""

    def get(self, store: str) -> FeedRow | None:
        """Return a store's feed; None where none was set up here."""
        with self._database.transaction() as db:
            return find(db, store)

    def set_up(
        self, store: str, statuses: Sequence[str], *, hidden_seconds: int, kept_seconds: int
    ) -> None:
        """Keep how a store's feed was set up."""
        with self._database.transaction() as db:
            set_up(db, store, tuple(statuses), hidden_seconds, kept_seconds, now=self._now())

    def forget(self, store: str) -> None:
        """Forget a store's feed."""
        with self._database.transaction() as db:
            forget(db, store)

    def mark_working(self, store: str) -> None:
        """Keep that a feed works, and is what it was set up as."""
        now = self._now()
        with self._database.transaction() as db:
            change(db, store, checked_at=now, tried_at=None, fault=None)

    def mark_restored(self, store: str, why: str) -> None:
        """Keep that a feed was configured anew, as it was set up."""
        now = self._now()
        with self._database.transaction() as db:
            change(
                db,
                store,
                configured_at=now,
                checked_at=now,
                tried_at=None,
                fault=None,
                restored_at=now,
                restored_reason=why,
            )

    def mark_failed(self, store: str, fault: str) -> None:
        """Keep that a feed does not work; the list goes on at its usual pace meanwhile."""
        with self._database.transaction() as db:
            change(db, store, tried_at=self._now(), fault=fault)

    def count_unreadable(self, store: str, count: int) -> None:
        """Count events that named no order."""
        with self._database.transaction() as db:
            change(db, store, unreadable=feeds.c.unreadable + count)

    def mark_listed(self, store: str) -> None:
        """Keep that the list was read to its end."""
        with self._database.transaction() as db:
            change(db, store, listed_at=self._now())
