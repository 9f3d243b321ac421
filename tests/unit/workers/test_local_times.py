"""The days and times of options: the zone of the store decides, never the host's."""

import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from foundation.local_days import day_bounds
from workers.cli.options import Moment
from workers.cli.output import moment, zoned_moment

NEW_YORK = ZoneInfo("America/New_York")
MANAUS = ZoneInfo("America/Manaus")


@pytest.fixture(params=["UTC", "Pacific/Auckland", "America/Sao_Paulo"], autouse=True)
def _host_zone(request: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", request.param)
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def read(text: str, zone: Any, *, ends: bool = False) -> datetime:
    return Moment(ends=ends).convert(text, None, None).at(zone)


@pytest.mark.parametrize(
    ("text", "zone", "begin"),
    [
        ("2026-03-10", MANAUS, "2026-03-10T04:00:00+00:00"),
        ("20260310", MANAUS, "2026-03-10T04:00:00+00:00"),
        ("2026-03-10T15:04", MANAUS, "2026-03-10T19:04:00+00:00"),
        ("2026-03-10 15:04", MANAUS, "2026-03-10T19:04:00+00:00"),
        ("2026-03-10T15:04Z", MANAUS, "2026-03-10T15:04:00+00:00"),
        ("2026-03-10T15:04-03:00", MANAUS, "2026-03-10T18:04:00+00:00"),
        ("2026-03-08T02:30", NEW_YORK, "2026-03-08T07:30:00+00:00"),
        ("2026-11-01T01:30", NEW_YORK, "2026-11-01T05:30:00+00:00"),
    ],
)
def test_a_time_without_an_offset_is_the_stores(text: str, zone: Any, begin: str) -> None:
    assert read(text, zone) == datetime.fromisoformat(begin)


def test_the_end_of_a_doubled_hour_is_its_second_pass() -> None:
    assert read("2026-11-01T01:30", NEW_YORK, ends=True) == datetime(2026, 11, 1, 6, 30, tzinfo=UTC)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.sampled_from(["America/Sao_Paulo", "America/New_York", "Australia/Lord_Howe", "Asia/Gaza"]),
    st.dates(date(2012, 1, 1), date(2037, 1, 1)),
)
def test_a_day_counts_whole_whatever_its_length(name: str, day: Any) -> None:
    zone = ZoneInfo(name)
    start, end = day_bounds(day, zone)

    assert read(str(day), zone) == start
    assert read(str(day), zone, ends=True) == end - timedelta(microseconds=1)


def test_a_shown_time_is_the_stores_and_names_its_zone() -> None:
    at = datetime(2026, 3, 10, 2, 4, 5, tzinfo=UTC)

    assert moment(at, MANAUS) == "2026-03-09 22:04:05"
    assert zoned_moment(at, MANAUS) == "2026-03-09 22:04:05 (America/Manaus)"
    assert zoned_moment(at.astimezone(timezone(timedelta(hours=5))), MANAUS) == zoned_moment(
        at, MANAUS
    )
    assert moment(None, MANAUS) == "-"
