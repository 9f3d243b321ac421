"""A new version takes over under load, and gives back: side by side, tables migrated meanwhile.

What "no order is delayed by more than the lease" means here, without a clock that decides: a job
that a restart leaves behind waits until its lease lapses, and the timeline says so. Where no line
says it, each attempt was begun, ended or handed back within its lease; and a new attempt has no
other cause than a hand-back. What is left is the wait for a turn, which is load.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from celery import Celery

from erp.sales_order import FlagName
from journal.journal import Journal
from journal.orders import NewOrder
from journal.timeline import EventRow
from support.next_release import next_release
from support.servers import Cluster, RedisServer, eventually

LEASE_SECONDS = 60
QUEUES = "invoices,tracking,cancellations,denials,changes"


@pytest.fixture
def old(tmp_path: Path, redis_server: RedisServer, postgres_database: str) -> Iterator[Cluster]:
    """A cluster of this version on PostgreSQL."""
    made = Cluster(tmp_path, postgres_database, postgres_database, redis_server.url)
    made.env |= {"LEASE_SECONDS": str(LEASE_SECONDS), "MAX_ORDERS_IN_FLIGHT": "60"}
    assert made.command("migrate").returncode == 0
    yield made
    made.stop()


@pytest.fixture
def new(old: Cluster, tmp_path: Path) -> Iterator[Cluster]:
    """The next release's processes, in the same cluster."""
    made = Cluster.__new__(Cluster)
    made.__dict__ |= old.__dict__ | {"home": next_release(tmp_path), "processes": {}}
    yield made
    made.stop()


def test_versions_change_under_load_and_back_and_no_order_waits_for_a_lease(
    old: Cluster, new: Cluster
) -> None:
    old.start_simulator(260, "--latency-ms", "40")
    for name in ("w1", "w2"):
        old.start_worker(name)
    old.start_beat()
    goes_on(old, 10)

    migrated = new.command("migrate")

    assert "schema 9002" in migrated.stdout, migrated.stderr
    assert "newer than 0100" in old.command("check").stdout
    replace(old, "w1", new)
    goes_on(old, 30)  # side by side
    replace(old, "beat", new)
    replace(old, "w2", new)
    goes_on(old, 30)
    # And a step back, before all is done: the older version starts on the newer tables.
    assert "newer than 0100" in old.command("migrate").stdout
    replace(new, "w1", old)
    goes_on(old, 30)
    for name in ("w2", "beat"):
        replace(new, name, old)
    eventually(lambda: old.all_done(260), 180)

    old.assert_each_order_once(260)
    assert_no_order_waited_for_a_lease(old)


def test_messages_of_either_version_are_worked_off_by_the_other(old: Cluster, new: Cluster) -> None:
    old.start_simulator(40)
    assert new.command("migrate").returncode == 0
    made_by_new(old, new)
    eventually(lambda: old.all_done(40), 90)
    assert notes(old) == set()

    stop(new, "dispatch", "beat")
    stop(old, "steps")
    old.steer("orders", count=40)
    old.start_worker("dispatch", "-Q", "control")
    new.start_worker("steps", "-Q", f"orders,{QUEUES}")
    old.start_beat()
    eventually(lambda: old.all_done(80), 90)

    assert notes(old) == {"next release, channel none"}
    old.assert_each_order_once(80)
    assert_no_order_waited_for_a_lease(old)


def made_by_new(old: Cluster, new: Cluster) -> None:
    """Let the new version list, sweep and schedule, and the old one do every step."""
    old.start_worker("steps", "-Q", f"orders,{QUEUES}")
    new.start_worker("dispatch", "-Q", "control")
    new.start_beat()


def test_a_public_request_with_a_new_field_waits_for_the_version_that_knows_it(
    old: Cluster, new: Cluster
) -> None:
    old.start_simulator(2)
    worker = old.start_worker("w1")
    old.start_beat()
    eventually(lambda: old.all_done(2), 60)
    order_id = min(old.state()["orders"])

    asked = {"store": "acme", "order_id": order_id, "reason": "x", "channel": "web", "contract": 2}
    with Celery(broker=old.env["REDIS_URL"]) as producer:
        producer.send_task("cancellations.request", queue="cancellations", kwargs=asked)
    eventually(lambda: "this worker knows 1" in worker.text(), 60)
    assert new.command("migrate").returncode == 0
    replace(old, "w1", new)

    eventually(lambda: old.state()["orders"][order_id]["status"] == "canceled", 90)
    life = events(old)[order_id]
    assert [entry.event for entry in life if entry.kind == "cancellation"][:1] == ["requested"]
    assert not [entry for entry in life if entry.event in ("refused", "dead")]


def test_a_step_and_a_schedule_that_only_the_newer_version_knows_do_no_harm(old: Cluster) -> None:
    old.start_simulator(1)
    worker = old.start_worker("w1")
    (order_id,) = old.state()["orders"]
    journal = Journal(old.env["JOURNAL_URL"])
    journal.orders.record("acme", [NewOrder(order_id, None, 1)])
    (ticket,) = journal.jobs.dispatch(in_flight=1)
    journal.close()

    with Celery(broker=old.env["REDIS_URL"]) as producer:
        producer.send_task("journal.tidy", queue="control")
        name = {"store": "acme", "order_id": order_id, "attempt": ticket.attempt}
        producer.send_task("orders.enrich", queue="orders", kwargs=name)
    eventually(lambda: "handed back a job with a step of a newer version" in worker.text(), 60)
    old.start_beat()

    eventually(lambda: old.all_done(1), 60)
    assert [entry.event for entry in events(old)[order_id]][:2] == ["listed", "handed back"]
    assert_no_order_waited_for_a_lease(old)


def test_a_new_worker_that_starts_before_the_migration_waits_for_it(
    old: Cluster, new: Cluster
) -> None:
    old.start_simulator(60, "--latency-ms", "40")
    old.start_worker("w1")
    old.start_beat()
    early = new.start_worker("w2")
    eventually(lambda: "this worker waits for the journal" in early.text(), 60)
    assert "must be at 9002. Run vtex-erp migrate" in early.text()
    assert "vtex-erp migrate" in new.command("check").stdout
    goes_on(old, 10)

    assert new.command("migrate").returncode == 0
    stop(old, "w1")
    eventually(lambda: old.all_done(60), 120)

    old.assert_each_order_once(60)
    assert_no_order_waited_for_a_lease(old)


def test_a_rolling_restart_on_sqlite_hands_every_order_on_and_lets_no_lease_lapse(
    cluster: Cluster,
) -> None:
    cluster.env["LEASE_SECONDS"] = str(LEASE_SECONDS)
    cluster.start_simulator(150, "--latency-ms", "60")
    names = ("w1", "w2")
    for name in names:
        cluster.start_worker(name)
    cluster.start_beat()
    goes_on(cluster, 10)

    for name in (*names, *names):
        replace(cluster, name, cluster)
        goes_on(cluster, 10)
    eventually(lambda: cluster.all_done(150), 120)

    cluster.assert_each_order_once(150)
    assert_no_order_waited_for_a_lease(cluster)


# --- restarting -----------------------------------------------------------------------------------


def replace(before: Cluster, name: str, after: Cluster) -> None:
    """Stop a process as systemd and Compose do, and start the other version's."""
    stop(before, name)
    after.start_beat() if name == "beat" else after.start_worker(name)


def stop(cluster: Cluster, *names: str) -> None:
    for name in names:
        cluster.processes.pop(name).kill(signal.SIGTERM)


def goes_on(cluster: Cluster, count: int) -> None:
    """Wait until so many more orders, or the last ones, are done."""
    seen = cluster.handled()
    goal = min(seen + count, len(cluster.state()["orders"]))
    eventually(lambda: cluster.handled() >= goal, 90)


# --- what the timelines say -----------------------------------------------------------------------


def events(cluster: Cluster) -> dict[str, list[EventRow]]:
    journal = Journal(cluster.env["JOURNAL_URL"])
    try:
        return {
            order: journal.timeline.events("acme", order) for order in cluster.state()["orders"]
        }
    finally:
        journal.close()


def notes(cluster: Cluster) -> set[str]:
    """What the next release says in the timelines of orders that it worked on."""
    details = {entry.detail or entry.event for life in events(cluster).values() for entry in life}
    # A note of a doubt about the order is no word of a release.
    doubts = tuple(f"{name}: " for name in FlagName)
    return {detail for detail in details if not detail.startswith(doubts)} - KNOWN


KNOWN = {"listed", "fetched", "paid", "inserted", "handling", "handed back", "note"}


def assert_no_order_waited_for_a_lease(cluster: Cluster) -> None:
    for order_id, life in events(cluster).items():
        said = [entry.event for entry in life]
        assert not [value for value in said if "lapsed" in value or value == "dead"], (
            order_id,
            life,
        )
        attempts = max(row.attempt for row in life if row.kind == "intake")
        assert attempts == 1 + said.count("handed back"), (order_id, life)
        # Listed to fetched is the wait for a turn; from there on nothing but the steps is left.
        begun = [entry for entry in life if entry.kind == "intake" and entry.event != "listed"]
        for earlier, later in pairwise(begun):
            assert later.at - earlier.at < timedelta(seconds=LEASE_SECONDS), (order_id, life)
