"""Documents for the tests: sound by themselves, changed where the test says so."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from vtex.documents import Client, Item, Logistics, Order, Payment, PriceTag, SellingPrice


def item(**changes: Any) -> Item:
    made = Item(
        index=0,
        sku_id="310045",
        quantity=1,
        price_cents=1000,
        selling_price_cents=1000,
        selling_prices=(SellingPrice(1000, 1),),
        total_cents=1000,
        name="Camiseta",
    )
    return replace(made, **changes)


def order(**changes: Any) -> Order:
    """Return an order of one item at R$ 10.00 and no freight."""
    made = Order(
        order_id="v1acme-01",
        sequence="1",
        status="ready-for-handling",
        value_cents=1000,
        created_at=datetime(2026, 3, 10, tzinfo=UTC),
        items=(item(),),
        totals=(("Items", 1000), ("Discounts", 0), ("Shipping", 0), ("Tax", 0)),
        raw={},
        client=Client(first_name="Ana", last_name="Prado", document="529.982.247-25"),
    )
    return replace(made, **changes)


def order_a() -> Order:
    """Return an order whose discount does not divide over two units."""
    first = item(
        quantity=2,
        price_cents=12990,
        list_price_cents=14990,
        selling_price_cents=12340,
        price_tags=(PriceTag("discount@price-1#2", -1299),),
        selling_prices=(SellingPrice(12340, 1), SellingPrice(12341, 1)),
        total_cents=24681,
    )
    second = item(
        index=1,
        sku_id="310102",
        price_cents=4990,
        selling_price_cents=4990,
        selling_prices=(SellingPrice(4990, 1),),
        total_cents=4990,
    )
    return order(
        value_cents=31561,
        items=(first, second),
        totals=(("Items", 30970), ("Discounts", -1299), ("Shipping", 1890), ("Tax", 0)),
        logistics=(Logistics(1, selling_price_cents=240), Logistics(0, selling_price_cents=1650)),
    )


def payment(**changes: Any) -> Payment:
    made = Payment("2", "Visa", "creditCard", 1000, status="Approved", tid="T1")
    return replace(made, **changes)
