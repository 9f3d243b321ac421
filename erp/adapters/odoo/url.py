"""The ``ERP_URL`` of an Odoo: host, user, and options."""

from dataclasses import dataclass

from erp.adapters.shared.http_client import endpoint
from foundation.messages import settings


@dataclass(frozen=True, slots=True)
class OdooAddress:
    """An ``ERP_URL`` such as ``odoo+https://USER:KEY@HOST:PORT/DATABASE?product=sku_id``.

    Attributes:
        base: protocol and host.
        key: an API key (14 and later) or the user's password.
        api: ``auto``, ``jsonrpc`` or ``json2``.
        product: ``ref_id`` (or the SKU id of a SKU without one) or ``sku_id``.
        freight, discount, other: references of the services for amounts beside products.
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
        ValueError: the URL is invalid. The message does not quote it.
    """
    read = endpoint(url, EXAMPLE, OPTIONS)
    if not read.user:
        raise ValueError(settings.ERP_USER_MISSING(example=EXAMPLE))
    return OdooAddress(read.base, read.database, read.user, read.key, **read.options)
