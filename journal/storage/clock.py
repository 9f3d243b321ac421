"""The journal's time: its database's, so that no host's own clock decides about a lease."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

from sqlalchemy import func, select

from journal.model import JournalUnavailable
from journal.storage.database import JournalDatabase

READ_SECONDS = 30.0
"""One short query in so many seconds; between two the process counts on, as no clock is set."""


def utc_now() -> datetime:
    """Return this host's time, aware UTC."""
    return datetime.now(UTC)


class DatabaseClock:
    """Tells the time of a database; SQLite's is its host's. Safe across threads."""

    def __init__(self, database: JournalDatabase) -> None:
        self._database = database
        self._read: tuple[float, datetime] | None = None

    def __call__(self) -> datetime:
        """Return the time now, aware UTC.

        Raises:
            JournalUnavailable: it was never read yet, and the database does not answer.
        """
        if self._database.is_local:
            return utc_now()
        counted = time.monotonic()
        read = self._read
        if read is None or counted - read[0] > READ_SECONDS:
            read = self._look(counted, read)
        return read[1] + timedelta(seconds=counted - read[0])

    def _look(
        self, counted: float, before: tuple[float, datetime] | None
    ) -> tuple[float, datetime]:
        try:
            with self._database.transaction() as db:
                found: datetime = db.execute(select(func.clock_timestamp())).scalar_one()
        except JournalUnavailable:
            if before is None:
                raise
            # What was read last still serves; whoever asked will hear from the database itself.
            return before
        self._read = (counted, found.astimezone(UTC))
        return self._read
