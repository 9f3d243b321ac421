"""The simulated feed: it repeats events of status changes until they are committed."""

import json
import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol
from uuid import uuid4

from vtex.simulator import expressions
from vtex.simulator.faults import Refused

MOST = 10
"""Bound of the events in one response."""

_HANDLE_LENGTH = 1000
"""Length of a handle, about that of VTEX's own."""


class Told(Protocol):
    """An order as the feed sees it."""

    order: dict[str, Any]
    past: list[tuple[datetime, str]]
    fed: int


def _new_id() -> str:
    return uuid4().hex.upper()


@dataclass
class QueuedEvent:
    """A change of an order's status that waits to be committed."""

    body: dict[str, Any]
    at: datetime
    hidden_until: datetime
    handle: str = ""
    event_id: str = field(default_factory=_new_id)


class Feed:
    """The one feed of the account's key."""

    def __init__(self, seed: int) -> None:
        self._config: dict[str, Any] | None = None
        self._events: list[QueuedEvent] = []
        self._last: datetime | None = None
        self._expression: expressions.Expression | None = None
        self._known: dict[str, int] = {}
        self._fired: set[str] = set()
        self._random = random.Random(seed)
        self.repeats = 0
        self.shuffles = False

    # --- configuration ------------------------------------------------------------------------

    def configure(self, body: dict[str, Any], orders: Iterable[Told], now: datetime) -> None:
        """Store a configuration. Events queued under the former one stay.

        Raises:
            Refused: the configuration is invalid.
        """
        orders = list(orders)
        config = _config(body)
        self.gather(orders, now)
        # The statuses of the past stay unreported, and so do the documents as they are.
        if self._config is None or self._expression is not None:
            for order in orders:
                order.fed = len(_until(order, now))
        self._config, self._last = config, now
        self._expression, self._fired = None, set()
        if config["filter"]["type"] == "FromOrders":
            self._expression = expressions.parse(config["filter"]["expression"])
            self._known = {_id(order): _digest(order, now) for order in orders}

    def forget(self) -> bool:
        """Delete configuration and events. Return whether a configuration existed."""
        there = self._config is not None
        self._config = None
        self._events.clear()
        return there

    def shown(self, orders: Iterable[Told], now: datetime) -> dict[str, Any] | None:
        """Return the configuration with counts of waiting events, or ``None``."""
        self.gather(orders, now)
        if self._config is None:
            return None
        oldest = min((event.at for event in self._events), default=now)
        return self._config | {
            "quantity": len(self._events),
            "approximateAgeOfOldestMessageInSeconds": int((now - oldest).total_seconds()),
        }

    # --- events -------------------------------------------------------------------------------

    def read(self, most: int, orders: Iterable[Told], now: datetime) -> list[Any] | None:
        """Deliver events and hide them for a while. Return ``None`` without a configuration."""
        self.gather(orders, now)
        if self._config is None:
            return None
        ready = [event for event in self._events if event.hidden_until <= now]
        if self.shuffles:
            self._random.shuffle(ready)
        hidden = timedelta(seconds=self._config["queue"]["visibilityTimeoutInSeconds"])
        delivered = []
        for event in ready[: max(1, min(most, MOST))]:
            event.hidden_until = now + hidden
            event.handle = (uuid4().hex * (_HANDLE_LENGTH // 32 + 1))[:_HANDLE_LENGTH]
            delivered.append({"eventId": event.event_id, "handle": event.handle} | event.body)
        return delivered

    def commit(self, handles: Iterable[str], now: datetime) -> int:
        """Delete hidden events by their handles. Other handles are ignored."""
        wanted = set(handles)
        kept = [
            event
            for event in self._events
            if event.handle not in wanted or not event.handle or event.hidden_until <= now
        ]
        gone = len(self._events) - len(kept)
        self._events = kept
        return gone

    def add(self, body: dict[str, Any], now: datetime) -> None:
        """Queue an event as it is, even malformed."""
        for _ in range(1 + self.repeats):
            self._events.append(QueuedEvent(body, now, now))
        self._last = now

    def gather(self, orders: Iterable[Told], now: datetime) -> None:
        """Queue the changes since the last call. Delete old events."""
        if self._config is None:
            return
        new = self._changes_of_orders if self._expression else self._changes_of_status
        for body in new(orders, now):
            self.add(body, now)
        kept = timedelta(seconds=self._config["queue"]["MessageRetentionPeriodInSeconds"])
        self._events = [event for event in self._events if event.at + kept > now]
        if self._last and self._last + kept <= now:
            # VTEX deletes a feed without events for as long.
            self.forget()

    def _changes_of_status(self, orders: Iterable[Told], now: datetime) -> Iterator[dict[str, Any]]:
        wanted = (self._config or {})["filter"].get("status")
        for order in orders:
            if order.fed >= len(order.past):
                continue
            for place in range(order.fed, len(_until(order, now))):
                order.fed = place + 1
                if wanted is None or order.past[place][1] in wanted:
                    yield _body(order, place)

    def _changes_of_orders(self, orders: Iterable[Told], now: datetime) -> Iterator[dict[str, Any]]:
        """Yield an event of each document that changed and matches the expression.

        Each order has one event, unless ``disableSingleFire`` is set.
        """
        repeats = (self._config or {})["filter"].get("disableSingleFire")
        for order in orders:
            digest, order_id = _digest(order, now), _id(order)
            if self._known.get(order_id) == digest:
                continue
            self._known[order_id] = digest
            if order_id in self._fired and not repeats:
                continue
            if self._expression and expressions.matches(self._expression, _document(order, now)):
                self._fired.add(order_id)
                yield _body(order, len(_until(order, now)) - 1)


def _id(order: Told) -> str:
    return str(order.order["orderId"])


def _document(order: Told, now: datetime) -> dict[str, Any]:
    return order.order | {"status": _until(order, now)[-1][1]}


def _digest(order: Told, now: datetime) -> int:
    return hash(json.dumps(_document(order, now) | {"lastChange": None}))


def _until(order: Told, now: datetime) -> list[tuple[datetime, str]]:
    return [step for step in order.past if step[0] <= now]


def _body(order: Told, place: int) -> dict[str, Any]:
    since, state = order.past[place]
    before = order.past[place - 1] if place else (since, "window-to-cancel")
    return {
        "domain": "Fulfillment",
        "state": state,
        "lastState": before[1],
        "orderId": order.order["orderId"],
        "lastChange": f"{before[0]:%Y-%m-%dT%H:%M:%S.%f}Z",
        "currentChange": f"{since:%Y-%m-%dT%H:%M:%S.%f}7Z",
    }


def _config(body: dict[str, Any]) -> dict[str, Any]:
    wanted, queue = read_filter(body), body.get("queue")
    if not isinstance(queue, dict):
        raise Refused("queue must be an object")
    numbers = {str(name).lower(): value for name, value in queue.items()}
    found = {}
    for name, least, most in (
        ("visibilityTimeoutInSeconds", 0, 43_200),
        ("MessageRetentionPeriodInSeconds", 345_600, 1_209_600),
    ):
        value = numbers.get(name.lower())
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise Refused(f"queue.{name} must be from {least} to {most}")
        found[name] = value
    return {"filter": wanted, "queue": found}


def read_filter(body: dict[str, Any]) -> dict[str, Any]:
    """Return the filter of a feed or of a hook. Without one, every status counts.

    Raises:
        Refused: the filter is invalid.
    """
    wanted = body.get("filter") or {"type": "FromWorkflow"}
    if not isinstance(wanted, dict):
        raise Refused("filter must be an object")
    if wanted.get("status") and wanted.get("expression"):
        raise Refused("status and expression exclude each other", status=409)
    if wanted.get("type") not in ("FromWorkflow", "FromOrders"):
        raise Refused("filter.type must be FromWorkflow or FromOrders")
    if wanted["type"] == "FromOrders":
        expressions.parse(wanted.get("expression"))
    statuses = wanted.get("status")
    if statuses is not None and not (
        isinstance(statuses, list) and all(isinstance(status, str) for status in statuses)
    ):
        raise Refused("filter.status must be a list of texts")
    if not isinstance(wanted.get("disableSingleFire", False), bool):
        raise Refused("filter.disableSingleFire must be true or false")
    return wanted
