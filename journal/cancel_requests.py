"""Cancellation requests that wait for the ERP's decision."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select

from journal.storage.repository import Repository
from journal.storage.rows import fitting, upsert
from journal.storage.tables import cancel_requests


@dataclass(frozen=True, slots=True)
class CancelRequest:
    """A request to cancel that was reported to the ERP.

    Attributes:
        request_id: VTEX's id, if it gave one.
        decide_by: time at which VTEX cancels by itself.
    """

    store: str
    order_id: str
    request_id: str | None
    requested_at: datetime
    decide_by: datetime


def forget(db: Connection, store: str, order_id: str) -> None:
    """Delete the decided request of an order."""
    db.execute(
        cancel_requests.delete().where(
            cancel_requests.c.store == store, cancel_requests.c.order_id == order_id
        )
    )


class CancelRequests(Repository):
    """The undecided cancellation requests, at most one per order."""

    def get(self, store: str, order_id: str) -> CancelRequest | None:
        """Return the undecided request of an order, or ``None``."""
        requests = self.find(store, order_id)
        return requests[0] if requests else None

    def find(self, store: str | None = None, order_id: str | None = None) -> list[CancelRequest]:
        """Return the undecided requests, the most urgent first."""
        query = select(cancel_requests).order_by(
            cancel_requests.c.decide_by, cancel_requests.c.order_id
        )
        query = query.where(*fitting(cancel_requests, store=store, order_id=order_id))
        return [CancelRequest(**row._asdict()) for row in self._database.rows(query)]

    def save(self, request: CancelRequest) -> None:
        """Write a request that was reported to the ERP. It replaces an earlier one."""
        row = {
            "request_id": request.request_id,
            "requested_at": request.requested_at,
            "decide_by": request.decide_by,
        }
        key = {"store": request.store, "order_id": request.order_id}
        with self._database.transaction() as db:
            upsert(db, cancel_requests, key, row)

    def forget(self, store: str, order_id: str) -> None:
        """Delete the decided request of an order."""
        with self._database.transaction() as db:
            forget(db, store, order_id)
