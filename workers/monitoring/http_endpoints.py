"""A process's own pages, /metrics, /livez and /readyz, beside its work: a thread and a port."""

from __future__ import annotations

import errno
import json
import socket
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from socketserver import TCPServer, ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

Start = Callable[..., Any]
Page = Callable[[dict[str, Any], Start], Iterable[bytes]]
"""A WSGI application."""


class PortsTaken(Exception):
    """None of the ports can be had; the message says what to do."""


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True

    def server_bind(self) -> None:
        # http.server looks its name up in DNS, which may take as long as it likes.
        TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), self.server_address[1]
        self.setup_environ()


class _Handler(WSGIRequestHandler):
    timeout = 10.0  # a caller that says nothing holds a thread for no longer

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # its name there
        """Log nothing: each server asks every few seconds."""


class Serving:
    """Pages that are being served.

    Attributes:
        port: where.
    """

    def __init__(self, server: WSGIServer) -> None:
        self._server = server
        self.port: int = server.server_port
        threading.Thread(target=server.serve_forever, name="metrics", daemon=True).start()

    def stop(self) -> None:
        """Give the port back."""
        self._server.shutdown()
        self._server.server_close()


def serve(address: str, ports: Sequence[int], pages: Mapping[str, Page]) -> Serving:
    """Serve pages at the first port that is free.

    Args:
        pages: path to what answers there.

    Raises:
        PortsTaken: none is free, or may be had.
    """
    for port in ports:
        try:
            server = _bound(address, port)
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                continue
            raise PortsTaken(
                f"{address} port {port} cannot be had ({error.strerror}): mend METRICS_ADDRESS or "
                "METRICS_PORT"
            ) from None
        server.set_app(_paths(pages))
        return Serving(server)
    which = f"{ports[0]}" if len(ports) == 1 else f"{ports[0]}-{ports[-1]}"
    raise PortsTaken(
        f"METRICS_PORT: {which} at {address} is taken by other processes: give each process a port "
        "of its own, or all a range that has as many, such as 9540-9549"
    )


def answer(status: str, found: Mapping[str, Any], start: Start) -> list[bytes]:
    """Answer with JSON."""
    body = json.dumps(found, ensure_ascii=False).encode() + b"\n"
    start(status, [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [body]


def _bound(address: str, port: int) -> WSGIServer:
    family = socket.getaddrinfo(address, port, type=socket.SOCK_STREAM)[0][0]
    kind = type("_Bound", (_Server,), {"address_family": family})
    server: WSGIServer = kind((address, port), _Handler)
    return server


def _paths(pages: Mapping[str, Page]) -> Page:
    def find(environ: dict[str, Any], start: Start) -> Iterable[bytes]:
        page = pages.get(environ.get("PATH_INFO", ""))
        if page is None:
            return answer("404 Not Found", {"pages": sorted(pages)}, start)
        return page(environ, start)

    return find
