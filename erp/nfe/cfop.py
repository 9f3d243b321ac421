"""SEFAZ's table of CFOPs (Ajuste SINIEF 07/01), by the part that a line has in an invoice.

The first digit is the direction: 1 to 3 enter the issuer, 5 to 7 leave it. The other three name
the operation.
"""

from enum import StrEnum

OUT = frozenset("567")
IN = frozenset("123")


class Group(StrEnum):
    """The part of a line in an invoice."""

    SALE = "sale"
    RETURN = "return"
    BESIDE_A_SALE = "gift or service"
    OTHER = "other"


def _range(first: int, last: int) -> frozenset[str]:
    return frozenset(f"{number:03}" for number in range(first, last + 1))


# 124 and 125 are work on another's goods, 131 ships goods of a cooperative.
_SALES = (
    (_range(101, 132) - {"124", "125", "131"})
    | {"401", "402", "403", "404", "405"}  # with tax substitution
    | {"551"}  # of fixed assets
    | _range(651, 656)  # of fuels
    | {"667"}
    | {"922"}  # the bill of a sale for future delivery
    | {"929"}  # the nota of a sale that has a coupon
)
_EXPORTS = frozenset({"7501", "7504"})
_RETURNS_OF_SALES = frozenset({"201", "202", "203", "204", "212", "214", "215", "216"}) | {
    "410",
    "411",
    "503",
    "504",
    "553",
    "660",
    "661",
    "662",
}
_RETURNS_OF_PURCHASES = frozenset(
    {"201", "202", "210", "410", "411", "412", "413", "503", "553", "556"}
) | {"660", "661", "662"}
_BESIDE_A_SALE = frozenset({"910", "911", "933"})

_NAMES = {
    "901": "goods for processing",
    "904": "goods for sale elsewhere",
    "905": "goods for storage",
    "908": "a loan",
    "910": "a bonus, donation or gift",
    "911": "a free sample",
    "912": "goods for demonstration",
    "913": "goods back from demonstration",
    "914": "goods for an exhibition",
    "915": "goods for repair",
    "916": "goods back from repair",
    "917": "goods on consignment",
    "920": "packaging",
    "923": "goods on another's account",
    "933": "a service",
    "949": "an operation without a CFOP of its own",
}
_NAMED_RANGES = (
    (_range(101, 132) | _range(401, 407) | _range(651, 656), "a purchase or sale"),
    (_range(151, 159) | {"408", "409"}, "a transfer"),
    (_range(201, 216) | _range(410, 413) | {"503", "504", "553", "556"}, "a return"),
    (_range(251, 399), "energy, communication or transport"),
    (_range(414, 415), "goods for sale elsewhere"),
    (_range(551, 557), "fixed assets or own use"),
)


def group_of(code: str) -> Group:
    """Return the part of a CFOP in an invoice.

    Args:
        code: four digits.
    """
    direction, operation = code[0], code[1:]
    if direction in IN:
        return Group.RETURN if operation in _RETURNS_OF_SALES else Group.OTHER
    if operation in _SALES or code in _EXPORTS:
        return Group.SALE
    if operation in _RETURNS_OF_PURCHASES:
        return Group.RETURN
    return Group.BESIDE_A_SALE if operation in _BESIDE_A_SALE else Group.OTHER


def name_of(code: str) -> str:
    """Return the name of a CFOP's operation."""
    operation = code[1:]
    ranges = (name for operations, name in _NAMED_RANGES if operation in operations)
    return _NAMES.get(operation) or next(ranges, "another operation")
