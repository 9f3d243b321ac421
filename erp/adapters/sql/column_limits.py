"""Checks rows against column limits, so that errors are ours and SQLite behaves like the others."""

from typing import Any

from sqlalchemy import BigInteger, Integer, Numeric, String, Table
from sqlalchemy.types import TypeEngine

from erp.adapters.sql.tables import addresses, event_items, events, items, orders, payments
from erp.port import ErpRejected
from foundation.messages import erp as messages

CUT = {
    orders: {"customer_name", "customer_trade_name", "pickup_point"},
    items: {"name", "measurement_unit", "sla", "carrier"},
    event_items: {"name"},
    events: set(),
    payments: {"payment_system_name", "brand"},
    addresses: {"receiver", "street", "number", "complement", "neighborhood", "city", "reference"},
}
"""Columns with text for people, which is cut. A cut id or address would mean another one."""


def _most(kind: TypeEngine[Any]) -> int | None:
    if isinstance(kind, String):
        return kind.length
    if isinstance(kind, Numeric):
        return int(10 ** ((kind.precision or 0) - (kind.scale or 0)) - 1)
    if isinstance(kind, BigInteger):
        return 2**63 - 1
    return 2**31 - 1 if isinstance(kind, Integer) else None


_MOST = {
    table: {
        column.name: most for column in table.columns if (most := _most(column.type)) is not None
    }
    for table in CUT
}


def fitted(table: Table, row: dict[str, Any], cuts: list[str]) -> dict[str, Any]:
    """Return a row that fits the table. ``cuts`` collects the names of cut columns.

    Raises:
        ErpRejected: an id, a code or an amount is too large for its column.
    """
    made = dict(row)
    for name, most in _MOST[table].items():
        value = row.get(name)
        if value is None:
            continue
        size = len(value) if isinstance(value, str) else abs(value)
        if size <= most:
            continue
        place = f"{table.name}.{name}"
        if name in CUT[table]:
            made[name] = value[:most]
            cuts.append(f"{place}: cut to {most} characters")
        elif isinstance(value, str):
            raise ErpRejected(messages.TEXT_TOO_LONG(column=place, limit=most, size=size))
        else:
            raise ErpRejected(messages.NUMBER_TOO_LARGE(column=place))
    return made
