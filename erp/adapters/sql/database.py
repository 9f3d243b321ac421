"""The ERP's database: one engine a URL, short transactions, its failures as the port's errors."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from psycopg.errors import DeadlockDetected, LockNotAvailable
from sqlalchemy import Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError

from erp.adapters.sql.connections import Connections
from erp.adapters.sql.tables import VERSION_TABLE
from erp.port import ErpRejected, ErpUnavailable

DRIVERS = {
    "postgres": "postgresql+psycopg",
    "postgresql": "postgresql+psycopg",
    "mysql": "mysql+pymysql",
    "mariadb": "mysql+pymysql",
}
_MIGRATION_LOCK = 7_263_002

LOCK_SECONDS = 2.0
"""A change of a table waits so long for running transactions, since all that come wait behind it;
and as long between two tries."""
LOCK_TRIES = 30

_REACH: dict[str, dict[str, Any]] = {
    # A host that vanished says nothing: without these a call waits for it for hours.
    "postgresql": {
        "connect_timeout": 5,
        "keepalives_idle": 10,
        "keepalives_interval": 5,
        "keepalives_count": 3,
        "tcp_user_timeout": 20_000,
    },
    "mysql": {"connect_timeout": 5, "read_timeout": 60, "write_timeout": 20},
}
_PATIENCE = {
    # A worker that stands still in the middle of a transaction must not hold the ERP's rows, nor a
    # statement that comes to no end a worker.
    "postgresql": (
        "SET idle_in_transaction_session_timeout = '15s'; SET lock_timeout = '10s'; "
        "SET statement_timeout = '60s'"
    ),
    "mysql": "SET SESSION innodb_lock_wait_timeout = 10",
}

_SHORT_LOCKS: dict[str, tuple[str, ...]] = {
    "postgresql": (
        "SELECT set_config('lock_timeout', :s || 's', true), "
        "set_config('statement_timeout', '0', true)",
        f"SELECT pg_advisory_xact_lock({_MIGRATION_LOCK})",
    ),
    "mysql": ("SET SESSION lock_wait_timeout = :s",),
}


class Database:
    """SQLite, PostgreSQL, MariaDB or MySQL, connected to at first use. Safe across threads."""

    def __init__(self, url: str) -> None:
        parsed = make_url(url)
        parsed = parsed.set(drivername=DRIVERS.get(parsed.drivername, parsed.drivername))
        if parsed.get_backend_name() == "mysql":
            parsed = parsed.update_query_dict({"charset": "utf8mb4"})
        self._url = parsed
        self._connections: Connections | None = None
        self._lock = threading.Lock()

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """Yield a connection in a transaction that commits at the end.

        Raises:
            IntegrityError: a row is there already, or lacks what it needs.
            ErpRejected: the database refuses a value.
            ErpUnavailable: it does not answer; a commit may have been done.
        """
        with self._translated(), self._made().begin() as connection:
            yield connection

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except IntegrityError:
            raise
        except DataError as error:
            raise ErpRejected(refusal(error)) from None
        except DBAPIError as error:
            raise ErpUnavailable(_failed(error)) from None

    @property
    def is_postgresql(self) -> bool:
        """Whether PostgreSQL's own SQL is understood."""
        return self._url.get_backend_name() == "postgresql"

    def once(self, statement: str, values: Mapping[str, Any]) -> dict[str, Any] | None:
        """Run one statement of PostgreSQL; see ``sql_connections``.

        Raises:
            IntegrityError, ErpRejected, ErpUnavailable: as in ``transaction``.
        """
        with self._translated():
            return self._made().run(statement, values)

    def migrate(self) -> None:
        """Bring the tables up to date; several processes may call it at once, beside workers.

        Tables that are newer than this version are left as they are.

        Raises:
            ErpUnavailable: it does not answer.
            ErpRejected: a long transaction keeps the tables from being changed.
        """
        for _ in range(LOCK_TRIES):
            if self._migrated():
                return
            time.sleep(LOCK_SECONDS)
        raise ErpRejected(
            "a long transaction holds its tables, or another migration runs: "
            "end it, then vtex-erp migrate again"
        )

    def _migrated(self) -> bool:
        try:
            with self._made().begin() as db:
                for statement in _SHORT_LOCKS.get(db.dialect.name, ()):
                    db.execute(text(statement), {"s": max(1, round(LOCK_SECONDS))})
                _upgrade(db)
        except DBAPIError as error:
            if _is_lock(error):
                return False
            raise ErpUnavailable(_failed(error)) from None
        return True

    def check(self) -> str:
        """Say which database answered and at which revision the tables are.

        Raises:
            ErpRejected: its tables are missing or old.
        """
        with self.transaction() as db:
            version = ".".join(str(part) for part in db.dialect.server_version_info or ())
            current, head, newer = _revisions(db)
            name = db.dialect.name
        if newer:
            return (
                f"{name} {version}, schema {current}, newer than {head}, which this version knows: "
                "fine while the new version is rolled out, or after a step back"
            )
        if current != head:
            raise ErpRejected(
                f"its tables are at {current or 'nothing'} and must be at {head}: vtex-erp migrate"
            )
        return f"{name} {version}, schema {current}"

    def close(self) -> None:
        """Give back all connections; the next use connects anew."""
        with self._lock:
            if self._connections is not None:
                self._connections.close()
                self._connections = None

    def _made(self) -> Connections:
        with self._lock:
            if self._connections is None:
                self._connections = Connections(self._make())
            return self._connections

    def _make(self) -> Engine:
        kind = self._url.get_backend_name()
        if kind != "sqlite":
            # MariaDB's own default locks the gaps between rows, and an ERP that inserts would wait.
            level = {"isolation_level": "READ COMMITTED"} if kind == "mysql" else {}
            engine = create_engine(
                self._url, pool_size=20, max_overflow=20, connect_args=_REACH[kind], **level
            )
            event.listen(engine, "connect", partial(_prepare_server, _PATIENCE[kind]))
            return engine
        if self._url.database:
            Path(self._url.database).parent.mkdir(parents=True, exist_ok=True)
        engine = create_engine(self._url, connect_args={"timeout": 30})
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return engine


def refusal(error: DBAPIError) -> str:
    """Say that the database refuses what was written, without quoting a value."""
    return f"the ERP's database refuses the row ({type(error.orig).__name__})"


def _failed(error: DBAPIError) -> str:
    # The driver's message may quote values: its type says enough.
    return f"the ERP's database failed ({type(error.orig).__name__})"


def _is_lock(error: DBAPIError) -> bool:
    # A revision of several tables and a worker may each wait for what the other holds. MariaDB's
    # 1205 is a lock that was waited for in vain.
    code = getattr(error.orig, "args", ())[:1]
    return isinstance(error.orig, LockNotAvailable | DeadlockDetected) or code == (1205,)


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", "erp.adapters.sql:migrations")
    return config


def _revisions(db: Connection) -> tuple[str | None, str | None, bool]:
    """Return the tables' revision, the newest known one, and whether the tables are newer.

    Revisions are never removed since 0.1.0, so an unknown one is newer.

    Raises:
        ErpRejected: the tables are older than the first release.
    """
    scripts = ScriptDirectory.from_config(_config())
    context = MigrationContext.configure(db, opts={"version_table": VERSION_TABLE})
    current = context.get_current_revision()
    known = {script.revision for script in scripts.walk_revisions()}
    if current is not None and current < min(known):
        raise ErpRejected(
            f"its tables, at {current}, were made before 0.1.0: start anew. Drop the int_* tables "
            "or name an empty database, then run vtex-erp migrate"
        )
    return current, scripts.get_current_head(), current is not None and current not in known


def _upgrade(db: Connection) -> None:
    if _revisions(db)[2]:
        return
    config = _config()
    config.attributes["connection"] = db
    command.upgrade(config, "head")


def _prepare_server(statements: str, connection: Any, _record: object) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statements)
    connection.commit()


def _prepare_sqlite(connection: Any, _record: object) -> None:
    # One text that is no UTF-8 would stop the reading of all rows beside it.
    connection.text_factory = _decoded
    # The driver's own deferred transactions deadlock when they upgrade to a write.
    connection.isolation_level = None
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")  # VTEX is told on the strength of this commit


def _decoded(data: bytes) -> str:
    return data.decode(errors="replace")


def _begin_sqlite(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")
