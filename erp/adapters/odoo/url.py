"""The URL of an Odoo: where it is, who asks, and what the retailer has named otherwise."""

from __future__ import annotations

from dataclasses import dataclass

from erp.adapters.shared.http_client import endpoint


@dataclass(frozen=True, slots=True)
class OdooAddress:
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


OPTIONS = {
    "api": ("auto", "jsonrpc", "json2"),
    "product": ("ref_id", "sku_id"),
    "freight": (),
    "discount": (),
    "other": (),
}
EXAMPLE = "odoo+https://vtex:KEY@erp.example.com/production"


def address(url: str) -> OdooAddress:
    """Read an ERP_URL.

    Raises:
        ValueError: what is wrong with it, without the URL.
    """
    found = endpoint(url, EXAMPLE, OPTIONS)
    if not found.user:
        raise ValueError(f"has no user, as in {EXAMPLE}")
    return OdooAddress(found.base, found.database, found.user, found.key, **found.options)
