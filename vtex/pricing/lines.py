"""A line of an order, and the places of the document that state its amount."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from decimal import ROUND_HALF_UP, Decimal

from vtex.documents import Item, Order, PriceTag, SellingPrice
from vtex.pricing.closing import Reading

DEFINITION = "priceDefinition.total"
SPLIT = "priceDefinition.sellingPrices"
TAGS = "priceTags"
TAGS_BUT_MANUAL = "priceTags without the manual price"
TAGS_IN_CENTS = "priceTags, percentages as cents"
SELLING_PRICE = "sellingPrice x quantity"
PRICE = "price x quantity"
ADDED = "changesAttachment"


@dataclass(frozen=True, slots=True)
class LinePrice:
    """The amounts of one line, after the order's changes.

    Attributes:
        item: the item, or a service of one.
        index: ``itemIndex`` of the item. A service has its item's.
        quantity: units to deliver. 0 if a change removed the line.
        removed: units that changes removed.
        gross_cents: price before discounts, for ``quantity``.
        total_cents: goods after discounts without tax, for ``quantity``.
        prices: the units of each unit price, if they come to ``total_cents``. Else empty.
        reading: the place of the document that ``total_cents`` was read from.
        tried: every reading of the whole line, before changes.
        freight_reading, tax_reading: places that freight and tax were read from.
        freight_tried, tax_tried: every reading of them.
    """

    item: Item
    index: int
    quantity: int
    total_cents: int
    gross_cents: int
    reading: str
    tried: tuple[Reading, ...]
    is_service: bool = False
    removed: int = 0
    prices: tuple[SellingPrice, ...] = ()
    tax_cents: int = 0
    freight_cents: int = 0
    freight_reading: str = ""
    freight_tried: tuple[Reading, ...] = ()
    tax_reading: str = ""
    tax_tried: tuple[Reading, ...] = ()

    @property
    def unit_cents(self) -> int:
        """Price of one unit, rounded down. 0 for a line without units."""
        return self.total_cents // self.quantity if self.quantity else 0


def lines_as_written(order: Order) -> Iterator[LinePrice]:
    """Yield the lines of an order, services after their item, by their usual readings."""
    for item in order.items:
        yield _line(item, item.index, chain=order.origin == "Chain")
        for service in item.services:
            yield replace(_line(service, item.index, chain=False), is_service=True)


def _line(item: Item, index: int, *, chain: bool) -> LinePrice:
    tried = _readings(item, chain=chain)
    gross = gross_cents(item, item.quantity)
    return LinePrice(item, index, item.quantity, tried[0].cents, gross, tried[0].name, tried)


def _readings(item: Item, *, chain: bool) -> tuple[Reading, ...]:
    """Return the readings of a line's amount, the usual one first."""
    gross = gross_cents(item, item.quantity)
    tags = [tag for tag in item.price_tags if kind_of(tag) == "goods"]
    readings = {
        DEFINITION: item.total_cents,
        SPLIT: sum(price.value_cents * price.quantity for price in item.selling_prices)
        if item.selling_prices
        else None,
        TAGS: gross + tags_cents(tags, gross),
        TAGS_BUT_MANUAL: gross
        + tags_cents([tag for tag in tags if "manualprice" not in tag.name.lower()], gross),
        SELLING_PRICE: None
        if item.selling_price_cents is None
        else rounded(item.selling_price_cents * item.quantity * item.unit_multiplier),
        PRICE: gross,
    }
    if any(tag.is_percentage for tag in tags):
        in_cents = [replace(tag, is_percentage=False) for tag in tags]
        readings[TAGS_IN_CENTS] = gross + tags_cents(in_cents, gross)
    names = list(readings)
    if chain:
        # A chain order's priceDefinition follows the price before discounts.
        names.sort(key=lambda name: name in (DEFINITION, SPLIT))
    return tuple(Reading(name, cents) for name in names if (cents := readings[name]) is not None)


def kind_of(tag: PriceTag) -> str:
    """Return ``goods``, ``freight`` or ``tax``. Names of tags are an open vocabulary."""
    name = tag.name.lower()
    if "shipping" in name:
        return "freight"
    return "tax" if "tax" in name and not name.startswith("discount") else "goods"


def tags_cents(tags: Iterable[PriceTag], gross: int) -> int:
    """Return the cents of a line's tags. Percentages count on the line's gross price."""
    cents = Decimal(0)
    for tag in tags:
        if not tag.is_percentage:
            cents += tag.value
        elif "discount" in tag.name.lower():
            # VTEX writes a percentage of a discount with either sign.
            cents -= abs(tag.value) * gross / 100
        else:
            cents += tag.value * gross / 100
    return rounded(cents)


def gross_cents(item: Item, quantity: int) -> int:
    """Return the price of so many units before discounts."""
    price = item.price_cents if item.price_cents is not None else item.selling_price_cents or 0
    return rounded(price * quantity * item.unit_multiplier)


def rounded(exact: Decimal) -> int:
    """Round to whole cents, halves up."""
    return int(exact.to_integral_value(ROUND_HALF_UP))
