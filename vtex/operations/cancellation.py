"""A cancellation at VTEX: asked for while the status allows it, followed to its end."""

from __future__ import annotations

from dataclasses import dataclass

from vtex import payloads as outgoing
from vtex import schemas, statuses
from vtex.client import VtexClient
from vtex.documents import Order
from vtex.errors import NotYet, Refused, VtexRejected
from vtex.payloads import Cancellation

LOOKS = 20
"""Looks at an order whose status does not move after a cancellation was asked for."""


@dataclass(frozen=True, slots=True)
class Cancelled:
    """Where a cancellation stands.

    Attributes:
        words: for the ERP: ``canceled``, ``already canceled``.
        receipt: VTEX's, of the request.
    """

    status: str
    words: str
    receipt: str | None = None


def request(client: VtexClient, order_id: str, cancellation: Cancellation) -> Cancelled:
    """Ask VTEX to cancel an order, unless it is canceled or being canceled.

    Source: ``POST /api/oms/pvt/orders/{orderId}/cancel``.

    Raises:
        Refused: too late: the order is invoiced, also in part; or it was replaced.
        NotYet: the order is in a passing status.
    """
    order = schemas.read_order(client.order(order_id))
    match statuses.may_cancel(order.status, order.has_packages):
        case statuses.Answer.DONE:
            return Cancelled(str(order.status), "already canceled")
        case statuses.Answer.NO:
            raise Refused(_too_late(order))
        case statuses.Answer.LATER:
            raise NotYet(f"VTEX shows the order as {order.status!r}: the cancellation waits")
        case statuses.Answer.UNDER_WAY:
            # VTEX or its seller decides already: to be followed, not to be asked again.
            return Cancelled(str(order.status), "requested")
        case _:
            receipt = _cancel(client, order, cancellation)
            return Cancelled(str(order.status), "requested", receipt)


def verdict(order: Order) -> str:
    """Say what would come of asking for a cancellation now.

    Raises:
        Refused: it is too late.
    """
    answer = statuses.may_cancel(order.status, order.has_packages)
    if answer is statuses.Answer.NO:
        raise Refused(_too_late(order))
    return answer.name.lower().replace("_", " ")


def follow(
    client: VtexClient, order_id: str, cancellation: Cancellation, *, looks: int
) -> Cancelled:
    """Return how a cancellation that VTEX has taken ended.

    Args:
        looks: how often it was looked at in vain.

    Raises:
        NotYet: it has not ended.
        Refused: it ended otherwise: invoiced, or left as it was.
    """
    order = schemas.read_order(client.order(order_id))
    if order.status == "canceled":
        return Cancelled("canceled", "canceled")
    match statuses.may_cancel(order.status, order.has_packages):
        case statuses.Answer.NO:
            raise Refused(_too_late(order))
        case statuses.Answer.YES if order.status == statuses.ASKED_ONCE:
            # A seller's order is canceled by the second request, which confirms the first.
            _cancel(client, order, cancellation)
        case statuses.Answer.YES if looks >= LOOKS:
            raise Refused(
                f"VTEX took the cancellation and still shows the order as {order.status!r} after "
                f"{looks} looks: it was denied or lost; ask again"
            )
    raise NotYet(f"VTEX has taken the cancellation and shows the order as {order.status!r}")


def _cancel(client: VtexClient, order: Order, cancellation: Cancellation) -> str | None:
    try:
        return client.cancel(order.order_id, outgoing.cancellation_body(cancellation))
    except VtexRejected as error:
        now = schemas.read_order(client.order(order.order_id)).status
        if now == order.status:
            raise
        # Start-handling may be under way at the same time: what counts is where the order is now.
        raise NotYet(f"VTEX shows the order as {now!r} now: {error}") from error


def _too_late(order: Order) -> str:
    if order.status == "replaced":
        return "the order was replaced by another one at VTEX: cancel that one"
    if not order.is_completed:
        return "the order is incomplete at VTEX and cannot be canceled"
    how = "in part" if order.status != "invoiced" else "whole"
    return (
        f"too late: invoiced ({how}, status {order.status!r}); send a return (type Input) instead"
    )
