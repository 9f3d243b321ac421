"""The journal's clock: the database's time decides about leases, and not a host's."""

import time
from datetime import UTC, datetime, timedelta

from sqlalchemy import func, select

from journal.model import JournalUnavailable
from journal.storage.database import JournalDatabase

READ_SECONDS = 30.0
"""Interval of the queries. Between two of them the process uses its monotonic clock."""


def utc_now() -> datetime:
    """Return the time of this host, aware UTC."""
    return datetime.now(UTC)


class DatabaseClock:
    """Returns the time of a database. SQLite uses its host's. Threads may share it."""

    def __init__(self, database: JournalDatabase) -> None:
        self._database = database
        self._read: tuple[float, datetime] | None = None

    def __call__(self) -> datetime:
        """Return the current time, aware UTC.

        Raises:
            JournalUnavailable: the database does not respond, and the time was not read before.
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
                moment: datetime = db.execute(select(func.clock_timestamp())).scalar_one()
        except JournalUnavailable:
            if before is None:
                raise
            # The last reading still serves. The caller's next query meets the database anyway.
            return before
        self._read = (counted, moment.astimezone(UTC))
        return self._read
