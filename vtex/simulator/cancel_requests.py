"""Cancellations at the simulated store: requested, decided, done."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import uuid4

from vtex.simulator.state import Entry, Store
from vtex.simulator.timestamps import stamp

UNDECIDED = timedelta(days=30)
"""Time after which VTEX cancels an order with an undecided request."""

OVER = ("cancel", "canceled", "replaced", "invoice", "invoiced")
"""Statuses in which a cancellation request comes too late."""

_BESIDE = (
    "cancellation-requested",
    "cancellation-request-denied-ffm",
    "request-cancel",
    "waiting-for-seller-decision",
)


def ask(store: Store, entry: Entry, body: Mapping[str, Any]) -> str:
    """Add a cancellation request of the shopper or the marketplace. Return its id."""
    now = store.now()
    request_id, end = uuid4().hex, now + UNDECIDED
    rows = entry.order.get("cancellationRequests") or []
    entry.order["cancellationRequests"] = [
        *rows,
        {
            "id": request_id,
            "reason": body.get("reason"),
            "cancellationRequestDate": f"{stamp(now, 7)[:27]}Z",
            "requestedByUser": bool(body.get("requestedByUser")),
            "deniedBySeller": False,
            "deniedBySellerReason": None,
            "cancellationRequestDenyDate": None,
        },
    ]
    later = end + timedelta(seconds=store.config.cancel_delay)
    store.move(entry, (now, "cancellation-requested"), (end, "cancel"), (later, "canceled"))
    return request_id


def cancel(store: Store, entry: Entry, body: Mapping[str, Any]) -> None:
    """Cancel an order. The status changes some seconds later."""
    now = store.now()
    later = now + timedelta(seconds=store.config.cancel_delay)
    store.move(entry, (now, "cancel"), (later, "canceled"))
    request = open_request(entry)
    entry.order["cancelReason"] = body.get("reason")
    entry.order["cancellationData"] = {
        "RequestedByUser": bool(body.get("requestedByUser")),
        "RequestedBySystem": None,
        "RequestedBySellerNotification": None,
        "RequestedByPaymentNotification": None,
        "Reason": body.get("reason"),
        "CancellationDate": stamp(now, 7),
    } | ({"cancellationRequestId": request["id"]} if request else {})


def open_request(entry: Entry) -> dict[str, Any] | None:
    """Return the last request without a denial."""
    rows = entry.order.get("cancellationRequests") or []
    open_rows = [row for row in rows if not row["deniedBySeller"]]
    return open_rows[-1] if open_rows else None


def deny(store: Store, entry: Entry, request: dict[str, Any], reason: str) -> None:
    """Return an order to its status before the cancellation request."""
    now = store.now()
    before = next(
        status for since, status in reversed(entry.past) if since <= now and status not in _BESIDE
    )
    request |= {
        "deniedBySeller": True,
        "deniedBySellerReason": reason,
        "cancellationRequestDenyDate": stamp(now, 7),
    }
    later = now + timedelta(seconds=store.config.cancel_delay)
    store.move(entry, (now, "cancellation-request-denied-ffm"), (later, before))
