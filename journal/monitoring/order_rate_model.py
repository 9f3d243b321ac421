"""The order rate of a store for each hour of the week. Pure code."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache

HOUR = timedelta(hours=1)
WEEK_HOURS = 168

WEEKS = 8
"""Length of the history: long enough to leave out one odd week, short enough for the season."""

ENOUGH_HOURS = 2 * WEEK_HOURS
"""Shortest history of a known rate."""

_FEW = 3.0
"""Orders that a quiet week may lack by chance, so that it does not silence the rule."""


@dataclass(frozen=True, slots=True)
class OrderRateModel:
    """The number of new orders in each hour.

    Attributes:
        since: start of the first hour, aware UTC.
        hours: new orders of each hour from then on.
    """

    since: datetime
    hours: Sequence[int]

    @property
    def is_known(self) -> bool:
        """Whether the history is long enough."""
        return len(self.hours) >= ENOUGH_HOURS

    def expected(self, start: datetime, end: datetime, zone: tzinfo) -> float:
        """Return the expected number of orders in a span of time.

        Each hour of the week, in the store's zone, counts with its mean. The mean leaves out the
        best and the worst week, so that an outage and its backlog do not matter. After a slow
        week the rate is lowered. After a fast week it stays. A repeated hour of a clock change
        counts twice, and a skipped one does not count.

        Args:
            start, end: aware times.
            zone: zone of the store.
        """
        # Python subtracts two times of one zone by the wall clock.
        start, end = start.astimezone(UTC), end.astimezone(UTC)
        rates = self._rates(zone)
        total, hour = 0.0, on_the_hour(start)
        while hour < end:
            part = min(end, hour + HOUR) - max(start, hour)
            total += rates[_slot(hour, zone)] * (part / HOUR)
            hour += HOUR
        return total * self._level(rates, start, zone)

    def _rates(self, zone: tzinfo) -> Sequence[float]:
        recent = tuple(self.hours[-WEEKS * WEEK_HOURS :])
        return _rates(self.since + HOUR * (len(self.hours) - len(recent)), recent, zone)

    def _level(self, rates: Sequence[float], start: datetime, zone: tzinfo) -> float:
        """Return the last week's share of the usual orders, 1 at most."""
        last = min(len(self.hours), (on_the_hour(start) - self.since) // HOUR)
        places = range(max(0, last - WEEK_HOURS), last)
        usual = sum(rates[_slot(self.since + HOUR * place, zone)] for place in places)
        came = sum(self.hours[place] for place in places)
        return min(1.0, (came + _FEW) / (usual + _FEW))


@lru_cache(maxsize=2000)
def _rates(first: datetime, hours: Sequence[int], zone: tzinfo) -> Sequence[float]:
    """Return the usual orders of each hour of the week, cached for an hour."""
    by_slot: list[list[int]] = [[] for _ in range(WEEK_HOURS)]
    for place, count in enumerate(hours):
        by_slot[_slot(first + HOUR * place, zone)].append(count)
    return [_usual(sorted(counts)) for counts in by_slot]


def _usual(counts: Sequence[int]) -> float:
    """Return the mean of sorted numbers without the extremes."""
    if len(counts) >= 4:
        counts = counts[1:-1]
    elif len(counts) >= 2:
        counts = counts[:-1]
    return sum(counts) / len(counts) if counts else 0.0


def _slot(hour: datetime, zone: tzinfo) -> int:
    there = hour.astimezone(zone)
    return there.weekday() * 24 + there.hour


def on_the_hour(moment: datetime) -> datetime:
    """Return the beginning of a moment's hour."""
    return moment.replace(minute=0, second=0, microsecond=0)
