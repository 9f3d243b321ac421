"""Maps a sales order to Tryton's records. Pure functions, prices with 4 decimals."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal

from stdnum.br import cnpj, cpf

from erp.adapters.shared.sale_notes import line_note
from erp.adapters.tryton.rest_client import Row, TrytonAddress
from erp.codes import product_code
from erp.port import ErpRejected
from erp.sales_order import Customer, OrderLine, PostalAddress, SalesOrder
from foundation.messages import erp as messages

CENT = Decimal("0.01")
PRICE = Decimal("0.0001")
"""Precision of a price in Tryton by default."""


@dataclass(frozen=True, slots=True)
class TrytonSaleLine:
    """A line to be: what is sold, how much of it, and at which price.

    Attributes:
        code: code of Tryton's product.
        note: note with the SKU, for later invoices.
    """

    code: str
    quantity: Decimal
    unit_price: Decimal
    name: str | None = None
    note: str | None = None

    @property
    def amount(self) -> Decimal:
        """The amount as Tryton computes it, rounded half to even."""
        return (self.quantity * self.unit_price).quantize(CENT, ROUND_HALF_EVEN)


def sold(order: SalesOrder, where: TrytonAddress) -> list[TrytonSaleLine]:
    """Return the lines whose amounts add up to the order's total, to the cent.

    Prices of goods include discounts. Freight has its own line. One more line holds the rest, such
    as tax, interest or a freight discount.
    """
    lines = [_goods(order, line, where) for line in order.lines_to_deliver]
    if order.shipping:
        lines.append(TrytonSaleLine(where.freight, Decimal(1), order.shipping))
    rest = order.total - sum((line.amount for line in lines), Decimal(0))
    if rest:
        code = where.discount if rest < 0 else where.other
        lines.append(TrytonSaleLine(code, Decimal(1), rest))
    return lines


def _goods(order: SalesOrder, line: OrderLine, where: TrytonAddress) -> TrytonSaleLine:
    code = product_code(order, line, where.product)
    quantity = line.measure
    price = (line.total / quantity).quantize(PRICE) if quantity else Decimal(0)
    return TrytonSaleLine(code, quantity, price, line.name, line_note(order, line))


def line_values(lines: list[TrytonSaleLine], products: Mapping[str, Row]) -> list[Row]:
    """Return the values of a sale's lines.

    Args:
        products: products by code, with ``id`` and ``sale_uom``.

    Raises:
        ErpRejected: a product is missing, or its unit does not allow the quantity.
    """
    if missing := sorted({line.code for line in lines} - set(products)):
        raise ErpRejected(
            messages.PRODUCT_MISSING(erp="Tryton", field="code", codes=", ".join(missing))
        )
    return [_line_values(line, products[line.code]) for line in lines]


def _line_values(line: TrytonSaleLine, product: Row) -> Row:
    unit = product["sale_uom"]
    if line.quantity != round(line.quantity, unit["digits"]):
        raise ErpRejected(
            messages.TRYTON_DIGITS(
                code=line.code, digits=unit["digits"], quantity=f"{line.quantity.normalize():f}"
            )
        )
    return {
        "product": product["id"],
        "unit": unit["id"],
        "quantity": float(line.quantity),
        "unit_price": line.unit_price,
        "description": line.name,
        "note": line.note,
    }


# --- people and places ------------------------------------------------------------------------


def party_code(order: SalesOrder) -> str:
    """Return the party's code, which is unique in Tryton, so that a race makes one party."""
    return f"VTEX-{order.customer.document or order.order_id}"


def party_values(customer: Customer, code: str) -> Row:
    """Return the values of a new party without its addresses."""
    return {
        "code": code,
        "name": customer.name,
        "identifiers": [["create", list(_identifiers(customer))]],
        "contact_mechanisms": [["create", list(_contacts(customer))]],
    }


def _identifiers(customer: Customer) -> Iterator[Row]:
    if customer.document:
        yield {"type": _kind(customer), "code": customer.document}
    if customer.state_registration:
        yield {"type": None, "code": f"IE {customer.state_registration}"}


def _contacts(customer: Customer) -> Iterator[Row]:
    if customer.email:
        yield {"type": "email", "value": customer.email}
    if customer.phone:
        # Tryton would check a field of type phone, and refuse the customer.
        yield {"type": "other", "value": customer.phone}
    if customer.trade_name:
        yield {"type": "other", "value": customer.trade_name, "name": "nome fantasia"}


def _kind(customer: Customer) -> str | None:
    """Return Tryton's type of a tax identifier. Tryton refuses wrong check digits."""
    document = customer.document or ""
    if len(set(document)) == 1:
        return None
    if customer.document_type in (None, "cpf") and cpf.is_valid(document):
        return "br_cpf"
    # A CNPJ with letters (since July 2026) stays untyped, since old versions of
    # python-stdnum refuse it.
    if (
        customer.document_type in (None, "cnpj")
        and document.isdecimal()
        and cnpj.is_valid(document)
    ):
        # Tryton, like python-stdnum, treats the CNPJ as the VAT number of Brazil.
        return "br_vat"
    return None


def address_values(
    place: PostalAddress | None, name: str, country: int | None, subdivision: int | None
) -> Row:
    """Return the values of an address. Tryton needs one, so it may be empty."""
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
"""The fields that identify an address of a party."""


def is_same(values: Row, known: Row) -> bool:
    """Return whether a party's address equals the order's."""
    return all((values.get(field) or None) == (known.get(field) or None) for field in SAME)
