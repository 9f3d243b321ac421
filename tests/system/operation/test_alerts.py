"""Whoever is to know what is wrong gets one message of it: real workers, a real webhook."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from support.servers import Cluster, eventually
from support.webhook import PASSWORD, Webhook, webhook

PERSONAL = ["Comércio Exemplo", "Rua das Palmeiras", "@ct.vtex.com.br", "simulated-token", PASSWORD]


@pytest.fixture
def told(cluster: Cluster) -> Iterator[Webhook]:
    """A webhook that a cluster of little patience tells of everything."""
    with webhook() as made:
        cluster.env |= {
            "ALERT_URLS": made.url,
            "ALERT_CHECK_INTERVAL_SECONDS": "0.5",
            "ALERT_PENDING_SECONDS": "1",
            "ALERT_RESOLVE_SECONDS": "2",
            "ALERT_BEAT_SILENT_SECONDS": "4",
        }
        yield made


def alerts(cluster: Cluster, *options: str) -> dict[str, dict[str, object]]:
    answer = json.loads(cluster.command("alerts", "list", "--json", *options).stdout)
    return {alert["rule"]: alert for alert in answer["alerts"]}


def test_fifty_orders_dead_of_one_cause_and_a_store_that_pauses_are_a_message_each(
    cluster: Cluster, told: Webhook
) -> None:
    cluster.start_simulator(50)
    for order_id in cluster.state()["orders"]:
        cluster.change(order_id, **{"items.0.quantity": "three"})
    cluster.start_worker("w1")
    cluster.start_worker("w2")
    assert cluster.command("orders", "sync").returncode == 0
    eventually(lambda: "50 dead" in cluster.told("orders", "list", "--limit", "1"), 60)
    dead = json.loads(cluster.command("dead-letters", "list", "--json", "--limit", "50").stdout)[
        "jobs"
    ]
    first = min(dead, key=lambda row: row["job"])["order_id"]

    cluster.start_beat()
    eventually(lambda: told.about("50 dead letters"))
    cluster.steer("permissions", revoke=["View order"])
    cluster.steer("orders", count=1)
    eventually(lambda: told.about("acme: calls to VTEX are paused"))
    during = cluster.command("alerts", "list")
    cluster.steer("permissions", grant=["View order"])
    assert cluster.command("stores", "resume", "--store", "acme").returncode == 0
    eventually(lambda: told.about("resolved: acme: calls to VTEX are paused"))
    assert (
        cluster.command(
            "dead-letters", "discard", "--all", "--reason", "a test", "--yes"
        ).returncode
        == 0
    )
    eventually(lambda: told.about("resolved: acme: 50 dead letters"))

    assert during.returncode == 1
    assert "vtex-erp stores resume --store acme" in during.stdout
    eventually(lambda: cluster.command("alerts", "list").returncode == 0, 30)
    assert len(told.got) == 4, told.titles
    assert f"count: 50, first order {first}" in told.got[0]["message"]
    for text in (json.dumps(told.got, ensure_ascii=False), cluster.logs(), during.stdout):
        assert not [value for value in PERSONAL if value in text]


def test_a_beat_that_is_dead_is_told_once_by_whichever_worker_and_is_over_when_it_is_back(
    cluster: Cluster, told: Webhook
) -> None:
    cluster.start_simulator(0)
    cluster.start_worker("w1")
    cluster.start_worker("w2")
    beat = cluster.start_beat()
    eventually(lambda: cluster.command("alerts", "list").returncode == 0)

    beat.kill()
    eventually(lambda: told.got)
    silent = cluster.command("alerts", "list")
    before = alerts(cluster)["beat_silent"]["seen_at"]
    eventually(lambda: alerts(cluster)["beat_silent"]["seen_at"] != before)
    cluster.start_beat("b2")
    eventually(lambda: told.about("resolved"))

    assert silent.returncode == 1
    assert "scheduled tasks do not run" in told.titles[0]
    assert "Start celery -A workers beat" in told.got[0]["message"]
    assert len(told.got) == 2, told.titles


def test_a_receiver_that_is_down_holds_up_no_order_and_is_named_with_what_it_answered(
    cluster: Cluster, told: Webhook
) -> None:
    told.status = 503
    cluster.start_one_of_each(4)
    assert (
        cluster.command("stores", "pause", "--store", "acme", "--reason", "stocktaking").returncode
        == 0
    )
    eventually(
        lambda: "it answered 503" in str(alerts(cluster).get("store_paused", {}).get("fault"))
    )

    tried = cluster.command("alerts", "test")
    assert cluster.command("stores", "resume", "--store", "acme").returncode == 0
    eventually(lambda: cluster.all_done(4))

    assert tried.returncode == 1
    assert "1 json: it answered 503" in tried.stdout
    told.status = 200
    assert cluster.command("alerts", "test").returncode == 0
    assert told.titles == ["vtex-erp: a test"]
    assert PASSWORD not in cluster.logs() + tried.stdout + tried.stderr
