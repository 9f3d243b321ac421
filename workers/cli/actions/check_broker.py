"""What ``vtex-erp check`` says of the broker, and of Redis where that is another server."""

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
"""Hosts further apart than this have lost their NTP. Leases go by the journal's database; but from
15 minutes on sweeps and listings expire before a worker takes them."""

OLDEST_REDIS = (6, 2)
OLDEST_RABBITMQ = (3, 10)
"""The first whose quorum queues let messages expire, as those of the schedule do."""


def run(settings: Settings) -> Iterator[Verdict]:
    """Look at what carries the messages, and at what keeps the locks."""
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
            f"{masked(url)} answers, but refuses us ({type(error).__name__}): fix user and "
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
        yield Verdict(
            f"{name} role",
            False,
            f"a replica, which takes no writes: let {setting} name the primary",
        )
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
        "beat", None, "none is at work: nothing is listed until celery -A workers beat runs"
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
            f"{where} answers, but has no such virtual host, or none for this user: rabbitmqctl "
            "add_vhost and set_permissions, or fix the end of BROKER_URL",
        )
    except AccessRefused:
        yield Verdict(
            "broker",
            False,
            f"{where} answers, but refuses us: fix user and password in BROKER_URL, and let the "
            "user configure, write and read everything in its virtual host",
        )
    except SSLCertVerificationError as error:
        yield Verdict(
            "broker",
            False,
            f"{where} answers, but is not trusted ({error.verify_message}): name it in BROKER_URL "
            "as its certificate does, and its authority's file in SSL_CERT_FILE",
        )
    except (AMQPError, OSError) as error:
        yield Verdict(
            "broker",
            False,
            f"{where} does not answer ({type(error).__name__}): start it, or fix BROKER_URL",
        )


@dataclass(frozen=True, slots=True)
class _Queue:
    """A queue of ours: how many messages wait in it, how many workers read it."""

    messages: int
    workers: int


def _queues(connection: Connection) -> Verdict:
    looked = {name: _looked_at(connection, queue) for name, queue in app.amqp.queues.items()}
    if other := [name for name, one in looked.items() if isinstance(one, str)]:
        return Verdict(
            "broker queues",
            False,
            f"{', '.join(other)}: made by somebody else, in another way than ours, and no worker "
            "starts; delete them in RabbitMQ (what waits in them is lost), or give us a virtual "
            "host of our own; programs that send must declare no queue (docs/brokers.md)",
        )
    if missing := [name for name, one in looked.items() if one is None]:
        return Verdict(
            "broker queues",
            None,
            f"{', '.join(missing)}: not there yet; the first worker makes them, and RabbitMQ drops "
            "what is sent before",
        )
    found = {name: one for name, one in looked.items() if isinstance(one, _Queue)}
    waiting = f"{sum(one.messages for one in found.values())} messages wait"
    if unread := sorted(name for name, one in found.items() if not one.workers):
        return Verdict(
            "broker queues",
            None,
            f"{waiting}; no worker reads {', '.join(unread)}: start one that does; where one runs, "
            "RabbitMQ may have lost the queue (docs/brokers.md)",
        )
    return Verdict("broker queues", True, f"all {len(found)} are there, {waiting}")


def _looked_at(connection: Connection, queue: Queue) -> _Queue | str | None:
    """Return what is in a queue, None where there is no such queue, or what is wrong."""
    # What RabbitMQ refuses costs the channel: each has its own.
    try:
        with connection.channel() as channel:
            channel.queue_declare(queue.name, passive=True)
    except NotFound:
        return None
    try:
        with connection.channel() as channel:
            # It is there: declared once more, it is only held against ours.
            _, messages, workers = queue.bind(channel).queue_declare(channel=channel)
    except (PreconditionFailed, ResourceLocked) as error:
        return type(error).__name__
    return _Queue(messages, workers)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.split(r"[.-]", version)[:2] if part.isdigit())
