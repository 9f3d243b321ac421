"""Checks rows against column limits, so that errors are ours and SQLite behaves like the others."""

from typing import Any

from sqlalchemy import BigInteger, Integer, Numeric, String, Table
from sqlalchemy.types import TypeEngine

from erp.adapters.sql.tables import (
    addresses,
    attributes,
    event_items,
    events,
    items,
    orders,
    payments,
)
from erp.port import ErpRejected
from erp.sales_order import Flag, FlagName
from foundation.messages import erp as messages
from foundation.messages import orders as order_messages

KEPT_WHOLE = frozenset({
    "store", "order_id", "order_status", "event_key", "kind", "sequence",
    "currency", "origin", "vtex_status", "customer_document", "customer_email",
    "affiliate_id", "marketplace_order_id", "seller_order_id", "new_order_id", "request_id",
    "order_group", "sales_channel", "branch_code", "channel_code", "document_code", "tax_code",
    "unique_id", "sku_id", "ref_id", "ean", "seller", "warehouse_id", "sku_code", "carrier_code",
    "payment_system", "payment_group", "payment_code",
})  # fmt: skip
"""Columns whose text means another thing if it is cut: ids and codes. Other text is cut."""

_TABLES = (orders, items, payments, addresses, attributes, events, event_items)


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
    for table in _TABLES
}


def fitted(table: Table, row: dict[str, Any], cuts: list[Flag]) -> dict[str, Any]:
    """Return a row that fits the table. ``cuts`` collects a flag for each cut column.

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
        if isinstance(value, str) and name not in KEPT_WHOLE:
            made[name] = value[:most]
            text = order_messages.TEXT_CUT(column=place, limit=most)
            cuts.append(Flag(FlagName.TEXT_CUT, text, line_no=row.get("line_no")))
        elif isinstance(value, str):
            raise ErpRejected(messages.TEXT_TOO_LONG(column=place, limit=most, size=size))
        else:
            raise ErpRejected(messages.NUMBER_TOO_LARGE(column=place))
    return made
