"""What ERPs that are asked over HTTP have in common: their URL, and an answer that has an end."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import requests

from erp.port import ErpUnavailable

CONNECT_SECONDS = 5.0
READ_SECONDS = 120.0
"""Confirming a sale of 500 lines took 26 s: invoice and shipment are made in the same call."""

MOST_BYTES = 32 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Endpoint:
    """What an ``ERP_URL`` of the form ``NAME+https://USER:KEY@HOST:PORT/DATABASE?option=…`` says.

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
        example: a right one.
        known: its options, each with the values that it may have; none for any.

    Raises:
        ValueError: what is wrong with it, without the URL.
    """
    parts = urlsplit(url)
    name, _, protocol = parts.scheme.partition("+")
    database = parts.path.strip("/")
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    if protocol not in ("http", "https"):
        raise ValueError(f"must begin with {name}+https:// (or {name}+http://), as in {example}")
    if not parts.hostname or not database or "/" in database:
        raise ValueError(f"must name a host and one database, as in {example}")
    if not parts.password:
        raise ValueError(f"has no key where a password stands, as in {example}")
    if unknown := sorted(set(options) - set(known)):
        raise ValueError(f"has the option {unknown[0]!r}: must be one of {', '.join(known)}")
    for option, value in options.items():
        if known[option] and value not in known[option]:
            raise ValueError(f"has an option {option} that is none of {', '.join(known[option])}")
    host = parts.netloc.rpartition("@")[2]
    return Endpoint(
        f"{protocol}://{host}", unquote(database), unquote(parts.username or ""),
        unquote(parts.password), options,
    )  # fmt: skip


class Web:
    """One ERP over HTTP, a session a thread; it follows no redirect, and repeats nothing.

    Args:
        name: what an operator calls it.
        headers: of every call.
    """

    def __init__(self, name: str, headers: Mapping[str, str]) -> None:
        self._name, self._headers = name, headers
        self._local = threading.local()
        self._sessions: list[requests.Session] = []

    def ask(self, method: str, url: str, what: str, **more: Any) -> tuple[int, str]:
        """Return an answer's status and text.

        Args:
            what: what is asked for, without anything of an order.
            more: as ``requests`` takes it.

        Raises:
            ErpUnavailable: no answer, or one that drips or does not end.
        """
        try:
            with self._session().request(
                method, url, allow_redirects=False, timeout=(CONNECT_SECONDS, READ_SECONDS),
                stream=True, **more,
            ) as answer:  # fmt: skip
                return answer.status_code, self._text(answer, what)
        except requests.RequestException as error:
            raise ErpUnavailable(f"{self._name}: {type(error).__name__} at {what}") from None

    def close(self) -> None:
        """Give back the connections of all threads."""
        for session in self._sessions:
            session.close()

    def _session(self) -> requests.Session:
        session: requests.Session | None = getattr(self._local, "session", None)
        if session is None:
            session = requests.Session()
            # No .netrc and no proxy of the environment: the key goes to the host of the URL alone.
            session.trust_env = False
            session.headers.update(self._headers)
            self._local.session = session
            self._sessions.append(session)
        return session

    def _text(self, answer: requests.Response, what: str) -> str:
        until = time.monotonic() + READ_SECONDS
        body = bytearray()
        for some in answer.iter_content(65_536):
            body += some
            if len(body) > MOST_BYTES or time.monotonic() > until:
                raise ErpUnavailable(f"{self._name}'s answer to {what} is too long or too slow")
        return body.decode("utf-8", "replace")
