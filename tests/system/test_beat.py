"""Several beats over one Redis: one at work, whatever happens to it or to Redis."""

from __future__ import annotations

import os
import signal

import redis
from servers import Cluster, RedisServer, eventually

from workers.beat import LOCK


def test_a_second_beat_takes_over_within_seconds_and_doubles_nothing(cluster: Cluster) -> None:
    cluster.start_simulator(4)
    cluster.start_worker("w1")
    first = cluster.start_beat("b1")
    eventually(lambda: "4 done" in cluster.told("orders"), 60)
    cluster.start_beat("b2")

    first.kill()
    cluster.steer("orders", count=3)

    eventually(lambda: "7 done" in cluster.told("orders"), 60)
    cluster.assert_each_order_once(7)


def test_a_beat_that_was_stopped_for_long_stands_by_when_it_wakes(
    cluster: Cluster, redis_server: RedisServer
) -> None:
    first = cluster.start_beat("b1")
    assert first.child is not None
    with redis.Redis.from_url(redis_server.url) as connection:
        eventually(lambda: connection.exists(LOCK))
        holder = connection.get(LOCK)
        second = cluster.start_beat("b2")
        os.killpg(first.child.pid, signal.SIGSTOP)
        eventually(lambda: connection.get(LOCK) not in (holder, None))

        os.killpg(first.child.pid, signal.SIGCONT)

        eventually(lambda: "another beat took over" in first.text())
    assert second.text().count("this beat is at work") == 1
    assert first.child.poll() is None


def test_a_beat_outlives_a_redis_that_goes_and_comes_back_empty(
    cluster: Cluster, redis_server: RedisServer
) -> None:
    cluster.start_simulator(2)
    beat = cluster.start_beat()
    cluster.start_worker("w1")
    eventually(lambda: cluster.all_done(2))

    redis_server.process.kill()
    eventually(lambda: "beat does not reach Redis" in beat.text())
    redis_server.lose_everything()
    cluster.processes["w1"].kill()
    cluster.start_worker("w1")
    cluster.steer("orders", count=2)

    eventually(lambda: cluster.all_done(4))
    assert beat.child is not None
    assert beat.child.poll() is None
