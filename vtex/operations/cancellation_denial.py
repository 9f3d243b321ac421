"""Deny a cancellation request: read it first, send the denial once, poll its end."""

from __future__ import annotations

from dataclasses import dataclass

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
        raise NotYet.within(
            OVERTAKING, f"VTEX shows the order as {order.status!r}: it asks the seller soon"
        )
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
        raise Refused(f"VTEX shows the order as {order.status!r}: it was canceled all the same")
    if order.status in statuses.ASIDE:
        if polls >= MAX_POLLS:
            raise VtexForgot(
                f"VTEX took the denial and shows the order as {order.status!r} after {polls} "
                "looks: look at the order in VTEX, then retry, which looks again"
            )
        raise NotYet(f"VTEX has taken the denial and shows the order as {order.status!r}")
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
        raise Refused(
            "VTEX shows no id of the request to cancel, without which it takes no denial: decide "
            "it in VTEX's Admin"
        )
    try:
        body = payloads.denial_body(denial, request.request_id)
        client.deny_cancellation(order.order_id, body)
    except VtexRejected as error:
        now = schemas.read_order(client.order(order.order_id)).status
        if now == order.status:
            raise
        raise NotYet(f"VTEX shows the order as {now!r} now: {error}") from error


def _require_same(denial: Denial, request: Asked | None) -> None:
    if denial.request_id and request is not None and request.request_id != denial.request_id:
        raise Refused(
            f"the open request to cancel is {request.request_id!r}, not {denial.request_id!r}: "
            "decide on that one"
        )


def _gone(order: Order) -> bool:
    return order.status in (*statuses.ENDED_CANCELED, "cancel")


def _nothing(order: Order) -> str:
    if _gone(order):
        return f"too late: VTEX shows the order as {order.status!r}"
    return f"nobody asks for a cancellation: VTEX shows the order as {order.status!r}"
