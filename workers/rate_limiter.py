"""Limit the rate of calls to each store across all workers: each call books a slot in Redis.

A booking takes the next free slots, and each call waits for its slot. So the first call to ask
goes first, and one round trip books several slots. Existing libraries poll instead: they need 10
to 290 Redis commands per call, and starve some of the waiting calls.
"""

import logging
import math
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from vtex.errors import RateLimitReached
from vtex.transport.rate_limit import Priority
from workers.configuration.stores import Store

log = logging.getLogger(__name__)

PATIENCE = {
    Priority.URGENT: 5.0,
    Priority.TRACKING: 4.0,
    Priority.ORDERS: 3.0,
    Priority.LISTING: 0.5,
}
"""Seconds that a call of each priority waits for its slot, plus the length of one slot.

A slot further ahead is left to calls with more patience. This alone gives them priority."""

LATE_SECONDS = 0.5
"""A slot expires so long after its time, because calls that pile up would exceed the quota.

The pace is lower by the same share, so that calls within this time keep the quota."""

BURST = 0.01
"""Part of a minute's calls that may be made at once after a lull, at least one call."""

BATCH_SECONDS = 0.25
"""Slots are booked for the calls of so many seconds ahead, at the process's recent use."""

AWAY_SECONDS = 5.0
"""Seconds between two tries to reach a Redis that does not answer."""

_TIMEOUT_SECONDS = 0.5

_RATE_LIMIT = f"""
local MINUTE = 60000000
local function read(key, allowed, now)
  local names = {{'next', 'pause', 'from', 'top', 'allowed', 'seen', 'minute', 'this', 'last'}}
  local values = redis.call('HMGET', key, unpack(names))
  local b = {{key = key}}
  for i, name in ipairs(names) do b[name] = tonumber(values[i]) or 0 end
  -- Bookings never reach so far: the clock was set back, or a Redis on another host took over.
  if b.next > now + 3 * MINUTE then b.next = 0 end
  if b.pause > now + 16 * MINUTE then b.pause = now end
  local minute = math.floor(now / MINUTE)
  if b.minute ~= minute then
    b.last = b.minute == minute - 1 and b.this or 0
    b.this, b.minute = 0, minute
  end
  b.used = b.this + b.last * (1 - now % MINUTE / MINUTE)
  -- Processes restart one after the other: while their settings differ, the lower limit counts.
  if allowed <= b.allowed or now - b.seen > MINUTE then
    if allowed < b.allowed and allowed < b.used then
      -- The last minute holds more calls than the new limit: wait until they have left it.
      b.next = math.max(b.next, now) + MINUTE * (1 - allowed / b.used)
    end
    b.allowed, b.seen = allowed, now
  end
  -- After a pause the pace soon returns to most of the refused pace. Then it rises slowly.
  b.pace = 1
  if b.pause > 0 then
    local grown = math.max(0, now - b.pause) / MINUTE
    b.pace = b.from + grown / 2
    if b.pace > b.top then b.pace = b.top + (grown - (b.top - b.from) * 2) / 100 end
    b.pace = math.min(b.pace, 1)
  end
  local burst = math.max(1, b.allowed * {BURST})
  local calls = math.max(b.allowed - burst, b.allowed / 2) * b.pace
  b.step = MINUTE * {1 + LATE_SECONDS / 60} / calls
  b.first = math.max(b.next, now - (burst - 1) * b.step, b.pause)
  return b
end
local function write(b)
  redis.call('HSET', b.key, 'next', b.next, 'pause', b.pause, 'from', b.from, 'top', b.top,
    'allowed', b.allowed, 'seen', b.seen, 'minute', b.minute, 'this', b.this, 'last', b.last)
end
local now = tonumber(ARGV[1])
if now == nil then
  local t = redis.call('TIME')
  now = t[1] * 1000000 + t[2]
end
"""

_BOOK = (
    _RATE_LIMIT
    + """
local wanted, patience = tonumber(ARGV[2]), tonumber(ARGV[3])
local limits, first, step = {}, now - MINUTE, 0
for i, key in ipairs(KEYS) do
  local b = read(key, tonumber(ARGV[3 + i]), now)
  limits[i], first, step = b, math.max(first, b.first), math.max(step, b.step)
end
local fit = math.floor((now + patience - first) / step) + 2
local count = math.max(0, math.min(wanted, fit))
for _, b in ipairs(limits) do
  if count > 0 then b.next, b.this = b.first + count * b.step, b.this + count end
  if wanted > 0 then write(b) end
end
local b = limits[1]
return {count, math.floor(first - now), math.floor(b.step), math.floor(b.pause - now),
  math.floor(b.pace * 1000), math.floor(b.used), math.floor(b.allowed)}
"""
)

_SLOW_DOWN = (
    _RATE_LIMIT
    + """
local seconds = tonumber(ARGV[2])
local b = read(KEYS[1], tonumber(ARGV[3]), now)
if seconds == 0 then
  b.pause = math.min(b.pause, now)
else
  -- Many calls may get a 429 at once: only the first one lowers the pace.
  if now >= b.pause then
    b.from, b.top = math.max(b.pace / 2, 0.05), math.max(b.pace * 0.7, 0.05)
  end
  b.pause = math.max(b.pause, now + seconds * 1000000)
end
write(b)
"""
)


@dataclass(frozen=True, slots=True)
class Clock:
    """The clocks of a rate limit.

    Attributes:
        broker: replaces Redis's clock, in microseconds. All hosts share Redis's own clock, the
            default.
    """

    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    broker: Callable[[], int] | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """The current state of a store's rate limit.

    Attributes:
        allowed: calls a minute at full pace.
        used: calls booked in the last minute.
        pace: part of the full pace at which calls are granted, below 1 after a 429.
        paused_seconds: seconds until calls are granted again, 0 while they are granted.
    """

    allowed: int
    used: int
    pace: float
    paused_seconds: float


class StoreRateLimiter:
    """Grants the calls to one store, together with all other processes. Safe across threads."""

    def __init__(
        self, store: Store, connection: redis.Redis, *, clock: Clock | None = None
    ) -> None:
        self._store = store
        self._clock = clock or Clock()
        self._book_script = connection.register_script(_BOOK)
        self._slow_script = connection.register_script(_SLOW_DOWN)
        self._lock = threading.Lock()
        self._kept: deque[float] = deque()
        self._used: deque[float] = deque()
        self._step = 60.0 / store.allowed_per_minute
        self._paused_until = self._away_until = self._next_alone = self._booked_at = -math.inf

    def acquire(self, group: str, priority: Priority) -> None:
        """Wait until a call may be made, as ``vtex.transport.rate_limit.RateLimiter`` asks.

        Raises:
            RateLimitReached: the next slot is beyond the patience of the priority.
        """
        now, sleep = self._clock.now, self._clock.sleep
        while True:
            called = now()
            at = self._slot(group, priority)
            if (wait := at - now()) > 0:
                sleep(wait)
            if at < self._paused_until - 0.001:
                # Booked before VTEX asked for a pause.
                raise RateLimitReached.until(max(1.0, self._paused_until - now()))
            if now() - max(at, called) <= LATE_SECONDS:
                return

    def slow_down(self, seconds: float) -> None:
        """Pause the calls of all processes, and lower the pace after the pause."""
        with self._lock:
            self._pause(seconds)
            try:
                self._run(self._slow_script, [], seconds, self._store.allowed_per_minute)
            except redis.RedisError:
                log.info(
                    "Redis does not answer: the slow-down applies to this process only",
                    extra=self._mark,
                )

    def resume(self) -> None:
        """End a pause. The pace stays low for a while.

        Raises:
            redis.RedisError: Redis does not answer.
        """
        self._run(self._slow_script, [], 0, self._store.allowed_per_minute)

    def standing(self) -> Standing:
        """Return the current state of the rate limit.

        Raises:
            redis.RedisError: Redis does not answer.
        """
        answer = self._run(self._book_script, [], 0, 0, self._store.allowed_per_minute)
        _, _, _, pause, pace, used, allowed = answer
        return Standing(allowed, used, pace / 1000, max(0.0, pause / 1e6))

    def jobs(self, sweep_seconds: float, refilled: int) -> int:
        """Return how many orders must be in progress to use the whole rate limit.

        Each order makes one call at a time, and VTEX answers a call within a second. So the
        calls of one second are enough.

        Args:
            sweep_seconds: time between two sweeps of the dispatcher.
            refilled: up to so many orders, an order that ends is replaced at once. More orders
                must last from one sweep to the next, even if that sweep is late.
        """
        pace = 1.0 / self._step
        jobs = 1 + math.ceil(pace)
        return jobs if jobs <= refilled else jobs + math.ceil(pace / 4 * (2 * sweep_seconds + 1))

    # --- slots --------------------------------------------------------------------------------

    def _slot(self, group: str, priority: Priority) -> float:
        with self._lock:
            now = self._clock.now()
            if group in self._store.quota_groups or priority is Priority.LISTING:
                # Slots booked ahead serve any route, but not the lowest priority.
                return self._book(group, priority, 1)[0]
            # Slots that a lull left lie in the past when they are booked. They are late only from
            # the booking on: at a large quota, each such batch would expire at once.
            while self._kept and max(self._kept[0], self._booked_at) < now - LATE_SECONDS:
                self._kept.popleft()
            if not self._kept:
                self._kept.extend(self._book(group, priority, self._batch(now)))
                self._booked_at = self._clock.now()
            self._used.append(now)
            return self._kept.popleft()

    def _batch(self, now: float) -> int:
        while self._used and self._used[0] < now - 1:
            self._used.popleft()
        ahead = min(len(self._used), 1 / self._step) * BATCH_SECONDS
        return max(1, math.ceil(ahead))

    def _book(self, group: str, priority: Priority, wanted: int) -> list[float]:
        now = self._clock.now()
        if now < self._away_until:
            return [self._alone(priority)]
        allowed, groups = [self._store.allowed_per_minute], []
        if group in self._store.quota_groups:
            allowed.append(self._store.allowed_of(group))
            groups.append(group)
        try:
            answer = self._run(
                self._book_script, groups, wanted, int(PATIENCE[priority] * 1e6), *allowed
            )
        except redis.RedisError as error:
            self._away_until = now + AWAY_SECONDS
            reason = type(error).__name__
            log.info(
                "Redis does not answer: calls at a local share of the rate limit",
                extra=self._mark | {"reason": reason},
            )
            return [self._alone(priority)]
        now = self._clock.now()
        count, first, step, pause = answer[:4]
        self._step = step / 1e6
        self._pause(pause / 1e6)
        if count == 0:
            raise RateLimitReached.until(max(1.0, first / 1e6))
        return [now + (first + slot * step) / 1e6 for slot in range(count)]

    def _alone(self, priority: Priority) -> float:
        """Book a slot of this process's local share, while Redis does not answer."""
        now = self._clock.now()
        step = 60.0 / (self._store.allowed_per_minute * self._store.quota_local_percent / 100)
        first = max(self._next_alone, now, self._paused_until)
        if first - now > PATIENCE[priority] + step:
            raise RateLimitReached.until(first - now)
        self._next_alone = first + step
        return first

    def _pause(self, seconds: float) -> None:
        until = self._clock.now() + seconds
        # Redis reports a running pause with each booking: it stays the same pause.
        if until > self._paused_until + 0.1 or seconds <= 0:
            self._paused_until = until
        if seconds > 0:
            while self._kept and self._kept[0] < until - 0.1:
                self._kept.popleft()

    def _run(self, script: Callable[..., list[int]], groups: list[str], *args: float) -> list[int]:
        keys = [f"vtex-erp:rate-limit:{self._store.name}"]
        keys += [f"vtex-erp:rate-limit:{self._store.name}:{group}" for group in groups]
        clock = self._clock.broker
        return script(keys, [clock() if clock else "", *args])

    @property
    def _mark(self) -> dict[str, str]:
        return {"store": self._store.name}


def connect(url: str) -> redis.Redis:
    """Return a connection for the rate limits, with time-outs that free a worker's thread."""
    return redis.Redis.from_url(
        url,
        socket_timeout=_TIMEOUT_SECONDS,
        socket_connect_timeout=_TIMEOUT_SECONDS,
        # One retry: Redis may have closed an idle connection. More would only prolong an outage.
        retry=Retry(NoBackoff(), 1),
    )
