"""Numbers and times that other systems write, read within bounds.

An unbounded number is dangerous: a sum with ``1E-999999999`` computes for hours.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from email.utils import parsedate_to_datetime
from typing import Any

from foundation.redaction import storable

MOST_DIGITS = 15
"""Digits before the point, far more than real amounts and quantities have."""

MOST_PLACES = 40
"""Decimal places of a number. Quotients have up to 28."""

LONGEST_NUMBER = 80
CENT = Decimal("0.01")

_MOMENT = re.compile(
    r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d(?::\d\d)?)(?:\.(\d+))?\s*(Z|[+-]\d\d:?\d\d)?", re.IGNORECASE
)


def bounded_number(value: object) -> Decimal:
    """Return a number from JSON or text.

    Raises:
        ValueError: the value is not a finite number within the bounds.
    """
    read = value if isinstance(value, Decimal) else _decimal(value)
    # Arithmetic with an unbounded number fails: its exponent is read instead.
    if not read.is_finite() or read.adjusted() >= MOST_DIGITS:
        raise ValueError("is not a number within bounds")
    if int(read.as_tuple().exponent) < -MOST_PLACES:
        raise ValueError("is not a number within bounds")
    return read


def money(value: object) -> Decimal:
    """Return an amount in whole cents, halves rounded up. Raises as ``bounded_number``."""
    return bounded_number(value).quantize(CENT, ROUND_HALF_UP)


def cents(value: object) -> int:
    """Return an amount as integer cents, halves rounded up. Raises as ``bounded_number``."""
    return int(money(value).scaleb(2))


def moment(text: object) -> datetime:
    """Return an aware UTC time from text with any offset (default UTC) and fractional digits.

    Raises:
        ValueError: the text is not such a time.
    """
    match = _MOMENT.fullmatch(text.strip()) if isinstance(text, str) else None
    if match is None:
        raise ValueError("is not a date and time such as 2026-03-10T14:22:05.1834217+00:00")
    day, clock, fraction, offset = match.groups()
    zone = "+00:00" if offset in (None, "Z", "z") else offset
    parts = f".{(fraction or '0')[:6]:0<6}" if clock.count(":") == 2 else ""
    try:
        return datetime.fromisoformat(f"{day}T{clock}{parts}{zone}").astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError("is not a date that exists") from None


def http_moment(text: str | None) -> datetime | None:
    """Return the time of an HTTP header such as ``Date``, or None."""
    try:
        read = parsedate_to_datetime(text or "")
    except (ValueError, OverflowError):
        return None
    return read if read.tzinfo else read.replace(tzinfo=UTC)


def _decimal(value: object) -> Decimal:
    # True is an int in Python, and no number in JSON.
    if type(value) not in (str, int, float) or len(text := str(value)) > LONGEST_NUMBER:
        raise ValueError("is not a number")
    try:
        return Decimal(text)
    except InvalidOperation:
        raise ValueError("is not a number") from None


def at(document: object, *path: str | int) -> Any:
    """Return the value at a path of a JSON document, or ``None`` if it ends early."""
    value: Any = document
    for step in path:
        # A dictionary is much cheaper to know than any mapping.
        if isinstance(step, str) and isinstance(value, dict | Mapping):
            value = value.get(step)
        elif isinstance(step, int) and isinstance(value, list) and 0 <= step < len(value):
            value = value[step]
        else:
            return None
        if value is None:
            return None
    return value


def rows_at(document: object, *path: str | int) -> list[Mapping[str, Any]]:
    """Return the objects of a list at a path. Anything else counts as absent."""
    rows = at(document, *path)
    if not rows or not isinstance(rows, list):
        return []
    return [row for row in rows if isinstance(row, dict | Mapping)]


def text_at(document: object, *path: str | int) -> str | None:
    """Return text or a number at a path as text, as ``plain_text`` does."""
    return plain_text(at(document, *path))


def plain_text(value: object) -> str | None:
    """Return text, a number or a truth value as text. Empty text counts as absent."""
    if type(value) is str:
        return storable(value.strip()) or None
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, str | int | float | Decimal):
        return None
    return storable(str(value).strip()) or None
