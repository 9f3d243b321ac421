"""Polls Odoo for the actions of its people, and passes each on once.

Each of three streams is read from a stamp on with an overlap, since a long transaction commits
with its start time. A note on the sale marks a taken request. The note's external id belongs to the
request, so one of two workers can create it.
"""

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
    """The position in a stream.

    Attributes:
        since: start stamp of this pass, which reads by ascending ids.
        passed: highest id so far.
        newest: latest stamp so far.
    """

    since: str = ""
    passed: int = 0
    newest: str = ""

    def end(self, *, in_one_go: bool) -> None:
        """Start a new pass, with an overlap before the newest stamp.

        During a pass of several polls, a record behind the position may have changed. The next
        pass reads it again.
        """
        self.passed = 0
        if self.newest > self.since and in_one_go:
            newest = datetime.strptime(self.newest[:19], _STAMP).replace(tzinfo=UTC)
            self.since = max(self.since, (newest - OVERLAP).strftime(_STAMP))
            self.settled = {number: at for number, at in self.settled.items() if at >= self.since}


class OdooOutbox(ChangePoller[Sale]):
    """The outbox of one Odoo."""

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
        """Return the sales for which a person asks again, those of the overlap each time."""
        place = self._place("mail.message")
        sales, place.newest = self._sales.asked_again(place.since)
        place.end(in_one_go=True)
        return sorted(sales)

    def _news(self, stream: OdooStream, place: _ReadPosition) -> ChangedRecords[Sale]:
        """Yield changed and waiting records, then store the position."""
        if place.waiting:
            domain = [*stream.domain, ["id", "in", sorted(place.waiting)]]
            rows = self._odoo.search(stream.model, domain, ("write_date",))
            place.waiting = {row["id"] for row in rows}
            yield from self._whole(stream, {row["id"]: row["write_date"] for row in rows})
        in_one_go, read = not place.passed, 0
        while read < MOST_READ:
            # Pages by id: pages by stamp would skip records that change meanwhile.
            domain = [*stream.domain, ["write_date", ">=", place.since], ["id", ">", place.passed]]
            page = self._odoo.search(stream.model, domain, ("write_date",), limit=PAGE)
            fresh = {
                row["id"]: row["write_date"]
                for row in page
                if row["id"] not in place.waiting
                and place.settled.get(row["id"]) != row["write_date"]
            }
            for number, stamp, asked in self._whole(stream, fresh):
                place.newest = max(place.newest, stamp)
                yield number, stamp, asked
                place.passed = max(place.passed, number)
            read += len(fresh)
            if page:
                place.passed = page[-1]["id"]
                place.newest = max(place.newest, *(row["write_date"] for row in page))
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
            row = self._sales.noted(number)
            mark = notes.note(number, row["body"]).mark if row else ()
            if mark[:1] == (notes.TAKEN,) and number > notes.asked_again(asked.sale):
                return None
            if mark[:1] == (notes.CLAIM,):
                if mark[-1] == token:
                    return number
                if not self._is_lapsed((number, mark[-1])):
                    return None
            # The note of a dead worker, one from before a repeated request, or an emptied one.
            self._sales.unnote(number)
        return None

    def _release(self, _asked: DocumentRequest, claim: int) -> None:
        self._sales.unnote(claim)

    def _settle(self, asked: DocumentRequest, claim: int, reference: str) -> None:
        mark = notes.of_taken(asked.what, reference)
        self._odoo.call("mail.message", "write", ids=[claim], vals={"body": mark})
