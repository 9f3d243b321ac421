"""Matches the lines of a nota with the items of an order, in VTEX's units."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from fractions import Fraction
from typing import Any, TypeVar

from erp.nfe.nota_lines import NfeItem, in_order_unit, plain_code, plain_gtin
from erp.nfe.safe_xml import NfeError
from foundation.messages import nfe as messages
from vtex.documents import Component, Item, Order
from vtex.pricing.lines import LinePrice
from vtex.pricing.prices import price_lines

MATCH = ("ref_id", "ean", "map", "sku_id")
"""Default keys by which a line of a nota finds its item, in this order."""

NO_MAP: Mapping[str, tuple[str, Decimal]] = {}
WEIGHT_TOLERANCE_PERCENT = 10.0
"""Default of the difference between the real and the sold weight of weighed goods."""

_HALF_OF_LAST_PLACE = Fraction(1, 20_000)
"""Tolerance of ``qCom``. It has four decimals, so a third of a box is 0.3333."""

_MOST_NAMED = 20


_Goods = TypeVar("_Goods", Item, Component)


class NfeMismatch(NfeError):
    """The lines of the NF-e differ from the order's items. The message names both."""


@dataclass(slots=True)
class _Sum:
    """Quantity and amount of the lines of one item, in its measurement unit.

    Attributes:
        slack: tolerance of the quantity by the decimals of ``qCom``.
    """

    units: Fraction = Fraction(0)
    slack: Fraction = Fraction(0)
    total_cents: int = 0
    lines: list[str] = field(default_factory=list)

    def add(self, line: NfeItem, units_each: Fraction) -> None:
        self.units += Fraction(line.quantity) * units_each
        self.slack += _HALF_OF_LAST_PLACE * units_each
        self.total_cents += line.total_cents
        self.lines.append(_named(line))

    @property
    def whole(self) -> int | None:
        """The units, if they are a whole number of at least one."""
        return self.multiples_of(Fraction(1))

    def multiples_of(self, each: Fraction) -> int | None:
        """Return how often a quantity is contained, if that is a whole number of at least one."""
        nearest = half_up(self.units / each)
        return nearest if nearest > 0 and abs(self.units - nearest * each) <= self.slack else None


@dataclass(frozen=True, slots=True)
class _Sold:
    """The units of one SKU that the order has, and their weight or other measure.

    Attributes:
        is_weighed: true if a unit is another measure than 1, such as 0.35 kg.
    """

    units: int = 0
    measure: Fraction = Fraction(0)
    is_weighed: bool = False

    def with_line(self, line: LinePrice) -> _Sold:
        """Return the sum with one more line of the order."""
        multiplier = Fraction(line.item.unit_multiplier)
        return _Sold(
            self.units + line.quantity,
            self.measure + line.quantity * multiplier,
            self.is_weighed or multiplier != 1,
        )

    def units_of(self, goods: _Sum, tolerance_percent: float) -> int | None:
        """Return the sold units of a nota's goods. ``None`` if they are not whole.

        Of weighed goods the nota has the real weight. It counts as the whole order if it is
        near, else as the nearest number of units.
        """
        each = self.measure / self.units
        exact = goods.multiples_of(each)
        if exact is not None or not self.is_weighed:
            return exact
        nearest = min(max(1, half_up(goods.units / each)), self.units)
        for units in (self.units, nearest):
            tolerance = units * each * Fraction(str(tolerance_percent)) / 100
            if abs(goods.units - units * each) <= tolerance + goods.slack:
                return units
        return None


def half_up(exact: Fraction) -> int:
    """Round half up: 0.5 cents become a cent."""
    return (exact + Fraction(1, 2)).__floor__()


def matched(
    lines: Sequence[NfeItem],
    order: Order,
    match: Sequence[str],
    product_map: Mapping[str, tuple[str, Decimal]],
    weight_tolerance_percent: float = WEIGHT_TOLERANCE_PERCENT,
) -> list[dict[str, Any]]:
    """Return the items of ``invoices.send``, one per SKU, sorted as in the order.

    Items that a change removed do not match.

    Args:
        weight_tolerance_percent: difference between the real weight on the nota and the sold one.

    Raises:
        NfeMismatch: lines do not match. The message lists them and the order's items.
    """
    if not match or not set(match) <= set(MATCH):
        raise ValueError(f"match is not made of {', '.join(MATCH)}")
    found = _Found(order, tuple(match), product_map, weight_tolerance_percent)
    for line in _merged(lines):
        found.put(line)
    found.close_kits()
    items = found.items()
    if found.faults:
        raise NfeMismatch(
            messages.LINES_DIFFER(faults=_first(found.faults), items=_listed(found.lines))
        )
    return items


def _merged(lines: Iterable[NfeItem]) -> Iterable[NfeItem]:
    """Merge lines with the same code."""
    merged: dict[tuple[str | None, ...], NfeItem] = {}
    for line in lines:
        key = (line.code, line.ean, line.unit, line.tax_ean, line.tax_unit)
        first = merged.get(key)
        merged[key] = line if first is None else _sum_of(first, line)
    return merged.values()


def _sum_of(first: NfeItem, line: NfeItem) -> NfeItem:
    return replace(
        first,
        quantity=first.quantity + line.quantity,
        total_cents=first.total_cents + line.total_cents,
        tax_quantity=(first.tax_quantity or first.quantity) + (line.tax_quantity or line.quantity),
    )


class _Found:
    """Assigns the lines of one nota to items."""

    def __init__(
        self,
        order: Order,
        match: tuple[str, ...],
        product_map: Mapping[str, tuple[str, Decimal]],
        weight_tolerance_percent: float,
    ) -> None:
        left = [line for line in price_lines(order).lines if line.quantity]
        self.lines = [line for line in left if not line.is_service]
        self._items = [line.item for line in self.lines]
        self._match = match
        self._map = product_map
        self._tolerance_percent = weight_tolerance_percent
        self._services = [line.item for line in left if line.is_service]
        self._kits = {item.sku_id: item for item in self._items if item.components}
        self._sums: dict[str, _Sum] = {}
        self._parts: dict[tuple[str, str], _Sum] = {}
        self.faults: list[str] = []

    def put(self, line: NfeItem) -> None:
        """Count a line for its item, else its service, else its part of a kit."""
        item = self._one(line, self._items)
        if item:
            self._count(line, item, self._sums.setdefault(item.sku_id, _Sum()), Fraction(1))
        # VTEX does not invoice services, such as gift wrap.
        elif not self._one(line, self._services) and not self._put_part(line):
            self.faults.append(self._strange(line))

    def _put_part(self, line: NfeItem) -> bool:
        homes = {}
        for sku_id, kit in self._kits.items():
            part = self._one(line, kit.components)
            if part and part.quantity > 0:
                homes[sku_id] = part
        if len(homes) != 1:
            return False
        [(sku_id, part)] = homes.items()
        goods = self._parts.setdefault((sku_id, part.sku_id), _Sum())
        self._count(line, part, goods, Fraction(1, part.quantity))
        return True

    def _count(self, line: NfeItem, sold: Item | Component, goods: _Sum, share: Fraction) -> None:
        """Add a line to the goods of an item, in the order's unit."""
        mapped = self._map.get(line.code)
        if mapped and mapped[0] == sold.sku_id:
            # The units of a box count, whichever key found it.
            goods.add(line, Fraction(mapped[1]) * share)
            return
        measurement_unit = sold.measurement_unit if isinstance(sold, Item) else None
        counted = in_order_unit(line, sold.ean, measurement_unit)
        if counted is None:
            self.faults.append(
                messages.UNIT_UNCLEAR(
                    line=_named(line),
                    quantity=_shown(line.tax_quantity or line.quantity),
                    unit=f"{line.tax_unit!r:.8}",
                    sku_id=sold.sku_id,
                )
            )
        goods.add(counted or line, share)

    def _one(self, line: NfeItem, among: Sequence[_Goods]) -> _Goods | None:
        """Return the item of the first key that fits exactly one SKU."""
        for key in self._match:
            for code in line.gtins() if key == "ean" else (line.code,):
                fitting = {sold.sku_id: sold for sold in among if self._fits(key, code, sold)}
                if len(fitting) == 1:
                    return next(iter(fitting.values()))
        return None

    def _fits(self, key: str, code: str, sold: Item | Component) -> bool:
        if key == "ref_id":
            return sold.ref_id is not None and code == sold.ref_id.strip()
        if key == "ean":
            return bool(code) and code == plain_gtin(sold.ean)
        if key == "map":
            return code in self._map and self._map[code][0] == sold.sku_id
        return code == sold.sku_id

    def close_kits(self) -> None:
        """Turn parts into whole kits, if every part is there in the right number."""
        for sku_id, kit in self._kits.items():
            parts = {part.sku_id: self._parts.get((sku_id, part.sku_id)) for part in kit.components}
            sums = [part for part in parts.values() if part]
            kits = {part.whole if part else None for part in parts.values()}
            whole = kits.pop() if len(kits) == 1 else None
            if whole is not None:
                into = self._sums.setdefault(sku_id, _Sum())
                into.units += whole * Fraction(kit.unit_multiplier)
                into.total_cents += sum(part.total_cents for part in sums)
                into.lines += [name for part in sums for name in part.lines]
            elif sums:
                self.faults.append(_broken_kit(sku_id, parts))

    def items(self) -> list[dict[str, Any]]:
        """Return the items. A quantity that is not whole becomes a fault."""
        made = []
        for sku_id, sold in self._sold().items():
            goods = self._sums.get(sku_id)
            if goods is None:
                continue
            units = sold.units_of(goods, self._tolerance_percent)
            if units is None:
                self.faults.append(self._not_whole(sku_id, sold, goods))
                continue
            price = half_up(Fraction(goods.total_cents, units))
            made.append({"sku_id": sku_id, "quantity": units, "price_cents": price})
        if not made and not self.faults:
            # An invoice without items would cover all open units.
            self.faults.append(messages.SERVICES_ONLY())
        return made

    def _sold(self) -> dict[str, _Sold]:
        sold: dict[str, _Sold] = {}
        for line in self.lines:
            sku_id = line.item.sku_id
            sold[sku_id] = sold.get(sku_id, _Sold()).with_line(line)
        return sold

    def _not_whole(self, sku_id: str, sold: _Sold, goods: _Sum) -> str:
        lines = ", ".join(goods.lines)
        if not sold.is_weighed:
            return messages.NOT_WHOLE(lines=lines, units=_shown(goods.units), sku_id=sku_id)
        return messages.WEIGHT_DIFFERS(
            lines=lines,
            weight=_shown(goods.units),
            sku_id=sku_id,
            sold=_shown(sold.measure),
            units=sold.units,
            percent=f"{self._tolerance_percent:g}",
        )

    def _strange(self, line: NfeItem) -> str:
        named, keys = _named(line), ", ".join(self._match)
        if line.code in self._map and "map" in self._match:
            mapped = self._map[line.code][0]
            return messages.MAPPED_ITEM_MISSING(line=named, keys=keys, sku_id=mapped)
        if similar := self._similar(line):
            return messages.SIMILAR_CODE(line=named, keys=keys, code=similar)
        return messages.NO_ITEM_FITS(line=named, keys=keys)

    def _similar(self, line: NfeItem) -> str | None:
        """Return a code of the order that differs by case or leading zeros alone."""
        codes = (code for item in self._items for code in (item.ref_id, item.sku_id) if code)
        return next((code for code in codes if plain_code(code) == plain_code(line.code)), None)


def _broken_kit(sku_id: str, parts: Mapping[str, _Sum | None]) -> str:
    made = ", ".join(
        f"SKU {sku} for {_shown(part.units) if part else 0}" for sku, part in parts.items()
    )
    return messages.BROKEN_KIT(sku_id=sku_id, parts=made)


def _named(line: NfeItem) -> str:
    ean = f", EAN {line.ean}" if line.ean else ""
    return (
        f"det[{line.line}] (cProd {line.code!r:.62}{ean}, {_shown(line.quantity)} {line.unit!r:.8})"
    )


def _shown(number: Decimal | Fraction) -> str:
    return f"{float(number):.10g}"


def _listed(lines: Sequence[LinePrice]) -> str:
    return _first([_line_named(line) for line in lines])


def _first(named: Sequence[str]) -> str:
    more = len(named) - _MOST_NAMED
    return "; ".join(named[:_MOST_NAMED]) + (f"; and {more} more" if more > 0 else "")


def _line_named(line: LinePrice) -> str:
    item = line.item
    parts = ", ".join(f"{part.quantity} x {_codes(part)}" for part in item.components)
    return f"{line.quantity} x {_codes(item)}" + (f" (a kit of {parts})" if parts else "")


def _codes(sold: Item | Component) -> str:
    ref_id = f" ref id {sold.ref_id}" if sold.ref_id else ""
    return f"SKU {sold.sku_id}{ref_id}{f' EAN {sold.ean}' if sold.ean else ''}"
