"""The price, quantity, freight and tax of each line of an order.

The mapping, the balance of invoices, the matching of notas and the changes of orders all use it,
so that a line has one price everywhere. Pure functions, money in cents.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from vtex.documents import Item, Logistics, Order, SellingPrice
from vtex.pricing.changes import after_changes
from vtex.pricing.closing import Choice, Reading, choose
from vtex.pricing.lines import LinePrice, kind_of, lines_as_written, tags_cents
from vtex.pricing.totals import OrderTotals, totals_of


@dataclass(frozen=True, slots=True)
class OrderPrices:
    """The lines of an order and the proof that they add up to its head.

    Attributes:
        goods: the choice of readings against Items + Discounts.
        freight: the choice against Shipping.
        weighed_cents: difference between head and lines of weighed goods, within a cent a line.
    """

    totals: OrderTotals
    lines: tuple[LinePrice, ...]
    goods: Choice
    freight: Choice
    weighed_cents: int = 0


def price_lines(order: Order) -> OrderPrices:
    """Return the amounts of each line of an order, services after their item.

    Of several readings of a line, those are taken that close Items + Discounts.
    """
    totals = totals_of(order)
    lines = list(lines_as_written(order))
    freight_rows = {row.item_index: row for row in order.logistics}
    goods = _goods(order, totals, lines)
    lines = [_with_readings(line, freight_rows) for line in lines]
    freight = _freight(order, totals, lines, goods)
    tax = choose([line.tax_tried for line in lines], totals.tax)
    priced = [
        replace(
            line,
            total_cents=reading.cents,
            reading=reading.name,
            prices=_prices(line, reading),
            freight_cents=of_freight.cents,
            freight_reading=of_freight.name,
            tax_cents=of_tax.cents,
            tax_reading=of_tax.name,
        )
        for line, reading, of_freight, of_tax in zip(
            lines, goods.readings, freight.readings, tax.readings, strict=True
        )
    ]
    changed, goods = after_changes(order, totals, priced, goods)
    by_weight = goods.closes and abs(goods.difference) > abs(order.rounding_error_cents)
    weighed_cents = goods.difference if by_weight else 0
    return OrderPrices(totals, tuple(changed), goods, freight, weighed_cents)


def is_weighed(order: Order) -> bool:
    """Return whether a line of the order is sold by weight or by another multiple."""
    return any(item.unit_multiplier != 1 for item in order.items)


def _goods(order: Order, totals: OrderTotals, lines: Sequence[LinePrice]) -> Choice:
    options = [line.tried for line in lines]
    tolerance = abs(order.rounding_error_cents)
    if is_weighed(order):
        tolerance = max(tolerance, len(lines))
    # Discounts may include freight discounts while Shipping is gross. Then their sum adds up.
    net_freight = totals.shipping - sum(row.selling_price_cents for row in order.logistics)
    # A change may have written the items anew, and the totals not.
    targets = dict.fromkeys(
        (totals.goods, totals.goods + net_freight, totals.goods + totals.change)
    )
    choices: list[Choice] = []
    for target in targets:
        choices.append(choose(options, target, tolerance=tolerance))
        if choices[-1].closes and not choices[-1].difference:
            return choices[-1]
    return next((choice for choice in choices if choice.closes), choices[0])


def _prices(line: LinePrice, reading: Reading) -> tuple[SellingPrice, ...]:
    prices = line.item.selling_prices
    units = sum(price.quantity for price in prices)
    cents = sum(price.value_cents * price.quantity for price in prices)
    return prices if units == line.quantity and cents == reading.cents else ()


def _with_readings(line: LinePrice, rows: Mapping[int, Logistics]) -> LinePrice:
    row = None if line.is_service else rows.get(line.index)
    return replace(
        line,
        freight_tried=_NO_FREIGHT if row is None else _freight_readings(line.item, row),
        tax_tried=_tax_readings(line),
    )


def _freight(
    order: Order, totals: OrderTotals, lines: Sequence[LinePrice], goods: Choice
) -> Choice:
    options = [line.freight_tried for line in lines]
    choice = choose(options, totals.shipping, tolerance=abs(order.rounding_error_cents))
    if choice.closes:
        return choice
    if goods.closes and goods.cents + choice.cents == totals.goods + totals.shipping:
        # Discounts include the freight discount.
        return replace(choice, difference=0, closes=True)
    items = [place for place, line in enumerate(lines) if not line.is_service]
    delivered = [place for place in items if lines[place].freight_tried is not _NO_FREIGHT] or items
    if len(delivered) == 1:
        whole = [_NO_FREIGHT[0]] * len(lines)
        whole[delivered[0]] = Reading("Shipping", totals.shipping)
        return Choice(tuple(whole), 0, closes=True)
    return choice


_NO_FREIGHT = (Reading("none", 0),)


def _freight_readings(item: Item, row: Logistics) -> tuple[Reading, ...]:
    tags = [tag for tag in item.price_tags if kind_of(tag) == "freight"]
    return (
        Reading("sellingPrice", row.selling_price_cents),
        Reading("price", row.price_cents),
        Reading("price with its tags", row.price_cents + tags_cents(tags, row.price_cents)),
    )


def _tax_readings(line: LinePrice) -> tuple[Reading, ...]:
    tags = tags_cents(
        [tag for tag in line.item.price_tags if kind_of(tag) == "tax"], line.gross_cents
    )
    own = line.item.tax_cents
    both = Reading("tax and its tags", own + tags)
    if not own:
        return (both,)
    return (Reading("tax", own), both, Reading("tax tags", tags))
