"""Orders by VTEX's feed, with a real worker and a real beat, while the list shows nothing."""

from __future__ import annotations

from pathlib import Path

from support.servers import Cluster, deadly, eventually


def by_feed(cluster: Cluster, *setup: str) -> None:
    """Start a store whose list lags by an hour, and set its feed up."""
    cluster.env |= {
        "VTEX_INTAKE": "both",
        "ORDER_LIST_INTERVAL_SECONDS": "3600",
        "FEED_INTERVAL_SECONDS": "0.5",
    }
    cluster.start_simulator(0, "--index-lag", "3600")
    told = cluster.command("feed", "setup", *setup)
    assert told.returncode == 0, told.stderr


def calls(cluster: Cluster, route: str) -> int:
    return int(cluster.state()["calls"].get(route, 0))


def all_done(cluster: Cluster, count: int) -> bool:
    cluster.keep()
    return cluster.all_done(count)


def test_orders_come_in_by_the_feed_while_the_list_shows_none(cluster: Cluster) -> None:
    by_feed(cluster)
    cluster.steer("feed", repeats=1, shuffles=True)
    cluster.start_worker("w1")
    cluster.start_beat()

    cluster.steer("orders", count=12)
    eventually(lambda: cluster.all_done(12), 60)

    cluster.assert_each_order_once(12)
    eventually(lambda: "nothing waits" in cluster.command("check").stdout, 30)


def test_a_worker_killed_between_journal_and_commit_brings_each_order_in_once(
    cluster: Cluster, tmp_path: Path
) -> None:
    by_feed(cluster, "--hidden", "2")
    marker, env = deadly(tmp_path, "vtex.client VtexClient commit_feed before")
    cluster.steer("orders", count=6)
    cluster.start_worker("w1", **env)
    cluster.start_beat()

    eventually(lambda: all_done(cluster, 6), 90)
    eventually(lambda: "nothing waits" in cluster.command("check").stdout, 60)

    assert marker.exists()
    cluster.assert_each_order_once(6)
    assert calls(cluster, "commit") >= 1


def test_a_feed_that_vtex_lost_is_restored_and_orders_come_by_it_again(cluster: Cluster) -> None:
    by_feed(cluster)
    cluster.start_worker("w1")
    cluster.start_beat()
    eventually(lambda: calls(cluster, "feed") > 0, 60)

    cluster.steer("feed", forget=True)
    eventually(lambda: "feed restored" in cluster.command("check").stdout, 60)
    cluster.steer("orders", count=3)
    eventually(lambda: cluster.all_done(3), 60)

    assert "VTEX had none any more" in cluster.command("feed", "show").stdout
    cluster.assert_each_order_once(3)
