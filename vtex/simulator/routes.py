"""VTEX's routes, one class per route."""

import json
from typing import Any

from vtex.simulator import fulfillment
from vtex.simulator.feed import ConfigRefused
from vtex.simulator.listing import QueryRefused
from vtex.simulator.middleware import Vtex
from vtex.simulator.state import Entry


class Listing(Vtex):
    """``GET /api/oms/pvt/orders``."""

    route, permission = "list", "List Orders"

    async def get(self) -> None:
        """Answer a page."""
        await self.answer()

    def effect(self, order_id: str | None) -> None:
        """List the orders in the index."""
        del order_id
        query = {name: self.get_query_argument(name) for name in self.request.query_arguments}
        try:
            self.say(200, self.world.store.listed(query))
        except QueryRefused as error:
            self.refuse(400, "OMS001", str(error))


class AnOrder(Vtex):
    """A call about one order."""

    def found(self, order_id: str | None) -> Entry | None:
        """Return the order, or refuse."""
        entry = self.world.store.entry(order_id or "")
        if entry is None:
            self.refuse(404, "OMS007", "Order Not Found")
        return entry


class OneOrder(AnOrder):
    """``GET /api/oms/pvt/orders/{orderId}``."""

    route, permission = "order", "View order"

    async def get(self, order_id: str) -> None:
        """Answer the document."""
        await self.answer(order_id)

    def effect(self, order_id: str | None) -> None:
        """Write the order's document."""
        entry = self.found(order_id)
        if entry is not None:
            entry.calls["gets"] += 1
            self.say(200, self.world.store.document(entry))


class StartHandling(AnOrder):
    """``POST /api/oms/pvt/orders/{orderId}/start-handling``."""

    route, permission = "start_handling", "Change order workflow status"

    async def post(self, order_id: str) -> None:
        """Answer 204, or the conflict."""
        await self.answer(order_id)

    def effect(self, order_id: str | None) -> None:
        """Start handling where the status allows it."""
        store = self.world.store
        entry = self.found(order_id)
        if entry is None:
            return
        entry.calls["start_handling_calls"] += 1
        if store.start_handling(entry):
            self.say(204)
        else:
            self.refuse(store.config.conflict_status, "OMS003", "Order must be ready-for-handling")


class OneTransaction(Vtex):
    """``GET /api/pvt/transactions/{transactionId}``."""

    route, permission = "transaction", "View Payment Data"

    async def get(self, transaction_id: str) -> None:
        """Answer the transaction."""
        await self.answer(transaction_id)

    def effect(self, order_id: str | None) -> None:
        """Write the gateway's transaction."""
        found = self.world.store.transactions.get(order_id or "")
        if found is None:
            self.refuse(404, "1", "Transaction not found")
        else:
            self.say(200, found["transaction"])


class ItsPayments(Vtex):
    """``GET /api/pvt/transactions/{transactionId}/payments`` and one of them."""

    route, permission = "payments", "View Payment Data"

    async def get(self, transaction_id: str, payment_id: str | None = None) -> None:
        """Answer the payments."""
        self.payment_id = payment_id
        await self.answer(transaction_id)

    def effect(self, order_id: str | None) -> None:
        """Write all payments, or the requested one."""
        found = self.world.store.transactions.get(order_id or "")
        rows = found["payments"] if found else []
        if self.payment_id:
            rows = [row for row in rows if row["id"] == self.payment_id]
        if not found or (self.payment_id and not rows):
            self.refuse(404, "1", "Transaction not found")
        else:
            self.say(200, rows[0] if self.payment_id else rows)


class Writing(AnOrder):
    """A call with a body that changes an order, and is answered with a receipt."""

    number: str

    async def take(self, order_id: str, number: str = "") -> None:
        """Accept a call. ``number`` is the invoice number."""
        self.number = number
        await self.answer(order_id)

    def effect(self, order_id: str | None) -> None:
        """Change the order."""
        entry = self.found(order_id)
        if entry is None:
            return
        try:
            body = json.loads(self.request.body or b"{}")
        except ValueError:
            body = None
        if not isinstance(body, dict):
            self.refuse(400, "FMT0094", "The body is no JSON object")
            return
        self.say(*self.change(entry, body))

    def change(self, entry: Entry, body: dict[str, Any]) -> fulfillment.Answer:
        """Change the order and return the answer."""
        raise NotImplementedError

    def pretend(self, order_id: str | None) -> None:
        """Write a receipt without an effect."""
        entry = self.found(order_id)
        if entry is not None:
            self.say(*fulfillment.pretended(self.world.store, entry))


class OneInvoice(Writing):
    """``POST /api/oms/pvt/orders/{orderId}/invoice``."""

    route, permission = "invoice", "Notify invoice"

    async def post(self, order_id: str) -> None:
        """Take an invoice."""
        await self.take(order_id)

    def change(self, entry: Entry, body: dict[str, Any]) -> fulfillment.Answer:
        """Keep the invoice as a package."""
        return fulfillment.invoice(self.world.store, entry, body)


class ItsTracking(Writing):
    """``PATCH /api/oms/pvt/orders/{orderId}/invoice/{invoiceNumber}``."""

    route, permission = "set_tracking", "Notify invoice"

    async def patch(self, order_id: str, number: str) -> None:
        """Take the tracking of an invoice."""
        await self.take(order_id, number)

    def change(self, entry: Entry, body: dict[str, Any]) -> fulfillment.Answer:
        """Set the package's tracking."""
        return fulfillment.tracking(self.world.store, entry, self.number, body)


class ItsEvents(Writing):
    """``PUT /api/oms/pvt/orders/{orderId}/invoice/{invoiceNumber}/tracking``."""

    route, permission = "add_events", "Notify invoice"

    async def put(self, order_id: str, number: str) -> None:
        """Take tracking events."""
        await self.take(order_id, number)

    def change(self, entry: Entry, body: dict[str, Any]) -> fulfillment.Answer:
        """Append the events to the package."""
        return fulfillment.events(self.world.store, entry, self.number, body)


class Cancel(Writing):
    """``POST /api/oms/pvt/orders/{orderId}/cancel``."""

    route, permission = "cancel", "Cancel order"

    async def post(self, order_id: str) -> None:
        """Take a cancellation."""
        await self.take(order_id)

    def change(self, entry: Entry, body: dict[str, Any]) -> fulfillment.Answer:
        """Begin to cancel the order."""
        return fulfillment.cancel(self.world.store, entry, body)


class Deny(Writing):
    """``POST /api/orders/pvt/document/{orderId}/deny-cancellation-request``."""

    route, permission = "deny", "Cancel order"

    async def post(self, order_id: str) -> None:
        """Take a denial."""
        await self.take(order_id)

    def change(self, entry: Entry, body: dict[str, Any]) -> fulfillment.Answer:
        """Let the order go on."""
        return fulfillment.deny(self.world.store, entry, body)


class Changes(Writing):
    """``GET /api/order-system/orders/{orderId}/changes``."""

    route, permission = "changes", "View order"

    async def get(self, order_id: str) -> None:
        """Show the order's changes."""
        await self.take(order_id)

    def change(self, entry: Entry, body: dict[str, Any]) -> fulfillment.Answer:
        """Return the changes. The order stays as it is."""
        del body
        return fulfillment.changes(entry)


class _OfFeed(Vtex):
    """A call about the feed."""

    def body(self) -> dict[str, Any] | None:
        """Return the request's object, or refuse."""
        try:
            body = json.loads(self.request.body or b"{}")
        except ValueError:
            body = None
        if not isinstance(body, dict):
            self.refuse(400, "FMT0094", "The body is no JSON object")
            return None
        return body

    def missing(self) -> None:
        """Answer that this key lacks a feed."""
        self.refuse(404, "OMS404", "Feed configuration not found")


class FeedConfiguration(_OfFeed):
    """``GET``, ``POST`` and ``DELETE /api/orders/feed/config``."""

    route, permission = "feed_config", "Feed v3 and Hook view only"

    async def get(self) -> None:
        """Show the configuration."""
        await self.answer()

    async def post(self) -> None:
        """Store the configuration."""
        self.permission = "Feed v3 and Hook Admin"
        await self.answer()

    async def delete(self) -> None:
        """Delete the configuration."""
        self.permission = "Feed v3 and Hook Admin"
        await self.answer()

    def effect(self, order_id: str | None) -> None:
        """Show, store or delete the configuration."""
        del order_id
        store = self.world.store
        if self.request.method == "POST":
            self._configure()
        elif self.request.method == "DELETE":
            self.say(200, {}) if store.feed.forget() else self.missing()
        else:
            shown = store.feed.shown(store.entries(), store.now())
            self.missing() if shown is None else self.say(200, shown)

    def _configure(self) -> None:
        body, store = self.body(), self.world.store
        if body is None:
            return
        try:
            store.feed.configure(body, store.entries(), store.now())
        except ConfigRefused as error:
            self.refuse(error.status, "FMT0094", str(error))
        else:
            self.say(200, {})


class TheFeed(_OfFeed):
    """``GET`` and ``POST /api/orders/feed``."""

    route, permission = "feed", "Feed v3 and Hook view only"

    async def get(self) -> None:
        """Deliver events."""
        await self.answer()

    async def post(self) -> None:
        """Commit events."""
        self.route = "commit"
        await self.answer()

    def effect(self, order_id: str | None) -> None:
        """Deliver events, or delete committed ones."""
        del order_id
        store = self.world.store
        if self.request.method == "GET":
            most = self.get_query_argument("maxlot", "1")
            if not most.isdecimal():
                self.refuse(400, "FMT0094", "maxlot is no number")
                return
            found = store.feed.read(int(most), store.entries(), store.now())
            self.missing() if found is None else self.say(200, found)
            return
        body = self.body()
        handles = body.get("handles") if body is not None else None
        if isinstance(handles, list):
            store.feed.commit(map(str, handles), store.now())
            self.say(200, {})
        elif body is not None:
            self.refuse(400, "FMT0094", "handles is no list")


ROUTES = [
    (r"/api/orders/feed/config", FeedConfiguration),
    (r"/api/orders/feed", TheFeed),
    (r"/api/oms/pvt/orders", Listing),
    (r"/api/oms/pvt/orders/([^/]+)", OneOrder),
    (r"/api/oms/pvt/orders/([^/]+)/start-handling", StartHandling),
    (r"/api/oms/pvt/orders/([^/]+)/invoice", OneInvoice),
    (r"/api/oms/pvt/orders/([^/]+)/invoice/([^/]+)", ItsTracking),
    (r"/api/oms/pvt/orders/([^/]+)/invoice/([^/]+)/tracking", ItsEvents),
    (r"/api/oms/pvt/orders/([^/]+)/cancel", Cancel),
    (r"/api/orders/pvt/document/([^/]+)/deny-cancellation-request", Deny),
    (r"/api/order-system/orders/([^/]+)/changes", Changes),
    (r"/api/pvt/transactions/([^/]+)", OneTransaction),
    (r"/api/pvt/transactions/([^/]+)/payments", ItsPayments),
    (r"/api/pvt/transactions/([^/]+)/payments/([^/]+)", ItsPayments),
]
