"""The balance at the end: what was placed and asked for, against what became of it."""

from __future__ import annotations

import base64
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import redis
import requests
from sqlalchemy import text

from chaos.trade import Retailer, Shop, Wish
from chaos.world import World
from journal.journal import Journal
from journal.model import JournalUnavailable


def faults_of(world: World, shop: Shop, retailer: Retailer) -> list[str]:
    """Return what does not balance, a line each; empty where all does."""
    try:
        return [*_open_jobs(world), *_orders(world, shop, retailer), *_wishes(world, retailer)]
    except JournalUnavailable as error:
        return [str(error)]


def _open_jobs(world: World) -> Iterator[str]:
    journal = Journal(world.env["JOURNAL_URL"])
    try:
        for row in journal.orders.find(limit=100_000):
            if row.state in ("open", "dead"):
                yield f"order {row.order_id}: {row.state} at {row.stage}: {row.last_error}"
        for request in journal.requests.find(limit=100_000):
            if request.state in ("open", "dead"):
                yield f"{request.kind} {request.invoice_number} of {request.order_id}: {request.state}: {request.last_error}"
    finally:
        journal.close()


def _orders(world: World, shop: Shop, retailer: Retailer) -> Iterator[str]:
    there = Counter(row[0] for row in world.erp_rows("SELECT order_id FROM int_order"))
    at_vtex = world.state()["orders"]
    for order_id in shop.placed:
        if there[order_id] != 1:
            yield f"order {order_id}: {there[order_id]} times in the ERP"
        told = at_vtex[order_id].get("start_handling_effects", 0)
        # A cancellation goes ahead of what waits, also of start-handling.
        if told != 1 and not (told == 0 and retailer.wishes_of(order_id, "CANCEL")):
            yield f"order {order_id}: handling started {told} times"
        yield from _at_vtex(order_id, at_vtex[order_id], retailer)
    if unknown := set(there) - set(shop.placed):
        yield f"orders in the ERP that nobody placed: {sorted(unknown)}"


def _at_vtex(order_id: str, seen: dict[str, object], retailer: Retailer) -> Iterator[str]:
    invoices = len(retailer.wishes_of(order_id, "INVOICE"))
    if seen.get("invoice_effects", 0) != invoices:
        yield f"order {order_id}: {seen.get('invoice_effects', 0)} invoices for {invoices}"
    wanted = "invoiced" if invoices else "handling"
    wanted = "canceled" if retailer.wishes_of(order_id, "CANCEL") else wanted
    if seen["status"] != wanted:
        yield f"order {order_id}: is {seen['status']} at VTEX, not {wanted}"


def _wishes(world: World, retailer: Retailer) -> Iterator[str]:
    for wish in retailer.wishes:
        if not wish.is_done:
            yield f"{wish.kind} {wish.name} of {wish.order_id}: told {wish.outcomes or 'nothing'}"
        elif wish.kind == "TRACKING" and not _is_tracked(world, wish):
            yield f"TRACKING {wish.name} of {wish.order_id}: VTEX shows none"


def _is_tracked(world: World, wish: Wish) -> bool:
    url = f"{world.simulator}/api/oms/pvt/orders/{wish.order_id}"
    headers = {
        "X-VTEX-API-AppKey": world.env["VTEX_APP_KEY"],
        "X-VTEX-API-AppToken": world.env["VTEX_APP_TOKEN"],
    }
    packages = requests.get(url, headers=headers, timeout=10).json()["packageAttachment"]
    return any(
        (package["invoiceNumber"], package["trackingNumber"])
        == (wish.fields["invoice_number"], wish.fields["tracking_number"])
        for package in packages["packages"]
    )


# --- personal data ----------------------------------------------------------------------------


def persons(world: World) -> list[str]:
    """Return what the ERP knows of its customers: texts that belong there alone."""
    columns = ("customer_document", "customer_name", "customer_email", "customer_phone")
    found: set[str] = {world.env["VTEX_APP_TOKEN"]}
    with world.erp_database().connect() as db:
        for row in db.execute(text(f"SELECT {', '.join(columns)} FROM int_order")):
            found |= {value for value in row if value and len(value) >= 6}
        for row in db.execute(text("SELECT street, receiver FROM int_order_address")):
            found |= {value for value in row if value and len(value) >= 6}
    return sorted(found)


def texts_of_redis(connection: redis.Redis) -> str:
    """Return all that Redis holds as text, the bodies of messages decoded."""
    found: list[bytes] = []
    for key in connection.scan_iter(count=1000):
        match connection.type(key):
            case b"list":
                found += connection.lrange(key, 0, -1)
            case b"hash":
                found += connection.hgetall(key).values()
            case b"set":
                found += connection.smembers(key)
            case b"zset":
                found += connection.zrange(key, 0, -1)
            case b"string":
                found.append(connection.get(key) or b"")
    return "\n".join(_decoded(entry.decode(errors="replace")) for entry in found)


def texts_of_rabbit(folder: Path) -> str:
    """Return what RabbitMQ has written to its files: quorum queues keep every message there."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return "\n".join(path.read_text(errors="replace") for path in files)


def _decoded(value: str) -> str:
    try:
        body = json.loads(value)
    except ValueError:
        return value
    message = body[0] if isinstance(body, list) else body
    if isinstance(message, dict) and isinstance(message.get("body"), str):
        return value + base64.b64decode(message["body"]).decode(errors="replace")
    return value


def texts_of_flower(world: World) -> str:
    """Return what Flower knows of tasks and workers."""
    url, auth = f"http://127.0.0.1:{world.flower_port}", ("chaos", "monkey")
    pages = ("api/tasks?limit=10000", "api/workers", "tasks", "workers")
    return "\n".join(requests.get(f"{url}/{page}", auth=auth, timeout=30).text for page in pages)


def leaks(where: str, seen: str, secrets: list[str]) -> list[str]:
    """Return a line for each secret that is seen; the secret itself is cut short."""
    return [
        f"{where} shows {secret[:3]}… ({len(secret)} characters)"
        for secret in secrets
        if secret in seen
    ]
