"""Compares the content of an NF-e with the digest in its signature."""

from __future__ import annotations

import base64
import hashlib
import re
from xml.etree.ElementTree import ParseError, canonicalize

from erp.nfe.safe_xml import NAMESPACE, XmlPart

_CONTENT = re.compile(r"<infNFe[\s>].*</infNFe\s*>", re.DOTALL)
_DECLARES = re.compile(r"<infNFe[^>]*\sxmlns=")
_DIGEST = re.compile(r"<DigestValue>\s*([A-Za-z0-9+/=]+)\s*</DigestValue>")


def is_altered(text: str, protocol: XmlPart) -> bool:
    """Return whether the content of a nota contradicts a digest in the file.

    A nota whose elements have prefixes, or that lacks a digest, counts as unaltered: the digest of
    its content cannot be compared.

    Args:
        protocol: ``protNFe/infProt``, whose ``digVal`` repeats the digest.
    """
    content, digest = _CONTENT.search(text), _DIGEST.search(text)
    if content is None or digest is None:
        return False
    own, authorised = _digest(content[0]), protocol.text("digVal")
    return own != digest[1] or authorised not in (None, own)


def _digest(content: str) -> str:
    if not _DECLARES.match(content):
        # The canonical form repeats the namespace that the nota inherits.
        content = content.replace("<infNFe", f'<infNFe xmlns="{NAMESPACE[1:-1]}"', 1)
    try:
        canonical = canonicalize(content)
    except ParseError:
        return ""
    digest = hashlib.sha1(canonical.encode(), usedforsecurity=False).digest()
    return base64.b64encode(digest).decode()
