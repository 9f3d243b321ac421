"""Chooses one reading a line, so that the lines close a sum of the order's head.

VTEX writes a line's amount in several places, which need not agree. The reading that closes the
sum is the right one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from vtex.pricing.readings import Reading

MOST_STEPS = 5_000
"""Bound of a search for many exceptions, some milliseconds. Real orders need a few steps."""

Options = Sequence[Sequence[Reading]]
"""The readings of each line, the usual one first. Each line has at least one."""


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
        return _sum(self.readings)


def choose(
    usual: Sequence[Reading],
    targets: Sequence[int],
    options: Callable[[], Options],
    *,
    tolerance: int = 0,
) -> Choice:
    """Choose the readings whose sum is a target.

    One kind of reading for all lines is tried first, then mixtures with as few exceptions as
    possible.

    Args:
        usual: the usual reading of each line.
        targets: cents that the lines may come to, the usual sum first.
        options: gives every reading. It is called only if the usual ones do not close.
        tolerance: cents of difference that still close, if nothing closes exactly.
    """
    if _sum(usual) in targets:
        return Choice(tuple(usual), 0, closes=True)
    lines = options()
    uniform = [tuple(usual), *(_all_by(lines, name) for name in _names(lines))]
    exact = next((readings for readings in uniform if _sum(readings) in targets), None)
    exact = exact or _mixed(lines, targets)
    if exact is not None:
        return Choice(exact, 0, closes=True)
    for target in targets:
        for readings in uniform:
            difference = target - _sum(readings)
            if abs(difference) <= tolerance:
                return Choice(readings, difference, closes=True)
    difference = targets[0] - _sum(usual)
    nearest = _nearest(lines, difference)
    return Choice(tuple(usual), difference, closes=False, nearest=nearest)


def _sum(readings: Iterable[Reading]) -> int:
    return sum(cents for _, cents in readings)


def _names(lines: Options) -> list[str]:
    return list(dict.fromkeys(reading.name for readings in lines for reading in readings))


def _all_by(lines: Options, name: str) -> tuple[Reading, ...]:
    return tuple(
        next((reading for reading in readings if reading.name == name), readings[0])
        for readings in lines
    )


# --- mixtures -------------------------------------------------------------------------------------


class _Exception(NamedTuple):
    """Another reading of one line, and its difference to the usual reading."""

    place: int
    reading: Reading
    cents: int


class _Chain(NamedTuple):
    """Exceptions of different lines, the last one first."""

    last: _Exception
    before: _Chain | None
    length: int


def _mixed(lines: Options, targets: Sequence[int]) -> tuple[Reading, ...] | None:
    """Return the mixture with the fewest exceptions. ``None`` without one, or beyond the bound."""
    usual = [readings[0] for readings in lines]
    exceptions = [_exceptions(place, readings) for place, readings in enumerate(lines)]
    for target in targets:
        needed = target - _sum(usual)
        taken = _few([row for rows in exceptions for row in rows], needed)
        taken = taken or _many(exceptions, needed)
        if taken:
            by_place = {row.place: row.reading for row in taken}
            return tuple(by_place.get(place, reading) for place, reading in enumerate(usual))
    return None


def _exceptions(place: int, readings: Sequence[Reading]) -> list[_Exception]:
    usual = readings[0].cents
    by_cents = {
        reading.cents - usual: reading for reading in reversed(readings) if reading.cents != usual
    }
    return [_Exception(place, reading, cents) for cents, reading in by_cents.items()]


def _few(exceptions: Sequence[_Exception], needed: int) -> list[_Exception] | None:
    """Return one or two exceptions that come to the needed cents."""
    by_cents: dict[int, list[_Exception]] = {}
    for row in exceptions:
        by_cents.setdefault(row.cents, []).append(row)
    if needed in by_cents:
        return by_cents[needed][:1]
    for row in exceptions:
        others = (other for other in by_cents.get(needed - row.cents, ()))
        pair = next((other for other in others if other.place != row.place), None)
        if pair is not None:
            return [row, pair]
    return None


def _many(exceptions: Sequence[Sequence[_Exception]], needed: int) -> list[_Exception] | None:
    """Return any number of exceptions that come to the needed cents, within the bound."""
    reached: dict[int, _Chain | None] = {0: None}
    steps = 0
    for rows in exceptions:
        steps += len(reached) * len(rows)
        if steps > MOST_STEPS:
            return None
        for before, chain in list(reached.items()):
            length = 1 + (chain.length if chain else 0)
            for row in rows:
                known = reached.get(before + row.cents)
                if before + row.cents and (known is None or known.length > length):
                    reached[before + row.cents] = _Chain(row, chain, length)
    taken = []
    chain = reached.get(needed)
    while chain is not None:
        taken.append(chain.last)
        chain = chain.before
    return taken or None


def _nearest(lines: Options, difference: int) -> tuple[int, Reading, int] | None:
    ways = [
        (place, reading, difference - (reading.cents - readings[0].cents))
        for place, readings in enumerate(lines)
        for reading in readings
    ]
    return min(ways, key=lambda way: abs(way[2]), default=None)
