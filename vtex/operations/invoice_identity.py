"""The identity of an invoice: number and series. VTEX knows a number alone.

The first nota of a number has the plain number at VTEX. Another series of the same number is sent
as ``128841-2``. The access key of VTEX's package holds its series. Otherwise the journal may know
the series.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from foundation.messages import vtex as messages
from vtex.documents import Order, Package
from vtex.errors import Refused
from vtex.payloads import Invoice, plain_number, series_in


@dataclass(frozen=True, slots=True)
class Numbering:
    """The numbers at VTEX of an order's invoices that have one number at the ERP.

    Attributes:
        sent: each number that was sent, with its series if known.
        choose: called with the number of an invoice before it is sent, to remember it.
    """

    sent: Mapping[str, str | None] = field(default_factory=dict)
    choose: Callable[[str], None] = lambda _: None


def find(
    packages: Iterable[Package],
    number: str,
    series: str | None,
    numbering: Numbering,
    *,
    key: str | None = None,
) -> Package | None:
    """Return VTEX's package of an invoice, or ``None``.

    Args:
        number: the ERP's spelling.
        key: access key, which identifies the nota if VTEX has it too.

    Raises:
        Refused: packages of several series fit.
    """
    packages = tuple(packages)
    if key and (same := [package for package in packages if package.invoice_key == key]):
        return same[0]
    plain = plain_number(number)
    fitting = {
        package: shown
        for package in packages
        if _is_named(package, plain, shown := _series_of(package, numbering), numbering)
        and (series is None or shown in (None, series))
    }
    if exact := [package for package, shown in fitting.items() if series and shown == series]:
        return exact[0]
    if len(fitting) > 1:
        listed = ", ".join(sorted(shown or "?" for shown in fitting.values()))
        raise Refused(messages.SERIES_AMBIGUOUS(invoice=number, series=listed))
    return next(iter(fitting), None)


def number_at_vtex(invoice: Invoice, packages: Iterable[Package], numbering: Numbering) -> str:
    """Return the number for an invoice that VTEX lacks: the plain one, unless it is taken."""
    plain = plain_number(invoice.invoice_number)
    taken = {package.invoice_number: _series_of(package, numbering) for package in packages}
    series = (dict(numbering.sent) | taken).get(plain)
    if series and invoice.invoice_series and series != invoice.invoice_series:
        return f"{plain}-{invoice.invoice_series}"
    return plain


def differences(invoice: Invoice, package: Package, order: Order) -> list[str]:
    """Return the contradictions between an invoice and VTEX's package of the same identity."""
    pairs: list[tuple[str, object, object]] = [
        ("value_cents", package.value_cents, invoice.value_cents)
    ]
    if invoice.invoice_key and package.invoice_key:
        pairs.append(("invoice_key", package.invoice_key, invoice.invoice_key))
    skus = {item.index: item.sku_id for item in order.items}
    shown = _units((skus.get(row.item_index, "?"), row.quantity) for row in package.items)
    if invoice.items and shown and not _is_whole(package, shown, order):
        given = _units((item.sku_id, item.quantity) for item in invoice.items)
        pairs.append(("items", _listed(shown), _listed(given)))
    return [
        messages.OTHER_CONTENT(field=name, known=known, given=given)
        for name, known, given in pairs
        if known != given
    ]


def _series_of(package: Package, numbering: Numbering) -> str | None:
    return series_in(package.invoice_key) or numbering.sent.get(package.invoice_number)


def _is_named(package: Package, plain: str, series: str | None, numbering: Numbering) -> bool:
    names = {plain, *numbering.sent, *([f"{plain}-{series}"] if series else [])}
    return package.invoice_number in names


def _is_whole(package: Package, shown: Counter[str], order: Order) -> bool:
    """Return whether VTEX shows the order's own items.

    It does so for an invoice of the whole value, whatever items were sent (known issue 1330069).
    """
    sold = _units((item.sku_id, item.quantity) for item in order.items)
    return package.value_cents >= order.value_cents and shown == sold


def _units(pairs: Iterable[tuple[str, int]]) -> Counter[str]:
    units: Counter[str] = Counter()
    for sku, quantity in pairs:
        units[sku] += quantity
    return units


def _listed(units: Counter[str]) -> str:
    return ", ".join(f"{quantity} of SKU {sku}" for sku, quantity in sorted(units.items()))
