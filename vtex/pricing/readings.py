"""The places of the document that state a line's goods, freight and tax.

Each function ``..._readings`` gives the usual reading first. The usual reading alone costs less.
"""

from collections.abc import Iterable
from dataclasses import replace
from decimal import ROUND_HALF_UP, Decimal
from typing import NamedTuple

from vtex.documents import Item, Logistics, PriceTag

DEFINITION = "priceDefinition.total"
SPLIT = "priceDefinition.sellingPrices"
TAGS = "priceTags"
TAGS_BUT_MANUAL = "priceTags without the manual price"
TAGS_IN_CENTS = "priceTags, percentages as cents"
SELLING_PRICE = "sellingPrice x quantity"
SELLING_PRICE_OF_UNITS = "sellingPrice x quantity without unitMultiplier"
ROUNDED_UNITS = "sellingPrice of a rounded unit x quantity"
PRICE = "price x quantity"
PRICE_OF_UNITS = "price x quantity without unitMultiplier"
ADDED = "changesAttachment"

_MOST_PERCENT = 100


class Reading(NamedTuple):
    """One way to read an amount."""

    name: str
    cents: int


NO_FREIGHT = Reading("none", 0)
NO_TAX = Reading("tax", 0)


def usual_goods(item: Item, *, is_chain: bool) -> Reading:
    """Return the usual reading of a line's goods after discounts."""
    if item.total_cents is not None and not is_chain:
        return Reading(DEFINITION, item.total_cents)
    return goods_readings(item, is_chain=is_chain)[0]


def goods_readings(item: Item, *, is_chain: bool) -> tuple[Reading, ...]:
    """Return the readings of a line's goods after discounts, the usual one first."""
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
    if item.unit_multiplier != 1:
        readings |= _of_units(item)
    names = list(readings)
    if is_chain:
        # A chain order's priceDefinition follows the price before discounts.
        names.sort(key=lambda name: name in (DEFINITION, SPLIT))
    return tuple(Reading(name, cents) for name in names if (cents := readings[name]) is not None)


def _of_units(item: Item) -> dict[str, int | None]:
    selling, price = item.selling_price_cents, item.price_cents
    return {
        SELLING_PRICE_OF_UNITS: None if selling is None else selling * item.quantity,
        ROUNDED_UNITS: None
        if selling is None
        else rounded(selling * item.unit_multiplier) * item.quantity,
        PRICE_OF_UNITS: None if price is None else price * item.quantity,
    }


def usual_freight(row: Logistics | None) -> Reading:
    """Return the usual reading of a line's freight."""
    return NO_FREIGHT if row is None else Reading("sellingPrice", row.selling_price_cents)


def freight_readings(item: Item, row: Logistics | None) -> tuple[Reading, ...]:
    """Return the readings of a line's freight, the usual one first."""
    if row is None:
        return (NO_FREIGHT,)
    tags = [tag for tag in item.price_tags if kind_of(tag) == "freight"]
    return (
        usual_freight(row),
        Reading("price", row.price_cents),
        Reading("price with its tags", row.price_cents + tags_cents(tags, row.price_cents)),
    )


def usual_tax(item: Item) -> Reading:
    """Return the usual reading of a line's tax."""
    if item.tax_cents:
        return Reading("tax", item.tax_cents)
    return tax_readings(item, 0)[0] if item.price_tags else NO_TAX


def tax_readings(item: Item, goods_cents: int) -> tuple[Reading, ...]:
    """Return the readings of a line's tax, the usual one first.

    Args:
        goods_cents: goods after discounts, on which some engines count their percentages.
    """
    tags = [tag for tag in item.price_tags if kind_of(tag) == "tax"]
    own, on_gross = item.tax_cents, tags_cents(tags, gross_cents(item, item.quantity))
    readings = [Reading("tax", own)] if own else []
    readings += [Reading("tax and its tags", own + on_gross)]
    if any(tag.is_percentage for tag in tags):
        readings.append(Reading("tax tags after discounts", own + tags_cents(tags, goods_cents)))
    if own:
        readings += [Reading("tax tags", on_gross), Reading("tax x quantity", own * item.quantity)]
    return tuple(readings)


def kind_of(tag: PriceTag) -> str:
    """Return ``goods``, ``freight`` or ``tax``. Names of tags are an open vocabulary."""
    name = tag.name.lower()
    origin = name.partition("@")[0]
    if "tax" in origin and not origin.startswith("discount"):
        return "tax"
    return "freight" if "shipping" in name else "goods"


def tags_cents(tags: Iterable[PriceTag], gross: int) -> int:
    """Return the cents of a line's tags. Percentages count on the line's gross price."""
    cents = Decimal(0)
    for tag in tags:
        if not tag.is_percentage:
            cents += tag.value
        elif "discount" in tag.name.lower():
            # VTEX writes a percentage of a discount with either sign.
            cents -= abs(_percent(tag)) * gross / 100
        else:
            cents += _percent(tag) * gross / 100
    return rounded(cents)


def _percent(tag: PriceTag) -> Decimal:
    # More than a whole line is written in hundredths of a percent.
    return tag.value if abs(tag.value) <= _MOST_PERCENT else tag.value / 100


def gross_cents(item: Item, quantity: int) -> int:
    """Return the price of so many units before discounts."""
    price = item.price_cents if item.price_cents is not None else item.selling_price_cents or 0
    if item.unit_multiplier == 1:
        return price * quantity
    return rounded(price * quantity * item.unit_multiplier)


def rounded(exact: Decimal) -> int:
    """Round to whole cents, halves up."""
    return int(exact.to_integral_value(ROUND_HALF_UP))
