"""Times as VTEX writes and reads them."""

from datetime import UTC, datetime


def stamp(moment: datetime, digits: int) -> str:
    """Write a time with 0 to 7 digits of a second's fraction."""
    text = moment.strftime("%Y-%m-%dT%H:%M:%S")
    fraction = f"{moment.microsecond:06}7"[:digits]
    return f"{text}.{fraction}+00:00" if digits else f"{text}+00:00"


def moment_of(text: object) -> datetime | None:
    """Read a time. Return ``None`` for anything else."""
    if not isinstance(text, str):
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
