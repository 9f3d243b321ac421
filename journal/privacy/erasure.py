"""What is erased of one customer's orders (LGPD, Lei 13.709/2018), and what stays."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import func, select

from journal.model import Kind, State
from journal.privacy.retention import purge_bodies
from journal.storage.repository import Repository
from journal.storage.rows import event_row
from journal.storage.tables import documents, events, jobs, orders

ERASED = "erased"
"""The line of a timeline that says what is not there any more."""

_READ = ("id", "kind", "invoice_number", "state", "attempt", "request_body", "request_sha256")


@dataclass(frozen=True, slots=True)
class ErasedData:
    """What of an order was erased, or would be.

    Attributes:
        erp_reference: the ERP's, where the same person's data is to be looked for.
        documents: 1 where VTEX's documents were there.
        request_bodies: of requests.
        waits_for: jobs that still need it, in words such as ``invoice 9000 dead``; while there
            is one, nothing of the order is erased.
    """

    store: str
    order_id: str
    erp_reference: str | None
    documents: int
    request_bodies: int
    waits_for: tuple[str, ...] = ()

    @property
    def any(self) -> bool:
        """Whether there is anything that can be erased."""
        return bool(self.documents or self.request_bodies) and not self.waits_for

    def __str__(self) -> str:
        """Say what in a few words."""
        said = ["order and payment documents"] if self.documents else []
        if self.request_bodies:
            said.append(f"contents of {self.request_bodies} requests")
        return ", ".join(said) or "nothing"


class Erasure(Repository):
    """What a customer may have erased, beside what goes by its age."""

    def erase(self, store: str, order_id: str, *, dry_run: bool = False) -> ErasedData:
        """Erase what may name a person from an order that is closed; its timeline says so.

        The order and its jobs stay, so that nothing is done twice: see docs/privacy.md. Repeated,
        it finds nothing and writes nothing.

        Args:
            dry_run: say alone what it would erase.
        """
        with self._database.transaction() as db:
            found = db.execute(
                select(*(jobs.c[name] for name in _READ))
                .where(jobs.c.store == store, jobs.c.order_id == order_id)
                .order_by(jobs.c.id)
                .with_for_update()
            ).all()
            waits_for = tuple(
                " ".join(filter(None, (one.kind, one.invoice_number, one.state)))
                for one in found
                if one.state not in (State.DONE, State.SKIPPED)
            )
            whole = [
                one for one in found if one.request_body is not None and one.request_sha256 is None
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
            attempt = next((one.attempt for one in found if one.kind == Kind.INTAKE), 0)
            said = event_row(store, order_id, self._now(), attempt, ERASED, detail=str(erasure))
            db.execute(events.insert(), said)
        return erasure
