"""A sales order as Tryton's records: pure functions. Money is Decimal, prices of 4 decimals."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

from erp.adapters.shared.sale_notes import BRASILIA, sku_note
from erp.adapters.tryton.rest_client import Row, TrytonAddress
from erp.codes import product_code
from erp.port import ErpRejected
from erp.sales_order import Customer, OrderLine, PostalAddress, SalesOrder

CENT = Decimal("0.01")
PRICE = Decimal("0.0001")
"""The most decimals that Tryton takes of a price by default."""

_CPF, _CNPJ = 11, 14


@dataclass(frozen=True, slots=True)
class TrytonSaleLine:
    """A line to be: what is sold, how much of it, and at which price.

    Attributes:
        code: of Tryton's product.
        note: names the SKU, for the invoices that come back.
    """

    code: str
    quantity: Decimal
    unit_price: Decimal
    name: str | None = None
    note: str | None = None

    @property
    def amount(self) -> Decimal:
        """What Tryton makes of it: it rounds half to even."""
        return (self.quantity * self.unit_price).quantize(CENT, ROUND_HALF_EVEN)


def sold(order: SalesOrder, where: TrytonAddress) -> list[TrytonSaleLine]:
    """Return the lines whose amounts add up to the order's total, to the cent.

    Goods carry their discounts in their prices. Freight is a line of its own; what is left, such as
    tax, interest or a discount of the freight, is one line more.
    """
    lines = [_goods(order, line, where) for line in order.lines]
    if order.shipping:
        lines.append(TrytonSaleLine(where.freight, Decimal(1), order.shipping))
    rest = order.total - sum((line.amount for line in lines), Decimal(0))
    if rest:
        code = where.discount if rest < 0 else where.other
        lines.append(TrytonSaleLine(code, Decimal(1), rest))
    return lines


def _goods(order: SalesOrder, line: OrderLine, where: TrytonAddress) -> TrytonSaleLine:
    code = product_code(order, line, where.product)
    quantity = line.quantity * line.unit_multiplier
    price = (line.total / quantity).quantize(PRICE) if quantity else Decimal(0)
    return TrytonSaleLine(code, quantity, price, line.name, sku_note(line))


def line_values(lines: list[TrytonSaleLine], products: Mapping[str, Row]) -> list[Row]:
    """Return the values of a sale's lines.

    Args:
        products: by code, with ``id`` and ``sale_uom``.

    Raises:
        ErpRejected: a product is missing, or sold by a unit that takes no such part of it.
    """
    if missing := sorted({line.code for line in lines} - set(products)):
        raise ErpRejected(
            f"Tryton has no salable product of code {', '.join(missing)}: make it, or put the code "
            "on the product that it is, then retry"
        )
    return [_line_values(line, products[line.code]) for line in lines]


def _line_values(line: TrytonSaleLine, product: Row) -> Row:
    unit = product["sale_uom"]
    if line.quantity != round(line.quantity, unit["digits"]):
        raise ErpRejected(
            f"Tryton sells product {line.code} by a unit of {unit['digits']} decimals, and "
            f"{line.quantity.normalize():f} are ordered: give the product another unit, then retry"
        )
    return {
        "product": product["id"],
        "unit": unit["id"],
        "quantity": float(line.quantity),
        "unit_price": line.unit_price,
        "description": line.name,
        "note": line.note,
    }


def ordered_on(order: SalesOrder) -> date:
    """Return the day of the order, where its shops are."""
    return order.placed_at.astimezone(BRASILIA).date()


# --- people and places ------------------------------------------------------------------------


def party_code(order: SalesOrder) -> str:
    """Return the party's code: unique in Tryton's database, so that no race makes two of one."""
    return f"VTEX-{order.customer.document or order.order_id}"


def party_values(customer: Customer, code: str) -> Row:
    """Return the values of a new party, its addresses apart."""
    return {
        "code": code,
        "name": customer.name,
        "identifiers": [["create", list(_identifiers(customer))]],
        "contact_mechanisms": [["create", list(_contacts(customer))]],
    }


def _identifiers(customer: Customer) -> Iterator[Row]:
    if customer.document:
        yield {"type": _kind(customer.document), "code": customer.document}
    if customer.state_registration:
        yield {"type": None, "code": f"IE {customer.state_registration}"}


def _contacts(customer: Customer) -> Iterator[Row]:
    if customer.email:
        yield {"type": "email", "value": customer.email}
    if customer.phone:
        # As a phone Tryton would check it, and refuse the customer for it.
        yield {"type": "other", "value": customer.phone}
    if customer.trade_name:
        yield {"type": "other", "value": customer.trade_name, "name": "nome fantasia"}


def _kind(document: str) -> str | None:
    """Return Tryton's type of a tax identifier; it refuses one whose check digits are wrong."""
    if len(document) == _CPF and _ends_right(document, range(10, 1, -1), range(11, 1, -1)):
        return "br_cpf"
    first = [*range(5, 1, -1), *range(9, 1, -1)]
    # Those with letters, of July 2026 and later, are left untyped: not every python-stdnum
    # knows them.
    if len(document) == _CNPJ and _ends_right(document, first, [6, *first]):
        # python-stdnum has the CNPJ as the VAT number of Brazil, and so has Tryton.
        return "br_vat"
    return None


def _ends_right(document: str, *weights: Any) -> bool:
    if not document.isascii() or not document.isdigit() or len(set(document)) == 1:
        return False
    digits = [int(one) for one in document]
    for some, given in zip(weights, digits[-2:], strict=True):
        rest = sum(w * d for w, d in zip(some, digits, strict=False)) % 11
        if given != (0 if rest < 2 else 11 - rest):
            return False
    return True


def address_values(
    place: PostalAddress | None, name: str, country: int | None, subdivision: int | None
) -> Row:
    """Return the values of an address; an empty one where VTEX has none, which Tryton asks for."""
    if place is None:
        return {"street": None, "city": None, "postal_code": None}
    first = ", ".join(filter(None, (place.street, place.number)))
    street = "\n".join(filter(None, (first, place.complement, place.neighborhood)))
    city = place.city
    if place.state and subdivision is None:
        city = " - ".join(filter(None, (city, place.state)))
    return {
        "street": street or None,
        "city": city,
        "postal_code": place.postal_code,
        "country": country,
        "subdivision": subdivision,
        "party_name": place.receiver if place.receiver and place.receiver != name else None,
    }


SAME = ("street", "city", "postal_code", "party_name")
"""What tells one address of a party from another."""


def is_same(values: Row, known: Row) -> bool:
    """Say whether a party's address is the one that is wanted."""
    return all((values.get(one) or None) == (known.get(one) or None) for one in SAME)
