"""Answers of VTEX with bytes of any kind: JSON, or one of the errors that say what to do."""

from __future__ import annotations

import gzip
import json
import socket
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.documents import hostile
from vtex.client import VtexClient
from vtex.errors import VtexError
from vtex.transport.bounded_session import MOST_BYTES
from vtex.transport.transport import Account, Transport

READ_TIMEOUT = 0.5


@dataclass
class Wire:
    """A server that answers each request with the bytes it was told, and closes."""

    port: int
    answer: bytes = b""


@pytest.fixture(scope="module")
def wire() -> Iterator[Wire]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        made = Wire(listening.getsockname()[1])
        threading.Thread(target=_serve, args=(listening, made), daemon=True).start()
        yield made
        listening.shutdown(socket.SHUT_RDWR)


def _serve(listening: socket.socket, wire: Wire) -> None:
    with suppress(OSError):
        while True:
            connection, _ = listening.accept()
            with connection, suppress(OSError):
                connection.settimeout(2)
                connection.recv(65_536)
                connection.sendall(wire.answer)


STATUSES = st.sampled_from(
    [200, 200, 200, 201, 204, 206, 302, 400, 401, 404, 409, 429, 503, 600, 99, 0]
)
TYPES = st.sampled_from(
    [
        b"application/json",
        b"application/json; charset=utf-16",
        b"application/json; charset=\xff",
        b"text/html",
        b"application/problem+json",
        b"",
        b"json" * 5000,
    ]
)
HEADS = st.sampled_from(
    [b"X-A: 1", b"X-A: " + b"x" * 70_000, b"\r\n".join([b"X-A: 1"] * 150), b": ", b"X-A", b"\xff: \xff", b"Content-Length: -1",
     b"Content-Length: 5, 6", b"Content-Length: 99999999999999999999", b"Content-Length: \xb2", b"Transfer-Encoding: chunked",
     b"Transfer-Encoding: gzip, chunked", b"Content-Encoding: gzip", b"Content-Encoding: br, zstd, deflate, gzip, gzip, gzip",
     b"Set-Cookie: a=" + b"b" * 5000, b"Location: http://[\xff", b"Retry-After: \xb2", b"Retry-After: " + b"9" * 500,
     b"Retry-After: Mon, 01 Jan 0001 00:00:00 +2359", b"Connection: Upgrade", b" folded"]
)  # fmt: skip


BOMB = gzip.compress(b"0" * (4 * MOST_BYTES))
SIZES = [b"ffffffffffffffffff\r\n", b"-5\r\n", b"5;x=" + b"y" * 70_000 + b"\r\n"]
DEEP = [b"[" * 101, b"[" * 1_000_000, b"[" * 101 + b"]" * 101, b'{"a":' * 5000 + b"1" + b"}" * 5000]


def _chunked(body: bytes) -> bytes:
    return b"%x\r\n" % len(body) + body + b"\r\n0\r\n\r\n"


WAYS: list[Callable[[bytes], bytes]] = [
    lambda body: body,
    lambda body: b"\xef\xbb\xbf" + body,
    lambda body: body.decode().encode("utf-16"),
    lambda body: body.decode().replace("a", "ã").encode("latin-1"),
    lambda body: b'{"orderId": 1, "orderId": 2, "orderId": ' + body + b"}",
    lambda body: body[: len(body) // 2],
    gzip.compress,
    zlib.compress,
    _chunked,
    lambda body: _chunked(gzip.compress(body)),
]


def bodies() -> st.SearchStrategy[bytes]:
    """JSON, written as servers write it, well or badly; and what is none."""
    documents = hostile.mutated(hostile.MADE[0].order) | hostile.VALUES
    written = st.tuples(
        documents.map(lambda value: json.dumps(value).encode()), st.sampled_from(WAYS)
    )
    return (
        written.map(lambda row: row[1](row[0]))
        | st.sampled_from([BOMB, *DEEP, *SIZES])
        | st.binary(max_size=100)
    )


@st.composite
def answers(draw: st.DrawFn) -> bytes:
    body = draw(bodies())
    head = [b"HTTP/1.1 %d OK" % draw(STATUSES), b"Content-Type: " + draw(TYPES)]
    head += draw(st.lists(HEADS, max_size=3))
    if draw(st.booleans()):
        head.append(b"Content-Length: %d" % len(body))
    return (
        draw(st.sampled_from([b"", b"", b"", b"HTTP/1.1 100 Continue\r\n\r\n", b"\xff"]))
        + b"\r\n".join(head)
        + b"\r\n\r\n"
        + body
    )


def asked(wire: Wire, answer: bytes) -> VtexClient:
    wire.answer = answer
    url = f"http://127.0.0.1:{wire.port}"
    return VtexClient(
        Transport(Account("acme", "key", "secret-token", url, url), read_timeout=READ_TIMEOUT)
    )


def refused(error: VtexError) -> None:
    words = str(error)
    assert words.isprintable()
    assert len(words) < 600
    assert not [value for value in (*hostile.PEOPLE, "secret-token") if value in words]


@given(answer=answers())
def test_an_answer_is_an_order_or_one_of_our_errors(wire: Wire, answer: bytes) -> None:
    began = time.monotonic()
    try:
        assert isinstance(asked(wire, answer).order("o-1"), dict)
    except VtexError as error:
        refused(error)

    assert time.monotonic() - began < 2 * READ_TIMEOUT + 5


@given(answer=answers())
def test_a_write_ends_with_a_receipt_or_one_of_our_errors(wire: Wire, answer: bytes) -> None:
    try:
        receipt = asked(wire, answer).send_invoice("o-1", {})
        assert receipt is None or isinstance(receipt, str)
    except VtexError as error:
        refused(error)


@given(answer=answers())
def test_changes_pages_and_transactions_are_read_or_one_of_our_errors(
    wire: Wire, answer: bytes
) -> None:
    client = asked(wire, answer)
    for call in (
        lambda: client.change_under_way("o-1"),
        lambda: next(client.list_orders()),
        lambda: client.transaction("T1"),
        lambda: client.start_handling("o-1"),
    ):
        try:
            call()
        except VtexError as error:
            refused(error)
