"""The simulated store: its orders, their statuses, and what the index shows of them."""

from __future__ import annotations

import copy
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from vtex.simulator import listing
from vtex.simulator.config import Config
from vtex.simulator.feed import Feed
from vtex.simulator.seed import Made, Seed
from vtex.simulator.timestamps import moment_of, stamp

PERMISSIONS = frozenset(
    {
        "List Orders", "View order", "Change order workflow status", "View Payment Data",
        "Notify invoice", "Cancel order", "Feed v3 and Hook view only", "Feed v3 and Hook Admin",
    }
)  # fmt: skip
FULL_ACCESS = "Orders Full Access"
"""Stands for the permissions to list and to view orders."""

FEED_ADMIN = "Feed v3 and Hook Admin"
"""Stands for the permission to view the feed."""

READABLE = timedelta(days=730)
"""VTEX reads no order older than two years."""


@dataclass
class Entry:
    """An order with its past: (since when, status), newest last."""

    order: dict[str, Any]
    past: list[tuple[datetime, str]]
    calls: Counter[str] = field(default_factory=Counter)
    listed_at: datetime | None = None
    fed: int = 0  # how much of its past the feed has seen
    handled_at: datetime | None = None
    indexed_until: datetime | None = None  # the index shows no later change, until it is refreshed
    changes: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.take(self.order)

    def take(self, order: dict[str, Any]) -> None:
        """Take a document, be it malformed: without a date it counts from when it came in."""
        self.order = order
        self.created = moment_of(order.get("creationDate")) or self.past[0][0]
        self.text: bytes | None = None


class Store:
    """All that the simulated account holds."""

    def __init__(
        self, config: Config, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self.config = config
        self.tokens = {config.app_token}
        self.permissions = set(PERMISSIONS)
        self.calls: Counter[str] = Counter()
        self.transactions: dict[str, dict[str, Any]] = {}
        self._orders: dict[str, Entry] = {}
        self._handled = 0
        self._now = now
        self._seed = Seed(config.account, config.seed)
        self.feed = Feed(config.seed)
        # What is there at the start has long been in the index.
        long_ago = now() - timedelta(days=1)
        for _ in range(config.orders):
            self._add(self._seed.order(now(), "ready-for-handling"), long_ago)

    def now(self) -> datetime:
        """Return the store's time."""
        return self._now()

    # --- orders come in and change ------------------------------------------------------------

    def generate(
        self, count: int = 1, status: str = "ready-for-handling", kind: str | None = None
    ) -> list[str]:
        """Let new orders come in; return their ids.

        Raises:
            ValueError: no such kind.
        """
        now = self._now()
        return [self._add(self._seed.order(now, status, kind), now) for _ in range(count)]

    def put(self, order: dict[str, Any], transactions: dict[str, dict[str, Any]]) -> str:
        """Take a given order as it is, replacing one of the same id."""
        return self._add(Made(order, transactions), self._now())

    def _add(self, made: Made, since: datetime) -> str:
        order_id: str = made.order["orderId"]
        now_in = (since, str(made.order.get("status")))
        known = self._orders.get(order_id)
        if known is None:
            self._orders[order_id] = Entry(made.order, [now_in])
        else:
            known.take(made.order)
            known.past.append(now_in)
        self.transactions |= made.transactions
        return order_id

    def change(self, entry: Entry, changes: Mapping[str, Any]) -> None:
        """Set fields by dotted path; ``status`` takes its place in the past. All or none.

        Raises:
            ValueError: a path leads nowhere; the message names it.
        """
        order = copy.deepcopy(entry.order)
        for path, value in changes.items():
            if path != "status":
                _set(order, path, value)
        if "status" in changes:
            entry.past.append((self._now(), str(changes["status"])))
        entry.take(order)

    def move(self, entry: Entry, *steps: tuple[datetime, str]) -> None:
        """Let an order go on, from now on; what it was to come to otherwise falls."""
        now = self._now()
        entry.past = [one for one in entry.past if one[0] <= now]
        entry.past += steps
        entry.text = None

    def start_handling(self, entry: Entry) -> bool:
        """Let handling start; False in the wrong status."""
        if self.status(entry) != "ready-for-handling":
            return False
        now = self._now()
        delay = timedelta(seconds=self.config.handling_delay)
        entry.past += [(now, "start-handling"), (now + delay, "handling")]
        entry.calls["start_handling_effects"] += 1
        entry.handled_at = now
        self._handled += 1
        return True

    # --- what is seen of them -----------------------------------------------------------------

    def entry(self, order_id: str) -> Entry | None:
        """Return an order by its id, or by ``seq`` and its sequence; None if older than read."""
        entry = self._orders.get(order_id)
        if entry is None and order_id.startswith("seq"):
            wanted = order_id.removeprefix("seq")
            found = (one for one in self._orders.values() if one.order.get("sequence") == wanted)
            entry = next(found, None)
        return entry if entry is not None and self._is_readable(entry) else None

    def _is_readable(self, entry: Entry) -> bool:
        return entry.created >= self._now() - READABLE

    def document(self, entry: Entry) -> bytes:
        """Return an order as JSON."""
        since, status = self._standing(entry, self._now()) or entry.past[0]
        if entry.order.get("status") != status:
            entry.order["status"] = status
            entry.order["lastChange"] = stamp(since, 7)
            entry.text = None
        if entry.text is None:
            entry.text = json.dumps(entry.order, ensure_ascii=False).encode()
        return entry.text

    def status(self, entry: Entry) -> str:
        """Return an order's status as it is now."""
        return (self._standing(entry, self._now()) or entry.past[0])[1]

    def _standing(self, entry: Entry, moment: datetime) -> tuple[datetime, str] | None:
        return next((one for one in reversed(entry.past) if one[0] <= moment), None)

    def listed(self, query: Mapping[str, str]) -> dict[str, Any]:
        """Answer the order list as its lagging index sees it.

        Raises:
            listing.QueryRefused: a parameter is unknown or wrong.
        """
        answer = listing.answer(list(self._indexed()), query)
        for row in answer["list"]:
            # An id may have been changed by hand, to see what comes of it.
            if entry := self._orders.get(row["orderId"]):
                entry.listed_at = entry.listed_at or self._now()
        return answer

    def _indexed(self) -> Iterator[listing.Indexed]:
        moment = self._now() - timedelta(seconds=self.config.index_lag)
        for entry in self._orders.values():
            standing = self._standing(entry, min(moment, entry.indexed_until or moment))
            if standing is not None and self._is_readable(entry):
                yield listing.Indexed(entry.order, standing[1], entry.created)

    def freeze_index(self, order_ids: Iterable[str], *, frozen: bool) -> None:
        """Let the list show some orders as they are now, whatever becomes of them; or no more.

        VTEX's list is known to lag for good on single orders, until its support indexes them anew.

        Raises:
            ValueError: no order of this id.
        """
        entries = []
        for one in order_ids:
            if (entry := self._orders.get(one)) is None:
                raise ValueError(f"order: {one!r} is none of this store")
            entries.append(entry)
        for entry in entries:
            entry.indexed_until = self._now() if frozen else None

    def entries(self) -> list[Entry]:
        """Return all orders."""
        return list(self._orders.values())

    def shown(self) -> dict[str, Any]:
        """Return what a test or a person wants to know."""
        orders = {
            order_id: {"status": self.status(entry), **entry.calls}
            for order_id, entry in self._orders.items()
        }
        statuses = Counter(one["status"] for one in orders.values())
        return {"orders": orders, "statuses": statuses, "calls": self.calls}

    def counted(self) -> dict[str, int]:
        """Return how many calls there were, and how many orders handling was started for.

        Without the orders: cheap enough to ask often.
        """
        refused = self.calls["429"]
        return {
            "answered": self.calls.total() - 2 * refused,
            "refused": refused,
            "handled": self._handled,
        }

    def times(self) -> dict[str, list[float | None]]:
        """Return when each order was first in an answer of the list, and when handling began.

        In seconds since 1970, null for what has not been.
        """
        return {
            order_id: [_seconds(entry.listed_at), _seconds(entry.handled_at)]
            for order_id, entry in self._orders.items()
        }

    # --- who may call -------------------------------------------------------------------------

    def admits(self, app_key: str | None, token: str | None) -> bool:
        """Say whether key and token are right; several tokens may be valid at a time."""
        return app_key == self.config.app_key and token in self.tokens

    def permits(self, permission: str) -> bool:
        """Say whether the key has a permission."""
        full = FULL_ACCESS in self.permissions and permission in ("List Orders", "View order")
        feed = FEED_ADMIN in self.permissions and permission.startswith("Feed v3")
        return full or feed or permission in self.permissions


def _seconds(moment: datetime | None) -> float | None:
    return None if moment is None else moment.timestamp()


def _set(order: dict[str, Any], path: str, value: Any) -> None:
    *way, last = path.split(".")
    target: Any = order
    try:
        for step in way:
            target = target[int(step) if isinstance(target, list) else step]
        target[int(last) if isinstance(target, list) else last] = value
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise ValueError(f"{path}: the order has no such field") from error
