"""The rate limit against a real Redis, at a clock of the test's own: no test waits."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import ExitStack, closing
from itertools import pairwise

import pytest
import redis
from hypothesis import given, settings
from hypothesis import strategies as st

from support.servers import RedisServer
from vtex.errors import RateLimitReached
from vtex.transport.rate_limit import Priority
from workers.configuration.stores import Store
from workers.rate_limiter import LATE_SECONDS, PATIENCE, Clock, StoreRateLimiter, connect


class Time:
    """One time for all; a host's own clock may be off by minutes from the broker's."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def clock(self, off: float = 0.0) -> Clock:
        return Clock(
            now=lambda: self.seconds + off,
            sleep=self.pass_by,
            broker=lambda: int((1_700_000_000 + self.seconds) * 1e6),
        )

    def pass_by(self, seconds: float) -> None:
        self.seconds += seconds


class Shop:
    """Processes that share a store's rate limit."""

    def __init__(self, url: str) -> None:
        self.url, self.time = url, Time()
        self._connections = ExitStack()

    def process(self, store: str = "acme", off: float = 0.0, **quota: object) -> StoreRateLimiter:
        made = Store(store, **{"quota_share_percent": 100} | quota)
        connection = self._connections.enter_context(connect(self.url))
        return StoreRateLimiter(made, connection, clock=self.time.clock(off))

    def close(self) -> None:
        self._connections.close()

    def spend_all(
        self,
        processes: list[StoreRateLimiter],
        seconds: float,
        priority: Priority = Priority.ORDERS,
    ) -> list[float]:
        """Let each process in turn wait for its call, as threads would; return when they came."""
        end, calls = self.time.seconds + seconds, []
        while self.time.seconds < end:
            for process in processes:
                process.acquire("order", priority)
                calls.append(self.time.seconds)
        return calls


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    made = RedisServer(tmp_path_factory.mktemp("redis"))
    made.start()
    yield made
    made.stop()


@pytest.fixture
def shop(server: RedisServer) -> Iterator[Shop]:
    with redis.Redis.from_url(server.url) as connection:
        connection.flushall()
    with closing(Shop(server.url)) as made:
        yield made


def most_in_a_minute(calls: list[float]) -> int:
    first, most = 0, 0
    for last, moment in enumerate(calls):
        while calls[first] <= moment - 60:
            first += 1
        most = max(most, last - first + 1)
    return most


@pytest.mark.parametrize("quota", [6, 60, 600, 6000])
@pytest.mark.parametrize("share", [80, 100])
def test_all_processes_together_use_the_share_and_never_more(
    shop: Shop, quota: int, share: int
) -> None:
    allowed = quota * share // 100
    four = [
        shop.process(quota_per_minute=quota, quota_share_percent=share, off=300.0 * n)
        for n in range(4)
    ]

    calls = shop.spend_all(four, 150)

    assert most_in_a_minute(calls) <= allowed
    if allowed > 20:
        assert len(calls) >= 0.96 * allowed * 150 / 60


def test_a_lull_is_followed_by_a_small_burst_and_by_no_more_than_the_quota(shop: Shop) -> None:
    one = shop.process(quota_per_minute=600)
    first = shop.spend_all([one], 90)
    shop.time.pass_by(45)

    calls = first + shop.spend_all([one], 90)

    assert most_in_a_minute(calls) <= 600


@pytest.mark.parametrize("quota", [60, 6000, 1_000_000])
def test_the_first_call_after_a_lull_takes_one_slot(shop: Shop, quota: int) -> None:
    one = shop.process(quota_per_minute=quota)

    one.acquire("order", Priority.ORDERS)

    assert one.standing().used == 1


def test_processes_get_equal_parts(shop: Shop) -> None:
    names = [shop.process(quota_per_minute=6000) for _ in range(4)]
    got = [0] * 4

    # All ask at once, time passes only when each waits for its slot.
    pending: list[tuple[float, int]] = []
    for number, entry in enumerate(names):
        pending.append((entry._slot("order", Priority.ORDERS), number))
    for _ in range(2000):
        at, number = min(pending)
        pending.remove((at, number))
        shop.time.seconds = max(shop.time.seconds, at)
        got[number] += 1
        pending.append((names[number]._slot("order", Priority.ORDERS), number))

    assert max(got) <= 1.1 * min(got)


def test_stores_do_not_share_their_rate_limits(shop: Shop) -> None:
    acme, outlet = (
        shop.process("acme", quota_per_minute=60),
        shop.process("outlet", quota_per_minute=60),
    )
    began = shop.time.seconds

    acme.acquire("order", Priority.ORDERS)
    outlet.acquire("order", Priority.ORDERS)

    assert shop.time.seconds == began


def test_a_fast_store_asks_redis_for_several_calls_at_once(shop: Shop, server: RedisServer) -> None:
    four = [shop.process(quota_per_minute=6000) for _ in range(4)]
    shop.spend_all(four, 5)
    with redis.Redis.from_url(server.url) as connection:
        before = connection.info("commandstats")["cmdstat_evalsha"]["calls"]

        calls = shop.spend_all(four, 20)

        asked = connection.info("commandstats")["cmdstat_evalsha"]["calls"] - before
    assert asked <= len(calls) / 4


@pytest.mark.parametrize("quota", [12_000, 60_000, 1_000_000])
def test_a_store_that_uses_little_of_its_rate_limit_asks_as_seldom(
    shop: Shop, server: RedisServer, quota: int
) -> None:
    one = shop.process(quota_per_minute=quota)
    with redis.Redis.from_url(server.url) as connection:
        connection.config_resetstat()
        for _ in range(1000):
            one.acquire("order", Priority.ORDERS)
            shop.time.pass_by(0.01)

        asked = connection.info("commandstats")["cmdstat_evalsha"]["calls"]
    assert asked <= 1000 / 10


def test_calls_that_come_in_bursts_never_break_the_quota(shop: Shop) -> None:
    four = [shop.process(quota_per_minute=6000) for _ in range(4)]
    calls: list[float] = []

    for burst in range(90):
        calls += shop.spend_all(four, 0.6 + burst % 3 / 4)
        shop.time.pass_by(0.3 + burst % 5 / 4)

    assert most_in_a_minute(calls) <= 6000
    assert most_in_a_minute(calls) >= 3000


def test_what_is_booked_far_ahead_is_left_to_the_more_urgent(shop: Shop) -> None:
    others, one = shop.process(quota_per_minute=600), shop.process(quota_per_minute=600)
    granted: dict[Priority, int] = {}

    for priority in (Priority.LISTING, Priority.ORDERS, Priority.TRACKING, Priority.URGENT):
        granted[priority] = 0
        with pytest.raises(RateLimitReached):
            while True:
                others._slot("order", priority)
                granted[priority] += 1

    with pytest.raises(RateLimitReached) as refused:
        one.acquire("order", Priority.ORDERS)
    assert list(granted) == sorted(granted, reverse=True)
    assert all(granted.values())
    assert PATIENCE[Priority.ORDERS] < refused.value.seconds < PATIENCE[Priority.URGENT] + 1


def test_a_group_of_routes_may_have_a_quota_of_its_own(shop: Shop) -> None:
    one = shop.process(quota_per_minute=6000, quota_groups={"list": 30})
    began = shop.time.seconds
    one.acquire("list", Priority.URGENT)
    one.acquire("order", Priority.ORDERS)
    assert shop.time.seconds == began

    one.acquire("list", Priority.URGENT)

    assert shop.time.seconds - began >= 2
    one._slot("list", Priority.URGENT)
    with pytest.raises(RateLimitReached):
        one.acquire("list", Priority.LISTING)
    began = shop.time.seconds
    one.acquire("order", Priority.ORDERS)
    assert shop.time.seconds == began


# --- slowed down by VTEX --------------------------------------------------------------------------


def test_a_slow_down_stops_all_processes_and_what_they_had_booked(shop: Shop) -> None:
    one, other = shop.process(quota_per_minute=6000), shop.process(quota_per_minute=6000)
    shop.spend_all([one, other], 3)

    one.slow_down(30)

    with pytest.raises(RateLimitReached) as here:
        one.acquire("writes", Priority.URGENT)
    assert 29 < here.value.seconds <= 30
    # What another process had booked in a batch is used up, then it hears of it.
    with pytest.raises(RateLimitReached):
        shop.spend_all([other], 2)
    shop.time.pass_by(30)
    other.acquire("order", Priority.ORDERS)


def test_after_a_slow_down_the_pace_comes_back_gently_and_stays_below_what_was_refused(
    shop: Shop,
) -> None:
    one = shop.process(quota_per_minute=6000)
    one.slow_down(10)
    assert one.standing().paused_seconds == pytest.approx(10)

    paces = []
    for _ in range(60):
        shop.time.pass_by(60)
        paces.append(one.standing().pace)
    shop.time.pass_by(-60 * 60 + 10)

    assert one.standing().pace == pytest.approx(0.5)
    assert all(later >= earlier for earlier, later in pairwise(paces))
    assert paces[1] < 0.75
    assert paces[-1] == 1


def test_many_answers_of_one_moment_slow_down_once(shop: Shop) -> None:
    four = [shop.process(quota_per_minute=600) for _ in range(4)]

    for entry in four:
        entry.slow_down(5)
    shop.time.pass_by(5)

    assert four[0].standing().pace == pytest.approx(0.5)


def test_a_person_ends_a_pause_in_all_processes(shop: Shop) -> None:
    worker, operator = shop.process(quota_per_minute=600), shop.process(quota_per_minute=600)
    worker.slow_down(600)
    with pytest.raises(RateLimitReached):
        worker.acquire("order", Priority.ORDERS)

    operator.resume()

    worker.acquire("order", Priority.ORDERS)
    assert worker.standing().pace < 1


# --- another quota, another Redis ------------------------------------------------------------------


@pytest.mark.parametrize("quota", [120, 6000])
def test_a_lower_quota_counts_at_once_for_the_minute_behind_too(shop: Shop, quota: int) -> None:
    old = [shop.process(quota_per_minute=quota) for _ in range(4)]
    before = shop.spend_all(old, 90)
    changed = shop.time.seconds

    # Restarted one by one: those that know only the old quota go on meanwhile.
    mixed = [shop.process(quota_per_minute=quota // 2), *old[1:]]
    after: list[float] = []
    while shop.time.seconds < changed + 150:
        for entry in mixed:
            try:
                entry.acquire("order", Priority.ORDERS)
            except RateLimitReached as refused:
                shop.time.pass_by(min(refused.seconds, 1))
            else:
                after.append(shop.time.seconds)

    whole = before + after
    for end in range(32, 150):
        minute = [value for value in whole if changed + end - 60 < value <= changed + end]
        assert len(minute) <= quota // 2
    settled = [number for number in after if number >= changed + 60]
    assert len(settled) >= 0.95 * quota / 2 * 90 / 60


def test_a_higher_quota_counts_once_all_processes_know_it(shop: Shop) -> None:
    old, new = shop.process(quota_per_minute=60), shop.process(quota_per_minute=600)
    old.acquire("order", Priority.ORDERS)

    new.acquire("order", Priority.ORDERS)
    assert new.standing().allowed == 60
    shop.time.pass_by(61)
    new.acquire("order", Priority.ORDERS)

    assert new.standing().allowed == 600


def test_a_broker_whose_clock_was_set_back_stops_nobody(shop: Shop) -> None:
    one = shop.process(quota_per_minute=600)
    shop.spend_all([one], 3)
    one.slow_down(1)
    shop.time.pass_by(2)
    broker = one._clock.broker
    assert broker is not None

    one._clock = Clock(one._clock.now, one._clock.sleep, lambda: broker() - 3600 * 10**6)

    one.acquire("order", Priority.ORDERS)


def test_without_redis_each_process_keeps_to_a_small_share_and_comes_back_by_itself(
    shop: Shop, server: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    four = [shop.process(quota_per_minute=6000, quota_local_percent=10) for _ in range(4)]
    shop.spend_all(four, 1)
    server.process.kill(signal.SIGKILL)

    away = shop.spend_all(four, 60)
    server.start()
    shop.time.pass_by(6)
    back = shop.spend_all(four, 30)

    assert 0.9 * 2400 <= len(away) <= 2400 + 100
    assert len(back) >= 0.95 * 3000 * 0.95
    assert [record.message for record in caplog.records if record.levelname == "ERROR"] == []


def test_a_pause_is_kept_while_redis_is_away(shop: Shop, server: RedisServer) -> None:
    one = shop.process(quota_per_minute=6000)
    server.process.kill(signal.SIGKILL)

    one.slow_down(20)

    with pytest.raises(RateLimitReached) as refused:
        one.acquire("order", Priority.ORDERS)
    assert 15 < refused.value.seconds <= 20
    server.start()


def test_a_redis_that_lost_everything_starts_no_burst(shop: Shop, server: RedisServer) -> None:
    one = shop.process(quota_per_minute=600)
    calls = shop.spend_all([one], 60)
    server.lose_everything()

    calls += shop.spend_all([one], 60)

    assert most_in_a_minute(calls) <= 600


def test_a_slot_that_comes_too_late_is_not_used(shop: Shop) -> None:
    one = shop.process(quota_per_minute=60)
    one.acquire("order", Priority.ORDERS)
    slept: list[float] = []

    def oversleep(seconds: float) -> None:
        slept.append(seconds)
        shop.time.pass_by(seconds + (LATE_SECONDS * 2 if len(slept) == 1 else 0))

    one._clock = Clock(one._clock.now, oversleep, one._clock.broker)
    one.acquire("order", Priority.ORDERS)

    assert len(slept) == 2


@settings(deadline=None, max_examples=25)
@given(
    quota=st.integers(10, 3000),
    pauses=st.lists(st.floats(0.0, 20.0), min_size=5, max_size=40),
    priority=st.sampled_from(list(Priority)),
)
def test_whatever_the_rhythm_no_minute_holds_more_than_the_quota(
    server: RedisServer, quota: int, pauses: list[float], priority: Priority
) -> None:
    with redis.Redis.from_url(server.url) as connection:
        connection.flushall()
    with closing(Shop(server.url)) as shop:
        two = [shop.process(quota_per_minute=quota), shop.process(quota_per_minute=quota)]
        calls: list[float] = []

        for pause in pauses:
            for entry in two * 10:
                try:
                    entry.acquire("order", priority)
                except RateLimitReached:
                    break
                calls.append(shop.time.seconds)
            shop.time.pass_by(pause)

    assert most_in_a_minute(calls) <= quota
