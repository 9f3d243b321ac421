"""Several beats over one Redis: one at work, whatever happens to it or to Redis."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import redis
import requests

from support.servers import Cluster, RedisServer, eventually, free_port
from workers.locks import BEAT_LOCK


def test_a_second_beat_takes_over_within_seconds_and_doubles_nothing(cluster: Cluster) -> None:
    cluster.start_simulator(4)
    cluster.start_worker("w1")
    first = cluster.start_beat("b1")
    eventually(lambda: "4 done" in cluster.told("orders", "list"), 60)
    cluster.start_beat("b2")

    first.kill()
    cluster.steer("orders", count=3)

    eventually(lambda: "7 done" in cluster.told("orders", "list"), 60)
    cluster.assert_each_order_once(7)


def test_a_beat_that_was_stopped_for_long_stands_by_when_it_wakes(
    cluster: Cluster, redis_server: RedisServer
) -> None:
    first = cluster.start_beat("b1")
    assert first.child is not None
    with redis.Redis.from_url(redis_server.url) as connection:
        eventually(lambda: connection.exists(BEAT_LOCK))
        holder = connection.get(BEAT_LOCK)
        second = cluster.start_beat("b2")
        first.hang()
        eventually(lambda: connection.get(BEAT_LOCK) not in (holder, None))

        first.go_on()

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


def test_a_beat_that_is_told_to_stop_while_its_broker_keeps_it_waiting_stops(
    cluster: Cluster, redis_server: RedisServer, tmp_path: Path
) -> None:
    broker, pages = RedisServer(tmp_path), free_port()
    broker.start()
    beat = cluster.start(
        "beat", "celery", "-A", "workers", "beat", BROKER_URL=broker.url, METRICS_PORT=str(pages)
    )
    try:
        with redis.Redis.from_url(broker.url) as connection:
            eventually(lambda: connection.llen("control"), 60)
        broker.process.hang()
        livez = f"http://127.0.0.1:{pages}/livez"
        eventually(lambda: "turned 0 s ago" not in requests.get(livez, timeout=5).text)

        assert beat.child is not None
        os.killpg(beat.child.pid, signal.SIGTERM)

        assert beat.child.wait(30) == 0
    finally:
        broker.process.kill()
    with redis.Redis.from_url(redis_server.url) as connection:
        assert not connection.exists(BEAT_LOCK)
