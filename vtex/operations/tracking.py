"""Send tracking to VTEX: first the tracking number, then each event once."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta, tzinfo

from foundation.messages import vtex as messages
from vtex import payloads, schemas, statuses
from vtex.client import VtexClient
from vtex.documents import Package
from vtex.errors import NotYet, Refused
from vtex.operations.invoice_identity import Numbering, find
from vtex.payloads import OVERTAKING, Tracking

PATIENCE = timedelta(days=7)
"""Longest wait of tracking for its invoice."""


def send(
    client: VtexClient, order_id: str, tracking: Tracking, *, zone: tzinfo, numbering: Numbering
) -> str | None:
    """Send the new data of a parcel. Return the last receipt, or ``None`` without new data.

    Sources: ``PATCH …/invoice/{invoiceNumber}``, then ``PUT …/invoice/{invoiceNumber}/tracking``.
    VTEX mails the shopper at each call and keeps repeated events, so the package is read first.

    Args:
        zone: time zone of the store.
        numbering: numbers at VTEX of the invoices of this number.

    Raises:
        NotYet: VTEX lacks the invoice, or the tracking number that events need.
        Refused: the order is canceled, or invoices of several series fit.
        VtexUnavailable: the effect is in doubt.
    """
    raw = client.order(order_id)
    package = _package(raw, tracking, numbering)
    if package is None:
        status = schemas.read_order(raw).status
        if statuses.is_canceled(status):
            raise Refused(
                messages.TRACKING_WITHOUT_INVOICE(status=status, invoice=tracking.invoice_number)
            )
        raise NotYet.within(PATIENCE, messages.TRACKING_TOO_EARLY(invoice=tracking.invoice_number))
    number, receipt = package.invoice_number, None
    whole = _completed(tracking, package)
    if _where(whole) != _where(package):
        receipt = client.set_tracking(order_id, number, payloads.tracking_body(whole))
    fresh = tuple(
        event
        for event in tracking.events
        if (event.city, event.state, event.description) not in package.events
    )
    delivered = tracking.delivered_at if not package.delivered else None
    if not fresh and delivered is None:
        return receipt
    if not whole.tracking_number:
        raise NotYet.within(
            OVERTAKING, messages.TRACKING_NUMBER_MISSING(invoice=tracking.invoice_number)
        )
    news = replace(tracking, events=fresh, delivered_at=delivered)
    return client.add_events(order_id, number, payloads.events_body(news, zone))


def _package(raw: dict[str, object], tracking: Tracking, numbering: Numbering) -> Package | None:
    packages = schemas.read_packages(raw)
    number, series = tracking.invoice_number, tracking.invoice_series
    sales, returns = (
        [package for package in packages if (package.type == "Input") is is_return]
        for is_return in (False, True)
    )
    return find(sales, number, series, numbering) or find(returns, number, series, numbering)


def _completed(tracking: Tracking, package: Package) -> Tracking:
    """Add the data that VTEX has, since its call replaces all of them."""
    number = tracking.tracking_number or package.tracking_number
    url = tracking.tracking_url or package.tracking_url
    if not (number or url):
        # A carrier alone says nothing that VTEX accepts.
        return replace(tracking, courier=package.courier)
    return replace(
        tracking,
        tracking_number=number,
        tracking_url=url,
        courier=tracking.courier or package.courier,
    )


def _where(parcel: Tracking | Package) -> tuple[str | None, str | None, str | None]:
    return parcel.tracking_number, parcel.tracking_url, parcel.courier
