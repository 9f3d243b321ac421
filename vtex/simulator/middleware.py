"""The checks before every answer: latency, quota, credentials, faults."""

import asyncio
import json
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

from tornado.web import RequestHandler

from vtex.simulator.faults import SHAPES, Fault, Faults
from vtex.simulator.state import Store

HTML = "<html><body><h1>Simulated page of a proxy</h1></body></html>"
HALF = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 900\r\n\r\n{"


class Quota:
    """The calls of the last minute."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._recent: deque[float] = deque()

    def is_used_up(self, calls_a_minute: int | None) -> bool:
        """Count a call, unless it exceeds the quota."""
        if calls_a_minute is None:
            return False
        now = self._now()
        while self._recent and self._recent[0] <= now - 60:
            self._recent.popleft()
        if len(self._recent) >= calls_a_minute:
            return True
        self._recent.append(now)
        return False


@dataclass
class World:
    """State shared by the handlers."""

    store: Store
    faults: Faults
    quota: Quota


class Vtex(RequestHandler):
    """A route of VTEX."""

    route = ""
    permission = ""
    world: World

    def initialize(self, world: World) -> None:
        """Store the shared world."""
        self.world = world

    async def answer(self, order_id: str | None = None) -> None:
        """Answer one call."""
        store = self.world.store
        store.calls[self.route] += 1
        if store.config.latency_ms:
            await asyncio.sleep(store.config.latency_ms / 1000)
        if self.world.quota.is_used_up(store.config.quota):
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
        """Apply the route's effect and write its answer."""
        raise NotImplementedError

    def pretend(self, order_id: str | None) -> None:
        """Answer as if the route had had its effect."""
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

    def log_exception(self, *_: Any) -> None:
        """Stay quiet about calls that were cut off on purpose."""

    def _allowed(self) -> bool:
        store, headers = self.world.store, self.request.headers
        if not store.admits(headers.get("X-VTEX-API-AppKey"), headers.get("X-VTEX-API-AppToken")):
            self.refuse(401, "1", "Unauthorized access")
            return False
        if not store.permits(self.permission):
            self.refuse(403, "CHK003", "Access denied")
            return False
        return True

    # --- faults -------------------------------------------------------------------------------

    async def _fail(self, fault: Fault, order_id: str | None) -> None:
        match fault.kind:
            case "throttle":
                self._throttled(str(fault.retry_after))
            case "throttle_date":
                until = datetime.now(UTC) + timedelta(seconds=fault.retry_after)
                self._throttled(format_datetime(until, usegmt=True))
            case "throttle_silent":
                self._throttled(None)
            case "unavailable":
                self._error(fault.status or 500, fault.shape)
            case "refused":
                self._error(fault.status or 400, fault.shape)
            case "html_error":
                self._html(fault.status or 502)
            case "html_200":
                self._html(200)
            case "login":
                self.set_header("Location", "/login")
                self._html(302)
            case "malformed":
                self.say(200, b'{"orderId": ')
            case "ignore_effect":
                self.pretend(order_id)
            case _:
                await self._cut_off(fault, order_id)

    async def _cut_off(self, fault: Fault, order_id: str | None) -> None:
        if fault.kind in ("lose_answer", "timeout_after"):
            self.effect(order_id)
        if fault.kind in ("timeout", "timeout_after"):
            await asyncio.sleep(fault.seconds)
        stream = getattr(self.request.connection, "stream", None)
        if fault.kind == "half_body" and stream is not None:
            stream.write(HALF)
        self._finished = True  # or Tornado would still answer
        if stream is not None:
            stream.close()

    def _throttled(self, retry_after: str | None) -> None:
        if retry_after is not None:
            self.set_header("Retry-After", retry_after)
        self.refuse(429, "429", "Too many requests")

    def _error(self, status: int, shape: str) -> None:
        body = SHAPES[shape]
        if isinstance(body, str):
            self.set_status(status)
            self.set_header("Content-Type", "text/plain")
            self.write(body)
        else:
            self.say(status, body | {"status": status} if shape == "problem" else body)

    def _html(self, status: int) -> None:
        self.set_status(status)
        self.set_header("Content-Type", "text/html")
        self.write(HTML)
