"""Whether a process is alive, and whether it is ready: what Kubernetes, Compose and people ask.

Alive: its loop turns. What is not should be killed and started again. Ready: what it needs answers.
A worker whose broker is away is alive and not ready: to start it again would help nobody.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

import redis
from amqp.exceptions import AMQPError
from celery import bootsteps
from celery.worker.consumer import events
from kombu.exceptions import OperationalError

from foundation.redaction import masked
from journal.model import JournalError
from workers import wiring
from workers.configuration.settings import Settings, load
from workers.configuration.urls import is_rabbitmq
from workers.monitoring.cached_reading import CachedReading, NotInTime

STILL_SECONDS = 120.0
"""A loop that has not turned for so long stands still. A broker that hangs holds a worker's for ten
seconds at a time, a beat's for a minute."""

POOL_SECONDS = 900.0
"""A pool that takes up nothing for so long has no thread left. The longest task, a reconciliation,
keeps one of them; that all are kept so long has no good reason."""

_PULSE_SECONDS = 1.0
_KEPT_SECONDS = 2.0
_PATIENCE_SECONDS = 4.0
_TIMEOUT_SECONDS = 3.0

Check = Callable[[], str]
"""Returns what is wrong, in words without secrets; nothing where all is well."""


class Life:
    """When a process's loop turned last, and whether its pool takes up work."""

    def __init__(self) -> None:
        self._turned = time.monotonic()
        self._asked: float | None = None
        self.is_connected = True
        """Whether a worker takes messages; other processes take none."""

    def turn(self) -> None:
        """Take note that the loop has turned."""
        self._turned = time.monotonic()

    def try_pool(self, submit: Callable[[Callable[[], None]], object]) -> None:
        """Give the pool nothing to do, and see when it has done it."""
        if self._asked is None:
            self._asked = time.monotonic()
            with suppress(RuntimeError):  # it has been shut down
                submit(self._pool_works)

    def _pool_works(self) -> None:
        self._asked = None

    @property
    def still_seconds(self) -> float:
        """For how long the loop has not turned."""
        return time.monotonic() - self._turned

    @property
    def pool_seconds(self) -> float:
        """For how long the pool has taken up nothing."""
        asked = self._asked
        return 0.0 if asked is None else time.monotonic() - asked


life = Life()
"""This process's own."""


class Pulse(bootsteps.StartStopStep):  # type: ignore[misc]  # Celery ships no types
    """Has a worker's loop tell that it turns, and try the pool."""

    requires = (events.Events,)

    def __init__(self, consumer: Any, **more: Any) -> None:
        """Take part in a consumer's life."""
        self._timer: Any = None
        super().__init__(consumer, **more)

    def include_if(self, consumer: Any) -> bool:  # noqa: ARG002  # Celery's signature
        """Say whether anybody asks."""
        return bool(load().metrics_port)

    def start(self, consumer: Any) -> None:
        """Begin, or begin again after a lost connection."""
        executor = getattr(consumer.pool, "executor", None)

        def pulse() -> None:
            life.turn()
            if executor is not None:
                life.try_pool(executor.submit)

        life.is_connected = True
        life.turn()
        self._timer = consumer.timer.call_repeatedly(_PULSE_SECONDS, pulse)

    def stop(self, consumer: Any) -> None:  # noqa: ARG002  # Celery's signature
        """Take note that no messages come."""
        life.is_connected = False
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


class Health:
    """Answers both questions. Safe across threads.

    Args:
        checks: name to what is looked at for readiness.
        broker: its check, also among ``checks``; a loop that waits for it does not stand still.
    """

    def __init__(self, checks: Mapping[str, Check], *, broker: str | None = None) -> None:
        self._checks = {
            name: CachedReading(check, seconds=_KEPT_SECONDS, patience=_PATIENCE_SECONDS)
            for name, check in checks.items()
        }
        self._broker = broker
        self._excused_until = 0.0

    def alive(self) -> tuple[bool, dict[str, Any]]:
        """Say whether the process lives, and what it is about."""
        still, pool = life.still_seconds, life.pool_seconds
        if still > STILL_SECONDS and not self._waits_for_broker():
            return False, {"alive": False, "loop": f"has stood still for {still:.0f} s"}
        if pool > POOL_SECONDS:
            return False, {"alive": False, "pool": f"has taken up nothing for {pool:.0f} s"}
        return True, {"alive": True, "loop": f"turned {still:.0f} s ago"}

    def ready(self) -> tuple[bool, dict[str, Any]]:
        """Say whether the process can work, and what keeps it from it."""
        found = {name: self._wrong(check) for name, check in self._checks.items()}
        if not life.is_connected:
            found["messages"] = "none are taken: not connected to the broker yet"
        failing = {name: words for name, words in found.items() if words}
        fine = [name for name, words in found.items() if not words]
        return not failing, {"ready": not failing, "failing": failing, "fine": fine}

    def _waits_for_broker(self) -> bool:
        """Say whether the broker is away, or was until now: coming back to it takes a while."""
        if self._broker is None:
            return False
        if self._wrong(self._checks[self._broker]):
            self._excused_until = time.monotonic() + STILL_SECONDS
        return time.monotonic() < self._excused_until

    @staticmethod
    def _wrong(check: CachedReading[str]) -> str:
        try:
            return check()
        except NotInTime as error:
            return str(error)
        except Exception as error:  # the edge: what a check did not foresee
            return f"unforeseen {type(error).__name__}"


def of(settings: Settings, app: Any, *, journal: bool) -> Health:
    """Return the health of a process that needs the broker, and the journal where it is said."""
    checks: dict[str, Check] = {"broker": lambda: broker(settings, app)}
    if settings.broker_url != settings.redis_url:
        checks["redis"] = lambda: _redis(settings.redis_url)
    if journal:
        checks["journal"] = _journal_check(settings)
    return Health(checks, broker="broker")


def of_exporter(settings: Settings) -> Health:
    """Return the health of what serves the journal's metrics alone."""
    return Health(
        {"redis": lambda: _redis(settings.redis_url), "journal": _journal_check(settings)}
    )


def broker(settings: Settings, app: Any) -> str:
    """Return what is wrong with the broker."""
    if not is_rabbitmq(settings.broker_url):
        return _redis(settings.broker_url)
    try:
        with app.connection_for_read(connect_timeout=_TIMEOUT_SECONDS) as connection:
            connection.connect()
    except (AMQPError, OperationalError, OSError) as error:
        return f"does not answer ({type(error).__name__})"
    return ""


def _redis(url: str) -> str:
    connection = redis.Redis.from_url(
        url, socket_timeout=_TIMEOUT_SECONDS, socket_connect_timeout=_TIMEOUT_SECONDS
    )
    try:
        connection.ping()
    except redis.RedisError as error:
        return f"does not answer ({type(error).__name__})"
    finally:
        connection.close()
    return ""


def _journal_check(settings: Settings) -> Check:
    journal, lock = wiring.journal(settings), threading.Lock()

    def check() -> str:
        with lock:
            try:
                journal.check()
            except JournalError as error:
                return masked(str(error))
        return ""

    return check
