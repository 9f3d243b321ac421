"""A strict reader of foreign XML: small, shallow, UTF-8, without DTD and entities."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from io import BytesIO
from xml.etree.ElementTree import Element

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import ParseError, iterparse

from foundation.messages import nfe as messages

MOST_BYTES = 1024 * 1024
"""Bound of a file. SEFAZ accepts 500 kB at most, and indentation may double that."""

MOST_ELEMENTS = 200_000
"""Bound of the elements, several times those of a nota with the maximum of 990 lines."""

MOST_DEPTH = 40
NAMESPACE = "{http://www.portalfiscal.inf.br/nfe}"

MONEY = re.compile(r"[0-9]{1,13}(\.[0-9]{1,2})?")
WHOLE = re.compile(r"[0-9]{1,15}")
_DECLARED = re.compile(r"<\?xml[^>]*?encoding\s*=\s*[\"']([^\"'>]*)")
_UTF_8 = ("utf-8", "utf8")
_BLANKS = "\ufeff \t\r\n"
"""Characters before the declaration, as mail gateways add them."""


class NfeError(Exception):
    """An NF-e cannot become an invoice."""


class NfeInvalid(NfeError):
    """The file is not an authorised NF-e. The message names the element."""


def text_of(data: bytes) -> str:
    """Return the file as text, without blanks before it. Written anew, its signature would break.

    Raises:
        NfeInvalid: the file is too large, or not UTF-8 as SEFAZ requires.
    """
    if len(data) > MOST_BYTES:
        raise NfeInvalid(messages.TOO_LARGE(size=len(data), most=MOST_BYTES))
    try:
        text = data.decode("utf-8").lstrip(_BLANKS)
    except UnicodeDecodeError:
        text = "\x00"
    declared = _DECLARED.match(text)
    if "\x00" in text or (declared and declared[1].lower() not in _UTF_8):
        raise NfeInvalid(messages.NOT_UTF8())
    return text


def parsed(text: str) -> Element:
    """Return the root element.

    Raises:
        NfeInvalid: the text is not XML, is cut off, has too many levels or elements, or a DTD.
    """
    depth = count = 0
    root: Element | None = None
    try:
        source = BytesIO(_DECLARED.sub(_named_utf_8, text, count=1).encode("utf-8"))
        for event, element in iterparse(source, events=("start", "end"), forbid_dtd=True):
            root = element if root is None else root
            depth += 1 if event == "start" else -1
            count += event == "start"
            if depth > MOST_DEPTH or count > MOST_ELEMENTS:
                raise NfeInvalid(messages.TOO_DEEP())
    # The parser's message may quote the file.
    except ParseError as error:
        line, column = error.position
        raise NfeInvalid(messages.NOT_XML(line=line, column=column)) from None
    except DefusedXmlException:
        raise NfeInvalid(messages.HAS_DTD()) from None
    if root is None:
        raise NfeInvalid(messages.EMPTY())
    return root


def _named_utf_8(declaration: re.Match[str]) -> str:
    # The parser knows the encoding by its registered name alone.
    return declaration[0].removesuffix(declaration[1]) + _UTF_8[0]


@dataclass(frozen=True, slots=True)
class XmlPart:
    """An element with its path, which messages name."""

    element: Element
    name: str

    def renamed(self, name: str) -> XmlPart:
        """Return the element under another path."""
        return XmlPart(self.element, name)

    def path(self, below: str) -> str:
        """Return the path of an element below."""
        return f"{self.name}/{below}" if self.name else below

    def find(self, below: str) -> XmlPart | None:
        """Return the only element at a path, or ``None``."""
        at = self.element
        for step in below.split("/"):
            elements = at.findall(NAMESPACE + step)
            if len(elements) > 1:
                raise NfeInvalid(messages.REPEATED(path=self.path(below), count=len(elements)))
            if not elements:
                return None
            at = elements[0]
        return XmlPart(at, self.path(below))

    def one(self, below: str) -> XmlPart:
        """Return the only element at a path."""
        part = self.find(below)
        if part is None:
            raise NfeInvalid(messages.MISSING(path=self.path(below)))
        return part

    def all(self, below: str) -> Iterator[XmlPart]:
        """Return every element of that name, numbered from 1 as ``det[1]``."""
        holder, _, name = below.rpartition("/")
        at = self.find(holder) if holder else self
        for place, element in enumerate(at.element.findall(NAMESPACE + name) if at else (), 1):
            yield XmlPart(element, f"{self.path(below)}[{place}]")

    def text(self, below: str) -> str | None:
        """Return the text at a path, or ``None`` if it is absent or empty."""
        part = self.find(below)
        return ((part.element.text or "").strip() or None) if part else None

    def need(self, below: str, form: re.Pattern[str] | None = None) -> str:
        """Return the required text at a path, in the given form."""
        self.one(below)
        text = self.text(below)
        if text is None or (form and not form.fullmatch(text)):
            raise NfeInvalid(messages.WRONG_FORM(path=self.path(below)))
        return text

    def cents(self, below: str, *, absent: int | None = None) -> int:
        """Return an amount in cents. Floats would turn 4.35 into 434 cents."""
        if absent is not None and self.text(below) is None:
            return absent
        return int(Decimal(self.need(below, MONEY)).scaleb(2))
