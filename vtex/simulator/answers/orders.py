"""Order groups, conversations, notes and payments of an order."""

from datetime import timedelta
from typing import Any
from uuid import NAMESPACE_URL, uuid4, uuid5

from vtex.simulator.answers.fields import require
from vtex.simulator.faults import Refused
from vtex.simulator.listing.fields import DESCRIPTIONS, client_name, part, payments, transactions
from vtex.simulator.middleware import Answer, Call, Operation
from vtex.simulator.state import FULL_ACCESS, Entry

NOTE = {"source": str, "message": str}
_ORDER = "/api/oms/pvt/orders/([^/]+)"
_WINDOW = "window to change seller"


def _group(call: Call) -> Answer:
    orders = [
        entry.order | {"status": call.store.status(entry)}
        for entry in call.store.entries()
        if entry.order.get("orderGroup") == call.ids[0]
    ]
    if not orders:
        raise Refused("Order Not Found", "OMS007", 404)
    return 200, orders


# --- conversation and notes -----------------------------------------------------------------------


def _conversation(call: Call) -> Answer:
    entry, now = call.entry(), call.store.now()
    mailed = [step for step in entry.past if step[0] <= now and step[1] in DESCRIPTIONS]
    return 200, [_mail(entry, f"{since:%Y-%m-%dT%H:%M:%S}Z", status) for since, status in mailed]


def _mail(entry: Entry, date: str, status: str) -> dict[str, Any]:
    order_id, host = str(entry.order["orderId"]), entry.order.get("hostname")
    subject = DESCRIPTIONS[status]
    email = part(entry.order, "clientProfileData").get("email") or ""
    return {
        "id": f"{date[:19].replace(':', '-').lower()}_{uuid5(NAMESPACE_URL, order_id + date).hex}",
        "from": _person(order_id, f"noreply@{host}.example.com", "no reply", None),
        "to": [_person(order_id, str(email), client_name(entry.order) or "", "Customer")],
        "subject": subject,
        "firstWords": subject,
        "body": f"<html><body>{subject}</body></html>",
        "hasAttachment": False,
        "attachmentNames": [],
        "date": date,
    }


def _person(order_id: str, email: str, name: str, role: str | None) -> dict[str, Any]:
    return {
        "conversationRelatedTo": order_id,
        "conversationSubject": "oms",
        "emailAlias": email,
        "aliasMaskType": 0,
        "email": email,
        "name": name,
        "role": role,
    }


def _add_note(call: Call) -> Answer:
    entry, body = call.entry(), call.body()
    require(body, NOTE)
    date = call.store.now().isoformat()
    entry.notes.append({name: body[name] for name in NOTE} | {"id": uuid4().hex, "date": date})
    return 200, None


# --- payments -------------------------------------------------------------------------------------


def _payment_transaction(call: Call) -> Answer:
    order = call.entry().order
    rows = transactions(order)
    if not rows or order.get("origin") == "Fulfillment":
        raise Refused("Transaction not found", "OMS404", 404)
    gateway = call.store.transactions.get(rows[0]["transactionId"])
    status = gateway["transaction"]["status"] if gateway else "Finished"
    return 200, {"status": status} | rows[0]


def _notify_payment(call: Call) -> Answer:
    entry, store = call.entry(), call.store
    if call.ids[1] not in [payment.get("id") for payment in payments(entry.order)]:
        raise Refused("Payment not found", "OMS404", 404)
    if store.status(entry) != "payment-pending":
        raise Refused("The order does not wait for a payment", "OMS003")
    now = store.now()
    ready = now + timedelta(seconds=store.config.handling_delay)
    store.move(entry, (now, "payment-approved"), (ready, "ready-for-handling"))
    return 200, None


# --- checkout -------------------------------------------------------------------------------------


def _set_window(call: Call) -> Answer:
    body = call.body()
    require(body, {"waitingTime": int})
    if body["waitingTime"] < 0:
        raise Refused("waitingTime must be a number of days")
    call.store.options[_WINDOW] = body["waitingTime"]
    return 201, None


ROUTES = {
    "/api/oms/pvt/orders/order-group/([^/]+)": {
        "GET": Operation("order_group", "View order", _group)
    },
    f"{_ORDER}/conversation-message": {"GET": Operation("messages", FULL_ACCESS, _conversation)},
    f"{_ORDER}/interactions": {
        "GET": Operation("notes", FULL_ACCESS, lambda call: (200, call.entry().notes)),
        "POST": Operation("notes", FULL_ACCESS, _add_note),
    },
    f"{_ORDER}/payment-transaction": {
        "GET": Operation("payment_transaction", "View order", _payment_transaction)
    },
    f"{_ORDER}/payments/([^/]+)/payment-notification": {
        "POST": Operation("payment_notification", "Notify payment", _notify_payment)
    },
    "/api/checkout/pvt/configuration/window-to-change-seller": {
        "GET": Operation(
            "seller_window", "View order", lambda call: (200, call.store.options.get(_WINDOW, 2))
        ),
        "POST": Operation("seller_window", "Change order", _set_window),
    },
}
