"""The client of one VTEX account: one method per endpoint, documents in and out."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

from foundation.messages import checks
from foundation.messages import vtex as messages
from vtex import schemas
from vtex.documents import NOT_IN_GATEWAY, FeedBatch, FeedConfig, ListedOrder, OrderPage, together
from vtex.errors import (
    FeedMissing,
    OrderConflict,
    OrderNotFound,
    RateLimitReached,
    VtexError,
    VtexRejected,
    VtexUnauthorized,
    VtexUnavailable,
)
from vtex.schemas import order_modifications
from vtex.statuses import READY
from vtex.transport.rate_limit import Priority
from vtex.transport.transport import Transport

PAGE_ROWS = 100
LAST_PAGE = 30
REACHABLE = PAGE_ROWS * LAST_PAGE
"""Orders that one filter can reach. VTEX serves 30 pages of a list at most."""

READABLE = timedelta(days=730)
"""VTEX serves orders of the last two years."""

_NO_TRACKING = {"trackingNumber": "0", "trackingUrl": None, "courier": None, "dispatchedDate": None}

FEED = "/api/orders/feed"
FEED_CONFIG = f"{FEED}/config"
MAX_EVENTS = 10
"""Events in one response, at most."""

SHORTEST_WINDOW = timedelta(milliseconds=1)
"""A filter's dates have millisecond precision."""

Window = tuple[datetime | None, datetime | None]
"""The creation dates of a range of orders: from, to."""


@dataclass(frozen=True, slots=True)
class OrderWindow:
    """Orders created in one part of a range of dates.

    Attributes:
        unreadable: the fault of each row without an order id.
        total: number of orders that VTEX counts in the whole range.
        through: every order created until then has been read. ``None`` within a window.
    """

    orders: tuple[ListedOrder, ...]
    unreadable: tuple[str, ...]
    total: int
    through: datetime | None = None


@dataclass(frozen=True, slots=True)
class Permission:
    """One permission that the workers need, and whether the key has it.

    Attributes:
        ok: ``None`` where the probe failed.
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
        """Return the same client with another priority. The default is that of a person's calls.

        Args:
            wait: called with the seconds until the rate limit grants the next page of the list.
                Without it, ``RateLimitReached`` is raised.
        """
        return VtexClient(self._transport.with_priority(priority), wait)

    def with_guard(self, hold: Callable[[], None]) -> VtexClient:
        """Return the same client, which calls ``hold`` right before each call that writes.

        A worker may freeze between its check and its call, and lose its job meanwhile. VTEX
        would then accept the same invoice from both workers.

        Args:
            hold: raises if the caller has lost its job.
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

        If more than 3,000 orders match, the window of creation dates is halved until they fit.
        An order that leaves the status moves all later ones forward. Pages are therefore read
        from the last to the first: an order may come twice, and each comes at least once.

        Source: ``GET /api/oms/pvt/orders``.
        """
        window = (created_from, created_to) if created_from or created_to else None
        for part, first in self._windows(status, window, self._page(status, window, 1)):
            yield from self._pages(status, part, first)

    def created(
        self, start: datetime, end: datetime, *, status: str | None = None
    ) -> Iterator[OrderWindow]:
        """Yield the orders created from ``start`` to ``end``, each once, the oldest window first.

        Windows are halved as in ``list_orders``. Two windows share the moment between them,
        since VTEX stores times more finely than its filter. An order of that moment comes once.

        Source: ``GET /api/oms/pvt/orders``.

        Args:
            status: only orders of this status. ``None`` returns orders of every status.

        Raises:
            VtexUnavailable: more orders than VTEX shows fall into one millisecond.
        """
        window = (start, end)
        first = self._page(status, window, 1)
        known: set[str] = set()
        for through, page in self._created(status, window, first):
            orders = _unknown(page.orders, known, end)
            known |= {order.order_id for order in orders}
            yield OrderWindow(orders, page.unreadable, first.total, through)

    def search(self, text: str) -> OrderPage:
        """Return the newest orders that VTEX's list finds for a text, such as a part of an id.

        Source: ``GET /api/oms/pvt/orders``, ``q``.
        """
        query = {"q": text, "orderBy": "creationDate,desc", "page": "1", "per_page": str(PAGE_ROWS)}
        return schemas.read_page(self._transport.get("/api/oms/pvt/orders", query))

    def order(self, order_id: str) -> dict[str, Any]:
        """Return an order's whole document.

        Source: ``GET /api/oms/pvt/orders/{orderId}``.

        Raises:
            OrderNotFound: VTEX does not know it in this account.
            VtexUnavailable: VTEX did not answer, or the answer is not an order.
        """
        path = _order_path(order_id)
        return _object(self._transport.get(path), path)

    def transaction(self, transaction_id: str) -> dict[str, Any]:
        """Return ``{"transaction": {…}, "payments": […]}``, as the payments gateway has them.

        Source: ``GET /api/pvt/transactions/{transactionId}`` and its ``/payments``.

        Raises:
            ValueError: the gateway does not have such an id.
        """
        if not transaction_id or transaction_id in NOT_IN_GATEWAY:
            raise ValueError(f"{transaction_id!r} is no transaction of the gateway")
        path = f"/api/pvt/transactions/{quote(transaction_id, safe='')}"
        transaction = _object(self._transport.get(path, pay=True), path)
        payments = self._transport.get(f"{path}/payments", pay=True)
        return together({"transaction": transaction, "payments": payments})

    def start_handling(self, order_id: str) -> None:
        """Start handling at VTEX. The status changes some seconds later.

        Source: ``POST /api/oms/pvt/orders/{orderId}/start-handling``, answered with 204.

        Raises:
            OrderConflict: the order is not ready for handling (any more).
            VtexUnavailable: the effect is in doubt.
        """
        path = f"{_order_path(order_id)}/start-handling"
        status = self._transport.post(path)
        if status != 204:
            raise VtexUnavailable(
                messages.OTHER_STATUS(status=status, method="POST", path=path),
                method="POST",
                path=path,
                status=status,
            )

    def send_invoice(self, order_id: str, body: Mapping[str, Any]) -> str | None:
        """Send an invoice. Return VTEX's receipt, if it gave one.

        Source: ``POST /api/oms/pvt/orders/{orderId}/invoice``. The same number sent again
        replaces the former invoice.

        Raises:
            VtexRejected: VTEX refuses it, with its own words.
            VtexUnavailable: the effect is in doubt.
        """
        return self._sent("POST", f"{_order_path(order_id)}/invoice", body)

    def set_tracking(self, order_id: str, number: str, body: Mapping[str, Any]) -> str | None:
        """Set the tracking of an invoice. Return VTEX's receipt.

        Source: ``PATCH /api/oms/pvt/orders/{orderId}/invoice/{invoiceNumber}``.
        """
        path = f"{_order_path(order_id)}/invoice/{quote(number, safe='')}"
        return self._sent("PATCH", path, body)

    def add_events(self, order_id: str, number: str, body: Mapping[str, Any]) -> str | None:
        """Add tracking events to an invoice. Return VTEX's receipt.

        Source: ``PUT /api/oms/pvt/orders/{orderId}/invoice/{invoiceNumber}/tracking``.
        """
        path = f"{_order_path(order_id)}/invoice/{quote(number, safe='')}/tracking"
        return self._sent("PUT", path, body)

    def cancel(self, order_id: str, body: Mapping[str, Any]) -> str | None:
        """Request the cancellation of an order, which VTEX decides later. Return the receipt.

        Source: ``POST /api/oms/pvt/orders/{orderId}/cancel``.
        """
        return self._sent("POST", f"{_order_path(order_id)}/cancel", body)

    def deny_cancellation(self, order_id: str, body: Mapping[str, Any]) -> None:
        """Deny a cancellation request. Some seconds later the order continues as before.

        Source: ``POST /api/orders/pvt/document/{orderId}/deny-cancellation-request``.

        Raises:
            VtexRejected: the request does not exist, or the status does not allow a denial.
            VtexUnavailable: the effect is in doubt.
        """
        path = f"/api/orders/pvt/document/{_name(order_id)}/deny-cancellation-request"
        self._transport.send("POST", path, body)

    def change_under_way(self, order_id: str) -> bool:
        """Return whether a change of the order's items is unfinished. False if it is unknown.

        Source: ``GET /api/order-system/orders/{orderId}/changes`` (``order_modifications``).
        """
        path = f"/api/order-system/orders/{_name(order_id)}/changes"
        return order_modifications.under_way(path, self._modifications)

    def feed(self) -> FeedBatch:
        """Return up to ten events. The feed hides them for a while, then repeats them uncommitted.

        Source: ``GET /api/orders/feed``.

        Raises:
            FeedMissing: this key does not have a feed.
            DocumentInvalid: the answer is not a list of events.
        """
        return schemas.read_feed(self._of_feed("GET", FEED, {"maxlot": str(MAX_EVENTS)}))

    def commit_feed(self, handles: Sequence[str]) -> None:
        """Delete events from the feed. VTEX ignores a handle that it does not know.

        Source: ``POST /api/orders/feed``.
        """
        for start in range(0, len(handles), MAX_EVENTS):
            batch = list(handles[start : start + MAX_EVENTS])
            self._of_feed("POST", FEED, {"handles": batch})

    def feed_config(self) -> FeedConfig | None:
        """Return the configuration of this key's feed, or ``None`` without a feed.

        Source: ``GET /api/orders/feed/config``.
        """
        try:
            raw = self._of_feed("GET", FEED_CONFIG)
        except FeedMissing:
            return None
        # VTEX does not publish its answer for a key without a feed.
        return schemas.read_feed_config(raw) if raw else None

    def configure_feed(self, config: FeedConfig) -> None:
        """Create or change this key's feed. Its queued events stay.

        Source: ``POST /api/orders/feed/config``. VTEX accepts any status, also a misspelt one.
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
        """Delete this key's feed with its queued events. It may be gone already.

        Source: ``DELETE /api/orders/feed/config``.
        """
        with suppress(FeedMissing):
            self._of_feed("DELETE", FEED_CONFIG)

    def _of_feed(self, method: str, path: str, values: Mapping[str, Any] | None = None) -> Any:
        try:
            if method == "GET":
                return self._transport.get(path, values)
            return self._transport.send(method, path, values)
        except (OrderNotFound, VtexUnavailable) as error:
            if method != "GET" and error.status == 200:
                # The body does not matter: the next reading of the feed shows the result.
                return None
            # The body is ignored. A proxy's error page is harmless here: the feed is then
            # configured again with the same values.
            if error.status != 404:
                raise
            raise FeedMissing(
                messages.NO_FEED(method=method, path=path), method=method, path=path, status=404
            ) from error

    def _modifications(self, path: str) -> list[order_modifications.Row]:
        """Return changes. Without access to this route there are none to see."""
        with suppress(OrderNotFound, OrderConflict, VtexUnauthorized, VtexRejected):
            if (rows := order_modifications.read(self._transport.get(path))) is None:
                text = messages.OTHER_FORM(method="GET", path=path, form="a list of changes")
                raise VtexUnavailable(text, method="GET", path=path)
            return rows
        return []

    def _sent(self, method: str, path: str, body: Mapping[str, Any]) -> str | None:
        answer = self._transport.send(method, path, body)
        return None if answer is None else schemas.read_receipt(answer)

    def probe(self) -> list[Permission]:
        """Find out which permissions the key has, without an effect.

        For an unknown order id VTEX answers 404 if the call is allowed, and 403 if it is not.
        """
        unknown = "permission-probe-00"
        return [
            _permission("List Orders", lambda: self._page(READY, None, 1)),
            _permission("View order", lambda: self.order(unknown)),
            _permission("Change order workflow status", lambda: self.start_handling(unknown)),
            _permission("View Payment Data", lambda: self.transaction(unknown)),
            _permission("Notify invoice", lambda: self.set_tracking(unknown, "0", _NO_TRACKING)),
            _permission("Cancel order", lambda: self.cancel(unknown, {"reason": "probe"})),
        ]

    def _windows(
        self, status: str | None, window: Window | None, first: OrderPage
    ) -> Iterator[tuple[Window | None, OrderPage]]:
        """Yield windows of at most ``REACHABLE`` orders, each with its first page."""
        start, end = window or (None, None)
        end = _whole(end or datetime.now(UTC), up=True)
        start = _whole(start or end - READABLE)
        if first.total <= REACHABLE or end - start <= SHORTEST_WINDOW:
            yield window, first
            return
        middle = _whole(start + (end - start) / 2)
        halves = [(half, self._page(status, half, 1)) for half in ((start, middle), (middle, end))]
        if sum(page.total for _, page in halves) > first.total + REACHABLE:
            # Each half is as large as the whole. Halving on would make millions of windows.
            raise VtexUnavailable(messages.WINDOW_IGNORED())
        for half, page in halves:
            yield from self._windows(status, half, page)

    def _created(
        self, status: str | None, window: Window, first: OrderPage
    ) -> Iterator[tuple[datetime | None, OrderPage]]:
        """Yield pages. The last one of a window comes with the window's end."""
        for narrowed, page in self._windows(status, window, first):
            if page.total > REACHABLE:
                raise VtexUnavailable(messages.WINDOW_TOO_FULL())
            part, last = narrowed or window, page
            for last in self._read(status, part, page):
                yield None, last
            if last.total > REACHABLE:
                # The window grew while it was read.
                yield from self._created(status, part, self._page(status, part, 1))
            else:
                yield part[1], replace(last, orders=(), unreadable=())

    def _read(self, status: str | None, window: Window, first: OrderPage) -> Iterator[OrderPage]:
        """Yield a window's pages until as many orders were seen as VTEX counts.

        New orders push later ones back. Orders that leave the list move them forward. Without a
        status filter orders only come, so pages are read from the first one. With a filter they
        mostly leave, so pages are read from the last one. If the count still differs, the window
        is read again.
        """
        seen: set[str] = set()
        unreadable, before, page = 0, -1, first
        while before < len(seen):
            before, unreadable = len(seen), 0
            pages = (
                self._pages(status, window, page)
                if status
                else self._pages_of_every_status(window, page)
            )
            for page in pages:
                seen |= {order.order_id for order in page.orders}
                unreadable += len(page.unreadable)
                yield page
            if len(seen) + unreadable >= page.total or page.total > REACHABLE:
                return
            page = self._page(status, window, 1)

    def _pages_of_every_status(self, window: Window, page: OrderPage) -> Iterator[OrderPage]:
        """Yield the pages of a window's orders of every status, from the first one on."""
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
        query |= {"orderBy": "creationDate,asc", "page": str(number), "per_page": str(PAGE_ROWS)}
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
        raise OrderNotFound(messages.NOT_AN_ORDER_ID(order_id=order_id))
    return quote(order_id, safe="")


def _permission(name: str, call: Any) -> Permission:
    try:
        with suppress(OrderNotFound):
            call()
    except VtexUnauthorized as error:
        wrong = checks.CREDENTIALS_WRONG if error.status == 401 else checks.PERMISSION_MISSING
        return Permission(name, False, wrong(permission=name, error=error))
    except VtexError as error:
        return Permission(name, None, str(error))
    return Permission(name, True, "granted")


def _unknown(
    orders: Iterable[ListedOrder], known: Collection[str], end: datetime
) -> tuple[ListedOrder, ...]:
    # VTEX's filter is coarser than its times: a page may hold orders after the end.
    rows = {row.order_id: row for row in orders if row.created_at is None or row.created_at <= end}
    return tuple(row for order_id, row in rows.items() if order_id not in known)


def _whole(moment: datetime, *, up: bool = False) -> datetime:
    """Round a moment down, or up, to the millisecond."""
    rest = timedelta(microseconds=moment.microsecond % 1000)
    return moment + (SHORTEST_WINDOW - rest) if up and rest else moment - rest


def _stamp(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03}Z"


def _object(raw: Any, path: str) -> dict[str, Any]:
    if not isinstance(raw, dict):
        text = messages.OTHER_FORM(method="GET", path=path, form="an object")
        raise VtexUnavailable(text, method="GET", path=path)
    return raw
