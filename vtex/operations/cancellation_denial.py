"""A request to cancel that the ERP denies: looked up first, sent once, followed to its end."""

from __future__ import annotations

from dataclasses import dataclass

from vtex import payloads as outgoing
from vtex import schemas, statuses
from vtex.client import VtexClient
from vtex.documents import Order
from vtex.errors import NotYet, Refused, VtexForgot, VtexRejected
from vtex.payloads import OVERTAKING, Denial
from vtex.schemas.cancel_requests import Asked, asked

LOOKS = 20
"""Looks at an order that stays as it was after its request was denied."""


@dataclass(frozen=True, slots=True)
class Denied:
    """Where a denial stands.

    Attributes:
        words: for the ERP: ``denied``, ``already denied``.
    """

    status: str
    words: str


def deny(client: VtexClient, order_id: str, denial: Denial) -> Denied:
    """Deny the open request to cancel an order, unless VTEX has the denial.

    Source: ``POST /api/orders/pvt/document/{orderId}/deny-cancellation-request``.

    Raises:
        Refused: there is nothing to deny: nobody asks, it was canceled, or VTEX names no request.
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


def follow(client: VtexClient, order_id: str, *, looks: int) -> Denied:
    """Return where an order whose request was denied goes on.

    Args:
        looks: how often it was looked at in vain.

    Raises:
        NotYet: VTEX has not acted on it.
        Refused: it was canceled all the same.
        VtexForgot: it has not, for too long.
    """
    order = schemas.read_order(client.order(order_id))
    if _gone(order):
        raise Refused(f"VTEX shows the order as {order.status!r}: it was canceled all the same")
    if order.status in statuses.ASIDE:
        if looks >= LOOKS:
            raise VtexForgot(
                f"VTEX took the denial and shows the order as {order.status!r} after {looks} "
                "looks: look at the order in VTEX, then retry, which looks again"
            )
        raise NotYet(f"VTEX has taken the denial and shows the order as {order.status!r}")
    return Denied(str(order.status), "denied")


def verdict(order: Order) -> str:
    """Say what would come of denying a request now.

    Raises:
        Refused: there is nothing to deny.
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
        body = outgoing.denial_body(denial, request.request_id)
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
