"""The payments gateway: transactions, their payments, and what became of them."""

from collections.abc import Iterator
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from vtex.simulator.faults import Refused
from vtex.simulator.listing.fields import objects, part, transactions
from vtex.simulator.middleware import Answer, Call, Operation
from vtex.simulator.state import Entry

SYSTEMS = (
    (1, "American Express", "creditCard"), (2, "Visa", "creditCard"),
    (4, "Mastercard", "creditCard"), (6, "Boleto Bancário", "bankInvoice"),
    (16, "Vale", "giftCard"), (125, "Pix", "instantPayment"),
)  # fmt: skip
"""Payment systems: id, name and group."""

_PAYMENTS = "View Payment Data"
_TRANSACTION = "/api/pvt/transactions/([^/]+)"


def _transaction(call: Call) -> dict[str, Any]:
    if call.ids[0] not in call.store.transactions:
        raise Refused("Transaction not found", "1", 404)
    return call.store.transactions[call.ids[0]]


def _payment(call: Call) -> Answer:
    for payment in _transaction(call)["payments"]:
        if payment["id"] == call.ids[1]:
            return 200, payment
    raise Refused("Transaction not found", "1", 404)


def _interactions(call: Call) -> Answer:
    head = _transaction(call)["transaction"]
    steps = (("startDate", "Transaction started"), ("authorizationDate", "Transaction authorized"))
    return 200, [
        {
            "Id": _id_of(call.ids[0], message),
            "TransactionId": call.ids[0],
            "PaymentId": None,
            "Source": "Vtex.PaymentGateway",
            "Status": head["status"],
            "Date": f"{head[name]}Z",
            "Message": message,
        }
        for name, message in steps
        if head.get(name)
    ]


# --- settlements and refunds ----------------------------------------------------------------------
# The gateway answers without rows before the first invoice. It shows requests as long as items
# await their invoice, and its actions after the last one.


def _settlements(call: Call) -> Answer:
    payments = _transaction(call)["payments"]
    entries = list(_paid(call))
    requests = [_request(call, package) for package in _packages(entries, "Output")]
    done = entries and all(call.store.status(entry) == "invoiced" for entry in entries)
    date = requests[-1]["date"] if requests else None
    actions = [_action(call, payment, date, "auto-settlement") for payment in payments]
    return 200, {"requests": requests, "actions": actions if done and requests else []}


def _refunds(call: Call) -> Answer:
    _transaction(call)
    requests = [_request(call, package) for package in _packages(_paid(call), "Input")]
    return 200, {"requests": requests, "actions": []}


def _cancellations(call: Call) -> Answer:
    payments = _transaction(call)["payments"]
    entries = list(_paid(call))
    if not entries or any(call.store.status(entry) != "canceled" for entry in entries):
        return 200, {"requests": [], "actions": []}
    value = sum(payment["value"] for payment in payments)
    date = str(entries[0].order.get("lastChange"))[:19]
    request = {"id": _id_of(call.ids[0], "cancellation"), "date": date, "value": value}
    actions = [_action(call, payment, date, "auto-cancellation") for payment in payments]
    return 200, {"requests": [request], "actions": actions}


def _paid(call: Call) -> Iterator[Entry]:
    """Yield the orders that the transaction paid."""
    for entry in call.store.entries():
        if call.ids[0] in [row.get("transactionId") for row in transactions(entry.order)]:
            yield entry


def _packages(entries: Iterator[Entry] | list[Entry], kind: str) -> Iterator[dict[str, Any]]:
    for entry in entries:
        for package in objects(part(entry.order, "packageAttachment").get("packages")):
            if package.get("type") == kind:
                yield package


def _request(call: Call, package: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": _id_of(call.ids[0], str(package.get("invoiceNumber"))),
        "date": str(package.get("issuanceDate"))[:19],
        "value": package.get("invoiceValue"),
    }


def _action(call: Call, payment: dict[str, Any], date: str | None, kind: str) -> dict[str, Any]:
    return {
        "paymentId": payment["id"],
        "payment": {"href": f"/api/pvt/transactions/{call.ids[0]}/payments/{payment['id']}"},
        "date": f"{date}.0000000Z",
        "type": kind,
        "value": payment["value"],
        "connectorResponse": None,
    }


def _id_of(*parts: str) -> str:
    return uuid5(NAMESPACE_URL, "/".join(parts)).hex.upper()


def _systems(_: Call) -> Answer:
    return 200, [
        {"id": number, "name": name, "groupName": group, "isCustom": False, "description": None}
        for number, name, group in SYSTEMS
    ]


ROUTES = {
    _TRANSACTION: {
        "GET": Operation(
            "transaction", _PAYMENTS, lambda call: (200, _transaction(call)["transaction"])
        )
    },
    f"{_TRANSACTION}/payments": {
        "GET": Operation("payments", _PAYMENTS, lambda call: (200, _transaction(call)["payments"]))
    },
    f"{_TRANSACTION}/payments/([^/]+)": {"GET": Operation("payments", _PAYMENTS, _payment)},
    f"{_TRANSACTION}/interactions": {"GET": Operation("interactions", _PAYMENTS, _interactions)},
    f"{_TRANSACTION}/settlements": {"GET": Operation("settlements", _PAYMENTS, _settlements)},
    f"{_TRANSACTION}/refunds": {"GET": Operation("refunds", _PAYMENTS, _refunds)},
    f"{_TRANSACTION}/cancellations": {"GET": Operation("cancellations", _PAYMENTS, _cancellations)},
    # VTEX publishes the route and no body.
    f"{_TRANSACTION}/capabilities": {
        "GET": Operation("capabilities", _PAYMENTS, lambda call: (200, _transaction(call) and {}))
    },
    "/api/pvt/payment-systems": {"GET": Operation("payment_systems", _PAYMENTS, _systems)},
}
