"""A line of a nota, and the unit in which the order counts its goods.

A line has two quantities: the commercial one (``qCom``, such as 1 box) and the taxable one
(``qTrib``, such as 12 units).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal

_PIECES = frozenset({"UN", "UND", "UNI", "UNID", "UNIDADE", "PC", "PCA", "PÇ", "PECA", "PEÇA"})
"""Units (``uCom``) that are one piece, which VTEX counts as one unit."""

_GTIN = re.compile(r"[0-9]{8}|[0-9]{12,14}")


@dataclass(frozen=True, slots=True)
class NfeItem:
    """A line (``det``) of a nota.

    Attributes:
        code: ``cProd``, the ERP's code.
        ean: ``cEAN``, except ``SEM GTIN``.
        unit: ``uCom`` as written. It may be a box (``CX``) or a weight (``KG``).
        price_cents: price of one unit with all its terms, rounded half up.
        total_cents: amount of the line with all its terms.
        tax_ean, tax_quantity, tax_unit: ``cEANTrib``, ``qTrib``, ``uTrib``.
    """

    line: int
    code: str
    ean: str | None
    quantity: Decimal
    unit: str
    price_cents: int
    total_cents: int
    tax_ean: str | None = None
    tax_quantity: Decimal | None = None
    tax_unit: str | None = None

    @property
    def has_two_quantities(self) -> bool:
        """True if the taxable quantity differs from the commercial one."""
        return self.tax_quantity not in (None, self.quantity)

    def gtins(self) -> Iterator[str]:
        """Yield the GTINs that may be the item's EAN, the most certain first."""
        if self.ean:
            yield plain_gtin(self.ean)
        if self.tax_ean:
            yield plain_gtin(self.tax_ean)
        if is_gtin(self.code):
            yield plain_gtin(self.code)


def in_order_unit(line: NfeItem, ean: str | None, measurement_unit: str | None) -> NfeItem | None:
    """Return a line with its quantity in the order's unit, or ``None`` if that is unclear.

    Args:
        ean: EAN of the order's item.
        measurement_unit: the item's unit. VTEX writes ``un`` for everything that is not measured.
    """
    if not line.has_two_quantities:
        return line
    commercial, taxable = _plain_unit(line.unit), _plain_unit(line.tax_unit)
    sold = _plain_unit(measurement_unit)
    gtins = (plain_gtin(line.ean), plain_gtin(line.tax_ean))
    if sold not in ("", *_PIECES) and commercial != taxable and sold in (commercial, taxable):
        counts_taxable = sold == taxable
    elif plain_gtin(ean) in gtins and gtins[0] != gtins[1] and plain_gtin(ean):
        counts_taxable = plain_gtin(ean) == gtins[1]
    elif commercial in _PIECES and taxable not in _PIECES:
        counts_taxable = False
    else:
        return None
    if not counts_taxable or not line.tax_quantity:
        return line
    return replace(line, quantity=line.tax_quantity, unit=line.tax_unit or line.unit)


def plain_gtin(gtin: str | None) -> str:
    """Return a GTIN without leading zeros: 12 digits equal 13 digits with a zero before them."""
    return (gtin or "").strip().lstrip("0")


def is_gtin(code: str) -> bool:
    """Return whether a code has the length and the check digit of a GTIN (modulo 10)."""
    if not _GTIN.fullmatch(code):
        return False
    weighted = enumerate(reversed(code[:-1]))
    total = sum(int(digit) * (1 if place % 2 else 3) for place, digit in weighted)
    return (10 - total % 10) % 10 == int(code[-1])


def plain_code(code: str | None) -> str:
    """Return a code without case and leading zeros, to name a similar one."""
    return (code or "").strip().casefold().lstrip("0")


def _plain_unit(unit: str | None) -> str:
    return (unit or "").strip().rstrip(".").upper()
