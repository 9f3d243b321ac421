"""A text for people: a code, words with named fields, and the next step.

Each module of this package holds the messages of one area as constants. A caller fills one in:
``raise Refused(ORDER_CANCELED(status=order.status))``. Words pass through gettext, so that a
translation does not change the code.
"""

from __future__ import annotations

import gettext
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from logging import Logger
from pathlib import Path
from typing import Any, Self

_LOCALES = Path(__file__).parent / "locales"
_translation = gettext.translation("vtex_erp", _LOCALES, languages=["en"], fallback=True)

_registered: dict[str, Message] = {}


class Text(str):
    """A message that was filled in: its words, then its next step.

    Attributes:
        code: code of the message, as in ``VE-2031``.
        words: the sentence alone.
        next_step: the command, setting or place that repairs it. May be empty.
    """

    __slots__ = ("code", "next_step", "words")
    code: str
    words: str
    next_step: str

    def __new__(cls, words: str, code: str, next_step: str = "") -> Self:
        """Return the whole text, as errors, logs and tables show it."""
        text = super().__new__(cls, f"{words}. {next_step}" if next_step else words)
        text.code, text.words, text.next_step = code, words, next_step
        return text

    def __reduce__(self) -> tuple[type[Text], tuple[str, str, str]]:
        """Survive pickling: an error crosses processes with its text."""
        return Text, (self.words, self.code, self.next_step)


@dataclass(frozen=True, slots=True)
class Message:
    """One entry of the catalogue.

    Attributes:
        code: ``VE-`` and four digits. A code is never given to another message.
        words: a sentence with ``{named}`` fields, without a full stop.
        next_step: the command, setting or place that repairs it: a sentence of its own, likewise.
    """

    code: str
    words: str
    next_step: str = ""

    def __call__(self, **fields: object) -> Text:
        """Fill in the words and the next step.

        Raises:
            KeyError: a field of the words or of the next step is missing.
        """
        return Text(_filled(self.words, fields), self.code, _filled(self.next_step, fields))

    def log(self, log: Logger, **extra: Any) -> None:
        """Write an ERROR line that asks a person to act. Its fields go into ``extra``."""
        log.error(_translated(self.words), extra=extra | {"code": self.code}, stacklevel=2)


def message(code: str, words: str, next_step: str = "") -> Message:
    """Add a message to the catalogue.

    Raises:
        ValueError: the code is taken.
    """
    if code in _registered:
        raise ValueError(f"two messages have the code {code}: give one of them the next free code")
    _registered[code] = made = Message(code, words, next_step)
    return made


def registered() -> Iterator[tuple[str, Message]]:
    """Yield the messages of all areas that were imported, by code."""
    yield from sorted(_registered.items())


def code_of(words: object) -> str:
    """Return the code of a text, or an empty string for words from elsewhere."""
    return words.code if isinstance(words, Text) else ""


def error_text(error: BaseException) -> str:
    """Return the text of an error, with its code if it is a message."""
    return next((part for part in error.args[:1] if isinstance(part, Text)), str(error))


def _translated(words: str) -> str:
    # gettext answers an empty msgid with the catalogue's header.
    return _translation.gettext(words) if words else ""


def _filled(words: str, fields: Mapping[str, object]) -> str:
    return _translated(words).format_map(fields)
