"""VTEX's routes: the function that answers each method."""

from collections.abc import Callable
from typing import Any

from vtex.simulator import fulfillment, order_changes
from vtex.simulator.answers import gateway, hooks, modifications, orders
from vtex.simulator.faults import Refused
from vtex.simulator.listing.page import LONGEST_NUMBER
from vtex.simulator.middleware import Answer, Call, Operation
from vtex.simulator.state import Entry, Store

# --- orders ---------------------------------------------------------------------------------------


def _order(call: Call) -> Answer:
    entry = call.entry()
    entry.calls["gets"] += 1
    return 200, call.store.document(entry)


def _start_handling(call: Call) -> Answer:
    entry, store = call.entry(), call.store
    entry.calls["start_handling_calls"] += 1
    if not store.start_handling(entry):
        status = store.config.conflict_status
        raise Refused("Order must be ready-for-handling", "OMS003", status)
    return 204, None


def _change(
    name: str, permission: str, change: Callable[[Store, Entry, dict[str, Any]], Answer]
) -> Operation:
    """Return an operation that changes an order and answers with a receipt."""
    return Operation(
        name,
        permission,
        effect=lambda call: change(call.store, call.entry(), call.body()),
        pretend=_receipt,
    )


def _change_package(
    name: str, change: Callable[[Store, Entry, str, dict[str, Any]], Answer]
) -> Operation:
    """Return an operation that changes a package, by its invoice number."""
    return Operation(
        name,
        "Notify invoice",
        effect=lambda call: change(call.store, call.entry(), call.ids[1], call.body()),
        pretend=_receipt,
    )


def _receipt(call: Call) -> Answer:
    return fulfillment.receipt(call.store, call.entry())


# --- changes --------------------------------------------------------------------------------------


def _end_change(status: int, end: str) -> Operation:
    """Return an operation that ends the changes of an order. One that fails stays under way."""

    def effect(call: Call) -> Answer:
        entry = call.entry()
        order_changes.change(entry, call.ids[1])
        if not call.body().get("reason"):
            raise Refused("reason is required")
        order_changes.end(entry, end)
        return status, None if status == 204 else {}

    return Operation("change", "Change order workflow status", effect)


# --- feed -----------------------------------------------------------------------------------------


def _feed_configuration(call: Call) -> Answer:
    return 200, _there(call.store.feed.shown(call.store.entries(), call.store.now()))


def _configure_feed(call: Call) -> Answer:
    call.store.feed.configure(call.body(), call.store.entries(), call.store.now())
    return 200, {}


def _remove_feed(call: Call) -> Answer:
    _there(call.store.feed.forget() or None)
    return 200, {}


def _read_feed(call: Call) -> Answer:
    most = call.query.get("maxlot", "1")
    if not most.isdecimal() or len(most) > LONGEST_NUMBER:
        raise Refused("maxlot is no number")
    return 200, _there(call.store.feed.read(int(most), call.store.entries(), call.store.now()))


def _commit(call: Call) -> Answer:
    handles = call.body().get("handles")
    if not isinstance(handles, list):
        raise Refused("handles is no list")
    call.store.feed.commit(map(str, handles), call.store.now())
    return 200, {}


def _there(answer: Any) -> Any:
    if answer is None:
        raise Refused("Feed configuration not found", "OMS404", 404)
    return answer


_VIEW_FEED = "Feed v3 and Hook view only"
_ADMIN_FEED = "Feed v3 and Hook Admin"
_OMS = "/api/oms/pvt/orders"
_ORDER = f"{_OMS}/([^/]+)"

ROUTES = {
    **orders.ROUTES,
    **modifications.ROUTES,
    **gateway.ROUTES,
    **hooks.ROUTES,
    "/api/orders/feed/config": {
        "GET": Operation("feed_config", _VIEW_FEED, _feed_configuration),
        "POST": Operation("feed_config", _ADMIN_FEED, _configure_feed),
        "DELETE": Operation("feed_config", _ADMIN_FEED, _remove_feed),
    },
    "/api/orders/feed": {
        "GET": Operation("feed", _VIEW_FEED, _read_feed),
        "POST": Operation("commit", _VIEW_FEED, _commit),
    },
    _OMS: {
        "GET": Operation("list", "List Orders", lambda call: (200, call.store.listed(call.query)))
    },
    _ORDER: {"GET": Operation("order", "View order", _order)},
    f"{_ORDER}/start-handling": {
        "POST": Operation("start_handling", "Change order workflow status", _start_handling)
    },
    f"{_ORDER}/invoice": {"POST": _change("invoice", "Notify invoice", fulfillment.invoice)},
    f"{_ORDER}/invoice/([^/]+)": {"PATCH": _change_package("set_tracking", fulfillment.tracking)},
    f"{_ORDER}/invoice/([^/]+)/tracking": {
        "PUT": _change_package("add_events", fulfillment.events)
    },
    f"{_ORDER}/cancel": {"POST": _change("cancel", "Cancel order", fulfillment.cancel)},
    "/api/orders/pvt/document/([^/]+)/deny-cancellation-request": {
        "POST": _change("deny", "Cancel order", fulfillment.deny)
    },
    modifications.CHANGES: {
        "GET": Operation(
            "changes", "View order", lambda call: order_changes.shown(call.store, call.entry())
        ),
        "PATCH": modifications.CREATE,
    },
    f"{modifications.CHANGES}/([^/]+)": {
        "GET": Operation(
            "change",
            "View order",
            lambda call: order_changes.details(call.store, call.entry(), call.ids[1]),
        )
    },
    f"{modifications.CHANGES}/([^/]+)/retry": {"POST": _end_change(204, "done")},
    f"{modifications.CHANGES}/([^/]+)/cancel": {"POST": _end_change(200, "canceled")},
}
