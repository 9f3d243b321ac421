"""What of an order is invoiced, and what is still open: quantities a SKU, and cents."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from vtex.documents import Item, Order, Package
from vtex.payloads import Invoice, InvoiceItem


@dataclass(frozen=True, slots=True)
class Balance:
    """An order against its invoices.

    Attributes:
        total_cents: what all sales invoices together may come to.
        invoiced_cents, returned_cents: by Output and Input invoices.
        sold, invoiced, returned: units a SKU id.
    """

    total_cents: int
    invoiced_cents: int
    returned_cents: int
    sold: Counter[str]
    invoiced: Counter[str]
    returned: Counter[str]

    @property
    def open_cents(self) -> int:
        """What is still to be invoiced."""
        return self.total_cents - self.invoiced_cents

    @property
    def open(self) -> Counter[str]:
        """Units that are still to be invoiced."""
        return self.sold - self.invoiced

    @property
    def returnable(self) -> Counter[str]:
        """Units that a return can name."""
        return self.invoiced - self.returned


def balance(order: Order, packages: Sequence[Package]) -> Balance:
    """Return how an order stands against its invoices."""
    sales = [one for one in packages if one.type != "Input"]
    returns = [one for one in packages if one.type == "Input"]
    return Balance(
        # VTEX is said to lower ``value`` as invoices come; the totals stay.
        total_cents=max(order.value_cents, sum(cents for _, cents in order.totals)),
        invoiced_cents=sum(one.value_cents for one in sales),
        returned_cents=sum(one.value_cents for one in returns),
        sold=_units((one.sku_id, one.quantity) for one in order.items),
        invoiced=_packed(order, sales),
        returned=_packed(order, returns),
    )


def faults(invoice: Invoice, order: Order, now: Balance) -> list[str]:
    """Return what contradicts the order in an invoice; nothing where it can be sent."""
    sale = invoice.type == "Output"
    found = []
    open_cents = now.open_cents if sale else now.invoiced_cents - now.returned_cents
    if invoice.value_cents > open_cents:
        found.append(
            f"value_cents: {invoice.value_cents} is more than the {open_cents} that are "
            f"{'open' if sale else 'invoiced and not returned'}"
        )
    left = now.open if sale else now.returnable
    for sku, quantity in _units((one.sku_id, one.quantity) for one in invoice.items).items():
        if sku not in now.sold:
            found.append(f"items: {_stranger(sku, order)}")
        elif quantity > left[sku]:
            found.append(
                f"items: {quantity} of SKU {sku!r}, but {left[sku]} of {now.sold[sku]} are "
                f"{'open' if sale else 'invoiced and not returned'}"
            )
    goods = sum(one.price_cents * one.quantity for one in invoice.items)
    # Half a cent is lost or won on each unit where a discount does not divide.
    spare = sum(one.quantity for one in invoice.items)
    if goods > invoice.value_cents + spare:
        found.append(
            f"items: they come to {goods} cents, more than value_cents {invoice.value_cents}"
        )
    return found


def open_items(order: Order, now: Balance, *, sale: bool) -> tuple[InvoiceItem, ...]:
    """Return lines for all that is open (or returnable), at the prices of the order.

    A return names each SKU once, at its average price: VTEX refunds nothing otherwise.
    """
    left = Counter(now.open if sale else now.returnable)
    lines = []
    for item in order.items:
        quantity = min(item.quantity, left[item.sku_id])
        if quantity > 0:
            left[item.sku_id] -= quantity
            lines.append(InvoiceItem(item.sku_id, quantity, unit_cents(item), item.name))
    return tuple(lines) if sale else _merged(lines)


def unit_cents(item: Item) -> int:
    """Return what one unit of a line costs, rounded down to the cent."""
    if item.total_cents is not None:
        return item.total_cents // item.quantity
    return item.selling_price_cents or item.price_cents or 0


def _merged(lines: list[InvoiceItem]) -> tuple[InvoiceItem, ...]:
    found: dict[str, InvoiceItem] = {}
    for one in lines:
        other = found.get(one.sku_id)
        if other is not None:
            quantity = one.quantity + other.quantity
            goods = one.price_cents * one.quantity + other.price_cents * other.quantity
            one = InvoiceItem(one.sku_id, quantity, goods // quantity, one.description)  # noqa: PLW2901
        found[one.sku_id] = one
    return tuple(found.values())


def _packed(order: Order, packages: Sequence[Package]) -> Counter[str]:
    skus = {item.index: item.sku_id for item in order.items}
    return _units(
        (skus[one.item_index], one.quantity)
        for package in packages
        for one in package.items
        if one.item_index in skus
    )


def _units(pairs: Iterable[tuple[str, int]]) -> Counter[str]:
    found: Counter[str] = Counter()
    for sku, quantity in pairs:
        found[sku] += quantity
    return found


def _stranger(sku: str, order: Order) -> str:
    for item in order.items:
        if any(part.sku_id == sku for part in item.components):
            return f"SKU {sku!r} is a part of the kit {item.sku_id!r}: invoice the kit"
    known = ", ".join(sorted({repr(one.sku_id) for one in order.items}))
    return f"SKU {sku!r} is not in the order, which has {known}"
