"""Locks over the whole cluster, kept in Redis."""

import logging
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from functools import partial

import redis
from redis.exceptions import LockError

from tasks.context import Renew
from workers.configuration.settings import Settings

BEAT_LOCK = "vtex-erp:beat"
"""The key in Redis that the working beat holds."""

log = logging.getLogger(__name__)


def connect(settings: Settings) -> redis.Redis:
    """Return a connection whose calls time out: a Redis that hangs must not hold a thread."""
    return redis.Redis.from_url(settings.redis_url, socket_timeout=5, socket_connect_timeout=5)


def lock(settings: Settings) -> Callable[[str], AbstractContextManager[Renew | None]]:
    """Return a function that takes the lock of a name (``tasks.context.Context.lock``)."""
    # A dead holder's lock must lapse soon. A live holder renews its lock between two calls to VTEX.
    longest_call = settings.vtex_connect_timeout_seconds + 2 * settings.vtex_read_timeout_seconds
    return partial(_lock, connect(settings), longest_call + 5)


@contextmanager
def _lock(connection: redis.Redis, seconds: float, name: str) -> Iterator[Renew | None]:
    held = connection.lock(f"vtex-erp:lock:{name}", timeout=seconds)
    if not held.acquire(blocking=False):
        yield None
        return

    def renew() -> None:
        with suppress(LockError, redis.RedisError):
            # The locked work may be repeated, so it continues where the lock was lost.
            held.reacquire()

    try:
        yield renew
    finally:
        try:
            held.release()
        except (LockError, redis.RedisError):
            # The lock lapsed, or Redis is away: the time-out frees it.
            log.info("a lock was not released", extra={"reason": name})
