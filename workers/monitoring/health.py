"""Answer whether a process is alive and ready, for Kubernetes, Compose and people.

Alive: its loop turns. A process that is not alive should be killed and started again. Ready: the
servers that it needs answer. A worker without its broker is alive but not ready: a restart would
not help.
"""

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
"""A loop that has not turned for so long stands still.

A broker that hangs blocks a worker's loop for ten seconds at a time, and a beat's for a minute."""

POOL_SECONDS = 900.0
"""A pool that has started no work for so long has lost all of its threads.

The longest task, a reconciliation, keeps only one of them for so long."""

_PULSE_SECONDS = 1.0
_KEPT_SECONDS = 2.0
_PATIENCE_SECONDS = 4.0
_TIMEOUT_SECONDS = 3.0

Check = Callable[[], str]
"""Returns the fault as a text without secrets, empty where all is well."""


class Life:
    """Records when a process's loop turned last, and whether its pool starts work."""

    def __init__(self) -> None:
        self._turned = time.monotonic()
        self._submitted_at: float | None = None
        self.is_connected = True
        """A worker takes messages. Always true in other processes."""

    def turn(self) -> None:
        """Record that the loop has turned."""
        self._turned = time.monotonic()

    def try_pool(self, submit: Callable[[Callable[[], None]], object]) -> None:
        """Submit an empty task to the pool, and record when the pool runs it."""
        if self._submitted_at is None:
            self._submitted_at = time.monotonic()
            with suppress(RuntimeError):  # it has been shut down
                submit(self._pool_works)

    def _pool_works(self) -> None:
        self._submitted_at = None

    @property
    def still_seconds(self) -> float:
        """Seconds since the loop turned last."""
        return time.monotonic() - self._turned

    @property
    def pool_seconds(self) -> float:
        """Seconds for which the pool has not started the empty task, 0 where it has."""
        submitted = self._submitted_at
        return 0.0 if submitted is None else time.monotonic() - submitted


life = Life()
"""The record of this process."""


class Pulse(bootsteps.StartStopStep):  # type: ignore[misc]  # Celery ships no types
    """Makes a worker's loop record its turns and try the pool."""

    requires = (events.Events,)

    def __init__(self, consumer: Any, **more: Any) -> None:
        """Join the start and stop of a consumer."""
        self._timer: Any = None
        super().__init__(consumer, **more)

    def include_if(self, consumer: Any) -> bool:  # noqa: ARG002  # Celery's signature
        """Return whether this process serves its health."""
        return bool(load().metrics_port)

    def start(self, consumer: Any) -> None:
        """Begin, also after each lost connection."""
        executor = getattr(consumer.pool, "executor", None)

        def pulse() -> None:
            life.turn()
            if executor is not None:
                life.try_pool(executor.submit)

        life.is_connected = True
        life.turn()
        self._timer = consumer.timer.call_repeatedly(_PULSE_SECONDS, pulse)

    def stop(self, consumer: Any) -> None:  # noqa: ARG002  # Celery's signature
        """Record that the worker takes no messages."""
        life.is_connected = False
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


class Health:
    """Answers whether this process is alive and ready. Safe across threads.

    Args:
        checks: name to check, for readiness.
        broker: name of the broker's check, one of ``checks``. A loop that waits for the broker
            counts as alive.
    """

    def __init__(self, checks: Mapping[str, Check], *, broker: str | None = None) -> None:
        self._checks = {
            name: CachedReading(check, seconds=_KEPT_SECONDS, patience=_PATIENCE_SECONDS)
            for name, check in checks.items()
        }
        self._broker = broker
        self._excused_until = 0.0

    def alive(self) -> tuple[bool, dict[str, Any]]:
        """Return whether the process is alive, and the details."""
        still, pool = life.still_seconds, life.pool_seconds
        if still > STILL_SECONDS and not self._waits_for_broker():
            return False, {"alive": False, "loop": f"has stood still for {still:.0f} s"}
        if pool > POOL_SECONDS:
            return False, {"alive": False, "pool": f"has started no work for {pool:.0f} s"}
        return True, {"alive": True, "loop": f"turned {still:.0f} s ago"}

    def ready(self) -> tuple[bool, dict[str, Any]]:
        """Return whether the process can work, and the failing checks."""
        faults = {name: self._fault(check) for name, check in self._checks.items()}
        if not life.is_connected:
            faults["messages"] = "not taken: the worker is not connected to the broker yet"
        failing = {name: fault for name, fault in faults.items() if fault}
        fine = [name for name, fault in faults.items() if not fault]
        return not failing, {"ready": not failing, "failing": failing, "fine": fine}

    def _waits_for_broker(self) -> bool:
        """Return whether the broker is away, or was so lately that the loop still reconnects."""
        if self._broker is None:
            return False
        if self._fault(self._checks[self._broker]):
            self._excused_until = time.monotonic() + STILL_SECONDS
        return time.monotonic() < self._excused_until

    @staticmethod
    def _fault(check: CachedReading[str]) -> str:
        try:
            return check()
        except NotInTime as error:
            return str(error)
        except Exception as error:  # the edge: an error that a check did not foresee
            return f"unforeseen {type(error).__name__}"


def of(settings: Settings, app: Any, *, journal: bool) -> Health:
    """Return the health of a process that needs the broker.

    Args:
        journal: the process needs the journal as well.
    """
    checks: dict[str, Check] = {"broker": lambda: broker(settings, app)}
    if settings.broker_url != settings.redis_url:
        checks["redis"] = lambda: _redis(settings.redis_url)
    if journal:
        checks["journal"] = _journal_check(settings)
    return Health(checks, broker="broker")


def of_exporter(settings: Settings) -> Health:
    """Return the health of a process that only exports the cluster's metrics."""
    return Health(
        {"redis": lambda: _redis(settings.redis_url), "journal": _journal_check(settings)}
    )


def broker(settings: Settings, app: Any) -> str:
    """Return the fault of the broker, empty where it answers."""
    if not is_rabbitmq(settings.broker_url):
        return _redis(settings.broker_url)
    try:
        with app.connection_for_read(connect_timeout=_TIMEOUT_SECONDS) as connection:
            connection.connect()
    except (AMQPError, OperationalError, OSError) as error:
        return f"does not answer ({type(error).__name__})"
    return ""


def _redis(url: str) -> str:
    try:
        with redis.Redis.from_url(
            url, socket_timeout=_TIMEOUT_SECONDS, socket_connect_timeout=_TIMEOUT_SECONDS
        ) as connection:
            connection.ping()
    except redis.RedisError as error:
        return f"does not answer ({type(error).__name__})"
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
