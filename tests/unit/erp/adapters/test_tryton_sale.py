"""The records of a new sale in Tryton, by a stand-in for its client."""

from dataclasses import replace
from typing import Any

from erp.adapters.tryton.adapter import TrytonErp
from erp.conformance import sample
from erp.conformance.order_kinds import ORDERS
from erp.sales_order import SaleContext, SalesOrder
from support.fakes.tryton import Tryton


def inserted(order: SalesOrder) -> Tryton:
    client = Tryton(order.total)
    erp = TrytonErp("tryton+https://vtex:key@erp.example.com/loja")
    erp._rest = client  # type: ignore[assignment]
    erp.insert(order)
    return client


def addresses(client: Tryton) -> list[str | None]:
    rows: list[dict[str, Any]] = client.values("party.party")["addresses"][0][1]
    return [row["street"] for row in rows]


def test_the_customer_of_a_pickup_has_the_address_for_the_nota_first() -> None:
    client = inserted(ORDERS["pickup_with_two_addresses"]())

    assert addresses(client) == ["Rua das Palmeiras, 10", "Rua Augusta, 1500"]
    sale = client.values("sale.sale")
    assert sale["invoice_address"] != sale["shipment_address"]


def test_a_pickup_without_an_address_for_the_nota_has_an_empty_one() -> None:
    order = ORDERS["pickup_with_two_addresses"]()

    assert addresses(inserted(replace(order, addresses=order.addresses[:1])))[0] is None


def test_a_removed_line_is_not_sold() -> None:
    lines = inserted(ORDERS["removed_line"]()).values("sale.sale")["lines"][0][1]

    assert [line["note"] for line in lines] == ["VTEX SKU 310045"]


def test_weighed_goods_are_sold_by_weight_with_all_six_decimals() -> None:
    lines = inserted(ORDERS["weighed_to_the_milligram"]()).values("sale.sale")["lines"][0][1]

    assert lines[0]["quantity"] == 0.704834
    assert lines[0]["note"] == "VTEX SKU 310300 x 0.352417"


def test_a_purchase_order_is_the_reference_of_the_sale() -> None:
    order = replace(sample(), context=SaleContext(purchase_order_number="PO-77"))

    assert inserted(order).values("sale.sale")["reference"] == "PO-77"
    assert inserted(sample()).values("sale.sale")["reference"] == "70411223"
