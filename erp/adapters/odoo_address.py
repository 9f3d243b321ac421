"""The URL of an Odoo: where it is, who asks, and what the retailer has named otherwise."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import parse_qsl, unquote, urlsplit


@dataclass(frozen=True, slots=True)
class Address:
    """What ``ERP_URL`` says: ``odoo+https://USER:KEY@HOST:PORT/DATABASE?product=sku_id``.

    Attributes:
        base: protocol and host.
        key: an API key (14 and later) or the user's password.
        api: ``auto``, ``jsonrpc`` or ``json2``.
        product: ``ref_id`` (the SKU's reference where it has one, else its id) or ``sku_id``.
        freight, discount, other: references of the services that carry what is no product.
    """

    base: str
    database: str
    user: str
    key: str
    api: str = "auto"
    product: str = "ref_id"
    freight: str = "VTEX-FREIGHT"
    discount: str = "VTEX-DISCOUNT"
    other: str = "VTEX-OTHER"

    def __repr__(self) -> str:
        return f"Address({self.base!r}, {self.database!r})"


OPTIONS = {"api": ("auto", "jsonrpc", "json2"), "product": ("ref_id", "sku_id")}
CODES = ("freight", "discount", "other")
EXAMPLE = "odoo+https://vtex:KEY@erp.example.com/production"


def address(url: str) -> Address:
    """Read an ERP_URL.

    Raises:
        ValueError: what is wrong with it, without the URL.
    """
    parts = urlsplit(url)
    protocol = parts.scheme.partition("+")[2]
    database = parts.path.strip("/")
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    if protocol not in ("http", "https"):
        raise ValueError(f"must begin with odoo+https:// (or odoo+http://), as in {EXAMPLE}")
    if not parts.hostname or not database or "/" in database:
        raise ValueError(f"must name a host and one database, as in {EXAMPLE}")
    if not parts.username or not parts.password:
        raise ValueError(f"has no user, or no key where a password stands, as in {EXAMPLE}")
    known = [*OPTIONS, *CODES]
    if unknown := sorted(set(options) - set(known)):
        raise ValueError(f"has the option {unknown[0]!r}: must be one of {', '.join(known)}")
    for name, values in OPTIONS.items():
        if options.get(name, values[0]) not in values:
            raise ValueError(f"has an option {name} that is none of {', '.join(values)}")
    host = parts.netloc.rpartition("@")[2]
    return Address(
        f"{protocol}://{host}", unquote(database), unquote(parts.username),
        unquote(parts.password), **options,
    )  # fmt: skip
