"""Which order took another one's place.

VTEX shows an order as ``replaced`` and publishes no field that names the other one. Both belong to
one purchase, so that their ids begin alike; the parts into which VTEX splits a purchase do as well,
but were placed at the same moment.
"""

from __future__ import annotations

from vtex.client import VtexClient
from vtex.documents import Order


def successor(client: VtexClient, order: Order) -> str | None:
    """Return the id of the order that took a replaced one's place, as far as the list shows it.

    Source: ``GET /api/oms/pvt/orders``, ``q``; it lags by minutes.
    """
    group = order.order_group or order.order_id.rpartition("-")[0]
    if not group:
        return None
    later = [
        one
        for one in client.search(group).orders
        if one.order_id.startswith(f"{group}-")
        and one.order_id != order.order_id
        and one.created_at is not None
        and one.created_at > order.created_at
    ]
    return min(later, key=lambda one: (one.created_at, one.order_id)).order_id if later else None
