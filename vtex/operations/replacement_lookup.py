"""Find the order that replaced another one.

VTEX shows an order as ``replaced`` without naming its successor. Both belong to one purchase, so
their ids share a prefix. The parts of a split purchase share it, too, but they have the same
creation time.
"""

from __future__ import annotations

from vtex.client import VtexClient
from vtex.documents import Order


def successor(client: VtexClient, order: Order) -> str | None:
    """Return the id of the order that replaced another one, if VTEX's list shows it.

    Source: ``GET /api/oms/pvt/orders``, ``q``. The list lags by minutes.
    """
    group = order.order_group or order.order_id.rpartition("-")[0]
    if not group:
        return None
    later = [
        row
        for row in client.search(group).orders
        if row.order_id.startswith(f"{group}-")
        and row.order_id != order.order_id
        and row.created_at is not None
        and row.created_at > order.created_at
    ]
    return min(later, key=lambda row: (row.created_at, row.order_id)).order_id if later else None
