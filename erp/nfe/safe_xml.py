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

MOST_BYTES = 1024 * 1024
"""SEFAZ takes no message of more than 500 kB; written with indents it may double."""

MOST_ELEMENTS = 200_000
"""Several times what a nota of 990 lines, the most there can be, is made of."""

MOST_DEPTH = 40
NAMESPACE = "{http://www.portalfiscal.inf.br/nfe}"
CHANGED = "the file is not what SEFAZ authorised: use the original"

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
        raise NfeInvalid(f"the file has {len(data)} bytes, more than {MOST_BYTES}: no NF-e is that")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = "\x00"
    declared = _DECLARED.match(text)
    if "\x00" in text or (declared and declared[1].lower() != "utf-8"):
        raise NfeInvalid("the file is not UTF-8, as every NF-e is: use the original")
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
                raise NfeInvalid("the XML is nested too deep or has too many elements for an NF-e")
    # What the parser says may quote the file.
    except ParseError as error:
        line, column = error.position
        raise NfeInvalid(
            f"the file is no XML or was cut off (line {line}, column {column}): use the original"
        ) from None
    except DefusedXmlException:
        raise NfeInvalid("the XML has a DTD or entities, which no NF-e has") from None
    if root is None:
        raise NfeInvalid("the file is empty")
    return root


@dataclass(frozen=True, slots=True)
class Part:
    """An element and the path by which messages name it."""

    element: Element
    name: str

    def renamed(self, name: str) -> Part:
        """Return the element under another path."""
        return Part(self.element, name)

    def path(self, below: str) -> str:
        """Return how messages name what is below."""
        return f"{self.name}/{below}" if self.name else below

    def find(self, below: str) -> Part | None:
        """Return the one element at a path; None where it is absent."""
        at = self.element
        for step in below.split("/"):
            found = at.findall(NAMESPACE + step)
            if len(found) > 1:
                raise NfeInvalid(f"{self.path(below)} stands {len(found)} times: {CHANGED}")
            if not found:
                return None
            at = found[0]
        return Part(at, self.path(below))

    def one(self, below: str) -> Part:
        """Return the one element at a path."""
        found = self.find(below)
        if found is None:
            raise NfeInvalid(f"{self.path(below)} is missing: use the authorised file, nfeProc")
        return found

    def all(self, below: str) -> Iterator[Part]:
        """Return every element of that name, numbered from 1 as ``det[1]``."""
        holder, _, name = below.rpartition("/")
        at = self.find(holder) if holder else self
        for place, one in enumerate(at.element.findall(NAMESPACE + name) if at else (), 1):
            yield Part(one, f"{self.path(below)}[{place}]")

    def text(self, below: str) -> str | None:
        """Return the text at a path; None where it is absent or empty."""
        found = self.find(below)
        return ((found.element.text or "").strip() or None) if found else None

    def need(self, below: str, form: re.Pattern[str] | None = None) -> str:
        """Return the text at a path, which has to be there, in that form."""
        self.one(below)
        text = self.text(below)
        if text is None or (form and not form.fullmatch(text)):
            raise NfeInvalid(
                f"{self.path(below)} is empty or not written as 4.00 has it: {CHANGED}"
            )
        return text

    def cents(self, below: str, *, absent: int | None = None) -> int:
        """Return an amount without the floats that turn 4.35 into 434 cents."""
        if absent is not None and self.text(below) is None:
            return absent
        return int(Decimal(self.need(below, MONEY)).scaleb(2))
