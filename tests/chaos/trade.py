"""What goes on all the while: shoppers place orders, and the ERP asks for what follows them.

The ERP here is a program of its own: it reads the integration tables, writes to its outbox or
sends messages with plain Celery, and asks again where it hears nothing, as docs/messages.md says.
"""

from __future__ import annotations

import random
import threading
import time
from dataclasses import dataclass, field
from typing import Any

import requests
from amqp.exceptions import AMQPError
from celery import Celery
from kombu.exceptions import OperationalError
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from chaos.world import World

ISSUED = "2026-03-10T15:04:05-03:00"
ASKED_AGAIN_SECONDS = 15.0
TASKS = {
    "INVOICE": ("invoices.send", "invoices"),
    "TRACKING": ("tracking.send", "tracking"),
    "CANCEL": ("cancellations.request", "cancellations"),
}


@dataclass
class Wish:
    """Something that the ERP asked for.

    Attributes:
        in_outbox: it goes that way, else as a message.
        row: its number in the outbox.
        asked_at: when it was last sent as a message.
        outcomes: how it ended, as the ERP was told; the last one counts.
    """

    name: str
    kind: str
    order_id: str
    fields: dict[str, Any]
    in_outbox: bool = False
    row: int | None = None
    asked_at: float = 0.0
    outcomes: list[str] = field(default_factory=list)

    @property
    def is_done(self) -> bool:
        return bool(self.outcomes) and self.outcomes[-1] == "done"


class Shop(threading.Thread):
    """Shoppers place orders until told to stop."""

    def __init__(self, world: World, a_minute: float) -> None:
        super().__init__(name="shop", daemon=True)
        self._world, self._pause = world, 60.0 / a_minute
        self._ended = threading.Event()
        self.placed: list[str] = []

    def run(self) -> None:
        while not self._ended.wait(self._pause):
            url = f"{self._world.simulator}/_simulator/orders"
            self.placed += requests.post(url, json={"count": 1}, timeout=30).json()

    def close(self) -> None:
        self._ended.set()
        self.join()


class Retailer(threading.Thread):
    """The ERP: takes orders from the integration tables, and asks for what follows."""

    def __init__(self, world: World, seed: int) -> None:
        super().__init__(name="retailer", daemon=True)
        self._world, self._random = world, random.Random(seed)
        self._ended = threading.Event()
        self._engine = world.erp_database()
        self._last = 0
        self._numbers = 100_000
        self._celery = Celery("erp", broker=world.env.get("BROKER_URL", world.env["REDIS_URL"]))
        patience = {"socket_timeout": 3, "socket_connect_timeout": 3}
        if world.rabbit:
            patience = {"confirm_publish": True, "read_timeout": 3, "write_timeout": 3}
        self._celery.conf.update(broker_transport_options=patience, task_publish_retry=False)
        self.wishes: list[Wish] = []

    def run(self) -> None:
        while not self._ended.wait(1.0):
            self.look()

    def look(self) -> None:
        """Take what is new, and hear how things ended; what is away now is looked at again."""
        for step in (self._take_orders, self._hear, self._ask_again):
            try:
                step()
            except (DBAPIError, OperationalError, AMQPError, OSError):
                continue

    def close(self) -> None:
        self._ended.set()
        self.join()

    def wishes_of(self, order_id: str, kind: str) -> list[Wish]:
        return [wish for wish in self.wishes if (wish.order_id, wish.kind) == (order_id, kind)]

    # --- asking -------------------------------------------------------------------------------

    def _take_orders(self) -> None:
        query = text(
            "SELECT id, order_id, total_cents FROM int_order WHERE id > :last ORDER BY id LIMIT 50"
        )
        with self._engine.connect() as db:
            rows = db.execute(query, {"last": self._last}).all()
        for number, order_id, cents in rows:
            # Not followed once more where the database goes away amid it: an order that is
            # invoiced twice would be the ERP's own doing.
            self._last = number
            self._follow(order_id, cents)

    def _follow(self, order_id: str, cents: int) -> None:
        drawn = self._random.random()
        if drawn < 0.12:
            self._wish("CANCEL", order_id, reason="sem estoque")
        elif cents > 0 and drawn < 0.25:
            self._in_two_parts(order_id, cents)
        elif cents > 0 and drawn < 0.9:
            self._whole(order_id, cents)

    def _whole(self, order_id: str, cents: int) -> None:
        with_tracking = self._random.random() < 0.3
        number = self._invoice(order_id, cents, **(self._parcel() if with_tracking else {}))
        if not with_tracking and self._random.random() < 0.5:
            self._wish("TRACKING", order_id, invoice_number=number, **self._parcel())

    def _in_two_parts(self, order_id: str, cents: int) -> None:
        query = text(
            "SELECT i.sku_id, i.quantity, i.total_cents FROM int_order_item i "
            "JOIN int_order o ON o.id = i.int_order_id "
            "WHERE o.order_id = :id AND i.parent_line IS NULL ORDER BY i.line_no"
        )
        with self._engine.connect() as db:
            lines = db.execute(query, {"id": order_id}).all()
        sku, quantity, part = lines[0]
        several = len({line.sku_id for line in lines}) == len(lines) > 1
        if not several or not 0 < part < cents or int(quantity) != 1:
            self._whole(order_id, cents)
            return
        self._invoice(order_id, part, items=[{"sku_id": sku, "quantity": 1, "price_cents": part}])
        self._invoice(order_id, cents - part)

    def _invoice(self, order_id: str, cents: int, **more: Any) -> str:
        self._numbers += 1
        number = str(self._numbers)
        fields = {"invoice_number": number, "value_cents": cents, "issued_at": ISSUED}
        self._wish("INVOICE", order_id, **fields, **more)
        return number

    def _parcel(self) -> dict[str, Any]:
        number = f"BR{self._random.randrange(10**9)}"
        return {
            "tracking_number": number,
            "courier": "Correios",
            "tracking_url": f"https://rastreio.example.com/{number}",
        }

    def _wish(self, kind: str, order_id: str, **fields: Any) -> None:
        wish = Wish(f"erp-{len(self.wishes)}", kind, order_id, fields)
        # The first part must be known before the rest, which "all that is left" depends on:
        # an outbox keeps an order, messages do not.
        wish.in_outbox = "items" in fields or self._random.random() < 0.5
        self.wishes.append(wish)
        if wish.in_outbox:
            wish.row = self._into_outbox(wish)

    def _into_outbox(self, wish: Wish) -> int:
        columns = {
            "kind": wish.kind,
            "store": "acme",
            "order_id": wish.order_id,
            "dedupe_key": wish.name,
            **{self._column(name): value for name, value in wish.fields.items() if name != "items"},
        }
        names, marks = ", ".join(columns), ", ".join(f":{name}" for name in columns)
        written = text("SELECT id FROM int_outbox WHERE dedupe_key = :name")
        with self._engine.begin() as db:
            # An answer may have been lost after the commit.
            if number := db.execute(written, {"name": wish.name}).scalar_one_or_none():
                return int(number)
            statement = f"INSERT INTO int_outbox ({names}) VALUES ({marks}) RETURNING id"
            number = int(db.execute(text(statement), columns).scalar_one())
            for place, item in enumerate(wish.fields.get("items", ()), start=1):
                db.execute(
                    text(
                        "INSERT INTO int_outbox_item (int_outbox_id, line_no, sku_id, quantity, "
                        "price_cents) VALUES (:n, :place, :sku_id, :quantity, :price_cents)"
                    ),
                    {"n": number, "place": place, **item},
                )
        return number

    @staticmethod
    def _column(name: str) -> str:
        return {"number": "invoice_number"}.get(name, name)

    def _ask_again(self) -> None:
        """Send what was not answered; what was sent before and is known does no harm."""
        now = time.monotonic()
        for wish in self.wishes:
            if wish.in_outbox and wish.row is None:
                wish.row = self._into_outbox(wish)
            waits = not wish.in_outbox and not wish.outcomes
            if waits and now - wish.asked_at > ASKED_AGAIN_SECONDS:
                name, queue = TASKS[wish.kind]
                kwargs = {"store": "acme", "order_id": wish.order_id, "reference": wish.name}
                self._celery.send_task(name, kwargs=kwargs | wish.fields, queue=queue, declare=[])
                wish.asked_at = now

    # --- hearing ------------------------------------------------------------------------------

    def _hear(self) -> None:
        told: dict[str, list[str]] = {}
        with self._engine.connect() as db:
            for reference, outcome in db.execute(
                text("SELECT reference, outcome FROM int_result ORDER BY id")
            ):
                told.setdefault(str(reference), []).append(outcome)
            found = db.execute(text("SELECT id, status FROM int_outbox"))
            rows = {entry.id: entry.status for entry in found}
        words = {"SENT": "done", "ERROR": "refused", "DEAD": "dead", "OBSOLETE": "obsolete"}
        for wish in self.wishes:
            if not wish.in_outbox:
                wish.outcomes = told.get(wish.name, [])
            elif (now := words.get(rows.get(wish.row, ""))) and [now] != wish.outcomes[-1:]:
                wish.outcomes.append(now)
