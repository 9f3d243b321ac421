"""What Odoo's people did that VTEX must hear of, found by polling, each handed out once.

Three streams, each read from a stamp on with an overlap, since a long transaction commits with the
time at which it began. A note on the sale says what was handed out. Its external id is the
request's: of two workers that claim the same, Odoo lets one make it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from erp.adapters import odoo_notes as notes
from erp.adapters.odoo_documents import Asked, Documents, Stream
from erp.adapters.odoo_http import Odoo, OdooRefuses
from erp.adapters.odoo_sales import Sales
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

_STAMP = "%Y-%m-%d %H:%M:%S"


@dataclass
class _Place:
    """How far a stream was read.

    Attributes:
        since: stamp from which on this pass reads, by ascending ids.
        passed: the highest id that it has come to.
        newest: the latest stamp that it has met.
        settled: records that need no second look, with their stamps.
        waiting: records that cannot be handed out yet, looked at again each time.
    """

    since: str
    passed: int = 0
    newest: str = ""
    settled: dict[int, str] = field(default_factory=dict)
    waiting: set[int] = field(default_factory=set)

    def end(self, *, in_one_go: bool) -> None:
        """Begin anew, from a while before the newest stamp on.

        After a pass of several goes a record that it had passed may have changed long ago: it is
        read once more.
        """
        self.passed = 0
        if self.newest > self.since and in_one_go:
            newest = datetime.strptime(self.newest[:19], _STAMP).replace(tzinfo=UTC)
            self.since = max(self.since, (newest - OVERLAP).strftime(_STAMP))
            self.settled = {one: at for one, at in self.settled.items() if at >= self.since}


class Outbox:
    """Hands out what waits in one Odoo. Of the threads of a process one polls at a time."""

    def __init__(self, odoo: Odoo, sales: Sales, clock: Callable[[], float]) -> None:
        self._odoo = odoo
        self._sales = sales
        self._documents = Documents(odoo, sales)
        self._clock = clock
        self._polls = threading.Lock()
        self._places: dict[str, _Place] = {}
        self._claims: dict[tuple[int, str], float] = {}
        self._failed: dict[str, float] = {}

    def hand_out(self, take: Callable[[Request], None], limit: int) -> int:
        """Give ``take`` what waits; return how many. Another thread at the same time gets none."""
        if not self._polls.acquire(blocking=False):
            return 0
        try:
            return self._hand_out(take, limit)
        except OdooRefuses as error:
            raise ErpUnavailable(f"the user of Odoo's key may not note on sales: {error}") from None
        finally:
            self._polls.release()

    def _hand_out(self, take: Callable[[Request], None], limit: int) -> int:
        count = 0
        begin = (datetime.now(UTC) - WINDOW).strftime(_STAMP)
        again = self._asked_again(begin)
        for stream in self._documents.streams():
            place = self._places.setdefault(stream.model, _Place(begin))
            if again:
                place.waiting |= stream.of(again)
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

    def _asked_again(self, begin: str) -> list[int]:
        """Return the sales of which a person asks for all again, those of the overlap each time."""
        place = self._places.setdefault("mail.message", _Place(begin))
        sales, place.newest = self._sales.asked_again(place.since)
        place.end(in_one_go=True)
        return sorted(sales)

    def _news(self, stream: Stream, place: _Place) -> Iterator[tuple[int, str, list[Asked]]]:
        """Yield what changed or waits; then remember how far that was."""
        if place.waiting:
            domain = [*stream.domain, ["id", "in", sorted(place.waiting)]]
            found = self._odoo.search(stream.model, domain, ("write_date",))
            place.waiting = {one["id"] for one in found}
            yield from self._whole(stream, {one["id"]: one["write_date"] for one in found})
        in_one_go, read = not place.passed, 0
        while read < MOST_READ:
            # By id: a page by stamps would skip what moves on meanwhile.
            domain = [*stream.domain, ["write_date", ">=", place.since], ["id", ">", place.passed]]
            page = self._odoo.search(stream.model, domain, ("write_date",), limit=PAGE)
            fresh = {
                one["id"]: one["write_date"]
                for one in page
                if one["id"] not in place.waiting
                and place.settled.get(one["id"]) != one["write_date"]
            }
            for number, stamp, asked in self._whole(stream, fresh):
                place.newest = max(place.newest, stamp)
                yield number, stamp, asked
                place.passed = max(place.passed, number)
            read += len(fresh)
            if page:
                place.passed = page[-1]["id"]
                place.newest = max(place.newest, *(one["write_date"] for one in page))
            if len(page) < PAGE:
                place.end(in_one_go=in_one_go)
                return

    def _whole(
        self, stream: Stream, stamps: dict[int, str]
    ) -> Iterator[tuple[int, str, list[Asked]]]:  # fmt: skip
        numbers = list(stamps)
        for start in range(0, len(numbers), WHOLE):
            some = numbers[start : start + WHOLE]
            asked = stream.asked(some)
            for number in some:
                yield number, stamps[number], asked.get(number, [])

    def _given(self, asked: Asked, take: Callable[[Request], None]) -> bool | None:
        """Hand out one request; say whether it was: None where it must wait."""
        request = asked.request
        if request is None or self._failed.get(request.reference, 0.0) > self._clock():
            return None
        if notes.is_taken(asked.sale, request.reference):
            return False
        claimed = self._claim(asked, request.reference)
        if not isinstance(claimed, int) or isinstance(claimed, bool):
            return claimed
        try:
            take(request)
        except BaseException:
            self._failed[request.reference] = self._clock() + LAPSE_SECONDS
            self._sales.unnote(claimed)
            raise
        self._failed.pop(request.reference, None)
        mark = notes.of_taken(asked.what, request.reference)
        self._odoo.call("mail.message", "write", ids=[claimed], vals={"body": mark})
        return True

    def _claim(self, asked: Asked, reference: str) -> int | bool | None:
        """Claim a request; return the claim's id, False if it is taken, None if it must wait."""
        token = uuid4().hex
        named = notes.request_name(reference)
        body = notes.of_claim(asked.what, reference, token)
        for _ in range(2):
            number = self._sales.note(asked.sale.number, named, body)
            found = self._sales.noted(number)
            mark = notes.note(number, found["body"]).mark if found else ()
            if mark[:1] == (notes.TAKEN,) and number > notes.asked_again(asked.sale):
                return False
            if mark[:1] == (notes.CLAIM,):
                if mark[-1] == token:
                    return number
                if not self._is_lapsed(number, mark[-1]):
                    return None
            # A dead worker's, one from before it was asked for again, or one that was emptied.
            self._sales.unnote(number)
        return None

    def _is_lapsed(self, number: int, token: str) -> bool:
        """Whether a claim was seen for so long that its taker must be dead."""
        now = self._clock()
        return now - self._claims.setdefault((number, token), now) >= LAPSE_SECONDS
