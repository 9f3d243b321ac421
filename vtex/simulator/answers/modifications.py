"""Order modifications: the calls that change an order, preview it and sum it up.

A call becomes a change of ``order_changes``, which adds one unit of one new product at most.
"""

import copy
from collections import Counter
from collections.abc import Iterator
from typing import Any

from vtex.simulator import order_changes
from vtex.simulator.answers.fields import require
from vtex.simulator.faults import Refused
from vtex.simulator.listing.fields import objects, part
from vtex.simulator.middleware import Answer, Call, Operation
from vtex.simulator.order_changes import ChangeRefused
from vtex.simulator.state import Change, Entry

CHANGES = "/api/order-system/orders/([^/]+)/changes"
_PERMISSION = "Change order"
_SETTINGS = "order modifications"
_OFF = "Order changes v1 is off since 2026-03-01. Use PATCH /api/order-system/orders/{id}/changes"

SETTINGS: dict[str, dict[str, Any]] = {
    "paymentConfiguration": {"customPaymentSystemsAllowed": []},
    "rolloutConfiguration": {
        "usingDefaultBehavior": True,
        "enableApi": True,
        "enableAdminOrders": {"enabledWorkspaces": ["*"]},
        "enableMyOrders": {"enabledWorkspaces": ["*"]},
    },
    "pipelineConfiguration": {
        "enableTaxHubRecalculation": False,
        "compensateShippingChanges": True,
        "enablePromotionRecalculation": False,
        "enableNativeTaxRecalculation": False,
    },
}
_ONLY_STORED = ("requestId", "workflowId", "date", "origin", "settings")
"""Fields of a change that its preview lacks."""


def _off(call: Call) -> Answer:
    call.entry()
    raise Refused(_OFF, "CHK0124", 410)


def _create(call: Call) -> Answer:
    return 202, _changed(call, call.entry()).request


def _preview(call: Call) -> Answer:
    request = _changed(call, copy.deepcopy(call.entry())).request
    return 200, {name: value for name, value in request.items() if name not in _ONLY_STORED}


def _changed(call: Call, entry: Entry) -> Change:
    if any(change.status == order_changes.RUNNING for change in entry.changes):
        raise Refused("A change is under way", "SalesOrderSystem014")
    body = call.body()
    require(body, {"reason": str, "replace": list})
    if call.store.status(entry) not in order_changes.CHANGEABLE:
        raise Refused("The order's status does not allow changes", "CHK0124")
    try:
        order_changes.amend(call.store, entry, _change(entry, body["replace"]))
    except ChangeRefused as error:
        raise Refused(str(error), "SalesOrderSystem010") from error
    entry.changes[-1].request["reason"] = body["reason"]
    return entry.changes[-1]


# --- the body -------------------------------------------------------------------------------------


def _change(entry: Entry, rows: list[Any]) -> dict[str, Any]:
    """Return the units that are left of each item, and the product that is new."""
    left = Counter(dict(enumerate(order_changes.units_of(entry))))
    before, new = Counter(left), list[str]()
    for row in rows:
        for place, quantity in _places(entry, row, "from"):
            if not isinstance(place, int):
                raise Refused("replace.from: the order has no such item", "SalesOrderSystem010")
            left[place] -= quantity
        for place, quantity in _places(entry, row, "to"):
            if isinstance(place, int):
                left[place] += quantity
            else:
                new += [place] * quantity
    if any(units < 0 for units in left.values()):
        raise Refused("replace.from: the order has fewer units", "SalesOrderSystem011")
    if len(new) > 1:
        raise Refused("replace.to: the simulator adds one unit of one new product at most")
    changed = {str(place): left[place] for place in left if left[place] != before[place]}
    if not changed and not new:
        raise Refused("replace: changes no item")
    return {"quantities": changed} | ({"add": new[0]} if new else {})


def _places(entry: Entry, row: Any, side: str) -> Iterator[tuple[int | str, int]]:
    """Yield the place of each item, or its SKU if the order lacks it, and its units."""
    if not isinstance(row, dict) or not isinstance(row.get(side), dict):
        raise Refused(f"replace.{side} is required")
    require(row[side], {"items": list}, f"replace.{side}.")
    for item in row[side]["items"]:
        if not isinstance(item, dict):
            raise Refused(f"replace.{side}.items must be objects")
        require(item, {"id": str, "quantity": int}, f"replace.{side}.items.")
        if not 0 < item["quantity"] <= 1_000_000:
            raise Refused(f"replace.{side}.items.quantity must be a number of units")
        yield _place(entry, item), item["quantity"]


def _place(entry: Entry, item: dict[str, Any]) -> int | str:
    rows = list(enumerate(objects(entry.order.get("items"))))
    if "uniqueId" in item:
        rows = [(place, row) for place, row in rows if row.get("uniqueId") == item["uniqueId"]]
    places = [place for place, row in rows if row.get("id") == item["id"]]
    if len(places) > 1:
        raise Refused("Several items have this id: send uniqueId", "SalesOrderSystem026")
    return places[0] if places else str(item["id"])


# --- summary and settings -------------------------------------------------------------------------


def _summary(call: Call) -> Answer:
    entry = call.entry()
    requests = [change.request for change in entry.changes if change.status == "done"]
    value = sum(request["totalChangeValue"] for request in requests)
    logistics = objects(part(entry.order, "shippingData").get("logisticsInfo"))
    deliveries = {row.get("itemIndex"): row.get("deliveryIds") or [] for row in logistics}
    return 200, {
        "original": [
            item
            | {"itemIndex": place, "totalQuantity": item.get("quantity")}
            | {"deliveryIds": deliveries.get(place, [])}
            for place, item in enumerate(objects(entry.original))
        ],
        "added": [item for request in requests for item in _moved(request, "to")],
        "removed": [item for request in requests for item in _moved(request, "from")],
        "replaced": [],
        "manualDiscountValueAggregated": 0,
        "manualIncrementValueAggregated": 0,
        "totalChangeValueAggregated": value,
        "totals": [
            {"id": "Items", "name": "Items Total", "value": value, "alternativeTotals": None}
        ],
        "lastChange": requests[-1]["date"] if requests else entry.order.get("lastChange"),
    }


def _moved(request: dict[str, Any], side: str) -> Iterator[dict[str, Any]]:
    for row in request["replace"]:
        for item in row[side]["items"]:
            yield {"totalQuantity": item["quantity"]} | item


def _settings(call: Call) -> Answer:
    return 200, call.store.options.get(_SETTINGS, SETTINGS)


def _set_settings(call: Call) -> Answer:
    body, current = call.body(), _settings(call)[1]
    merged = copy.deepcopy(dict(current)) if isinstance(current, dict) else {}
    for group, values in body.items():
        if group not in SETTINGS:
            raise Refused(f"{group}: is none of {', '.join(SETTINGS)}")
        require(body, {group: dict})
        known = {name: type(SETTINGS[group][name]) for name in values if name in SETTINGS[group]}
        require(values, known, f"{group}.")
        merged[group] |= {name: values[name] for name in known}
    call.store.options[_SETTINGS] = merged
    return 200, merged


ROUTES = {
    "/api/oms/pvt/orders/([^/]+)/changes": {"POST": Operation("change_v1", _PERMISSION, _off)},
    "/api/order-system/orders/changes/settings": {
        "GET": Operation("change_settings", "View order", _settings),
        "PUT": Operation("change_settings", _PERMISSION, _set_settings),
    },
    f"{CHANGES}/preview": {"POST": Operation("change_preview", _PERMISSION, _preview)},
    "/api/orders/pvt/document/([^/]+)/change-summary": {
        "GET": Operation("change_summary", "View order", _summary)
    },
}
CREATE = Operation("changes", _PERMISSION, _create)
"""``PATCH`` of the changes of an order."""
