"""HTTP answers within bounds of time and bytes, whatever a server sends.

A read time-out bounds the wait for the next byte alone: a server that sends one every ten seconds
holds a thread for days. Nor does anything bound header lines, sizes of chunks and trailers, or
interim answers. So what comes from the socket is counted and timed, from the first byte on.
"""

from __future__ import annotations

import io
import socket
import time
from http.client import HTTPResponse
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from requests.cookies import RequestsCookieJar
from requests.structures import CaseInsensitiveDict
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

MOST_BYTES = 8 * 1024 * 1024
"""Of a body, decompressed. An order is some 20 kB, a page of the list 100 kB; one with invoices
embedded whole has some 500 kB more for each."""

_MOST_ON_WIRE = MOST_BYTES + 1024 * 1024
"""With the head; compressed bodies have fewer."""

PATIENCE = 2
"""An answer's whole time, in read time-outs."""


class _Bounded(io.RawIOBase):
    """A socket's bytes until a deadline, and no more of them than there may be."""

    def __init__(self, raw: io.RawIOBase, sock: socket.socket) -> None:
        self._raw, self._socket = raw, sock
        self._wait = sock.gettimeout() or 0.0
        self._until = time.monotonic() + PATIENCE * self._wait if self._wait else float("inf")
        self._left = _MOST_ON_WIRE

    def readable(self) -> bool:
        """Say yes, as ``io`` asks."""
        return True

    def readinto(self, buffer: Any) -> int | None:
        """Read what is there, as ``io`` asks."""
        seconds = self._until - time.monotonic()
        if seconds <= 0:
            raise TimeoutError("the answer's whole time is over")
        if seconds < self._wait:
            self._socket.settimeout(seconds)
        count: int | None = self._raw.readinto(buffer)
        self._left -= count or 0
        if self._left < 0:
            raise OSError("the answer has too many bytes")
        return count

    def close(self) -> None:
        """Let go of the socket."""
        self._raw.close()
        super().close()


class _Answer(HTTPResponse):
    def __init__(self, sock: socket.socket, *args: Any, **more: Any) -> None:
        super().__init__(sock, *args, **more)
        self.fp = io.BufferedReader(_Bounded(self.fp.detach(), sock), 65_536)


class _Connection(HTTPConnection):
    response_class = _Answer


class _TlsConnection(HTTPSConnection):
    response_class = _Answer


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _TlsConnection


class _Adapter(HTTPAdapter):
    """Finds what depends on the host alone once, and not at each call: a tenth of a call's CPU."""

    def init_poolmanager(self, *args: Any, **more: Any) -> None:
        super().init_poolmanager(*args, **more)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _TlsPool}
        self._pools: dict[str, HTTPConnectionPool] = {}

    def get_connection_with_tls_context(
        self, request: requests.PreparedRequest, *args: Any, **more: Any
    ) -> HTTPConnectionPool:
        origin = _split(request)[0]
        if origin not in self._pools:
            found: Any = super().get_connection_with_tls_context(request, *args, **more)
            self._pools[origin] = found
        return self._pools[origin]

    def request_url(self, request: requests.PreparedRequest, *_: Any) -> str:
        return _split(request)[1]

    def build_response(self, req: requests.PreparedRequest, resp: Any) -> requests.Response:
        """Return an answer without what nobody asks for: its cookies, a guess at its encoding."""
        answer = requests.Response()
        answer.status_code, answer.reason, answer.raw = resp.status, resp.reason, resp
        answer.headers = CaseInsensitiveDict(resp.headers)
        answer.url, answer.request, answer.connection = req.url or "", req, self
        return answer


def _split(request: requests.PreparedRequest) -> tuple[str, str]:
    """Return a URL as we write it in its two parts: up to the path, and from there on."""
    url = request.url or ""
    place = url.find("/", len("https://"))
    return (url[:place], url[place:]) if place > 0 else (url, "/")


class _NoCookies(RequestsCookieJar):
    """Cookies of one answer would go with every later call, for as long as the process lives."""

    def extract_cookies(self, *_: Any) -> None:
        """Keep none, without looking for them."""


class _Session(requests.Session):
    def get_redirect_target(self, resp: requests.Response) -> None:
        """Follow nothing: requests would read a redirect's whole body before we see its status."""


def session() -> requests.Session:
    """Return a session that follows no redirect, keeps no cookie and obeys no environment."""
    made = _Session()
    made.mount("http://", _Adapter())
    made.mount("https://", _Adapter())
    made.cookies = _NoCookies()
    made.trust_env = False  # a stray proxy or .netrc must not see the credentials
    return made
