"""Days of a time zone: their bounds in UTC, also where clocks change."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

from hypothesis import given
from hypothesis import strategies as st

from foundation.local_days import DEFAULT_ZONE, day_bounds, days_ago

ZONES = sorted(name for name in available_timezones() if "/" in name)
TICK = timedelta(microseconds=1)

days = st.dates(date(2012, 1, 1), date(2037, 12, 31))


@given(st.sampled_from(ZONES), days, st.floats(0, 1))
def test_the_bounds_of_a_day_cover_exactly_that_local_day(
    name: str, day: date, part: float
) -> None:
    zone = ZoneInfo(name)
    start, end = day_bounds(day, zone)

    inside = min(start + part * (end - start), end - TICK)
    assert inside.astimezone(zone).date() == day or start == end, "a skipped day is empty"
    assert (start - TICK).astimezone(zone).date() < day
    assert end.astimezone(zone).date() > day
    assert (start.tzinfo, end.tzinfo) == (UTC, UTC)


def hours(name: str, *day: int) -> float:
    start, end = day_bounds(date(*day), ZoneInfo(name))
    return (end - start).total_seconds() / 3600


def test_a_day_has_23_or_25_hours_where_daylight_saving_changes() -> None:
    assert hours("America/New_York", 2026, 3, 8) == 23
    assert hours("America/New_York", 2026, 11, 1) == 25
    assert hours("America/Sao_Paulo", 2018, 11, 4) == 23, "midnight was skipped"
    assert hours("America/Sao_Paulo", 2018, 2, 17) == 25
    assert hours("America/Sao_Paulo", 2026, 11, 1) == 24


def test_a_number_of_days_ago_begins_at_the_local_midnight() -> None:
    late = datetime(2026, 3, 11, 2, 30, tzinfo=UTC)

    assert days_ago(0, late, DEFAULT_ZONE) == datetime(2026, 3, 10, 3, tzinfo=UTC)
    assert days_ago(7, late, DEFAULT_ZONE) == datetime(2026, 3, 3, 3, tzinfo=UTC)
