"""Check the broker for ``vtex-erp check``, and Redis if that is another server."""

from __future__ import annotations

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
        yield from _redis(settings.redis_url, "broker", "REDIS_URL", messages=True, locks=True)
        return
    if is_rabbitmq(settings.broker_url):
        yield from _rabbitmq(settings.broker_url)
    else:
        yield from _redis(settings.broker_url, "broker", "BROKER_URL", messages=True, locks=False)
    yield from _redis(settings.redis_url, "redis", "REDIS_URL", messages=False, locks=True)


# --- Redis ----------------------------------------------------------------------------------------


def _redis(url: str, name: str, setting: str, *, messages: bool, locks: bool) -> Iterator[Verdict]:
    connection = redis.Redis.from_url(
        url, socket_timeout=5, socket_connect_timeout=5, decode_responses=True
    )
    try:
        yield from _server(connection, name, masked(url), setting)
        if messages:
            yield _persistence(connection, name)
        if locks:
            yield _clock(connection)
            yield _beat(connection)
    except (redis.AuthenticationError, redis.ResponseError) as error:
        yield Verdict(
            name,
            False,
            f"{masked(url)} answers, but refuses access ({type(error).__name__}): fix user and "
            f"password in {setting}, and let the user run INFO, TIME, scripts and every key",
        )
    except redis.RedisError as error:
        yield Verdict(
            name,
            False,
            f"{masked(url)} does not answer ({type(error).__name__}): start it, or fix {setting}",
        )
    finally:
        connection.close()


def _server(connection: redis.Redis, name: str, where: str, setting: str) -> Iterator[Verdict]:
    info = connection.info()
    version = str(info.get("valkey_version") or info["redis_version"])
    old = not info.get("valkey_version") and _numbers(version) < OLDEST_REDIS
    yield Verdict(
        name, not old, f"{where}, version {version}" + (": 6.2 or later is needed" if old else "")
    )
    if info.get("role") == "slave":
        yield Verdict(f"{name} role", False, f"a read-only replica: set {setting} to the primary")
    policy = str(info.get("maxmemory_policy", "noeviction"))
    yield Verdict(
        f"{name} eviction",
        policy == "noeviction",
        policy
        if policy == "noeviction"
        else f"{policy} may drop messages and locks: set maxmemory-policy noeviction",
    )


def _persistence(connection: redis.Redis, name: str) -> Verdict:
    aof = bool(connection.info("persistence").get("aof_enabled"))
    return Verdict(
        f"{name} persistence",
        True if aof else None,
        "append-only file is on"
        if aof
        else "no append-only file: a restart empties the queues, "
        "and orders wait for their lease; set appendonly yes",
    )


def _clock(connection: redis.Redis) -> Verdict:
    seconds, micros = connection.time()
    apart = abs(time.time() - (seconds + micros / 1e6))
    if apart <= CLOCK_SECONDS:
        return Verdict("clock", True, f"{apart:.1f} s from Redis's")
    return Verdict("clock", False, f"{apart:.0f} s from Redis's: run NTP on both hosts")


def _beat(connection: redis.Redis) -> Verdict:
    owner = connection.exists(BEAT_LOCK)
    if owner:
        return Verdict("beat", True, "one is at work")
    return Verdict(
        "beat", None, "no beat is at work: start celery -A workers beat, which lists the orders"
    )


# --- RabbitMQ -------------------------------------------------------------------------------------


def _rabbitmq(url: str) -> Iterator[Verdict]:
    where = masked(url)
    try:
        with app.connection_for_read(url, connect_timeout=5) as connection:
            connection.connect()
            version = str(connection.connection.server_properties.get("version", "unknown"))
            old = _numbers(version) < OLDEST_RABBITMQ
            yield Verdict(
                "broker",
                not old,
                f"{where}, RabbitMQ {version}" + (": 3.10 or later is needed" if old else ""),
            )
            yield _queues(connection)
    except NotAllowed:
        yield Verdict(
            "broker",
            False,
            f"{where} answers, but the virtual host is missing or closed to this user: run "
            "rabbitmqctl add_vhost and set_permissions, or fix the end of BROKER_URL",
        )
    except AccessRefused:
        yield Verdict(
            "broker",
            False,
            f"{where} answers, but refuses access: fix user and password in BROKER_URL, and let "
            "the user configure, write and read everything in its virtual host",
        )
    except SSLCertVerificationError as error:
        yield Verdict(
            "broker",
            False,
            f"{where} answers, but is not trusted ({error.verify_message}): use the certificate's "
            "host name in BROKER_URL, and set SSL_CERT_FILE to the file of its authority",
        )
    except (AMQPError, OSError) as error:
        yield Verdict(
            "broker",
            False,
            f"{where} does not answer ({type(error).__name__}): start it, or fix BROKER_URL",
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
        return Verdict(
            "broker queues",
            False,
            f"{', '.join(other)}: declared by another program with other arguments, so that the "
            "workers cannot start; delete the queues in RabbitMQ (their messages are lost), or use "
            "another virtual host; programs that send must not declare queues (docs/brokers.md)",
        )
    if missing := [name for name, state in states.items() if state is None]:
        return Verdict(
            "broker queues",
            None,
            f"{', '.join(missing)}: not declared yet; the first worker declares them, and RabbitMQ "
            "drops messages that are sent before",
        )
    queues = {name: state for name, state in states.items() if isinstance(state, _Queue)}
    waiting = f"{sum(queue.messages for queue in queues.values())} messages wait"
    if unread := sorted(name for name, queue in queues.items() if not queue.workers):
        return Verdict(
            "broker queues",
            None,
            f"{waiting}; no worker reads {', '.join(unread)}: start a worker of these queues; if "
            "one runs, RabbitMQ may have lost the queue (docs/brokers.md)",
        )
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
