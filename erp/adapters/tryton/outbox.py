"""What Tryton's people did that VTEX must hear of, found by polling, each handed out once.

Three streams, read in the order of change with an overlap, since a long transaction commits with
the time at which it began. What was handed out is marked by a note on the sale. Of two workers
that claim the same, the older note wins: Tryton's database lets one change of a sale follow the
other, so the second one sees the first.
"""

from __future__ import annotations

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


def _begin() -> datetime:
    # Tryton's stamps are naive; a zone more or less does not matter to a window of days.
    return datetime.now(UTC).replace(tzinfo=None) - WINDOW


@dataclass
class _ReadPosition(change_polling.ReadPosition):
    """How far a stream was read.

    Attributes:
        since: stamp from which on the next page is read.
    """

    since: datetime = field(default_factory=_begin)

    def move_on(self, since: datetime) -> None:
        """Read on from a later stamp, and forget what is before it."""
        if since > self.since:
            self.since = since
            self.settled = {one: at for one, at in self.settled.items() if at >= since}


class TrytonOutbox(ChangePoller[Row]):
    """What waits in one Tryton."""

    def __init__(self, rest: TrytonClient, clock: Callable[[], float]) -> None:
        super().__init__("Tryton", TrytonRefuses, clock)
        self._rest = rest
        self._places = {one.model: _ReadPosition() for one in STREAMS}

    def _streams(self) -> Iterator[tuple[change_polling.ReadPosition, ChangedRecords[Row]]]:
        for stream in STREAMS:
            place = self._places[stream.model]
            yield place, self._news(stream, place)

    def _news(self, stream: TrytonStream, place: _ReadPosition) -> ChangedRecords[Row]:
        """Yield what changed or waits, in the order of change; then remember how far that was."""
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
        self, stream: TrytonStream, numbers: list[int], place: _ReadPosition
    ) -> ChangedRecords[Row]:
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

    def _is_taken(self, sale: Row, reference: str) -> bool:
        return notes.is_taken(sale, reference)

    def _claim(self, asked: DocumentRequest, reference: str) -> int | None:
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
