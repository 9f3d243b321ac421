"""The interface between the transport and the limiter of a store's calls."""

from enum import IntEnum
from typing import Protocol

GROUPS = ("list", "order", "payments", "writes")
"""Groups of routes that may have their own quota."""


class Priority(IntEnum):
    """The order of calls under a tight limit. The lowest number goes first."""

    URGENT = 0
    """Cancellations, invoices, and commands of a waiting person."""
    TRACKING = 1
    ORDERS = 2
    LISTING = 3


class RateLimiter(Protocol):
    """Grants a store's calls."""

    def acquire(self, group: str, priority: Priority) -> None:
        """Return as soon as a call may be made, within seconds.

        Raises:
            RateLimitReached: the wait would take longer. Do not make the call.
        """

    def slow_down(self, seconds: float) -> None:
        """Grant calls again after a pause, at a lower rate, because VTEX asked for it."""


def group_of(method: str, path: str) -> str:
    """Return the group of a call."""
    if method != "GET":
        return "writes"
    # The feed brings orders in, as the list does.
    if path == "/api/oms/pvt/orders" or path.startswith("/api/orders/feed"):
        return "list"
    return "payments" if path.startswith("/api/pvt/transactions") else "order"
