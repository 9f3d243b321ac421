"""Serve the pages of a process, /metrics, /livez and /readyz, in a thread beside its work."""

import errno
import json
import socket
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from socketserver import TCPServer, ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from foundation.messages import commands as messages

Start = Callable[..., Any]
Page = Callable[[dict[str, Any], Start], Iterable[bytes]]
"""A WSGI application."""


class PortsTaken(Exception):
    """The process can bind to none of its ports. The message says how to fix it."""


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True

    def server_bind(self) -> None:
        # http.server resolves the host's name in DNS, which may take very long.
        TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), self.server_address[1]
        self.setup_environ()


class _Handler(WSGIRequestHandler):
    timeout = 10.0  # longest time for which a silent client holds a thread

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # named by the base class
        """Keep requests out of the log: each monitoring server sends one every few seconds."""


class Serving:
    """Pages that are being served.

    Attributes:
        port: port at which the pages are served.
    """

    def __init__(self, server: WSGIServer) -> None:
        self._server = server
        self.port: int = server.server_port
        threading.Thread(target=server.serve_forever, name="metrics", daemon=True).start()

    def stop(self) -> None:
        """Stop serving and release the port."""
        self._server.shutdown()
        self._server.server_close()


def serve(address: str, ports: Sequence[int], pages: Mapping[str, Page]) -> Serving:
    """Serve pages at the first port that is free.

    Args:
        pages: path to the application that answers there.

    Raises:
        PortsTaken: all ports are taken, or the address cannot be used.
    """
    for port in ports:
        try:
            server = _bound(address, port)
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                continue
            raise PortsTaken(
                messages.ADDRESS_UNUSABLE(address=address, port=port, error=error.strerror)
            ) from None
        server.set_app(_paths(pages))
        return Serving(server)
    which = f"{ports[0]}" if len(ports) == 1 else f"{ports[0]}-{ports[-1]}"
    raise PortsTaken(messages.PORTS_TAKEN(ports=which, address=address))


def answer(status: str, body: Mapping[str, Any], start: Start) -> list[bytes]:
    """Answer with JSON."""
    content = json.dumps(body, ensure_ascii=False).encode() + b"\n"
    start(status, [("Content-Type", "application/json"), ("Content-Length", str(len(content)))])
    return [content]


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
