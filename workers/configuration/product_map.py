"""The file of ``NFE_PRODUCT_MAP``: the SKU id and the units of an ERP's product code."""

import csv
from decimal import Decimal, InvalidOperation

from foundation.messages import settings as messages
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
        fault = messages.FILE_UNREADABLE(place="NFE_PRODUCT_MAP", path=path, error=error)
        raise SettingsError(fault) from None
    return products


def _product(row: list[str], where: str) -> tuple[str, Decimal]:
    try:
        sku_id, units = row[1].strip(), Decimal(row[2].strip()) if len(row) > 2 else Decimal(1)
    except (IndexError, InvalidOperation):
        sku_id, units = "", Decimal(-1)
    if not sku_id or not units.is_finite() or units < 0:
        raise SettingsError(messages.PRODUCT_WRONG(place=where, row=",".join(row)))
    return sku_id, units
