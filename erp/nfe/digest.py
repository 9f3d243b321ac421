"""Compares the content of an NF-e with the digest in its signature."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterator, Mapping
from xml.etree.ElementTree import ParseError, canonicalize

from erp.nfe.safe_xml import XmlPart

_END = re.compile(r"</((?:[\w.-]+:)?infNFe)\s*>")
_DECLARATION = re.compile(r"\s(xmlns(?::[\w.-]+)?)\s*=\s*[\"']([^\"']*)[\"']")
_DIGEST = ".//{http://www.w3.org/2000/09/xmldsig#}DigestValue"


def is_altered(text: str, proc: XmlPart) -> bool:
    """Return whether the content of a nota contradicts a digest in the file.

    A nota that lacks a digest counts as unaltered.

    Args:
        proc: ``nfeProc``. ``digVal`` of its protocol repeats the digest of the signature.
    """
    signed = (proc.element.findtext(_DIGEST) or "").strip()
    if not signed:
        return False
    own, authorised = set(_digests(text)), proc.text("protNFe/infProt/digVal")
    return signed not in own or authorised not in (None, *own)


def _digests(text: str) -> Iterator[str]:
    """Yield the digest of the content, by the namespaces that it had when it was signed.

    The canonical form repeats all namespaces of ``NFe``, and ERPs add those of ``nfeProc`` later.
    """
    # One search for each end: patterns from start to end would be slow on hostile files.
    end = next(iter(list(_END.finditer(text))[-1:]), None)
    start = re.search(rf"<{re.escape(end[1])}[\s>]", text) if end else None
    if end is None or start is None:
        return
    name, before, content = end[1], text[: start.start()], text[start.start() : end.end()]
    of_nfe, of_file = _declared(before[before.rfind("<") :]), _declared(before)
    own = _declared(content.partition(">")[0])
    try:
        canonical = canonicalize(_with(content, name, of_file | own))
    except ParseError:
        return
    used = _declared(canonical.partition(">")[0])
    for inherited in ({}, of_nfe, of_file):
        form = _with(canonical, name, inherited | own | used)
        digest = hashlib.sha1(form.encode(), usedforsecurity=False).digest()
        yield base64.b64encode(digest).decode()


def _declared(tags: str) -> dict[str, str]:
    return dict(_DECLARATION.findall(tags))


def _with(element: str, name: str, namespaces: Mapping[str, str]) -> str:
    """Return an element with these declarations, in the order of the canonical form."""
    tag, _, rest = element.partition(">")
    attributes = _DECLARATION.sub("", tag.removeprefix(f"<{name}"))
    declared = "".join(f' {prefix}="{uri}"' for prefix, uri in sorted(namespaces.items()))
    return f"<{name}{declared}{attributes}>{rest}"
