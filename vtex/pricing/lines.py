"""A line of an order: item, units and price."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from vtex.documents import Item, Logistics, Order, SellingPrice
from vtex.pricing import readings
from vtex.pricing.readings import Reading


class SoldLine(NamedTuple):
    """An item of an order, or a service of one.

    Attributes:
        item_index: index of the item. A service has its item's.
        logistics: the delivery. ``None`` for a service.
        is_chain: true if the price definition follows the price before discounts.
    """

    item: Item
    item_index: int
    logistics: Logistics | None
    is_service: bool = False
    is_chain: bool = False

    @property
    def goods_readings(self) -> tuple[Reading, ...]:
        """The readings of the goods, the usual one first."""
        return readings.goods_readings(self.item, is_chain=self.is_chain)


@dataclass(frozen=True, slots=True)
class LinePrice:
    """The amounts of one line, after the order's changes.

    Attributes:
        sold: the line as the document has it.
        quantity: units to deliver. 0 if a change removed the line.
        removed: units that changes removed.
        gross_cents: price before discounts, for ``quantity``.
        total_cents: goods after discounts without tax, for ``quantity``.
        prices: the units of each unit price, if they come to ``total_cents``. Else empty.
        reading: the place of the document that ``total_cents`` was read from.
        freight_reading, tax_reading: places that freight and tax were read from.
    """

    sold: SoldLine
    quantity: int
    total_cents: int
    gross_cents: int
    reading: str
    removed: int = 0
    prices: tuple[SellingPrice, ...] = ()
    tax_cents: int = 0
    tax_reading: str = ""
    freight_cents: int = 0
    freight_reading: str = ""

    @property
    def item(self) -> Item:
        """The item, or a service of one."""
        return self.sold.item

    @property
    def index(self) -> int:
        """``itemIndex`` of the item. A service has its item's."""
        return self.sold.item_index

    @property
    def is_service(self) -> bool:
        """True for a service of an item."""
        return self.sold.is_service

    @property
    def unit_cents(self) -> int:
        """Price of one unit, rounded down. 0 for a line without units."""
        return self.total_cents // self.quantity if self.quantity else 0

    @property
    def tried(self) -> tuple[Reading, ...]:
        """Every reading of the whole line's goods, before changes."""
        if self.reading == readings.ADDED:
            return (Reading(self.reading, self.total_cents),)
        return self.sold.goods_readings

    @property
    def freight_tried(self) -> tuple[Reading, ...]:
        """Every reading of the whole line's freight."""
        return readings.freight_readings(self.item, self.sold.logistics)

    @property
    def tax_tried(self) -> tuple[Reading, ...]:
        """Every reading of the whole line's tax."""
        return readings.tax_readings(self.item, self.total_cents)


def sold_lines(order: Order) -> Iterator[SoldLine]:
    """Yield the lines of an order, services after their item."""
    is_chain = order.origin == "Chain"
    rows = {row.item_index: row for row in order.logistics}
    for item in order.items:
        yield SoldLine(item, item.index, rows.get(item.index), is_chain=is_chain)
        for service in item.services:
            yield SoldLine(service, item.index, None, is_service=True)
