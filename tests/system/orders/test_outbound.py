"""Invoices, tracking and cancellations on real workers: every way in, and what breaks on it."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
import uuid
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
import requests
from sqlalchemy import Connection, text

from support.servers import Cluster, RedisServer, deadly, eventually, free_port

ISSUED = "2026-03-10T15:04:05-03:00"


@pytest.fixture
def handled(cluster: Cluster, request: pytest.FixtureRequest) -> Iterator[Cluster]:
    """A cluster at work whose three orders are in handling."""
    if getattr(request, "param", "sqlite") == "postgresql":
        url = request.getfixturevalue("postgres_database")
        cluster.env |= {"JOURNAL_URL": url, "ERP_URL": url}
        cluster.migrate()
    cluster.start_simulator(3)
    cluster.start_worker("w1")
    cluster.start_beat()
    eventually(lambda: cluster.all_done(3), 60)
    yield cluster


def wanted(cluster: Cluster) -> tuple[str, dict[str, Any]]:
    """An order, and the whole invoice of it."""
    row = min(cluster.orders(), key=lambda one: one["order_id"])
    fields = {
        "store": "acme",
        "order_id": row["order_id"],
        "invoice_number": "128841",
        "value_cents": row["value_cents"],
        "issued_at": ISSUED,
    }
    return row["order_id"], fields


def effects(cluster: Cluster, order_id: str) -> int:
    return int(cluster.state()["orders"][order_id].get("invoice_effects", 0))


def is_invoiced(cluster: Cluster, order_id: str) -> bool:
    cluster.keep()
    text = cluster.command("orders", "show", order_id, "--json").stdout
    ended = [one["state"] for one in json.loads(text)["requests"]] if text else []
    return ended == ["done"] and cluster.state()["orders"][order_id]["status"] == "invoiced"


def assert_one_invoice(cluster: Cluster, order_id: str) -> None:
    eventually(lambda: is_invoiced(cluster, order_id), 90)
    assert effects(cluster, order_id) == 1


def put_in_outbox(cluster: Cluster, **row: object) -> None:
    with cluster.erp_database().begin() as db:
        insert(db, "int_outbox", {"store": "acme", **row})


def insert(db: Connection, table: str, row: dict[str, object]) -> None:
    names, marks = ", ".join(row), ", ".join(f":{name}" for name in row)
    db.execute(text(f"insert into {table} ({names}) values ({marks})"), row)


def put_invoice(cluster: Cluster, order_id: str, cents: int) -> None:
    put_in_outbox(
        cluster,
        kind="INVOICE",
        order_id=order_id,
        invoice_number="128841",
        value_cents=cents,
        issued_at=ISSUED,
    )


ON_BOTH = pytest.mark.parametrize("handled", ["sqlite", "postgresql"], indirect=True)


# --- ways in --------------------------------------------------------------------------------------


def test_a_program_that_knows_celery_alone_sends_by_name(
    handled: Cluster, redis_server: RedisServer, tmp_path: Path
) -> None:
    order_id, fields = wanted(handled)
    program = (
        "import json, sys\n"
        "from celery import Celery\n"
        "app = Celery(broker=sys.argv[1])\n"
        "app.send_task('invoices.send', kwargs=json.loads(sys.argv[2]), queue='invoices')\n"
    )

    subprocess.run(
        [sys.executable, "-c", program, redis_server.url, json.dumps(fields)],
        cwd=tmp_path,
        check=True,
        timeout=60,
    )

    assert_one_invoice(handled, order_id)
    assert handled.erp_rows("select kind, outcome, invoice_number from int_result") == [
        ("invoice", "done", "128841")
    ]


def test_a_message_written_without_celery_is_taken(
    handled: Cluster, redis_server: RedisServer
) -> None:
    order_id, fields = wanted(handled)
    number = str(uuid.uuid4())
    body = json.dumps([[], fields, {}])
    envelope = {
        "body": base64.b64encode(body.encode()).decode(),
        "content-type": "application/json",
        "content-encoding": "utf-8",
        "headers": {"id": number, "task": "invoices.send", "lang": "any"},
        "properties": {
            "correlation_id": number,
            "body_encoding": "base64",
            "delivery_info": {"exchange": "", "routing_key": "invoices"},
            "delivery_tag": str(uuid.uuid4()),
        },
    }

    with redis.Redis.from_url(redis_server.url) as connection:
        connection.lpush("invoices", json.dumps(envelope))

    assert_one_invoice(handled, order_id)


def test_flower_takes_it_over_http_with_its_password(handled: Cluster) -> None:
    order_id, fields = wanted(handled)
    port = free_port()
    handled.start(
        "flower", "celery", "-A", "workers", "flower", f"--port={port}", FLOWER_BASIC_AUTH="u:p"
    )
    url = f"http://127.0.0.1:{port}/api/task/send-task/invoices.send"

    def sent() -> bool:
        try:
            answer = requests.post(url, json={"kwargs": fields}, auth=("u", "p"), timeout=10)
        except requests.ConnectionError:
            return False
        return answer.status_code == 200

    eventually(sent, 30)

    assert requests.post(url, json={"kwargs": fields}, timeout=10).status_code == 401
    assert_one_invoice(handled, order_id)


@ON_BOTH
def test_the_outbox_row_tells_how_it_ended(handled: Cluster) -> None:
    order_id, fields = wanted(handled)
    put_invoice(handled, order_id, fields["value_cents"])
    put_in_outbox(
        handled, kind="TRACKING", order_id=order_id, invoice_number="128841", tracking_number="BR1"
    )
    put_in_outbox(handled, kind="CANCEL", order_id=order_id, reason="Falta de estoque")
    query = "select kind, status, receipt, last_error from int_outbox order by id"

    eventually(
        lambda: all(row[1] not in ("PENDING", "SENDING") for row in handled.erp_rows(query)), 90
    )

    ended = {row[0]: row[1:] for row in handled.erp_rows(query)}
    # The cancellation goes ahead of what waits: what was asked before it may be sent or not.
    if ended["CANCEL"][0] == "SENT":
        assert ended["INVOICE"][0] == "OBSOLETE"
    else:
        assert ended["INVOICE"][0] == "SENT"
        assert ended["INVOICE"][1]
        assert "too late" in ended["CANCEL"][2]


def test_an_outbox_row_that_breaks_the_contract_says_so(handled: Cluster) -> None:
    order_id, _fields = wanted(handled)
    put_invoice(handled, order_id, -5)

    eventually(lambda: handled.erp_rows("select status from int_outbox") == [("ERROR",)], 60)

    assert "value_cents" in handled.erp_rows("select last_error from int_outbox")[0][0]
    assert effects(handled, order_id) == 0


def test_an_order_of_value_zero_goes_in_and_ends_by_a_command(handled: Cluster) -> None:
    handled.steer("orders", count=1, kind="free")
    eventually(lambda: handled.all_done(4), 60)
    (free,) = (row["order_id"] for row in handled.orders() if row["value_cents"] == 0)

    answer = handled.command(
        *("requests", "invoice", free, "--invoice-number", "128841"),
        *("--value", "0", "--issued-at", ISSUED),
    )

    assert answer.returncode == 0, answer.stderr
    assert_one_invoice(handled, free)


def test_two_series_of_one_number_in_the_outbox_are_two_invoices(handled: Cluster) -> None:
    handled.steer("orders", count=1, kind="many")
    eventually(lambda: handled.all_done(4), 60)
    rows = handled.erp_rows(
        "select o.order_id, i.sku_id from int_order_item i "
        "join int_order o on o.id = i.int_order_id order by o.id, i.line_no"
    )
    order_id = Counter(row[0] for row in rows).most_common(1)[0][0]
    skus = [row[1] for row in rows if row[0] == order_id]

    for number, series in enumerate(("1", "2"), start=1):
        with handled.erp_database().begin() as db:
            columns = {"kind": "INVOICE", "store": "acme", "order_id": order_id, "id": number}
            columns |= {"invoice_number": "128841", "invoice_series": series, "value_cents": 100}
            insert(db, "int_outbox", columns | {"issued_at": ISSUED})
            line = {"int_outbox_id": number, "line_no": 1, "sku_id": skus[number]}
            insert(db, "int_outbox_item", line | {"quantity": 1, "price_cents": 100})

    query = "select invoice_series, status from int_outbox order by id"
    eventually(lambda: handled.erp_rows(query) == [("1", "SENT"), ("2", "SENT")], 90)
    assert effects(handled, order_id) == 2


# --- what breaks ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("handled", "target"),
    [
        ("sqlite", "journal.requests Requests submit after"),
        ("sqlite", "vtex.client VtexClient send_invoice before"),
        ("sqlite", "vtex.client VtexClient send_invoice after"),
        ("sqlite", "vtex.client VtexClient change_under_way after"),
        ("sqlite", "erp.adapters.sql.adapter SqlErp report after"),
        ("sqlite", "journal.outcomes Outcomes mark_reported before"),
        ("postgresql", "erp.adapters.sql.adapter SqlErp report before"),
        ("postgresql", "vtex.client VtexClient send_invoice after"),
    ],
    indirect=["handled"],
)
def test_a_worker_killed_at_any_step_of_an_invoice_sends_one(
    handled: Cluster, tmp_path: Path, target: str
) -> None:
    order_id, fields = wanted(handled)
    marker, env = deadly(tmp_path, target)
    handled.processes.pop("w1").kill()
    handled.start_worker("w2", **env)

    put_invoice(handled, order_id, fields["value_cents"])

    assert_one_invoice(handled, order_id)

    def told() -> bool:
        handled.keep()
        return handled.erp_rows("select status from int_outbox") == [("SENT",)]

    eventually(told, 90)
    assert marker.exists()


@ON_BOTH
def test_redis_emptied_between_outbox_and_sending_loses_no_invoice(
    handled: Cluster, redis_server: RedisServer
) -> None:
    order_id, fields = wanted(handled)
    handled.steer("faults", kind="unavailable", route="invoice", times=3)
    put_invoice(handled, order_id, fields["value_cents"])
    eventually(lambda: handled.erp_rows("select status from int_outbox") == [("SENDING",)], 60)

    redis_server.lose_everything()

    assert_one_invoice(handled, order_id)
    eventually(lambda: handled.erp_rows("select status from int_outbox") == [("SENT",)], 60)


@ON_BOTH
def test_a_message_sent_twice_and_an_answer_lost_make_one_invoice(
    handled: Cluster, redis_server: RedisServer
) -> None:
    order_id, fields = wanted(handled)
    handled.steer("faults", kind="lose_answer", route="invoice", times=1)
    file = handled.folder / "invoice.json"
    file.write_text(json.dumps(fields))

    for _ in range(3):
        assert handled.command("requests", "invoice", order_id, "--file", str(file)).returncode == 0

    assert_one_invoice(handled, order_id)
