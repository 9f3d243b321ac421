"""The file of ``NFE_PRODUCT_MAP``: the SKU id and the units of an ERP's product code."""

import csv
from decimal import Decimal, InvalidOperation

from workers.configuration.declaration import SettingsError


def product_map(path: str | None) -> dict[str, tuple[str, Decimal]]:
    """Return the SKU id and the units in one unit of the ERP, by the ERP's code.

    Raises:
        SettingsError: the file cannot be read, or a line of it is wrong.
    """
    if path is None:
        return {}
    products = {}
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            for number, row in enumerate(csv.reader(file), start=1):
                if row:
                    products[row[0].strip()] = _product(row, f"{path}, line {number}")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"NFE_PRODUCT_MAP: cannot read {path!r}: {error}") from None
    return products


def _product(row: list[str], where: str) -> tuple[str, Decimal]:
    try:
        sku_id, units = row[1].strip(), Decimal(row[2].strip()) if len(row) > 2 else Decimal(1)
    except (IndexError, InvalidOperation):
        sku_id, units = "", Decimal(-1)
    if not sku_id or not units.is_finite() or units < 0:
        raise SettingsError(
            f"NFE_PRODUCT_MAP: {where} is {','.join(row)!r}: must be code,SKU id,units, as in "
            "CX-88,310102,12"
        )
    return sku_id, units
