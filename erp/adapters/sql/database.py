"""The ERP's database: its migrations beside an ERP that works, and the port's errors."""

import time
from typing import Any, ClassVar

from psycopg.errors import DeadlockDetected, LockNotAvailable
from sqlalchemy import Table, select, text
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError

from erp.adapters.sql.tables import VERSION_TABLE
from erp.port import ErpRejected, ErpUnavailable, Event
from foundation.database.database import POSTGRESQL_TIMEOUTS, Database
from foundation.database.migrations import Migrations
from foundation.messages import database as messages

_MIGRATION_LOCK = 7_263_002

LOCK_SECONDS = 2.0
"""How long a change of a table waits for running transactions, and the pause between two attempts.
All later transactions wait behind it."""
LOCK_TRIES = 30

_SHORT_LOCKS: dict[str, tuple[str, ...]] = {
    "postgresql": (
        "SELECT set_config('lock_timeout', :s || 's', true), "
        "set_config('statement_timeout', '0', true)",
        f"SELECT pg_advisory_xact_lock({_MIGRATION_LOCK})",
    ),
    "mysql": ("SET SESSION lock_wait_timeout = :s",),
}


class ErpDatabase(Database):
    """SQLite, PostgreSQL, MariaDB or MySQL."""

    migrations = Migrations("erp.adapters.sql:migrations", VERSION_TABLE, "int_*")
    schema_error = ErpRejected
    session_settings: ClassVar = {
        "postgresql": POSTGRESQL_TIMEOUTS,
        "mysql": "SET SESSION innodb_lock_wait_timeout = 10",
    }
    synchronous = "FULL"  # start-handling at VTEX relies on this commit

    @property
    def is_postgresql(self) -> bool:
        """Whether PostgreSQL's own SQL is understood."""
        return self.backend == "postgresql"

    def translate(self, error: DBAPIError) -> Exception:
        """Return the port's error.

        An IntegrityError stays: a row is there already, or lacks a value. ErpUnavailable leaves
        open whether a commit was done.
        """
        if isinstance(error, IntegrityError):
            return error
        if isinstance(error, DataError):
            return ErpRejected(refusal(error))
        return _unavailable(error)

    def holds(self, table: Table, event: Event) -> bool:
        """Return whether a table has the row of an event."""
        query = select(table.c.id).where(
            table.c.store == event.store,
            table.c.order_id == event.order_id,
            table.c.event_key == event.key,
        )
        return bool(self.rows(query))

    def migrate(self) -> None:
        """Bring the tables up to date; several processes may call it at once, beside workers.

        Tables that are newer than this version are left as they are.

        Raises:
            ErpUnavailable: the database does not answer.
            ErpRejected: a long transaction keeps the tables from being changed, or the tables
                were made before the first release.
        """
        for _ in range(LOCK_TRIES):
            if self._migrated():
                return
            time.sleep(LOCK_SECONDS)
        # Another migration that runs holds its lock in a transaction, too.
        raise ErpRejected(messages.MIGRATION_BLOCKED())

    def _migrated(self) -> bool:
        with self._translated():
            try:
                with self._made().begin() as db:
                    for statement in _SHORT_LOCKS.get(db.dialect.name, ()):
                        db.execute(text(statement), {"s": max(1, round(LOCK_SECONDS))})
                    self.migrations.upgrade(db)
            except DBAPIError as error:
                if _is_lock(error):
                    return False
                raise _unavailable(error) from None
        return True

    def _prepare_sqlite(self, connection: Any, _record: object) -> None:
        # One text that is no UTF-8 would stop the reading of all rows beside it.
        connection.text_factory = _decoded
        super()._prepare_sqlite(connection, _record)


def refusal(error: DBAPIError) -> str:
    """Return that the database refuses a row, without quoting a value."""
    return f"the ERP's database refuses the row ({type(error.orig).__name__})"


def _unavailable(error: DBAPIError) -> ErpUnavailable:
    # The driver's message may quote values: its type says enough.
    return ErpUnavailable(messages.ERP_FAILED(error=type(error.orig).__name__))


def _is_lock(error: DBAPIError) -> bool:
    # A revision of several tables and a worker may each wait for a lock of the other. MariaDB's
    # 1205 is a lock time-out.
    code = getattr(error.orig, "args", ())[:1]
    return isinstance(error.orig, LockNotAvailable | DeadlockDetected) or code == (1205,)


def _decoded(data: bytes) -> str:
    return data.decode(errors="replace")
