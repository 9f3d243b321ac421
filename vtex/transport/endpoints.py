"""A call to VTEX as whoever watches the calls hears of it: no id, no query, no body."""

from __future__ import annotations

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
    (r"/api/order-system/orders/[^/]+/changes", "changes"),
    (r"/api/pvt/transactions/[^/]+", "transaction"),
    (r"/api/pvt/transactions/[^/]+/payments", "payments"),
    (r"/api/orders/feed", "feed"),
    (r"/api/orders/feed/config", "feed_config"),
)
_NAMED = re.compile("|".join(f"(?P<{name}>{path})" for path, name in _ENDPOINTS))

ENDPOINTS = (*(name for _, name in _ENDPOINTS), "other")
"""Every name that an endpoint may have."""


@dataclass(frozen=True, slots=True)
class Call:
    """A call that has ended.

    Attributes:
        endpoint: one of ``ENDPOINTS``.
        status: of the answer; None where there was none.
        began: seconds since 1970, by this host's clock.
        seconds: how long it took, its answer included.
    """

    store: str
    method: str
    endpoint: str
    status: int | None
    began: float
    seconds: float


def endpoint_of(path: str) -> str:
    """Return the name of the endpoint that a path leads to."""
    found = _NAMED.fullmatch(path)
    return str(found.lastgroup) if found else "other"
