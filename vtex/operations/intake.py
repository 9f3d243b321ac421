"""Decide how an order comes in: with start-handling, as handled, or not at all."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from foundation.messages import vtex as messages
from vtex import schemas, statuses
from vtex.documents import Order
from vtex.errors import DocumentInvalid
from vtex.statuses import HandledOrders

BY_HAND, BY_SETTING = "asked for by hand", "also_intake of the store"


@dataclass(frozen=True, slots=True)
class Admission:
    """The way in of an order.

    Attributes:
        order: the order, or None if it is unreadable and skipped.
        skip: the reason to skip it, if it does not come in.
        note: the reason why it comes in without start-handling, if it does.
    """

    order: Order | None
    skip: str | None = None
    note: str | None = None


def admit(raw: Mapping[str, Any], *, by_hand: bool, also_intake: HandledOrders | None) -> Admission:
    """Return how an order comes in.

    Args:
        raw: the order's document at VTEX.
        by_hand: a person brings it in as handled.
        also_intake: the orders that the store's setting brings in as handled.

    Raises:
        DocumentInvalid: the order is needed, and its document breaks its schema.
        VtexUnavailable: the order is incomplete or not ready yet. Retry later.
    """
    try:
        order = schemas.read_order(raw)
    except DocumentInvalid as error:
        if reason := _reason_without(raw, error, by_hand=by_hand, also_intake=also_intake):
            return Admission(None, reason)
        raise
    named = (order.status, order.origin, order.affiliate_id)
    by_setting = also_intake is not None and also_intake.include(*named)
    as_handled = by_hand or by_setting
    if reason := statuses.reason_to_skip(order, as_handled=as_handled):
        return Admission(order, reason)
    statuses.require_ready(order, as_handled=as_handled)
    if not statuses.handling_done(order.status, order.has_packages):
        return Admission(order)
    source = BY_HAND if by_hand else BY_SETTING
    return Admission(order, note=messages.COMES_AS_HANDLED(source=source, status=order.status))


def _reason_without(
    raw: Mapping[str, Any],
    error: DocumentInvalid,
    *,
    by_hand: bool,
    also_intake: HandledOrders | None,
) -> str | None:
    """Return the reason to skip an order that has ended, and that cannot be read."""
    status, origin, affiliate_id = (raw.get(key) for key in ("status", "origin", "affiliateId"))
    if not isinstance(status, str):
        return None
    wanted = by_hand or (
        also_intake is not None
        and also_intake.include(status, str(origin or ""), str(affiliate_id or ""))
    )
    if statuses.is_canceled(status) or (status == "invoiced" and not wanted):
        return messages.ENDED_UNREADABLE(status=status, error=error)
    return None
