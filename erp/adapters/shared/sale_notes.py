"""What the people of an ERP read of our orders, and what is read out of their documents."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any

from erp.port import Request
from erp.sales_order import OrderLine, SalesOrder
from foundation import redaction
from foundation.foreign_values import cents

BRASILIA = timezone(timedelta(hours=-3))
REASON = "Cancelado pelo lojista"
"""Of a cancellation for which nobody gave one."""

LONGEST_REASON = 500

_ACCESS_KEY = re.compile(r"\b[0-9]{6}[0-9A-Z]{12}[0-9]{26}\b")
_SKU = re.compile(r"^VTEX SKU (\S+)(?: x (\S+))?$", re.MULTILINE)
_WORDS = {
    "carrier": "transportadora",
    "channel": "canal",
    "document": "documento",
    "tax": "regime fiscal",
}
"""Kinds of the retailer's map that are told in words."""


# --- what they read -------------------------------------------------------------------------------


def remark(order: SalesOrder) -> str:
    """Return what a clerk should know and the ERP has no field for."""
    lines = [f"VTEX {order.store} {order.order_id}"]
    for one in order.payments:
        code = order.code("payment", one.system)
        words = [one.system_name or one.system, one.group, f"{one.value:.2f}"]
        words += [f"código {code}"] if code is not None else []
        words += [f"{one.installments}x"] if one.installments > 1 else []
        words += [f"{name} {text}" for name, text in (("NSU", one.nsu), ("TID", one.tid)) if text]
        lines.append("pagamento: " + " ".join(filter(None, words)))
    for kind, word in _WORDS.items():
        if codes := dict.fromkeys(map(str, order.codes.get(kind, {}).values())):
            lines.append(f"{word}: {', '.join(codes)}")
    if order.pickup_point:
        lines.append(f"retirada: {order.pickup_point}")
    if order.note:
        lines.append(f"cliente: {order.note}")
    return "\n".join([*lines, *order.flags])


def sku_note(line: OrderLine) -> str:
    """Return the words of a line by which ``sku_of`` finds its SKU again, once it is invoiced."""
    by = "" if line.unit_multiplier == 1 else f" x {line.unit_multiplier.normalize():f}"
    gift = "\nBrinde" if line.is_gift else ""
    return f"VTEX SKU {line.sku_id}{by}{gift}"


def redacted(words: str, order: SalesOrder) -> str:
    """Return the ERP's words without the personal data of the order's customer."""
    customer = order.customer
    personal = [customer.name, customer.document, customer.email, customer.phone]
    for place in (order.shipping_address, order.billing_address):
        if place is not None:
            personal += [place.receiver, place.street, place.postal_code]
    return redaction.redacted(words, personal, pattern=redaction.TAX_ID)


# --- what they wrote ------------------------------------------------------------------------------


def sku_of(note: str | None) -> tuple[str, Decimal] | None:
    """Return the SKU id that a line's note names and how many sale units one of it is."""
    found = _SKU.search(note or "")
    return (found[1], Decimal(found[2] or 1)) if found else None


def nota_of(*texts: str | None) -> tuple[str, str] | None:
    """Return the number and the access key of the NF-e that one of some texts holds."""
    for one in texts:
        if found := _ACCESS_KEY.search(one or ""):
            # The key holds the nota's number at its places 26 to 34.
            return str(int(found[0][25:34])), found[0]
    return None


def items(sold: Iterable[tuple[str | None, Decimal, Decimal]]) -> Iterator[Mapping[str, Any]]:
    """Yield the items of an invoice's lines; what is no product, or a part of one unit, is none.

    Args:
        sold: of each line the note that names its SKU, its quantity and its amount.
    """
    for note, of_sale_units, amount in sold:
        sku = sku_of(note)
        if sku is None:
            continue
        quantity = of_sale_units / sku[1]
        if quantity >= 1 and quantity == quantity.to_integral_value():
            price = cents(amount / quantity)
            yield {"sku_id": sku[0], "quantity": int(quantity), "price_cents": price}


def tracking(document: str, code: str, fields: Mapping[str, Any]) -> Request:
    """Return a request that a document's tracking number makes; another number makes another.

    Args:
        document: what it is called, as ``odoo:picking:12``.
        fields: of the request, without the number.
    """
    digest = hashlib.sha256(code.encode()).hexdigest()[:8]
    return Request("tracking", f"{document}:{digest}", {**fields, "tracking_number": code})


def cancellation(document: str, why: str | None, fields: Mapping[str, Any]) -> Request:
    """Return the request that a canceled sale makes."""
    return Request("cancellation", document, {**fields, "reason": (why or REASON)[:LONGEST_REASON]})


def midnight(day: date) -> str:
    """Return a day's beginning: an ERP keeps days, and in Brasília that is the same day in UTC."""
    return datetime.combine(day, time(), BRASILIA).isoformat()
