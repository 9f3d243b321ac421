"""The ERP port: the methods of an adapter, and the two errors of an ERP."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Protocol, runtime_checkable

from erp.order_diff import OrderDiff
from erp.sales_order import SalesOrder


class ErpError(Exception):
    """An ERP did not fulfil a call."""


class ErpUnavailable(ErpError):
    """The ERP did not give a usable answer. A write may have had its effect. Retry later."""


class ErpRejected(ErpError):
    """The ERP or the mapping refuses the order. The reason asks a person to act."""


@dataclass(frozen=True, slots=True)
class Event:
    """A change of an order at VTEX, or the outcome of a request.

    Attributes:
        kind: one of ``CHANGES``, or the kind of the request: ``invoice``, ``tracking``,
            ``cancellation``, ``denial``. Adapters store unknown kinds, too.
        key: names the event within its order. A repeated event is stored once.
        reason: reason, for people.
        outcome: the end of a request, one of ``OUTCOMES``. ``None`` for a change.
        reference: the ERP's own name of the request, as in ``Request.reference``.
        invoice_number: the ERP's spelling, if the request names an invoice.
        invoice_series: series of that invoice, if known.
        receipt: VTEX's receipt.
        order_status: the order's status at VTEX afterwards, if known.
        attempts: number of attempts.
        request_id: for ``cancel_requested``: VTEX's id of the request.
        requested_by_user: for ``cancel_requested``: true if the shopper asked, says VTEX.
        decide_by: for ``cancel_requested``: time at which VTEX cancels by itself.
        new_order_id: for ``replaced``: the new order, if known.
        order_diff: for ``changed``: the differences.
    """

    store: str
    order_id: str
    kind: str
    key: str
    at: datetime
    reason: str | None = None
    outcome: str | None = None
    reference: str | None = None
    invoice_number: str | None = None
    invoice_series: str | None = None
    receipt: str | None = None
    order_status: str | None = None
    attempts: int = 0
    request_id: str | None = None
    requested_by_user: bool | None = None
    decide_by: datetime | None = None
    new_order_id: str | None = None
    order_diff: OrderDiff | None = None

    @property
    def invoice(self) -> str:
        """The invoice for people: its number, and its series if known."""
        series = f" (series {self.invoice_series})" if self.invoice_series else ""
        return f"{self.invoice_number or ''}{series}"


CHANGES = {
    "canceled": "the order was canceled, without the ERP's doing: it must not be shipped",
    "replaced": "another order replaces it, and comes in by itself",
    "cancel_requested": "the shopper or the marketplace asks for a cancellation: accept or deny",
    "cancel_dropped": "that request is off, without the ERP's doing: the order goes on",
    "changed": "items or values are others than the ERP was given",
}
"""Changes of an order that the ERP has."""

OUTCOMES = {
    "done": "VTEX has it",
    "refused": "it cannot be done as asked; the reason says what to change",
    "dead": "it was tried and given up; a person must look",
    "obsolete": "something else made it needless, such as a cancellation",
}
"""Ends of a request."""


@dataclass(frozen=True, slots=True)
class Request:
    """A request of the ERP, as its outbox holds it.

    Attributes:
        kind: ``invoice``, ``tracking``, ``cancellation`` or ``denial``.
        reference: the ERP's name of the request, which returns in ``Event.reference``.
        fields: unchecked keyword arguments of the kind's task (docs/messages.md).
        xml: an NF-e exactly as received. It goes to the journal, past the broker.
    """

    kind: str
    reference: str
    fields: Mapping[str, Any]
    xml: bytes | None = None


@dataclass(frozen=True, slots=True)
class ErpOrder:
    """An order in the ERP.

    Attributes:
        total: its value there, with later changes. ``None`` if the adapter cannot report it.
        canceled: whether the ERP knows of its cancellation or replacement. ``None`` if the
            adapter cannot report it.
    """

    reference: str
    total: Decimal | None = None
    canceled: bool | None = None


class Erp(Protocol):
    """An ERP that accepts orders. Several threads and processes may use it at once."""

    def insert(self, order: SalesOrder) -> str:
        """Insert an order once. Return the ERP's reference.

        Idempotent by (store, order_id), under any number of racing callers. Every later caller
        gets the first one's reference.

        Raises:
            ErpUnavailable: retry. The order may have been inserted.
            ErpRejected: the ERP refuses this order as it is.
        """

    def find(self, store: str, order_id: str) -> str | None:
        """Return the ERP's reference of an order, or ``None``.

        Raises:
            ErpUnavailable: the ERP did not respond.
        """

    def report(self, event: Event) -> None:
        """Report a change or an outcome to the ERP. Idempotent by (store, order_id, key).

        Raises:
            ErpUnavailable: retry.
        """

    def poll_outbox(self, take: Callable[[Request], None], limit: int) -> int:
        """Pass the waiting requests of the outbox to ``take``, oldest first. Return their number.

        A request counts as taken once ``take`` has returned. If the process dies before that
        is stored, the request comes again, so ``take`` must accept repetition. Concurrent
        callers get different requests. An ERP without an outbox returns 0.

        Raises:
            ErpUnavailable: retry.
        """

    def migrate(self) -> None:
        """Migrate the adapter's own tables and fields in the ERP. Idempotent."""

    def check(self) -> str:
        """Return a short description of the ERP, as in ``PostgreSQL 16.2, schema 1``.

        Raises:
            ErpUnavailable: the ERP does not respond.
            ErpRejected: the ERP responds and is not ready. The message names the fix.
        """

    def close(self) -> None:
        """Close the connections. The adapter is not used again."""


@runtime_checkable
class LooksUpMany(Protocol):
    """An optional ability of an adapter: it looks up many orders at once, with more facts."""

    def look_up(self, store: str, order_ids: Sequence[str]) -> Mapping[str, ErpOrder]:
        """Return the orders that the ERP has, by id. A call names 500 ids at most.

        Raises:
            ErpUnavailable: the ERP did not respond.
        """


def erp_orders(erp: Erp, store: str, order_ids: Sequence[str]) -> Mapping[str, ErpOrder]:
    """Return the orders that an ERP has, with one call each if the adapter lacks ``look_up``.

    Raises:
        ErpUnavailable: the ERP did not respond.
    """
    if isinstance(erp, LooksUpMany):
        return erp.look_up(store, order_ids)
    references = {order_id: erp.find(store, order_id) for order_id in order_ids}
    return {
        order_id: ErpOrder(reference)
        for order_id, reference in references.items()
        if reference is not None
    }
