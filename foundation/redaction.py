"""Filters for foreign text: personal data, passwords, and characters that databases refuse."""

import re
from collections.abc import Iterable

# The look-behind keeps the search linear in a long text without an @.
PERSONAL = re.compile(r"(?<![^\s@\"'])[^\s@\"']+@[^\s@\"']+|\d[\d./() -]{7,}\d|[A-Za-z0-9_-]{40,}")
"""E-mail addresses, long numbers such as telephones and CPFs, and tokens."""

TAX_ID = re.compile(r"\d{2,3}\.\d{3}\.\d{3}[-/][\d/-]+")
"""A CPF or CNPJ as people write it."""

_PASSWORD = re.compile(r"://([^:@/?#]*):.*@", re.DOTALL)
_SECRET_PARAMETER = re.compile(r"(?i)([?&][^=&]*(?:pass|token|secret)[^=&]*=)[^&\s]*")
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


def redacted(
    text: str, known: Iterable[str | None] = (), *, pattern: re.Pattern[str] = PERSONAL
) -> str:
    """Return text with "…" in place of personal data.

    Args:
        known: personal values that the text may quote, in any case.
        pattern: personal data of any person.
    """
    for value in sorted(filter(None, known), key=len, reverse=True):
        text = re.sub(re.escape(value), "…", text, flags=re.IGNORECASE)
    return pattern.sub("…", text)


def masked(url: str) -> str:
    """Return a URL without its passwords, even if they break its syntax."""
    return _SECRET_PARAMETER.sub(r"\1***", _PASSWORD.sub(r"://\1:***@", url))


def one_line(text: str, longest: int) -> str:
    """Return the beginning of a text on one line, without control characters."""
    shown = "".join(character if character.isprintable() else " " for character in text[:longest])
    return " ".join(shown.split())


def storable(text: str) -> str:
    """Return text without NUL and half surrogate pairs, which databases refuse."""
    return text if text.isprintable() else _UNSTORABLE.sub("\ufffd", text)
