"""The port's contract in plain Python, for tests and to learn from."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from decimal import Decimal

from erp.port import ErpOrder, ErpUnavailable, Event, Request
from erp.sales_order import SalesOrder


class MemoryErp:
    """An ERP in this process's memory.

    Attributes:
        is_down: makes every call fail as an ERP that does not answer.
        orders: what was inserted, by (store, order id).
        events: what was reported, by (store, order id, key).
        outbox: what waits to be handed out, oldest first.
        handed_out: what was, by its reference.
        known_codes: what it has codes for, by kind.
        outcomes: how that ended, by reference; of a request that is asked anew, the last time.
    """

    def __init__(self, url: str = "memory://") -> None:
        self.url = url
        self.is_down = False
        self.orders: dict[tuple[str, str], SalesOrder] = {}
        self.events: dict[tuple[str, str, str], Event] = {}
        self.outbox: list[Request] = []
        self.handed_out: dict[str, Request] = {}
        self.outcomes: dict[str, Event] = {}
        self.known_codes: dict[str, dict[str, str]] = {}
        self._references: dict[tuple[str, str], str] = {}
        self._lock = threading.Lock()

    def insert(self, order: SalesOrder) -> str:
        """Insert an order, once; return its reference."""
        self._require_up()
        key = (order.store, order.order_id)
        with self._lock:
            if key not in self._references:
                self.orders[key] = order
                self._references[key] = str(len(self._references) + 1)
            return self._references[key]

    def find(self, store: str, order_id: str) -> str | None:
        """Return the reference of an order, None if there is none."""
        self._require_up()
        return self._references.get((store, order_id))

    def look_up(self, store: str, order_ids: Sequence[str]) -> dict[str, ErpOrder]:
        """Return the orders that are there, with their totals and whether they were canceled."""
        self._require_up()
        return {
            one: ErpOrder(
                self._references[store, one],
                self._total(store, one),
                any(event.kind in ("canceled", "replaced") for event in self._told(store, one)),
            )
            for one in order_ids
            if (store, one) in self._references
        }

    def _total(self, store: str, order_id: str) -> Decimal:
        told = [one.order_diff for one in self._told(store, order_id) if one.order_diff is not None]
        return told[-1].after.total if told else self.orders[store, order_id].total

    def _told(self, store: str, order_id: str) -> list[Event]:
        return [
            one for one in self.events.values() if (one.store, one.order_id) == (store, order_id)
        ]

    def report(self, event: Event) -> None:
        """Keep what became of an order or a request, once."""
        self._require_up()
        key = (event.store, event.order_id, event.key)
        with self._lock:
            if key in self.events:
                return
            self.events[key] = event
            if event.outcome is not None and event.reference in self.handed_out:
                # What VTEX has is not undone by an older failure that is told late.
                before = self.outcomes.get(event.reference)
                if before is None or before.outcome != "done":
                    self.outcomes[event.reference] = event

    def poll_outbox(self, take: Callable[[Request], None], limit: int) -> int:
        """Give ``take`` what waits, oldest first."""
        self._require_up()
        for count in range(limit):
            with self._lock:
                if not self.outbox:
                    return count
                request = self.outbox.pop(0)
                self.handed_out[request.reference] = request
                self.outcomes.pop(request.reference, None)
            try:
                take(request)
            except BaseException:
                # Behind the others, lest it stop them.
                with self._lock:
                    del self.handed_out[request.reference]
                    self.outbox.append(request)
                raise
        return limit

    def codes(self, _store: str) -> dict[str, dict[str, str]]:
        """Return ``known_codes``, the same for all stores."""
        self._require_up()
        return self.known_codes

    def migrate(self) -> None:
        """Do nothing: memory has no tables."""

    def check(self) -> str:
        """Say that this is memory."""
        self._require_up()
        return "memory of this process"

    def close(self) -> None:
        """Do nothing: there are no connections."""

    def _require_up(self) -> None:
        if self.is_down:
            raise ErpUnavailable("the ERP is down")
