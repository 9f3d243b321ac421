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
| ``POST changes`` | ``{"order_id": …, "quantities": {"0": 1}, "add": "310555"}``; ``running`` |
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


class Control(RequestHandler):
    """Controls the store."""

    world: World

    def initialize(self, world: World) -> None:
        """Store the shared world."""
        self.world = world

    def get(self, what: str, order_id: str | None = None) -> None:
        """Show ``state``, ``calls``, ``times`` or ``faults``."""
        shown = {
            "state": self.world.store.shown,
            "calls": self.world.store.counted,
            "times": self.world.store.times,
            "faults": self.world.faults.shown,
        }
        if order_id or what not in shown:
            self._refuse(404, f"{what}: cannot be shown")
            return
        self._say(shown[what]())

    def post(self, what: str, _: str | None = None) -> None:
        """Add orders or faults, grant or revoke permissions, swap tokens, change settings."""
        store = self.world.store
        does: dict[str, Callable[[dict[str, Any]], Any]] = {
            "orders": self._orders,
            "faults": lambda body: self.world.faults.add(**body),
            "permissions": lambda body: _swap(
                store.permissions, body, "grant", "revoke", known=PERMISSIONS | {FULL_ACCESS}
            ),
            "tokens": lambda body: _swap(store.tokens, body, "add", "remove"),
            "feed": self._feed,
            "index": self._index,
            "cancellations": self._cancellations,
            "changes": lambda body: order_changes.amend(store, self._named(body), body),
            "replacements": self._replacements,
            "settings": lambda body: store.config.change(**body),
        }
        if what not in does:
            self._refuse(404, f"{what}: cannot be steered")
            return
        try:
            self._say(does[what](self._body()) or {})
        except ValueError as error:
            self._refuse(400, str(error))

    def put(self, what: str, order_id: str | None = None) -> None:
        """Place a given order, under the id of the path."""
        if what != "orders" or not order_id:
            self._refuse(404, f"{what}: cannot be placed")
            return
        try:
            body = self._body()
            order, transactions = body.get("order"), body.get("transactions", {})
            if not isinstance(order, dict):
                raise Nonsense("order: is no object")
            if not isinstance(transactions, dict):
                raise Nonsense("transactions: is no object")
            self._say(self.world.store.put(order | {"orderId": order_id}, transactions))
        except ValueError as error:
            self._refuse(400, str(error))

    def patch(self, what: str, order_id: str | None = None) -> None:
        """Change an order by dotted paths."""
        entry = self.world.store.entry(order_id or "")
        if what != "orders" or entry is None:
            self._refuse(404, f"{what}: no order of this id")
            return
        try:
            self.world.store.change(entry, self._body())
        except ValueError as error:
            self._refuse(400, str(error))

    def delete(self, what: str, _: str | None = None) -> None:
        """Switch all faults off."""
        if what != "faults":
            self._refuse(404, f"{what}: cannot be cleared")
            return
        self.world.faults.clear()

    def _orders(self, body: dict[str, Any]) -> list[str]:
        for name in body:
            if name not in ORDER_FIELDS:
                raise Nonsense(f"{name}: is none of {', '.join(sorted(ORDER_FIELDS))}")
        count, status = body.get("count", 1), body.get("status", "")
        if isinstance(count, bool) or not isinstance(count, int) or count < 0:
            raise Nonsense(f"count: {count!r} is no whole number from 0 on")
        if not isinstance(status, str):
            raise Nonsense(f"status: {status!r} is no text")
        return self.world.store.generate(**body)

    def _cancellations(self, body: dict[str, Any]) -> str:
        entry, store = self._named(body), self.world.store
        if (status := store.status(entry)) in cancel_requests.OVER:
            raise Nonsense(f"order_id: an order that is {status} is not canceled")
        if body.get("final") or status == "window-to-cancel":
            cancel_requests.cancel(store, entry, body)
            return ""
        return cancel_requests.ask(store, entry, body)

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
        for name in body:
            if name not in FEED_FIELDS:
                raise Nonsense(f"{name}: is none of {', '.join(sorted(FEED_FIELDS))}")
        events = body.get("events", [])
        if not isinstance(events, list) or not all(isinstance(event, dict) for event in events):
            raise Nonsense("events: is no list of objects")
        repeats = body.get("repeats", feed.repeats)
        if isinstance(repeats, bool) or not isinstance(repeats, int) or repeats < 0:
            raise Nonsense(f"repeats: {repeats!r} is no whole number from 0 on")
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
            if not isinstance(ids, list) or not all(isinstance(order_id, str) for order_id in ids):
                raise Nonsense(f"{name}: is no list of order ids")
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
        if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
            raise Nonsense(f"{name}: is no list of texts")
        if known is not None and not known.issuperset(words):
            raise Nonsense(f"{name}: holds what is none of {', '.join(sorted(known))}")
    held |= set(body.get(more, ()))
    held -= set(body.get(less, ()))
    return sorted(held) if known is not None else []
