"""Maps a sales order to the columns of Odoo's import. Pure functions, prices in whole cents."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from erp.adapters.odoo.external_ids import name
from erp.adapters.odoo.rpc import Row
from erp.adapters.odoo.url import OdooAddress
from erp.adapters.shared.sale_notes import line_note
from erp.codes import product_code
from erp.port import ErpRejected
from erp.sales_order import OrderLine, PostalAddress, SalesOrder
from foundation.messages import erp as messages

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
"""ISO 3166 alpha-3 to alpha-2, as Odoo needs it. For other countries the city has the code."""

_CPF, _CNPJ = 11, 14
_BRAZILIAN = ("cpf", "cnpj")


@dataclass(frozen=True, slots=True)
class OdooSaleLine:
    """A line of the sale: product reference, quantity, unit price in whole cents."""

    code: str
    quantity: Decimal
    unit_price: Decimal
    text: str

    @property
    def amount(self) -> Decimal:
        """The amount as Odoo computes it."""
        return (self.quantity * self.unit_price).quantize(CENT, ROUND_HALF_UP)


def quantity_places(fields: Mapping[str, Any]) -> int | None:
    """Return the decimals of a quantity in Odoo, from the fields of a sale's line, if known."""
    digits = fields.get("product_uom_qty", {}).get("digits")
    return int(digits[1]) if digits else None


def sold(order: SalesOrder, where: OdooAddress, places: int | None = None) -> list[OdooSaleLine]:
    """Return the lines whose amounts add up to the order's total, to the cent.

    Prices of goods include discounts. If that leaves fractions of cents, some units cost a cent
    more. Freight has its own line. One more line holds the rest, such as tax, interest or a
    freight discount.

    Args:
        places: decimals of a quantity in Odoo, which rounds all others.
    """
    lines = [part for line in order.lines_to_deliver for part in _goods(order, line, where, places)]
    if order.shipping:
        freight = order.shipping.quantize(CENT)
        lines.append(OdooSaleLine(where.freight, Decimal(1), freight, "Frete"))
    rest = (order.total - sum((line.amount for line in lines), Decimal(0))).quantize(CENT)
    if rest:
        code, text = (where.discount, "Desconto") if rest < 0 else (where.other, "Outros")
        lines.append(OdooSaleLine(code, Decimal(1), rest, text))
    return lines


def _goods(
    order: SalesOrder, line: OrderLine, where: OdooAddress, places: int | None
) -> Iterator[OdooSaleLine]:
    code = product_code(order, line, where.product)
    quantity = line.measure if places is None else round(line.measure, places) or line.measure
    text = "\n".join(filter(None, (line.name, line_note(order, line))))
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
        ErpRejected: a product is missing in Odoo.
    """
    if missing := sorted({line.code for line in lines} - set(products)):
        raise ErpRejected(
            messages.PRODUCT_MISSING(erp="Odoo", field="reference", codes=", ".join(missing))
        )
    return [
        {
            "order_line/product_id/.id": str(products[line.code]),
            "order_line/name": line.text,
            "order_line/product_uom_qty": f"{line.quantity.normalize():f}",
            "order_line/price_unit": f"{line.unit_price:.2f}",
        }
        for line in lines
    ]


# --- people and places ------------------------------------------------------------------------


def documents(order: SalesOrder) -> list[str]:
    """Return the spellings of the customer's document in Odoo."""
    digits = order.customer.document or ""
    if order.customer.document_type not in (None, *_BRAZILIAN):
        place = order.customer_address
        country = COUNTRIES.get(place.country or "") if place else None
        return [digits, f"{country}{digits}"] if country else [digits]
    ways = [digits, f"BR{digits}"]
    if len(digits) == _CPF:
        ways.append(f"{digits[:3]}.{digits[3:6]}.{digits[6:9]}-{digits[9:]}")
    if len(digits) == _CNPJ:
        ways.append(f"{digits[:2]}.{digits[2:5]}.{digits[5:8]}/{digits[8:12]}-{digits[12:]}")
    return ways


def partner_name(order: SalesOrder) -> str:
    """Return the external id of an order's customer. Without a document, each order has one."""
    document = order.customer.document
    return name("partner", document) if document else name("partner", order.store, order.order_id)


def partner_values(
    order: SalesOrder, fields: Mapping[str, Any], place: Mapping[str, str]
) -> dict[str, str]:
    """Return the columns of a new customer.

    Args:
        fields: fields of Odoo's partners. The state registration differs by localization.
        place: columns of the address.
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
        known = [name for name in ("l10n_br_ie_code", "inscr_est") if name in fields]
        if known:
            values[known[0]] = inscription
        else:
            remarks.append(f"IE {inscription}")
    if any(remarks):
        values["comment"] = "; ".join(filter(None, remarks))
    return values


SAME = ("street", "street2", "city", "zip")
"""The fields that identify an address of a customer, beside its name."""


def address_values(
    place: PostalAddress | None, country: int | None, state: int | None
) -> dict[str, str]:
    """Return the columns of an address without its name. Empty without an address."""
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
    """Return whether an address in Odoo equals the order's."""
    if (known.get("name") or "") != called:
        return False
    return all((values.get(field) or "") == (known.get(field) or "") for field in SAME)


def address_name(partner: int, values: Mapping[str, str], called: str) -> str:
    """Return the external id of a customer's further address."""
    words = "\n".join([called, *(values.get(field, "") for field in SAME)])
    return name("address", str(partner), hashlib.sha256(words.encode()).hexdigest()[:16])
