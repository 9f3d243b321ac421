"""Changes of the simulated store's orders: other items, or a new order in their place.

VTEX shows a change in two ways, which ``Config.changed_items`` selects:

- ``dropped``: items, totals and value are written anew, and items may move.
- ``kept``: items stay as they were. ``changesAttachment`` names the removed and the added ones, and
  ``totals`` has ``Change``.

VTEX does not publish which order replaces another one. Here both belong to one order group, and
the newer one has the next number.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import Any
from uuid import uuid4

from vtex.simulator.faults import Refused
from vtex.simulator.items import PRODUCTS, delivery_of, gross_of, item_of, reprice, totals_of
from vtex.simulator.state import Change, Entry, Store
from vtex.simulator.timestamps import moment_of, stamp

CHANGEABLE = frozenset(
    {"handling", "waiting-for-fulfillment", "ready-for-invoicing", "payment-approved"}
)
FIELDS = frozenset({"order_id", "quantities", "add", "running", "fails"})
RUNNING = "waiting-confirmation"
ENDS = ("done", "canceled")

Answer = tuple[int, Any]


class ChangeRefused(ValueError):
    """A change is invalid. The message begins with the field."""


def amend(store: Store, entry: Entry, body: Mapping[str, Any]) -> str:
    """Change an order's items. Return the request id of the change.

    Args:
        body: ``{"quantities": {"0": 1, "1": 0}, "add": "310555", "running": true}``: units of
            the items at these places (0 removes one), an added product, and whether the change
            stays unfinished. ``"fails": true`` leaves the order as it is, and the change without
            an end, as in VTEX's known issue 1219914.

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
    is_kept = store.config.changed_items == "kept"
    before = units_of(entry)
    units = _wanted(before, body.get("quantities") or {})
    added = _product(body)
    if not (any(units) or added or _was_added(order)):
        raise ChangeRefused("quantities: the order would have no items")
    if is_kept:
        _attach(order, before, units, added, stamp(store.now(), 7))
    else:
        _rewrite(order, units, added)
    packages = (order.get("packageAttachment") or {}).get("packages") or ()
    if order["value"] < sum(
        package["invoiceValue"] for package in packages if package["type"] == "Output"
    ):
        raise ChangeRefused("quantities: the order would be worth less than is invoiced")
    request = _request(store, entry, order, _moves(entry.order["items"], before, units, added))
    ends = not (body.get("running") or body.get("fails"))
    made = Change(request, "done" if ends else RUNNING, fails=bool(body.get("fails")))
    entry.changes.append(made)
    if not made.fails:
        entry.units = units if is_kept else None
        order["lastChange"] = stamp(store.now(), 7)
        entry.take(order)
    return made.request_id


def end(entry: Entry, status: str = "done") -> None:
    """End the changes that are under way. One that fails stays as it is.

    Raises:
        ChangeRefused: the status is not an end.
    """
    if status not in ENDS:
        raise ChangeRefused(f"end: {status!r} is none of {', '.join(ENDS)}")
    for row in entry.changes:
        if row.status == RUNNING and not row.fails:
            row.status = status


def shown(store: Store, entry: Entry) -> Answer:
    """Show an order's changes, in the form that ``Config.changes_form`` selects."""
    if store.config.changes_form == "requests":
        return 200, {"requests": [row.request for row in entry.changes], "actions": []}
    rows = [
        {
            "requestId": row.request_id,
            "status": "preparing" if row.status == RUNNING else row.status,
            "finished": row.status == "done",
        }
        for row in entry.changes
    ]
    return 200, rows if store.config.changes_form == "bare" else {"list": rows}


def details(store: Store, entry: Entry, request_id: str) -> Answer:
    """Show one change. ``inProgress`` is about the order."""
    row = change(entry, request_id)
    standing = {"status": row.status, "inProgress": store.status(entry) != "invoiced"}
    return 200, row.request | standing


def change(entry: Entry, request_id: str) -> Change:
    """Return a change by its request id, or refuse."""
    for row in entry.changes:
        if row.request_id == request_id:
            return row
    raise Refused("Change Not Found", "OMS007", 404)


def units_of(entry: Entry) -> list[int]:
    """Return the units that are left of each item."""
    return entry.units or [item["quantity"] for item in entry.order["items"]]


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


# --- what a change asks for -----------------------------------------------------------------------


def _wanted(before: list[int], quantities: Mapping[str, Any]) -> list[int]:
    units = list(before)
    for place, quantity in quantities.items():
        if not str(place).isdecimal() or int(place) >= len(units):
            raise ChangeRefused(f"quantities.{place}: the order has no such item")
        if isinstance(quantity, bool) or not isinstance(quantity, int) or quantity < 0:
            raise ChangeRefused(f"quantities.{place}: {quantity!r} is no whole number from 0 on")
        units[int(place)] = quantity
    return units


def _was_added(order: Mapping[str, Any]) -> bool:
    rows = (order.get("changesAttachment") or {}).get("changesData") or ()
    skus = {item["id"] for item in order["items"]}
    return any(item["id"] not in skus for row in rows for item in row["itemsAdded"])


def _product(body: Mapping[str, Any]) -> dict[str, Any] | None:
    if "add" not in body:
        return None
    sku = str(body["add"])
    product = next((row for row in PRODUCTS if row[0] == sku), None)
    if product is None:
        raise ChangeRefused(f"add: {sku!r} is no product of this store")
    return item_of(*product, quantity=1) | {"uniqueId": uuid4().hex.upper()}


Move = tuple[dict[str, Any], int]
"""An item and its added units, negative if they are removed."""


def _moves(
    items: list[dict[str, Any]], before: list[int], units: list[int], added: dict[str, Any] | None
) -> list[Move]:
    moves = [
        (item, after - then)
        for item, then, after in zip(items, before, units, strict=True)
        if after != then
    ]
    return [*moves, (added, 1)] if added else moves


# --- items that are written anew ------------------------------------------------------------------


def _rewrite(order: dict[str, Any], units: list[int], added: dict[str, Any] | None) -> None:
    items, rows = order["items"], order["shippingData"]["logisticsInfo"]
    for item, quantity in zip(items, units, strict=True):
        if quantity not in (0, item["quantity"]):
            reprice(item, quantity=quantity, price=item["price"], off=0)
    kept = [place for place, quantity in enumerate(units) if quantity]
    order["items"] = [items[place] for place in kept]
    order["shippingData"]["logisticsInfo"] = [
        row | {"itemIndex": kept.index(row["itemIndex"])}
        for row in rows
        if row["itemIndex"] in kept
    ]
    if added:
        _append(order, added)
    order["totals"] = totals_of(order["items"], order["shippingData"]["logisticsInfo"])
    order["value"] = sum(total["value"] for total in order["totals"])


def _append(order: dict[str, Any], item: dict[str, Any]) -> None:
    placed = moment_of(order["creationDate"])
    if placed is not None:
        free = {"price": 0, "listPrice": 0, "sellingPrice": 0}
        row = delivery_of(len(order["items"]), item, placed) | free
        order["shippingData"]["logisticsInfo"].append(row)
    order["items"].append(item)


# --- items that stay as they were -----------------------------------------------------------------


def _attach(
    order: dict[str, Any],
    before: list[int],
    units: list[int],
    added: dict[str, Any] | None,
    date: str,
) -> None:
    moves = _moves(order["items"], before, units, added)
    plus = sum(gross_of(item, count) for item, count in moves if count > 0)
    minus = sum(_lost(item, -count) for item, count in moves if count < 0)
    row = {
        "reason": "Troca de itens",
        "discountValue": minus,
        "incrementValue": plus,
        "itemsAdded": [_named(item, count, "price") for item, count in moves if count > 0],
        "itemsRemoved": [
            _named(item, -count, "sellingPrice") for item, count in moves if count < 0
        ],
        "receipt": {"date": date, "orderId": order["orderId"], "receipt": str(uuid4())},
    }
    attachment = order.get("changesAttachment") or {"id": "changeAttachment", "changesData": []}
    attachment["changesData"].append(row)
    order["changesAttachment"] = attachment
    totals = [total for total in order["totals"] if total["id"] != "Change"]
    order["value"] += plus - minus
    change = order["value"] - sum(total["value"] for total in totals)
    order["totals"] = [*totals, {"id": "Change", "name": "Total de Mudanças", "value": change}]


def _lost(item: dict[str, Any], count: int) -> int:
    """Return the price of removed units. All units have the line's whole price."""
    definition = item.get("priceDefinition")
    if not definition:
        return gross_of(item | {"price": item["sellingPrice"]}, count)
    return int(definition["total"] * count // item["quantity"])


def _named(item: dict[str, Any], count: int, price: str) -> dict[str, Any]:
    return {
        "id": item["id"],
        "name": item["name"],
        "quantity": count,
        "price": item[price],
        "unitMultiplier": str(item["unitMultiplier"]),
    }


# --- the request of a change ----------------------------------------------------------------------


def _request(
    store: Store, entry: Entry, order: Mapping[str, Any], moves: list[Move]
) -> dict[str, Any]:
    """Return a change in VTEX's published form, as a replacement of items."""
    value = order["value"] - entry.order["value"]
    return {
        "requestId": str(uuid4()),
        "workflowId": str(uuid4()),
        "reason": "Troca de itens",
        "manualDiscountValue": 0,
        "manualIncrementValue": 0,
        "totalChangeValue": value,
        "totals": [{"id": "Items", "name": "Items Total", "value": value}],
        "add": None,
        "remove": None,
        "replace": [{"from": {**_FREE, "items": [*_from(moves)]},
                     "to": {**_FREE, "items": [*_to(moves)], "receiptData": None}}],
        "date": f"{store.now():%Y-%m-%dT%H:%M:%S.%f}Z",
        "origin": {
            "account": store.config.account,
            "orderId": order["orderId"],
            "component": "MarketplaceComponent",
        },
        "settings": {"customPaymentSystemsAllowed": []},
    }  # fmt: skip


_FREE: dict[str, Any] = {"paymentData": {"transactions": []}, "shippingData": {"logisticsInfo": []}}


def _from(moves: list[Move]) -> Iterator[dict[str, Any]]:
    names = (
        "id", "price", "measurementUnit", "unitMultiplier", "sellingPrice", "name", "detailUrl",
        "imageUrl",
    )  # fmt: skip
    for item, count in moves:
        if count < 0:
            yield {name: item[name] for name in names} | {"quantity": -count}


def _to(moves: list[Move]) -> Iterator[dict[str, Any]]:
    absent = (
        "productRefId", "skuName", "modalType", "productCategoryIds", "availability",
        "manufacturerCode",
    )  # fmt: skip
    for item, count in moves:
        if count > 0:
            more = {"quantity": count, "productCategories": {}, "sellerChain": [item["seller"]]}
            yield item | dict.fromkeys(absent) | more
