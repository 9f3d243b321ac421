"""A store's rhythm: how many new orders come in at each hour of the week. No database."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache

HOUR = timedelta(hours=1)
WEEK_HOURS = 168

WEEKS = 8
"""So long a time is learnt from: long enough to leave out a strange week, short enough to follow
the season."""

ENOUGH_HOURS = 2 * WEEK_HOURS
"""With less history than this there is no rhythm yet."""

_FEW = 3.0
"""Orders by which a quiet week is taken for chance: it must not silence the rule."""


@dataclass(frozen=True, slots=True)
class OrderRateModel:
    """New orders of each hour.

    Attributes:
        since: the first hour, aware UTC, on the hour.
        hours: how many came in each hour from then on, without a gap.
    """

    since: datetime
    hours: Sequence[int]

    @property
    def is_known(self) -> bool:
        """Whether there is enough of it to expect anything."""
        return len(self.hours) >= ENOUGH_HOURS

    def expected(self, start: datetime, end: datetime, zone: tzinfo) -> float:
        """Return how many orders the rhythm would bring in a span of time.

        Each hour of the week, in the store's own time, counts as it usually does, without its
        best and its worst week: neither a day of outage nor the backlog after it is a habit. A
        store whose last week was slower than usual is expected to go on so; a faster one is not.
        An hour that a change of the clocks repeats is two hours of it, one that it leaves out
        none.

        Args:
            start, end: aware.
            zone: the store's.
        """
        # Between two times of one zone Python counts as the clock on the wall does.
        start, end = start.astimezone(UTC), end.astimezone(UTC)
        rates = self._rates(zone)
        total, hour = 0.0, _on_the_hour(start)
        while hour < end:
            part = min(end, hour + HOUR) - max(start, hour)
            total += rates[_slot(hour, zone)] * (part / HOUR)
            hour += HOUR
        return total * self._level(rates, start, zone)

    def _rates(self, zone: tzinfo) -> Sequence[float]:
        recent = tuple(self.hours[-WEEKS * WEEK_HOURS :])
        return _rates(self.since + HOUR * (len(self.hours) - len(recent)), recent, zone)

    def _level(self, rates: Sequence[float], start: datetime, zone: tzinfo) -> float:
        """Return what part of the usual came in the week before: at most all of it."""
        last = min(len(self.hours), (_on_the_hour(start) - self.since) // HOUR)
        places = range(max(0, last - WEEK_HOURS), last)
        usual = sum(rates[_slot(self.since + HOUR * place, zone)] for place in places)
        came = sum(self.hours[place] for place in places)
        return min(1.0, (came + _FEW) / (usual + _FEW))


@lru_cache(maxsize=2000)
def _rates(first: datetime, hours: Sequence[int], zone: tzinfo) -> Sequence[float]:
    """Return what each hour of the week usually brings; asked each minute, it changes hourly."""
    found: list[list[int]] = [[] for _ in range(WEEK_HOURS)]
    for place, count in enumerate(hours):
        found[_slot(first + HOUR * place, zone)].append(count)
    return [_usual(sorted(one)) for one in found]


def _usual(counts: Sequence[int]) -> float:
    """Return the mean without the extremes, of numbers in order."""
    if len(counts) >= 4:
        counts = counts[1:-1]
    elif len(counts) >= 2:
        counts = counts[:-1]
    return sum(counts) / len(counts) if counts else 0.0


def _slot(hour: datetime, zone: tzinfo) -> int:
    there = hour.astimezone(zone)
    return there.weekday() * 24 + there.hour


def _on_the_hour(moment: datetime) -> datetime:
    return moment.replace(minute=0, second=0, microsecond=0)
