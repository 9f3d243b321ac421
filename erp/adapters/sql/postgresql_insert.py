"""Inserts an order with its rows into PostgreSQL in one statement and one round trip.

The general way takes six or more statements, each with a round trip.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Table

from erp.adapters.sql.database import ErpDatabase
from erp.adapters.sql.order_rows import ROWS
from erp.adapters.sql.tables import orders

_OWN = ("id", "int_order_id", "replaces_order_id", "revision")
"""Columns with values from the database."""

Rows = Mapping[Table, Sequence[Mapping[str, Any]]]


def insert(database: ErpDatabase, rows: Rows, raw: Mapping[str, str | None]) -> str | None:
    """Insert an order. Return its number, or ``None`` if it exists already.

    Args:
        rows: rows of each table. ``int_order`` has one.
        raw: VTEX's documents as text, by column.
    """
    (head,) = rows[orders]
    given = {"head": _json(head)} | {table.name: _json(rows[table]) for table in ROWS}
    row = database.once(_INSERT, given | dict(raw))
    return None if row is None else str(row["id"])


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)


def _columns(table: Table) -> str:
    return ", ".join(column.name for column in table.columns if column.name not in _OWN)


def _of_order(table: Table) -> str:
    names, name = _columns(table), table.name
    return f"""{name}_rows AS (
        INSERT INTO {name} (int_order_id, {names})
        SELECT head.id, {names}
        FROM head, jsonb_populate_recordset(NULL::{name}, %({name})s::jsonb)
    )"""  # noqa: S608  # names of our own tables


_INSERT = f"""
WITH head AS (
    INSERT INTO int_order ({_columns(orders)}, replaces_order_id)
    SELECT {_columns(orders)}, (
        SELECT max(e.order_id) FROM int_order_event e
        WHERE e.store = given.store AND e.new_order_id = given.order_id
    )
    FROM jsonb_populate_record(NULL::int_order, %(head)s::jsonb) AS given
    ON CONFLICT (store, order_id) DO NOTHING RETURNING id
), {", ".join(map(_of_order, ROWS))}, raw AS (
    INSERT INTO int_order_raw (int_order_id, order_document, payment_document)
    SELECT id, %(order_document)s, %(payment_document)s FROM head
)
SELECT id FROM head
"""  # noqa: S608  # names of our own tables
