"""A store's order rate: what it would have brought, and when a silence is one."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from journal.monitoring.order_rate_model import HOUR, WEEK_HOURS, WEEKS, OrderRateModel

SAO_PAULO = ZoneInfo("America/Sao_Paulo")
NEW_YORK = ZoneInfo("America/New_York")
MONDAY = datetime(2026, 1, 5, 0, tzinfo=SAO_PAULO)


def order_rate(
    count: Callable[[datetime], int], weeks: int = WEEKS, since: datetime = MONDAY
) -> OrderRateModel:
    """Return the order rate of a store that has so many orders in each hour of its own time."""
    begin = since.astimezone(UTC)
    hours = [begin + HOUR * place for place in range(weeks * WEEK_HOURS)]
    return OrderRateModel(begin, [count(hour.astimezone(since.tzinfo)) for hour in hours])


def office_hours(hour: datetime) -> int:
    return 6 if hour.weekday() < 5 and 9 <= hour.hour < 18 else 0


def at(day: int, hour: int, minute: int = 0) -> datetime:
    """Return a time of the week after those that were learnt from, in Sao Paulo."""
    return MONDAY + timedelta(weeks=WEEKS, days=day, hours=hour, minutes=minute)


def test_working_hours_bring_what_they_always_bring() -> None:
    store = order_rate(office_hours)

    assert store.expected(at(0, 12), at(0, 15), SAO_PAULO) == pytest.approx(18)
    assert store.expected(at(0, 12, 30), at(0, 12, 40), SAO_PAULO) == pytest.approx(1)


def test_nights_and_sundays_bring_nothing_to_a_store_that_never_sells_then() -> None:
    store = order_rate(office_hours)

    assert store.expected(at(4, 18), at(7, 9), SAO_PAULO) == 0
    assert store.expected(at(0, 18), at(1, 9), SAO_PAULO) == 0


def test_neither_an_outage_nor_the_backlog_after_it_is_a_habit() -> None:
    lost = MONDAY + timedelta(weeks=3, hours=12)

    def strange(hour: datetime) -> int:
        if lost <= hour < lost + 3 * HOUR:
            return 0
        return 500 if hour == lost + 3 * HOUR else office_hours(hour)

    store = order_rate(strange)

    assert store.expected(at(0, 12), at(0, 17), SAO_PAULO) == pytest.approx(30)


def test_a_rare_order_counts_as_its_part() -> None:
    store = order_rate(lambda hour: int(hour.toordinal() % 2 == 0 and hour.hour == 10))

    assert store.expected(at(0, 0), at(7, 0), SAO_PAULO) == pytest.approx(3.5, rel=0.1)


def test_a_store_that_sells_half_of_late_is_expected_to_sell_half() -> None:
    slow = MONDAY + timedelta(weeks=WEEKS - 1)

    store = order_rate(lambda hour: office_hours(hour) // (2 if hour >= slow else 1))

    assert store.expected(at(0, 12), at(0, 15), SAO_PAULO) == pytest.approx(9, rel=0.1)


def test_less_than_two_weeks_are_no_rhythm() -> None:
    assert not order_rate(office_hours, weeks=1).is_known
    assert order_rate(office_hours, weeks=2).is_known


def test_an_hour_that_the_clocks_repeat_or_leave_out_counts_as_it_is() -> None:
    since = datetime(2026, 1, 5, 0, tzinfo=NEW_YORK)
    store = order_rate(lambda hour: 4, since=since)
    spring, autumn = datetime(2026, 3, 8, tzinfo=NEW_YORK), datetime(2026, 11, 1, tzinfo=NEW_YORK)

    short = store.expected(spring, datetime(2026, 3, 9, tzinfo=NEW_YORK), NEW_YORK)
    long = store.expected(autumn, datetime(2026, 11, 2, tzinfo=NEW_YORK), NEW_YORK)

    assert (short, long) == (pytest.approx(23 * 4), pytest.approx(25 * 4))


def test_after_the_clocks_changed_the_working_day_is_where_the_clock_says() -> None:
    since = datetime(2026, 2, 2, 0, tzinfo=NEW_YORK)
    store = order_rate(office_hours, since=since)
    # The clocks went forward on 8 March, in the midst of what was learnt.
    monday = datetime(2026, 3, 30, 9, tzinfo=NEW_YORK)

    assert store.expected(monday, monday + HOUR, NEW_YORK) == pytest.approx(6)
    assert store.expected(monday - HOUR, monday, NEW_YORK) == 0
