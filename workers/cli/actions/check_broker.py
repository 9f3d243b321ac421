"""Check the broker for ``vtex-erp check``, and Redis if that is another server."""

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from ssl import SSLCertVerificationError

import redis
from amqp.exceptions import (
    AccessRefused,
    AMQPError,
    NotAllowed,
    NotFound,
    PreconditionFailed,
    ResourceLocked,
)
from kombu.connection import Connection
from kombu.entity import Queue

from foundation.messages import checks as messages
from foundation.redaction import masked
from workers.app import app
from workers.cli.output import Verdict
from workers.configuration.settings import Settings
from workers.configuration.urls import is_rabbitmq
from workers.locks import BEAT_LOCK

CLOCK_SECONDS = 5.0
"""Largest difference of two clocks that NTP keeps.

Leases follow the clock of the journal's database. But from a difference of 15 minutes on, the
messages of sweeps and listings expire before a worker takes them."""

OLDEST_REDIS = (6, 2)
OLDEST_RABBITMQ = (3, 10)
"""The first version whose quorum queues let messages expire, as the schedule needs."""


def run(settings: Settings) -> Iterator[Verdict]:
    """Check the server of the messages, and the server of the locks."""
    if settings.broker_url == settings.redis_url:
        yield from _redis(
            settings.redis_url, "broker", "REDIS_URL", carries_messages=True, keeps_locks=True
        )
        return
    if is_rabbitmq(settings.broker_url):
        broker = [*_rabbitmq(settings.broker_url)]
    else:
        broker = [
            *_redis(
                settings.broker_url,
                "broker",
                "BROKER_URL",
                carries_messages=True,
                keeps_locks=False,
            )
        ]
    yield from broker
    # A beat that cannot send lets its lock lapse, so a missing lock is not yet a missing beat.
    silent = any(verdict.name == "broker" and verdict.ok is False for verdict in broker)
    for verdict in _redis(
        settings.redis_url, "redis", "REDIS_URL", carries_messages=False, keeps_locks=True
    ):
        is_doubtful = silent and verdict.name == "beat" and not verdict.ok
        yield _beat_unknown("BROKER_URL") if is_doubtful else verdict


# --- Redis ----------------------------------------------------------------------------------------


def _redis(
    url: str, name: str, setting: str, *, carries_messages: bool, keeps_locks: bool
) -> Iterator[Verdict]:
    try:
        with redis.Redis.from_url(
            url, socket_timeout=5, socket_connect_timeout=5, decode_responses=True
        ) as connection:
            yield from _server(connection, name, masked(url), setting)
            if carries_messages:
                yield _persistence(connection, name)
            if keeps_locks:
                yield _clock(connection)
                yield _beat(connection)
    except (redis.AuthenticationError, redis.ResponseError) as error:
        yield Verdict(
            name,
            False,
            messages.REDIS_REFUSES(place=masked(url), error=type(error).__name__, setting=setting),
        )
        if keeps_locks:
            yield _beat_unknown(setting)
    except redis.RedisError as error:
        yield Verdict(
            name,
            False,
            messages.REDIS_SILENT(place=masked(url), error=type(error).__name__, setting=setting),
        )
        if keeps_locks:
            yield _beat_unknown(setting)


def _server(connection: redis.Redis, name: str, where: str, setting: str) -> Iterator[Verdict]:
    info = connection.info()
    version = str(info.get("valkey_version") or info["redis_version"])
    old = not info.get("valkey_version") and _numbers(version) < OLDEST_REDIS
    detail = messages.REDIS_OLD(place=where, version=version)
    yield Verdict(name, not old, detail if old else f"{where}, version {version}")
    if info.get("role") == "slave":
        yield Verdict(f"{name} role", False, messages.REDIS_REPLICA(setting=setting))
    policy = str(info.get("maxmemory_policy", "noeviction"))
    yield Verdict(
        f"{name} eviction",
        policy == "noeviction",
        policy if policy == "noeviction" else messages.REDIS_EVICTS(policy=policy),
    )


def _persistence(connection: redis.Redis, name: str) -> Verdict:
    aof = bool(connection.info("persistence").get("aof_enabled"))
    return Verdict(
        f"{name} persistence",
        True if aof else None,
        "append-only file is on" if aof else messages.REDIS_NOT_PERSISTENT(),
    )


def _clock(connection: redis.Redis) -> Verdict:
    seconds, micros = connection.time()
    apart = abs(time.time() - (seconds + micros / 1e6))
    if apart <= CLOCK_SECONDS:
        return Verdict("clock", True, f"{apart:.1f} s from Redis's")
    return Verdict("clock", False, messages.CLOCK_SKEW(seconds=f"{apart:.0f}"))


def _beat(connection: redis.Redis) -> Verdict:
    owner = connection.exists(BEAT_LOCK)
    if owner:
        return Verdict("beat", True, "one is at work")
    return Verdict("beat", None, messages.BEAT_MISSING())


def _beat_unknown(setting: str) -> Verdict:
    return Verdict("beat", None, messages.BEAT_UNKNOWN(setting=setting))


# --- RabbitMQ -------------------------------------------------------------------------------------


def _rabbitmq(url: str) -> Iterator[Verdict]:
    where = masked(url)
    try:
        with app.connection_for_read(url, connect_timeout=5) as connection:
            connection.connect()
            version = str(connection.connection.server_properties.get("version", "unknown"))
            old = _numbers(version) < OLDEST_RABBITMQ
            detail = messages.RABBITMQ_OLD(place=where, version=version)
            yield Verdict("broker", not old, detail if old else f"{where}, RabbitMQ {version}")
            yield _queues(connection)
    except NotAllowed:
        yield Verdict("broker", False, messages.VIRTUAL_HOST_MISSING(place=where))
    except AccessRefused:
        yield Verdict("broker", False, messages.RABBITMQ_REFUSES(place=where))
    except SSLCertVerificationError as error:
        yield Verdict(
            "broker", False, messages.RABBITMQ_UNTRUSTED(place=where, error=error.verify_message)
        )
    except (AMQPError, OSError) as error:
        yield Verdict(
            "broker", False, messages.RABBITMQ_SILENT(place=where, error=type(error).__name__)
        )


@dataclass(frozen=True, slots=True)
class _Queue:
    """A queue of the workers.

    Attributes:
        messages: number of waiting messages.
        workers: number of workers that read it.
    """

    messages: int
    workers: int


def _queues(connection: Connection) -> Verdict:
    states = {name: _queue_state(connection, queue) for name, queue in app.amqp.queues.items()}
    if other := [name for name, state in states.items() if isinstance(state, str)]:
        return Verdict("broker queues", False, messages.QUEUES_FOREIGN(queues=", ".join(other)))
    if missing := [name for name, state in states.items() if state is None]:
        return Verdict("broker queues", None, messages.QUEUES_MISSING(queues=", ".join(missing)))
    queues = {name: state for name, state in states.items() if isinstance(state, _Queue)}
    waiting = f"{sum(queue.messages for queue in queues.values())} messages wait"
    if unread := sorted(name for name, queue in queues.items() if not queue.workers):
        text = messages.QUEUES_UNREAD(waiting=waiting, queues=", ".join(unread))
        return Verdict("broker queues", None, text)
    return Verdict("broker queues", True, f"all {len(queues)} are there, {waiting}")


def _queue_state(connection: Connection, queue: Queue) -> _Queue | str | None:
    """Return the queue, None if it is missing, or the name of the error."""
    # RabbitMQ closes the channel of a refused call: each call has its own.
    try:
        with connection.channel() as channel:
            channel.queue_declare(queue.name, passive=True)
    except NotFound:
        return None
    try:
        with connection.channel() as channel:
            # The queue exists: a second declaration only compares the arguments.
            _, messages, workers = queue.bind(channel).queue_declare(channel=channel)
    except (PreconditionFailed, ResourceLocked) as error:
        return type(error).__name__
    return _Queue(messages, workers)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.split(r"[.-]", version)[:2] if part.isdigit())
