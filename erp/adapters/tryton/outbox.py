"""Polls Tryton for the actions of its people, and passes each on once.

Each of three streams is read in the order of change with an overlap, since a long transaction
commits with its start time. A note on the sale marks a taken request. Of two claims the older note
wins: Tryton serializes changes of a sale, so the second worker sees the first one's note.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

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
from erp.adapters.tryton import notes
from erp.adapters.tryton.documents import STREAMS, DocumentRequest, TrytonStream
from erp.adapters.tryton.rest_client import Row, TrytonClient, TrytonRefuses
from erp.port import ErpUnavailable
from foundation.messages import erp as messages


def _begin() -> datetime:
    # Tryton's stamps are naive. In a window of days, the zone does not matter.
    return datetime.now(UTC).replace(tzinfo=None) - WINDOW


@dataclass
class _ReadPosition(change_polling.ReadPosition):
    """The position in a stream.

    Attributes:
        since: start stamp of the next page.
    """

    since: datetime = field(default_factory=_begin)

    def move_on(self, since: datetime) -> None:
        """Move to a later stamp, and forget older records."""
        if since > self.since:
            self.since = since
            self.settled = {number: at for number, at in self.settled.items() if at >= since}


class TrytonOutbox(ChangePoller[Row]):
    """The outbox of one Tryton."""

    def __init__(self, rest: TrytonClient, clock: Callable[[], float]) -> None:
        super().__init__("Tryton", TrytonRefuses, clock)
        self._rest = rest
        self._places = {stream.model: _ReadPosition() for stream in STREAMS}

    def _streams(self) -> Iterator[tuple[change_polling.ReadPosition, ChangedRecords[Row]]]:
        for stream in STREAMS:
            place = self._places[stream.model]
            yield place, self._news(stream, place)

    def _news(self, stream: TrytonStream, place: _ReadPosition) -> ChangedRecords[Row]:
        """Yield changed and waiting records in the order of change, then store the position."""
        yield from self._whole(stream, sorted(place.waiting), place)
        domain: list[Any] = [["last_modified_at", ">=", place.since]]
        read = 0
        while True:
            page = self._rest.search(
                stream.model,
                [*stream.domain, *domain],
                ("last_modified_at",),
                order=[["last_modified_at", "ASC"], ["id", "ASC"]],
                limit=PAGE,
            )
            fresh = [
                row["id"]
                for row in page
                if row["id"] not in place.waiting
                and place.settled.get(row["id"]) != row["last_modified_at"]
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
        self, stream: TrytonStream, numbers: list[int], place: _ReadPosition
    ) -> ChangedRecords[Row]:
        fields = ("last_modified_at", *stream.fields)
        for start in range(0, len(numbers), WHOLE):
            some = numbers[start : start + WHOLE]
            rows = self._rest.search(stream.model, [*stream.domain, ["id", "in", some]], fields)
            by_number = {row["id"]: row for row in rows}
            # A record that left the stream stops waiting.
            place.waiting -= set(some) - set(by_number)
            for number in filter(by_number.__contains__, some):
                record = by_number[number]
                yield number, record["last_modified_at"], stream.asked(record)

    def _is_taken(self, sale: Row, reference: str) -> bool:
        return notes.is_taken(sale, reference)

    def _claim(self, asked: DocumentRequest, reference: str) -> int | None:
        if any(not self._is_lapsed(claim) for claim in _claims(asked.sale, reference)):
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
            raise ErpUnavailable(messages.HIDDEN(erp="Tryton", record="a note"))
        if claims[0] == mine and not notes.is_taken(sale, reference):
            return mine
        self._release(asked, mine)
        return None

    def _release(self, asked: DocumentRequest, claim: int) -> None:
        self._write(asked.sale["id"], [["delete", [claim]]])

    def _settle(self, asked: DocumentRequest, claim: int, reference: str) -> None:
        mark = notes.of_taken(asked.what, reference, claim)
        self._write(asked.sale["id"], [["create", [{"message": mark}]], ["delete", [claim]]])

    def _write(self, sale: int, change: list[Any]) -> Row:
        return self._rest.update("sale.sale", sale, {"notes": change}, ("notes.message",))


def _claims(sale: Row, reference: str) -> list[int]:
    return [number for number, words in notes.marks(sale, notes.CLAIM) if words == [reference]]
