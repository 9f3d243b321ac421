"""Start handling, once in effect: look before a doubtful repeat, and into every conflict."""

from __future__ import annotations

from dataclasses import dataclass

from vtex import schemas, statuses
from vtex.client import VtexClient
from vtex.documents import Order
from vtex.errors import OrderConflict, VtexUnavailable


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of the wish to start handling.

    Attributes:
        canceled: the order was canceled, or is being canceled: nothing was started.
        asked: somebody asks for its cancellation, and nobody has decided on it: the same.
        replaced: another order took its place: the same.
        reason: what was found at VTEX; empty where VTEX simply took the call.
    """

    canceled: bool = False
    asked: bool = False
    replaced: bool = False
    reason: str = ""


def ensure(client: VtexClient, order_id: str, *, in_doubt: bool) -> Outcome:
    """Make sure that VTEX knows that handling has started.

    Source: ``POST /api/oms/pvt/orders/{orderId}/start-handling``; VTEX has no idempotency key.

    Args:
        in_doubt: an earlier try may have reached VTEX; the order is read first.

    Raises:
        VtexUnavailable: no answer, or a status that allows neither; try again later.
    """
    if in_doubt and (found := _look(client.order(order_id))):
        return found
    try:
        client.start_handling(order_id)
    except OrderConflict as conflict:
        order = client.order(order_id)
        if found := _look(order):
            return found
        status = schemas.read_order(order).status
        raise VtexUnavailable(
            f"VTEX refuses start-handling while the order is {status!r}",
            method=conflict.method,
            path=conflict.path,
            status=conflict.status,
            code=conflict.code,
        ) from conflict
    return Outcome()


def _look(raw: dict[str, object]) -> Outcome | None:
    order: Order = schemas.read_order(raw)
    shown = f"VTEX shows the order as {order.status!r}"
    if order.status in statuses.UNDECIDED:
        return Outcome(asked=True, reason=shown)
    if order.status == "replaced":
        return Outcome(replaced=True, reason=shown)
    if statuses.is_canceled(order.status):
        return Outcome(canceled=True, reason=shown)
    if statuses.handling_done(order.status, order.has_packages):
        return Outcome(reason=f"VTEX shows the order as {order.status!r} already")
    return None
