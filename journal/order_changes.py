"""Changes at VTEX after an order came in, with one job per change.

A hint only starts the job. The job reads the order and reports its current state to the ERP.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import select

from journal.model import Kind, Stage, State
from journal.storage.repository import Repository
from journal.storage.rows import event_row, insert, is_open, job_row
from journal.storage.tables import events, jobs


@dataclass(frozen=True, slots=True)
class ChangeHint:
    """A hint at a change of an order.

    Attributes:
        key: names the change within its order. A repeated hint makes one job.
        text: text for the timeline: the status, or both values.
        after: delay of the job.
    """

    order_id: str
    key: str
    text: str
    after: timedelta = timedelta()


class OrderChanges(Repository):
    """The jobs for changes at VTEX, and the state of the ERP's own cancellation."""

    def record(self, store: str, seen: Iterable[ChangeHint]) -> int:
        """Open a job for each new hint. Return their number. Unknown orders are skipped."""
        wanted = {(hint.order_id, hint.key): hint for hint in seen}
        if not wanted:
            return 0
        ids = sorted({hint.order_id for hint in wanted.values()})
        now = self._now()
        query = select(jobs.c.order_id).where(
            jobs.c.store == store, jobs.c.order_id.in_(ids), jobs.c.kind == Kind.INTAKE
        )
        with self._database.transaction() as db:
            known = set(db.execute(query).scalars())
            fresh = [
                job_row(store, hint.order_id, Kind.CHANGE, hint.key, now)
                | {"due_at": now + hint.after}
                for hint in wanted.values()
                if hint.order_id in known
            ]
            if not fresh:
                return 0
            opened = insert(db, jobs).values(fresh).on_conflict_do_nothing()
            rows = db.execute(opened.returning(jobs.c.order_id, jobs.c.key)).all()
            if rows:
                lines = [
                    event_row(
                        store,
                        row.order_id,
                        now,
                        0,
                        "seen at VTEX",
                        kind=Kind.CHANGE,
                        stage=Stage.SEEN,
                        detail=wanted[row.order_id, row.key].text,
                    )
                    for row in rows
                ]
                db.execute(events.insert(), lines)
            return len(rows)

    def pending(self, store: str, order_ids: Sequence[str]) -> set[str]:
        """Return the orders with an unreported change."""
        query = select(jobs.c.order_id).where(
            jobs.c.store == store,
            jobs.c.order_id.in_(order_ids),
            jobs.c.kind == Kind.CHANGE,
            is_open(),
        )
        return {row.order_id for row in self._database.rows(query)}

    def own_cancellation(self, store: str, order_id: str) -> State | None:
        """Return the state of the ERP's own cancellation, once VTEX has it."""
        query = (
            select(jobs.c.state)
            .where(
                jobs.c.store == store,
                jobs.c.order_id == order_id,
                jobs.c.kind == Kind.CANCELLATION,
                jobs.c.stage.in_([Stage.SENT, Stage.CONFIRMED]),
            )
            .order_by(jobs.c.updated_at.desc())
            .limit(1)
        )
        row = self._database.row(query)
        return None if row is None else State(row.state)
