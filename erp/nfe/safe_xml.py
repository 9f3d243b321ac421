"""XML that others made, read with suspicion: small, shallow, UTF-8, no DTD, no entities."""

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
"""SEFAZ takes no message of more than 500 kB; written with indents it may double."""

MOST_ELEMENTS = 200_000
"""Several times what a nota of 990 lines, the most there can be, is made of."""

MOST_DEPTH = 40
NAMESPACE = "{http://www.portalfiscal.inf.br/nfe}"

MONEY = re.compile(r"[0-9]{1,13}(\.[0-9]{1,2})?")
WHOLE = re.compile(r"[0-9]{1,15}")
_DECLARED = re.compile(r"<\?xml[^>]*?encoding\s*=\s*[\"']([^\"'>]*)")


class NfeError(Exception):
    """An NF-e makes no invoice."""


class NfeInvalid(NfeError):
    """The file is no authorised NF-e that VTEX may hear of; the message names the element."""


def text_of(data: bytes) -> str:
    """Return the file as text, unchanged, to be embedded: written anew, its signature breaks.

    Raises:
        NfeInvalid: too large, or not UTF-8, which is all that SEFAZ takes.
    """
    if len(data) > MOST_BYTES:
        raise NfeInvalid(messages.TOO_LARGE(size=len(data), most=MOST_BYTES))
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = "\x00"
    declared = _DECLARED.match(text)
    if "\x00" in text or (declared and declared[1].lower() != "utf-8"):
        raise NfeInvalid(messages.NOT_UTF8())
    return text


def parsed(text: str) -> Element:
    """Return the root element.

    Raises:
        NfeInvalid: no XML, cut off, too deep, too many elements, a DTD.
    """
    depth = count = 0
    root: Element | None = None
    try:
        source = BytesIO(text.encode("utf-8"))
        for event, element in iterparse(source, events=("start", "end"), forbid_dtd=True):
            root = element if root is None else root
            depth += 1 if event == "start" else -1
            count += event == "start"
            if depth > MOST_DEPTH or count > MOST_ELEMENTS:
                raise NfeInvalid(messages.TOO_DEEP())
    # What the parser says may quote the file.
    except ParseError as error:
        line, column = error.position
        raise NfeInvalid(messages.NOT_XML(line=line, column=column)) from None
    except DefusedXmlException:
        raise NfeInvalid(messages.HAS_DTD()) from None
    if root is None:
        raise NfeInvalid(messages.EMPTY())
    return root


@dataclass(frozen=True, slots=True)
class XmlPart:
    """An element and the path by which messages name it."""

    element: Element
    name: str

    def renamed(self, name: str) -> XmlPart:
        """Return the element under another path."""
        return XmlPart(self.element, name)

    def path(self, below: str) -> str:
        """Return how messages name what is below."""
        return f"{self.name}/{below}" if self.name else below

    def find(self, below: str) -> XmlPart | None:
        """Return the one element at a path; None where it is absent."""
        at = self.element
        for step in below.split("/"):
            found = at.findall(NAMESPACE + step)
            if len(found) > 1:
                raise NfeInvalid(messages.REPEATED(path=self.path(below), count=len(found)))
            if not found:
                return None
            at = found[0]
        return XmlPart(at, self.path(below))

    def one(self, below: str) -> XmlPart:
        """Return the one element at a path."""
        found = self.find(below)
        if found is None:
            raise NfeInvalid(messages.MISSING(path=self.path(below)))
        return found

    def all(self, below: str) -> Iterator[XmlPart]:
        """Return every element of that name, numbered from 1 as ``det[1]``."""
        holder, _, name = below.rpartition("/")
        at = self.find(holder) if holder else self
        for place, one in enumerate(at.element.findall(NAMESPACE + name) if at else (), 1):
            yield XmlPart(one, f"{self.path(below)}[{place}]")

    def text(self, below: str) -> str | None:
        """Return the text at a path; None where it is absent or empty."""
        found = self.find(below)
        return ((found.element.text or "").strip() or None) if found else None

    def need(self, below: str, form: re.Pattern[str] | None = None) -> str:
        """Return the text at a path, which has to be there, in that form."""
        self.one(below)
        text = self.text(below)
        if text is None or (form and not form.fullmatch(text)):
            raise NfeInvalid(messages.WRONG_FORM(path=self.path(below)))
        return text

    def cents(self, below: str, *, absent: int | None = None) -> int:
        """Return an amount without the floats that turn 4.35 into 434 cents."""
        if absent is not None and self.text(below) is None:
            return absent
        return int(Decimal(self.need(below, MONEY)).scaleb(2))
