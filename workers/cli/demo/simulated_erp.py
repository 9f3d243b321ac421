"""Play the demo's ERP: invoice, ship and cancel orders by messages, as any program may."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from celery import Celery

from journal.journal import Journal
from journal.model import State
from journal.orders import OrderRow
from journal.requests import RequestRow
from vtex import schemas
from vtex.documents import Order
from vtex.pricing.prices import price_lines

SECONDS = 120.0


@dataclass(frozen=True)
class Played:
    """The requests of the demo's ERP, after they ended.

    Attributes:
        example: an order with an invoice, its tracking and its delivery.
    """

    requests: Sequence[RequestRow]
    example: str | None

    def count(self, kind: str, state: State) -> int:
        """Return how many requests of a kind ended in a state."""
        return sum(row.kind == kind and row.state is state for row in self.requests)


def play(journal: Journal, redis_url: str, rows: Sequence[OrderRow]) -> Played:
    """Invoice, ship and cancel some of the orders, and wait until these requests end."""
    app = Celery(broker=redis_url, set_as_current=False)
    sent = 0
    example = None
    for place, row in enumerate(rows[:16]):
        raw, _payment = journal.documents.get(row.store, row.order_id)
        if raw is None:
            continue
        order = schemas.read_order(raw)
        planned = _planned_requests(place, order)
        if place % 4 == 0 and example is None and planned:
            example = row.order_id
        for task, fields in planned:
            names = {"store": row.store, "order_id": row.order_id}
            app.send_task(task, kwargs=names | fields, queue=task.split(".", maxsplit=1)[0])
            sent += 1
    app.close()
    return settled(journal, sent, example)


def settled(journal: Journal, sent: int, example: str | None) -> Played:
    """Wait until all sent requests have ended, and return them.

    Args:
        sent: number of the requests.
        example: id of the order that the demo shows.
    """
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        rows = journal.requests.find(limit=1000)
        if len(rows) >= sent and all(row.state is not State.OPEN for row in rows):
            break
        time.sleep(0.2)
    return Played(journal.requests.find(limit=1000), example)


def _planned_requests(place: int, order: Order) -> list[tuple[str, dict[str, Any]]]:
    if order.value_cents <= 0:
        return []
    number = f"{9000 + place}"
    match place % 4:
        case 0:
            return [
                _invoice(number, order.value_cents),
                ("tracking.send", _parcel(number) | {"events": [_event("Coletado")]}),
                ("tracking.send", {"invoice_number": number, "delivered_at": _now()}),
            ]
        case 1:
            return _parts(number, order)
        case 2:
            return [("cancellations.request", {"reason": "Falta de estoque"})]
        case _ if place == 3:
            return [_invoice(number, order.value_cents + 1)]
    return []


def _parts(number: str, order: Order) -> list[tuple[str, dict[str, Any]]]:
    first = price_lines(order).lines[0]
    price = first.unit_cents
    if not 0 < price < order.value_cents:
        return [_invoice(number, order.value_cents)]
    item = {"sku_id": first.item.sku_id, "quantity": 1, "price_cents": price}
    return [
        _invoice(f"{number}-1", price, items=[item]),
        _invoice(f"{number}-2", order.value_cents - price),
    ]


def _invoice(number: str, cents: int, **more: Any) -> tuple[str, dict[str, Any]]:
    return "invoices.send", {
        "invoice_number": number,
        "value_cents": cents,
        "issued_at": _now(),
        **more,
    }


def _parcel(number: str) -> dict[str, Any]:
    return {
        "invoice_number": number,
        "tracking_number": f"BR{number}XX",
        "courier": "Transportes Sul",
    }


def _event(description: str) -> dict[str, Any]:
    day = datetime.now(UTC).date().isoformat()
    return {"city": "São Paulo", "state": "SP", "description": description, "date": day}


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
