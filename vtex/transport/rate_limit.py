"""What a call costs: the words between the transport and whatever grants it calls."""

from __future__ import annotations

from enum import IntEnum
from typing import Protocol

GROUPS = ("list", "order", "payments", "writes")
"""Groups of routes that may have a quota of their own."""


class Priority(IntEnum):
    """Who goes first where calls are scarce; the lower number does."""

    URGENT = 0
    """Cancellations, invoices, and a person who waits."""
    TRACKING = 1
    ORDERS = 2
    LISTING = 3


class RateLimiter(Protocol):
    """Grants a store's calls."""

    def acquire(self, group: str, priority: Priority) -> None:
        """Return when a call may be made, within seconds.

        Raises:
            RateLimitReached: that would take longer; the call is not to be made.
        """

    def slow_down(self, seconds: float) -> None:
        """Grant nothing for a while, and less after: VTEX asked for it."""


def group_of(method: str, path: str) -> str:
    """Return the group that a call belongs to."""
    if method != "GET":
        return "writes"
    # The feed brings orders in as the list does.
    if path == "/api/oms/pvt/orders" or path.startswith("/api/orders/feed"):
        return "list"
    return "payments" if path.startswith("/api/pvt/transactions") else "order"
