"""The simulated store: its orders, their statuses, and what the index shows of them."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from vtex.simulator.seed import Made, Seed

PERMISSIONS = frozenset(
    {
        "List Orders", "View order", "Change order workflow status", "View Payment Data",
        "Notify invoice", "Cancel order",
    }
)  # fmt: skip
_WINDOW = re.compile(r"creationDate:\[(\S+) TO (\S+)\]")


@dataclass
class Config:
    """How a simulated store behaves.

    Attributes:
        index_lag: seconds that the order list lags behind the orders.
        handling_delay: seconds from start-handling to handling.
        quota: calls a minute; None for no limit.
        conflict_status: what start-handling answers in the wrong status; 409 or 400.
        invoice_delay: seconds from an invoice to the status that follows it.
        cancel_delay: seconds from ``cancel`` to ``canceled``.
        cancel_at_once: one request cancels an order in handling; else the second one does.
    """

    account: str = "acme"
    app_key: str = "vtexappkey-acme-SIMULA"
    app_token: str = "simulated-token"  # noqa: S105  # of a stand-in
    host: str = "127.0.0.1"
    port: int = 0
    orders: int = 0
    seed: int = 1
    index_lag: float = 240.0
    handling_delay: float = 2.0
    latency_ms: float = 0.0
    arrivals_per_minute: float = 0.0
    quota: int | None = None
    conflict_status: int = 409
    invoice_delay: float = 1.0
    cancel_delay: float = 2.0
    cancel_at_once: bool = False


@dataclass
class Entry:
    """An order with its past: (since when, status), newest last."""

    order: dict[str, Any]
    past: list[tuple[datetime, str]]
    calls: Counter[str] = field(default_factory=Counter)
    text: bytes | None = None


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
        self._now = now
        self._seed = Seed(config.account, config.seed)
        self.generate(config.orders)

    def now(self) -> datetime:
        """Return the store's time."""
        return self._now()

    def generate(
        self, count: int, status: str = "ready-for-handling", kind: str | None = None
    ) -> list[str]:
        """Let new orders come in; return their ids."""
        return [self._add(self._seed.order(self._now(), status, kind)) for _ in range(count)]

    def put(self, order: dict[str, Any], transactions: dict[str, dict[str, Any]]) -> str:
        """Take a given order as it is, replacing one of the same id."""
        return self._add(Made(order, transactions))

    def _add(self, made: Made) -> str:
        order_id: str = made.order["orderId"]
        long_ago = self._now() - timedelta(days=1)
        self._orders[order_id] = Entry(made.order, [(long_ago, str(made.order.get("status")))])
        self.transactions |= made.transactions
        return order_id

    def entry(self, order_id: str) -> Entry | None:
        """Return an order by its id, or by ``seq`` and its sequence."""
        if order_id.startswith("seq"):
            wanted = order_id.removeprefix("seq")
            found = (one for one in self._orders.values() if one.order.get("sequence") == wanted)
            return next(found, None)
        return self._orders.get(order_id)

    def document(self, entry: Entry) -> bytes:
        """Return an order as JSON."""
        if entry.order.get("status") != self.status(entry):
            entry.order["status"] = self.status(entry)
            entry.text = None
        if entry.text is None:
            entry.text = json.dumps(entry.order, ensure_ascii=False).encode()
        return entry.text

    def status(self, entry: Entry, before: datetime | None = None) -> str:
        """Return an order's status, now or as of a time."""
        moment = before or self._now()
        return next(
            (word for since, word in reversed(entry.past) if since <= moment), entry.past[0][1]
        )

    def start_handling(self, entry: Entry) -> bool:
        """Let handling start; False in the wrong status."""
        if self.status(entry) != "ready-for-handling":
            return False
        now = self._now()
        delay = timedelta(seconds=self.config.handling_delay)
        entry.past += [(now, "start-handling"), (now + delay, "handling")]
        entry.calls["start_handling_effects"] += 1
        return True

    def change(self, entry: Entry, changes: dict[str, Any]) -> None:
        """Set fields by dotted path; ``status`` takes its place in the past."""
        for path, value in changes.items():
            if path == "status":
                entry.past.append((self._now(), value))
                continue
            *way, last = path.split(".")
            target: Any = entry.order
            for step in way:
                target = target[int(step) if isinstance(target, list) else step]
            target[int(last) if isinstance(target, list) else last] = value
        entry.text = None

    def listed(self, query: dict[str, str]) -> dict[str, Any]:
        """Answer the order list as its lagging index sees it."""
        page = max(1, int(query.get("page", "1")))
        per_page = min(100, max(1, int(query.get("per_page", "15"))))
        rows = sorted(self._matching(query), key=lambda one: str(one[0].order["creationDate"]))
        if query.get("orderBy", "creationDate,desc").endswith("desc"):
            rows.reverse()
        shown = rows[(page - 1) * per_page : page * per_page]
        return {
            "list": [_row(entry.order, status) for entry, status in shown],
            "facets": [],
            "paging": {
                "total": len(rows),
                "pages": -(-len(rows) // per_page),
                "currentPage": page,
                "perPage": per_page,
            },
            "stats": {"stats": {"totalValue": _stats(len(rows)), "totalItems": _stats(len(rows))}},
        }

    def _matching(self, query: dict[str, str]) -> Iterable[tuple[Entry, str]]:
        seen = self._now() - timedelta(seconds=self.config.index_lag)
        wanted = set(filter(None, query.get("f_status", "").split(",")))
        window = _WINDOW.fullmatch(query.get("f_creationDate", ""))
        for entry in self._orders.values():
            status = self.status(entry, seen)
            created = str(entry.order["creationDate"])[:19]
            if wanted and status not in wanted:
                continue
            if window and not window[1][:19] <= created <= window[2][:19]:
                continue
            yield entry, status

    def shown(self) -> dict[str, Any]:
        """Return what a test or a person wants to know."""
        orders = {
            order_id: {"status": self.status(entry), **entry.calls}
            for order_id, entry in self._orders.items()
        }
        statuses = Counter(one["status"] for one in orders.values())
        return {"orders": orders, "statuses": statuses, "calls": self.calls}


def _row(order: dict[str, Any], status: str) -> dict[str, Any]:
    client = order.get("clientProfileData") or {}
    return {
        "orderId": order["orderId"],
        "creationDate": order["creationDate"],
        "clientName": f"{client.get('firstName')} {client.get('lastName')}",
        "items": None,
        "totalValue": float(order.get("value") or 0),
        "paymentNames": "Visa",
        "status": status,
        "statusDescription": "Pronto para o manuseio",
        "marketPlaceOrderId": order.get("marketplaceOrderId"),
        "sequence": order.get("sequence"),
        "salesChannel": order.get("salesChannel"),
        "affiliateId": order.get("affiliateId") or "",
        "origin": order.get("origin"),
        "workflowInErrorState": False,
        "workflowInRetry": False,
        "lastMessageUnread": None,
        "ShippingEstimatedDate": None,
        "ShippingEstimatedDateMax": None,
        "ShippingEstimatedDateMin": None,
        "orderIsComplete": True,
        "listId": None,
        "listType": None,
        "authorizedDate": order.get("authorizedDate"),
        "callCenterOperatorName": None,
        "totalItems": len(order.get("items") or ()),
        "currencyCode": "BRL",
    }


def _stats(count: int) -> dict[str, Any]:
    numbers = dict.fromkeys(("Max", "Mean", "Min", "Missing", "StdDev", "Sum", "SumOfSquares"), 0.0)
    return {"Count": count, **numbers, "Facets": {}}
