"""Cents of VTEX's documents as amounts for the ERP."""

from __future__ import annotations

from decimal import Decimal

CENT = Decimal("0.01")


def money(cents: int) -> Decimal:
    """Return cents as an amount."""
    return Decimal(cents).scaleb(-2)


def unit_price(total_cents: int, quantity: int) -> Decimal:
    """Return the price of one unit, with four decimals if cents do not do."""
    exact = Decimal(total_cents).scaleb(-2) / (quantity or 1)
    return (
        exact.quantize(CENT) if exact == exact.quantize(CENT) else exact.quantize(Decimal("0.0001"))
    )
