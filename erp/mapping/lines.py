"""The lines of an order as rows of the sales order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from erp.mapping.amounts import money, unit_price
from erp.sales_order import KitPart, OrderLine
from foundation.foreign_values import bounded_number, plain_text, rows_at
from vtex.documents import Logistics, Order
from vtex.pricing.lines import LinePrice
from vtex.pricing.readings import gross_cents

_MOST_COMMISSION = 10**9
"""Bound of a commission, in hundredths of a percent. Others are no commission."""


def rows_of(
    order: Order, lines: Sequence[LinePrice], address_of: Callable[[int], int | None]
) -> tuple[tuple[OrderLine, ...], dict[tuple[int, int | None], int]]:
    """Return the rows, and their numbers by item index and place of a service.

    An item with two unit prices makes two rows. Its first row has the freight and tax of both.

    Args:
        address_of: gives an address number by item index.
    """
    raw_items = rows_at(order.raw, "items")
    numbers = _numbers(lines)
    rows: list[OrderLine] = []
    for line in lines:
        parent = line.index if line.is_service else line.item.parent_item_index
        raw = raw_items[line.index] if 0 <= line.index < len(raw_items) else {}
        own = {} if line.is_service else _details(raw)
        own["address_no"] = None if line.is_service else address_of(line.index)
        own["parent_line"] = None if parent is None else numbers.get((parent, None))
        rows += _rows(line, line.sold.logistics, own, len(rows) + 1)
    return tuple(rows), numbers


def _numbers(lines: Sequence[LinePrice]) -> dict[tuple[int, int | None], int]:
    numbers: dict[tuple[int, int | None], int] = {}
    services = Counter[int]()
    number = 1
    for line in lines:
        numbers[line.index, services[line.index] if line.is_service else None] = number
        services[line.index] += line.is_service
        number += len(_splits(line))
    return numbers


def _splits(line: LinePrice) -> list[tuple[int, int]]:
    """Return units and cents of each row of a line."""
    if len(line.prices) < 2:
        return [(line.quantity, line.total_cents)]
    return [(price.quantity, price.value_cents * price.quantity) for price in line.prices]


def _rows(
    line: LinePrice, logistics: Logistics | None, more: Mapping[str, Any], number: int
) -> list[OrderLine]:
    item = line.item
    return [
        OrderLine(
            line_no=number + offset,
            item_index=line.index,
            sku_id=item.sku_id,
            quantity=quantity,
            removed_quantity=line.removed if offset == 0 else 0,
            unit_price=unit_price(total, quantity),
            discount=max(Decimal(0), money(gross_cents(item, quantity) - total)),
            total=money(total),
            reading=line.reading,
            list_price=None if item.list_price_cents is None else money(item.list_price_cents),
            # The first row holds the amounts of the whole item.
            tax=money(line.tax_cents if offset == 0 else 0),
            freight=money(line.freight_cents if offset == 0 else 0),
            unique_id=item.unique_id,
            ref_id=item.ref_id,
            ean=item.ean,
            name=item.name,
            measurement_unit=item.measurement_unit,
            unit_multiplier=item.unit_multiplier,
            seller=item.seller,
            is_gift=item.is_gift,
            parts=tuple(
                KitPart(part.sku_id, part.quantity, part.ref_id, part.name)
                for part in item.components
            ),
            **_delivery(logistics, is_first=offset == 0),
            **more,
        )
        for offset, (quantity, total) in enumerate(_splits(line))
    ]


def _delivery(row: Logistics | None, *, is_first: bool) -> dict[str, Any]:
    if row is None:
        return {}
    list_freight = row.list_price_cents if is_first else 0
    return {
        "list_freight": None if list_freight is None else money(list_freight),
        "delivery_channel": row.delivery_channel,
        "warehouse_id": row.warehouse_id,
        "sla": row.sla,
        "carrier": row.carrier,
        "estimated_at": row.estimated_at,
        "pickup_point_id": row.pickup_point_id if row.is_pickup else None,
        "pickup_point": row.pickup_name,
        "window_starts_at": row.window_starts_at,
        "window_ends_at": row.window_ends_at,
    }


def _details(raw: Mapping[str, Any]) -> dict[str, Any]:
    identifiers = [plain_text(tag.get("identifier")) for tag in rows_at(raw, "priceTags")]
    return {
        "seller_sku": plain_text(raw.get("sellerSku")),
        "tax_code": plain_text(raw.get("taxCode")),
        "pre_sale_date": plain_text(raw.get("preSaleDate")),
        "promotions": tuple(dict.fromkeys(filter(None, identifiers))),
        "commission": _whole(raw.get("commission")),
        "freight_commission": _whole(raw.get("freightCommission")),
    }


def _whole(value: object) -> int | None:
    if value is None:
        return None
    try:
        number = bounded_number(value)
    except ValueError:
        return None
    return int(number) if number == int(number) and abs(number) <= _MOST_COMMISSION else None
