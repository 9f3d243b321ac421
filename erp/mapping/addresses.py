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
_BRAZIL = (BRAZIL, "BR", "BRASIL", "BRAZIL")


@dataclass(slots=True)
class AddressBook:
    """The addresses of an order, numbered, and the numbers by the rows that need them.

    Attributes:
        of_item: address number by ``itemIndex``. ``None`` where the delivery lacks one.
        of_others: address number of items without a delivery of their own, if it is certain.
        of_payment: address number by the payment's place.
    """

    country: str | None
    addresses: list[PostalAddress] = field(default_factory=list)
    of_item: dict[int, int | None] = field(default_factory=dict)
    of_others: int | None = None
    of_payment: dict[int, int] = field(default_factory=dict)
    flags: list[Flag] = field(default_factory=list)
    _numbers: dict[tuple[str, Address], int] = field(default_factory=dict)

    def number_of(self, item_index: int) -> int | None:
        """Return the number of an item's address, or ``None`` without one."""
        return self.of_item.get(item_index, self.of_others)

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
    chosen = [address for address in _chosen(order) if not _is_among(address, points)]
    for row in order.logistics:
        book.of_item[row.item_index] = _place(book, row, points, shoppers, chosen)
    if not order.logistics and order.shipping_address is not None:
        is_point = order.shipping_address.address_type == "pickup"
        book.of_others = book.add("PICK" if is_point else "SHIP", order.shipping_address)
    elif len(numbers := set(book.of_item.values())) == 1:
        (book.of_others,) = numbers
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
    book: AddressBook,
    row: Logistics,
    points: Sequence[Address],
    shoppers: Sequence[Address],
    chosen: Sequence[Address],
) -> int | None:
    """Add the address of a delivery. Return its number, or ``None`` without one.

    Args:
        shoppers: every address that is no pickup point's, those of this order first.
        chosen: those of this order.
    """
    if row.is_pickup:
        point = _pickup_point(row, points)
        if point is not None:
            return book.add("PICK", point)
        if not (row.pickup_point_id or row.pickup_name):
            text = messages.PICKUP_POINT_MISSING(item=row.item_index)
            book.flags.append(Flag(FlagName.ADDRESS_MISSING, text))
        return None
    destination = _destination(row, shoppers, chosen)
    if destination is not None:
        return book.add("SHIP", destination)
    text = messages.DESTINATION_MISSING(item=row.item_index)
    book.flags.append(Flag(FlagName.ADDRESS_MISSING, text))
    return None


def _chosen(order: Order) -> list[Address]:
    shipping = [order.shipping_address] if order.shipping_address else []
    return [*order.selected_addresses, *shipping]


def _known(order: Order) -> list[Address]:
    return [*_chosen(order), *order.available_addresses]


def _pickup_points(order: Order, rows: Sequence[Logistics]) -> list[Address]:
    """Return the addresses of pickup points: of the rows, and those that VTEX calls pickup."""
    # A row with its point's address may name the shopper's by its id.
    ids = {row.address_id for row in rows if row.address_id and not _has_point(row)}
    delivered = {row.address_id for row in order.logistics if not row.is_pickup}
    of_rows = [row.pickup_address for row in rows if row.pickup_address]
    named = [
        address
        for address in _known(order)
        if address.address_type == "pickup"
        or (address.address_id in ids and address.address_id not in delivered)
    ]
    return list(dict.fromkeys([*of_rows, *named]))


def _has_point(row: Logistics) -> bool:
    return row.pickup_address is not None and bool(row.pickup_address.street)


def _pickup_point(row: Logistics, points: Sequence[Address]) -> Address | None:
    if _has_point(row):
        return row.pickup_address
    named = [point for point in points if row.address_id and point.address_id == row.address_id]
    if named or len({point.address_id for point in points}) != 1:
        return next(iter(named), None)
    return points[0]


def _destination(
    row: Logistics, shoppers: Sequence[Address], chosen: Sequence[Address]
) -> Address | None:
    named = next((place for place in shoppers if place.address_id == row.address_id), None)
    # A row without an address of its own goes to the order's. It must not go to another row's.
    is_lost = row.address_id and len({place.address_id for place in chosen or shoppers}) > 1
    return named or (None if is_lost else next(iter(shoppers), None))


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
    if (address.country or country or BRAZIL).upper() in _BRAZIL:
        return re.sub(r"\D", "", text) or None
    return " ".join(text.upper().split()) or None
