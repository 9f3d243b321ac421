"""A sales order as the columns of Odoo's import: pure functions. Prices are of whole cents."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from erp.adapters.odoo.external_ids import name
from erp.adapters.odoo.rpc import Row
from erp.adapters.odoo.url import OdooAddress
from erp.adapters.shared.sale_notes import sku_note
from erp.codes import product_code
from erp.port import ErpRejected
from erp.sales_order import OrderLine, PostalAddress, SalesOrder

CENT = Decimal("0.01")
COUNTRIES = {
    "ARG": "AR", "AUS": "AU", "AUT": "AT", "BEL": "BE", "BOL": "BO", "BRA": "BR", "CAN": "CA",
    "CHE": "CH", "CHL": "CL", "CHN": "CN", "COL": "CO", "CRI": "CR", "CUB": "CU", "DEU": "DE",
    "DNK": "DK", "DOM": "DO", "ECU": "EC", "ESP": "ES", "FIN": "FI", "FRA": "FR", "GBR": "GB",
    "GTM": "GT", "GUY": "GY", "HND": "HN", "IRL": "IE", "ITA": "IT", "JPN": "JP", "KOR": "KR",
    "MEX": "MX", "NIC": "NI", "NLD": "NL", "NOR": "NO", "PAN": "PA", "PER": "PE", "POL": "PL",
    "PRT": "PT", "PRY": "PY", "ROU": "RO", "SLV": "SV", "SUR": "SR", "SWE": "SE", "URY": "UY",
    "USA": "US", "VEN": "VE",
}  # fmt: skip
"""Odoo has ISO 3166 alpha-2 alone. Of any other country the code stays with the city."""

_CPF, _CNPJ = 11, 14


@dataclass(frozen=True, slots=True)
class OdooSaleLine:
    """A line to be: a product by its reference, how much of it, at which price of whole cents."""

    code: str
    quantity: Decimal
    unit_price: Decimal
    text: str

    @property
    def amount(self) -> Decimal:
        """What Odoo makes of it."""
        return (self.quantity * self.unit_price).quantize(CENT, ROUND_HALF_UP)


def sold(order: SalesOrder, where: OdooAddress) -> list[OdooSaleLine]:
    """Return the lines whose amounts add up to the order's total, to the cent.

    Goods carry their discounts in their prices; where those are of broken cents, some pieces cost
    a cent more. Freight is a line of its own; what is left, such as tax, interest or a discount of
    the freight, is one line more.
    """
    lines = [one for line in order.lines for one in _goods(order, line, where)]
    if order.shipping:
        freight = order.shipping.quantize(CENT)
        lines.append(OdooSaleLine(where.freight, Decimal(1), freight, "Frete"))
    rest = (order.total - sum((one.amount for one in lines), Decimal(0))).quantize(CENT)
    if rest:
        code, text = (where.discount, "Desconto") if rest < 0 else (where.other, "Outros")
        lines.append(OdooSaleLine(code, Decimal(1), rest, text))
    return lines


def _goods(order: SalesOrder, line: OrderLine, where: OdooAddress) -> Iterator[OdooSaleLine]:
    code = product_code(order, line, where.product)
    quantity = line.quantity * line.unit_multiplier
    text = "\n".join(filter(None, (line.name, sku_note(line))))
    if not quantity:
        return
    if quantity != quantity.to_integral_value():
        unit_price = (line.total / quantity).quantize(CENT, ROUND_HALF_UP)
        yield OdooSaleLine(code, quantity, unit_price, text)
        return
    cents = int(line.total.quantize(CENT, ROUND_HALF_UP).scaleb(2))
    each, dearer = divmod(cents, int(quantity))
    for count, price in ((quantity - dearer, each), (Decimal(dearer), each + 1)):
        if count:
            yield OdooSaleLine(code, count, Decimal(price).scaleb(-2), text)


def line_values(lines: list[OdooSaleLine], products: Mapping[str, int]) -> list[dict[str, str]]:
    """Return the columns of an order's lines.

    Args:
        products: ids by reference.

    Raises:
        ErpRejected: a product is missing.
    """
    if missing := sorted({one.code for one in lines} - set(products)):
        raise ErpRejected(
            f"Odoo has no product of reference {', '.join(missing)}: make it, or put the "
            "reference on the product that it is, then retry"
        )
    return [
        {
            "order_line/product_id/.id": str(products[one.code]),
            "order_line/name": one.text,
            "order_line/product_uom_qty": f"{one.quantity.normalize():f}",
            "order_line/price_unit": f"{one.unit_price:.2f}",
        }
        for one in lines
    ]


def ordered_at(order: SalesOrder) -> str:
    """Return the time of the order as Odoo reads it, in UTC."""
    return f"{order.placed_at.astimezone(UTC):%Y-%m-%d %H:%M:%S}"


# --- people and places ------------------------------------------------------------------------


def documents(document: str) -> list[str]:
    """Return the ways in which Odoo's people write a CPF or CNPJ."""
    one = document
    ways = [one, f"BR{one}"]
    if len(one) == _CPF:
        ways.append(f"{one[:3]}.{one[3:6]}.{one[6:9]}-{one[9:]}")
    if len(one) == _CNPJ:
        ways.append(f"{one[:2]}.{one[2:5]}.{one[5:8]}/{one[8:12]}-{one[12:]}")
    return ways


def partner_name(order: SalesOrder) -> str:
    """Return the external id of an order's customer; without a document it is the order's own."""
    document = order.customer.document
    return name("partner", document) if document else name("partner", order.store, order.order_id)


def partner_values(
    order: SalesOrder, fields: Mapping[str, Any], place: Mapping[str, str]
) -> dict[str, str]:
    """Return the columns of a new customer.

    Args:
        fields: that Odoo's partners have; of the inscription's each localization has its own.
        place: the columns of the address.
    """
    customer = order.customer
    values = {"name": customer.name, **place}
    if customer.document:
        values["vat"] = customer.document
    if customer.kind == "J":
        values["is_company"] = "1"
    values |= {
        field: text
        for field, text in (("email", customer.email), ("phone", customer.phone))
        if text
    }
    remarks = [customer.trade_name and f"Nome fantasia: {customer.trade_name}"]
    if inscription := customer.state_registration:
        known = [one for one in ("l10n_br_ie_code", "inscr_est") if one in fields]
        if known:
            values[known[0]] = inscription
        else:
            remarks.append(f"IE {inscription}")
    if any(remarks):
        values["comment"] = "; ".join(filter(None, remarks))
    return values


SAME = ("street", "street2", "city", "zip")
"""What tells one address of a customer from another, with its name."""


def address_values(
    place: PostalAddress | None, country: int | None, state: int | None
) -> dict[str, str]:
    """Return the columns of an address, without its name; none where VTEX has none."""
    if place is None:
        return {}
    city = place.city
    if place.state and state is None:
        city = " - ".join(filter(None, (city, place.state)))
    if place.country and country is None:
        city = " - ".join(filter(None, (city, place.country)))
    values = {
        "street": ", ".join(filter(None, (place.street, place.number))),
        "street2": " - ".join(filter(None, (place.complement, place.neighborhood))),
        "city": city,
        "zip": place.postal_code,
        "country_id/.id": str(country) if country else None,
        "state_id/.id": str(state) if state else None,
    }
    return {field: text for field, text in values.items() if text}


def is_same(values: Mapping[str, str], called: str, known: Row) -> bool:
    """Say whether an address of Odoo's is the one that is wanted."""
    if (known.get("name") or "") != called:
        return False
    return all((values.get(one) or "") == (known.get(one) or "") for one in SAME)


def address_name(partner: int, values: Mapping[str, str], called: str) -> str:
    """Return the external id of a customer's further address."""
    words = "\n".join([called, *(values.get(one, "") for one in SAME)])
    return name("address", str(partner), hashlib.sha256(words.encode()).hexdigest()[:16])
