"""Cancellations at the simulated store: asked for, decided on, or done in the end."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import uuid4

from vtex.simulator.state import Entry, Store
from vtex.simulator.timestamps import stamp

UNDECIDED = timedelta(days=30)
"""After it VTEX cancels what nobody has decided on."""

OVER = ("cancel", "canceled", "replaced", "invoice", "invoiced")
"""It is too late to ask for anything."""

_BESIDE = (
    "cancellation-requested", "cancellation-request-denied-ffm", "request-cancel",
    "waiting-for-seller-decision",
)  # fmt: skip


def ask(store: Store, entry: Entry, body: Mapping[str, Any]) -> str:
    """Let somebody ask for an order's cancellation; return the request's id."""
    now = store.now()
    request_id, end = uuid4().hex, now + UNDECIDED
    rows = entry.order.get("cancellationRequests") or []
    entry.order["cancellationRequests"] = [
        *rows,
        {
            "id": request_id, "reason": body.get("reason"),
            "cancellationRequestDate": f"{stamp(now, 7)[:27]}Z",
            "requestedByUser": bool(body.get("requestedByUser")), "deniedBySeller": False,
            "deniedBySellerReason": None, "cancellationRequestDenyDate": None,
        },
    ]  # fmt: skip
    later = end + timedelta(seconds=store.config.cancel_delay)
    store.move(
        entry, (now, "cancellation-requested"), (end, "cancel"), (later, "canceled")
    )  # fmt: skip
    return request_id


def cancel(store: Store, entry: Entry, body: Mapping[str, Any]) -> None:
    """Cancel an order; it shows some seconds later."""
    now = store.now()
    later = now + timedelta(seconds=store.config.cancel_delay)
    store.move(entry, (now, "cancel"), (later, "canceled"))
    request = open_request(entry)
    entry.order["cancelReason"] = body.get("reason")
    entry.order["cancellationData"] = {
        "RequestedByUser": bool(body.get("requestedByUser")), "RequestedBySystem": None,
        "RequestedBySellerNotification": None, "RequestedByPaymentNotification": None,
        "Reason": body.get("reason"), "CancellationDate": stamp(now, 7),
    } | ({"cancellationRequestId": request["id"]} if request else {})  # fmt: skip


def open_request(entry: Entry) -> dict[str, Any] | None:
    """Return the request that nobody has denied."""
    rows = entry.order.get("cancellationRequests") or []
    found = [one for one in rows if not one["deniedBySeller"]]
    return found[-1] if found else None


def deny(store: Store, entry: Entry, request: dict[str, Any], reason: str) -> None:
    """Let an order go on where it was before somebody asked for its cancellation."""
    now = store.now()
    before = next(one for _, one in reversed(entry.past) if _ <= now and one not in _BESIDE)
    request |= {
        "deniedBySeller": True, "deniedBySellerReason": reason,
        "cancellationRequestDenyDate": stamp(now, 7),
    }  # fmt: skip
    later = now + timedelta(seconds=store.config.cancel_delay)
    store.move(entry, (now, "cancellation-request-denied-ffm"), (later, before))
