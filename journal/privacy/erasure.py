"""Erases the personal data of one customer's orders (LGPD, Lei 13.709/2018)."""

from dataclasses import dataclass

from sqlalchemy import Column, Connection, Table, func, select, update

from journal.jobs.dead_letters import general_reason
from journal.model import Kind, State
from journal.privacy.retention import purge_bodies
from journal.storage.repository import Repository
from journal.storage.rows import event_row
from journal.storage.tables import documents, events, jobs, orders, outcomes

ERASED = "erased"
"""The event of a timeline after an erasure."""

_MASK = "***"
"""Part of a masked CPF in the reason of a refused nota."""

_REASONS = ((events, events.c.detail), (jobs, jobs.c.last_error), (outcomes, outcomes.c.reason))

_READ = ("id", "kind", "invoice_number", "state", "attempt", "request_body", "request_sha256")


@dataclass(frozen=True, slots=True)
class ErasedData:
    """The erased data of an order, or the data that would be erased.

    Attributes:
        erp_reference: the ERP's reference, since the ERP has data of the same person.
        documents: 1 if VTEX's documents were present.
        request_bodies: number of request bodies.
        waits_for: jobs that still need the data, such as ``invoice 9000 dead``. They block the
            erasure.
    """

    store: str
    order_id: str
    erp_reference: str | None
    documents: int
    request_bodies: int
    waits_for: tuple[str, ...] = ()

    @property
    def any(self) -> bool:
        """Whether the order has data to erase."""
        return bool(self.documents or self.request_bodies) and not self.waits_for

    def __str__(self) -> str:
        """Return a short summary."""
        said = ["order and payment documents"] if self.documents else []
        if self.request_bodies:
            said.append(f"contents of {self.request_bodies} requests")
        return ", ".join(said) or "nothing"


class Erasure(Repository):
    """The erasure on a customer's request, beside the retention by age."""

    def erase(self, store: str, order_id: str, *, dry_run: bool = False) -> ErasedData:
        """Erase the personal data of a closed order, and note it in the timeline.

        The order and its jobs stay, so that work is not repeated (docs/privacy.md). A repeated
        erasure has no effect.

        Args:
            dry_run: only return the data that would be erased.
        """
        with self._database.transaction() as db:
            rows = db.execute(
                select(*(jobs.c[name] for name in _READ))
                .where(jobs.c.store == store, jobs.c.order_id == order_id)
                .order_by(jobs.c.id)
                .with_for_update()
            ).all()
            waits_for = tuple(
                " ".join(filter(None, (row.kind, row.invoice_number, row.state)))
                for row in rows
                if row.state not in (State.DONE, State.SKIPPED)
            )
            whole = [
                row for row in rows if row.request_body is not None and row.request_sha256 is None
            ]
            named = (documents.c.store == store, documents.c.order_id == order_id)
            there = db.execute(select(func.count()).select_from(documents).where(*named))
            erp = db.execute(
                select(orders.c.erp_reference).where(
                    orders.c.store == store, orders.c.order_id == order_id
                )
            )
            erasure = ErasedData(
                store, order_id, erp.scalar_one_or_none(), there.scalar_one(), len(whole), waits_for
            )
            if dry_run or not erasure.any:
                return erasure
            db.execute(documents.delete().where(*named))
            purge_bodies(db, whole)
            for table, column in _REASONS:
                _remove_masked(db, table, column, store, order_id)
            attempt = next((row.attempt for row in rows if row.kind == Kind.INTAKE), 0)
            said = event_row(store, order_id, self._now(), attempt, ERASED, detail=str(erasure))
            db.execute(events.insert(), said)
        return erasure


def _remove_masked(
    db: Connection, table: Table, column: Column[str], store: str, order_id: str
) -> None:
    """Remove masked documents from the reasons of an order's requests."""
    masked = select(table.c.id, column).where(
        table.c.store == store, table.c.order_id == order_id, column.contains(_MASK)
    )
    for row in db.execute(masked).all():
        reason = general_reason(row[1])
        db.execute(update(table).where(table.c.id == row.id).values({column: reason}))
