"""Start handling at VTEX with one effect: read the order before a repeat and on conflict."""

from __future__ import annotations

from dataclasses import dataclass

from foundation.messages import vtex as messages
from vtex import schemas, statuses
from vtex.client import VtexClient
from vtex.documents import Order
from vtex.errors import OrderConflict, VtexUnavailable


@dataclass(frozen=True, slots=True)
class HandlingResult:
    """The result of starting the handling.

    The first three mean that handling did not start.

    Attributes:
        canceled: the order was canceled or is being canceled.
        asked: a cancellation request waits for a decision.
        replaced: another order replaces it.
        reason: the status that VTEX shows. Empty if VTEX accepted the call.
    """

    canceled: bool = False
    asked: bool = False
    replaced: bool = False
    reason: str = ""


def ensure(client: VtexClient, order_id: str, *, in_doubt: bool) -> HandlingResult:
    """Ensure that handling has started at VTEX.

    Source: ``POST /api/oms/pvt/orders/{orderId}/start-handling``. VTEX lacks idempotency keys.

    Args:
        in_doubt: an earlier try may have reached VTEX, so the order is read first.

    Raises:
        VtexUnavailable: VTEX did not answer, or the status does not fit. Retry later.
    """
    if in_doubt and (outcome := _outcome_of(client.order(order_id))):
        return outcome
    try:
        client.start_handling(order_id)
    except OrderConflict as conflict:
        order = client.order(order_id)
        if outcome := _outcome_of(order):
            return outcome
        status = schemas.read_order(order).status
        raise VtexUnavailable(
            messages.HANDLING_REFUSED(status=status),
            method=conflict.method,
            path=conflict.path,
            status=conflict.status,
            code=conflict.code,
        ) from conflict
    return HandlingResult()


def _outcome_of(raw: dict[str, object]) -> HandlingResult | None:
    order: Order = schemas.read_order(raw)
    shown = messages.SHOWS(status=order.status)
    if order.status in statuses.UNDECIDED:
        return HandlingResult(asked=True, reason=shown)
    if order.status == "replaced":
        return HandlingResult(replaced=True, reason=shown)
    if statuses.is_canceled(order.status):
        return HandlingResult(canceled=True, reason=shown)
    if statuses.handling_done(order.status, order.has_packages):
        return HandlingResult(reason=messages.SHOWS_ALREADY(status=order.status))
    return None
