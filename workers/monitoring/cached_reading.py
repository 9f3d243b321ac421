"""A reading that many ask for: taken seldom, by one at a time, and not waited for for long."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class NotInTime(Exception):
    """A reading is still being taken."""


class CachedReading(Generic[T]):
    """Keeps what a reading gave for a while. Safe across threads.

    Args:
        read: takes the reading; what it raises is kept as well.
        seconds: for how long it is kept.
        share: part of the time that readings may take: one that took long is kept for longer.
        patience: seconds that one who asks waits; a reading that takes longer goes on by itself.
    """

    def __init__(
        self,
        read: Callable[[], T],
        *,
        seconds: float,
        share: float = math.inf,
        patience: float = 5.0,
    ) -> None:
        self._read, self._seconds, self._share, self._patience = read, seconds, share, patience
        self._lock = threading.Lock()
        self._ended: threading.Event | None = None
        self._taken: Callable[[], T] | None = None
        self._until = 0.0
        self.took = 0.0
        """Seconds that the last reading took."""

    def __call__(self) -> T:
        """Return the reading.

        Raises:
            NotInTime: it takes too long.
        """
        with self._lock:
            if self._taken is not None and time.monotonic() < self._until:
                return self._taken()
            if self._ended is None:
                self._ended = threading.Event()
                threading.Thread(target=self._take, args=(self._ended,), daemon=True).start()
            ended = self._ended
        if not ended.wait(self._patience):
            raise NotInTime(f"no answer within {self._patience:.0f} s")
        taken = self._taken
        assert taken is not None  # noqa: S101  # set before the event
        return taken()

    def _take(self, ended: threading.Event) -> None:
        began = time.monotonic()
        taken: Callable[[], T]
        try:
            found = self._read()
        except Exception as error:  # the edge of a thread: whoever asks gets it
            failed = error

            def taken() -> T:
                raise failed.with_traceback(None)

        else:

            def taken() -> T:
                return found

        with self._lock:
            self.took = time.monotonic() - began
            self._taken = taken
            self._until = time.monotonic() + max(self._seconds, self.took / self._share)
            self._ended = None
        ended.set()
