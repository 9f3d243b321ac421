"""The requests to cancel an order on which the ERP has not decided yet."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select

from journal.storage.repository import Repository
from journal.storage.rows import insert
from journal.storage.tables import cancel_requests


@dataclass(frozen=True, slots=True)
class CancelRequest:
    """A request to cancel that was reported to the ERP.

    Attributes:
        request_id: VTEX's; None where VTEX gave none.
        decide_by: VTEX cancels by itself then.
    """

    store: str
    order_id: str
    request_id: str | None
    requested_at: datetime
    decide_by: datetime


def forget(db: Connection, store: str, order_id: str) -> None:
    """Delete the request of an order: it is decided."""
    db.execute(
        cancel_requests.delete().where(
            cancel_requests.c.store == store, cancel_requests.c.order_id == order_id
        )
    )


class CancelRequests(Repository):
    """The undecided requests to cancel, at most one for each order."""

    def get(self, store: str, order_id: str) -> CancelRequest | None:
        """Return the undecided request of an order; None without one."""
        found = self.find(store, order_id)
        return found[0] if found else None

    def find(self, store: str | None = None, order_id: str | None = None) -> list[CancelRequest]:
        """Return the undecided requests, the most urgent first."""
        query = select(cancel_requests).order_by(
            cancel_requests.c.decide_by, cancel_requests.c.order_id
        )
        if store is not None:
            query = query.where(cancel_requests.c.store == store)
        if order_id is not None:
            query = query.where(cancel_requests.c.order_id == order_id)
        with self._database.transaction() as db:
            return [CancelRequest(**row) for row in db.execute(query).mappings()]

    def save(self, request: CancelRequest) -> None:
        """Write a request that was reported to the ERP; it replaces an earlier one of the order."""
        row = {
            "request_id": request.request_id,
            "requested_at": request.requested_at,
            "decide_by": request.decide_by,
        }
        key = [cancel_requests.c.store, cancel_requests.c.order_id]
        with self._database.transaction() as db:
            db.execute(
                insert(db, cancel_requests)
                .values(store=request.store, order_id=request.order_id, **row)
                .on_conflict_do_update(index_elements=key, set_=row)
            )

    def forget(self, store: str, order_id: str) -> None:
        """Delete the request of an order: it is decided."""
        with self._database.transaction() as db:
            forget(db, store, order_id)
