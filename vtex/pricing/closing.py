"""Chooses one reading a line, so that the lines close a sum of the order's head.

VTEX writes a line's amount in several places, which need not agree. The reading that closes the
sum is the right one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

MOST_SUMS = 2_000
"""Bound of the sums that a search remembers. Real orders need a few."""


class Reading(NamedTuple):
    """One way to read a line's amount."""

    name: str
    cents: int


@dataclass(frozen=True, slots=True)
class Choice:
    """One reading a line.

    Attributes:
        difference: the sum's cents less the lines' cents. 0 if they agree exactly.
        closes: true if the difference is within the tolerance.
        nearest: without closing, the line (from 0) and the reading that would leave the smallest
            difference, and that difference.
    """

    readings: tuple[Reading, ...]
    difference: int
    closes: bool
    nearest: tuple[int, Reading, int] | None = None

    @property
    def cents(self) -> int:
        """The sum of the lines."""
        return sum(reading.cents for reading in self.readings)


def choose(lines: Sequence[Sequence[Reading]], target: int, *, tolerance: int = 0) -> Choice:
    """Choose the readings whose sum is the target.

    One kind of reading for all lines is tried first, then mixtures with as few exceptions as
    possible.

    Args:
        lines: the readings of each line, the usual one first. Each line has at least one.
        target: cents that the lines should come to.
        tolerance: cents of difference that still close, if nothing closes exactly.
    """
    usual = tuple(readings[0] for readings in lines)
    if _sum(usual) == target:
        return Choice(usual, 0, closes=True)
    uniform = [usual, *(_all_by(lines, name) for name in _names(lines))]
    exact = next((readings for readings in uniform if _sum(readings) == target), None)
    exact = exact or _mixed(lines, target)
    if exact is not None:
        return Choice(exact, 0, closes=True)
    for readings in uniform:
        difference = target - _sum(readings)
        if abs(difference) <= tolerance:
            return Choice(readings, difference, closes=True)
    difference = target - _sum(usual)
    return Choice(usual, difference, closes=False, nearest=_nearest(lines, difference))


def _sum(readings: Sequence[Reading]) -> int:
    return sum(reading.cents for reading in readings)


def _names(lines: Sequence[Sequence[Reading]]) -> list[str]:
    return list(dict.fromkeys(reading.name for readings in lines for reading in readings))


def _all_by(lines: Sequence[Sequence[Reading]], name: str) -> tuple[Reading, ...]:
    return tuple(
        next((reading for reading in readings if reading.name == name), readings[0])
        for readings in lines
    )


def _mixed(lines: Sequence[Sequence[Reading]], target: int) -> tuple[Reading, ...] | None:
    """Return the mixture with the fewest exceptions. ``None`` without one, or beyond the bound."""
    usual = [readings[0] for readings in lines]
    # Difference to the usual sum, to the exceptions that make it: (line, reading) pairs.
    reached: dict[int, tuple[tuple[int, Reading], ...]] = {0: ()}
    for place, readings in enumerate(lines):
        others = {
            reading.cents - usual[place].cents: reading
            for reading in reversed(readings)
            if reading.cents != usual[place].cents
        }
        for before, exceptions in list(reached.items()):
            for difference, reading in others.items():
                known = reached.get(before + difference)
                if known is None or len(known) > len(exceptions) + 1:
                    reached[before + difference] = (*exceptions, (place, reading))
        if len(reached) > MOST_SUMS:
            return None
    closing = reached.get(target - _sum(usual))
    if closing is None:
        return None
    taken = dict(closing)
    return tuple(taken.get(place, reading) for place, reading in enumerate(usual))


def _nearest(
    lines: Sequence[Sequence[Reading]], difference: int
) -> tuple[int, Reading, int] | None:
    ways = [
        (place, reading, difference - (reading.cents - readings[0].cents))
        for place, readings in enumerate(lines)
        for reading in readings
    ]
    return min(ways, key=lambda way: abs(way[2]), default=None)
