"""Cache the result of a slow query that many callers need, such as a scrape or a health check."""

import math
import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class NotInTime(Exception):
    """The reading did not end within the caller's patience."""


class CachedReading(Generic[T]):
    """Keeps the result of a reading for a while. Safe across threads.

    One reading runs at a time, in a thread of its own.

    Args:
        read: takes the reading. An error that it raises is kept as well.
        seconds: time for which a result is kept.
        share: part of the time that readings may take. A slow reading is kept for longer.
        patience: seconds that a caller waits. A reading that takes longer continues.
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
            NotInTime: the reading takes longer than the patience.
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
            result = self._read()
        except Exception as error:  # the edge of a thread: each caller gets it
            failed = error

            def taken() -> T:
                raise failed.with_traceback(None)

        else:

            def taken() -> T:
                return result

        with self._lock:
            self.took = time.monotonic() - began
            self._taken = taken
            self._until = time.monotonic() + max(self._seconds, self.took / self._share)
            self._ended = None
        ended.set()
