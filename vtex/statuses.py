"""Order statuses and what each one allows. Source: the status table of VTEX's Orders API."""

from __future__ import annotations

from vtex.documents import Order
from vtex.errors import VtexUnavailable

READY = "ready-for-handling"

CANCELED = frozenset(
    {
        "canceled", "cancel", "cancellation-requested", "request-cancel",
        "waiting-for-seller-decision", "replaced",
    }
)  # fmt: skip
"""Canceled, being canceled, or replaced by another order: not to be shipped."""

HANDLED = frozenset({"start-handling", "handling", "ready-for-invoicing", "invoice", "invoiced"})
"""Handling has started, here or by a person's hand."""


def is_canceled(status: str | None) -> bool:
    """Say whether the order is canceled or about to be."""
    return status in CANCELED


def handling_done(status: str | None, has_packages: bool) -> bool:
    """Say whether handling has started; a partial invoice sends the status back to approved."""
    return status in HANDLED or (status == "payment-approved" and has_packages)


def reason_to_skip(order: Order) -> str | None:
    """Return why an order that was listed as ready is not to be integrated; None if it is.

    The list may be minutes old; the order itself decides. A status from before ``ready`` is
    skipped too: VTEX lists the order again when it gets there, and ``retry`` brings it in.
    """
    if is_canceled(order.status):
        return f"canceled before it came in: VTEX shows {order.status!r}"
    if handling_done(order.status, order.has_packages):
        return f"handled elsewhere: VTEX shows {order.status!r}"
    return None


def require_ready(order: Order) -> None:
    """Raise unless the order can be integrated now.

    Raises:
        VtexUnavailable: it is incomplete, or not ready yet; try again later.
    """
    reason = ""
    if not order.is_completed:
        reason = "the order is incomplete at VTEX (isCompleted is false)"
    elif order.status != READY:
        reason = f"VTEX shows {order.status or 'no status'!r}, not yet {READY!r}"
    if reason:
        raise VtexUnavailable(reason)
