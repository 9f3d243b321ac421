"""An answer's body: how much of it is read, and when it is JSON that all of us can work with."""

from __future__ import annotations

import json
from math import isinf
from typing import Any

import requests

from vtex.documents import Document, Rows
from vtex.errors import DocumentInvalid, VtexError, VtexUnavailable
from vtex.transport.bounded_session import MOST_BYTES

MOST_ERROR_BYTES = 64 * 1024
"""Of an error's body; the status says what matters."""

MOST_DEPTH = 100
"""Levels of objects and lists; an order has 8. What is deeper could be read here, and not there."""

_NO_BRACKET = bytes(set(range(256)) - set(b"[]{}"))


def read(answer: requests.Response) -> tuple[bytes, bool]:
    """Return the body as far as it is wanted, and whether that is all of it."""
    most = MOST_BYTES if answer.status_code < 300 else MOST_ERROR_BYTES
    body = bytearray()
    try:
        for part in answer.iter_content(65_536):
            body += part
            if len(body) > most:
                return bytes(body[:most]), False
    # urllib3 lets the ValueError through that a chunk of -5 bytes is to it.
    except (requests.RequestException, ValueError) as error:
        # A 429 is a 429 also where its words are cut off.
        if answer.status_code >= 300:
            return bytes(body), False
        if isinstance(error, requests.RequestException):
            raise
        raise requests.exceptions.ChunkedEncodingError from error
    return bytes(body), True


def parsed(body: bytes, method: str, path: str, status: int) -> Any:
    """Return the JSON of an answer.

    Raises:
        DocumentInvalid: a GET is answered with more levels than any document has.
        VtexUnavailable: it is no JSON, or of a write and of no use: in doubt.
    """
    try:
        text = body.decode(json.detect_encoding(body), "surrogatepass")
        raw = _DECODER.decode(text)
    except ValueError as error:
        raise VtexUnavailable(
            f"VTEX answered {method} {path} with a body that is not JSON",
            method=method, path=path, status=status,
        ) from error  # fmt: skip
    except RecursionError:
        raise _unusable("is nested too deeply", method, path, status) from None
    if _may_be_deep(body) and is_deep(raw):
        raise _unusable("is nested too deeply", method, path, status)
    if isinstance(raw, dict):
        return Document(raw, text)
    return Rows(raw, text) if isinstance(raw, list) else raw


def _may_be_deep(body: bytes) -> bool:
    """Say no where brackets close soon; those within texts may mislead. 16 µs for an order."""
    brackets = body.translate(None, _NO_BRACKET)
    for _ in range(MOST_DEPTH):
        if not brackets:
            return False
        brackets = brackets.replace(b"[]", b"").replace(b"{}", b"")
    return True


def is_deep(raw: Any) -> bool:
    """Say whether JSON has more than MOST_DEPTH levels, without recursion."""
    level = [raw]
    for _ in range(MOST_DEPTH):
        inner = [list(one.values()) if isinstance(one, dict) else one for one in level]
        level = [one for some in inner for one in some if isinstance(one, dict | list)]
        if not level:
            return False
    return True


def _no_json(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


def _finite(text: str) -> float:
    number = float(text)
    if isinf(number):
        raise ValueError("a number is too large")
    return number


_DECODER = json.JSONDecoder(parse_constant=_no_json, parse_float=_finite)


def too_large(method: str, path: str, status: int) -> VtexError:
    """Return the error of a success whose body is cut off."""
    return _unusable(f"has more than {MOST_BYTES} bytes", method, path, status)


def _unusable(what: str, method: str, path: str, status: int) -> VtexError:
    words = f"the answer of VTEX to {method} {path} {what}"
    if method == "GET":
        # It will not shrink by itself.
        return DocumentInvalid(words)
    return VtexUnavailable(words, method=method, path=path, status=status)
