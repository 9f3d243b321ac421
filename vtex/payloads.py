"""What we send to VTEX: invoices, tracking, cancellations, and the rules of their numbers."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

KEY = re.compile(r"[0-9]{6}[0-9A-Z]{12}[0-9]{26}")
"""An NF-e access key; since July 2026 the CNPJ within may hold letters."""

OVERTAKING = timedelta(minutes=10)
"""How long a request waits for one that was sent before it: queues keep no order."""

_UNSAFE = re.compile(r"[^0-9A-Za-z-]")
_MADE_SAFE = re.compile(r"-x([0-9A-F]{2,6})-")


@dataclass(frozen=True, slots=True)
class InvoiceItem:
    """A line of an invoice.

    Attributes:
        price_cents: of one unit; VTEX multiplies it by the quantity.
    """

    sku_id: str
    quantity: int
    price_cents: int
    description: str | None = None


@dataclass(frozen=True, slots=True)
class Invoice:
    """A nota fiscal as VTEX wants it.

    Attributes:
        invoice_number: as the ERP writes it; ``plain_number`` returns the form for VTEX.
        type: ``Output`` (sale) or ``Input`` (return).
        value_cents: with freight, tax and all; what counts for VTEX.
        issued_at: ISO 8601 with its offset, as written.
        items: none means all that is still open.
        invoice_series: series of the nota fiscal, without leading zeros; VTEX has no field for it.
        invoice_key: NF-e access key.
        url: where the document can be seen.
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


@dataclass(frozen=True, slots=True)
class TrackingEvent:
    """Where a parcel was on a day (``yyyy-mm-dd``)."""

    city: str
    state: str
    description: str
    date: str


@dataclass(frozen=True, slots=True)
class Tracking:
    """What the carrier says of the parcel of one invoice.

    Attributes:
        invoice_number: as the ERP writes it.
        invoice_series: its series, where the ERP names it.
        delivered_at: ISO 8601 with offset; None while it is under way.
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
    """A wish to cancel an order."""

    reason: str
    requested_by_user: bool = False


@dataclass(frozen=True, slots=True)
class Denial:
    """A word against a request to cancel an order.

    Attributes:
        reason: for the marketplace and the shopper.
        request_id: of the request, where it must be this very one.
    """

    reason: str
    request_id: str | None = None


def plain_number(number: str) -> str:
    """Return an invoice number that VTEX's later calls can take; ``written_number`` undoes it.

    A space, ``/`` or ``#`` makes VTEX lose the invoice or refuse its tracking for good. Each such
    character becomes its code in hexadecimal: ``128/841`` is sent as ``128-x2F-841``.
    """
    return _UNSAFE.sub(lambda found: f"-x{ord(found[0]):02X}-", number)


def written_number(number: str) -> str:
    """Return an invoice number of VTEX as the ERP writes it."""
    return _MADE_SAFE.sub(lambda found: chr(int(found[1], 16)), number)


def number_is_free(number: str) -> bool:
    """Say whether an ERP's invoice number can be made safe and back again."""
    return not _MADE_SAFE.search(number) and any(one.isalnum() for one in number)


def key_is_sound(key: str) -> bool:
    """Say whether an NF-e access key has its form and its check digit (modulo 11)."""
    if not KEY.fullmatch(key):
        return False
    total = sum((ord(one) - 48) * (2 + place % 8) for place, one in enumerate(reversed(key[:-1])))
    rest = total % 11
    return int(key[-1]) == (0 if rest < 2 else 11 - rest)


def plain_series(series: str) -> str:
    """Return a series of notas fiscais without leading zeros: ``001`` is ``1``."""
    return series.lstrip("0") or "0"


def series_of_key(key: str) -> str:
    """Return the series that a sound NF-e access key holds."""
    return plain_series(key[22:25])


def invoice_body(invoice: Invoice, items: tuple[InvoiceItem, ...], xml: str | None) -> Any:
    """Return the body of ``POST /api/oms/pvt/orders/{orderId}/invoice``."""
    return {
        "type": invoice.type,
        "invoiceNumber": plain_number(invoice.invoice_number),
        "invoiceValue": invoice.value_cents,
        "issuanceDate": invoice.issued_at,
        "invoiceKey": invoice.invoice_key,
        "invoiceUrl": invoice.url,
        "embeddedInvoice": xml,
        "courier": invoice.courier,
        "trackingNumber": invoice.tracking_number,
        "trackingUrl": invoice.tracking_url,
        "dispatchedDate": invoice.dispatched_at,
        "items": [
            {
                "id": item.sku_id,
                "price": item.price_cents,
                "quantity": item.quantity,
                **({"description": item.description} if item.description else {}),
            }
            for item in items
        ],
    }


def tracking_body(tracking: Tracking) -> Any:
    """Return the body of ``PATCH …/invoice/{invoiceNumber}``."""
    return {
        "trackingNumber": tracking.tracking_number,
        "trackingUrl": tracking.tracking_url,
        "courier": tracking.courier,
        "dispatchedDate": tracking.dispatched_at,
    }


def events_body(tracking: Tracking) -> Any:
    """Return the body of ``PUT …/invoice/{invoiceNumber}/tracking``."""
    delivered = tracking.delivered_at
    return {
        "isDelivered": delivered is not None,
        # VTEX's format here has neither seconds nor offset.
        "deliveredDate": delivered[:16].replace("T", " ") if delivered else None,
        "events": [
            {
                "city": one.city,
                "state": one.state,
                "description": one.description,
                "date": one.date,
            }
            for one in tracking.events
        ],
    }


def cancellation_body(cancellation: Cancellation) -> Any:
    """Return the body of ``POST /api/oms/pvt/orders/{orderId}/cancel``."""
    return {
        "reason": cancellation.reason,
        "requestedByUser": cancellation.requested_by_user,
    }


def denial_body(denial: Denial, request_id: str) -> Any:
    """Return the body of ``POST …/deny-cancellation-request``."""
    return {"cancellationRequestId": request_id, "denyReason": denial.reason}
