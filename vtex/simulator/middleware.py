"""The checks before every answer: latency, quota, credentials, faults."""

import asyncio
import json
import time
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http import HTTPStatus
from typing import Any, NoReturn

from tornado.web import HTTPError, RequestHandler

from vtex.simulator.faults import SHAPES, Fault, Faults, Refused
from vtex.simulator.state import Entry, Store

Answer = tuple[int, bytes | dict[str, Any] | list[Any] | int | None]
"""A status and the body of an answer."""

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


@dataclass(frozen=True)
class Call:
    """A call as the function that answers it sees it.

    Attributes:
        ids: the parts of the path that vary, an order's id first.
    """

    store: Store
    ids: tuple[str, ...]
    query: Mapping[str, str]
    content: bytes

    def entry(self) -> Entry:
        """Return the order of the path, or refuse."""
        entry = self.store.entry(self.ids[0])
        if entry is None:
            raise Refused("Order Not Found", "OMS007", 404)
        return entry

    def body(self) -> dict[str, Any]:
        """Return the object in the body, or refuse."""
        try:
            body = json.loads(self.content or b"{}", parse_constant=_not_json)
            # Half a surrogate pair could not be stored.
            json.dumps(body, ensure_ascii=False).encode()
        except (ValueError, RecursionError):
            body = None
        if not isinstance(body, dict):
            raise Refused("The body is no JSON object")
        return body


def _not_json(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


@dataclass(frozen=True)
class Operation:
    """A method of a route.

    Attributes:
        name: its name in faults and in counts of calls.
        effect: applies the effect and returns the answer.
        pretend: returns the same answer without an effect.
    """

    name: str
    permission: str
    effect: Callable[[Call], Answer]
    pretend: Callable[[Call], Answer] = lambda _: (204, None)


class Json(RequestHandler):
    """Answers in JSON, errors too."""

    def say(
        self, status: int, body: bytes | dict[str, Any] | list[Any] | int | None = None
    ) -> None:
        """Write an answer of JSON."""
        self.set_status(status)
        if body is None:
            self.clear_header("Content-Type")
            return
        self.set_header("Content-Type", "application/json; charset=utf-8")
        self.write(body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False))

    def refuse(self, error: Refused) -> None:
        """Write VTEX's error envelope."""
        envelope = {"code": error.code, "message": str(error), "exception": None}
        self.say(error.status, {"error": envelope})

    def write_error(self, status_code: int, **_: Any) -> None:
        """Write the error of a call that reached no operation."""
        self.refuse(Refused(HTTPStatus(status_code).phrase, str(status_code), status_code))
        self.finish()

    def log_exception(self, *_: Any) -> None:
        """Stay quiet about calls that were cut off on purpose."""


class Missing(Json):
    """Any path that VTEX does not have."""

    def prepare(self) -> None:
        """Answer every method alike."""
        raise HTTPError(404)


class Vtex(Json):
    """A route of VTEX, with an operation for each method."""

    world: World
    operations: Mapping[str, Operation]

    def initialize(self, world: World, operations: Mapping[str, Operation]) -> None:
        """Store the shared world and the route's operations."""
        self.world, self.operations = world, operations

    async def answer(self, *ids: str) -> None:
        """Answer one call."""
        operation = self.operations.get(str(self.request.method))
        if operation is None:
            self.set_header("Allow", ", ".join(self.operations))
            self.write_error(405)
            return
        store = self.world.store
        store.calls[operation.name] += 1
        if store.config.latency_ms:
            await asyncio.sleep(store.config.latency_ms / 1000)
        query = {name: self.get_query_argument(name) for name in self.request.query_arguments}
        try:
            self._require_access(operation)
            await self._perform(operation, Call(store, ids, query, self.request.body))
        except Refused as error:
            self.refuse(error)

    get = post = put = patch = delete = answer

    async def _perform(self, operation: Operation, call: Call) -> None:
        fault = self.world.faults.meet(operation.name, next(iter(call.ids), None))
        if fault is None:
            self.say(*operation.effect(call))
        else:
            await self._fail(fault, operation, call)

    def _require_access(self, operation: Operation) -> None:
        store, headers = self.world.store, self.request.headers
        if self.world.quota.is_used_up(store.config.quota):
            store.calls["429"] += 1
            self._throttled()
        if not store.admits(headers.get("X-VTEX-API-AppKey"), headers.get("X-VTEX-API-AppToken")):
            raise Refused("Unauthorized access", "1", 401)
        if not store.permits(operation.permission):
            raise Refused("Access denied", "CHK003", 403)

    # --- faults -------------------------------------------------------------------------------

    async def _fail(self, fault: Fault, operation: Operation, call: Call) -> None:
        match fault.kind:
            case "throttle":
                self._throttled(str(fault.retry_after))
            case "throttle_date":
                until = datetime.now(UTC) + timedelta(seconds=fault.retry_after)
                self._throttled(format_datetime(until, usegmt=True))
            case "throttle_silent":
                self._throttled()
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
                self.say(*operation.pretend(call))
            case _:
                await self._cut_off(fault, operation, call)

    async def _cut_off(self, fault: Fault, operation: Operation, call: Call) -> None:
        if fault.kind in ("lose_answer", "timeout_after"):
            with suppress(Refused):
                operation.effect(call)
        if fault.kind in ("timeout", "timeout_after"):
            await asyncio.sleep(fault.seconds)
        stream = getattr(self.request.connection, "stream", None)
        if fault.kind == "half_body" and stream is not None:
            stream.write(HALF)
        self._finished = True  # or Tornado would still answer
        if stream is not None:
            stream.close()

    def _throttled(self, retry_after: str | None = None) -> NoReturn:
        if retry_after is not None:
            self.set_header("Retry-After", retry_after)
        raise Refused("Too many requests", "429", 429)

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
