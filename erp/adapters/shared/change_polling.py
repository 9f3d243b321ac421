"""Polls an ERP for the actions of its people, and passes each on once.

Each adapter claims a request in its own way, and reads changed documents in its own way. This
module holds the loop between the two.
"""

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Generic, TypeVar

from erp.port import ErpRejected, ErpUnavailable, Request
from foundation.messages import erp as messages

PAGE = 200
WHOLE = 50
MOST_READ = 400
"""Bound of the documents per poll. A new process reads its window in steps."""

OVERLAP = timedelta(minutes=5)
WINDOW = timedelta(days=30)
"""Age of the oldest change that a new process reads."""

LAPSE_SECONDS = 60.0
"""Lease of a claim, and the pause of a request after its taker failed."""

Sale = TypeVar("Sale")


@dataclass(frozen=True)
class DocumentRequest(Generic[Sale]):
    """A request that a document makes for one sale.

    Attributes:
        request: ``None`` if it is not possible yet.
        what: name for people.
    """

    sale: Sale
    request: Request | None
    what: str = ""


@dataclass
class ReadPosition:
    """The position in a stream of documents.

    Attributes:
        settled: finished records with their stamps.
        waiting: records that must wait. Each poll reads them again.
    """

    settled: dict[int, Any] = field(default_factory=dict)
    waiting: set[int] = field(default_factory=set)


ChangedRecords = Iterator[tuple[int, Any, Iterable[DocumentRequest[Sale]]]]
"""Records that changed or wait: number, stamp, and their requests."""


class ChangePoller(ABC, Generic[Sale]):
    """Polls one ERP. One thread of a process polls at a time.

    Args:
        name: name of the ERP for operators.
        refuses: error class for a refused note.
    """

    def __init__(self, name: str, refuses: type[ErpRejected], clock: Callable[[], float]) -> None:
        self._name, self._refuses, self._clock = name, refuses, clock
        self._polls = threading.Lock()
        self._claims: dict[object, float] = {}
        self._failed: dict[str, float] = {}

    def poll_outbox(self, take: Callable[[Request], None], limit: int) -> int:
        """Pass the waiting requests to ``take``. Return their number, 0 if another thread polls."""
        if not self._polls.acquire(blocking=False):
            return 0
        try:
            return self._poll_outbox(take, limit)
        except self._refuses as error:
            raise ErpUnavailable(messages.NOTES_DENIED(erp=self._name, error=error)) from None
        finally:
            self._polls.release()

    @abstractmethod
    def _streams(self) -> Iterator[tuple[ReadPosition, ChangedRecords[Sale]]]:
        """Yield the kinds of documents in VTEX's order."""

    @abstractmethod
    def _is_taken(self, sale: Sale, reference: str) -> bool:
        """Return whether a sale's notes show a request as taken."""

    @abstractmethod
    def _claim(self, asked: DocumentRequest[Sale], reference: str) -> int | None:
        """Claim a request. Return the claim's number, or ``None`` if another worker has it."""

    @abstractmethod
    def _release(self, asked: DocumentRequest[Sale], claim: int) -> None:
        """Release a claim."""

    @abstractmethod
    def _settle(self, asked: DocumentRequest[Sale], claim: int, reference: str) -> None:
        """Note a request as taken."""

    def _is_lapsed(self, claim: object) -> bool:
        """Return whether a claim is so old that its taker must be dead."""
        now = self._clock()
        return now - self._claims.setdefault(claim, now) >= LAPSE_SECONDS

    def _poll_outbox(self, take: Callable[[Request], None], limit: int) -> int:
        count = 0
        for place, news in self._streams():
            for number, stamp, asked in news:
                place.waiting.add(number)
                for request in asked:
                    if count == limit:
                        return count
                    taken = self._given(request, take)
                    count += taken is True
                    if taken is None:
                        break
                else:
                    place.waiting.discard(number)
                    place.settled[number] = stamp
        return count

    def _given(self, asked: DocumentRequest[Sale], take: Callable[[Request], None]) -> bool | None:
        """Pass on one request. Return whether it was taken, or ``None`` if it must wait."""
        request = asked.request
        if request is None or self._failed.get(request.reference, 0.0) > self._clock():
            return None
        if self._is_taken(asked.sale, request.reference):
            return False
        claim = self._claim(asked, request.reference)
        if claim is None:
            return None
        try:
            take(request)
        except BaseException:
            self._failed[request.reference] = self._clock() + LAPSE_SECONDS
            self._release(asked, claim)
            raise
        self._failed.pop(request.reference, None)
        self._settle(asked, claim, request.reference)
        return True
