"""One method an endpoint, in our words."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

from vtex import schemas
from vtex.budget import Rank
from vtex.documents import NOT_IN_GATEWAY, FeedBatch, FeedConfig, OrderPage
from vtex.errors import (
    FeedMissing,
    OrderNotFound,
    VtexError,
    VtexRejected,
    VtexUnauthorized,
    VtexUnavailable,
)
from vtex.statuses import READY
from vtex.transport import Transport

PAGE_ROWS = 100
LAST_PAGE = 30
REACHABLE = PAGE_ROWS * LAST_PAGE
"""Orders that one filter can reach; beyond, VTEX serves no page."""

READABLE = timedelta(days=730)
"""VTEX reads no order older than two years."""

_NO_TRACKING = {
    "trackingNumber": "0", "trackingUrl": None, "courier": None, "dispatchedDate": None,
}  # fmt: skip

FEED = "/api/orders/feed"
FEED_CONFIG = f"{FEED}/config"
MOST_EVENTS = 10
"""Events of one answer, at most."""

SHORTEST_WINDOW = timedelta(seconds=1)

Window = tuple[datetime | None, datetime | None]
"""From when to when orders were created."""


@dataclass(frozen=True, slots=True)
class Permission:
    """Whether the key may do what the workers need.

    Attributes:
        ok: None where it could not be found out.
    """

    name: str
    ok: bool | None
    detail: str


class VtexClient:
    """The calls to one account. Safe across threads."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def ranked(self, rank: Rank) -> VtexClient:
        """Return the same client, its calls of another rank; unasked they are a person's."""
        return VtexClient(self._transport.ranked(rank))

    def holding(self, hold: Callable[[], None]) -> VtexClient:
        """Return the same client, which asks ``hold`` right before each call that changes an order.

        Between our look and our sending a worker may stand still for so long that another has
        taken over and sent: VTEX takes an invoice twice.

        Args:
            hold: raises where the caller no longer owns what it is about to do.
        """
        return VtexClient(self._transport.holding(hold))

    def list_orders(
        self,
        *,
        status: str = READY,
        created_from: datetime | None = None,
        created_to: datetime | None = None,
    ) -> Iterator[OrderPage]:
        """Yield the pages of the order list, each with its oldest orders first.

        Where more than 3,000 orders match, the window of creation dates is halved until they
        fit. Orders that lose the status meanwhile draw all later ones forward: pages are read
        from the last to the first, so that an order may come twice and none is passed over.

        Source: ``GET /api/oms/pvt/orders``.
        """
        window = (created_from, created_to) if created_from or created_to else None
        yield from self._window(status, window, self._page(status, window, 1))

    def order(self, order_id: str) -> dict[str, Any]:
        """Return an order's whole document.

        Source: ``GET /api/oms/pvt/orders/{orderId}``.

        Raises:
            OrderNotFound: VTEX does not know it in this account.
            VtexUnavailable: no answer, or one that is not an order.
        """
        path = _order_path(order_id)
        return _object(self._transport.get(path), path)

    def transaction(self, transaction_id: str) -> dict[str, Any]:
        """Return ``{"transaction": {…}, "payments": […]}``, as the payments gateway has them.

        Source: ``GET /api/pvt/transactions/{transactionId}`` and its ``/payments``.

        Raises:
            ValueError: the id names no transaction of the gateway.
        """
        if not transaction_id or transaction_id in NOT_IN_GATEWAY:
            raise ValueError(f"{transaction_id!r} is no transaction of the gateway")
        path = f"/api/pvt/transactions/{quote(transaction_id, safe='')}"
        transaction = _object(self._transport.get(path, pay=True), path)
        payments = self._transport.get(f"{path}/payments", pay=True)
        return {"transaction": transaction, "payments": payments}

    def start_handling(self, order_id: str) -> None:
        """Tell VTEX that handling has started; it takes effect some seconds later.

        Source: ``POST /api/oms/pvt/orders/{orderId}/start-handling``, answered with 204.

        Raises:
            OrderConflict: the order is not ready for handling (any more).
            VtexUnavailable: in doubt: VTEX may have done it.
        """
        path = f"{_order_path(order_id)}/start-handling"
        status = self._transport.post(path)
        if status != 204:
            raise VtexUnavailable(
                f"VTEX answered {status} instead of 204 to POST {path}",
                method="POST", path=path, status=status,
            )  # fmt: skip

    def send_invoice(self, order_id: str, body: Mapping[str, Any]) -> str | None:
        """Send an invoice; return VTEX's receipt, which may be None.

        Source: ``POST /api/oms/pvt/orders/{orderId}/invoice``. The same number sent again takes
        the place of the former.

        Raises:
            VtexRejected: VTEX refuses it, with its own words.
            VtexUnavailable: in doubt: VTEX may have it.
        """
        return self._sent("POST", f"{_order_path(order_id)}/invoice", body)

    def set_tracking(self, order_id: str, number: str, body: Mapping[str, Any]) -> str | None:
        """Set the tracking of an invoice; return VTEX's receipt.

        Source: ``PATCH /api/oms/pvt/orders/{orderId}/invoice/{invoiceNumber}``.
        """
        path = f"{_order_path(order_id)}/invoice/{quote(number, safe='')}"
        return self._sent("PATCH", path, body)

    def add_events(self, order_id: str, number: str, body: Mapping[str, Any]) -> str | None:
        """Add tracking events to an invoice; return VTEX's receipt.

        Source: ``PUT /api/oms/pvt/orders/{orderId}/invoice/{invoiceNumber}/tracking``.
        """
        path = f"{_order_path(order_id)}/invoice/{quote(number, safe='')}/tracking"
        return self._sent("PUT", path, body)

    def cancel(self, order_id: str, body: Mapping[str, Any]) -> str | None:
        """Ask for an order's cancellation, which comes later, if at all; return the receipt.

        Source: ``POST /api/oms/pvt/orders/{orderId}/cancel``.
        """
        return self._sent("POST", f"{_order_path(order_id)}/cancel", body)

    def change_under_way(self, order_id: str) -> bool:
        """Say whether a change of the order's items is unfinished.

        Source: ``GET /api/order-system/orders/{orderId}/changes``; an account or a key without
        that route has no change that we could see.
        """
        path = f"/api/order-system/orders/{quote(order_id, safe='')}/changes"
        try:
            raw = self._transport.get(path)
        except (OrderNotFound, VtexUnauthorized, VtexRejected):
            return False
        rows = raw.get("list", [raw]) if isinstance(raw, dict) else raw
        if rows is not None and not isinstance(rows, list):
            raise VtexUnavailable(f"VTEX answered GET {path} with no list of changes",
                                  method="GET", path=path)  # fmt: skip
        return any(isinstance(one, dict) and one.get("finished") is False for one in rows or ())

    def feed(self) -> FeedBatch:
        """Return up to ten events; they are hidden for a while then, and come again uncommitted.

        Source: ``GET /api/orders/feed``.

        Raises:
            FeedMissing: this key has no feed.
            DocumentInvalid: the answer is no list of events.
        """
        return schemas.read_feed(self._of_feed("GET", FEED, {"maxlot": str(MOST_EVENTS)}))

    def commit_feed(self, handles: Sequence[str]) -> None:
        """Drop events for good; a handle that VTEX does not know (any more) has no effect.

        Source: ``POST /api/orders/feed``.
        """
        for start in range(0, len(handles), MOST_EVENTS):
            some = list(handles[start : start + MOST_EVENTS])
            self._of_feed("POST", FEED, {"handles": some})

    def feed_config(self) -> FeedConfig | None:
        """Return the configuration of this key's feed; None where it has none.

        Source: ``GET /api/orders/feed/config``.
        """
        try:
            raw = self._of_feed("GET", FEED_CONFIG)
        except FeedMissing:
            return None
        # What VTEX answers where there is none is not published.
        return schemas.read_feed_config(raw) if raw else None

    def configure_feed(self, config: FeedConfig) -> None:
        """Set this key's feed up, or change it; what is queued stays.

        Source: ``POST /api/orders/feed/config``. VTEX takes any status, also one that is misspelt.
        """
        body = {
            "filter": {"type": "FromWorkflow", "status": list(config.statuses or ())},
            "queue": {
                "visibilityTimeoutInSeconds": config.hidden_seconds,
                "MessageRetentionPeriodInSeconds": config.kept_seconds,
            },
        }
        self._of_feed("POST", FEED_CONFIG, body)

    def remove_feed(self) -> None:
        """Drop this key's feed, with what is queued; it may be gone already.

        Source: ``DELETE /api/orders/feed/config``.
        """
        with suppress(FeedMissing):
            self._of_feed("DELETE", FEED_CONFIG)

    def _of_feed(self, method: str, path: str, what: Mapping[str, Any] | None = None) -> Any:
        try:
            if method == "GET":
                return self._transport.get(path, what)
            return self._transport.send(method, path, what)
        except (OrderNotFound, VtexUnavailable) as error:
            if method != "GET" and error.status == 200:
                # Whatever its words are: what was not done shows when the feed is read again.
                return None
            # Also without a body; a proxy's page under that status does no harm here: the feed
            # is then configured as it is.
            if error.status != 404:
                raise
            raise FeedMissing(
                f"VTEX has no feed of this key ({method} {path} answered 404)",
                method=method, path=path, status=404,
            ) from error  # fmt: skip

    def _sent(self, method: str, path: str, body: Mapping[str, Any]) -> str | None:
        answer = self._transport.send(method, path, body)
        return None if answer is None else schemas.read_receipt(answer)

    def probe(self) -> list[Permission]:
        """Find out which permissions the key has, without changing anything.

        An id that no order has answers 404 where the call is allowed, 403 where it is not.
        """
        nobody = "permission-probe-00"
        return [
            _permission("List Orders", lambda: self._page(READY, None, 1)),
            _permission("View order", lambda: self.order(nobody)),
            _permission("Change order workflow status", lambda: self.start_handling(nobody)),
            _permission("View Payment Data", lambda: self.transaction(nobody)),
            _permission("Notify invoice", lambda: self.set_tracking(nobody, "0", _NO_TRACKING)),
            _permission("Cancel order", lambda: self.cancel(nobody, {"reason": "probe"})),
        ]

    def _window(self, status: str, window: Window | None, first: OrderPage) -> Iterator[OrderPage]:
        start, end = window or (None, None)
        end = end or datetime.now(UTC)
        start = start or end - READABLE
        if first.total <= REACHABLE or end - start <= SHORTEST_WINDOW:
            yield from self._pages(status, window, first)
            return
        middle = start + (end - start) / 2
        halves = [(one, self._page(status, one, 1)) for one in ((start, middle), (middle, end))]
        if sum(page.total for _, page in halves) > first.total + REACHABLE:
            # Each half as large as the whole: halved on, that would be millions of windows.
            raise VtexUnavailable("VTEX's order list ignores the window of creation dates")
        for half, page in halves:
            yield from self._window(status, half, page)

    def _pages(self, status: str, window: Window | None, first: OrderPage) -> Iterator[OrderPage]:
        yield first
        last = min(first.pages, LAST_PAGE)
        for number in range(last, 1, -1):
            yield self._page(status, window, number)
        if last > 1:
            yield self._page(status, window, 1)

    def _page(self, status: str, window: Window | None, number: int) -> OrderPage:
        query = {
            "f_status": status,
            "orderBy": "creationDate,asc",
            "page": str(number),
            "per_page": str(PAGE_ROWS),
        }
        if window is not None:
            end = window[1] or datetime.now(UTC)
            start = window[0] or end - READABLE
            query["f_creationDate"] = f"creationDate:[{_stamp(start)} TO {_stamp(end)}]"
        return schemas.read_page(self._transport.get("/api/oms/pvt/orders", query))


def _order_path(order_id: str) -> str:
    if order_id in (".", ".."):
        raise OrderNotFound(f"{order_id!r} is no order's id, and names another path")
    return f"/api/oms/pvt/orders/{quote(order_id, safe='')}"


def _permission(name: str, call: Any) -> Permission:
    try:
        call()
    except OrderNotFound:
        return Permission(name, True, "granted")
    except VtexUnauthorized as error:
        word = "the key or token is wrong" if error.status == 401 else f"grant {name!r} to the key"
        return Permission(name, False, f"{word} ({error})")
    except VtexError as error:
        return Permission(name, None, str(error))
    return Permission(name, True, "granted")


def _stamp(moment: datetime) -> str:
    return (
        moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03}Z"
    )


def _object(raw: Any, path: str) -> dict[str, Any]:
    if not isinstance(raw, dict):
        raise VtexUnavailable(
            f"VTEX answered GET {path} with JSON that is no object", method="GET", path=path
        )
    return raw
