"""A sales order as rows of the integration tables."""

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Table

from erp.adapters.sql.column_limits import fitted
from erp.adapters.sql.tables import addresses, attributes, flags, items, orders, payments, stamp
from erp.sales_order import (
    Attribute,
    Flag,
    Marketing,
    OrderLine,
    PaymentPart,
    PostalAddress,
    SaleContext,
    SalesOrder,
)
from vtex.documents import text_of

ROWS = (items, payments, addresses, attributes, flags)
"""The tables with rows of an order, beside its head and its raw documents."""

_DEGREES = Decimal("0.0000001")


def rows_of(order: SalesOrder) -> dict[Table, list[dict[str, Any]]]:
    """Return an order's rows by table, fitted to the columns. ``int_order`` has one."""
    rows, cuts = _fitted(order)
    doubts = [*order.flags, *cuts]
    rows[orders][0]["flags"] = " ".join(dict.fromkeys(flag.name for flag in doubts)) or None
    rows[flags] = [_flag(seq, flag) for seq, flag in enumerate(doubts, 1)]
    return rows


def cuts_of(order: SalesOrder) -> list[Flag]:
    """Return a flag for each text that is longer than its column. Raises as ``fitted``."""
    return _fitted(order)[1]


def _fitted(order: SalesOrder) -> tuple[dict[Table, list[dict[str, Any]]], list[Flag]]:
    cuts: list[Flag] = []
    whole = {
        orders: [_head(order)],
        items: [_item(order, line) for line in order.lines],
        payments: [_payment(order, payment) for payment in order.payments],
        addresses: [_address(address) for address in order.addresses],
        attributes: [
            {"seq": seq, **_named(attributes, attribute)}
            for seq, attribute in enumerate(order.attributes, 1)
        ],
    }
    rows = {
        table: [fitted(table, row, cuts) for row in rows_of_table]
        for table, rows_of_table in whole.items()
    }
    return rows, cuts


def raw_of(order: SalesOrder) -> dict[str, str | None]:
    """Return the columns of ``int_order_raw``."""
    payment = order.raw_payment
    return {
        "order_document": _text(order.raw_order),
        "payment_document": None if payment is None else _text(payment),
    }


_KINDS: tuple[tuple[Table, type], ...] = (
    (orders, SalesOrder),
    (orders, Marketing),
    (orders, SaleContext),
    (items, OrderLine),
    (payments, PaymentPart),
    (addresses, PostalAddress),
    (attributes, Attribute),
)
_NAMES = {
    (table, kind): tuple(column.name for column in table.columns if hasattr(kind, column.name))
    for table, kind in _KINDS
}
"""The columns of a table that are named as fields of a class."""


def _named(table: Table, *sources: object) -> dict[str, Any]:
    """Return the columns that are named as the sources' fields."""
    return {
        name: getattr(source, name) for source in sources for name in _NAMES[table, type(source)]
    }


def _head(order: SalesOrder) -> dict[str, Any]:
    customer = order.customer
    return {
        **_named(orders, order, order.marketing, order.context),
        "items_cents": _cents(order.items_total),
        "discounts_cents": _cents(order.discounts),
        "shipping_cents": _cents(order.shipping),
        "tax_cents": _cents(order.tax),
        "other_cents": _cents(order.other),
        "total_cents": _cents(order.total),
        "customer_kind": customer.kind,
        "customer_document": customer.document,
        "customer_document_type": customer.document_type,
        "customer_name": customer.name,
        "customer_trade_name": customer.trade_name,
        "customer_state_registration": customer.state_registration,
        "customer_email": customer.email,
        "customer_phone": customer.phone,
        "customer_class": customer.customer_class,
        "placed_at": stamp(order.placed_at),
        "authorized_at": _moment(order.authorized_at),
        "received_at": stamp(datetime.now(UTC)),
        "erp_state": "NEW",
        "erp_attempts": 0,
        "branch_code": _code(order, "branch"),
        "channel_code": _code(order, "channel"),
        "document_code": _code(order, "document"),
        "tax_code": _code(order, "tax"),
    }


def _item(order: SalesOrder, line: OrderLine) -> dict[str, Any]:
    return {
        **_named(items, line),
        "list_price_cents": _optional_cents(line.list_price),
        "discount_cents": _cents(line.discount),
        "tax_cents": _cents(line.tax),
        "freight_cents": _cents(line.freight),
        "list_freight_cents": _optional_cents(line.list_freight),
        "total_cents": _cents(line.total),
        "is_gift": int(line.is_gift),
        "kit_parts": ";".join(f"{part.sku_id}x{part.quantity}" for part in line.parts) or None,
        "vtex_tax_code": line.tax_code,
        "promotions": ", ".join(line.promotions) or None,
        "estimated_at": _moment(line.estimated_at),
        "window_starts_at": _moment(line.window_starts_at),
        "window_ends_at": _moment(line.window_ends_at),
        "sku_code": _code(order, "sku", line.sku_id),
        "carrier_code": _code(order, "carrier", line.carrier or ""),
    }


def _payment(order: SalesOrder, payment: PaymentPart) -> dict[str, Any]:
    return {
        **_named(payments, payment),
        "payment_system": payment.system,
        "payment_system_name": payment.system_name,
        "payment_group": payment.group,
        "value_cents": _cents(payment.value),
        "share_cents": _cents(payment.share),
        "reference_value_cents": _optional_cents(payment.reference_value),
        "authorization_code": payment.authorization,
        "payment_code": _code(order, "payment", payment.system),
    }


def _address(address: object) -> dict[str, Any]:
    row = _named(addresses, address)
    for name in ("latitude", "longitude"):
        if row[name] is not None:
            row[name] = row[name].quantize(_DEGREES)
    return row


def _flag(seq: int, flag: Flag) -> dict[str, Any]:
    return {
        "seq": seq,
        "name": str(flag.name),
        "line_no": flag.line_no,
        "difference_cents": _optional_cents(flag.difference),
        "detail": str(flag.detail),
    }


def _text(document: Mapping[str, Any]) -> str:
    """Return JSON with half surrogate pairs escaped, since databases refuse them."""
    text = text_of(document)
    return text if text.isascii() else text.encode(errors="backslashreplace").decode()


def _code(order: SalesOrder, kind: str, of: str | None = None) -> str | None:
    code = order.code(kind, of)
    return None if code is None else str(code)


def _moment(moment: datetime | None) -> str | None:
    return stamp(moment) if moment else None


def _cents(money: Decimal) -> int:
    return int(money.scaleb(2))


def _optional_cents(money: Decimal | None) -> int | None:
    return None if money is None else _cents(money)
