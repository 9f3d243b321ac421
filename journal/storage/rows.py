"""Rows of the journal: timeline lines, new jobs, compressed documents, upserts."""

import hashlib
import json
import zlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, FromClause, RowMapping, Table, func, select
from sqlalchemy.dialects import postgresql, sqlite

from foundation.messages.message import code_of
from journal.model import STAGES, Kind, State
from journal.storage.tables import jobs

Row = RowMapping | Mapping[str, Any]


def is_open(table: FromClause = jobs) -> ColumnElement[bool]:
    """Return the condition for open jobs, for queries that name a job or an order.

    With ``state = 'open'`` a database may read all open jobs instead: 20 ms for 50,000.
    """
    return table.c.state.concat("") == State.OPEN


def insert(db: Connection, table: Table) -> Any:
    """Return an insert with ``on_conflict_do_…``."""
    return (sqlite if db.dialect.name == "sqlite" else postgresql).insert(table)


def upsert(
    db: Connection,
    table: Table,
    key: Mapping[str, Any],
    values: Mapping[str, Any],
    *,
    only_if: ColumnElement[bool] | None = None,
) -> None:
    """Insert a row, or update the row that has its key if ``only_if`` holds for it."""
    made = insert(db, table).values(**key, **values)
    db.execute(made.on_conflict_do_update(index_elements=[*key], set_=values, where=only_if))


def fitting(table: FromClause, **values: object) -> list[ColumnElement[bool]]:
    """Return a condition for each column whose value is given."""
    return [table.c[name] == value for name, value in values.items() if value is not None]


def event_row(  # noqa: PLR0913  # a row has as many columns
    store: str,
    order_id: str,
    at: datetime,
    attempt: int,
    event: str,
    *,
    kind: str = Kind.INTAKE,
    stage: str | None = None,
    detail: str | None = None,
) -> dict[str, Any]:
    """Return a line of an order's timeline."""
    return {
        "store": store,
        "order_id": order_id,
        "at": at,
        "kind": kind,
        "stage": stage,
        "attempt": attempt,
        "event": event,
        "detail": detail,
    }


IGNORES_CHANGE = "although a change of the order may be under way"
"""Detail of a request by hand that skips the check for changes."""


def job_row(store: str, order_id: str, kind: Kind, key: str, now: datetime) -> dict[str, Any]:
    """Return a job at its first stage, due at once."""
    return {
        "store": store, "order_id": order_id, "kind": kind, "key": key, "stage": STAGES[kind][0],
        "state": State.OPEN, "attempt": 0, "unfinished_starts": 0, "crash_suspect": 0,
        "failures": 0, "not_ready": 0, "due_at": now, "created_at": now, "updated_at": now,
    }  # fmt: skip


def error_columns(reason: str | None) -> dict[str, str | None]:
    """Return the columns of a job that say why it failed."""
    return {"last_error": reason, "error_code": code_of(reason) or None}


def without_empty(value: Any) -> Any:
    """Return an object without empty values.

    A field of a later version must not turn the same request into another one.
    """
    if isinstance(value, list):
        return [without_empty(row) for row in value]
    if not isinstance(value, Mapping):
        return value
    return {
        name: without_empty(item)
        for name, item in value.items()
        if item is not None and item is not False and item not in ("", [], {})
    }


def fingerprint(request_body: Any) -> str:
    """Return the SHA-256 of a body."""
    text = json.dumps(without_empty(request_body), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def compress(document: dict[str, Any] | None) -> bytes | None:
    """Return a document compressed, with every character, also half surrogate pairs."""
    if document is None:
        return None
    # A document with its own text is stored unchanged.
    text = getattr(document, "text", None) or json.dumps(document, ensure_ascii=False)
    return zlib.compress(text.encode(errors="surrogatepass"), 1)


def decompress(data: bytes | None) -> dict[str, Any] | None:
    """Return a stored document."""
    if data is None:
        return None
    document: dict[str, Any] = json.loads(zlib.decompress(data))
    return document


def as_json(value: dict[str, Any] | None) -> str | None:
    """Return a small object as text."""
    return None if value is None else json.dumps(value, ensure_ascii=False)


def from_json(text: str | None) -> dict[str, Any] | None:
    """Read a small object from text."""
    if text is None:
        return None
    value: dict[str, Any] = json.loads(text)
    return value


# In the order of an index, which is read completely: the query counts all jobs.
_PLACE = (jobs.c.state, jobs.c.store, jobs.c.kind, jobs.c.stage)
_COUNTS = select(*_PLACE, func.count().label("n")).group_by(*_PLACE)


def count_jobs(db: Connection) -> Any:
    """Return the number ``n`` of jobs by state, store, kind and stage."""
    return db.execute(_COUNTS)
