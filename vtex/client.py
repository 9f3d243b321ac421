"""One method an endpoint, in our words."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

from vtex import schemas
from vtex.documents import NOT_IN_GATEWAY, FeedBatch, FeedConfig, ListedOrder, OrderPage, together
from vtex.errors import (
    FeedMissing,
    OrderNotFound,
    RateLimitReached,
    VtexError,
    VtexRejected,
    VtexUnauthorized,
    VtexUnavailable,
)
from vtex.statuses import READY
from vtex.transport.rate_limit import Priority
from vtex.transport.transport import Transport

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

SHORTEST_WINDOW = timedelta(milliseconds=1)
"""VTEX tells moments of a filter apart to the millisecond."""

Window = tuple[datetime | None, datetime | None]
"""From when to when orders were created."""


@dataclass(frozen=True, slots=True)
class OrderWindow:
    """A part of what was created in a range of dates.

    Attributes:
        unreadable: what is wrong with rows that name no order.
        total: how many orders VTEX counts in the whole range.
        through: all that was created until then has been read; None while a window is read.
    """

    orders: tuple[ListedOrder, ...]
    unreadable: tuple[str, ...]
    total: int
    through: datetime | None = None


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

    def __init__(self, transport: Transport, wait: Callable[[float], None] | None = None) -> None:
        self._transport = transport
        self._wait = wait

    def with_priority(
        self, priority: Priority, *, wait: Callable[[float], None] | None = None
    ) -> VtexClient:
        """Return the same client, its calls of another priority; unasked they are a person's.

        Args:
            wait: called with seconds where the list is to be read in the end, however little of
                the rate limit is left for it; without it ``RateLimitReached`` is raised.
        """
        return VtexClient(self._transport.with_priority(priority), wait)

    def with_guard(self, hold: Callable[[], None]) -> VtexClient:
        """Return the same client, which asks ``hold`` right before each call that changes an order.

        Between our look and our sending a worker may stand still for so long that another has
        taken over and sent: VTEX takes an invoice twice.

        Args:
            hold: raises where the caller no longer owns what it is about to do.
        """
        return VtexClient(self._transport.with_guard(hold), self._wait)

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
        for part, first in self._windows(status, window, self._page(status, window, 1)):
            yield from self._pages(status, part, first)

    def created(
        self, start: datetime, end: datetime, *, status: str | None = None
    ) -> Iterator[OrderWindow]:
        """Yield the orders created from ``start`` to ``end``, each once, the oldest window first.

        Halved as in ``list_orders``. Two windows share the moment between them, since VTEX's own
        times are finer than its filter's; an order of that moment comes once all the same.

        Source: ``GET /api/oms/pvt/orders``.

        Args:
            status: only orders of this status; None for all, whatever became of them.

        Raises:
            VtexUnavailable: more orders than VTEX shows fall into one millisecond.
        """
        window = (start, end)
        first = self._page(status, window, 1)
        known: set[str] = set()
        for through, page in self._created(status, window, first):
            orders = tuple({o.order_id: o for o in page.orders if o.order_id not in known}.values())
            known |= {one.order_id for one in orders}
            yield OrderWindow(orders, page.unreadable, first.total, through)

    def search(self, text: str) -> OrderPage:
        """Return the newest orders of which VTEX's list finds a text in their ids.

        Source: ``GET /api/oms/pvt/orders``, ``q``.
        """
        query = {"q": text, "orderBy": "creationDate,desc", "page": "1", "per_page": str(PAGE_ROWS)}
        return schemas.read_page(self._transport.get("/api/oms/pvt/orders", query))

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
        return together({"transaction": transaction, "payments": payments})

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

    def deny_cancellation(self, order_id: str, body: Mapping[str, Any]) -> None:
        """Deny a request to cancel an order, which goes on as before it, some seconds later.

        Source: ``POST /api/orders/pvt/document/{orderId}/deny-cancellation-request``.

        Raises:
            VtexRejected: there is no such request, or the status is another.
            VtexUnavailable: in doubt: VTEX may have done it.
        """
        path = f"/api/orders/pvt/document/{_name(order_id)}/deny-cancellation-request"
        self._transport.send("POST", path, body)

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

    def _windows(
        self, status: str | None, window: Window | None, first: OrderPage
    ) -> Iterator[tuple[Window | None, OrderPage]]:
        """Yield windows that fit what VTEX shows of one filter, each with its first page."""
        start, end = window or (None, None)
        end = _whole(end or datetime.now(UTC), up=True)
        start = _whole(start or end - READABLE)
        if first.total <= REACHABLE or end - start <= SHORTEST_WINDOW:
            yield window, first
            return
        middle = _whole(start + (end - start) / 2)
        halves = [(one, self._page(status, one, 1)) for one in ((start, middle), (middle, end))]
        if sum(page.total for _, page in halves) > first.total + REACHABLE:
            # Each half as large as the whole: halved on, that would be millions of windows.
            raise VtexUnavailable("VTEX's order list ignores the window of creation dates")
        for half, page in halves:
            yield from self._windows(status, half, page)

    def _created(
        self, status: str | None, window: Window, first: OrderPage
    ) -> Iterator[tuple[datetime | None, OrderPage]]:
        """Yield pages; the last one of a window with the window's end."""
        for one, page in self._windows(status, window, first):
            if page.total > REACHABLE:
                raise VtexUnavailable("VTEX's order list shows more orders of one moment than fit")
            part, last = one or window, page
            for last in self._read(status, part, page):
                yield None, last
            if last.total > REACHABLE:
                # It grew while it was read.
                yield from self._created(status, part, self._page(status, part, 1))
            else:
                yield part[1], replace(last, orders=(), unreadable=())

    def _read(self, status: str | None, window: Window, first: OrderPage) -> Iterator[OrderPage]:
        """Yield a window's pages until as many orders were seen as VTEX counts.

        What comes into the list meanwhile pushes later orders on, what leaves it draws them
        forward. All orders only come, those of one status mostly go: read from the first page
        or from the last one, none is passed over; where the count says otherwise, all is read
        again.
        """
        seen: set[str] = set()
        unreadable, before, page = 0, -1, first
        while before < len(seen):
            before, unreadable = len(seen), 0
            pages = self._pages(status, window, page) if status else self._on(window, page)
            for page in pages:
                seen |= {one.order_id for one in page.orders}
                unreadable += len(page.unreadable)
                yield page
            if len(seen) + unreadable >= page.total or page.total > REACHABLE:
                return
            page = self._page(status, window, 1)

    def _on(self, window: Window, page: OrderPage) -> Iterator[OrderPage]:
        """Yield the pages of all orders of a window, from the first on."""
        yield page
        number = 1
        while number < min(page.pages, LAST_PAGE):
            number += 1
            page = self._page(None, window, number)
            yield page

    def _pages(self, status: str, window: Window | None, first: OrderPage) -> Iterator[OrderPage]:
        yield first
        last = min(first.pages, LAST_PAGE)
        for number in range(last, 1, -1):
            yield self._page(status, window, number)
        if last > 1:
            yield self._page(status, window, 1)

    def _page(self, status: str | None, window: Window | None, number: int) -> OrderPage:
        query = {"f_status": status} if status else {}
        query |= {
            "orderBy": "creationDate,asc",
            "page": str(number),
            "per_page": str(PAGE_ROWS),
        }
        if window is not None:
            end = window[1] or datetime.now(UTC)
            start = window[0] or end - READABLE
            query["f_creationDate"] = (
                f"creationDate:[{_stamp(start)} TO {_stamp(_whole(end, up=True))}]"
            )
        while True:
            try:
                return schemas.read_page(self._transport.get("/api/oms/pvt/orders", query))
            except RateLimitReached as spent:
                if self._wait is None:
                    raise
                self._wait(spent.seconds)


def _order_path(order_id: str) -> str:
    return f"/api/oms/pvt/orders/{_name(order_id)}"


def _name(order_id: str) -> str:
    if order_id in (".", ".."):
        raise OrderNotFound(f"{order_id!r} is no order's id, and names another path")
    return quote(order_id, safe="")


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


def _whole(moment: datetime, *, up: bool = False) -> datetime:
    """Return a moment to the millisecond, the one before or after it."""
    rest = timedelta(microseconds=moment.microsecond % 1000)
    return moment + (SHORTEST_WINDOW - rest) if up and rest else moment - rest


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
