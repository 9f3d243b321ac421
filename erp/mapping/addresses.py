"""The addresses of an order by role: destinations, pickup points, the nota's, the payments'."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from erp.sales_order import Flag, FlagName, PostalAddress
from foundation.messages import orders as messages
from vtex.documents import Address, Logistics, Order, Payment

BRAZIL = "BRA"


@dataclass(slots=True)
class AddressBook:
    """The addresses of an order, numbered, and the numbers by the rows that need them.

    Attributes:
        of_item: address number by ``itemIndex``.
        of_payment: address number by the payment's place.
    """

    country: str | None
    addresses: list[PostalAddress] = field(default_factory=list)
    of_item: dict[int, int] = field(default_factory=dict)
    of_payment: dict[int, int] = field(default_factory=dict)
    flags: list[Flag] = field(default_factory=list)
    _numbers: dict[tuple[str, Address], int] = field(default_factory=dict)

    def add(self, kind: Literal["SHIP", "PICK", "BILL", "CARD"], address: Address) -> int:
        """Add an address of a role once. Return its number."""
        number = self._numbers.setdefault((kind, address), len(self.addresses) + 1)
        if number > len(self.addresses):
            self.addresses.append(_postal(kind, address, self.country, number))
        return number


def addresses_of(order: Order, payments: Sequence[Payment]) -> AddressBook:
    """Return the addresses of an order by role."""
    book = AddressBook(order.country)
    pickup_rows = [row for row in order.logistics if row.is_pickup]
    points = _pickup_points(order, pickup_rows)
    shoppers = [address for address in _known(order) if not _is_among(address, points)]
    for row in order.logistics:
        _place(book, row, points, shoppers)
    if not order.logistics and order.shipping_address is not None:
        is_point = order.shipping_address.address_type == "pickup"
        book.add("PICK" if is_point else "SHIP", order.shipping_address)
    billing = _billing(order, payments, points)
    if billing is not None:
        book.add("BILL", billing)
    else:
        book.flags.append(Flag(FlagName.ADDRESS_MISSING, messages.BILLING_ADDRESS_MISSING()))
    for place, payment in enumerate(payments):
        address = payment.billing_address
        if address is not None and address.street:
            book.of_payment[place] = book.add("CARD", address)
    return book


def _place(
    book: AddressBook, row: Logistics, points: Sequence[Address], shoppers: Sequence[Address]
) -> None:
    if row.is_pickup:
        point = _pickup_point(row, points)
        if point is not None:
            book.of_item[row.item_index] = book.add("PICK", point)
        elif not (row.pickup_point_id or row.pickup_name):
            text = messages.PICKUP_POINT_MISSING(item=row.item_index)
            book.flags.append(Flag(FlagName.ADDRESS_MISSING, text))
        return
    destination = _destination(row, shoppers)
    if destination is not None:
        book.of_item[row.item_index] = book.add("SHIP", destination)
    else:
        text = messages.DESTINATION_MISSING(item=row.item_index)
        book.flags.append(Flag(FlagName.ADDRESS_MISSING, text))


def _known(order: Order) -> list[Address]:
    shipping = [order.shipping_address] if order.shipping_address else []
    return [*order.selected_addresses, *shipping, *order.available_addresses]


def _pickup_points(order: Order, rows: Sequence[Logistics]) -> list[Address]:
    """Return the addresses of pickup points: of the rows, and those that VTEX calls pickup."""
    ids = {row.address_id for row in rows if row.address_id}
    delivered = {row.address_id for row in order.logistics if not row.is_pickup}
    of_rows = [row.pickup_address for row in rows if row.pickup_address]
    named = [
        address
        for address in _known(order)
        if address.address_type == "pickup"
        or (address.address_id in ids and address.address_id not in delivered)
    ]
    return list(dict.fromkeys([*of_rows, *named]))


def _pickup_point(row: Logistics, points: Sequence[Address]) -> Address | None:
    if row.pickup_address is not None and row.pickup_address.street:
        return row.pickup_address
    named = [point for point in points if row.address_id and point.address_id == row.address_id]
    if named or len({point.address_id for point in points}) != 1:
        return next(iter(named), None)
    return points[0]


def _destination(row: Logistics, shoppers: Sequence[Address]) -> Address | None:
    named = (address for address in shoppers if address.address_id == row.address_id)
    # A row without an address of its own goes to the order's.
    return next(named, None) or next(iter(shoppers), None)


def _billing(
    order: Order, payments: Sequence[Payment], points: Sequence[Address]
) -> Address | None:
    # Invoice data may be incomplete. A fiscal address needs a street.
    candidates = [
        order.invoice_address,
        *(payment.billing_address for payment in payments),
        *_known(order),
    ]
    return next(
        (
            address
            for address in candidates
            if address is not None and address.street and not _is_among(address, points)
        ),
        None,
    )


def _is_among(address: Address, points: Sequence[Address]) -> bool:
    if address.address_type == "pickup":
        return True
    return any(
        (address.address_id and address.address_id == point.address_id)
        or (
            address.street
            and (address.street, address.number, address.postal_code)
            == (point.street, point.number, point.postal_code)
        )
        for point in points
    )


def _postal(
    kind: Literal["SHIP", "PICK", "BILL", "CARD"],
    address: Address,
    country: str | None,
    number: int,
) -> PostalAddress:
    longitude, latitude = address.coordinates or (None, None)
    return PostalAddress(
        kind=kind,
        address_no=number,
        address_id=address.address_id,
        address_type=address.address_type,
        receiver=address.receiver_name,
        street=address.street,
        number=address.number,
        complement=address.complement,
        neighborhood=address.neighborhood,
        city=address.city,
        state=address.state,
        postal_code=_postal_code(address, country),
        country=address.country,
        reference=address.reference,
        latitude=latitude,
        longitude=longitude,
    )


def _postal_code(address: Address, country: str | None) -> str | None:
    """Return digits only in Brazil. Other countries' codes have letters and spaces."""
    text = address.postal_code or ""
    if (address.country or country or BRAZIL).upper() in (BRAZIL, "BR"):
        return re.sub(r"\D", "", text) or None
    return " ".join(text.upper().split()) or None
