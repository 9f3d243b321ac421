"""Real workers, a real beat, a real broker, the simulated store, and faults."""

from __future__ import annotations

import json
import signal
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import redis
import requests
from servers import ROOT, Cluster, RedisServer, eventually


def erp_rows(cluster: Cluster, query: str = "select order_id from int_order") -> list[Any]:
    with closing(sqlite3.connect(cluster.env["ERP_URL"].removeprefix("sqlite:///"))) as db:
        return db.execute(query).fetchall()


def state(cluster: Cluster) -> dict[str, Any]:
    shown: dict[str, Any] = requests.get(f"{cluster.simulator}/_simulator/state", timeout=10).json()
    return shown


def steer(cluster: Cluster, what: str, **body: object) -> None:
    requests.post(
        f"{cluster.simulator}/_simulator/{what}", json=body, timeout=10
    ).raise_for_status()


def handled(cluster: Cluster) -> int:
    return sum(one.get("start_handling_effects", 0) for one in state(cluster)["orders"].values())


def standing(cluster: Cluster, order_id: str) -> dict[str, Any]:
    answer = cluster.command("order", order_id, "--json")
    return dict(json.loads(answer.stdout)["order"]) if answer.returncode == 0 else {}


def assert_each_order_once(cluster: Cluster, count: int) -> None:
    effects = Counter(
        one.get("start_handling_effects", 0) for one in state(cluster)["orders"].values()
    )
    assert effects == {1: count}
    assert len(erp_rows(cluster)) == count
    assert len(set(erp_rows(cluster))) == count


def start(cluster: Cluster, orders: int, *more: str) -> None:
    cluster.start_simulator(orders, *more)
    cluster.start_worker("w1")
    cluster.start_beat()


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

    eventually(lambda: handled(cluster) >= 300, 120)
    first.kill()
    cluster.start_worker("w1")
    eventually(lambda: handled(cluster) >= 1000, 180)

    eventually(lambda: "1000 done" in cluster.command("orders", "--limit", "1").stdout, 60)
    assert_each_order_once(cluster, 1000)
    logs = "".join(one.text() for one in cluster.processes.values())
    with redis.Redis.from_url(redis_server.url) as connection:
        keys = list(connection.scan_iter())
        kept = b"".join(connection.dump(key) or b"" for key in keys).decode(errors="replace")
    assert not [text for text in personal_data if text in logs + kept]


def test_redis_that_loses_everything_loses_no_order(
    cluster: Cluster, redis_server: RedisServer
) -> None:
    start(cluster, 200, "--latency-ms", "30")

    eventually(lambda: handled(cluster) >= 40, 60)
    redis_server.lose_everything()

    def go_on() -> bool:
        for process in cluster.processes.values():
            if process.child is not None and process.child.poll() is not None:
                process.start()
        return handled(cluster) >= 200

    eventually(go_on, 120)
    assert_each_order_once(cluster, 200)


def test_answers_lost_after_the_effect_repeat_nothing(cluster: Cluster) -> None:
    cluster.start_simulator(20)
    steer(cluster, "faults", kind="lose_answer", route="start_handling", times=20)
    steer(cluster, "faults", kind="html_error", route="order", times=10)
    cluster.start_worker("w1")
    cluster.start_beat()

    eventually(lambda: "20 done" in cluster.command("orders").stdout, 120)

    assert_each_order_once(cluster, 20)


def test_wrong_credentials_stop_the_calls_and_bury_nothing(cluster: Cluster) -> None:
    cluster.start_simulator(10)
    steer(cluster, "permissions", revoke=["View order"])
    cluster.start_worker("w1")
    cluster.start_beat()

    eventually(lambda: "paused" in cluster.command("check").stdout, 60)
    check = cluster.command("check")

    assert check.returncode == 1
    assert "grant 'View order' to the key" in check.stdout
    assert json.loads(cluster.command("orders", "--state", "dead", "--json").stdout)["orders"] == []
    steer(cluster, "permissions", grant=["View order"])
    eventually(lambda: "10 done" in cluster.command("orders").stdout, 150)
    assert_each_order_once(cluster, 10)


def test_a_malformed_order_is_set_aside_and_comes_in_after_its_mending(cluster: Cluster) -> None:
    cluster.start_simulator(6)
    broken = sorted(state(cluster)["orders"])[0]
    requests.patch(
        f"{cluster.simulator}/_simulator/orders/{broken}",
        json={"items.0.quantity": "three"},
        timeout=10,
    )
    cluster.start_worker("w1")
    cluster.start_beat()

    eventually(lambda: standing(cluster, broken).get("state") == "dead", 60)
    eventually(lambda: "5 done" in cluster.command("orders").stdout, 60)

    assert "items.0.quantity" in standing(cluster, broken)["last_error"]
    requests.patch(
        f"{cluster.simulator}/_simulator/orders/{broken}", json={"items.0.quantity": 1}, timeout=10
    )
    cluster.command("retry", broken)
    eventually(lambda: standing(cluster, broken).get("state") != "open", 30)


def test_an_order_canceled_before_it_is_fetched_is_skipped(cluster: Cluster) -> None:
    cluster.start_simulator(2)
    gone = sorted(state(cluster)["orders"])[0]
    assert cluster.command("sync").returncode == 0
    requests.patch(
        f"{cluster.simulator}/_simulator/orders/{gone}", json={"status": "canceled"}, timeout=10
    )

    cluster.start_worker("w1")
    cluster.start_beat()

    eventually(lambda: standing(cluster, gone).get("state") == "skipped", 60)
    assert "canceled" in standing(cluster, gone)["last_error"]


def test_an_order_canceled_after_insertion_is_reported_to_the_erp(cluster: Cluster) -> None:
    cluster.start_simulator(1)
    (only,) = state(cluster)["orders"]
    steer(cluster, "faults", kind="unavailable", route="start_handling", times=None)
    cluster.start_worker("w1")
    cluster.start_beat()
    eventually(lambda: standing(cluster, only).get("stage") == "inserted", 60)

    requests.patch(
        f"{cluster.simulator}/_simulator/orders/{only}", json={"status": "canceled"}, timeout=10
    )
    requests.delete(f"{cluster.simulator}/_simulator/faults", timeout=10)

    eventually(lambda: standing(cluster, only).get("state") == "skipped", 60)
    assert erp_rows(cluster, "select kind from int_order_event") == [("canceled",)]
    assert erp_rows(cluster, "select erp_state from int_order") == [("CANCEL",)]


def test_bad_settings_are_named_before_anything_starts(cluster: Cluster, tmp_path: Path) -> None:
    cluster.env["LIST_SECONDS"] = "often"

    answer = cluster.command("check")

    assert answer.returncode == 2
    assert "LIST_SECONDS: 'often'" in answer.stderr
    assert "For example LIST_SECONDS=60" in answer.stderr


def test_an_erp_that_is_down_for_a_while_gets_every_order_after(cluster: Cluster) -> None:
    erp = Path(cluster.env["ERP_URL"].removeprefix("sqlite:///"))
    away = erp.with_suffix(".away")
    erp.rename(away)
    erp.mkdir()  # a database that cannot be opened
    cluster.start_simulator(8)
    cluster.start_worker("w1")
    cluster.start_beat()
    eventually(lambda: "8 paid" in cluster.command("orders").stdout, 60)

    erp.rmdir()
    away.rename(erp)

    eventually(lambda: "8 done" in cluster.command("orders").stdout, 90)
    assert_each_order_once(cluster, 8)


def test_an_order_that_kills_its_worker_is_set_aside_and_the_others_go_on(
    cluster: Cluster, tmp_path: Path
) -> None:
    cluster.start_simulator(6)
    killer = sorted(state(cluster)["orders"])[0]
    # The stand-in for a fault of the interpreter: the process dies when it maps this one order.
    (tmp_path / "sitecustomize.py").write_text(
        "import os\n"
        "from erp import mapping\n"
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
        return standing(cluster, killer).get("state") == "dead"

    eventually(set_aside, 120)
    eventually(lambda: "5 done" in cluster.command("orders").stdout, 60)

    assert "may have killed its worker" in standing(cluster, killer)["last_error"]
    assert len(erp_rows(cluster)) == 5


def test_a_worker_told_to_stop_ends_its_steps_and_leaves_nothing_behind(cluster: Cluster) -> None:
    cluster.start_simulator(60, "--latency-ms", "100")
    worker = cluster.start_worker("w1")
    cluster.start_beat()
    eventually(lambda: handled(cluster) >= 5, 60)

    worker.kill(signal.SIGTERM)
    waiting = json.loads(cluster.command("orders", "--state", "dead", "--json").stdout)["orders"]
    cluster.start_worker("w2")

    assert waiting == []
    eventually(lambda: "60 done" in cluster.command("orders").stdout, 90)
    assert_each_order_once(cluster, 60)


def test_a_second_beat_takes_over_within_seconds_and_doubles_nothing(cluster: Cluster) -> None:
    cluster.start_simulator(4)
    cluster.start_worker("w1")
    first = cluster.start_beat("b1")
    eventually(lambda: "4 done" in cluster.command("orders").stdout, 60)
    cluster.start_beat("b2")

    first.kill()
    steer(cluster, "orders", count=3)

    eventually(lambda: "7 done" in cluster.command("orders").stdout, 60)
    assert_each_order_once(cluster, 7)
