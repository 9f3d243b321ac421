"""The journal's database: its migrations beside running workers, and its errors."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import ClassVar

from psycopg.errors import LockNotAvailable
from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError, OperationalError

from foundation.database.database import POSTGRESQL_TIMEOUTS, Database
from foundation.database.migrations import Migrations
from foundation.messages import database as messages
from journal.model import JournalError, JournalUnavailable

_MIGRATION_LOCK = 7_263_001

LOCK_SECONDS = 2.0
"""Lock time-out of a migration. Later transactions wait behind it.

It is shorter than the lock time-out of a worker's statement, so workers do not fail."""

LOCK_TRIES = 30
"""Attempts of a migration, with an equal pause between two, in which the workers go on."""

LOCK_POLL_SECONDS = 0.5

_SHORT_LOCKS = text(
    "SELECT set_config('lock_timeout', :wait, false), set_config('statement_timeout', '0', false), "
    "set_config('idle_in_transaction_session_timeout', '0', false)"
)


class JournalDatabase(Database):
    """SQLite or PostgreSQL."""

    migrations = Migrations("journal:migrations", "journal_version", "journal_*")
    schema_error = JournalError
    session_settings: ClassVar = {
        # Before tables are analyzed, PostgreSQL would compile a sweep (JIT) in 0.8 s.
        "postgresql": f"{POSTGRESQL_TIMEOUTS}; SET jit = off"
    }
    # A power cut may undo the last commits, without corruption. Every effect is read again.
    synchronous = "NORMAL"
    shows_cause = True

    @property
    def is_local(self) -> bool:
        """Whether all users share one host and its clock."""
        return self.backend == "sqlite"

    def translate(self, error: DBAPIError) -> JournalUnavailable:
        """Return the journal's error. A write may have had its effect."""
        # The driver's message may quote values. Only the name of a missing table is safe.
        message = str(error.orig)
        if "no such table" in message or "UndefinedTable" in type(error.orig).__name__:
            return JournalUnavailable(messages.NO_TABLES())
        return JournalUnavailable(messages.JOURNAL_FAILED(error=type(error.orig).__name__))

    def migrate(self) -> None:
        """Migrate the tables, beside workers. Several processes may call it at once.

        Tables of a newer version stay as they are.

        Raises:
            JournalUnavailable: the database does not answer.
            JournalError: a long transaction keeps the tables from being changed, or the tables
                were made before the first release.
        """
        if self.is_local:
            with self.transaction() as connection:
                self.migrations.upgrade(connection)
            return
        with self._migration_lock():
            for _ in range(LOCK_TRIES):
                if self._migrated():
                    return
                time.sleep(LOCK_SECONDS)
        raise JournalError(messages.MIGRATION_BLOCKED())

    @contextmanager
    def _migration_lock(self) -> Iterator[None]:
        """Keep other migrations out.

        The lock is polled: PostgreSQL builds an index only after all earlier statements have
        ended, also a statement that waits for this lock.
        """
        while True:
            with self.transaction() as db:
                lock = select(func.pg_try_advisory_xact_lock(_MIGRATION_LOCK))
                if db.execute(lock).scalar_one():
                    # Executed after the lock: a query's snapshot lasts until the next statement.
                    db.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))
                    yield
                    return
            time.sleep(LOCK_POLL_SECONDS)

    def _migrated(self) -> bool:
        """Run each revision in its own transaction. Return whether all locks were granted."""
        with self._translated(), self.engine.connect() as connection:
            try:
                wait = {"wait": f"{LOCK_SECONDS * 1000:.0f}ms"}
                connection.execute(_SHORT_LOCKS, wait)
                connection.commit()
                self.migrations.upgrade(connection)
            except OperationalError as error:
                if isinstance(error.orig, LockNotAvailable):
                    return False
                raise
            finally:
                connection.invalidate()  # no worker may get its settings
        return True
