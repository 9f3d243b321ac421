"""The totals of an order, sorted by kind. VTEX's ids of totals are an open vocabulary."""

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
    """

    items: int = 0
    discounts: int = 0
    shipping: int = 0
    tax: int = 0
    change: int = 0
    unknown: int = 0
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
    kinds = [(kind_of_total(total_id), value) for total_id, value in order.totals]
    for kind, value in kinds:
        cents[kind] += value
    return OrderTotals(**cents, has_change=any(kind == "change" for kind, _ in kinds))


def kind_of_total(total_id: str) -> str:
    """Return the kind of a total, a field of ``OrderTotals``."""
    name = total_id.lower()
    if name in ("items", "shipping"):
        return name
    for beginning, kind in (("discount", "discounts"), ("change", "change")):
        if name.startswith(beginning):
            return kind
    return "tax" if "tax" in name else "unknown"
