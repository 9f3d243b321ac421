"""The order that VTEX publishes as its example goes through real workers."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import requests

from support import vtex_openapi
from support.servers import Cluster, eventually

pytestmark = vtex_openapi.needed
DIFFERENCE = (
    "Items 0.99 + Discounts 0.00 + Shipping 3.00 + Tax 0.00 = 3.99, but the order's value is 11.60"
)
MISMATCH = (
    "select o.order_id, o.total_cents, f.detail from int_order o join int_order_flag f "
    "on f.int_order_id = o.id where f.name = 'sum_mismatch'"
)


def place(cluster: Cluster) -> str:
    # VTEX shows no order older than two years, and its example is.
    now = datetime.now(UTC).isoformat()
    order = vtex_openapi.example("orders", vtex_openapi.ORDER) | {
        "status": "ready-for-handling",
        "creationDate": now,
    }
    transaction = vtex_openapi.example("payments", vtex_openapi.TRANSACTION)
    payment = vtex_openapi.example("payments", vtex_openapi.PAYMENT)
    ids = [transaction["transactionId"] for transaction in order["paymentData"]["transactions"]]
    requests.put(
        f"{cluster.simulator}/_simulator/orders/{order['orderId']}",
        json={
            "order": order,
            "transactions": {
                order_id: {"transaction": transaction, "payments": [payment]} for order_id in ids
            },
        },
        timeout=10,
    ).raise_for_status()
    return str(order["orderId"])


def test_its_sums_do_not_add_up_so_it_is_held_until_the_setting_lets_it_in(
    cluster: Cluster,
) -> None:
    cluster.start_simulator(2)
    order_id = place(cluster)
    worker = cluster.start_worker("w1")
    cluster.start_beat()

    eventually(lambda: cluster.order(order_id).get("state") == "dead", 60)
    eventually(lambda: cluster.all_done(2), 60)
    held = cluster.order(order_id)
    worker.kill()
    cluster.env["ALLOW_SUM_MISMATCH"] = "true"
    cluster.start_worker("w2")
    assert cluster.command("orders", "retry", order_id).returncode == 0
    eventually(lambda: cluster.order(order_id).get("state") == "done", 60)

    assert DIFFERENCE in held["last_error"]
    flagged = cluster.erp_rows(MISMATCH)
    assert {(order, total) for order, total, _ in flagged} == {(order_id, 1160)}
    assert any(DIFFERENCE in detail for _, _, detail in flagged)
    assert DIFFERENCE in cluster.command("orders", "show", order_id).stdout


def test_the_setting_lets_it_in_at_once_flagged_in_the_erp_and_in_its_timeline(
    cluster: Cluster,
) -> None:
    cluster.env["ALLOW_SUM_MISMATCH"] = "true"
    cluster.start_simulator(1)
    order_id = place(cluster)
    cluster.start_worker("w1")
    cluster.start_beat()

    eventually(lambda: cluster.all_done(2), 60)

    flagged = cluster.erp_rows(MISMATCH)
    assert {order for order, _, _ in flagged} == {order_id}
    assert any(DIFFERENCE in detail for _, _, detail in flagged)
    shown = json.loads(cluster.command("orders", "show", order_id, "--json").stdout)
    assert not shown["order"]["last_error"]
    assert DIFFERENCE in json.dumps(shown["events"])
    cluster.assert_each_order_once(2)
