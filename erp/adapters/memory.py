"""The simplest adapter, in memory: for tests, and as an example."""

import threading
from collections.abc import Callable, Sequence
from decimal import Decimal

from erp.port import ErpOrder, ErpUnavailable, Event, Request
from erp.sales_order import SalesOrder
from foundation.messages import erp as messages


class MemoryErp:
    """An ERP in this process's memory.

    Attributes:
        is_down: makes every call fail, as if the ERP did not respond.
        orders: inserted orders by (store, order id).
        events: reported events by (store, order id, key).
        outbox: waiting requests, oldest first.
        handed_out: taken requests by reference.
        known_codes: the ERP's codes by kind.
        outcomes: the last outcome of each request, by reference.
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
        """Insert an order once. Return its reference."""
        self._require_up()
        key = (order.store, order.order_id)
        with self._lock:
            if key not in self._references:
                self.orders[key] = order
                self._references[key] = str(len(self._references) + 1)
            return self._references[key]

    def find(self, store: str, order_id: str) -> str | None:
        """Return the reference of an order, or ``None``."""
        self._require_up()
        return self._references.get((store, order_id))

    def look_up(self, store: str, order_ids: Sequence[str]) -> dict[str, ErpOrder]:
        """Return the known orders with their totals and cancellations."""
        self._require_up()
        return {
            order_id: ErpOrder(
                self._references[store, order_id],
                self._total(store, order_id),
                any(
                    event.kind in ("canceled", "replaced")
                    for event in self._events(store, order_id)
                ),
            )
            for order_id in order_ids
            if (store, order_id) in self._references
        }

    def _total(self, store: str, order_id: str) -> Decimal:
        told = [
            event.order_diff
            for event in self._events(store, order_id)
            if event.order_diff is not None
        ]
        return told[-1].after.total if told else self.orders[store, order_id].total

    def _events(self, store: str, order_id: str) -> list[Event]:
        return [
            event
            for event in self.events.values()
            if (event.store, event.order_id) == (store, order_id)
        ]

    def report(self, event: Event) -> None:
        """Store an event once."""
        self._require_up()
        key = (event.store, event.order_id, event.key)
        with self._lock:
            if key in self.events:
                return
            self.events[key] = event
            if event.outcome is not None and event.reference in self.handed_out:
                # A late report of an older failure does not undo a success.
                before = self.outcomes.get(event.reference)
                if before is None or before.outcome != "done":
                    self.outcomes[event.reference] = event

    def poll_outbox(self, take: Callable[[Request], None], limit: int) -> int:
        """Pass the waiting requests to ``take``, oldest first."""
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
                # Move it behind the others, so that it does not block them.
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
        """Return at once, since memory lacks tables."""

    def check(self) -> str:
        """Describe this ERP."""
        self._require_up()
        return "memory of this process"

    def close(self) -> None:
        """Return at once, since connections are absent."""

    def _require_up(self) -> None:
        if self.is_down:
            raise ErpUnavailable(messages.ERP_DOWN())
