"""``/_simulator/…``: control the running store, without credentials.

| call | does |
| --- | --- |
| ``GET state`` | shows orders with status and counted calls |
| ``GET calls`` | counts of answered calls, of calls over the quota, and of handled orders |
| ``GET times`` | times at which each order was first listed and its handling started |
| ``GET``, ``POST``, ``DELETE faults`` | show faults, switch one on, switch all off |
| ``POST orders`` | ``{"count": 3, "status": …, "kind": …}``: new orders arrive |
| ``PUT orders/{id}`` | ``{"order": {…}, "transactions": {…}}``: stores an order as it is |
| ``PATCH orders/{id}`` | ``{"items.0.quantity": 2, "status": …}``: changes fields |
| ``POST cancellations`` | ``{"order_id": …, "final": true}``: request a cancellation, or do it |
| ``POST changes`` | ``{"order_id": …, "quantities": {"0": 1}, "add": "310555"}``; ``fails`` |
| ``POST changes`` | ``{…, "running": true}``, later ``{"order_id": …, "end": "done"}`` |
| ``POST replacements`` | ``{"order_id": …, "status": …}``: a new order replaces it |
| ``POST permissions`` | ``{"grant": […], "revoke": […]}`` |
| ``POST tokens`` | ``{"add": […], "remove": […]}`` |
| ``POST feed`` | ``{"forget": true, "repeats": 2, "shuffles": true, "events": [{…}]}`` |
| ``POST index`` | ``{"freeze": ["…"], "refresh": ["…"]}``: orders whose changes the list misses |
| ``POST settings`` | ``{"index_lag": 5, "quota": 3000, …}`` |

An invalid call gets 400 and ``{"error": "<field>: …"}``. It does not change the store.
"""

import json
from collections.abc import Callable
from typing import Any

from tornado.web import RequestHandler

from vtex.simulator import cancel_requests, order_changes
from vtex.simulator.middleware import World
from vtex.simulator.state import FULL_ACCESS, PERMISSIONS, Entry

FEED_FIELDS = frozenset({"forget", "repeats", "shuffles", "events"})
ORDER_FIELDS = frozenset({"count", "status", "kind"})


class Nonsense(ValueError):
    """A control call is invalid. The message begins with the field."""


class Unknown(LookupError):
    """A control call names something that does not exist."""


class Control(RequestHandler):
    """Controls the store."""

    world: World

    def initialize(self, world: World) -> None:
        """Store the shared world."""
        self.world = world

    def answer(self, what: str, order_id: str | None = None) -> None:
        """Answer a call, or refuse it without an effect."""
        call = f"{self.request.method} {what}" + ("/{id}" if order_id else "")
        does = self._calls(order_id or "").get(call)
        try:
            if does is None:
                raise Unknown(f"{what}: nothing has this name")
            answer = does(self._body())
        except Unknown as error:
            self._refuse(404, str(error))
        except ValueError as error:
            self._refuse(400, str(error))
        else:
            self._say({} if answer is None else answer)

    get = post = put = patch = delete = answer

    def _calls(self, order_id: str) -> dict[str, Callable[[dict[str, Any]], Any]]:
        store, faults = self.world.store, self.world.faults
        return {
            "GET state": lambda _: store.shown(),
            "GET calls": lambda _: store.counted(),
            "GET times": lambda _: store.times(),
            "GET faults": lambda _: faults.shown(),
            "POST faults": lambda body: faults.add(**body),
            "DELETE faults": lambda _: faults.clear(),
            "POST orders": self._orders,
            "PUT orders/{id}": lambda body: self._put(order_id, body),
            "PATCH orders/{id}": lambda body: self._patch(order_id, body),
            "POST permissions": lambda body: _swap(
                store.permissions, body, "grant", "revoke", known=PERMISSIONS | {FULL_ACCESS}
            ),
            "POST tokens": lambda body: _swap(store.tokens, body, "add", "remove"),
            "POST feed": self._feed,
            "POST index": self._index,
            "POST cancellations": self._cancellations,
            "POST changes": self._changes,
            "POST replacements": self._replacements,
            "POST settings": lambda body: store.config.change(**body),
        }

    def _put(self, order_id: str, body: dict[str, Any]) -> str:
        order, transactions = body.get("order"), body.get("transactions", {})
        if not isinstance(order, dict):
            raise Nonsense("order: is no object")
        if not isinstance(transactions, dict):
            raise Nonsense("transactions: is no object")
        return self.world.store.put(order | {"orderId": order_id}, transactions)

    def _patch(self, order_id: str, body: dict[str, Any]) -> None:
        entry = self.world.store.entry(order_id)
        if entry is None:
            raise Unknown(f"{order_id}: no order has this id")
        self.world.store.change(entry, body)

    def _orders(self, body: dict[str, Any]) -> list[str]:
        _require_known(body, ORDER_FIELDS)
        _require_whole("count", body.get("count", 1))
        status = body.get("status", "")
        if not isinstance(status, str):
            raise Nonsense(f"status: {status!r} is no text")
        return self.world.store.generate(**body)

    def _cancellations(self, body: dict[str, Any]) -> str | None:
        entry, store = self._named(body), self.world.store
        if (status := store.status(entry)) in cancel_requests.OVER:
            raise Nonsense(f"order_id: an order that is {status} is not canceled")
        if body.get("final") or status == "window-to-cancel":
            cancel_requests.cancel(store, entry, body)
            return None
        return cancel_requests.ask(store, entry, body)

    def _changes(self, body: dict[str, Any]) -> str | None:
        entry = self._named(body)
        if "end" in body:
            order_changes.end(entry, str(body["end"]))
            return None
        return order_changes.amend(self.world.store, entry, body)

    def _replacements(self, body: dict[str, Any]) -> str:
        given = {"status": str(body["status"])} if "status" in body else {}
        return order_changes.replace(self.world.store, self._named(body), **given)

    def _named(self, body: dict[str, Any]) -> Entry:
        entry = self.world.store.entry(str(body.get("order_id", "")))
        if entry is None:
            raise Nonsense(f"order_id: {body.get('order_id')!r} is no order of this store")
        return entry

    def _feed(self, body: dict[str, Any]) -> None:
        feed, now = self.world.store.feed, self.world.store.now()
        _require_known(body, FEED_FIELDS)
        events = body.get("events", [])
        if not isinstance(events, list) or not all(isinstance(event, dict) for event in events):
            raise Nonsense("events: is no list of objects")
        repeats = body.get("repeats", feed.repeats)
        _require_whole("repeats", repeats)
        feed.repeats = repeats
        feed.shuffles = bool(body.get("shuffles", feed.shuffles))
        if body.get("forget"):
            feed.forget()
        for event in events:
            feed.add(event, now)

    def _index(self, body: dict[str, Any]) -> None:
        for name, ids in body.items():
            if name not in ("freeze", "refresh"):
                raise Nonsense(f"{name}: is neither freeze nor refresh")
            _require_texts(name, ids)
        for name, ids in body.items():
            self.world.store.freeze_index(ids, frozen=name == "freeze")

    def _body(self) -> dict[str, Any]:
        try:
            body = json.loads(self.request.body or b"{}")
        except ValueError as error:
            raise Nonsense("body: is no JSON") from error
        if not isinstance(body, dict):
            raise Nonsense("body: is no object")
        return body

    def _refuse(self, status: int, error: str) -> None:
        self.set_status(status)
        self._say({"error": error})

    def _say(self, body: Any) -> None:
        self.set_header("Content-Type", "application/json; charset=utf-8")
        self.write(json.dumps(body, ensure_ascii=False))


def _require_known(body: dict[str, Any], names: frozenset[str]) -> None:
    for name in body:
        if name not in names:
            raise Nonsense(f"{name}: is none of {', '.join(sorted(names))}")


def _require_whole(name: str, number: Any) -> None:
    if isinstance(number, bool) or not isinstance(number, int) or number < 0:
        raise Nonsense(f"{name}: {number!r} is no whole number from 0 on")


def _require_texts(name: str, texts: Any) -> None:
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise Nonsense(f"{name}: is no list of texts")


def _swap(
    held: set[str],
    body: dict[str, Any],
    more: str,
    less: str,
    *,
    known: frozenset[str] | None = None,
) -> list[str]:
    for name, words in body.items():
        if name not in (more, less):
            raise Nonsense(f"{name}: is neither {more} nor {less}")
        _require_texts(name, words)
        if known is not None and not known.issuperset(words):
            raise Nonsense(f"{name}: holds what is none of {', '.join(sorted(known))}")
    held |= set(body.get(more, ()))
    held -= set(body.get(less, ()))
    return sorted(held) if known is not None else []
