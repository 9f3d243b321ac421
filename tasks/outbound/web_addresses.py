"""Web addresses of the ERP, in the form that VTEX and a shopper's browser accept."""

import re
from urllib.parse import quote, urlsplit

_HALF_ENCODED = re.compile("%(?![0-9A-Fa-f]{2})")
_KEPT = "%/:=&?~#+!$,;'@()*[]"
"""Characters with a meaning of their own in an address, and those of encoded ones."""


def encoded(address: str) -> str:
    """Return an http(s) address with its other characters percent-encoded, its host as IDNA.

    Raises:
        ValueError: the text is not an http(s) address.
    """
    if not address.isprintable():
        raise ValueError
    parts = urlsplit(address)
    host = parts.hostname or ""
    if parts.scheme not in ("http", "https") or not host or re.search(r"\s", parts.netloc):
        raise ValueError
    if not host.isascii():
        port = f":{parts.port}" if parts.port else ""
        parts = parts._replace(netloc=f"{host.encode('idna').decode()}{port}")
    return quote(_HALF_ENCODED.sub("%25", parts.geturl()), safe=_KEPT)
