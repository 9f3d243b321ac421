"""The one HTTP client of all ERPs: their URL, sessions, time-outs and bounded answers."""

import json
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import requests

from erp.port import ErpUnavailable
from foundation.messages import erp as messages
from foundation.messages import settings

CONNECT_SECONDS = 5.0
READ_SECONDS = 120.0
"""Read time-out. Confirming a sale with 500 lines took 26 s, with invoice and shipment."""

MOST_BYTES = 32 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An ``ERP_URL`` of the form ``NAME+https://USER:KEY@HOST:PORT/DATABASE?option=…``.

    Attributes:
        base: protocol and host.
    """

    base: str
    database: str
    user: str
    key: str = field(repr=False)
    options: Mapping[str, str]


def endpoint(url: str, example: str, known: Mapping[str, tuple[str, ...]]) -> Endpoint:
    """Read an ERP_URL.

    Args:
        example: a valid URL, for the error.
        known: options with their allowed values. An empty tuple allows any value.

    Raises:
        ValueError: the URL is invalid. The message does not quote it.
    """
    parts = urlsplit(url)
    name, _, protocol = parts.scheme.partition("+")
    database = parts.path.strip("/")
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    if protocol not in ("http", "https"):
        raise ValueError(settings.ERP_SCHEME(name=name, example=example))
    if not parts.hostname or not database or "/" in database:
        raise ValueError(settings.ERP_DATABASE_MISSING(example=example))
    if not parts.password:
        raise ValueError(settings.ERP_KEY_MISSING(example=example))
    if unknown := sorted(set(options) - set(known)):
        raise ValueError(settings.ERP_OPTION_UNKNOWN(option=unknown[0], known=", ".join(known)))
    for option, value in options.items():
        if known[option] and value not in known[option]:
            raise ValueError(
                settings.ERP_OPTION_WRONG(option=option, known=", ".join(known[option]))
            )
    host = parts.netloc.rpartition("@")[2]
    return Endpoint(
        f"{protocol}://{host}",
        unquote(database),
        unquote(parts.username or ""),
        unquote(parts.password),
        options,
    )


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """An ERP's answer, read whole."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode("utf-8", "replace")

    def json(self) -> Any:
        """Return the body as JSON: exact decimals, ``{}`` for an empty body.

        Raises:
            ValueError: the body is not JSON.
        """
        try:
            return json.loads(self.body, parse_float=Decimal) if self.body.strip() else {}
        except RecursionError:
            raise ValueError("is nested too deeply") from None


@dataclass(frozen=True, slots=True)
class Bounds:
    """Limits of an answer: seconds without a byte, seconds of the whole body, bytes."""

    read_seconds: float
    body_seconds: float
    bytes: int


class HttpClient:
    """Calls one ERP over HTTP with a session per thread. It follows no redirect and never retries.

    Args:
        name: the ERP's name in messages.
        headers: sent with every call.
        bounds: default: those of an ERP that works while the caller waits.
    """

    def __init__(
        self, name: str, headers: Mapping[str, str] | None = None, bounds: Bounds | None = None
    ) -> None:
        self._name, self._headers, self._bounds = name, headers or {}, bounds
        self._local = threading.local()
        self._sessions: list[requests.Session] = []

    def send(self, method: str, url: str, purpose: str, **more: Any) -> HttpAnswer:
        """Return the ERP's answer, whatever its status.

        Args:
            purpose: names the call in messages, without data of an order.
            more: passed to ``requests``.

        Raises:
            ErpUnavailable: no answer, or one that exceeds the bounds.
        """
        bounds = self._bounds or Bounds(READ_SECONDS, READ_SECONDS, MOST_BYTES)
        try:
            with self._session().request(
                method,
                url,
                allow_redirects=False,
                timeout=(CONNECT_SECONDS, bounds.read_seconds),
                stream=True,
                **more,
            ) as answer:
                body = self._body(answer, purpose, bounds)
                return HttpAnswer(answer.status_code, answer.headers, body)
        except (requests.RequestException, OSError) as error:
            raise ErpUnavailable(
                messages.ERP_SILENT(erp=self._name, error=type(error).__name__, call=purpose)
            ) from None

    def close(self) -> None:
        """Close the connections of all threads."""
        while self._sessions:
            self._sessions.pop().close()

    def _session(self) -> requests.Session:
        session: requests.Session | None = getattr(self._local, "session", None)
        if session is None:
            session = requests.Session()
            # Ignore .netrc and proxy variables, so that the key reaches the URL's host only.
            session.trust_env = False
            session.headers.update(self._headers)
            self._local.session = session
            self._sessions.append(session)
        return session

    def _body(self, answer: requests.Response, purpose: str, bounds: Bounds) -> bytes:
        until = time.monotonic() + bounds.body_seconds
        body = bytearray()
        for chunk in answer.iter_content(65_536):
            body += chunk
            if len(body) > bounds.bytes or time.monotonic() > until:
                raise ErpUnavailable(messages.ANSWER_TOO_LONG(erp=self._name, call=purpose))
        return bytes(body)
