"""The body of a response: bounds of its size, and JSON that every layer can process."""

import json
from math import isinf
from typing import Any

import requests

from foundation.messages import vtex as messages
from vtex.documents import Document, Rows
from vtex.errors import DocumentInvalid, VtexError, VtexUnavailable
from vtex.transport.bounded_session import MOST_BYTES

MOST_ERROR_BYTES = 64 * 1024
"""Bound of an error's body. The status is enough to decide."""

MOST_DEPTH = 100
"""Bound of nested objects and lists. An order has 8 levels.

Other layers recurse, so a deeper document would fail there."""

_NO_BRACKET = bytes(set(range(256)) - set(b"[]{}"))


def read(answer: requests.Response) -> tuple[bytes, bool]:
    """Return the body up to its bound, and whether it is complete."""
    most = MOST_BYTES if answer.status_code < 300 else MOST_ERROR_BYTES
    body = bytearray()
    try:
        for part in answer.iter_content(65_536):
            body += part
            if len(body) > most:
                return bytes(body[:most]), False
    # urllib3 raises a ValueError for a chunk of -5 bytes.
    except (requests.RequestException, ValueError) as error:
        # The status of an error counts, even with a cut body.
        if answer.status_code >= 300:
            return bytes(body), False
        if isinstance(error, requests.RequestException):
            raise
        raise requests.exceptions.ChunkedEncodingError from error
    return bytes(body), True


def parsed(body: bytes, method: str, path: str, status: int) -> Any:
    """Return the JSON of a response.

    Raises:
        DocumentInvalid: the response to a GET is nested too deep.
        VtexUnavailable: the body is not JSON, or a write's response is unusable.
    """
    try:
        text = body.decode(json.detect_encoding(body), "surrogatepass")
        raw = _DECODER.decode(text)
    except ValueError as error:
        raise VtexUnavailable(
            messages.NOT_JSON(method=method, path=path), method=method, path=path, status=status
        ) from error
    except RecursionError:
        raise _unusable("is nested too deeply", method, path, status) from None
    if _may_be_deep(body) and is_deep(raw):
        raise _unusable("is nested too deeply", method, path, status)
    if isinstance(raw, dict):
        return Document(raw, text)
    return Rows(raw, text) if isinstance(raw, list) else raw


def _may_be_deep(body: bytes) -> bool:
    """Return false if brackets close soon, in 16 µs for an order. Texts may mislead it."""
    brackets = body.translate(None, _NO_BRACKET)
    for _ in range(MOST_DEPTH):
        if not brackets:
            return False
        brackets = brackets.replace(b"[]", b"").replace(b"{}", b"")
    return True


def is_deep(raw: Any) -> bool:
    """Return whether JSON has more than MOST_DEPTH levels, without recursion."""
    level = [raw]
    for _ in range(MOST_DEPTH):
        inner = [list(node.values()) if isinstance(node, dict) else node for node in level]
        level = [node for nodes in inner for node in nodes if isinstance(node, dict | list)]
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
    """Return the error for a success with a body beyond its bound."""
    return _unusable(f"has more than {MOST_BYTES} bytes", method, path, status)


def _unusable(what: str, method: str, path: str, status: int) -> VtexError:
    text = messages.UNUSABLE(method=method, path=path, fault=what)
    if method == "GET":
        # A retry would meet the same size.
        return DocumentInvalid(text)
    return VtexUnavailable(text, method=method, path=path, status=status)
