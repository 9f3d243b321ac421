"""Send tracking to VTEX: first the tracking number, then each event once."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from foundation.messages import vtex as messages
from vtex import payloads, schemas, statuses
from vtex.client import VtexClient
from vtex.documents import Package
from vtex.errors import NotYet, Refused
from vtex.payloads import OVERTAKING, Tracking, plain_number

PATIENCE = timedelta(days=7)
"""Longest wait of tracking for its invoice."""


def send(client: VtexClient, order_id: str, tracking: Tracking) -> str | None:
    """Send the new data of a parcel. Return the last receipt, or ``None`` without new data.

    Sources: ``PATCH …/invoice/{invoiceNumber}``, then ``PUT …/invoice/{invoiceNumber}/tracking``.
    VTEX mails the shopper at each call and keeps repeated events, so the package is read first.

    Raises:
        NotYet: VTEX lacks the invoice, or the tracking number that events need.
        Refused: the order is canceled.
        VtexUnavailable: the effect is in doubt.
    """
    raw = client.order(order_id)
    package = _package(raw, tracking.invoice_number)
    if package is None:
        status = schemas.read_order(raw).status
        if statuses.is_canceled(status):
            raise Refused(
                messages.TRACKING_WITHOUT_INVOICE(status=status, invoice=tracking.invoice_number)
            )
        raise NotYet.within(PATIENCE, messages.TRACKING_TOO_EARLY(invoice=tracking.invoice_number))
    number = plain_number(tracking.invoice_number)
    receipt = None
    if _says_more(tracking, package):
        receipt = client.set_tracking(order_id, number, payloads.tracking_body(tracking))
    fresh = tuple(
        event
        for event in tracking.events
        if (event.city, event.state, event.description) not in package.events
    )
    delivered = tracking.delivered_at if not package.delivered else None
    if not fresh and delivered is None:
        return receipt
    if not (tracking.tracking_number or package.tracking_number):
        raise NotYet.within(
            OVERTAKING, messages.TRACKING_NUMBER_MISSING(invoice=tracking.invoice_number)
        )
    news = replace(tracking, events=fresh, delivered_at=delivered)
    return client.add_events(order_id, number, payloads.events_body(news))


def _package(raw: dict[str, object], number: str) -> Package | None:
    wanted = plain_number(number)
    packages = schemas.read_packages(raw)
    return next((row for row in packages if row.invoice_number == wanted), None)


def _says_more(tracking: Tracking, package: Package) -> bool:
    if not tracking.tracking_number:
        return False
    sent = (tracking.tracking_number, tracking.tracking_url, tracking.courier)
    return sent != (package.tracking_number, package.tracking_url, package.courier)
