"""A database's connections: for transactions, and for single statements in PostgreSQL's own words.

What SQLAlchemy does about a statement takes more CPU than the statement, and to take a connection
from its pool and make it ready as much again. So a statement goes through the driver itself, on a
connection that the statement before, of whatever thread, left ready. All else is SQLAlchemy's: the
pool, its limits, its errors.
"""

import time
from collections.abc import Mapping
from contextlib import AbstractContextManager
from functools import partial
from typing import Any

import psycopg
from psycopg.rows import dict_row
from sqlalchemy import Connection, Dialect, Engine, PoolProxiedConnection, event
from sqlalchemy.exc import DBAPIError, DisconnectionError

IDLE_SECONDS = 5.0
"""Connections unused for longer are tried before they are used."""

_Ready = tuple[PoolProxiedConnection, psycopg.Cursor[dict[str, Any]]]
"""Out of the pool and in autocommit, with a cursor that has seen the statements."""


class Connections:
    """The connections of an engine, made when needed. Safe across threads."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        # The one used last goes first. To append and to pop are atomic.
        self._ready: list[_Ready] = []
        if engine.dialect.name == "sqlite":
            return  # a file does not go away
        event.listen(engine, "checkin", _note_return)
        event.listen(engine, "checkout", partial(_ping_where_idle, engine.dialect))
        event.listen(engine, "invalidate", self._drop_ready)

    def begin(self) -> AbstractContextManager[Connection]:
        """Return a connection in a transaction that commits at the end. Enter it at once."""
        if ready := self._pop():
            self._give_back(ready[0])  # else the pool opens one more, and this one lies here
        return self.engine.begin()

    def run(self, statement: str, values: Mapping[str, Any]) -> dict[str, Any] | None:
        """Return the one row that a statement of PostgreSQL returns, None where there is none.

        It is a transaction and a round trip of its own.

        Raises:
            DBAPIError: as SQLAlchemy raises it.
        """
        try:
            return self._run(statement, values)
        except psycopg.Error as error:
            raise DBAPIError.instance(
                None, None, error, psycopg.Error, dialect=self.engine.dialect
            ) from error

    def close(self) -> None:
        """Close all connections. The next use connects again."""
        self._drop_ready()
        self.engine.dispose()

    def _run(self, statement: str, values: Mapping[str, Any]) -> dict[str, Any] | None:
        held, cursor = self._take()
        try:
            row = cursor.execute(statement, values).fetchone()
        except BaseException:
            self._give_back(held)
            raise
        held.info["used_at"] = time.monotonic()
        pool: Any = self.engine.pool
        if pool.checkedout() > pool.size():
            # So many are in use that others may wait for one at the pool.
            self._give_back(held)
        else:
            self._ready.append((held, cursor))
        return row

    def _take(self) -> _Ready:
        if ready := self._pop():
            if not _is_idle(ready[0].info):
                return ready
            self._give_back(ready[0])  # the pool tries what it gives
        held = self.engine.raw_connection()
        connection: Any = held.driver_connection
        connection.autocommit = True  # said to the driver alone
        return held, connection.cursor(row_factory=dict_row)

    def _give_back(self, held: PoolProxiedConnection) -> None:
        connection: Any = held.driver_connection
        if connection.closed:
            # The server is gone, and with it all that is ready or that the pool holds.
            held.invalidate()
            self.engine.dispose()
        else:
            connection.autocommit = False
            held.close()

    def _drop_ready(self, *_: object) -> None:
        """Close those that are ready: one connection is broken, as all are after a restart."""
        while ready := self._pop():
            ready[0].detach()
            ready[0].close()

    def _pop(self) -> _Ready | None:
        try:
            return self._ready.pop()
        except IndexError:
            return None


def _is_idle(info: Mapping[str, Any]) -> bool:
    used_at: float = info.get("used_at", 0.0)
    return time.monotonic() - used_at >= IDLE_SECONDS


def _note_return(_connection: object, record: Any) -> None:
    # One that lay ready meanwhile was used earlier than now.
    record.info.setdefault("used_at", time.monotonic())


def _ping_where_idle(dialect: Dialect, connection: Any, record: Any, _proxy: object) -> None:
    """Try a connection that has not been used for a while: the server may have gone meanwhile.

    At every use, as the pool's own way is, this would be one more round trip a transaction.
    """
    idle = _is_idle(record.info)
    record.info.pop("used_at", None)
    if not idle:
        return
    try:
        dialect.do_ping(connection)
    except dialect.loaded_dbapi.Error as error:
        raise DisconnectionError from error
