"""One statement in PostgreSQL's own words: a transaction and a round trip of its own.

Through the driver itself: what SQLAlchemy does about a statement takes more CPU than the statement.
The pool, its pings and its errors are SQLAlchemy's.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from typing import Any

import psycopg
from psycopg.rows import dict_row
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError


def run(engine: Engine, statement: str, values: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the one row that a statement returns, None where there is none.

    Raises:
        DBAPIError: as SQLAlchemy raises it.
    """
    try:
        return _run(engine, statement, values)
    except psycopg.Error as error:
        raise DBAPIError.instance(
            None, None, error, psycopg.Error, dialect=engine.dialect
        ) from error


def _run(engine: Engine, statement: str, values: Mapping[str, Any]) -> dict[str, Any] | None:
    with closing(engine.raw_connection()) as held:
        connection: Any = held.driver_connection
        # For this once only, since a pool of such connections beside the other would be as many
        # connections more. Neither way is a word to the server.
        connection.autocommit = True
        try:
            cursor = connection.cursor(row_factory=dict_row)
            row: dict[str, Any] | None = cursor.execute(statement, values).fetchone()
        finally:
            if connection.closed:
                # The server is gone, and with it all that the pool holds.
                held.invalidate()
                engine.dispose()
            else:
                connection.autocommit = False
    return row
