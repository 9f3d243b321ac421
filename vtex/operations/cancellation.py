"""Cancel an order at VTEX: request it while the status allows it, then poll its end."""

from __future__ import annotations

from dataclasses import dataclass

from foundation.messages import vtex as messages
from foundation.messages.message import Text
from vtex import payloads, schemas, statuses
from vtex.client import VtexClient
from vtex.documents import Order
from vtex.errors import NotYet, Refused, VtexRejected
from vtex.payloads import Cancellation

MAX_POLLS = 20
"""Polls of an order whose status stays the same after a cancellation was requested."""


@dataclass(frozen=True, slots=True)
class Cancelled:
    """The progress of a cancellation.

    Attributes:
        words: text for the ERP, such as ``canceled`` or ``already canceled``.
        receipt: VTEX's receipt of the request.
    """

    status: str
    words: str
    receipt: str | None = None


def request(client: VtexClient, order_id: str, cancellation: Cancellation) -> Cancelled:
    """Request a cancellation, unless the order is canceled or being canceled.

    Source: ``POST /api/oms/pvt/orders/{orderId}/cancel``.

    Raises:
        Refused: the order is invoiced, also in part, or it was replaced.
        NotYet: the order is in a transient status.
    """
    order = schemas.read_order(client.order(order_id))
    match statuses.may_cancel(order.status, order.has_packages):
        case statuses.Answer.DONE:
            return Cancelled(str(order.status), "already canceled")
        case statuses.Answer.NO:
            raise Refused(_too_late(order))
        case statuses.Answer.LATER:
            raise NotYet(messages.CANCELLATION_WAITS(status=order.status))
        case statuses.Answer.UNDER_WAY:
            # VTEX or its seller is deciding already. Follow that decision.
            return Cancelled(str(order.status), "requested")
        case _:
            receipt = _cancel(client, order, cancellation)
            return Cancelled(str(order.status), "requested", receipt)


def verdict(order: Order) -> str:
    """Return the effect that a cancellation request would have now.

    Raises:
        Refused: the request would come too late.
    """
    answer = statuses.may_cancel(order.status, order.has_packages)
    if answer is statuses.Answer.NO:
        raise Refused(_too_late(order))
    return answer.name.lower().replace("_", " ")


def follow(
    client: VtexClient, order_id: str, cancellation: Cancellation, *, polls: int
) -> Cancelled:
    """Return the end of a cancellation that VTEX has accepted.

    Args:
        polls: number of polls so far.

    Raises:
        NotYet: the cancellation is under way.
        Refused: the order was invoiced, or stays as it was.
    """
    order = schemas.read_order(client.order(order_id))
    if order.status == "canceled":
        return Cancelled("canceled", "canceled")
    match statuses.may_cancel(order.status, order.has_packages):
        case statuses.Answer.NO:
            raise Refused(_too_late(order))
        case statuses.Answer.YES if order.status == statuses.ASKED_ONCE:
            # A second request confirms the first, and cancels a seller's order.
            _cancel(client, order, cancellation)
        case statuses.Answer.YES if polls >= MAX_POLLS:
            raise Refused(messages.CANCELLATION_FORGOTTEN(status=order.status, polls=polls))
    raise NotYet(messages.CANCELLATION_ACCEPTED(status=order.status))


def _cancel(client: VtexClient, order: Order, cancellation: Cancellation) -> str | None:
    try:
        return client.cancel(order.order_id, payloads.cancellation_body(cancellation))
    except VtexRejected as error:
        now = schemas.read_order(client.order(order.order_id)).status
        if now == order.status:
            raise
        # Start-handling may run at the same time. The order's current status counts.
        raise NotYet(messages.STATUS_CHANGED(status=now, error=error)) from error


def _too_late(order: Order) -> Text:
    if order.status == "replaced":
        return messages.CANCEL_THE_OTHER()
    if not order.is_completed:
        return messages.CANCEL_INCOMPLETE()
    is_whole = order.status == "invoiced"
    text = messages.INVOICED_WHOLE if is_whole else messages.INVOICED_IN_PART
    return text(status=order.status)
