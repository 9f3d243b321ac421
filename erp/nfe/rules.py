"""The rules by which an NF-e becomes an invoice (docs/nfe.md)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from erp.nfe.item_matching import MATCH, WEIGHT_TOLERANCE_PERCENT

CHECKS = ("recipient", "issuer", "date", "order", "reference", "amounts")
"""Names of the checks that ``NFE_SKIPPED_CHECKS`` turns off."""

VNFTOT_FROM = date(2027, 1, 1)
"""Since this day IBS and CBS are charged beside the price, so ``vNFTot`` is the amount owed. In
2026 they are on the nota for information only (Technical Note 2025.002)."""


@dataclass(frozen=True)
class NfeRules:
    """The rules by which an NF-e becomes an invoice (docs/nfe.md).

    Attributes:
        match: keys that match the lines of the NF-e with the order's items, tried in turn.
        production: true to refuse notas of SEFAZ's test environment.
        embed: true to send the XML to VTEX too, exactly as received.
        product_map: ERP code to SKU id, and its units in one unit of the ERP, such as a box of 12.
            0 marks a part of a kit that another part represents.
        weight_tolerance_percent: difference between real and sold weight of weighed goods.
        skipped_checks: names from ``CHECKS`` that do not refuse a nota.
        cfops: CFOPs that count as a sale or a return, beside those of the table.
        vnftot_from: ``vNFTot`` is the value of notas that were issued since this day.
    """

    match: tuple[str, ...] = MATCH
    production: bool = True
    embed: bool = False
    product_map: Mapping[str, tuple[str, Decimal]] = field(default_factory=dict)
    weight_tolerance_percent: float = WEIGHT_TOLERANCE_PERCENT
    skipped_checks: tuple[str, ...] = ()
    cfops: tuple[str, ...] = ()
    vnftot_from: date = VNFTOT_FROM

    def requires(self, check: str) -> bool:
        """Return whether a check of ``CHECKS`` refuses notas."""
        return check not in self.skipped_checks
