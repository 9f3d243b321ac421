"""A new version takes over under load: workers restarted in turn, tables migrated meanwhile."""

from __future__ import annotations

import signal

from servers import Cluster, eventually

from journal.store import Journal


def test_a_rolling_restart_hands_every_order_on_and_lets_no_lease_lapse(cluster: Cluster) -> None:
    cluster.env["LEASE_SECONDS"] = "60"
    cluster.start_simulator(150, "--latency-ms", "60")
    names = ("w1", "w2")
    for name in names:
        cluster.start_worker(name)
    cluster.start_beat()
    eventually(lambda: cluster.handled() >= 10, 60)

    for name in (*names, *names):
        before = cluster.handled()
        cluster.processes[name].kill(signal.SIGTERM)
        assert cluster.command("migrate").returncode == 0
        cluster.start_worker(name)
        eventually(lambda seen=before: cluster.handled() >= min(seen + 10, 150), 60)
    eventually(lambda: cluster.all_done(150), 120)

    cluster.assert_each_order_once(150)
    assert lapsed(cluster) == []


def lapsed(cluster: Cluster) -> list[str]:
    """Orders whose worker left without a word."""
    journal = Journal(cluster.env["JOURNAL_URL"])
    try:
        return [
            order_id
            for order_id in cluster.state()["orders"]
            if any("lapsed" in one.what for one in journal.events("acme", order_id))
        ]
    finally:
        journal.close()
