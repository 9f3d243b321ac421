"""The simulated store: its orders, their statuses, and its lagging index."""

import copy
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from vtex.simulator.config import Config
from vtex.simulator.feed import Feed
from vtex.simulator.listing import page
from vtex.simulator.listing.fields import Indexed
from vtex.simulator.seed import Made, Seed
from vtex.simulator.timestamps import moment_of, stamp

PERMISSIONS = frozenset(
    {
        "List Orders",
        "View order",
        "Change order workflow status",
        "View Payment Data",
        "Notify invoice",
        "Cancel order",
        "Feed v3 and Hook view only",
        "Feed v3 and Hook Admin",
        "Change order",
        "Notify payment",
    }
)
FULL_ACCESS = "Orders Full Access"
"""Stands for the permissions to list, to view and to change orders. Who has all three has it."""

_OF_FULL_ACCESS = ("List Orders", "View order", "Change order")

FEED_ADMIN = "Feed v3 and Hook Admin"
"""Stands for the permission to view the feed."""

READABLE = timedelta(days=730)
"""VTEX serves orders of the last two years."""


@dataclass
class Change:
    """A change of an order's items.

    Attributes:
        request: the change in VTEX's published form.
        status: ``done``, ``canceled``, or a status of a change that is under way.
        fails: it stays under way for ever.
    """

    request: dict[str, Any]
    status: str
    fails: bool = False

    @property
    def request_id(self) -> str:
        """The id of the change."""
        return str(self.request["requestId"])


@dataclass
class Entry:
    """An order with its past: (since when, status), newest last.

    Attributes:
        notes: what integrations added by ``interactions``.
        original: the items before every change.
        units: the units that changes have left of each item, if the document keeps all items.
    """

    order: dict[str, Any]
    past: list[tuple[datetime, str]]
    calls: Counter[str] = field(default_factory=Counter)
    listed_at: datetime | None = None
    fed: int = 0  # how much of its past the feed has seen
    handled_at: datetime | None = None
    indexed_until: datetime | None = None  # the index shows no later change, until it is refreshed
    changes: list[Change] = field(default_factory=list)
    units: list[int] | None = None
    notes: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.take(self.order)
        self.original = self.order.get("items")

    def take(self, order: dict[str, Any]) -> None:
        """Store a document, even malformed. Without a date, its arrival counts."""
        self.order = order
        self.created = moment_of(order.get("creationDate")) or self.past[0][0]
        self.text: bytes | None = None


class Store:
    """The state of the simulated account."""

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
        self.options: dict[str, Any] = {}
        # Orders from the start have long been in the index.
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
        """Add new orders. Return their ids.

        Raises:
            ValueError: the kind is unknown.
        """
        now = self._now()
        return [self._add(self._seed.order(now, status, kind), now) for _ in range(count)]

    def put(self, order: dict[str, Any], transactions: dict[str, dict[str, Any]]) -> str:
        """Store a given order as it is. It replaces one with the same id."""
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
        """Set fields by dotted path, all at once. ``status`` joins the order's history.

        Raises:
            ValueError: a path does not exist. The message names it.
        """
        order = copy.deepcopy(entry.order)
        for path, value in changes.items():
            if path != "status":
                _set(order, path, value)
        if "status" in changes:
            entry.past.append((self._now(), str(changes["status"])))
        entry.take(order)

    def move(self, entry: Entry, *steps: tuple[datetime, str]) -> None:
        """Move an order through new steps. Its planned steps are dropped."""
        now = self._now()
        entry.past = [step for step in entry.past if step[0] <= now]
        entry.past += steps
        entry.text = None

    def start_handling(self, entry: Entry) -> bool:
        """Start handling. Return false in the wrong status."""
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
        """Return an order by its id, or by ``seq`` and its sequence. Old orders give ``None``."""
        entry = self._orders.get(order_id)
        if entry is None and order_id.startswith("seq"):
            wanted = order_id.removeprefix("seq")
            orders = self._orders.values()
            entry = next((row for row in orders if row.order.get("sequence") == wanted), None)
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
        """Return an order's current status."""
        return (self._standing(entry, self._now()) or entry.past[0])[1]

    def _standing(self, entry: Entry, moment: datetime) -> tuple[datetime, str] | None:
        return next((step for step in reversed(entry.past) if step[0] <= moment), None)

    def listed(self, query: Mapping[str, str]) -> dict[str, Any]:
        """Answer the order list from the lagging index.

        Raises:
            QueryRefused: a parameter is unknown or wrong.
        """
        answer = page.answer(list(self._indexed()), query, self._now())
        for row in answer["list"]:
            # A person may have changed an id by hand.
            if entry := self._orders.get(row["orderId"]):
                entry.listed_at = entry.listed_at or self._now()
        return answer

    def _indexed(self) -> Iterator[Indexed]:
        moment = self._now() - timedelta(seconds=self.config.index_lag)
        for entry in self._orders.values():
            standing = self._standing(entry, min(moment, entry.indexed_until or moment))
            if standing is not None and self._is_readable(entry):
                yield Indexed(entry.order, standing[1], entry.created)

    def freeze_index(self, order_ids: Iterable[str], *, frozen: bool) -> None:
        """Freeze some orders in the list as they are now, or unfreeze them.

        On single orders VTEX's list may lag for good, until its support indexes them again.

        Raises:
            ValueError: an order does not exist.
        """
        entries = []
        for order_id in order_ids:
            if (entry := self._orders.get(order_id)) is None:
                raise ValueError(f"order: {order_id!r} is none of this store")
            entries.append(entry)
        for entry in entries:
            entry.indexed_until = self._now() if frozen else None

    def entries(self) -> list[Entry]:
        """Return all orders."""
        return list(self._orders.values())

    def shown(self) -> dict[str, Any]:
        """Return the state, for a test or a person."""
        orders = {
            order_id: {"status": self.status(entry), **entry.calls}
            for order_id, entry in self._orders.items()
        }
        statuses = Counter(order["status"] for order in orders.values())
        return {"orders": orders, "statuses": statuses, "calls": self.calls}

    def counted(self) -> dict[str, int]:
        """Return the number of calls and of handled orders.

        It leaves out the orders, so it is cheap enough to poll often.
        """
        refused = self.calls["429"]
        return {
            "answered": self.calls.total() - 2 * refused,
            "refused": refused,
            "handled": self._handled,
        }

    def times(self) -> dict[str, list[float | None]]:
        """Return the times at which each order was first listed and its handling started.

        In seconds since 1970, or null.
        """
        return {
            order_id: [_seconds(entry.listed_at), _seconds(entry.handled_at)]
            for order_id, entry in self._orders.items()
        }

    # --- who may call -------------------------------------------------------------------------

    def admits(self, app_key: str | None, token: str | None) -> bool:
        """Return whether key and token are right. Several tokens may be valid at a time."""
        return app_key == self.config.app_key and token in self.tokens

    def permits(self, permission: str) -> bool:
        """Return whether the key has a permission."""
        if permission == FULL_ACCESS:
            return FULL_ACCESS in self.permissions or self.permissions.issuperset(_OF_FULL_ACCESS)
        full = FULL_ACCESS in self.permissions and permission in _OF_FULL_ACCESS
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
