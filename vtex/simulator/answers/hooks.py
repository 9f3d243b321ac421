"""The configuration of the hook. The simulator stores it, and never calls its address."""

from typing import Any

from vtex.simulator.answers.fields import require
from vtex.simulator.faults import Refused
from vtex.simulator.feed import read_filter
from vtex.simulator.middleware import Answer, Call, Operation
from vtex.simulator.state import FEED_ADMIN

_VIEW = "Feed v3 and Hook view only"
_HOOK = "hook"


def _shown(call: Call) -> Answer:
    return 200, _stored(call)


def _configure(call: Call) -> Answer:
    body = call.body()
    wanted = read_filter(body)
    require(body, {"hook": dict})
    hook = body["hook"]
    require(hook, {"url": str}, "hook.")
    if not hook["url"].startswith("https://"):
        raise Refused("hook.url must begin with https://")
    headers = hook.get("headers", {})
    if not isinstance(headers, dict) or not all(isinstance(text, str) for text in headers.values()):
        raise Refused("hook.headers must be an object of texts")
    call.store.options[_HOOK] = {"filter": wanted, "hook": hook}
    return 200, _event(call)


def _remove(call: Call) -> Answer:
    _stored(call)
    del call.store.options[_HOOK]
    return 200, None


def _stored(call: Call) -> dict[str, Any]:
    if _HOOK not in call.store.options:
        raise Refused("Hook configuration not found", "OMS404", 404)
    return dict(call.store.options[_HOOK])


def _event(call: Call) -> dict[str, Any]:
    """Return the event of the newest order. VTEX publishes an event as this answer."""
    store = call.store
    entry = next(reversed(store.entries()), None)
    status = store.status(entry) if entry else ""
    since = f"{entry.past[0][0] if entry else store.now():%Y-%m-%dT%H:%M:%S.%f}7Z"
    return {
        "Domain": "Fulfillment",
        "OrderId": entry.order["orderId"] if entry else "",
        "State": status,
        "LastState": "window-to-cancel",
        "LastChange": since,
        "CurrentChange": since,
        "Origin": {"Account": store.config.account, "Key": store.config.app_key},
    }


ROUTES = {
    "/api/orders/hook/config": {
        "GET": Operation("hook_config", _VIEW, _shown),
        "POST": Operation("hook_config", FEED_ADMIN, _configure),
        "DELETE": Operation("hook_config", FEED_ADMIN, _remove),
    }
}
