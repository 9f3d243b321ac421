"""The changes of an order's items, which VTEX may or may not have written into the items.

VTEX's own example keeps a removed item, and writes the difference as the total ``Change``. In other
documents items and totals are written anew.
"""

from collections import Counter
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction

from vtex.documents import ChangedItem, Item, Order
from vtex.pricing.closing import Choice
from vtex.pricing.lines import LinePrice, SoldLine
from vtex.pricing.readings import ADDED, gross_cents, rounded
from vtex.pricing.totals import OrderTotals


def after_changes(
    order: Order, totals: OrderTotals, written: list[LinePrice], goods: Choice
) -> tuple[list[LinePrice], Choice, int]:
    """Return the lines after the order's changes, and whether they close the changed head.

    The cents are the part of the change in the head that the lines do not show.
    """
    target = totals.goods + totals.change
    exchanges = _exchanges(order)
    weighed = [(_exchanged(written, exchanges), exchanges)] if exchanges else []
    ways = [
        _changed(order, lines, skus, more=more, last_first=last_first)
        for lines, skus in [*weighed, (written, {})]
        for more in (True, False)
        for last_first in (False, True)
    ]
    closing_way = next((lines for lines in ways if _sum(lines) == target), None)
    changed = closing_way or _after_latest(order, written, target) or ways[0]
    if not _is_kept(order, totals, written, changed):
        return written, goods, 0
    difference = target - _sum(changed)
    if difference and goods.closes:
        # A change may have a discount of its own. It is proven by the head.
        return changed, goods, difference
    closing = replace(goods, difference=0, closes=True)
    return changed, goods if goods.closes or difference else closing, 0


def _is_kept(
    order: Order, totals: OrderTotals, written: Sequence[LinePrice], changed: Sequence[LinePrice]
) -> bool:
    cents, after = _sum(written), _sum(changed)
    if totals.has_change and totals.change:
        # Items that were written anew close the changed head already.
        return cents != totals.goods + totals.change
    if cents != totals.goods:
        return after == totals.goods
    # Equal values were exchanged: an added item that is missing shows that the items are old.
    skus = {line.item.sku_id for line in written}
    added = {item.sku_id for change in order.changes for item in change.added if item.quantity}
    return after == totals.goods and (bool(added - skus) or totals.has_change)


_MOST_WRITTEN = 10
"""Bound of the changes that are tried as written into the items already."""


def _after_latest(
    order: Order, written: Sequence[LinePrice], target: int
) -> list[LinePrice] | None:
    """Return the lines after the latest changes, if VTEX wrote the earlier ones into the items."""
    for first in range(1, min(len(order.changes), _MOST_WRITTEN)):
        latest = replace(order, changes=order.changes[first:])
        lines = _changed(latest, written, {}, more=True, last_first=False)
        if _sum(lines) == target:
            return lines
    return None


def _sum(lines: Iterable[LinePrice]) -> int:
    return sum(line.total_cents for line in lines)


def _exchanges(order: Order) -> dict[str, ChangedItem]:
    """Return the added units that replace units of the same SKU with another weight."""
    removed = {item.sku_id: item for change in order.changes for item in change.removed}
    added = {item.sku_id: item for change in order.changes for item in change.added}
    return {
        sku_id: item
        for sku_id, item in added.items()
        if sku_id in removed and item.unit_multiplier != removed[sku_id].unit_multiplier
    }


def _exchanged(
    written: Sequence[LinePrice], exchanges: Mapping[str, ChangedItem]
) -> list[LinePrice]:
    """Give the lines of weighed goods the units that were exchanged after weighing."""
    left = dict(exchanges)
    return [
        _exchange(line, left.pop(line.item.sku_id))
        if line.item.sku_id in left and not line.is_service
        else line
        for line in written
    ]


def _exchange(line: LinePrice, added: ChangedItem) -> LinePrice:
    price = line.item.price_cents if added.price_cents is None else added.price_cents
    item = replace(line.item, unit_multiplier=added.unit_multiplier, price_cents=price)
    cents = gross_cents(item, added.quantity)
    return replace(
        line,
        sold=line.sold._replace(item=item),
        quantity=added.quantity,
        total_cents=cents,
        gross_cents=cents,
        prices=(),
        reading=ADDED,
    )


def _changed(
    order: Order,
    written: Sequence[LinePrice],
    exchanges: Container[str],
    *,
    more: bool,
    last_first: bool,
) -> list[LinePrice]:
    """Apply the net changes of each SKU.

    Args:
        exchanges: SKUs whose lines show their changes.
        more: add units to the line of a SKU that the order has already.
        last_first: take units off the last of equal lines first.
    """
    removed = [item for change in order.changes for item in change.removed]
    added = {item.sku_id: item for change in order.changes for item in change.added}
    net = Counter[str]()
    for item in (item for change in order.changes for item in change.added):
        net[item.sku_id] += item.quantity
    for item in removed:
        net[item.sku_id] -= item.quantity
    net = Counter({sku_id: units for sku_id, units in net.items() if sku_id not in exchanges})
    lines = _taken_off(written, net, removed, last_first=last_first)
    place_of = {line.item.sku_id: place for place, line in enumerate(lines)}
    for sku_id, quantity in (+net).items():
        if sku_id not in place_of:
            lines.append(_added(added[sku_id], quantity, len(order.items) + len(lines)))
        elif more:
            lines[place_of[sku_id]] = _with(lines[place_of[sku_id]], added[sku_id], quantity)
    return _without_services(lines)


def _taken_off(
    written: Sequence[LinePrice],
    net: Counter[str],
    removed: Sequence[ChangedItem],
    *,
    last_first: bool,
) -> list[LinePrice]:
    """Take the units with a negative net off their lines."""
    lines = list(written)
    # If a SKU stands on several lines, the one goes first that the change names, or its price.
    ids = {item.unique_id for item in removed if item.unique_id}
    prices = {(item.sku_id, item.price_cents) for item in removed}

    def strangeness(place: int) -> tuple[bool, bool]:
        line, sku_id = lines[place], lines[place].item.sku_id
        is_priced = {(sku_id, line.unit_cents), (sku_id, line.item.price_cents)} & prices
        return line.item.unique_id not in ids, not is_priced

    forth = -1 if last_first else 1
    places = sorted(range(len(lines)), key=lambda place: (strangeness(place), forth * place))
    for place in places:
        line = lines[place]
        gone = 0 if line.is_service else min(line.quantity, -min(0, net[line.item.sku_id]))
        if gone:
            net[line.item.sku_id] += gone
            lines[place] = _without(line, gone)
    return lines


def _without(line: LinePrice, gone: int) -> LinePrice:
    left = line.quantity - gone
    share = Fraction(left, line.quantity) if line.quantity else Fraction(0)
    return replace(
        line,
        quantity=left,
        removed=gone,
        total_cents=_shared(line.total_cents, share),
        tax_cents=_shared(line.tax_cents, share),
        gross_cents=gross_cents(line.item, left),
        prices=(),
    )


def _with(line: LinePrice, added: ChangedItem, quantity: int) -> LinePrice:
    price = line.unit_cents if added.price_cents is None else added.price_cents
    return replace(
        line,
        quantity=line.quantity + quantity,
        total_cents=line.total_cents + rounded(price * quantity * added.unit_multiplier),
        gross_cents=gross_cents(line.item, line.quantity + quantity),
        prices=(),
    )


def _without_services(lines: Sequence[LinePrice]) -> list[LinePrice]:
    """Remove the services of items that were removed."""
    gone = {
        line.index for line in lines if not line.is_service and line.removed and not line.quantity
    }
    return [
        _without(line, line.quantity) if line.is_service and line.index in gone else line
        for line in lines
    ]


def _added(added: ChangedItem, quantity: int, index: int) -> LinePrice:
    item = Item(
        index=index,
        sku_id=added.sku_id,
        quantity=quantity,
        unique_id=added.unique_id,
        name=added.name,
        price_cents=added.price_cents or 0,
        unit_multiplier=added.unit_multiplier,
    )
    cents = gross_cents(item, quantity)
    return LinePrice(SoldLine(item, index, None), quantity, cents, cents, ADDED)


def _shared(cents: int, share: Fraction) -> int:
    return (cents * share + Fraction(1, 2)).__floor__()
