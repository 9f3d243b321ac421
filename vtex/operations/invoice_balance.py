"""The balance of an order against its invoices: units per SKU, and cents."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from foundation.messages import vtex as messages
from foundation.messages.message import Text
from vtex.documents import Order, Package
from vtex.payloads import Invoice, InvoiceItem
from vtex.pricing.lines import LinePrice
from vtex.pricing.prices import OrderPrices, price_lines
from vtex.pricing.totals import undeclared_cents


@dataclass(frozen=True, slots=True)
class Balance:
    """The balance of an order against its invoices.

    Attributes:
        total_cents: bound of all sales invoices together.
        invoiced_cents, returned_cents: sums of the Output and the Input invoices.
        sold, invoiced, returned: units by SKU id.
        lines: the order's items with their prices, without services.
    """

    total_cents: int
    invoiced_cents: int
    returned_cents: int
    sold: Counter[str]
    invoiced: Counter[str]
    returned: Counter[str]
    lines: tuple[LinePrice, ...] = ()

    @property
    def open_cents(self) -> int:
        """Cents that are still to be invoiced."""
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
    """Return the balance of an order against its invoices."""
    sales = [package for package in packages if package.type != "Input"]
    returns = [package for package in packages if package.type == "Input"]
    prices = price_lines(order)
    lines = tuple(line for line in prices.lines if not line.is_service)
    invoiced_cents = sum(package.value_cents for package in sales)
    return Balance(
        total_cents=_total_cents(order, prices, invoiced_cents),
        invoiced_cents=invoiced_cents,
        returned_cents=sum(package.value_cents for package in returns),
        sold=_units((line.item.sku_id, line.quantity) for line in lines),
        invoiced=_packed(order, sales),
        returned=_packed(order, returns),
        lines=lines,
    )


def _total_cents(order: Order, prices: OrderPrices, invoiced_cents: int) -> int:
    """Return the order's value as it was sold.

    VTEX is said to lower ``value`` with each invoice. The totals stay.
    """
    if not invoiced_cents:
        return order.value_cents
    values = (order.value_cents, order.value_cents + invoiced_cents)
    agreeing = (cents for cents in values if not undeclared_cents(order, prices.totals, cents))
    return next(agreeing, max(order.value_cents, prices.totals.sum))


def closing(invoice: Invoice, now: Balance, tolerance_cents: int) -> Invoice:
    """Return an invoice of all open units with the order's open value, if it is a few cents off.

    One cent less would leave the order open at VTEX for good. VTEX refuses a cent more.

    Args:
        tolerance_cents: largest difference.
    """
    sale = invoice.type == "Output"
    whole = now.open_cents if sale else now.invoiced_cents - now.returned_cents
    is_last = not invoice.items or _of_invoice(invoice) == +(now.open if sale else now.returnable)
    if not is_last or not 0 < abs(whole - invoice.value_cents) <= tolerance_cents or whole <= 0:
        return invoice
    return replace(invoice, value_cents=whole, items=_lowered(invoice.items, whole))


def open_after(invoice: Invoice, now: Balance) -> int:
    """Return the cents that stay open at VTEX after an invoice of all open units. Else 0."""
    if invoice.type != "Output" or now.open - _of_invoice(invoice):
        return 0
    return max(0, now.open_cents - invoice.value_cents)


def faults(invoice: Invoice, order: Order, now: Balance) -> list[str]:
    """Return the contradictions between an invoice and its order. Empty means: send it."""
    sale = invoice.type == "Output"
    contradictions: list[str] = []
    open_cents = now.open_cents if sale else now.invoiced_cents - now.returned_cents
    if now.total_cents == 0 and invoice.value_cents:
        contradictions.append(messages.VALUE_OF_FREE_ORDER(value_cents=invoice.value_cents))
    elif now.total_cents and not invoice.value_cents:
        contradictions.append(messages.VALUE_ZERO(total_cents=now.total_cents))
    elif invoice.value_cents > open_cents:
        text = messages.VALUE_TOO_HIGH if sale else messages.RETURN_TOO_HIGH
        contradictions.append(text(value_cents=invoice.value_cents, open_cents=open_cents))
    left = now.open if sale else now.returnable
    for sku, quantity in _of_invoice(invoice).items():
        if sku not in now.sold:
            contradictions.append(_stranger(sku, order))
        elif quantity > left[sku]:
            text = messages.TOO_MANY_UNITS if sale else messages.TOO_MANY_RETURNED
            contradictions.append(
                text(quantity=quantity, sku=sku, left=left[sku], sold=now.sold[sku])
            )
    goods = sum(line.price_cents * line.quantity for line in invoice.items)
    # A discount that does not divide evenly costs up to half a cent per unit.
    tolerance = sum(line.quantity for line in invoice.items)
    if goods > invoice.value_cents + tolerance:
        contradictions.append(
            messages.GOODS_TOO_HIGH(goods_cents=goods, value_cents=invoice.value_cents)
        )
    return contradictions


def open_items(now: Balance, *, sale: bool, value_cents: int) -> tuple[InvoiceItem, ...]:
    """Return lines for all open (or returnable) units, at the prices of the order.

    A return names each SKU once, at its average price. Otherwise VTEX does not refund.

    Args:
        value_cents: the invoice's value. Lines that come to more, since a discount belongs to the
            whole order, are lowered in proportion.
    """
    left = Counter(now.open if sale else now.returnable)
    lines = []
    for line in now.lines:
        quantity = min(line.quantity, left[line.item.sku_id])
        if quantity > 0:
            left[line.item.sku_id] -= quantity
            lines.append(InvoiceItem(line.item.sku_id, quantity, line.unit_cents, line.item.name))
    return _lowered(lines if sale else _merged(lines), value_cents)


def _lowered(lines: Sequence[InvoiceItem], value_cents: int) -> tuple[InvoiceItem, ...]:
    """Return lines that come to no more than a value."""
    goods = sum(line.price_cents * line.quantity for line in lines)
    if goods <= value_cents:
        return tuple(lines)
    return tuple(
        replace(line, price_cents=line.price_cents * value_cents // goods) for line in lines
    )


def _merged(lines: list[InvoiceItem]) -> list[InvoiceItem]:
    merged: dict[str, InvoiceItem] = {}
    for line in lines:
        first = merged.get(line.sku_id)
        merged[line.sku_id] = line if first is None else _sum_of(first, line)
    return list(merged.values())


def _sum_of(first: InvoiceItem, line: InvoiceItem) -> InvoiceItem:
    quantity = first.quantity + line.quantity
    goods = first.price_cents * first.quantity + line.price_cents * line.quantity
    return InvoiceItem(line.sku_id, quantity, goods // quantity, line.description)


def _packed(order: Order, packages: Sequence[Package]) -> Counter[str]:
    skus = {item.index: item.sku_id for item in order.items}
    return _units(
        (skus[line.item_index], line.quantity)
        for package in packages
        for line in package.items
        if line.item_index in skus
    )


def _of_invoice(invoice: Invoice) -> Counter[str]:
    return _units((line.sku_id, line.quantity) for line in invoice.items)


def _units(pairs: Iterable[tuple[str, int]]) -> Counter[str]:
    units: Counter[str] = Counter()
    for sku, quantity in pairs:
        units[sku] += quantity
    return units


def _stranger(sku: str, order: Order) -> Text:
    for item in order.items:
        if any(part.sku_id == sku for part in item.components):
            return messages.PART_OF_A_KIT(sku=sku, kit=item.sku_id)
    known = ", ".join(sorted({repr(item.sku_id) for item in order.items}))
    return messages.OTHER_SKU(sku=sku, known=known)
