"""Faults on purpose, in real processes: whatever breaks, each order comes in once."""

from __future__ import annotations

import signal
from datetime import timedelta
from pathlib import Path

import pytest
import redis
from servers import Cluster, RedisServer, deadly, eventually

from journal.readings import utc_now
from journal.store import Journal
from workers.app import app


def supervised(cluster: Cluster, count: int) -> bool:
    cluster.keep()
    return cluster.all_done(count)


@pytest.mark.parametrize(
    "target",
    [
        "journal.store Journal record after",
        "vtex.client VtexClient order after",
        "vtex.client VtexClient transaction after",
        "erp.adapters.sql SqlErp insert before",
        "erp.adapters.sql SqlErp insert after",
        "vtex.client VtexClient start_handling before",
        "vtex.client VtexClient start_handling after",
    ],
)
def test_a_worker_killed_inside_a_step_loses_nothing_and_doubles_nothing(
    cluster: Cluster, tmp_path: Path, target: str
) -> None:
    marker, env = deadly(tmp_path, target)
    cluster.start_simulator(6)
    cluster.start_worker("w1", **env)
    cluster.start_beat()

    eventually(lambda: supervised(cluster, 6), 90)

    assert marker.exists()
    cluster.assert_each_order_once(6)


def test_redis_that_restarts_under_load_costs_no_order(
    cluster: Cluster, redis_server: RedisServer
) -> None:
    cluster.start_simulator(120, "--latency-ms", "30")
    cluster.start_worker("w1")
    cluster.start_worker("w2")
    cluster.start_beat()
    eventually(lambda: cluster.handled() >= 20, 60)

    redis_server.process.kill(signal.SIGKILL)
    eventually(lambda: "cannot connect" in cluster.logs().lower() or "connection" in cluster.logs())
    redis_server.start()

    eventually(lambda: supervised(cluster, 120), 120)
    cluster.assert_each_order_once(120)


def test_a_time_out_after_the_effect_is_looked_into_and_not_repeated(cluster: Cluster) -> None:
    cluster.start_simulator(5)
    cluster.env["VTEX_READ_TIMEOUT_SECONDS"] = "1"
    cluster.steer("faults", kind="timeout_after", route="start_handling", times=5, seconds=3)
    cluster.start_worker("w1")
    cluster.start_beat()

    eventually(lambda: cluster.all_done(5), 90)

    cluster.assert_each_order_once(5)
    calls = [one["start_handling_calls"] for one in cluster.state()["orders"].values()]
    assert calls == [1] * 5


def test_errors_of_every_kind_on_every_route_lose_nothing(cluster: Cluster) -> None:
    cluster.start_simulator(12)
    for kind in ("unavailable", "html_error", "html_200", "lose_answer", "half_body", "malformed"):
        cluster.steer("faults", kind=kind, times=4, probability=0.2)
    cluster.start_worker("w1")
    cluster.start_beat()

    eventually(lambda: cluster.all_done(12), 120)

    cluster.assert_each_order_once(12)


@pytest.mark.parametrize("kind", ["throttle", "throttle_silent"])
def test_a_429_stops_all_calls_of_the_store(cluster: Cluster, kind: str) -> None:
    cluster.start_simulator(40, "--latency-ms", "50")
    cluster.steer("faults", kind=kind, route="order", times=1, retry_after=8)
    journal = Journal(cluster.env["JOURNAL_URL"])
    cluster.start_worker("w1")
    cluster.start_beat()
    eventually(lambda: journal.paused("acme"), 60)
    until, _reason = journal.paused("acme") or (utc_now(), "")
    quiet_until = min(until, utc_now() + timedelta(seconds=7)) - timedelta(seconds=1)
    # What was on the wire when the answer came may end.
    wire = timedelta(seconds=1)
    began = utc_now()
    eventually(lambda: utc_now() > began + wire)
    before = sum(cluster.state()["calls"].values())

    eventually(lambda: utc_now() > quiet_until)

    assert sum(cluster.state()["calls"].values()) == before
    assert not cluster.orders("--state", "dead")
    assert (until - began).total_seconds() == pytest.approx(8 if kind == "throttle" else 60, abs=3)
    if kind == "throttle":
        eventually(lambda: cluster.all_done(40), 90)
        cluster.assert_each_order_once(40)


def test_a_wrong_key_stops_the_calls_buries_nothing_and_heals_by_itself(cluster: Cluster) -> None:
    cluster.start_simulator(5)
    cluster.steer("tokens", remove=["simulated-token"])
    cluster.start_worker("w1")
    cluster.start_beat()
    eventually(lambda: "paused" in cluster.command("check").stdout, 60)

    check = cluster.command("check")
    calls = sum(cluster.state()["calls"].values())
    cluster.command("orders")

    assert check.returncode == 1
    assert "the key or token is wrong" in check.stdout
    assert "simulated-token" not in check.stdout + cluster.logs()
    assert sum(cluster.state()["calls"].values()) - calls <= 1
    cluster.steer("tokens", add=["simulated-token"])
    eventually(lambda: cluster.all_done(5), 120)


def test_a_message_delivered_twice_or_late_changes_nothing(cluster: Cluster) -> None:
    cluster.start_simulator(1)
    (only,) = cluster.state()["orders"]
    worker = cluster.start_worker("w1")
    cluster.start_beat()
    eventually(lambda: cluster.all_done(1), 60)
    before = cluster.command("order", only, "--json").stdout

    with app.connection_for_write(cluster.env["REDIS_URL"]) as broker:
        for name in ("orders.fetch", "orders.insert", "orders.start_handling"):
            for attempt in (0, 1, 2):
                app.send_task(
                    name, kwargs={"store": "acme", "order_id": only, "attempt": attempt},
                    queue="orders", connection=broker,
                )  # fmt: skip
    with redis.Redis.from_url(cluster.env["REDIS_URL"]) as connection:
        eventually(lambda: connection.llen("orders") == 0, 30)
    worker.kill(signal.SIGTERM)

    assert cluster.command("order", only, "--json").stdout == before
    cluster.assert_each_order_once(1)
