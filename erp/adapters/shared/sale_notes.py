"""Notes on sales for the ERP's people, and values read from their documents."""

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any

from erp.port import OUTCOMES, Event, Request
from erp.sales_order import OrderLine, SalesOrder
from foundation import redaction
from foundation.foreign_values import cents
from foundation.messages.message import Text, code_of, error_text

BRASILIA = timezone(timedelta(hours=-3))
REASON = "Cancelado pelo lojista"
"""Reason of a cancellation without one."""

LONGEST_REASON = 500

_ACCESS_KEY = re.compile(r"\b[0-9]{6}[0-9A-Z]{12}[0-9]{26}\b")
_SKU = re.compile(r"^VTEX SKU (\S+)(?: x (\S+))?$", re.MULTILINE)
_WORDS = {
    "carrier": "transportadora",
    "channel": "canal",
    "document": "documento",
    "tax": "regime fiscal",
}
"""Kinds of the code map that notes mention."""


# --- what they read -------------------------------------------------------------------------------


def remark(order: SalesOrder) -> str:
    """Return the facts for clerks that the ERP lacks a field for."""
    lines = [f"VTEX {order.store} {order.order_id}"]
    for payment in order.payments:
        code = order.code("payment", payment.system)
        words = [payment.system_name or payment.system, payment.group, f"{payment.value:.2f}"]
        words += [f"código {code}"] if code is not None else []
        words += [f"{payment.installments}x"] if payment.installments > 1 else []
        words += [
            f"{name} {text}" for name, text in (("NSU", payment.nsu), ("TID", payment.tid)) if text
        ]
        lines.append("pagamento: " + " ".join(filter(None, words)))
    for kind, word in _WORDS.items():
        if codes := dict.fromkeys(map(str, order.codes.get(kind, {}).values())):
            lines.append(f"{word}: {', '.join(codes)}")
    if order.pickup_point:
        lines.append(f"retirada: {order.pickup_point}")
    if order.note:
        lines.append(f"cliente: {order.note}")
    return "\n".join([*lines, *map(str, order.flags)])


def event_lines(event: Event) -> list[str]:
    """Return the lines of a note about a change or an outcome."""
    words = f"VTEX: {event.kind}"
    if event.invoice_number:
        words += f" {event.invoice}"
    if event.outcome is not None:
        words += f": {event.outcome} ({OUTCOMES.get(event.outcome, event.outcome)})"
    receipt = event.receipt and f"receipt {event.receipt}"
    status = event.order_status and f"order {event.order_status}"
    return list(filter(None, (words, event.reason, receipt, status)))


def sku_note(line: OrderLine) -> str:
    """Return a line's note, from which ``sku_of`` reads the SKU after the invoice."""
    by = "" if line.unit_multiplier == 1 else f" x {line.unit_multiplier.normalize():f}"
    gift = "\nBrinde" if line.is_gift else ""
    return f"VTEX SKU {line.sku_id}{by}{gift}"


def redacted(error: Exception, order: SalesOrder) -> Text:
    """Return the ERP's error as text without the personal data of the order's customer."""
    customer = order.customer
    personal = [customer.name, customer.document, customer.email, customer.phone]
    for place in order.addresses:
        personal += [place.receiver, place.street, place.postal_code]
    words = redaction.redacted(str(error), personal, pattern=redaction.TAX_ID)
    return Text(words, code_of(error_text(error)))


# --- what they wrote ------------------------------------------------------------------------------


def sku_of(note: str | None) -> tuple[str, Decimal] | None:
    """Return the SKU id in a line's note, and its sale units per unit."""
    match = _SKU.search(note or "")
    return (match[1], Decimal(match[2] or 1)) if match else None


def reason_in(notes: Iterable[str | None], mark: re.Pattern[str]) -> str | None:
    """Return the first reason that follows a mark at the beginning of a note."""
    for note in notes:
        match = mark.match(note or "")
        if match and (words := " ".join(match[1].split())):
            return words
    return None


def nota_of(*texts: str | None) -> tuple[str, str] | None:
    """Return number and access key of the NF-e in the first text that holds one."""
    for text in texts:
        if match := _ACCESS_KEY.search(text or ""):
            # Digits 26 to 34 of the key are the nota's number.
            return str(int(match[0][25:34])), match[0]
    return None


def items(sold: Iterable[tuple[str | None, Decimal, Decimal]]) -> Iterator[Mapping[str, Any]]:
    """Yield the items of an invoice's lines. Skip services and fractions of a unit.

    Args:
        sold: note, quantity and amount of each line.
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
    """Return the request for a document's tracking number. A new number makes a new request.

    Args:
        document: name of the document, such as ``odoo:picking:12``.
        fields: fields of the request, without the tracking number.
    """
    digest = hashlib.sha256(code.encode()).hexdigest()[:8]
    return Request("tracking", f"{document}:{digest}", {**fields, "tracking_number": code})


def cancellation(document: str, why: str | None, fields: Mapping[str, Any]) -> Request:
    """Return the request of a canceled sale."""
    return Request("cancellation", document, {**fields, "reason": (why or REASON)[:LONGEST_REASON]})


def midnight(day: date) -> str:
    """Return the start of a day in UTC, which is the same day in Brasília. ERPs store days."""
    return datetime.combine(day, time(), BRASILIA).isoformat()
