"""The difference between two versions of a sales order: items and totals. Pure functions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from erp.sales_order import OrderLine, SalesOrder

_UNIT = Decimal("0.0001")


@dataclass(frozen=True, slots=True)
class ItemChange:
    """An item before and after a change. A quantity of zero means absent.

    Attributes:
        unique_id: VTEX's name of the line, which separates two lines of one SKU.
        unit_multiplier_before, unit_multiplier: measure of a unit, which weighing changes.
        unit_price, total: of the goods, after discounts, tax excluded; as in ``OrderLine``.
    """

    sku_id: str
    unique_id: str | None
    ref_id: str | None
    name: str | None
    quantity_before: int
    quantity: int
    unit_price_before: Decimal
    unit_price: Decimal
    total_before: Decimal
    total: Decimal
    unit_multiplier_before: Decimal = Decimal(1)
    unit_multiplier: Decimal = Decimal(1)

    @property
    def kind(self) -> str:
        """``added``, ``removed`` or ``changed``."""
        if not self.quantity_before:
            return "added"
        return "changed" if self.quantity else "removed"


@dataclass(frozen=True, slots=True)
class Totals:
    """An order's sums, as in ``SalesOrder``. The first five add up to the last."""

    items: Decimal
    discounts: Decimal
    shipping: Decimal
    tax: Decimal
    other: Decimal
    total: Decimal


@dataclass(frozen=True, slots=True)
class OrderDiff:
    """The differences in an order. Everything else is unchanged.

    Attributes:
        before: former sums. ``None`` if the former version was purged.
    """

    items: tuple[ItemChange, ...]
    before: Totals | None
    after: Totals


@dataclass(slots=True)
class _Sum:
    line: OrderLine
    quantity: int = 0
    total: Decimal = Decimal(0)

    def price(self) -> Decimal:
        return (self.total / (self.quantity or 1)).quantize(_UNIT, ROUND_HALF_UP)


def difference(before: SalesOrder, after: SalesOrder) -> OrderDiff | None:
    """Return the difference, or ``None`` if the ERP would not notice one.

    The rows of a split item count together. VTEX's own name of the line identifies an item,
    since its place may shift.
    """
    then, now = _sums(before), _sums(after)
    changes = tuple(
        _change(then.get(key), now.get(key))
        for key in {**then, **now}
        if _worth(then.get(key)) != _worth(now.get(key))
    )
    was, has = totals(before), totals(after)
    return OrderDiff(changes, was, has) if changes or was != has else None


def totals(order: SalesOrder) -> Totals:
    """Return an order's sums."""
    return Totals(
        order.items_total, order.discounts, order.shipping, order.tax, order.other, order.total
    )


def as_json(diff: OrderDiff) -> dict[str, Any]:
    """Return a difference as JSON. Amounts are text."""
    return {
        "items": [_plain(asdict(item)) for item in diff.items],
        "before": None if diff.before is None else _plain(asdict(diff.before)),
        "after": _plain(asdict(diff.after)),
    }


def from_json(kept: Mapping[str, Any]) -> OrderDiff:
    """Read a difference from JSON."""
    before = kept["before"]
    return OrderDiff(
        tuple(_made(ItemChange, item) for item in kept["items"]),
        None if before is None else _made(Totals, before),
        _made(Totals, kept["after"]),
    )


def _sums(order: SalesOrder) -> dict[tuple[str, str], _Sum]:
    sums: dict[tuple[str, str], _Sum] = {}
    for line in order.lines:
        item = sums.setdefault((line.unique_id or "", line.sku_id), _Sum(line))
        item.quantity += line.quantity
        item.total += line.total
    return sums


def _worth(item: _Sum | None) -> tuple[int, Decimal, Decimal] | None:
    # A removed line stays in the order with a quantity of zero.
    if item is None or not item.quantity:
        return None
    return item.quantity, item.total, item.line.unit_multiplier


def _change(then: _Sum | None, now: _Sum | None) -> ItemChange:
    known = now or then
    if known is None:
        raise ValueError("an item that is in neither order")
    line, nothing = known.line, Decimal(0)
    return ItemChange(
        sku_id=line.sku_id,
        unique_id=line.unique_id,
        ref_id=line.ref_id,
        name=line.name,
        quantity_before=then.quantity if then else 0,
        quantity=now.quantity if now else 0,
        unit_price_before=then.price() if then else nothing,
        unit_price=now.price() if now else nothing,
        total_before=then.total if then else nothing,
        total=now.total if now else nothing,
        unit_multiplier_before=(then or known).line.unit_multiplier,
        unit_multiplier=(now or known).line.unit_multiplier,
    )


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: str(value) if isinstance(value, Decimal) else value for name, value in values.items()
    }


def _made(kind: Any, values: Mapping[str, Any]) -> Any:
    # Ignore a field that a newer version added.
    return kind(
        **{
            field.name: Decimal(values[field.name])
            if field.type == "Decimal"
            else values[field.name]
            for field in fields(kind)
        }
    )
