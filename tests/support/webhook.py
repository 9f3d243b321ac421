"""A webhook that keeps what it gets, on a socket of its own."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

PASSWORD = "open-sesame-hook"
"""Stands in the URL, and so must stand nowhere else."""


class Webhook:
    """What came, and how it answers."""

    def __init__(self) -> None:
        self.got: list[dict[str, Any]] = []
        self.status = 200
        self.port = 0

    @property
    def url(self) -> str:
        return f"json://erp:{PASSWORD}@127.0.0.1:{self.port}/{PASSWORD}"

    @property
    def titles(self) -> list[str]:
        return [row["title"] for row in self.got]

    def about(self, words: str) -> list[dict[str, Any]]:
        return [row for row in self.got if words in row["title"]]


@contextmanager
def webhook() -> Iterator[Webhook]:
    """Serve one."""
    made = Webhook()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:  # the name that the server calls
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if made.status == 200:
                made.got.append(json.loads(body))
            self.send_response(made.status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield made
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
