"""How an order differs from what the ERP was given: item by item, and in its totals. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from erp.sales_order import OrderLine, SalesOrder

_UNIT = Decimal("0.0001")


@dataclass(frozen=True, slots=True)
class ItemChange:
    """An item before and after; a quantity of zero says that it was not, or is no more, there.

    Attributes:
        unique_id: VTEX's name of the line, which tells two lines of one SKU apart.
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

    @property
    def kind(self) -> str:
        """What happened to it: ``added``, ``removed`` or ``changed``."""
        if not self.quantity_before:
            return "added"
        return "changed" if self.quantity else "removed"


@dataclass(frozen=True, slots=True)
class Totals:
    """An order's sums, as in ``SalesOrder``; the first five make the last."""

    items: Decimal
    discounts: Decimal
    shipping: Decimal
    tax: Decimal
    other: Decimal
    total: Decimal


@dataclass(frozen=True, slots=True)
class OrderDiff:
    """What is different in an order; what is not named is as it was.

    Attributes:
        before: None where what the ERP was given is not known any more.
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
    """Return what is different; None where nothing is that the ERP reckons with.

    Rows that one item was split into count together. Items are told apart by VTEX's own name of
    the line, never by their place, which may shift.
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


def as_json(one: OrderDiff) -> dict[str, Any]:
    """Return an order_diff as JSON takes it; amounts are text."""
    return {
        "items": [_plain(asdict(item)) for item in one.items],
        "before": None if one.before is None else _plain(asdict(one.before)),
        "after": _plain(asdict(one.after)),
    }


def from_json(kept: Mapping[str, Any]) -> OrderDiff:
    """Return an order_diff that was kept as JSON."""
    before = kept["before"]
    return OrderDiff(
        tuple(_made(ItemChange, item) for item in kept["items"]),
        None if before is None else _made(Totals, before),
        _made(Totals, kept["after"]),
    )


def _sums(order: SalesOrder) -> dict[tuple[str, str], _Sum]:
    found: dict[tuple[str, str], _Sum] = {}
    for line in order.lines:
        one = found.setdefault((line.unique_id or "", line.sku_id), _Sum(line))
        one.quantity += line.quantity
        one.total += line.total
    return found


def _worth(one: _Sum | None) -> tuple[int, Decimal] | None:
    return None if one is None else (one.quantity, one.total)


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
    )


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: str(one) if isinstance(one, Decimal) else one for name, one in values.items()}


def _made(kind: Any, values: Mapping[str, Any]) -> Any:
    # A field that a newer version added says nothing to this one.
    return kind(
        **{
            one.name: Decimal(values[one.name]) if one.type == "Decimal" else values[one.name]
            for one in fields(kind)
        }
    )
