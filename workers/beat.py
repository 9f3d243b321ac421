"""Beat's scheduler: several beats, one of them at work, on no clock but its own."""

from __future__ import annotations

import logging
import signal
import time
from typing import Any

import redis
from celery.beat import Scheduler as CeleryScheduler
from redis.exceptions import LockError

from workers import locks
from workers.configuration.settings import load
from workers.monitoring import instrumentation
from workers.monitoring.health import life

LOCK_SECONDS = 15.0
"""A beat that died is replaced within these and one look of the others."""
LOOK_SECONDS = 3.0

log = logging.getLogger(__name__)


class Scheduler(CeleryScheduler):  # type: ignore[misc]  # Celery ships no types
    """The beat that holds the lock in Redis sends what is due; the others stand by.

    Every interval is measured from this process's own start, on a clock that nobody sets. A
    schedule that is kept in wall time, as RedBeat's is, stands still for as long as the clock of
    the beat that takes over lags behind that of the one that died.
    """

    def __init__(self, app: Any, **kwargs: Any) -> None:
        """Take the schedule; nothing is connected to yet."""
        self._lock = locks.connect(load()).lock(
            locks.BEAT_LOCK, timeout=LOCK_SECONDS, thread_local=False
        )
        self._held_at: float | None = None
        self._due: dict[str, float] = {}
        self._ends = False
        super().__init__(app, **kwargs)

    def heed_signals(self) -> None:
        """End at SIGTERM and SIGINT, whatever they come amid.

        Celery's own handler closes the connections before it interrupts those who read from them.
        What these raise then takes the place of the interruption and is logged as a task that was
        not sent, and beat goes on.
        """

        def end(*_: Any) -> None:
            if not self._ends:
                self._ends = True
                raise SystemExit

        for one in (signal.SIGTERM, signal.SIGINT):
            signal.signal(one, end)

    def tick(self, *_: Any, **__: Any) -> float:
        """Send what is due; return the seconds until the next look.

        Raises:
            SystemExit: a signal came, and what it interrupted made light of it.
        """
        if self._ends:
            raise SystemExit
        life.turn()
        holds, watch = self._holds(), instrumentation.beat()
        if watch is not None:
            watch.leads(holds)
        if not holds:
            return LOOK_SECONDS
        for entry in self.schedule.values():
            now = time.monotonic()
            if self._due.get(entry.name, now) <= now:
                self._due[entry.name] = now + entry.schedule.run_every.total_seconds()
                self.apply_entry(entry, producer=self.producer)
                life.turn()
                if watch is not None:
                    watch.sent(entry.task)
        soonest = min(self._due.values(), default=time.monotonic() + LOOK_SECONDS)
        return max(0.0, min(LOOK_SECONDS, soonest - time.monotonic()))

    def close(self) -> None:
        """Let another beat take over at once."""
        if self._held_at is not None:
            try:
                self._lock.release()
            except (LockError, redis.RedisError):
                log.info("the lock lapses by itself")
            self._held_at = None
        # Dropped, not closed as AMQP would have it: a signal may have come amid an answer of
        # RabbitMQ, and what is read after half a frame never ends.
        if (connection := self.__dict__.pop("connection", None)) is not None:
            connection.collect()
        super().close()

    def _holds(self) -> bool:
        """Take the lock or renew it; a Redis that blinks is no reason to exit."""
        now = time.monotonic()
        if self._held_at is not None and now - self._held_at < LOOK_SECONDS:
            return True
        try:
            if self._held_at is not None and self._renewed():
                self._held_at = now
            elif self._lock.acquire(blocking=False):
                log.info("this beat is at work")
                self._held_at = now
            else:
                self._held_at = None
        except redis.RedisError as error:
            log.warning("beat does not reach Redis", extra={"reason": type(error).__name__})
            return False
        return self._held_at is not None

    def _renewed(self) -> bool:
        try:
            return bool(self._lock.reacquire())
        except LockError:
            log.warning("another beat took over, or Redis lost the lock")
            return False
