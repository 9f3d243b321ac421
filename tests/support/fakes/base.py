"""What the fakes have in common: a socket, an order book, troubles."""

from __future__ import annotations

import itertools
import json
import threading
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta, timezone
from decimal import ROUND_HALF_UP, Decimal
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from requests.structures import CaseInsensitiveDict

BRASILIA = timezone(timedelta(hours=-3))
PAGE = "<html><body><h1>Internal Server Error</h1></body></html>"
Reply = tuple[int, Any]


class Fake(ThreadingHTTPServer):
    """An ERP on a real socket.

    Attributes:
        orders: by the ERP's number: ``sent`` as it came, and what became of it.
        trouble: one of the suite's, or ``lost`` or ``held``: what becomes of new orders' answers.
        ahead: how far its clock goes before ours.
        most: calls that it takes a second; 0: any number.
    """

    request_queue_size = 64
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.orders: dict[int, dict[str, Any]] = {}
        self.customers: dict[int, dict[str, Any]] = {}
        self.trouble: str | None = None
        self.over = threading.Event()
        self.ahead = timedelta()
        self.most = 0
        self.calls: list[float] = []
        self.refused = 0
        self.lock = threading.Lock()
        self.numbers = itertools.count(9_000_000_001)
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()

    def now(self) -> datetime:
        return datetime.now(BRASILIA) + self.ahead

    def close(self) -> None:
        self.over.set()
        self.shutdown()
        self.server_close()

    def too_many(self) -> bool:
        moment = time.monotonic()
        with self.lock:
            self.calls.append(moment)
            lately = sum(call > moment - 1 for call in self.calls[-100:])
            self.refused += bool(self.most and lately > self.most)
            return bool(self.most and lately > self.most)

    def change(self, number: int, at: datetime | None = None, **values: Any) -> None:
        with self.lock:
            moment = (at or datetime.now(BRASILIA)).astimezone(BRASILIA)
            self.orders[number] |= values | {"changed": moment}

    def number(self, order_id: str) -> int:
        (found,) = [key for key, value in self.orders.items() if self.ours(value) == order_id]
        return found

    def ours(self, order: Mapping[str, Any]) -> str:
        raise NotImplementedError

    def is_new_order(self, path: str, body: str) -> bool:
        raise NotImplementedError

    def answer(self, method: str, path: str, headers: Mapping[str, str], body: str) -> Reply:
        raise NotImplementedError

    def busy(self) -> Reply:
        raise NotImplementedError

    def spent(self) -> Reply:
        raise NotImplementedError

    def unknown(self) -> Reply:
        raise NotImplementedError

    def invoice(
        self, number: int, nota: str, value: Decimal, skus: Sequence[str], at: datetime
    ) -> None:
        raise NotImplementedError

    def track(self, number: int, parcel: str) -> None:
        raise NotImplementedError

    def cancel(self, number: int) -> None:
        raise NotImplementedError

    def is_canceled(self, number: int) -> bool:
        raise NotImplementedError

    def confirm(self, number: int) -> None:
        raise NotImplementedError


class Handler(BaseHTTPRequestHandler):
    server: Fake
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def handle_any(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        fake = self.server
        trouble = fake.trouble
        is_new = fake.is_new_order(self.path, body)
        if trouble == "slow":
            fake.over.wait()
        if trouble in ("down", "slow"):
            self.close_connection = True
            return
        reply = self.refusal(trouble if trouble != "full" or is_new else None)
        if reply is None:
            with fake.lock:
                reply = fake.answer(
                    self.command, self.path, CaseInsensitiveDict(self.headers.items()), body
                )
        if trouble == "held" and is_new:
            fake.over.wait()
        if trouble in ("lost", "held") and is_new:
            self.close_connection = True
            return
        self.say(*reply)

    def refusal(self, trouble: str | None) -> Reply | None:
        if trouble == "broken":
            return 500, PAGE
        if self.server.too_many():
            return self.server.busy()
        if trouble == "full":
            return self.server.spent()
        if trouble == "locked":
            return self.server.unknown()
        return None

    do_GET = do_POST = do_PATCH = do_PUT = handle_any  # noqa: N815 - http.server's names

    def say(self, status: int, content: Any) -> None:
        text = content if isinstance(content, str) else json.dumps(content)
        self.send_response_only(status)
        moment = datetime.now(UTC) + self.server.ahead
        self.send_header("Date", format_datetime(moment, usegmt=True))
        self.send_header("Content-Length", str(len(text.encode())))
        if status == 429:
            self.send_header("Retry-After", "1")
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_: Any) -> None:
        pass


def cents(value: Any) -> Decimal:
    return Decimal(str(value)).quantize(Decimal("0.01"), ROUND_HALF_UP)
