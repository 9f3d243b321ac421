"""Connections of the journal: one engine a URL, short transactions, one family of errors."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import DBAPIError, DisconnectionError

from journal.jobs import JournalError, JournalUnavailable

_MIGRATION_LOCK = 7_263_001

IDLE_SECONDS = 5.0
"""Connections unused for longer are tried before they are used."""

_REACH: dict[str, Any] = {
    # A host that vanished says nothing: without these a call waits for it for hours.
    "connect_timeout": 5, "keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3,
    "tcp_user_timeout": 20_000,
}  # fmt: skip
_PATIENCE = (
    # A worker that stands still in the middle of a transaction must not hold its rows for ever,
    # nor others wait for them. Said after connecting: a PgBouncer refuses start-up options.
    "SET idle_in_transaction_session_timeout = '15s'; SET lock_timeout = '10s'; "
    "SET statement_timeout = '60s'"
)


class Database:
    """The journal's database, connected to when it is first needed. Safe across threads."""

    def __init__(self, url: str) -> None:
        parsed = make_url(url)
        if parsed.drivername in ("postgres", "postgresql"):
            parsed = parsed.set(drivername="postgresql+psycopg")
        self._url = parsed
        self._engine: Engine | None = None
        self._lock = threading.Lock()

    @property
    def is_local(self) -> bool:
        """Whether all its users share one host, and so one clock."""
        return self._url.get_backend_name() == "sqlite"

    @property
    def engine(self) -> Engine:
        """The engine, made at first use."""
        with self._lock:
            if self._engine is None:
                self._engine = self._make()
            return self._engine

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """Yield a connection in a transaction that commits at the end.

        Raises:
            JournalUnavailable: the database does not answer; a commit may have been done.
        """
        try:
            with self.engine.begin() as connection:
                yield connection
        except DBAPIError as error:
            raise JournalUnavailable(_words(error)) from error

    def close(self) -> None:
        """Give back all connections; the next use connects anew."""
        with self._lock:
            if self._engine is not None:
                self._engine.dispose()
                self._engine = None

    def migrate(self) -> None:
        """Bring the tables up to date; several processes may call it at once."""
        with self.transaction() as connection:
            if connection.dialect.name == "postgresql":
                # A large table takes its time, and so does a migration that was first.
                connection.execute(text("SET LOCAL lock_timeout = 0"))
                connection.execute(text("SET LOCAL statement_timeout = 0"))
                connection.execute(text("SELECT pg_advisory_xact_lock(:n)"), {"n": _MIGRATION_LOCK})
            config = _config()
            config.attributes["connection"] = connection
            command.upgrade(config, "head")

    def check(self) -> str:
        """Say which database answered and at which revision its tables are.

        Raises:
            JournalUnavailable: it does not answer.
            JournalError: its tables are missing or old.
        """
        head = ScriptDirectory.from_config(_config()).get_current_head()
        with self.transaction() as connection:
            version = ".".join(str(part) for part in connection.dialect.server_version_info or ())
            context = MigrationContext.configure(
                connection, opts={"version_table": "journal_version"}
            )
            current = context.get_current_revision()
            name = connection.dialect.name
        if current != head:
            raise JournalError(
                f"its tables are at {current or 'nothing'} and must be at {head}: vtex-erp migrate"
            )
        return f"{name} {version}, schema {current}"

    def _make(self) -> Engine:
        if not self.is_local:
            engine = create_engine(self._url, pool_size=20, max_overflow=20, connect_args=_REACH)
            event.listen(engine, "connect", _prepare_postgresql)
            event.listen(engine, "checkin", _note_return)
            event.listen(engine, "checkout", _ping_where_idle)
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


def _note_return(_connection: object, record: Any) -> None:
    record.info["idle_since"] = time.monotonic()


def _ping_where_idle(connection: Any, record: Any, _proxy: object) -> None:
    """Try a connection that has not been used for a while: the server may have gone meanwhile.

    At every use, as the pool's own way is, this would be one more round trip a transaction.
    """
    if time.monotonic() - record.info.get("idle_since", 0.0) < IDLE_SECONDS:
        return
    try:
        connection.execute("SELECT 1")
        connection.rollback()
    except psycopg.Error as error:
        raise DisconnectionError from error


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
