"""HTTP responses within bounds of time and bytes, whatever a server sends.

A read time-out bounds the wait for the next byte only. A server that sends one byte every ten
seconds would hold a thread for days. Header lines, chunk sizes, trailers and interim responses are
unbounded, too. The session therefore counts and times every byte from the socket.
"""

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
"""Bound of a decompressed body.

An order has some 20 kB, a page of the list 100 kB. An embedded invoice adds some 500 kB."""

_MOST_ON_WIRE = MOST_BYTES + 1024 * 1024
"""Bound of the bytes on the wire, with the head."""

PATIENCE = 2
"""Bound of a response's whole time, in read time-outs."""


class _Bounded(io.RawIOBase):
    """A socket's bytes, bounded by a deadline and a number."""

    def __init__(self, raw: io.RawIOBase, sock: socket.socket) -> None:
        self._raw, self._socket = raw, sock
        self._wait = sock.gettimeout() or 0.0
        self._until = time.monotonic() + PATIENCE * self._wait if self._wait else float("inf")
        self._left = _MOST_ON_WIRE

    def readable(self) -> bool:
        """Return true, as ``io`` requires."""
        return True

    def readinto(self, buffer: Any) -> int | None:
        """Read the available bytes, as ``io`` requires."""
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
        """Release the socket."""
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
    """Caches the pool of each host, which saves a tenth of a call's CPU."""

    def init_poolmanager(self, *args: Any, **more: Any) -> None:
        super().init_poolmanager(*args, **more)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _TlsPool}
        self._pools: dict[str, HTTPConnectionPool] = {}

    def get_connection_with_tls_context(
        self, request: requests.PreparedRequest, *args: Any, **more: Any
    ) -> HTTPConnectionPool:
        origin = _split(request)[0]
        if origin not in self._pools:
            pool: Any = super().get_connection_with_tls_context(request, *args, **more)
            self._pools[origin] = pool
        return self._pools[origin]

    def request_url(self, request: requests.PreparedRequest, *_: Any) -> str:
        return _split(request)[1]

    def build_response(self, req: requests.PreparedRequest, resp: Any) -> requests.Response:
        """Return a response without cookies and without a guess at its encoding."""
        answer = requests.Response()
        answer.status_code, answer.reason, answer.raw = resp.status, resp.reason, resp
        answer.headers = CaseInsensitiveDict(resp.headers)
        answer.url, answer.request, answer.connection = req.url or "", req, self
        return answer


def _split(request: requests.PreparedRequest) -> tuple[str, str]:
    """Return the two parts of a URL: its origin, and its path with the query."""
    url = request.url or ""
    place = url.find("/", len("https://"))
    return (url[:place], url[place:]) if place > 0 else (url, "/")


class _NoCookies(RequestsCookieJar):
    """A jar that stays empty. A cookie would go with every later call of the process."""

    def extract_cookies(self, *_: Any) -> None:
        """Ignore all cookies."""


class _Session(requests.Session):
    def get_redirect_target(self, resp: requests.Response) -> None:
        """Return ``None``: requests would read a redirect's whole body before its status counts."""


def session() -> requests.Session:
    """Return a session that ignores redirects, cookies and the environment."""
    made = _Session()
    made.mount("http://", _Adapter())
    made.mount("https://", _Adapter())
    made.cookies = _NoCookies()
    made.trust_env = False  # a stray proxy or .netrc must not see the credentials
    return made
