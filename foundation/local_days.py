"""Days of a time zone, and the UTC times at which they begin and end."""

from datetime import UTC, date, datetime, time, timedelta, tzinfo
from zoneinfo import ZoneInfo

DEFAULT_ZONE = ZoneInfo("America/Sao_Paulo")
"""The time zone of a store that names none."""


def day_start(day: date, zone: tzinfo) -> datetime:
    """Return the first instant of a local day, in UTC.

    Clocks may skip midnight. Then the day begins at the change of the clocks.
    """
    return datetime.combine(day, time(), zone).astimezone(UTC)


def day_bounds(day: date, zone: tzinfo) -> tuple[datetime, datetime]:
    """Return the first instant of a local day, and that of the next day, in UTC."""
    return day_start(day, zone), day_start(day + timedelta(days=1), zone)


def days_ago(days: int, now: datetime, zone: tzinfo) -> datetime:
    """Return the first instant of the local day that was so many days before today's, in UTC."""
    return day_start(now.astimezone(zone).date() - timedelta(days=days), zone)
