"""Real worker processes at a store that enforces its quota: all of it used, none of it exceeded."""

from __future__ import annotations

import pytest
import requests

from journal.journal import Journal
from support.servers import Cluster, eventually
from tasks.intake.orders import listed
from vtex.client import VtexClient
from vtex.transport.transport import Account, Transport

ISSUED = "2026-03-10T15:04:05-03:00"


def calls(cluster: Cluster) -> dict[str, int]:
    answer = requests.get(f"{cluster.simulator}/_simulator/calls", timeout=10)
    return dict(answer.json())


def start(cluster: Cluster, quota: int, orders: int, **env: str) -> Journal:
    """Let two workers meet a backlog that the journal knows already."""
    cluster.start_simulator(orders)
    cluster.env |= {
        "VTEX_QUOTA_PER_MINUTE": str(quota),
        "VTEX_QUOTA_SHARE_PERCENT": "100",
        "ORDER_LIST_INTERVAL_SECONDS": "3600",
        "LEASE_SECONDS": "45",
        **env,
    }
    journal = Journal(cluster.env["JOURNAL_URL"])
    account = Account(
        "acme",
        cluster.env["VTEX_APP_KEY"],
        cluster.env["VTEX_APP_TOKEN"],
        cluster.simulator,
        cluster.simulator,
    )
    for page in VtexClient(Transport(account)).list_orders():
        journal.orders.record("acme", listed(page))
    cluster.steer("settings", quota=quota)
    for name in ("w1", "w2"):
        cluster.start_worker(name)
    cluster.start_beat()
    return journal


@pytest.mark.parametrize(("quota", "orders", "wanted"), [(600, 200, 150), (6000, 600, 1200)])
def test_a_backlog_uses_the_quota_is_never_refused_and_does_not_churn(
    cluster: Cluster, quota: int, orders: int, wanted: int
) -> None:
    journal = start(cluster, quota, orders)

    eventually(lambda: calls(cluster)["answered"] >= wanted, 120)

    assert calls(cluster)["refused"] == 0
    attempts = [order.attempt for order in journal.orders.find(limit=1000)]
    assert max(attempts) <= 2
    # What waits was left alone.
    claimed = sum(attempts)
    done = cluster.handled()
    assert claimed <= done + (60 if quota == 600 else 400)
    assert "ERROR" not in cluster.logs()
    check = cluster.command("check").stdout
    assert f"{quota} allowed (100 % of {quota})" in check


def test_invoices_go_before_a_backlog_of_new_orders(cluster: Cluster) -> None:
    journal = start(cluster, 240, 150)
    eventually(lambda: journal.orders.counts()["acme"].get("done", 0) >= 6, 90)
    rows = journal.orders.find(limit=1000)
    done = [row for row in rows if row.state == "done" and row.value_cents][:3]

    for number, row in enumerate(done):
        sent = cluster.command(
            "requests",
            "invoice",
            row.order_id,
            "--invoice-number",
            str(number + 1),
            "--value",
            f"{row.value_cents / 100:.2f}",
            "--issued-at",
            ISSUED,
        )
        assert sent.returncode == 0, sent.stdout + sent.stderr
    eventually(lambda: journal.requests.counts().get("invoice", {}).get("done") == 3, 90)

    assert calls(cluster)["refused"] == 0
    assert journal.orders.counts()["acme"]["done"] < 75


def test_a_quota_that_was_cut_without_a_word_costs_a_pause_and_no_order(cluster: Cluster) -> None:
    journal = start(cluster, 6000, 300)
    eventually(lambda: calls(cluster)["answered"] >= 200, 90)

    cluster.steer("settings", quota=100)
    eventually(lambda: journal.store_pauses.get("acme"), 60)
    eventually(lambda: "slowed down to 50%" in cluster.command("check").stdout, 30)
    refused = calls(cluster)["refused"]
    cluster.steer("settings", quota=None)
    assert cluster.command("stores", "resume", "--store", "acme").returncode == 0

    # What was on the wire, and what each process had booked before it heard of it.
    assert refused <= 60
    eventually(lambda: cluster.all_done(300), 120)
    cluster.assert_each_order_once(300)
