"""Names of VTEX's endpoints for metrics and traces, free of ids, queries and bodies."""

import re
from dataclasses import dataclass

_ENDPOINTS = (
    (r"/api/oms/pvt/orders", "list"),
    (r"/api/oms/pvt/orders/[^/]+", "order"),
    (r"/api/oms/pvt/orders/[^/]+/start-handling", "start_handling"),
    (r"/api/oms/pvt/orders/[^/]+/cancel", "cancel"),
    (r"/api/oms/pvt/orders/[^/]+/invoice", "invoice"),
    (r"/api/oms/pvt/orders/[^/]+/invoice/[^/]+", "invoice_update"),
    (r"/api/oms/pvt/orders/[^/]+/invoice/[^/]+/tracking", "tracking"),
    (r"/api/orders/pvt/document/[^/]+/deny-cancellation-request", "deny_cancellation"),
    (r"/api/order-system/orders/[^/]+/changes", "changes"),
    (r"/api/order-system/orders/[^/]+/changes/[^/]+", "change"),
    (r"/api/pvt/transactions/[^/]+", "transaction"),
    (r"/api/pvt/transactions/[^/]+/payments", "payments"),
    (r"/api/orders/feed", "feed"),
    (r"/api/orders/feed/config", "feed_config"),
)
_NAMED = re.compile("|".join(f"(?P<{name}>{path})" for path, name in _ENDPOINTS))

ENDPOINTS = (*(name for _, name in _ENDPOINTS), "other")
"""Every name of an endpoint."""


@dataclass(frozen=True, slots=True)
class Call:
    """A finished call.

    Attributes:
        endpoint: one of ``ENDPOINTS``.
        status: HTTP status. ``None`` without a response.
        began: seconds since 1970, by this host's clock.
        seconds: duration, including the response.
    """

    store: str
    method: str
    endpoint: str
    status: int | None
    began: float
    seconds: float


def endpoint_of(path: str) -> str:
    """Return the name of a path's endpoint, ``other`` if it is unknown."""
    match = _NAMED.fullmatch(path)
    return str(match.lastgroup) if match else "other"
