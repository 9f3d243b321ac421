"""Changes of the simulated store's orders: other items, or a new order in their place.

As in VTEX's order modifications, items, totals and value are written anew, and items may move.
VTEX does not publish which order replaces another one. Here both belong to one order group, and
the newer one has the next number.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from vtex.simulator.items import PRODUCTS, delivery_of, item_of, reprice, totals_of
from vtex.simulator.state import Entry, Store
from vtex.simulator.timestamps import moment_of, stamp

CHANGEABLE = frozenset(
    {"handling", "waiting-for-fulfillment", "ready-for-invoicing", "payment-approved"}
)
FIELDS = frozenset({"order_id", "quantities", "add", "running"})


class ChangeRefused(ValueError):
    """A change is invalid. The message begins with the field."""


def amend(store: Store, entry: Entry, body: Mapping[str, Any]) -> str:
    """Change an order's items. Return the id of the change.

    Args:
        body: ``{"quantities": {"0": 1, "1": 0}, "add": "310555", "running": true}``: units of
            the items at these places (0 removes one), an added product, and whether the change
            stays unfinished.

    Raises:
        ChangeRefused: its status, or a field, does not allow it.
    """
    status = store.status(entry)
    if status not in CHANGEABLE:
        raise ChangeRefused(f"order_id: an order that is {status} is not changed")
    for name in body:
        if name not in FIELDS:
            raise ChangeRefused(f"{name}: is none of {', '.join(sorted(FIELDS))}")
    order = copy.deepcopy(entry.order)
    _set_quantities(order, body.get("quantities") or {})
    if "add" in body:
        _add(order, str(body["add"]))
    order["totals"] = totals_of(order["items"], order["shippingData"]["logisticsInfo"])
    order["value"] = sum(total["value"] for total in order["totals"])
    packages = (order.get("packageAttachment") or {}).get("packages") or ()
    if order["value"] < sum(
        package["invoiceValue"] for package in packages if package["type"] == "Output"
    ):
        raise ChangeRefused("quantities: the order would be worth less than is invoiced")
    order["lastChange"] = stamp(store.now(), 7)
    order["changeRunning"] = bool(body.get("running"))
    entry.take(order)
    change = uuid4().hex
    if not order["changeRunning"]:
        entry.changes.append({"requestId": change, "status": "done", "finished": True})
    return change


def replace(store: Store, entry: Entry, status: str = "ready-for-handling") -> str:
    """Replace an order by a new one. Return the new id."""
    order = copy.deepcopy(entry.order)
    group, _, number = order["orderId"].rpartition("-")
    now = store.now()
    new = f"{group}-{int(number) + 1:02}"
    order |= {
        "orderId": new,
        "sellerOrderId": f"00-{new}",
        "creationDate": stamp(now, 7),
        "lastChange": stamp(now, 7),
        "authorizedDate": stamp(now, 7),
        "status": status,
    }
    for item in order["items"]:
        item["uniqueId"] = uuid4().hex.upper()
    store.put(order, {})
    store.move(entry, (now, "replaced"))
    return str(new)


def _set_quantities(order: dict[str, Any], quantities: Mapping[str, Any]) -> None:
    items, rows = order["items"], order["shippingData"]["logisticsInfo"]
    for place, quantity in quantities.items():
        if not str(place).isdecimal() or int(place) >= len(items):
            raise ChangeRefused(f"quantities.{place}: the order has no such item")
        if isinstance(quantity, bool) or not isinstance(quantity, int) or quantity < 0:
            raise ChangeRefused(f"quantities.{place}: {quantity!r} is no whole number from 0 on")
        item = items[int(place)]
        if quantity:
            reprice(item, quantity=quantity, price=item["price"], off=0)
        else:
            item["quantity"] = 0
    kept = [place for place, item in enumerate(items) if item["quantity"]]
    if not kept:
        raise ChangeRefused("quantities: the order would have no items")
    order["items"] = [items[place] for place in kept]
    order["shippingData"]["logisticsInfo"] = [
        row | {"itemIndex": kept.index(row["itemIndex"])}
        for row in rows
        if row["itemIndex"] in kept
    ]


def _add(order: dict[str, Any], sku: str) -> None:
    product = next((row for row in PRODUCTS if row[0] == sku), None)
    if product is None:
        raise ChangeRefused(f"add: {sku!r} is no product of this store")
    item = item_of(*product, quantity=1)
    item["uniqueId"] = uuid4().hex.upper()
    rows = order["shippingData"]["logisticsInfo"]
    placed = moment_of(order["creationDate"])
    if placed is not None:
        free = {"price": 0, "listPrice": 0, "sellingPrice": 0}
        rows.append(delivery_of(len(order["items"]), item, placed) | free)
    order["items"].append(item)
