"""HTTP to VTEX: sessions, credentials, time-outs, and the table from status to error."""

from __future__ import annotations

import copy
import json
import re
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import requests

from foundation.foreign_values import http_moment
from foundation.messages import vtex as messages
from foundation.redaction import one_line, redacted
from vtex.errors import (
    OrderConflict,
    OrderNotFound,
    VtexError,
    VtexRejected,
    VtexThrottled,
    VtexUnauthorized,
    VtexUnavailable,
    WriteForbidden,
)
from vtex.transport import bounded_session as bounded
from vtex.transport import response_body as answers
from vtex.transport.endpoints import Call, endpoint_of
from vtex.transport.rate_limit import Priority, RateLimiter, group_of

# Anchored at the start of a word. Otherwise each letter of a long word starts a new try.
_HEADERS = {
    "Accept": "application/json",
    "Accept-Encoding": "gzip, deflate",
    "Content-Type": "application/json",
    "User-Agent": "vtex-erp-workers/0.1",
}


@dataclass(frozen=True, slots=True)
class Account:
    """One VTEX account with its credentials. The addresses serve the simulator or a proxy."""

    name: str
    app_key: str = field(repr=False)
    app_token: str = field(repr=False)
    base_url: str | None = None
    payments_url: str | None = None

    @property
    def orders_host(self) -> str:
        """Base URL of the orders API."""
        return (self.base_url or f"https://{self.name}.vtexcommercestable.com.br").rstrip("/")

    @property
    def payments_host(self) -> str:
        """Base URL of the payments gateway."""
        return (self.payments_url or f"https://{self.name}.vtexpayments.com.br").rstrip("/")


class Transport:
    """Calls one account through a pooled session per thread. It makes each call once.

    Args:
        account: the account, or a function that returns it for each call.
        connect_timeout, read_timeout: seconds. A whole response takes twice the latter at most.
        rate_limiter: grants each call, and slows down after a 429. ``None`` sets no limit.
        observer: called with each finished call.
        read_only: refuse every call but GET before it is made.
    """

    def __init__(
        self,
        account: Account | Callable[[], Account],
        *,
        connect_timeout: float = 5.0,
        read_timeout: float = 20.0,
        rate_limiter: RateLimiter | None = None,
        observer: Callable[[Call], None] | None = None,
        read_only: bool = False,
    ) -> None:
        self._account = account
        self._timeout = (connect_timeout, read_timeout)
        self._rate_limiter = rate_limiter
        self._observer = observer
        self._read_only = read_only
        self._priority = Priority.URGENT
        self._hold: Callable[[], None] | None = None
        self._local = threading.local()

    def with_priority(self, priority: Priority) -> Transport:
        """Return the same transport with another priority. Both share the sessions."""
        other = copy.copy(self)
        other._priority = priority
        return other

    def with_guard(self, hold: Callable[[], None]) -> Transport:
        """Return the same transport, which calls ``hold`` right before each write."""
        other = copy.copy(self)
        other._hold = hold
        return other

    @property
    def account(self) -> Account:
        """The account with its current credentials."""
        return self._account() if callable(self._account) else self._account

    def get(self, path: str, query: Mapping[str, str] | None = None, *, pay: bool = False) -> Any:
        """Return the JSON of a GET.

        Args:
            pay: call the payments host.

        Raises:
            VtexError: the call failed. See ``vtex.errors``.
        """
        status, body = self._call("GET", path, query, pay=pay)
        if status != 200:
            text = messages.ANSWERED(status=status, method="GET", path=path, details="")
            raise VtexUnavailable(text, method="GET", path=path)
        return answers.parsed(body, "GET", path, status)

    def post(self, path: str) -> int:
        """Send a POST without a body. Return the status, which is a success."""
        return self._call("POST", path, None, pay=False)[0]

    def send(self, method: str, path: str, body: Any) -> Any:
        """Send JSON. Return the JSON of the response, or ``None`` for an empty body.

        Raises:
            VtexUnavailable: the effect is in doubt.
        """
        status, answer = self._call(method, path, None, pay=False, body=body)
        return answers.parsed(answer, method, path, status) if answer else None

    def _call(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None,
        *,
        pay: bool,
        body: Any = None,
    ) -> tuple[int, bytes]:
        account = self.account
        if self._rate_limiter is not None:
            self._rate_limiter.acquire(group_of(method, path), self._priority)
        if method != "GET":
            self._before_write(account, method, path)
        host = account.payments_host if pay else account.orders_host
        request = _request(account, method, host + path, query, body)
        began, counted, status = time.time(), time.perf_counter(), None
        try:
            with self._session().send(
                request,
                timeout=self._timeout,
                stream=True,
                allow_redirects=False,
                verify=True,
                cert=None,
                proxies={},
            ) as answer:
                text, is_whole = answers.read(answer)
                status = answer.status_code
        except requests.RequestException as error:
            raise VtexUnavailable(
                messages.UNREACHABLE(method=method, path=path, error=type(error).__name__),
                method=method,
                path=path,
            ) from error
        finally:
            if self._observer is not None:
                seconds = time.perf_counter() - counted
                name = endpoint_of(path)
                self._observer(Call(account.name, method, name, status, began, seconds))
        try:
            _raise_for(answer, text, method, path)
        except VtexThrottled as error:
            if self._rate_limiter is not None:
                self._rate_limiter.slow_down(error.pause_seconds)
            raise
        if not is_whole:
            raise answers.too_large(method, path, answer.status_code)
        return answer.status_code, text

    def _before_write(self, account: Account, method: str, path: str) -> None:
        if self._read_only:
            text = messages.WRITE_FORBIDDEN(method=method, path=path, store=account.name)
            raise WriteForbidden(text, method=method, path=path)
        if self._hold is not None:
            self._hold()

    def _session(self) -> requests.Session:
        session: requests.Session | None = getattr(self._local, "session", None)
        if session is None:
            session = self._local.session = bounded.session()
        return session


def _request(
    account: Account, method: str, url: str, query: Mapping[str, str] | None, body: Any
) -> requests.PreparedRequest:
    """Return a request that is ready to be sent.

    ``requests`` would take half of a call's CPU to prepare it. It parses the URL again, and
    merges headers, cookies and proxies that are always empty here.
    """
    request = requests.PreparedRequest()
    request.method = method
    request.url = f"{url}?{urlencode(query)}" if query else url
    headers = _HEADERS | {
        "X-VTEX-API-AppKey": account.app_key,
        "X-VTEX-API-AppToken": account.app_token,
    }
    if method != "GET":
        request.body = b"" if body is None else json.dumps(body, allow_nan=False).encode()
        headers["Content-Length"] = str(len(request.body))
    request.headers = headers  # type: ignore[assignment]  # only this function sets them
    return request


def _raise_for(answer: requests.Response, body: bytes, method: str, path: str) -> None:
    status = answer.status_code
    is_json = "json" in answer.headers.get("Content-Type", "").lower()
    if status == 204 or (status < 300 and (is_json or not body)):
        return
    code, words = _vtex_words(body) if is_json else (None, "")
    error = _error_of(status, code, is_json=is_json)
    said = f": {code or ''} {words}".rstrip() if code or words else ""
    message = messages.UNAUTHORIZED if error is VtexUnauthorized else messages.ANSWERED
    failure = error(
        message(status=status, method=method, path=path, details=said),
        method=method,
        path=path,
        status=status,
        code=code,
    )
    if isinstance(failure, VtexThrottled):
        failure.retry_after = _retry_after(answer.headers.get("Retry-After"))
    raise failure


def _error_of(status: int, code: str | None, *, is_json: bool) -> type[VtexError]:
    table: dict[int, type[VtexError]] = {
        302: VtexUnauthorized,  # a login page
        401: VtexUnauthorized,
        403: VtexUnauthorized,
        409: OrderConflict,
        429: VtexThrottled,
        503: VtexThrottled,
    }
    if status == 404:
        # A proxy's page does not describe the order.
        return OrderNotFound if is_json else VtexUnavailable
    if status == 400 and code == "OMS003":
        return OrderConflict
    if status in table:
        return table[status]
    return VtexRejected if 400 <= status < 500 and status != 408 else VtexUnavailable


def _vtex_words(body: bytes) -> tuple[str | None, str]:
    try:
        raw = json.loads(body)
    except (ValueError, RecursionError):
        return None, ""
    if not isinstance(raw, dict):
        return None, ""
    error = raw["error"] if isinstance(raw.get("error"), dict) else raw
    code = error.get("code")
    words = (error.get(name) for name in ("message", "Message", "title"))
    return (
        one_line(redacted(str(code)), 32) if isinstance(code, str | int) and code else None,
        one_line(
            redacted(next((text for text in words if text and isinstance(text, str)), "")), 200
        ),
    )


def _retry_after(value: str | None) -> float | None:
    if not value:
        return None
    if re.fullmatch(r"\s*[0-9]{1,9}\s*", value):
        return float(value)
    moment = http_moment(value)
    return None if moment is None else max(0.0, (moment - datetime.now(UTC)).total_seconds())
