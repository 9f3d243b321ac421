"""The ERP port: what an adapter must do, and the two ways in which an ERP can fail."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Protocol, runtime_checkable

from erp.order_diff import OrderDiff
from erp.sales_order import SalesOrder


class ErpError(Exception):
    """An ERP did not do what it was asked."""


class ErpUnavailable(ErpError):
    """No usable answer; a write may have been done. Try again later."""


class ErpRejected(ErpError):
    """The ERP, or the mapping to it, refuses the order; the reason is for a person to act on."""


@dataclass(frozen=True, slots=True)
class Event:
    """What became of an order at VTEX, or of something that the ERP asked for.

    Attributes:
        kind: one of CHANGES, or what was asked for: ``invoice``, ``tracking``, ``cancellation``,
            ``denial``; adapters keep kinds that they do not know.
        key: names the event within its order; reported twice, it is kept once.
        reason: why, in words for a person.
        outcome: how a request ended: one of OUTCOMES; None for what nobody asked for.
        reference: the ERP's own name of the request, as ``Request.reference``.
        invoice_number: as the ERP writes it, where the request names an invoice.
        receipt: what VTEX gave as proof.
        order_status: the order's status at VTEX after it, as far as it is known.
        attempts: how often it was tried.
        request_id: of ``cancel_requested``: VTEX's name of the request.
        requested_by_user: of ``cancel_requested``: the shopper asked, as far as VTEX knows.
        decide_by: of ``cancel_requested``: VTEX cancels by itself then.
        new_order_id: of ``replaced``: the order that took its place; None where it is not known.
        order_diff: of ``changed``: what is different.
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
    receipt: str | None = None
    order_status: str | None = None
    attempts: int = 0
    request_id: str | None = None
    requested_by_user: bool | None = None
    decide_by: datetime | None = None
    new_order_id: str | None = None
    order_diff: OrderDiff | None = None


CHANGES = {
    "canceled": "the order was canceled, without the ERP's doing: it must not be shipped",
    "replaced": "another order took its place, which comes in as one of its own",
    "cancel_requested": "the shopper or the marketplace asks for a cancellation: accept or deny",
    "cancel_dropped": "that request is off, without the ERP's doing: the order goes on",
    "changed": "items or values are others than the ERP was given",
}
"""What can become of an order that the ERP has."""

OUTCOMES = {
    "done": "VTEX has it",
    "refused": "it cannot be done as asked; the reason says what to change",
    "dead": "it was tried and given up; a person must look",
    "obsolete": "something else made it needless, such as a cancellation",
}
"""How a request can end."""


@dataclass(frozen=True, slots=True)
class Request:
    """Something that the ERP wants done at VTEX, as its outbox holds it.

    Attributes:
        kind: ``invoice``, ``tracking``, ``cancellation`` or ``denial``.
        reference: the ERP's name of it; comes back in ``Event.reference``.
        fields: keyword arguments of the task of that kind, unchecked (docs/messages.md).
        xml: an NF-e exactly as received; it goes to the journal, never through the broker.
    """

    kind: str
    reference: str
    fields: Mapping[str, Any]
    xml: bytes | None = None


@dataclass(frozen=True, slots=True)
class ErpOrder:
    """An order as the ERP holds it.

    Attributes:
        total: what it is worth there, with what it was told of later; None where the adapter does
            not tell.
        canceled: whether the ERP knows that it was canceled or replaced; None where that is not
            told.
    """

    reference: str
    total: Decimal | None = None
    canceled: bool | None = None


class Erp(Protocol):
    """An ERP that takes orders. Safe to use from several threads and processes at once."""

    def insert(self, order: SalesOrder) -> str:
        """Insert an order, once; return the ERP's reference.

        Idempotent by (store, order_id), under any number of racing callers: whoever comes later
        gets the reference of the first.

        Raises:
            ErpUnavailable: try again; the order may have been inserted.
            ErpRejected: the ERP will not take this order as it is.
        """
        ...

    def find(self, store: str, order_id: str) -> str | None:
        """Return the ERP's reference of an order, None if it has none.

        Raises:
            ErpUnavailable: the ERP could not be asked.
        """
        ...

    def report(self, event: Event) -> None:
        """Tell the ERP what became of an order or a request; idempotent by (store, order_id, key).

        Raises:
            ErpUnavailable: try again.
        """
        ...

    def poll_outbox(self, take: Callable[[Request], None], limit: int) -> int:
        """Give ``take`` what waits in the ERP's outbox, oldest first; return how many.

        A request counts as handed out once ``take`` has returned; when the process dies before
        that is written down it is handed out again, so ``take`` must stand repetition. Callers
        at the same time get different requests. An ERP without an outbox returns 0.

        Raises:
            ErpUnavailable: try again.
        """
        ...

    def migrate(self) -> None:
        """Bring what the adapter owns in the ERP (tables, fields) up to date; idempotent."""
        ...

    def check(self) -> str:
        """Say in a few words what answered, as in ``PostgreSQL 16.2, schema 1``.

        Raises:
            ErpUnavailable: the ERP does not answer.
            ErpRejected: it answers, and is not ready: what to do is in the message.
        """
        ...

    def close(self) -> None:
        """Give back connections; the adapter is not used again."""
        ...


@runtime_checkable
class LooksUpMany(Protocol):
    """What an adapter may offer besides: many orders at once, and more about each."""

    def look_up(self, store: str, order_ids: Sequence[str]) -> Mapping[str, ErpOrder]:
        """Return the orders that the ERP has, by their ids; 500 at most are asked for.

        Raises:
            ErpUnavailable: the ERP could not be asked.
        """
        ...


def erp_orders(erp: Erp, store: str, order_ids: Sequence[str]) -> Mapping[str, ErpOrder]:
    """Return the orders that an ERP has, one by one where its adapter knows no other way.

    Raises:
        ErpUnavailable: the ERP could not be asked.
    """
    if isinstance(erp, LooksUpMany):
        return erp.look_up(store, order_ids)
    found = {one: erp.find(store, one) for one in order_ids}
    return {one: ErpOrder(reference) for one, reference in found.items() if reference is not None}
