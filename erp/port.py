"""The ERP port: what an adapter must do, and the two ways in which an ERP can fail."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from erp.sales_order import SalesOrder


class ErpError(Exception):
    """An ERP did not do what it was asked."""


class ErpUnavailable(ErpError):
    """No usable answer; a write may have been done. Try again later."""


class ErpRejected(ErpError):
    """The ERP, or the mapping to it, refuses the order; the reason is for a person to act on."""


@dataclass(frozen=True, slots=True)
class Event:
    """What became of an order at VTEX after the ERP had it.

    Attributes:
        kind: ``canceled`` today; adapters keep kinds that they do not know.
        key: names the event within its order; reported twice, it is kept once.
    """

    store: str
    order_id: str
    kind: str
    key: str
    at: datetime
    reason: str | None = None


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
        """Tell the ERP what became of an order; idempotent by (store, order_id, key).

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
