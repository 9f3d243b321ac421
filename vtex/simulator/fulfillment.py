"""Invoices, tracking and cancellations at the simulated store."""

import re
from datetime import timedelta
from typing import Any
from uuid import uuid4

from vtex.simulator import cancel_requests
from vtex.simulator.faults import Refused
from vtex.simulator.state import Entry, Store
from vtex.simulator.timestamps import moment_of

Answer = tuple[int, dict[str, Any]]

Fields = dict[str, tuple[type, str]]
"""Fields of a body: type, and ``!`` for a required, ``?`` for a nullable field."""

ITEM: Fields = {
    "id": (str, "!"),
    "price": (int, "!"),
    "quantity": (int, "!"),
    "description": (str, ""),
}
INVOICE: Fields = {
    "type": (str, "!"),
    "issuanceDate": (str, "!"),
    "invoiceNumber": (str, "!?"),
    "invoiceValue": (str, "!"),
    "items": (list, "!"),
    "invoiceKey": (str, "?"),
    "invoiceUrl": (str, "?"),
    "embeddedInvoice": (str, "?"),
    "courier": (str, ""),
    "trackingNumber": (str, "?"),
    "trackingUrl": (str, "?"),
    "dispatchedDate": (str, "?"),
}
TRACKING: Fields = {
    "trackingNumber": (str, "!"),
    "trackingUrl": (str, "!?"),
    "courier": (str, "!?"),
    "dispatchedDate": (str, "!?"),
}
EVENTS: Fields = {"isDelivered": (bool, "!"), "deliveredDate": (str, "!?"), "events": (list, "!")}
EVENT: Fields = dict.fromkeys(("city", "state", "description", "date"), (str, "!"))
CANCELLATION: Fields = {"reason": (str, "")}
DENIAL: Fields = {"cancellationRequestId": (str, "!"), "denyReason": (str, "!")}
"""The bodies as VTEX publishes them, which a contract test compares. The real VTEX is laxer, as it
accepts ``invoiceValue`` as a number. The simulator is as strict as the published schema."""

TAKES_SALES = {"handling", "ready-for-invoicing", "payment-approved", "cancellation-requested"}
CANCELED_AT_ONCE = {
    "window-to-cancel",
    "payment-pending",
    "waiting-for-authorization",
    "payment-approved",
}
DENIABLE = ("cancellation-requested", "waiting-for-seller-decision")
CANCELED_AT_SECOND = {"ready-for-handling", "handling", "ready-for-invoicing"}
LONGEST_DESCRIPTION = 5_000
MOST_UNITS = 1_000_000
_CENTS = re.compile(r"[0-9]{1,12}")
_SPOILS = re.compile(r"[^0-9A-Za-z-]")


def invoice(store: Store, entry: Entry, body: dict[str, Any]) -> Answer:
    """Accept an invoice: check its balance, then set the next status."""
    entry.calls["invoice_calls"] += 1
    _require_schema(body, INVOICE, items=ITEM)
    _require_valid(store, entry, body)
    value = int(body["invoiceValue"])
    packages = _packages(entry)
    others = [
        package
        for package in packages
        if (package["invoiceNumber"], package["type"]) != (body["invoiceNumber"], body["type"])
    ]
    again = len(others) < len(packages)
    sold = sum(package["invoiceValue"] for package in others if package["type"] == "Output")
    status = store.status(entry)
    if body["type"] == "Output":
        if status not in TAKES_SALES and not (again and status == "invoiced"):
            raise Refused(f"Status {status} does not accept invoices", "ORD039")
        if sold + value > entry.order["value"]:
            raise Refused("The invoices exceed the order's value")
    elif value > sold - sum(
        package["invoiceValue"] for package in others if package["type"] == "Input"
    ):
        raise Refused("The return exceeds what was invoiced", "ORD057")
    _keep(entry, body, value, others)
    if body["type"] == "Output" and status != "invoiced":
        _status_after(store, entry, whole=sold + value == entry.order["value"], body=body)
    return receipt(store, entry)


def tracking(store: Store, entry: Entry, number: str, body: dict[str, Any]) -> Answer:
    """Set a package's tracking."""
    entry.calls["tracking_calls"] += 1
    package = _package(entry, number)
    _require_schema(body, TRACKING)
    _require_date(body, "dispatchedDate")
    if not (body["trackingNumber"] or body["trackingUrl"]):
        raise Refused("trackingNumber or trackingUrl is required", "FMT0096")
    for name in ("trackingNumber", "trackingUrl", "courier"):
        package[name] = body[name] or None
    entry.text = None
    return receipt(store, entry)


def events(store: Store, entry: Entry, number: str, body: dict[str, Any]) -> Answer:
    """Append tracking events to a package, as often as they are sent."""
    entry.calls["event_calls"] += 1
    package = _package(entry, number)
    _require_schema(body, EVENTS, events=EVENT)
    _require_date(body, "deliveredDate")
    for place, event in enumerate(body["events"]):
        _require_date(event, "date", f"events.{place}.")
        if not 0 < len(event["description"]) <= LONGEST_DESCRIPTION:
            raise Refused(f"events.{place}.description must be a text")
    if not package.get("trackingNumber"):
        raise Refused("The invoice has no tracking number", "FMT0096")
    shown = package["courierStatus"] or {
        "status": "ok",
        "finished": False,
        "deliveredDate": None,
        "data": [],
    }
    now = store.now().isoformat()
    shown["data"] += [
        {"lastChange": now, "createDate": event.get("date")}
        | {name: event.get(name) for name in ("city", "state", "description")}
        for event in body.get("events") or ()
    ]
    if body.get("isDelivered"):
        entry.calls["delivered_effects"] += 0 if shown["finished"] else 1
        shown |= {"finished": True, "deliveredDate": body.get("deliveredDate")}
    package["courierStatus"] = shown
    entry.text = None
    return receipt(store, entry)


def cancel(store: Store, entry: Entry, body: dict[str, Any]) -> Answer:
    """Accept a cancellation. Its effect shows later."""
    entry.calls["cancel_calls"] += 1
    _require_schema(body, CANCELLATION)
    status = store.status(entry)
    if entry.order.get("isCompleted") is False:
        raise Refused("An incomplete order cannot change its status", "CHK0200")
    invoiced = any(package["type"] == "Output" for package in _packages(entry))
    at_once = status in CANCELED_AT_ONCE or (
        status in CANCELED_AT_SECOND and store.config.cancel_at_once
    )
    if invoiced or not (
        at_once or status in CANCELED_AT_SECOND or status == "cancellation-requested"
    ):
        raise Refused(f"The order cannot be canceled in status {status}", "CHK0202")
    if at_once or status == "cancellation-requested":
        entry.calls["cancel_effects"] += 1
        cancel_requests.cancel(store, entry, body)
    else:
        cancel_requests.ask(store, entry, body)
    return receipt(store, entry)


def deny(store: Store, entry: Entry, body: dict[str, Any]) -> Answer:
    """Accept the seller's denial of a cancellation request."""
    entry.calls["deny_calls"] += 1
    _require_schema(body, DENIAL)
    for name in DENIAL:
        if not body[name]:
            raise Refused(f"{name} is required")
    status = store.status(entry)
    if status not in DENIABLE:
        raise Refused(f"There is nothing to deny in status {status}", "CHK0202")
    request = cancel_requests.open_request(entry)
    if request is None or request["id"] != body["cancellationRequestId"]:
        raise Refused("The cancellation request was not found", "CHK0202")
    entry.calls["deny_effects"] += 1
    cancel_requests.deny(store, entry, request, str(body["denyReason"]))
    return 200, {}


def _require_schema(body: dict[str, Any], fields: Fields, at: str = "", **rows: Fields) -> None:
    """Refuse a body that differs from the published schema.

    Args:
        at: path of the body, as in ``items.0.``.
        rows: the fields of the objects in a list.
    """
    for name, (kind, rule) in fields.items():
        if name not in body:
            if "!" in rule:
                raise Refused(f"{at}{name} is required")
        elif body[name] is None:
            if "?" not in rule:
                raise Refused(f"{at}{name} must not be null")
        elif type(body[name]) is not kind:
            raise Refused(f"{at}{name} must be of type {kind.__name__}")
    for name, shape in rows.items():
        for place, row in enumerate(body[name]):
            if not isinstance(row, dict):
                raise Refused(f"{at}{name}.{place} must be an object")
            _require_schema(row, shape, f"{at}{name}.{place}.")


def _require_valid(store: Store, entry: Entry, body: dict[str, Any]) -> None:
    for name in ("invoiceNumber", "items"):
        if not body[name]:
            raise Refused(f"{name} is required")
    if body["type"] not in ("Output", "Input"):
        raise Refused("type must be Output or Input")
    if not _CENTS.fullmatch(body["invoiceValue"]):
        raise Refused("invoiceValue must be an amount in cents")
    takes_zero = entry.order["value"] == 0 and not store.config.refuses_zero_invoice
    if int(body["invoiceValue"]) == 0 and not takes_zero:
        raise Refused("invoiceValue must be positive")
    if "T" not in body["issuanceDate"] or moment_of(body["issuanceDate"]) is None:
        raise Refused("issuanceDate must be a date with a time")
    _require_date(body, "dispatchedDate")
    for place, item in enumerate(body["items"]):
        if not 0 < item["quantity"] <= MOST_UNITS:
            raise Refused(f"items.{place}.quantity must be a number of units")
        if not 0 <= item["price"] < 10**12:
            raise Refused(f"items.{place}.price must be an amount in cents")


def _require_date(body: dict[str, Any], name: str, at: str = "") -> None:
    if body.get(name) is not None and moment_of(body[name]) is None:
        raise Refused(f"{at}{name} must be a date")


def _keep(entry: Entry, body: dict[str, Any], value: int, others: list[dict[str, Any]]) -> None:
    number = str(body["invoiceNumber"])
    package = {
        "items": _indexed(entry, body["items"]),
        "courier": body.get("courier"),
        "invoiceNumber": number,
        "invoiceValue": value,
        "invoiceUrl": body.get("invoiceUrl"),
        "issuanceDate": body["issuanceDate"],
        "trackingNumber": body.get("trackingNumber") or None,
        "invoiceKey": body.get("invoiceKey"),
        "trackingUrl": body.get("trackingUrl") or None,
        "embeddedInvoice": body.get("embeddedInvoice"),
        "type": body["type"],
        "courierStatus": None,
        "cfop": None,
        "restitutions": {},
        "volumes": 0,
        "EnableInferItems": None,
    }
    entry.calls["invoice_effects"] += 1
    entry.order["packageAttachment"] = {"packages": [*others, package]}
    entry.text = None


def _indexed(entry: Entry, lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Match lines to the order's by SKU. A SKU on several lines fills them in turn."""
    items = entry.order["items"]
    found = []
    used: dict[int, int] = {}
    for line in lines:
        left = int(line["quantity"])
        places = [n for n, item in enumerate(items) if item["id"] == str(line["id"])]
        for place in places:
            room = items[place]["quantity"] - used.get(place, 0)
            taken = min(left, room) if place != places[-1] else left
            if taken > 0:
                used[place] = used.get(place, 0) + taken
                left -= taken
                found.append(
                    {
                        "itemIndex": place,
                        "quantity": taken,
                        "price": line["price"],
                        "description": line.get("description"),
                        "unitMultiplier": 1.0,
                    }
                )
    return found


def _status_after(store: Store, entry: Entry, *, whole: bool, body: dict[str, Any]) -> None:
    partly = "handling" if entry.order.get("origin") == "Fulfillment" else "payment-approved"
    # With such a character in its number, an invoice never completes an order.
    spoiled = bool(_SPOILS.search(str(body["invoiceNumber"])))
    later = store.now() + timedelta(seconds=store.config.invoice_delay)
    end = "invoiced" if whole and not spoiled else partly
    store.move(entry, (store.now(), "invoice"), (later, end))
    if end == "invoiced":
        entry.order["invoicedDate"] = later.isoformat()


def _packages(entry: Entry) -> list[dict[str, Any]]:
    attachment = entry.order.get("packageAttachment") or {}
    return list(attachment.get("packages") or ())


def _package(entry: Entry, number: str) -> dict[str, Any]:
    for package in _packages(entry):
        if package["invoiceNumber"] == number and not _SPOILS.search(number):
            return package
    raise Refused("Invoice Not Found", "ORD038", 404)


def receipt(store: Store, entry: Entry) -> Answer:
    """Return the answer to a call that changed an order."""
    return 200, {
        "date": store.now().isoformat(),
        "orderId": entry.order["orderId"],
        "receipt": uuid4().hex,
    }
