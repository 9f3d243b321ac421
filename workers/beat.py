"""Beat's scheduler: of several beats one works, by its own monotonic clock."""

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
"""Another beat replaces a dead one within these and one tick of its own."""
TICK_SECONDS = 3.0

log = logging.getLogger(__name__)


class Scheduler(CeleryScheduler):  # type: ignore[misc]  # Celery ships no types
    """The beat that holds the lock in Redis sends the due tasks. The others stand by.

    Every interval is measured from this process's own start, on a monotonic clock. A schedule in
    wall time, as RedBeat's, stands still if the clock of the beat that takes over lags behind.
    """

    def __init__(self, app: Any, **kwargs: Any) -> None:
        """Take the schedule, without connecting to any server."""
        self._lock = locks.connect(load()).lock(
            locks.BEAT_LOCK, timeout=LOCK_SECONDS, thread_local=False
        )
        self._held_at: float | None = None
        self._due: dict[str, float] = {}
        self._ends = False
        super().__init__(app, **kwargs)

    def heed_signals(self) -> None:
        """End at SIGTERM and SIGINT, at any moment.

        Celery's own handler closes the connections before it interrupts their readers. The
        readers' errors then replace the interruption. Beat logs them as unsent tasks and goes on.
        """

        def end(*_: Any) -> None:
            if not self._ends:
                self._ends = True
                raise SystemExit

        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, end)

    def tick(self, *_: Any, **__: Any) -> float:
        """Send the due tasks, and return the seconds until the next tick.

        Raises:
            SystemExit: a signal came, and the interrupted code caught the exception.
        """
        if self._ends:
            raise SystemExit
        life.turn()
        holds, watch = self._holds(), instrumentation.beat()
        if watch is not None:
            watch.leads(holds)
        if not holds:
            return TICK_SECONDS
        for entry in self.schedule.values():
            now = time.monotonic()
            if self._due.get(entry.name, now) <= now:
                self._due[entry.name] = now + entry.schedule.run_every.total_seconds()
                self.apply_entry(entry, producer=self.producer)
                life.turn()
                if watch is not None:
                    watch.sent(entry.task)
        soonest = min(self._due.values(), default=time.monotonic() + TICK_SECONDS)
        return max(0.0, min(TICK_SECONDS, soonest - time.monotonic()))

    def close(self) -> None:
        """Let another beat take over at once."""
        if self._held_at is not None:
            try:
                self._lock.release()
            except (LockError, redis.RedisError):
                log.info("the lock lapses by itself")
            self._held_at = None
        # Dropped, not closed as AMQP asks: a signal may have come amid a response of RabbitMQ, and
        # a read after half a frame never ends.
        if (connection := self.__dict__.pop("connection", None)) is not None:
            connection.collect()
        super().close()

    def _holds(self) -> bool:
        """Take the lock or renew it. A short outage of Redis does not end this process."""
        now = time.monotonic()
        if self._held_at is not None and now - self._held_at < TICK_SECONDS:
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
