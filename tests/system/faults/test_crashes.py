"""Faults on purpose, in real processes: whatever breaks, each order comes in once."""

from __future__ import annotations

import signal
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path

import pytest
import redis

from journal.journal import Journal
from journal.storage.clock import utc_now
from support.servers import Cluster, RedisServer, deadly, eventually
from workers.app import app


def all_calls(cluster: Cluster) -> int:
    """Count what VTEX was asked, whatever it answered."""
    return sum(cluster.state()["calls"].values())


@pytest.mark.parametrize(
    "target",
    [
        "journal.orders Orders record after",
        "vtex.client VtexClient order before",
        "vtex.client VtexClient order after",
        "vtex.client VtexClient transaction before",
        "vtex.client VtexClient transaction after",
        "erp.adapters.sql.adapter SqlErp insert before",
        "erp.adapters.sql.adapter SqlErp insert after",
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

    eventually(lambda: cluster.all_done_supervised(6), 90)

    assert marker.exists()
    cluster.assert_each_order_once(6)
    assert cluster.start_handling_calls() == [1] * 6


@pytest.mark.parametrize("seconds", [0, 8])
def test_redis_that_is_away_under_load_and_keeps_its_data_costs_no_order(
    cluster: Cluster, redis_server: RedisServer, seconds: float
) -> None:
    with redis.Redis.from_url(redis_server.url) as connection:
        connection.set("kept", "yes")
    cluster.start_simulator(150, "--latency-ms", "60")
    cluster.start_worker("w1")
    cluster.start_worker("w2")
    cluster.start_beat()
    eventually(lambda: cluster.handled() >= 20, 60)

    redis_server.process.kill(signal.SIGKILL)
    back = utc_now() + timedelta(seconds=seconds)
    assert cluster.handled() < 120, "nearly done before Redis went"
    eventually(lambda: cluster.all_done_supervised(150) or utc_now() >= back)
    redis_server.start()

    with redis.Redis.from_url(redis_server.url) as connection:
        assert connection.get("kept") == b"yes"
    eventually(lambda: cluster.all_done_supervised(150), 90)
    cluster.assert_each_order_once(150)


def test_a_time_out_after_the_effect_is_looked_into_and_not_repeated(cluster: Cluster) -> None:
    cluster.start_simulator(5)
    cluster.env["VTEX_READ_TIMEOUT_SECONDS"] = "1"
    cluster.steer("faults", kind="timeout_after", route="start_handling", times=5, seconds=3)
    cluster.start_worker("w1")
    cluster.start_beat()

    eventually(lambda: cluster.all_done(5), 90)

    cluster.assert_each_order_once(5)
    assert cluster.start_handling_calls() == [1] * 5


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
    eventually(lambda: journal.store_pauses.get("acme"), 60)
    until, _reason = journal.store_pauses.get("acme") or (utc_now(), "")
    quiet_until = min(until, utc_now() + timedelta(seconds=7)) - timedelta(seconds=1)
    # What was on the wire when the answer came may end.
    wire = timedelta(seconds=1)
    began = utc_now()
    eventually(lambda: utc_now() > began + wire)
    before = all_calls(cluster)

    eventually(lambda: utc_now() > quiet_until)

    assert all_calls(cluster) == before
    assert not cluster.orders("--state", "dead")
    assert (until - began).total_seconds() == pytest.approx(8 if kind == "throttle" else 60, abs=3)
    if kind == "throttle":
        eventually(lambda: cluster.all_done(40), 90)
        cluster.assert_each_order_once(40)


def test_a_wrong_key_leaves_a_probe_now_and_then_buries_nothing_and_heals_by_itself(
    cluster: Cluster,
) -> None:
    # A minute's pause, shortened so that several of its probes are seen.
    cluster.env |= {"WORKER_THREADS": "4", "RETRY_UNAUTHORIZED_PAUSE_SECONDS": "6"}
    cluster.start_simulator(24)
    assert cluster.command("orders", "sync").returncode == 0
    cluster.steer("tokens", remove=["simulated-token"])
    listed = all_calls(cluster)
    cluster.start_worker("w1")
    cluster.start_beat()
    eventually(lambda: all_calls(cluster) > listed, 60)
    began, before = utc_now(), all_calls(cluster)

    eventually(lambda: utc_now() > began + timedelta(seconds=14))
    probes = all_calls(cluster) - before
    check = cluster.command("check")
    dead = cluster.orders("--state", "dead")
    cluster.steer("tokens", add=["simulated-token"])

    # Each pause ends with what its threads had begun and one listing, however many orders wait.
    assert 1 <= probes <= 3 * (4 + 1)
    assert not dead
    assert check.returncode == 1
    assert "the key or token is wrong" in check.stdout
    assert "simulated-token" not in check.stdout + cluster.logs()
    eventually(lambda: cluster.all_done(24), 60)
    cluster.assert_each_order_once(24)


def deliver(cluster: Cluster, order_id: str, attempts: Iterable[int]) -> None:
    """Bring messages of these attempts, one for each step, to the worker; it ends after them."""
    with app.connection_for_write(cluster.env["REDIS_URL"]) as broker:
        for name in ("fetch", "fetch_payment", "insert", "start_handling"):
            for attempt in attempts:
                app.send_task(
                    f"orders.{name}",
                    queue="orders",
                    connection=broker,
                    kwargs={"store": "acme", "order_id": order_id, "attempt": attempt},
                )
    with redis.Redis.from_url(cluster.env["REDIS_URL"]) as connection:
        eventually(lambda: connection.llen("orders") == 0, 30)
    cluster.processes["w1"].kill(signal.SIGTERM)


def test_a_message_delivered_twice_or_late_changes_nothing(cluster: Cluster) -> None:
    cluster.start_simulator(1)
    (only,) = cluster.state()["orders"]
    cluster.start_worker("w1")
    cluster.start_beat()
    eventually(lambda: cluster.all_done(1), 60)
    before = cluster.command("orders", "show", only, "--json").stdout

    deliver(cluster, only, (0, 1, 2))

    assert cluster.command("orders", "show", only, "--json").stdout == before
    cluster.assert_each_order_once(1)
    assert cluster.start_handling_calls() == [1]


def test_a_message_of_an_older_attempt_does_not_move_an_order_that_waits(cluster: Cluster) -> None:
    cluster.start_simulator(1)
    (only,) = cluster.state()["orders"]
    cluster.steer("faults", kind="unavailable", route="start_handling", times=None)
    cluster.start_worker("w1")
    beat = cluster.start_beat()
    eventually(lambda: cluster.order(only).get("attempt", 0) >= 2, 60)
    # From here on nobody sweeps: neither beat nor what it has sent already.
    beat.kill(signal.SIGTERM)
    cluster.processes["w1"].kill(signal.SIGTERM)
    eventually(lambda: cluster.order(only)["lease_until"] is None, 30)
    cluster.start_worker("w1", "-Q", "orders")
    # VTEX would take it now: what holds the order back is its attempt alone.
    cluster.clear_faults()
    before = cluster.command("orders", "show", only, "--json").stdout

    deliver(cluster, only, range(cluster.order(only)["attempt"]))

    assert cluster.command("orders", "show", only, "--json").stdout == before
    assert cluster.handled() == 0
    cluster.start_worker("w1")
    cluster.start_beat()
    eventually(lambda: cluster.all_done(1), 60)
    cluster.assert_each_order_once(1)


def sweep(cluster: Cluster) -> None:
    with app.connection_for_write(cluster.env["REDIS_URL"]) as broker:
        app.send_task("journal.dispatch", queue="control", connection=broker)


def test_what_a_dead_worker_left_is_done_one_after_another_in_one_sweep(cluster: Cluster) -> None:
    cluster.env |= {"WORKER_THREADS": "12", "MAX_CRASHES": "2"}
    cluster.start_simulator(12)
    cluster.steer("faults", kind="timeout", route="start_handling", times=None, seconds=60)
    worker = cluster.start_worker("w1")
    assert cluster.command("orders", "sync").returncode == 0
    sweep(cluster)
    eventually(lambda: cluster.state()["calls"].get("start_handling") == 12, 30)

    worker.kill()
    cluster.clear_faults()
    journal = Journal(cluster.env["JOURNAL_URL"])
    eventually(
        lambda: all(order.lease_until < journal.now() for order in journal.orders.find()), 30
    )
    journal.close()
    cluster.start_worker("w1")
    sweep(cluster)

    eventually(lambda: cluster.all_done(12), 60)
    cluster.assert_each_order_once(12)
