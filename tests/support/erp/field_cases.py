"""Orders that differ in one field, and everything that each adapter writes of an order."""

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from erp.adapters.odoo.adapter import OdooErp
from erp.adapters.rest.adapter import known_values
from erp.adapters.rest.profile import PROFILES
from erp.adapters.rest.template import Formats, Renderer
from erp.adapters.sql.order_rows import rows_of
from erp.adapters.tryton.adapter import TrytonErp
from erp.conformance import sample
from erp.sales_order import (
    Attribute,
    Flag,
    FlagName,
    Marketing,
    PostalAddress,
    SaleContext,
    SalesOrder,
)
from support.fakes.odoo import Odoo
from support.fakes.tryton import Tryton

HOME = PostalAddress(street="Rua das Palmeiras", city="São Paulo", state="SP", country="BRA")
WORK = replace(HOME, address_no=2, street="Av. Paulista")
BILL = replace(HOME, kind="BILL", address_no=3, street="Rua Fiscal")
MOMENT = datetime(2026, 3, 12, 17, tzinfo=UTC)


def base() -> SalesOrder:
    """Return an order of three lines, two payments and two destinations, without the fields."""
    order = sample("v1acme-01")
    first = replace(order.payments[0], value=Decimal("300.00"), share=Decimal("300.00"))
    second = replace(first, seq=2, value=Decimal("15.61"), share=Decimal("15.61"))
    return replace(
        order,
        payments=(first, second),
        addresses=(HOME, WORK, BILL),
        delivery_channel="mixed",
        raw_order={},
    )


def _line(**changes: Any) -> SalesOrder:
    order = base()
    return replace(order, lines=(replace(order.lines[0], **changes), *order.lines[1:]))


def _payment(**changes: Any) -> SalesOrder:
    order = base()
    return replace(order, payments=(replace(order.payments[0], **changes), order.payments[1]))


def _customer(**changes: Any) -> SalesOrder:
    return replace(base(), customer=replace(base().customer, **changes))


def _address(**changes: Any) -> SalesOrder:
    return replace(base(), addresses=(replace(HOME, **changes), WORK, BILL))


def _shares() -> SalesOrder:
    order = base()
    first, second = order.payments
    shares = (replace(first, share=Decimal("299.00")), replace(second, share=Decimal("16.61")))
    return replace(order, payments=shares)


def _removed() -> SalesOrder:
    order = base()
    gone = replace(order.lines[0], line_no=4, quantity=0, removed_quantity=2, total=Decimal(0))
    return replace(order, lines=(*order.lines, gone))


def _weighed() -> SalesOrder:
    return _line(unit_multiplier=Decimal("0.352417"))


CASES: Mapping[str, Callable[[], SalesOrder]] = {
    **{
        f"marketing.{field.name}": lambda name=field.name: replace(
            base(), marketing=Marketing(**{name: "x-1"})
        )
        for field in fields(Marketing)
    },
    **{
        f"context.{field.name}": lambda name=field.name: replace(
            base(), affiliate_id="MLB", context=SaleContext(**{name: "x-1"})
        )
        for field in fields(SaleContext)
    },
    "customer.document_type": lambda: _customer(document_type="CUIL"),
    "customer.customer_class": lambda: _customer(customer_class="atacado"),
    "pickup_point_id": lambda: replace(base(), pickup_point_id="P-1"),
    "attributes": lambda: replace(base(), attributes=(Attribute("customData", "cor", "azul"),)),
    "attributes of a line": lambda: replace(
        base(), attributes=(Attribute("attachments", "texto", "Ana", 1),)
    ),
    "flags": lambda: replace(base(), flags=(Flag(FlagName.SUM_MISMATCH, "apart"),)),
    "addresses of payments": lambda: replace(
        base(), addresses=(HOME, WORK, BILL, replace(HOME, kind="CARD", address_no=4))
    ),
    "address.address_id": lambda: _address(address_id="a-1"),
    "address.address_type": lambda: _address(address_type="residential"),
    "address.latitude, longitude": lambda: _address(
        latitude=Decimal("-23.5"), longitude=Decimal("-46.6")
    ),
    "line removed by a change": _removed,
    "line.unit_multiplier": _weighed,
    "line.list_freight": lambda: _line(list_freight=Decimal("9.99")),
    "line.delivery_channel": lambda: _line(delivery_channel="delivery"),
    "line.address_no": lambda: _line(address_no=2),
    "line.pickup_point_id": lambda: _line(pickup_point_id="P-1"),
    "line.pickup_point": lambda: _line(pickup_point="Loja Augusta"),
    "line.window_starts_at, window_ends_at": lambda: _line(
        window_starts_at=MOMENT, window_ends_at=MOMENT
    ),
    "line.seller_sku": lambda: _line(seller_sku="S-1"),
    "line.tax_code": lambda: _line(tax_code="T-1"),
    "line.pre_sale_date": lambda: _line(pre_sale_date="2026-04-01T00:00:00Z"),
    "line.promotions": lambda: _line(promotions=("p-1",)),
    "line.commission": lambda: _line(commission=12),
    "line.freight_commission": lambda: _line(freight_commission=3),
    "line.reading": lambda: _line(reading="priceTags"),
    "payment.share": _shares,
    "payment.transaction_id": lambda: _payment(transaction_id="T-1"),
    "payment.payment_id": lambda: _payment(payment_id="P-1"),
    "payment.bin": lambda: _payment(bin="444433"),
    "payment.acquirer": lambda: _payment(acquirer="Cielo"),
    "payment.bar_code": lambda: _payment(bar_code="34191.79001"),
    "payment.due_date": lambda: _payment(due_date="2026-03-15"),
    "payment.address_no": lambda: _payment(address_no=3),
    "payment.marketplace_method": lambda: _payment(marketplace_method="PIX"),
}
"""Field of the sales order to an order that has it. All else is as in ``base``."""


def in_sql(order: SalesOrder) -> object:
    """Return the rows of the integration tables."""
    rows = rows_of(order)
    return {
        table.name: [{name: row[name] for name in row if name != "received_at"} for row in content]
        for table, content in rows.items()
    }


def in_tryton(order: SalesOrder) -> object:
    """Return the values of the records that Tryton gets."""
    erp = TrytonErp("tryton+https://vtex:key@erp.example.com/loja")
    client = Tryton(order.total)
    # The stand-in holds the records. The real client speaks to a server.
    erp._rest = client  # type: ignore[assignment]
    erp.insert(order)
    return client.created


def in_odoo(order: SalesOrder) -> object:
    """Return the records that Odoo has afterwards, without their times."""
    fake = Odoo(11)
    for code in ("310045", "310102", "VTEX-FREIGHT", "VTEX-DISCOUNT", "VTEX-OTHER"):
        fake.add("product.product", name=code, default_code=code, sale_ok=True)
    erp = OdooErp(f"odoo+{fake.url.replace('//', '//vtex:key@')}/erp")
    try:
        erp.insert(order)
    finally:
        erp.close()
        fake.close()
    models = ("res.partner", "sale.order", "sale.order.line", "mail.message")
    return [
        {name: value for name, value in row.items() if "date" not in name}
        for model in models
        for row in fake.found(model)
    ]


def in_profile(name: str, order: SalesOrder) -> object:
    """Return the bodies of a new customer and a new order."""
    profile = tomllib.loads((PROFILES / f"{name}.toml").read_text(encoding="utf-8"))
    codes = {"store": {"default": 1}, "payment": {"default": 1}}
    known = {
        "values": {**profile["values"], "current_account": 1},
        **known_values(order),
        "customer_id": "1",
    }
    render = Renderer(Formats(profile["formats"]), codes).render
    calls = [profile[part]["create"] for part in ("customer", "order") if part in profile]
    return [render(call["body"], known) for call in calls]


ADAPTERS: Mapping[str, Callable[[SalesOrder], object]] = {
    "SQL tables": in_sql,
    "Tryton": in_tryton,
    "Odoo": in_odoo,
    "Bling": lambda order: in_profile("bling", order),
    "Omie": lambda order: in_profile("omie", order),
    "Tiny": lambda order: in_profile("tiny", order),
}
