"""The totals of an order, sorted by kind. VTEX's ids of totals are an open vocabulary."""

from collections.abc import Sequence
from dataclasses import dataclass

from vtex.documents import Order


@dataclass(frozen=True, slots=True)
class OrderTotals:
    """Cents of each kind.

    Attributes:
        items: goods at their price, before discounts.
        discounts: every total whose id begins with ``Discount``, such as ``Discounts_clube``.
        tax: every total with ``tax`` in its id, such as ``CustomTax`` of an external engine.
        change: what changes of the order added to its value, or took from it.
        unknown: all other totals, such as interest.
        unknown_parts: each of them.
    """

    items: int = 0
    discounts: int = 0
    shipping: int = 0
    tax: int = 0
    change: int = 0
    unknown: int = 0
    unknown_parts: tuple[int, ...] = ()
    has_change: bool = False

    @property
    def goods(self) -> int:
        """The goods after their discounts."""
        return self.items + self.discounts

    @property
    def known(self) -> int:
        """The sum of all kinds but the unknown ones."""
        return self.goods + self.shipping + self.tax + self.change

    @property
    def sum(self) -> int:
        """The sum of all totals."""
        return self.known + self.unknown


def totals_of(order: Order) -> OrderTotals:
    """Sort an order's totals by kind. Totals of one kind add up."""
    cents = dict.fromkeys(("items", "discounts", "shipping", "tax", "change", "unknown"), 0)
    unknown: list[int] = []
    has_change = False
    for total_id, value in order.totals:
        kind = kind_of_total(total_id)
        cents[kind] += value
        has_change = has_change or kind == "change"
        if kind == "unknown":
            unknown.append(value)
    return OrderTotals(**cents, unknown_parts=tuple(unknown), has_change=has_change)


def undeclared_cents(order: Order, totals: OrderTotals, value_cents: int) -> int:
    """Return the cents between a value and the totals that VTEX does not declare as rounding.

    VTEX writes the cents lost by rounding with either sign. Each total of an unknown kind may be
    part of the value, or information beside it.
    """
    apart = value_cents - totals.known
    declared = {0, order.rounding_error_cents, -order.rounding_error_cents}
    if any(apart - cents in declared for cents in _sums(totals.unknown_parts)):
        return 0
    return value_cents - totals.sum


_MOST_UNKNOWN = 6


def _sums(unknown: Sequence[int]) -> set[int]:
    """Return the sums of any of the totals."""
    sums = {0, sum(unknown)}
    for cents in unknown if len(unknown) <= _MOST_UNKNOWN else ():
        sums |= {before + cents for before in sums}
    return sums


def kind_of_total(total_id: str) -> str:
    """Return the kind of a total, a field of ``OrderTotals``."""
    name = total_id.lower()
    if name in ("items", "shipping"):
        return name
    for beginning, kind in (("discount", "discounts"), ("change", "change")):
        if name.startswith(beginning):
            return kind
    return "tax" if "tax" in name else "unknown"
