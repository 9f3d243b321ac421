"""Real workers, a real beat, a real broker, the simulated store, and faults."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from sqlalchemy import NullPool, create_engine, text

from journal.model import Policy
from support.servers import ROOT, Cluster, RedisServer, eventually
from tasks.workflow import MAX_ORDERS


@pytest.fixture
def personal_data(cluster: Cluster) -> Iterator[list[str]]:
    """Texts that must appear in no log and no Redis key."""
    yield ["Comércio Exemplo", "Rua das Palmeiras", "@ct.vtex.com.br", "simulated-token"]


def test_a_thousand_orders_survive_a_worker_killed_midway(
    cluster: Cluster, redis_server: RedisServer, personal_data: list[str]
) -> None:
    cluster.start_simulator(1000)
    first = cluster.start_worker("w1")
    cluster.start_worker("w2")
    cluster.start_beat()

    eventually(lambda: cluster.handled() >= 300, 120)
    first.kill()
    cluster.start_worker("w1")
    eventually(lambda: cluster.handled() >= 1000, 180)

    eventually(lambda: "1000 done" in cluster.told("orders", "list", "--limit", "1"), 60)
    cluster.assert_each_order_once(1000)
    logs = "".join(one.text() for one in cluster.processes.values())
    with redis.Redis.from_url(redis_server.url) as connection:
        keys = list(connection.scan_iter())
        kept = b"".join(connection.dump(key) or b"" for key in keys).decode(errors="replace")
    assert not [text for text in personal_data if text in logs + kept]


def test_redis_that_loses_everything_loses_no_order(
    cluster: Cluster, redis_server: RedisServer
) -> None:
    cluster.start_one_of_each(200, "--latency-ms", "30")

    eventually(lambda: cluster.handled() >= 40, 60)
    redis_server.lose_everything()

    def go_on() -> bool:
        cluster.keep()
        return cluster.handled() >= 200

    eventually(go_on, 120)
    cluster.assert_each_order_once(200)


def test_answers_lost_after_the_effect_repeat_nothing(cluster: Cluster) -> None:
    cluster.start_simulator(20)
    cluster.steer("faults", kind="lose_answer", route="start_handling", times=20)
    cluster.steer("faults", kind="html_error", route="order", times=10)
    cluster.start_worker("w1")
    cluster.start_beat()

    eventually(lambda: "20 done" in cluster.told("orders", "list"), 120)

    cluster.assert_each_order_once(20)


def test_wrong_credentials_stop_the_calls_and_bury_nothing(cluster: Cluster) -> None:
    cluster.start_simulator(10)
    cluster.steer("permissions", revoke=["View order"])
    cluster.start_worker("w1")
    cluster.start_beat()

    eventually(lambda: "paused" in cluster.command("check").stdout, 60)
    check = cluster.command("check")

    assert check.returncode == 1
    assert "Grant 'View order' to the key" in check.stdout
    assert (
        json.loads(cluster.command("orders", "list", "--state", "dead", "--json").stdout)["orders"]
        == []
    )
    cluster.steer("permissions", grant=["View order"])
    eventually(lambda: "10 done" in cluster.told("orders", "list"), 150)
    cluster.assert_each_order_once(10)


def test_a_malformed_order_is_set_aside_and_comes_in_after_its_mending(cluster: Cluster) -> None:
    cluster.start_simulator(6)
    broken = sorted(cluster.state()["orders"])[0]
    cluster.change(broken, **{"items.0.quantity": "three"})
    cluster.start_worker("w1")
    cluster.start_beat()

    eventually(lambda: cluster.order(broken).get("state") == "dead", 60)
    eventually(lambda: "5 done" in cluster.told("orders", "list"), 60)

    assert "items.0.quantity" in cluster.order(broken)["last_error"]
    cluster.change(broken, **{"items.0.quantity": 1})
    cluster.command("orders", "retry", broken)
    eventually(lambda: cluster.order(broken).get("state") != "open", 30)


def test_an_order_canceled_before_it_is_fetched_is_skipped(cluster: Cluster) -> None:
    cluster.start_simulator(2)
    gone = sorted(cluster.state()["orders"])[0]
    assert cluster.command("orders", "sync").returncode == 0
    cluster.change(gone, status="canceled")

    cluster.start_worker("w1")
    cluster.start_beat()

    eventually(lambda: cluster.order(gone).get("state") == "skipped", 60)
    assert "canceled" in cluster.order(gone)["last_error"]


def test_an_order_canceled_after_insertion_is_reported_to_the_erp(cluster: Cluster) -> None:
    cluster.start_simulator(1)
    (only,) = cluster.state()["orders"]
    cluster.steer("faults", kind="unavailable", route="start_handling", times=None)
    cluster.start_worker("w1")
    cluster.start_beat()
    eventually(lambda: cluster.order(only).get("stage") == "inserted", 60)

    cluster.change(only, status="canceled")
    cluster.clear_faults()

    eventually(lambda: cluster.order(only).get("state") == "skipped", 60)
    assert cluster.erp_rows("select kind from int_order_event") == [("canceled",)]
    assert cluster.erp_rows("select erp_state from int_order") == [("CANCEL",)]


def test_bad_settings_are_named_before_anything_starts(cluster: Cluster, tmp_path: Path) -> None:
    cluster.env["ORDER_LIST_INTERVAL_SECONDS"] = "often"

    answer = cluster.command("check")

    assert answer.returncode == 2
    said = answer.stdout + answer.stderr
    assert "ORDER_LIST_INTERVAL_SECONDS: 'often'" in said
    assert "For example ORDER_LIST_INTERVAL_SECONDS=60" in said


def test_an_erp_that_is_down_for_a_while_gets_every_order_after(cluster: Cluster) -> None:
    erp = Path(cluster.env["ERP_URL"].removeprefix("sqlite:///"))
    away = erp.with_suffix(".away")
    erp.rename(away)
    erp.mkdir()  # a database that cannot be opened
    cluster.start_simulator(8)
    cluster.start_worker("w1")
    cluster.start_beat()
    eventually(lambda: "8 paid" in cluster.told("orders", "list"), 60)

    erp.rmdir()
    away.rename(erp)

    eventually(lambda: "8 done" in cluster.told("orders", "list"), 90)
    cluster.assert_each_order_once(8)


def test_a_backlog_for_an_erp_that_is_down_costs_few_tries_and_drains_by_age(
    cluster: Cluster,
) -> None:
    orders = 300
    erp = Path(cluster.env["ERP_URL"].removeprefix("sqlite:///"))
    away = erp.with_suffix(".away")
    erp.rename(away)
    erp.mkdir()  # a database that cannot be opened
    # What several threads have begun ends in any order: one alone shows in which it was begun.
    cluster.env["WORKER_THREADS"] = "1"
    cluster.start_simulator(orders)
    cluster.start_worker("w1")
    second = cluster.start_worker("w2")
    cluster.start_beat()
    eventually(lambda: f"{orders} paid" in cluster.told("orders", "list"), 120)
    before = tries(cluster)
    began = time.monotonic()
    eventually(lambda: tries(cluster) >= before + 2, 60)
    vain, passed = tries(cluster) - before, time.monotonic() - began
    assert vain <= 1 + passed / Policy().erp_pause_seconds
    check = cluster.command("check").stdout
    assert "note    ERP paused: the ERP has not responded since" in check
    second.kill(signal.SIGTERM)

    erp.rmdir()
    away.rename(erp)

    eventually(lambda: cluster.all_done(orders), 300)
    cluster.assert_each_order_once(orders)
    placed = [one for (one,) in cluster.erp_rows("select placed_at from int_order order by id")]
    behind = [place - sorted(placed).index(one) for place, one in enumerate(placed)]
    # Some orders wait for SQLite's lock behind those that came later.
    out_of_turn = [one for one in behind if abs(one) > MAX_ORDERS]
    assert len(out_of_turn) <= orders / 10
    assert '"ERROR"' not in cluster.logs()


def tries(cluster: Cluster) -> int:
    """How often an order found the ERP down."""
    engine = create_engine(cluster.env["JOURNAL_URL"], poolclass=NullPool)
    found = "select count(*) from journal_events where event = 'retried later'"
    with engine.connect() as db:
        return int(db.execute(text(found)).scalar_one())


def test_an_order_that_kills_its_worker_is_set_aside_and_the_others_go_on(
    cluster: Cluster, tmp_path: Path
) -> None:
    cluster.start_simulator(6)
    killer = sorted(cluster.state()["orders"])[0]
    # The stand-in for a fault of the interpreter: the process dies when it maps this one order.
    (tmp_path / "sitecustomize.py").write_text(
        "import os\n"
        "from erp.mapping import sales_orders as mapping\n"
        "sound = mapping.to_sales_order\n"
        "def deadly(store, order, *more, **named):\n"
        f"    if order.order_id == {killer!r}:\n"
        "        os.kill(os.getpid(), 9)\n"
        "    return sound(store, order, *more, **named)\n"
        "mapping.to_sales_order = deadly\n"
    )
    worker = cluster.start_worker("w1", PYTHONPATH=f"{tmp_path}:{ROOT}")
    cluster.start_beat()

    def set_aside() -> bool:
        if worker.child is not None and worker.child.poll() is not None:
            worker.start()
        return cluster.order(killer).get("state") == "dead"

    eventually(set_aside, 120)
    eventually(lambda: "5 done" in cluster.told("orders", "list"), 60)

    assert "may have killed its worker" in cluster.order(killer)["last_error"]
    assert len(cluster.erp_rows()) == 5


def test_a_worker_told_to_stop_ends_its_steps_and_leaves_nothing_behind(cluster: Cluster) -> None:
    cluster.start_simulator(60, "--latency-ms", "100")
    worker = cluster.start_worker("w1")
    cluster.start_beat()
    eventually(lambda: cluster.handled() >= 5, 60)

    worker.kill(signal.SIGTERM)
    waiting = json.loads(cluster.command("orders", "list", "--state", "dead", "--json").stdout)[
        "orders"
    ]
    cluster.start_worker("w2")

    assert waiting == []
    eventually(lambda: "60 done" in cluster.told("orders", "list"), 90)
    cluster.assert_each_order_once(60)
