"""The loop in which what an ERP's people did is found and handed out, each once.

How a claim is written so that of two workers one has it, and how documents are read in the order of
change, is each ERP's own; what happens between the two is not.
"""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Generic, TypeVar

from erp.port import ErpRejected, ErpUnavailable, Request

PAGE = 200
WHOLE = 50
MOST_READ = 400
"""Documents read whole in one go: a process that starts looks through its window bit by bit."""

OVERLAP = timedelta(minutes=5)
WINDOW = timedelta(days=30)
"""How far back a process looks when it starts."""

LAPSE_SECONDS = 60.0
"""For which a claim holds that nobody follows up, and a request rests whose taker failed."""

Sale = TypeVar("Sale")


@dataclass(frozen=True)
class DocumentRequest(Generic[Sale]):
    """What a document asks of VTEX for one sale.

    Attributes:
        request: None where it cannot be asked yet.
        what: what a person calls it.
    """

    sale: Sale
    request: Request | None
    what: str = ""


@dataclass
class ReadPosition:
    """How far a stream of documents was read.

    Attributes:
        settled: records that need no second look, with their stamps.
        waiting: records that cannot be handed out yet, looked at again each time.
    """

    settled: dict[int, Any] = field(default_factory=dict)
    waiting: set[int] = field(default_factory=set)


ChangedRecords = Iterator[tuple[int, Any, Iterable[DocumentRequest[Sale]]]]
"""Records that changed or wait: number, stamp, and what they ask."""


class ChangePoller(ABC, Generic[Sale]):
    """Hands out what waits in one ERP. Of the threads of a process one polls at a time.

    Args:
        name: what an operator calls the ERP.
        refuses: what is raised where it refuses a note.
    """

    def __init__(self, name: str, refuses: type[ErpRejected], clock: Callable[[], float]) -> None:
        self._name, self._refuses, self._clock = name, refuses, clock
        self._polls = threading.Lock()
        self._claims: dict[object, float] = {}
        self._failed: dict[str, float] = {}

    def poll_outbox(self, take: Callable[[Request], None], limit: int) -> int:
        """Give ``take`` what waits; return how many. Another thread at the same time gets none."""
        if not self._polls.acquire(blocking=False):
            return 0
        try:
            return self._poll_outbox(take, limit)
        except self._refuses as error:
            raise ErpUnavailable(
                f"the user of {self._name}'s key may not note on sales: {error}"
            ) from None
        finally:
            self._polls.release()

    @abstractmethod
    def _streams(self) -> Iterator[tuple[ReadPosition, ChangedRecords[Sale]]]:
        """Yield the kinds of documents, in the order in which VTEX wants them."""

    @abstractmethod
    def _is_taken(self, sale: Sale, reference: str) -> bool:
        """Say whether a sale, as it was read, notes that a request was handed over."""

    @abstractmethod
    def _claim(self, asked: DocumentRequest[Sale], reference: str) -> int | None:
        """Claim a request; return the claim's number, None where another worker has it."""

    @abstractmethod
    def _release(self, asked: DocumentRequest[Sale], claim: int) -> None:
        """Take a claim back."""

    @abstractmethod
    def _settle(self, asked: DocumentRequest[Sale], claim: int, reference: str) -> None:
        """Note that a request was handed over."""

    def _is_lapsed(self, claim: object) -> bool:
        """Whether a claim was seen for so long that its taker must be dead."""
        now = self._clock()
        return now - self._claims.setdefault(claim, now) >= LAPSE_SECONDS

    def _poll_outbox(self, take: Callable[[Request], None], limit: int) -> int:
        count = 0
        for place, news in self._streams():
            for number, stamp, asked in news:
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

    def _given(self, asked: DocumentRequest[Sale], take: Callable[[Request], None]) -> bool | None:
        """Hand out one request; say whether it was: None where it must wait."""
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
