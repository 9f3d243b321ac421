"""The bodies that the workers send to VTEX: invoices, tracking, cancellations, denials."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from typing import Any

KEY = re.compile(r"[0-9]{6}[0-9A-Z]{12}[0-9]{26}")
"""An NF-e access key. Since July 2026 its CNPJ may hold letters."""

OVERTAKING = timedelta(minutes=10)
"""Longest wait for a request that was sent earlier. Queues do not preserve order."""

_WITHOUT_SERIES = "59"
"""Model of the coupon CF-e, whose key has the number of the till where an NF-e has its series."""

_UNSAFE = re.compile(r"[^0-9A-Za-z-]")
_MADE_SAFE = re.compile(r"-x([0-9A-F]{2,6})-")


@dataclass(frozen=True, slots=True)
class InvoiceItem:
    """A line of an invoice.

    Attributes:
        price_cents: price of one unit. VTEX multiplies it by the quantity.
    """

    sku_id: str
    quantity: int
    price_cents: int
    description: str | None = None


@dataclass(frozen=True, slots=True)
class Invoice:
    """A nota fiscal in VTEX's form.

    Attributes:
        invoice_number: the ERP's spelling. ``plain_number`` returns the form for VTEX.
        type: ``Output`` (sale) or ``Input`` (return).
        value_cents: total with freight and tax. VTEX counts this value. 0 ends an order of value 0.
        issued_at: ISO 8601 with its offset, as written.
        items: empty means every open unit.
        invoice_series: series of the nota fiscal, without leading zeros. VTEX lacks a field for it.
        invoice_key: NF-e access key.
        url: address of the document.
        xml: the NF-e to embed, exactly as received. It is not a field of the ERP's request.
    """

    invoice_number: str
    value_cents: int
    issued_at: str
    type: str = "Output"
    items: tuple[InvoiceItem, ...] = ()
    invoice_series: str | None = None
    invoice_key: str | None = None
    url: str | None = None
    courier: str | None = None
    tracking_number: str | None = None
    tracking_url: str | None = None
    dispatched_at: str | None = None
    xml: str | None = None


@dataclass(frozen=True, slots=True)
class TrackingEvent:
    """Where a parcel was on a day (``yyyy-mm-dd``)."""

    city: str
    state: str
    description: str
    date: str


@dataclass(frozen=True, slots=True)
class Tracking:
    """The carrier's data about the parcel of one invoice.

    Attributes:
        invoice_number: the ERP's spelling.
        invoice_series: its series, if the ERP names it.
        delivered_at: ISO 8601 with offset, once delivered.
    """

    invoice_number: str
    invoice_series: str | None = None
    tracking_number: str | None = None
    tracking_url: str | None = None
    courier: str | None = None
    dispatched_at: str | None = None
    events: tuple[TrackingEvent, ...] = ()
    delivered_at: str | None = None


@dataclass(frozen=True, slots=True)
class Cancellation:
    """A request to cancel an order."""

    reason: str
    requested_by_user: bool = False


@dataclass(frozen=True, slots=True)
class Denial:
    """A denial of a cancellation request.

    Attributes:
        reason: text for the marketplace and the shopper.
        request_id: id of the request to deny. ``None`` denies the current one.
    """

    reason: str
    request_id: str | None = None


def plain_number(number: str) -> str:
    """Return an invoice number that VTEX's later calls accept. ``written_number`` undoes it.

    A space, ``/`` or ``#`` makes VTEX lose the invoice or refuse its tracking for good. Each such
    character becomes its hexadecimal code: ``128/841`` is sent as ``128-x2F-841``.
    """
    return _UNSAFE.sub(lambda match: f"-x{ord(match[0]):02X}-", number)


def written_number(number: str) -> str:
    """Return the ERP's spelling of an invoice number from VTEX."""
    return _MADE_SAFE.sub(lambda match: chr(int(match[1], 16)), number)


def number_is_free(number: str) -> bool:
    """Return whether ``plain_number`` can encode an invoice number and decode it again."""
    return not _MADE_SAFE.search(number) and any(character.isalnum() for character in number)


def key_is_sound(key: str) -> bool:
    """Return whether an NF-e access key has the right form and check digit (modulo 11)."""
    if not KEY.fullmatch(key):
        return False
    weighted = enumerate(reversed(key[:-1]))
    total = sum((ord(digit) - 48) * (2 + place % 8) for place, digit in weighted)
    rest = total % 11
    return int(key[-1]) == (0 if rest < 2 else 11 - rest)


def plain_series(series: str) -> str:
    """Return a series of notas fiscais without leading zeros: ``001`` is ``1``."""
    return series.lstrip("0") or "0"


def series_of_key(key: str) -> str | None:
    """Return the series in a sound access key. A coupon (CF-e) lacks one.

    An NF-e key is cUF (2), AAMM (4), CNPJ (14), model (2), series (3), number (9), tpEmis (1),
    cNF (8), check digit (1), as SEFAZ's Manual de Orientação do Contribuinte has it.
    """
    return None if key[20:22] == _WITHOUT_SERIES else plain_series(key[22:25])


def series_in(key: str | None) -> str | None:
    """Return the series in a text that may be a sound access key."""
    return series_of_key(key) if key and key_is_sound(key) else None


def number_of_key(key: str) -> str | None:
    """Return the invoice number in a sound access key, without leading zeros."""
    return None if key[20:22] == _WITHOUT_SERIES else key[25:34].lstrip("0") or "0"


def invoice_body(invoice: Invoice, *, number: str | None = None) -> Any:
    """Return the body of ``POST /api/oms/pvt/orders/{orderId}/invoice``.

    VTEX publishes ``invoiceValue`` as text and shows it as a number in its guides. It accepts both,
    so this sends text. ``courier`` must not be null, so this leaves out absent fields.

    Args:
        number: invoice number at VTEX, if it differs from the plain one.
    """
    optional = {
        "invoiceKey": invoice.invoice_key,
        "invoiceUrl": invoice.url,
        "embeddedInvoice": invoice.xml,
        "courier": invoice.courier,
        "trackingNumber": invoice.tracking_number,
        "trackingUrl": invoice.tracking_url,
        "dispatchedDate": invoice.dispatched_at,
    }
    return {
        "type": invoice.type,
        "invoiceNumber": number or plain_number(invoice.invoice_number),
        "invoiceValue": str(invoice.value_cents),
        "issuanceDate": invoice.issued_at,
        "items": [
            {"id": item.sku_id, "price": item.price_cents, "quantity": item.quantity}
            | ({"description": item.description} if item.description else {})
            for item in invoice.items
        ],
    } | {name: value for name, value in optional.items() if value is not None}


def tracking_body(tracking: Tracking) -> Any:
    """Return the body of ``PATCH …/invoice/{invoiceNumber}``.

    VTEX publishes all four fields as required. The number is a text that may be empty, and the
    others may be null.
    """
    return {
        "trackingNumber": tracking.tracking_number or "",
        "trackingUrl": tracking.tracking_url,
        "courier": tracking.courier,
        "dispatchedDate": tracking.dispatched_at,
    }


def events_body(tracking: Tracking, zone: tzinfo) -> Any:
    """Return the body of ``PUT …/invoice/{invoiceNumber}/tracking``.

    Args:
        zone: time zone of the store. ``deliveredDate`` lacks an offset, and VTEX refuses a day that
            is later than the store's own (known issue 856984).
    """
    delivered = tracking.delivered_at
    return {
        "isDelivered": delivered is not None,
        "deliveredDate": delivered
        and f"{datetime.fromisoformat(delivered).astimezone(zone):%Y-%m-%d %H:%M}",
        "events": [
            {
                "city": event.city,
                "state": event.state,
                "description": event.description,
                "date": event.date,
            }
            for event in tracking.events
        ],
    }


def cancellation_body(cancellation: Cancellation) -> Any:
    """Return the body of ``POST /api/oms/pvt/orders/{orderId}/cancel``."""
    return {"reason": cancellation.reason, "requestedByUser": cancellation.requested_by_user}


def denial_body(denial: Denial, request_id: str) -> Any:
    """Return the body of ``POST …/deny-cancellation-request``."""
    return {"cancellationRequestId": request_id, "denyReason": denial.reason}
