"""What Tryton's people did that VTEX must hear of, found by polling, each handed out once.

Three streams, read in the order of change with an overlap, since a long transaction commits with
the time at which it began. What was handed out is marked by a note on the sale. Of two workers
that claim the same, the older note wins: Tryton's database lets one change of a sale follow the
other, so the second one sees the first.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from erp.adapters import tryton_notes as notes
from erp.adapters.tryton_documents import STREAMS, Asked, Stream
from erp.adapters.tryton_http import Rest, Row, TrytonRefuses
from erp.port import ErpUnavailable, Request

PAGE = 200
WHOLE = 50
MOST_READ = 400
"""Documents read whole in one go: a process that starts looks through its window bit by bit."""

OVERLAP = timedelta(minutes=5)
WINDOW = timedelta(days=30)
"""How far back a process looks when it starts."""

LAPSE_SECONDS = 60.0
"""For which a claim holds that nobody follows up, and a request rests whose taker failed."""


@dataclass
class _Place:
    """How far a stream was read.

    Attributes:
        since: stamp from which on the next page is read.
        settled: records of the overlap that need no second look, with their stamps.
        waiting: records that cannot be handed out yet, looked at again each time.
    """

    since: datetime
    settled: dict[int, datetime] = field(default_factory=dict)
    waiting: set[int] = field(default_factory=set)

    def move_on(self, since: datetime) -> None:
        """Read on from a later stamp, and forget what is before it."""
        if since > self.since:
            self.since = since
            self.settled = {one: at for one, at in self.settled.items() if at >= since}


class Outbox:
    """Hands out what waits in one Tryton. Of the threads of a process one polls at a time."""

    def __init__(self, rest: Rest, clock: Callable[[], float]) -> None:
        self._rest = rest
        self._clock = clock
        self._polls = threading.Lock()
        self._places: dict[str, _Place] = {}
        self._claims: dict[int, float] = {}
        self._failed: dict[str, float] = {}

    def hand_out(self, take: Callable[[Request], None], limit: int) -> int:
        """Give ``take`` what waits; return how many. Another thread at the same time gets none."""
        if not self._polls.acquire(blocking=False):
            return 0
        try:
            return self._hand_out(take, limit)
        except TrytonRefuses as error:
            raise ErpUnavailable(
                f"the user of Tryton's key may not note on sales: {error}"
            ) from None
        finally:
            self._polls.release()

    def _hand_out(self, take: Callable[[Request], None], limit: int) -> int:
        count = 0
        for stream in STREAMS:
            place = self._places.setdefault(stream.model, _Place(_now() - WINDOW))
            for number, stamp, asked in self._news(stream, place):
                place.waiting.add(number)
                for one in asked:
                    if count == limit:
                        return count
                    taken = self._given(one, take)
                    count += taken is True
                    if taken is None:
                        break
                else:
                    place.waiting.discard(number)
                    place.settled[number] = stamp
        return count

    def _news(
        self, stream: Stream, place: _Place
    ) -> Iterator[tuple[int, datetime, Iterator[Asked]]]:
        """Yield what changed or waits, in the order of change; then remember how far that was."""
        yield from self._whole(stream, sorted(place.waiting), place)
        domain: list[Any] = [["last_modified_at", ">=", place.since]]
        read = 0
        while True:
            page = self._rest.search(
                stream.model, [*stream.domain, *domain], ("last_modified_at",),
                order=[["last_modified_at", "ASC"], ["id", "ASC"]], limit=PAGE,
            )  # fmt: skip
            fresh = [
                one["id"]
                for one in page
                if one["id"] not in place.waiting
                and place.settled.get(one["id"]) != one["last_modified_at"]
            ]
            yield from self._whole(stream, fresh, place)
            read += len(fresh)
            if page:
                place.move_on(page[-1]["last_modified_at"] - OVERLAP)
            if len(page) < PAGE or read >= MOST_READ:
                return
            stamp = page[-1]["last_modified_at"]
            same = [["last_modified_at", "=", stamp], ["id", ">", page[-1]["id"]]]
            domain = [["OR", ["last_modified_at", ">", stamp], same]]

    def _whole(
        self, stream: Stream, numbers: list[int], place: _Place
    ) -> Iterator[tuple[int, datetime, Iterator[Asked]]]:
        fields = ("last_modified_at", *stream.fields)
        for start in range(0, len(numbers), WHOLE):
            some = numbers[start : start + WHOLE]
            found = self._rest.search(stream.model, [*stream.domain, ["id", "in", some]], fields)
            by_number = {one["id"]: one for one in found}
            # What asks for nothing any more waits for nothing.
            place.waiting -= set(some) - set(by_number)
            for number in filter(by_number.__contains__, some):
                record = by_number[number]
                yield number, record["last_modified_at"], stream.asked(record)

    def _given(self, asked: Asked, take: Callable[[Request], None]) -> bool | None:
        """Hand out one request; say whether it was: None where it must wait."""
        request = asked.request
        if request is None or self._failed.get(request.reference, 0.0) > self._clock():
            return None
        if notes.is_taken(asked.sale, request.reference):
            return False
        claim = self._claim(asked, request.reference)
        if claim is None:
            return None
        try:
            take(request)
        except BaseException:
            self._failed[request.reference] = self._clock() + LAPSE_SECONDS
            self._write(asked.sale["id"], [["delete", [claim]]])
            raise
        self._failed.pop(request.reference, None)
        mark = notes.of_taken(asked.what, request.reference, claim)
        self._write(asked.sale["id"], [["create", [{"message": mark}]], ["delete", [claim]]])
        return True

    def _claim(self, asked: Asked, reference: str) -> int | None:
        """Claim a request; return the claim's number, None where another worker was first."""
        if any(not self._is_lapsed(one) for one in _claims(asked.sale, reference)):
            return None
        mark = notes.of_claim(asked.what, reference)
        lapsed = list(_claims(asked.sale, reference))
        sale = self._write(
            asked.sale["id"],
            [["create", [{"message": mark}]], *([["delete", lapsed]] if lapsed else [])],
        )
        claims = list(_claims(sale, reference))
        known = {note["id"] for note in asked.sale["notes"]}
        mine = max(claims, default=0)
        if not claims or mine in known:
            raise ErpUnavailable("Tryton does not show a note that was made")
        if claims[0] == mine and not notes.is_taken(sale, reference):
            return mine
        self._write(asked.sale["id"], [["delete", [mine]]])
        return None

    def _is_lapsed(self, claim: int) -> bool:
        """Whether a claim was seen for so long that its taker must be dead."""
        now = self._clock()
        return now - self._claims.setdefault(claim, now) >= LAPSE_SECONDS

    def _write(self, sale: int, change: list[Any]) -> Row:
        return self._rest.update("sale.sale", sale, {"notes": change}, ("notes.message",))


def _claims(sale: Row, reference: str) -> list[int]:
    return [number for number, words in notes.marks(sale, notes.CLAIM) if words == [reference]]


def _now() -> datetime:
    # Tryton's stamps are naive; a zone more or less does not matter to a window of days.
    return datetime.now(UTC).replace(tzinfo=None)
