"""What a server can do on the socket itself, and for how long, and how much of it is taken."""

from __future__ import annotations

import contextlib
import gzip
import json
import socket
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator

import pytest

from vtex import errors
from vtex.client import VtexClient
from vtex.transport.bounded_session import MOST_BYTES
from vtex.transport.transport import Account, Transport

READ_TIMEOUT = 0.4
JSON = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"

Say = Callable[[socket.socket], None]


@contextlib.contextmanager
def server(say: Say) -> Iterator[VtexClient]:
    """Let every request be answered by ``say``; give a client of that server."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=_serve, args=(listening, say), daemon=True).start()
        account = Account("acme", "key", "token", f"http://127.0.0.1:{listening.getsockname()[1]}")
        yield VtexClient(Transport(account, read_timeout=READ_TIMEOUT))
        with contextlib.suppress(OSError):
            listening.shutdown(socket.SHUT_RDWR)


def _serve(listening: socket.socket, say: Say) -> None:
    with contextlib.suppress(OSError):
        while True:
            connection, _ = listening.accept()
            with connection, contextlib.suppress(OSError):
                connection.settimeout(5)
                connection.recv(65_536)
                say(connection)


def dripping(head: bytes, drop: bytes, *, seconds: float = 0.05) -> Say:
    """Send a head, then a drop so often that no single wait is long, for six seconds."""

    def say(connection: socket.socket) -> None:
        connection.sendall(head)
        until = time.monotonic() + 6
        while time.monotonic() < until:
            connection.sendall(drop)
            time.sleep(seconds)

    return say


def pouring(head: bytes, flood: bytes, *, most: int = 100 * MOST_BYTES) -> Say:
    """Send a head, then the same again and again as fast as it goes."""

    def say(connection: socket.socket) -> None:
        connection.sendall(head)
        for _ in range(most // len(flood)):
            connection.sendall(flood)

    return say


@pytest.mark.parametrize(
    ("head", "drop"),
    [
        (JSON + b"Content-Length: 1000000\r\n\r\n", b" "),
        (JSON + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n"),
        (JSON + b"Transfer-Encoding: chunked\r\n\r\n", b"0"),
        (JSON + b"Transfer-Encoding: chunked\r\n\r\n0\r\n", b"X-A: 1\r\n"),
        (JSON, b"X"),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    ],
    ids=["body", "chunks", "size of a chunk", "trailers", "head", "interim answers"],
)
def test_an_answer_that_drips_ends_with_its_whole_time(head: bytes, drop: bytes) -> None:
    began = time.monotonic()

    with server(dripping(head, drop)) as client, pytest.raises(errors.VtexUnavailable):
        client.order("o-1")

    assert time.monotonic() - began < 2 * READ_TIMEOUT + 1


@pytest.mark.parametrize(
    ("head", "flood"),
    [
        (JSON + b"Transfer-Encoding: chunked\r\n\r\n", b"0" * 65_536),
        (JSON + b"Transfer-Encoding: chunked\r\n\r\n0\r\n", b"X-A: 1\r\n" * 8192),
        (b"", b"HTTP/1.1 100 Continue\r\nX-A: 1\r\n\r\n" * 2000),
        (b"HTTP/1.1 302 Found\r\nLocation: /login\r\n\r\n", b"x" * 65_536),
        (b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n", b"x" * 65_536),
        (JSON + b"\r\n", b" " * 65_536),
    ],
    ids=["size of a chunk", "trailers", "interim answers", "redirect", "no JSON", "JSON"],
)
def test_an_answer_without_end_is_not_kept_in_memory(head: bytes, flood: bytes) -> None:
    with server(pouring(head, flood)) as client:
        tracemalloc.start()
        with pytest.raises(errors.VtexError):
            client.order("o-1")
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()

    assert most < 4 * MOST_BYTES


def test_a_redirect_is_told_by_its_status_whatever_its_location() -> None:
    head = b"HTTP/1.1 302 Found\r\nLocation: http://[\xff\r\nContent-Length: 0\r\n\r\n"

    with server(pouring(head, b" ", most=0)) as client, pytest.raises(errors.VtexUnauthorized):
        client.order("o-1")


@pytest.mark.parametrize(
    "say",
    [
        pouring(b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 17\r\n\r\n", b"x" * 65_536),
        dripping(b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 17\r\n\r\n", b"x"),
        pouring(
            b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 17\r\nContent-Length: 9\r\n\r\n",
            b"x",
            most=0,
        ),
    ],
    ids=["without end", "dripping", "cut off"],
)
def test_a_throttle_is_one_whatever_its_body(say: Say) -> None:
    with server(say) as client, pytest.raises(errors.VtexThrottled) as caught:
        client.order("o-1")

    assert caught.value.retry_after == 17


def whole(body: bytes, *head: bytes) -> Say:
    lines = b"\r\n".join((b"Content-Length: %d" % len(body), *head))
    return pouring(JSON + lines + b"\r\n\r\n" + body, b" ", most=0)


BOMB = gzip.compress(b'{"a": "' + b"0" * (10 * MOST_BYTES) + b'"}')


@pytest.mark.parametrize(
    "say",
    [
        whole(json.dumps({"a": "0" * MOST_BYTES}).encode()),
        whole(BOMB, b"Content-Encoding: gzip"),
        whole(gzip.compress(BOMB), b"Content-Encoding: gzip, gzip"),
        pouring(
            JSON
            + b"Transfer-Encoding: chunked\r\nContent-Encoding: gzip\r\n\r\n%x\r\n" % len(BOMB)
            + BOMB
            + b"\r\n0\r\n\r\n",
            b" ",
            most=0,
        ),
    ],
    ids=["plain", "gzip", "gzip twice", "gzip in chunks"],
)
def test_a_document_too_large_is_invalid_for_it_will_not_shrink(say: Say) -> None:
    tracemalloc.start()
    with server(say) as client, pytest.raises(errors.DocumentInvalid, match=f"{MOST_BYTES} bytes"):
        client.order("o-1")
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert most < 5 * MOST_BYTES


@pytest.mark.parametrize("size", [b"-5", b"\xb2", b"5;x", b"ffffffffffffffffff", b""])
def test_a_chunk_of_no_size_is_no_answer(size: bytes) -> None:
    chunk = size + b"\r\n{}\r\n0\r\n\r\n"
    say = pouring(JSON + b"Transfer-Encoding: chunked\r\n\r\n" + chunk, b" ", most=0)

    with server(say) as client, pytest.raises(errors.VtexUnavailable):
        client.order("o-1")


def test_a_write_whose_answer_is_too_large_is_in_doubt() -> None:
    say = whole(json.dumps({"receipt": "0" * MOST_BYTES}).encode())

    with server(say) as client, pytest.raises(errors.VtexUnavailable):
        client.send_invoice("o-1", {})


def test_no_cookie_of_an_answer_is_sent_with_the_next_call() -> None:
    asked: list[bytes] = []

    def say(connection: socket.socket) -> None:
        for _ in range(2):
            connection.sendall(JSON + b"Set-Cookie: a=1\r\nContent-Length: 2\r\n\r\n{}")
            asked.append(connection.recv(65_536))

    with server(say) as client:
        client.order("o-1")
        client.order("o-1")

    assert b"GET" in asked[0]
    assert b"Cookie" not in asked[0]
