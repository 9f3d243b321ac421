"""The price, quantity, freight and tax of each line of an order.

The mapping, the balance of invoices, the matching of notas and the changes of orders all use it,
so that a line has one price everywhere. Pure functions, money in cents.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from vtex.documents import Item, Order, SellingPrice
from vtex.pricing.changes import after_changes
from vtex.pricing.closing import Choice, choose
from vtex.pricing.lines import LinePrice, SoldLine, sold_lines
from vtex.pricing.readings import (
    NO_FREIGHT,
    NO_TAX,
    Reading,
    freight_readings,
    gross_cents,
    tax_readings,
    usual_freight,
    usual_goods,
    usual_tax,
)
from vtex.pricing.totals import OrderTotals, totals_of


@dataclass(frozen=True, slots=True)
class OrderPrices:
    """The lines of an order and the proof that they add up to its head.

    Attributes:
        goods: the choice of readings against Items + Discounts.
        freight: the choice against Shipping.
        weighed_cents: difference between head and lines of weighed goods, within a cent a line.
        change_cents: the part of a change in the head that the lines do not show.
    """

    totals: OrderTotals
    lines: tuple[LinePrice, ...]
    goods: Choice
    freight: Choice
    weighed_cents: int = 0
    change_cents: int = 0


def price_lines(order: Order) -> OrderPrices:
    """Return the amounts of each line of an order, services after their item.

    Of several readings of a line, those are taken that close Items + Discounts.
    """
    totals = totals_of(order)
    sold = list(sold_lines(order))
    goods = _goods(order, totals, sold)
    freight = _freight(order, totals, sold, goods)
    tax = _tax(totals, sold, goods)
    lines = [
        LinePrice(
            line,
            line.item.quantity,
            reading.cents,
            gross_cents(line.item, line.item.quantity),
            reading.name,
            prices=_prices(line.item, reading),
            tax_cents=of_tax.cents,
            tax_reading=of_tax.name,
            freight_cents=of_freight.cents,
            freight_reading=of_freight.name,
        )
        for line, reading, of_freight, of_tax in zip(
            sold, goods.readings, freight.readings, tax.readings, strict=True
        )
    ]
    change_cents = 0
    if order.changes:
        lines, goods, change_cents = after_changes(order, totals, lines, goods)
    elif goods.closes and goods.cents + goods.difference == totals.goods:
        # The items are as they were before the change.
        change_cents = totals.change
    by_weight = goods.closes and abs(goods.difference) > abs(order.rounding_error_cents)
    weighed_cents = goods.difference if by_weight else 0
    return OrderPrices(totals, tuple(lines), goods, freight, weighed_cents, change_cents)


def is_weighed(order: Order) -> bool:
    """Return whether a line of the order is sold by weight or by another multiple."""
    return any(item.unit_multiplier != 1 for item in order.items)


def _goods(order: Order, totals: OrderTotals, sold: Sequence[SoldLine]) -> Choice:
    usual = [usual_goods(line.item, is_chain=line.is_chain) for line in sold]
    tolerance = abs(order.rounding_error_cents)
    if is_weighed(order):
        tolerance = max(tolerance, len(sold))
    # Discounts may include freight discounts while Shipping is gross. Then their sum adds up.
    net_freight = totals.shipping - sum(row.selling_price_cents for row in order.logistics)
    # A change may have written the items anew, and the totals not.
    targets = (totals.goods, totals.goods + net_freight, totals.goods + totals.change)
    return choose(
        usual,
        list(dict.fromkeys(targets)),
        lambda: [line.goods_readings for line in sold],
        tolerance=tolerance,
    )


def _prices(item: Item, reading: Reading) -> tuple[SellingPrice, ...]:
    prices = item.selling_prices
    units = sum(price.quantity for price in prices)
    cents = sum(price.value_cents * price.quantity for price in prices)
    return prices if units == item.quantity and cents == reading.cents else ()


def _freight(order: Order, totals: OrderTotals, sold: Sequence[SoldLine], goods: Choice) -> Choice:
    usual = [usual_freight(line.logistics) for line in sold]
    cents = sum(reading.cents for reading in usual)
    if goods.closes and goods.cents + cents == totals.goods + totals.shipping:
        # Freight agrees, or Discounts include its discount.
        return Choice(tuple(usual), 0, closes=True)
    choice = choose(
        usual,
        [totals.shipping],
        lambda: [freight_readings(line.item, line.logistics) for line in sold],
        tolerance=abs(order.rounding_error_cents),
    )
    if choice.closes:
        return choice
    items = [place for place, line in enumerate(sold) if not line.is_service]
    rows = [place for place in items if sold[place].logistics is not None] or items
    delivered = [place for place in rows if not _is_pickup(sold[place])] or rows
    if len(delivered) == 1:
        return _whole(len(sold), delivered[0], NO_FREIGHT, Reading("Shipping", totals.shipping))
    return choice


def _is_pickup(line: SoldLine) -> bool:
    return line.logistics is not None and line.logistics.is_pickup


def _tax(totals: OrderTotals, sold: Sequence[SoldLine], goods: Choice) -> Choice:
    choice = choose(
        [usual_tax(line.item) for line in sold],
        [totals.tax],
        lambda: [
            tax_readings(line.item, reading.cents)
            for line, reading in zip(sold, goods.readings, strict=True)
        ],
    )
    if not choice.closes and len(sold) == 1:
        return _whole(1, 0, NO_TAX, Reading("Tax", totals.tax))
    return choice


def _whole(lines: int, place: int, nothing: Reading, whole: Reading) -> Choice:
    """Return the choice that gives one line the whole sum."""
    readings = [nothing] * lines
    readings[place] = whole
    return Choice(tuple(readings), 0, closes=True)
