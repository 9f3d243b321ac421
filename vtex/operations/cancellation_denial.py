"""Deny a cancellation request: read it first, send the denial once, poll its end."""

from __future__ import annotations

from dataclasses import dataclass

from foundation.messages import vtex as messages
from foundation.messages.message import Text
from vtex import payloads, schemas, statuses
from vtex.client import VtexClient
from vtex.documents import Order
from vtex.errors import NotYet, Refused, VtexForgot, VtexRejected
from vtex.payloads import OVERTAKING, Denial
from vtex.schemas.cancel_requests import Asked, asked

MAX_POLLS = 20
"""Polls of an order whose status stays the same after a denial."""


@dataclass(frozen=True, slots=True)
class Denied:
    """The progress of a denial.

    Attributes:
        words: text for the ERP, ``denied`` or ``already denied``.
    """

    status: str
    words: str


def deny(client: VtexClient, order_id: str, denial: Denial) -> Denied:
    """Deny the open cancellation request, unless VTEX has the denial.

    Source: ``POST /api/orders/pvt/document/{orderId}/deny-cancellation-request``.

    Raises:
        Refused: an open request is missing, the order was canceled, or VTEX hides the id.
        NotYet: the request is on its way from the marketplace.
    """
    raw = client.order(order_id)
    order, request = schemas.read_order(raw), asked(raw)
    if order.status == "request-cancel":
        raise NotYet.within(OVERTAKING, messages.DENIAL_TOO_EARLY(status=order.status))
    known = request is not None and request.denied and not _gone(order)
    if known or order.status == statuses.DENIED:
        return Denied(str(order.status), "already denied")
    if order.status not in statuses.DENIABLE:
        raise Refused(_nothing(order))
    _require_same(denial, request)
    _send(client, order, denial, request)
    return Denied(str(order.status), "denied")


def follow(client: VtexClient, order_id: str, *, polls: int) -> Denied:
    """Return the status in which an order continues after a denial.

    Args:
        polls: number of polls so far.

    Raises:
        NotYet: VTEX is processing the denial.
        Refused: the order was canceled despite the denial.
        VtexForgot: VTEX did not act for too long.
    """
    order = schemas.read_order(client.order(order_id))
    if _gone(order):
        raise Refused(messages.CANCELED_ANYWAY(status=order.status))
    if order.status in statuses.ASIDE:
        if polls >= MAX_POLLS:
            raise VtexForgot(messages.DENIAL_FORGOTTEN(status=order.status, polls=polls))
        raise NotYet(messages.DENIAL_ACCEPTED(status=order.status))
    return Denied(str(order.status), "denied")


def verdict(order: Order) -> str:
    """Return the effect that a denial would have now.

    Raises:
        Refused: an open request is missing.
    """
    if order.status in statuses.DENIABLE:
        return "yes"
    raise Refused(_nothing(order))


def _send(client: VtexClient, order: Order, denial: Denial, request: Asked | None) -> None:
    if request is None or request.request_id is None:
        raise Refused(messages.DENIAL_WITHOUT_ID())
    try:
        body = payloads.denial_body(denial, request.request_id)
        client.deny_cancellation(order.order_id, body)
    except VtexRejected as error:
        now = schemas.read_order(client.order(order.order_id)).status
        if now == order.status:
            raise
        raise NotYet(messages.STATUS_CHANGED(status=now, error=error)) from error


def _require_same(denial: Denial, request: Asked | None) -> None:
    if denial.request_id and request is not None and request.request_id != denial.request_id:
        raise Refused(
            messages.OTHER_CANCELLATION(request_id=request.request_id, denied_id=denial.request_id)
        )


def _gone(order: Order) -> bool:
    return order.status in (*statuses.ENDED_CANCELED, "cancel")


def _nothing(order: Order) -> Text:
    text = messages.DENIAL_TOO_LATE if _gone(order) else messages.CANCELLATION_MISSING
    return text(status=order.status)
