"""Connections of the journal: one engine a URL, short transactions, one family of errors."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from psycopg.errors import LockNotAvailable
from sqlalchemy import Connection, Engine, create_engine, event, func, make_url, select, text
from sqlalchemy.exc import DBAPIError, OperationalError

from foundation.messages import journal as messages
from journal.model import JournalError, JournalUnavailable
from journal.storage.connections import Connections

_MIGRATION_LOCK = 7_263_001

LOCK_SECONDS = 2.0
"""A change of a table waits so long for running transactions, since all that come wait behind it.
Shorter than what a worker's own statement waits (_PATIENCE): none fails for a migration."""

LOCK_TRIES = 30
"""Tries of a migration, with as long a pause between two, in which the workers go on."""

_REACH: dict[str, Any] = {
    # A host that vanished says nothing: without these a call waits for it for hours.
    "connect_timeout": 5,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,
}
_PATIENCE = (
    # A worker that stands still in the middle of a transaction must not hold its rows for ever,
    # nor others wait for them. Said after connecting: a PgBouncer refuses start-up options.
    "SET idle_in_transaction_session_timeout = '15s'; SET lock_timeout = '10s'; "
    "SET statement_timeout = '60s'; "
    # Before tables are analyzed PostgreSQL expects so much of a sweep that it compiles it: 0.8 s.
    "SET jit = off"
)
_SHORT_LOCKS = text(
    "SELECT set_config('lock_timeout', :wait, false), set_config('statement_timeout', '0', false), "
    "set_config('idle_in_transaction_session_timeout', '0', false)"
)
LOOK_SECONDS = 0.5


class Database:
    """The journal's database, connected to when it is first needed. Safe across threads."""

    def __init__(self, url: str) -> None:
        parsed = make_url(url)
        if parsed.drivername in ("postgres", "postgresql"):
            parsed = parsed.set(drivername="postgresql+psycopg")
        self._url = parsed
        self._connections: Connections | None = None
        self._lock = threading.Lock()

    @property
    def is_local(self) -> bool:
        """Whether all its users share one host, and so one clock."""
        return self._url.get_backend_name() == "sqlite"

    @property
    def engine(self) -> Engine:
        """The engine, made at first use."""
        return self._made().engine

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """Yield a connection in a transaction that commits at the end.

        Raises:
            JournalUnavailable: the database does not answer; a commit may have been done.
        """
        with self._translated(), self._made().begin() as connection:
            yield connection

    def once(self, statement: str, values: Mapping[str, Any]) -> dict[str, Any] | None:
        """Run one statement of PostgreSQL; see ``journal.storage.connections``.

        Raises:
            JournalUnavailable: the database does not answer; it may have been done.
        """
        with self._translated():
            return self._made().run(statement, values)

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except DBAPIError as error:
            raise JournalUnavailable(_words(error)) from error

    def close(self) -> None:
        """Give back all connections; the next use connects anew."""
        with self._lock:
            if self._connections is not None:
                self._connections.close()
                self._connections = None

    def migrate(self) -> None:
        """Bring the tables up to date; several processes may call it at once, beside workers.

        Tables that are newer than this version are left as they are.

        Raises:
            JournalUnavailable: the database does not answer.
            JournalError: a long transaction keeps the tables from being changed.
        """
        if self.is_local:
            with self.transaction() as connection:
                _upgrade(connection)
            return
        with self._alone():
            for _ in range(LOCK_TRIES):
                if self._migrated():
                    return
                time.sleep(LOCK_SECONDS)
        raise JournalError(messages.MIGRATION_BLOCKED())

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Keep other migrations out.

        Polled: an index is built only when no statement that began before still runs, not even
        one that waits for its turn.
        """
        while True:
            with self.transaction() as lock:
                mine = select(func.pg_try_advisory_xact_lock(_MIGRATION_LOCK))
                if lock.execute(mine).scalar_one():
                    # Said after it: the snapshot of a query lasts until the next statement.
                    lock.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))
                    yield
                    return
            time.sleep(LOOK_SECONDS)

    def _migrated(self) -> bool:
        """Migrate, each revision in a transaction of its own; say whether all locks were had."""
        with self._translated(), self.engine.connect() as connection:
            try:
                connection.execute(_SHORT_LOCKS, {"wait": f"{LOCK_SECONDS * 1000:.0f}ms"})
                connection.commit()
                _upgrade(connection)
            except OperationalError as error:
                if isinstance(error.orig, LockNotAvailable):
                    return False
                raise
            finally:
                connection.invalidate()  # its settings are no worker's
        return True

    def check(self) -> str:
        """Say which database answered and at which revision its tables are.

        Raises:
            JournalUnavailable: it does not answer.
            JournalError: its tables are missing or old.
        """
        with self.transaction() as connection:
            version = ".".join(str(part) for part in connection.dialect.server_version_info or ())
            current, head, newer = _revisions(connection)
            name = connection.dialect.name
        if newer:
            return (
                f"{name} {version}, schema {current}, newer than {head}, which this version knows: "
                "fine while the new version is rolled out, or after a step back"
            )
        if current != head:
            raise JournalError(messages.OTHER_REVISION(current=current or "nothing", head=head))
        return f"{name} {version}, schema {current}"

    def _made(self) -> Connections:
        with self._lock:
            if self._connections is None:
                self._connections = Connections(self._make())
            return self._connections

    def _make(self) -> Engine:
        if not self.is_local:
            engine = create_engine(self._url, pool_size=20, max_overflow=20, connect_args=_REACH)
            event.listen(engine, "connect", _prepare_postgresql)
            return engine
        if self._url.database:
            Path(self._url.database).parent.mkdir(parents=True, exist_ok=True)
        engine = create_engine(self._url, connect_args={"timeout": 30})
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return engine


def _words(error: DBAPIError) -> str:
    # The driver's message may quote values: only what names a table is told from the rest.
    said = str(error.orig)
    if "no such table" in said or "UndefinedTable" in type(error.orig).__name__:
        return "the journal has no tables yet: vtex-erp migrate"
    return f"the journal's database failed ({type(error.orig).__name__})"


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", "journal:migrations")
    return config


def _revisions(connection: Connection) -> tuple[str | None, str | None, bool]:
    """Return the revision of the tables, the newest known one, and whether the tables are newer.

    No revision is ever removed after the first release: an unknown one is newer.

    Raises:
        JournalError: the tables were made before the first release.
    """
    scripts = ScriptDirectory.from_config(_config())
    context = MigrationContext.configure(connection, opts={"version_table": "journal_version"})
    current = context.get_current_revision()
    known = {script.revision for script in scripts.walk_revisions()}
    if current is not None and current < min(known):
        raise JournalError(messages.TABLES_TOO_OLD(revision=current))
    return current, scripts.get_current_head(), current is not None and current not in known


def _upgrade(connection: Connection) -> None:
    outside = connection.in_transaction()
    newer = _revisions(connection)[2]
    if not outside:
        connection.rollback()  # reading began one, and each revision is to have its own
    if newer:
        return
    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _prepare_postgresql(connection: Any, _record: object) -> None:
    with connection.cursor() as cursor:
        cursor.execute(_PATIENCE)
    connection.commit()


def _prepare_sqlite(connection: Any, _record: object) -> None:
    # Without this the driver opens its own deferred transactions, which deadlock on upgrade.
    connection.isolation_level = None
    connection.execute("PRAGMA journal_mode=WAL")
    # A power cut may take the last commits back, never corrupt: every effect is looked up again.
    connection.execute("PRAGMA synchronous=NORMAL")


def _begin_sqlite(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")
