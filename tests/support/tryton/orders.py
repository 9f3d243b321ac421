"""Orders for the tests against a real Tryton."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

from erp.adapters.tryton.adapter import TrytonErp
from erp.conformance import sample
from erp.port import Request
from erp.sales_order import SalesOrder


def small(order_id: str | None = None, **more: Any) -> SalesOrder:
    """An order of two mugs at 49.905 each, with freight."""
    whole = sample(order_id)
    line = replace(
        whole.lines[0],
        sku_id="310102",
        ref_id="CANECA-01",
        quantity=2,
        unit_price=Decimal("49.905"),
        total=Decimal("99.81"),
        name="Caneca",
    )
    return replace(
        whole,
        lines=(line,),
        items_total=Decimal("99.81"),
        discounts=Decimal(0),
        shipping=Decimal("18.90"),
        total=Decimal("118.71"),
        **more,
    )


def taken(erp: TrytonErp, order: SalesOrder) -> list[Request]:
    """What is handed out of one order now."""
    found: list[Request] = []
    erp.poll_outbox(found.append, 1000)
    return [request for request in found if request.fields["order_id"] == order.order_id]
