"""A database: one engine for each URL, short transactions, one family of errors."""

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

from sqlalchemy import Connection, Engine, Row, Select, create_engine, event, make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql.dml import UpdateBase

from foundation.database.connections import Connections
from foundation.database.migrations import Migrations, SchemaError

DRIVERS = {
    "postgres": "postgresql+psycopg",
    "postgresql": "postgresql+psycopg",
    "mysql": "mysql+pymysql",
    "mariadb": "mysql+pymysql",
}
_CONNECT_ARGS: dict[str, dict[str, Any]] = {
    # A host that vanished sends no answer: without these a call waits for hours.
    "postgresql": {
        "connect_timeout": 5, "keepalives_idle": 10, "keepalives_interval": 5,
        "keepalives_count": 3, "tcp_user_timeout": 20_000,
    },
    "mysql": {"connect_timeout": 5, "read_timeout": 60, "write_timeout": 20},
    "sqlite": {"timeout": 30},
}  # fmt: skip
POSTGRESQL_TIMEOUTS = (
    # A worker that stops in the middle of a transaction must not hold its rows for ever, nor must
    # others wait for them. Sent after connecting: a PgBouncer refuses start-up options.
    "SET idle_in_transaction_session_timeout = '15s'; SET lock_timeout = '10s'; "
    "SET statement_timeout = '60s'"
)


class Database:
    """Connects at first use. Safe across threads.

    Attributes:
        migrations: of its tables.
        schema_error: the error for missing or old tables.
        session_settings: statements for a new connection, by backend.
        synchronous: SQLite's setting of this name.
        shows_cause: whether a traceback shows the driver's error, which quotes values.
    """

    migrations: ClassVar[Migrations]
    schema_error: ClassVar[type[Exception]]
    session_settings: ClassVar[Mapping[str, str]]
    synchronous: ClassVar[str]
    shows_cause: ClassVar[bool] = False

    def __init__(self, url: str) -> None:
        parsed = make_url(url)
        parsed = parsed.set(drivername=DRIVERS.get(parsed.drivername, parsed.drivername))
        if parsed.get_backend_name() == "mysql":
            parsed = parsed.update_query_dict({"charset": "utf8mb4"})
        self._url = parsed
        self._connections: Connections | None = None
        self._lock = threading.Lock()

    @property
    def backend(self) -> str:
        """The kind of database: sqlite, postgresql or mysql."""
        return self._url.get_backend_name()

    @property
    def engine(self) -> Engine:
        """The engine, made at first use."""
        return self._made().engine

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """Yield a connection in a transaction that commits at the end.

        Raises:
            Exception: see ``translate``. A commit may have been done.
        """
        with self._translated(), self._made().begin() as connection:
            yield connection

    def once(self, statement: str, values: Mapping[str, Any]) -> dict[str, Any] | None:
        """Run one statement of PostgreSQL through ``foundation.database.connections``.

        Raises:
            Exception: see ``translate``. The statement may have been executed.
        """
        with self._translated():
            return self._made().run(statement, values)

    def rows(self, query: Select[Any]) -> Sequence[Row[Any]]:
        """Return the rows of a query, in a transaction of its own."""
        with self.transaction() as connection:
            return connection.execute(query).all()

    def row(self, query: Select[Any]) -> Row[Any] | None:
        """Return the only row of a query, in a transaction of its own."""
        with self.transaction() as connection:
            return connection.execute(query).one_or_none()

    def run(self, statement: UpdateBase) -> int:
        """Execute a statement in a transaction of its own. Return the number of its rows."""
        with self.transaction() as connection:
            return connection.execute(statement).rowcount

    def check(self) -> str:
        """Return which database answered, and the revision of its tables.

        Raises:
            Exception: ``schema_error`` where the tables are missing or old.
        """
        with self.transaction() as connection:
            return self.migrations.check(connection)

    def close(self) -> None:
        """Close all connections. The next use connects again."""
        with self._lock:
            if self._connections is not None:
                self._connections.close()
                self._connections = None

    def translate(self, error: DBAPIError) -> Exception:
        """Return the error for the callers, without values of the statement."""
        raise NotImplementedError

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except SchemaError as error:
            raise self.schema_error(*error.args) from None
        except DBAPIError as error:
            translated = self.translate(error)
            if translated is error:
                raise
            raise translated from (error if self.shows_cause else None)

    def _made(self) -> Connections:
        with self._lock:
            if self._connections is None:
                self._connections = Connections(self._make())
            return self._connections

    def _make(self) -> Engine:
        options: dict[str, Any] = {"connect_args": _CONNECT_ARGS[self.backend]}
        if self.backend == "sqlite":
            if self._url.database:
                Path(self._url.database).parent.mkdir(parents=True, exist_ok=True)
        else:
            options |= {"pool_size": 20, "max_overflow": 20}
        if self.backend == "mysql":
            # MariaDB's default locks the gaps between rows, and an ERP that inserts would wait.
            options["isolation_level"] = "READ COMMITTED"
        engine = create_engine(self._url, **options)
        if self.backend == "sqlite":
            event.listen(engine, "connect", self._prepare_sqlite)
            event.listen(engine, "begin", _begin_sqlite)
        else:
            event.listen(engine, "connect", self._prepare_server)
        return engine

    def _prepare_server(self, connection: Any, _record: object) -> None:
        with connection.cursor() as cursor:
            cursor.execute(self.session_settings[self.backend])
        connection.commit()

    def _prepare_sqlite(self, connection: Any, _record: object) -> None:
        # The driver's own deferred transactions deadlock when they upgrade to a write.
        connection.isolation_level = None
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute(f"PRAGMA synchronous={self.synchronous}")


def _begin_sqlite(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")
