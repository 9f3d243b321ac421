"""A proxy before Tryton that loses answers, or gives its own."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import requests


@dataclass
class FaultyProxy:
    """Passes HTTP on to a port.

    Attributes:
        lose: of a request ``METHOD path``, whether its answer is lost once; Tryton has done it.
        instead: what is answered to everything, without asking Tryton: status, type and body.
        busy: how many writes are answered 503 and not passed on, as Tryton does.
        seen: the requests that came, without their queries.
    """

    port: int
    lose: Callable[[str], bool] | None = None
    instead: tuple[int, str, bytes] | None = None
    busy: int = 0
    seen: list[str] = field(default_factory=list)

    def start(self) -> int:
        """Listen; return the port."""
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            def _pass(self) -> None:
                proxy.answer(self)

            do_GET = do_POST = do_PUT = do_DELETE = _pass  # noqa: N815

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self._server.server_address[1]

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        what = f"{handler.command} {handler.path.split('?')[0]}"
        self.seen.append(what)
        body = handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
        if self.busy and handler.command != "GET":
            self.busy -= 1
            status, kind, text = 503, "text/html", b"<h1>Service Unavailable</h1>"
        elif self.instead is not None:
            status, kind, text = self.instead
        else:
            found = requests.request(
                handler.command,
                f"http://127.0.0.1:{self.port}{handler.path}",
                data=body,
                headers={k: v for k, v in handler.headers.items() if k != "Host"},
                timeout=60,
            )
            status, kind, text = found.status_code, found.headers["Content-Type"], found.content
        if self.lose is not None and self.lose(what):
            self.lose = None
            handler.connection.shutdown(socket.SHUT_RDWR)
            return
        handler.send_response(status)
        handler.send_header("Content-Type", kind)
        handler.send_header("Content-Length", str(len(text)))
        handler.end_headers()
        handler.wfile.write(text)
