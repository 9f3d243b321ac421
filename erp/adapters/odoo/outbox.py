"""What Odoo's people did that VTEX must hear of, found by polling, each handed out once.

Three streams, each read from a stamp on with an overlap, since a long transaction commits with the
time at which it began. A note on the sale says what was handed out. Its external id is the
request's: of two workers that claim the same, Odoo lets one make it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import uuid4

from erp.adapters.odoo import notes
from erp.adapters.odoo.documents import DocumentRequest, Documents, OdooStream
from erp.adapters.odoo.notes import Sale
from erp.adapters.odoo.rpc import OdooClient, OdooRefuses
from erp.adapters.odoo.sale_reader import Sales
from erp.adapters.shared import change_polling
from erp.adapters.shared.change_polling import (
    MOST_READ,
    OVERLAP,
    PAGE,
    WHOLE,
    WINDOW,
    ChangedRecords,
    ChangePoller,
)

_STAMP = "%Y-%m-%d %H:%M:%S"


@dataclass
class _ReadPosition(change_polling.ReadPosition):
    """How far a stream was read.

    Attributes:
        since: stamp from which on this pass reads, by ascending ids.
        passed: the highest id that it has come to.
        newest: the latest stamp that it has met.
    """

    since: str = ""
    passed: int = 0
    newest: str = ""

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


class OdooOutbox(ChangePoller[Sale]):
    """What waits in one Odoo."""

    def __init__(self, odoo: OdooClient, sales: Sales, clock: Callable[[], float]) -> None:
        super().__init__("Odoo", OdooRefuses, clock)
        self._odoo = odoo
        self._sales = sales
        self._documents = Documents(odoo, sales)
        self._places: dict[str, _ReadPosition] = {}

    def _streams(self) -> Iterator[tuple[change_polling.ReadPosition, ChangedRecords[Sale]]]:
        again = self._asked_again()
        for stream in self._documents.streams():
            place = self._place(stream.model)
            if again:
                place.waiting |= stream.of(again)
            yield place, self._news(stream, place)

    def _place(self, model: str) -> _ReadPosition:
        begin = (datetime.now(UTC) - WINDOW).strftime(_STAMP)
        return self._places.setdefault(model, _ReadPosition(since=begin))

    def _asked_again(self) -> list[int]:
        """Return the sales of which a person asks for all again, those of the overlap each time."""
        place = self._place("mail.message")
        sales, place.newest = self._sales.asked_again(place.since)
        place.end(in_one_go=True)
        return sorted(sales)

    def _news(self, stream: OdooStream, place: _ReadPosition) -> ChangedRecords[Sale]:
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

    def _whole(self, stream: OdooStream, stamps: dict[int, str]) -> ChangedRecords[Sale]:
        numbers = list(stamps)
        for start in range(0, len(numbers), WHOLE):
            some = numbers[start : start + WHOLE]
            asked = stream.asked(some)
            for number in some:
                yield number, stamps[number], asked.get(number, [])

    def _is_taken(self, sale: Sale, reference: str) -> bool:
        return notes.is_taken(sale, reference)

    def _claim(self, asked: DocumentRequest, reference: str) -> int | None:
        token = uuid4().hex
        named = notes.request_name(reference)
        body = notes.of_claim(asked.what, reference, token)
        for _ in range(2):
            number = self._sales.note(asked.sale.number, named, body)
            found = self._sales.noted(number)
            mark = notes.note(number, found["body"]).mark if found else ()
            if mark[:1] == (notes.TAKEN,) and number > notes.asked_again(asked.sale):
                return None
            if mark[:1] == (notes.CLAIM,):
                if mark[-1] == token:
                    return number
                if not self._is_lapsed((number, mark[-1])):
                    return None
            # A dead worker's, one from before it was asked for again, or one that was emptied.
            self._sales.unnote(number)
        return None

    def _release(self, _asked: DocumentRequest, claim: int) -> None:
        self._sales.unnote(claim)

    def _settle(self, asked: DocumentRequest, claim: int, reference: str) -> None:
        mark = notes.of_taken(asked.what, reference)
        self._odoo.call("mail.message", "write", ids=[claim], vals={"body": mark})
