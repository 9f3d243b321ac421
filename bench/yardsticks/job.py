"""The job itself, as one writes it without a product: list, read, insert, say that handling starts.

Same calls as our workers and about as many rows, in plain tables with the fields that an ERP
needs first. ``python -m bench.yardsticks.job`` makes the tables.
"""

from __future__ import annotations

import json
import os
from functools import cache
from typing import Any

import requests
from sqlalchemy import Engine, create_engine, make_url, text

VTEX = os.environ.get("VTEX_BASE_URL", "")
ELSEWHERE = (None, "NO-PAYMENT", "PAYMENT-FROM-AFFILIATE")
SECONDS = 20.0
PER_PAGE = 100

TABLES = {
    "plain_order": "order_id text primary key, status text, total bigint, document text, name text,"
    " email text, phone text, channel text, marketplace text, placed_at text, erp_state text",
    "plain_item": "order_id text, line_no int, sku text, ean text, name text, quantity int,"
    " price bigint, list_price bigint, primary key (order_id, line_no)",
    "plain_payment": "order_id text, seq int, system text, name text, value bigint,"
    " installments int, tid text, nsu text, primary key (order_id, seq)",
    "plain_address": "order_id text, kind text, receiver text, street text, number text,"
    " complement text, neighborhood text, city text, state text, postal_code text,"
    " primary key (order_id, kind)",
    "plain_raw": "order_id text primary key, order_document text, payment_document text",
}


@cache
def session() -> requests.Session:
    """Return this process's connections to VTEX; made after the fork, or children share them."""
    made = requests.Session()
    made.headers.update(
        {
            "X-VTEX-API-AppKey": os.environ["VTEX_APP_KEY"],
            "X-VTEX-API-AppToken": os.environ["VTEX_APP_TOKEN"],
            "Accept": "application/json",
        }
    )
    return made


@cache
def engine() -> Engine:
    """Return this process's connections to the ERP."""
    url = make_url(os.environ["ERP_URL"])
    if url.get_backend_name() == "sqlite":
        return create_engine(url, connect_args={"timeout": 60})
    return create_engine(url.set(drivername="postgresql+psycopg"))


def get(path: str, **query: Any) -> Any:
    answer = session().get(f"{VTEX}{path}", params=query, timeout=SECONDS)
    answer.raise_for_status()
    return answer.json()


def listed() -> list[str]:
    """Return the ids of all orders that are ready for handling."""
    query: dict[str, Any] = {
        "f_status": "ready-for-handling",
        "orderBy": "creationDate,asc",
        "per_page": PER_PAGE,
    }
    found, page, pages = [], 1, 1
    while page <= pages:
        answer = get("/api/oms/pvt/orders", page=page, **query)
        found += [entry["orderId"] for entry in answer["list"]]
        page, pages = page + 1, answer["paging"]["pages"]
    return found


def order(order_id: str) -> dict[str, Any]:
    found: dict[str, Any] = get(f"/api/oms/pvt/orders/{order_id}")
    return found


def transactions(document: dict[str, Any]) -> list[dict[str, Any]]:
    """Return what the gateway knows of an order's payments."""
    ids = [row["transactionId"] for row in (document["paymentData"] or {}).get("transactions", ())]
    paths = [f"/api/pvt/transactions/{order_id}" for order_id in ids if order_id not in ELSEWHERE]
    return [{"transaction": get(path), "payments": get(f"{path}/payments")} for path in paths]


def start_handling(order_id: str) -> None:
    path = f"{VTEX}/api/oms/pvt/orders/{order_id}/start-handling"
    session().post(path, timeout=SECONDS).raise_for_status()


def rows(document: dict[str, Any], paid: list[dict[str, Any]]) -> dict[str, list[tuple[Any, ...]]]:
    """Return an order's rows, by table."""
    order_id, client = document["orderId"], document["clientProfileData"]
    address = document["shippingData"]["address"]
    payments = [payment for each in paid for payment in each["payments"]]
    return {
        "plain_order": [(
            order_id, document["status"], document["value"], client["document"],
            f"{client['firstName']} {client['lastName']}", client["email"], client["phone"],
            document["salesChannel"], document["marketplaceOrderId"], document["creationDate"],
            "NEW",
        )],
        "plain_item": [
            (order_id, place, record["id"], record["ean"], record["name"], record["quantity"],
             record["sellingPrice"], record["listPrice"])
            for place, record in enumerate(document["items"])
        ],
        "plain_payment": [
            (order_id, place, str(row["paymentSystem"]), row["paymentSystemName"], row["value"],
             row["installments"], row["tid"], row["nsu"])
            for place, row in enumerate(payments)
        ],
        # VTEX's order has one: where it goes is where it is billed to.
        "plain_address": [
            (order_id, kind, *(address[name] for name in (
                "receiverName", "street", "number", "complement", "neighborhood", "city", "state",
                "postalCode",
            )))
            for kind in ("SHIP", "BILL")
        ],
        "plain_raw": [(
            order_id, json.dumps(document, ensure_ascii=False),
            json.dumps(paid, ensure_ascii=False),
        )],
    }  # fmt: skip


def insert(document: dict[str, Any], paid: list[dict[str, Any]]) -> None:
    """Insert an order with all its rows in one transaction, unless it is there."""
    with engine().begin() as db:
        for table, some in rows(document, paid).items():
            if not some:
                continue
            names = [f"v{place}" for place in range(len(some[0]))]
            marks = ", ".join(f":{name}" for name in names)
            done = db.execute(
                text(f"INSERT INTO {table} VALUES ({marks}) ON CONFLICT DO NOTHING"),
                [dict(zip(names, row, strict=True)) for row in some],
            )
            if table == "plain_order" and not done.rowcount:
                return


def make_tables() -> None:
    with engine().begin() as db:
        if engine().dialect.name == "sqlite":
            db.execute(text("PRAGMA journal_mode = WAL"))
        for table, columns in TABLES.items():
            db.execute(text(f"CREATE TABLE IF NOT EXISTS {table} ({columns})"))


if __name__ == "__main__":
    make_tables()
