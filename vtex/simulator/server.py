"""The simulated store on HTTP: VTEX's routes, and ``/_simulator/`` to steer it."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application, RequestHandler

from vtex.simulator import outbound
from vtex.simulator.faults import Fault, Faults
from vtex.simulator.state import Config, Entry, Store

HTML = "<html><body><h1>502 Bad Gateway</h1></body></html>"


@dataclass
class World:
    """What the handlers share."""

    store: Store
    faults: Faults
    recent: deque[float]

    def over_quota(self) -> bool:
        """Count a call; say whether the account's quota is used up."""
        quota = self.store.config.quota
        if quota is None:
            return False
        now = time.monotonic()
        while self.recent and self.recent[0] < now - 60:
            self.recent.popleft()
        if len(self.recent) >= quota:
            return True
        self.recent.append(now)
        return False


class Vtex(RequestHandler):
    """A route of VTEX: latency, quota, credentials and faults before the answer."""

    route = ""
    permission = ""
    world: World

    def initialize(self, world: World) -> None:
        """Take the shared world."""
        self.world = world

    async def answer(self, order_id: str | None = None) -> None:
        """Answer one call."""
        store = self.world.store
        store.calls[self.route] += 1
        if store.config.latency_ms:
            await asyncio.sleep(store.config.latency_ms / 1000)
        if self.world.over_quota():
            store.calls["429"] += 1
            self._throttled(None)
            return
        if not self._allowed():
            return
        fault = self.world.faults.meet(self.route, order_id)
        if fault is None:
            self.effect(order_id)
        else:
            await self._fail(fault, order_id)

    def effect(self, order_id: str | None) -> None:
        """Do what the route does, and write its answer."""
        raise NotImplementedError

    def pretend(self, order_id: str | None) -> None:
        """Answer as if the effect had been had."""
        del order_id
        self.say(204)

    def say(self, status: int, body: bytes | dict[str, Any] | list[Any] | None = None) -> None:
        """Write an answer of JSON."""
        self.set_status(status)
        if body is None:
            self.clear_header("Content-Type")
            return
        self.set_header("Content-Type", "application/json; charset=utf-8")
        self.write(body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False))

    def refuse(self, status: int, code: str, message: str) -> None:
        """Write VTEX's error envelope."""
        self.say(status, {"error": {"code": code, "message": message, "exception": None}})

    def _allowed(self) -> bool:
        store, headers = self.world.store, self.request.headers
        key, token = headers.get("X-VTEX-API-AppKey"), headers.get("X-VTEX-API-AppToken")
        if key != store.config.app_key or token not in store.tokens:
            self.refuse(401, "1", "Unauthorized access")
            return False
        if self.permission not in store.permissions:
            self.refuse(403, "CHK003", "Access denied")
            return False
        return True

    def _throttled(self, retry_after: int | None) -> None:
        if retry_after is not None:
            self.set_header("Retry-After", str(retry_after))
        self.refuse(429, "429", "Too many requests")

    def _html(self, status: int) -> None:
        self.set_status(status)
        self.set_header("Content-Type", "text/html")
        self.write(HTML)

    async def _fail(self, fault: Fault, order_id: str | None) -> None:
        match fault.kind:
            case "throttle":
                self._throttled(fault.retry_after)
            case "throttle_silent":
                self._throttled(None)
            case "unavailable":
                self.refuse(500, "500", "Internal error")
            case "html_error":
                self._html(502)
            case "html_200":
                self._html(200)
            case "timeout":
                await asyncio.sleep(fault.seconds)
            case "timeout_after":
                self.effect(order_id)
                await asyncio.sleep(fault.seconds)
            case "lose_before":
                self._hang_up()
            case "lose_answer":
                self.effect(order_id)
                self._hang_up()
            case "malformed":
                self.say(200, b'{"orderId": ')
            case "ignore_effect":
                self.pretend(order_id)
            case _:
                self._half()

    def _half(self) -> None:
        connection = self.request.connection
        stream = getattr(connection, "stream", None)
        if stream is not None:
            stream.write(
                b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 900\r\n\r\n{"
            )
        self._hang_up()

    def _hang_up(self) -> None:
        self._finished = True
        stream = getattr(self.request.connection, "stream", None)
        if stream is not None:
            stream.close()

    def log_exception(self, *_: Any) -> None:
        """Stay quiet about calls that were cut off on purpose."""


class Listing(Vtex):
    """``GET /api/oms/pvt/orders``."""

    route, permission = "list", "List Orders"

    async def get(self) -> None:
        """Answer a page."""
        await self.answer()

    def effect(self, order_id: str | None) -> None:
        """List what the index shows."""
        del order_id
        query = {name: self.get_query_argument(name) for name in self.request.query_arguments}
        if int(query.get("page", "1")) > 30:
            self.refuse(400, "OMS001", "Page must be 30 at most")
            return
        self.say(200, self.world.store.listed(query))


class OneOrder(Vtex):
    """``GET /api/oms/pvt/orders/{orderId}``."""

    route, permission = "order", "View order"

    async def get(self, order_id: str) -> None:
        """Answer the document."""
        await self.answer(order_id)

    def effect(self, order_id: str | None) -> None:
        """Give the order's document."""
        entry = self.world.store.entry(order_id or "")
        if entry is None:
            self.refuse(404, "OMS007", "Order Not Found")
            return
        entry.calls["gets"] += 1
        self.say(200, self.world.store.document(entry))


class StartHandling(Vtex):
    """``POST /api/oms/pvt/orders/{orderId}/start-handling``."""

    route, permission = "start_handling", "Change order workflow status"

    async def post(self, order_id: str) -> None:
        """Answer 204, or the conflict."""
        await self.answer(order_id)

    def effect(self, order_id: str | None) -> None:
        """Start handling where the status allows it."""
        store = self.world.store
        entry = store.entry(order_id or "")
        if entry is None:
            self.refuse(404, "OMS007", "Order Not Found")
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
        """Give what the gateway holds."""
        found = self.world.store.transactions.get(order_id or "")
        if found is None:
            self.refuse(404, "1", "Transaction not found")
        else:
            self.say(200, found["transaction"])


class ItsPayments(OneTransaction):
    """``GET /api/pvt/transactions/{transactionId}/payments`` and one of them."""

    route = "payments"

    async def get(self, transaction_id: str, payment_id: str | None = None) -> None:
        """Answer the payments."""
        self.payment_id = payment_id
        await self.answer(transaction_id)

    def effect(self, order_id: str | None) -> None:
        """Give all payments, or the one asked for."""
        found = self.world.store.transactions.get(order_id or "")
        rows = found["payments"] if found else []
        if self.payment_id:
            rows = [one for one in rows if one["id"] == self.payment_id]
        if not found or (self.payment_id and not rows):
            self.refuse(404, "1", "Transaction not found")
        else:
            self.say(200, rows[0] if self.payment_id else rows)


class Writing(Vtex):
    """A call with a body that changes an order, and is answered with a receipt."""

    number: str

    async def take(self, order_id: str, number: str = "") -> None:
        """Take a call; ``number`` is the invoice's."""
        self.number = number
        await self.answer(order_id)

    def effect(self, order_id: str | None) -> None:
        """Change the order."""
        entry = self.world.store.entry(order_id or "")
        if entry is None:
            self.refuse(404, "OMS007", "Order Not Found")
            return
        try:
            body = json.loads(self.request.body or b"{}")
        except ValueError:
            self.refuse(400, "FMT0094", "The body is not JSON")
            return
        self.say(*self.change(entry, body))

    def change(self, entry: Entry, body: dict[str, Any]) -> outbound.Answer:
        """Change the order, and return what to answer."""
        raise NotImplementedError

    def pretend(self, order_id: str | None) -> None:
        """Give a receipt for nothing."""
        entry = self.world.store.entry(order_id or "")
        if entry is not None:
            self.say(*outbound.pretended(self.world.store, entry))


class OneInvoice(Writing):
    """``POST /api/oms/pvt/orders/{orderId}/invoice``."""

    route, permission = "invoice", "Notify invoice"

    async def post(self, order_id: str) -> None:
        """Take an invoice."""
        await self.take(order_id)

    def change(self, entry: Entry, body: dict[str, Any]) -> outbound.Answer:
        """Keep the invoice as a package."""
        return outbound.invoice(self.world.store, entry, body)


class ItsTracking(Writing):
    """``PATCH /api/oms/pvt/orders/{orderId}/invoice/{invoiceNumber}``."""

    route, permission = "set_tracking", "Notify invoice"

    async def patch(self, order_id: str, number: str) -> None:
        """Take the tracking of an invoice."""
        await self.take(order_id, number)

    def change(self, entry: Entry, body: dict[str, Any]) -> outbound.Answer:
        """Set the package's tracking."""
        return outbound.tracking(self.world.store, entry, self.number, body)


class ItsEvents(Writing):
    """``PUT /api/oms/pvt/orders/{orderId}/invoice/{invoiceNumber}/tracking``."""

    route, permission = "add_events", "Notify invoice"

    async def put(self, order_id: str, number: str) -> None:
        """Take tracking events."""
        await self.take(order_id, number)

    def change(self, entry: Entry, body: dict[str, Any]) -> outbound.Answer:
        """Append the events to the package."""
        return outbound.events(self.world.store, entry, self.number, body)


class Cancel(Writing):
    """``POST /api/oms/pvt/orders/{orderId}/cancel``."""

    route, permission = "cancel", "Cancel order"

    async def post(self, order_id: str) -> None:
        """Take a cancellation."""
        await self.take(order_id)

    def change(self, entry: Entry, body: dict[str, Any]) -> outbound.Answer:
        """Begin to cancel the order."""
        return outbound.cancel(self.world.store, entry, body)


class Changes(Writing):
    """``GET /api/order-system/orders/{orderId}/changes``."""

    route, permission = "changes", "View order"

    async def get(self, order_id: str) -> None:
        """Show the order's changes."""
        await self.take(order_id)

    def change(self, entry: Entry, body: dict[str, Any]) -> outbound.Answer:
        """Change nothing."""
        del body
        return outbound.changes(entry)


class Control(RequestHandler):
    """``/_simulator/…``: steer the store while it runs; needs no credentials."""

    world: World

    def initialize(self, world: World) -> None:
        """Take the shared world."""
        self.world = world

    def get(self, what: str, _: str | None = None) -> None:
        """Show ``state`` or ``faults``."""
        shown: Any = self.world.faults.shown() if what == "faults" else self.world.store.shown()
        self._say(shown)

    def post(self, what: str, _: str | None = None) -> None:
        """Add orders or faults, grant or revoke permissions, swap tokens, change settings."""
        body = json.loads(self.request.body or b"{}")
        store = self.world.store
        try:
            match what:
                case "orders":
                    self._say(store.generate(**body))
                case "faults":
                    self.world.faults.add(**body)
                    self._say({})
                case "permissions":
                    store.permissions |= set(body.get("grant", ()))
                    store.permissions -= set(body.get("revoke", ()))
                    self._say(sorted(store.permissions))
                case "tokens":
                    store.tokens |= set(body.get("add", ()))
                    store.tokens -= set(body.get("remove", ()))
                    self._say({})
                case "settings":
                    for name, value in body.items():
                        if not hasattr(store.config, name):
                            raise ValueError(f"no setting is called {name!r}")
                        setattr(store.config, name, value)
                    self._say({})
                case _:
                    self.set_status(404)
        except (ValueError, TypeError) as error:
            self.set_status(400)
            self._say({"error": str(error)})

    def put(self, _: str, order_id: str | None = None) -> None:
        """Place a given order: ``{"order": {…}, "transactions": {id: {…}}}``."""
        body = json.loads(self.request.body)
        if order_id:
            body["order"]["orderId"] = order_id
        self._say(self.world.store.put(body["order"], body.get("transactions", {})))

    def patch(self, _: str, order_id: str | None = None) -> None:
        """Change an order by dotted paths."""
        entry: Entry | None = self.world.store.entry(order_id or "")
        if entry is None:
            self.set_status(404)
            return
        self.world.store.change(entry, json.loads(self.request.body))

    def delete(self, what: str, _: str | None = None) -> None:
        """Switch all faults off."""
        if what == "faults":
            self.world.faults.clear()

    def _say(self, body: Any) -> None:
        self.set_header("Content-Type", "application/json; charset=utf-8")
        self.write(json.dumps(body, ensure_ascii=False))


def application(world: World) -> Application:
    """Return the store's routes."""
    shared = {"world": world}
    return Application(
        [
            (r"/api/oms/pvt/orders", Listing, shared),
            (r"/api/oms/pvt/orders/([^/]+)", OneOrder, shared),
            (r"/api/oms/pvt/orders/([^/]+)/start-handling", StartHandling, shared),
            (r"/api/oms/pvt/orders/([^/]+)/invoice", OneInvoice, shared),
            (r"/api/oms/pvt/orders/([^/]+)/invoice/([^/]+)", ItsTracking, shared),
            (r"/api/oms/pvt/orders/([^/]+)/invoice/([^/]+)/tracking", ItsEvents, shared),
            (r"/api/oms/pvt/orders/([^/]+)/cancel", Cancel, shared),
            (r"/api/order-system/orders/([^/]+)/changes", Changes, shared),
            (r"/api/pvt/transactions/([^/]+)", OneTransaction, shared),
            (r"/api/pvt/transactions/([^/]+)/payments", ItsPayments, shared),
            (r"/api/pvt/transactions/([^/]+)/payments/([^/]+)", ItsPayments, shared),
            (r"/_simulator/(\w+)", Control, shared),
            (r"/_simulator/(\w+)/([^/]+)", Control, shared),
        ],
        log_function=lambda _: None,
    )


async def serve(config: Config, ready: Any, stop: asyncio.Event) -> None:
    """Serve until ``stop`` is set; ``ready`` is told the address and the world."""
    world = World(Store(config), Faults(), deque())
    server = HTTPServer(application(world))
    sockets = bind_sockets(config.port, config.host)
    server.add_sockets(sockets)
    port = sockets[0].getsockname()[1]
    ready(f"http://{config.host}:{port}", world)
    arrivals = asyncio.create_task(_arrive(world.store))
    try:
        await stop.wait()
    finally:
        arrivals.cancel()
        server.stop()
        await server.close_all_connections()


async def _arrive(store: Store) -> None:
    while store.config.arrivals_per_minute > 0:
        await asyncio.sleep(60 / store.config.arrivals_per_minute)
        store.generate(1)


@dataclass
class Running:
    """A simulated store that runs in a thread of this process."""

    url: str
    store: Store
    faults: Faults
    app_key: str
    app_token: str
    account: str


@contextmanager
def running(config: Config) -> Iterator[Running]:
    """Run a store in a thread, for as long as the context lasts."""
    begun = threading.Event()
    found: dict[str, Any] = {}

    async def run() -> None:
        stop = asyncio.Event()
        found["stop"] = stop.set
        found["loop"] = asyncio.get_running_loop()

        def ready(url: str, world: World) -> None:
            found["running"] = Running(
                url, world.store, world.faults, config.app_key, config.app_token, config.account
            )
            begun.set()

        await serve(config, ready, stop)

    thread = threading.Thread(target=asyncio.run, args=(run(),), daemon=True)
    thread.start()
    if not begun.wait(10):
        raise RuntimeError("the simulator did not start")
    try:
        yield found["running"]
    finally:
        found["loop"].call_soon_threadsafe(found["stop"])
        thread.join(10)
