"""What changed at VTEX after an order came in: one job a change, and which requests to cancel wait.

Nothing of what was seen is believed: the job reads the order, and tells the ERP what holds then.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, select

from journal.model import Kind, Stage, State
from journal.storage.repository import Repository
from journal.storage.rows import event_row, insert, is_open, job_row
from journal.storage.tables import events, jobs


@dataclass(frozen=True, slots=True)
class ChangeHint:
    """A hint that something changed.

    Attributes:
        key: names it within its order; seen twice, it is one job.
        text: for the timeline: the status, or both values.
        after: how long it waits before it is looked into.
    """

    order_id: str
    key: str
    text: str
    after: timedelta = timedelta()


def record(db: Connection, store: str, seen: Iterable[ChangeHint], now: datetime) -> list[str]:
    """Open a job for each hint that is new; return the orders. Those never listed have none."""
    wanted = {(one.order_id, one.key): one for one in seen}
    if not wanted:
        return []
    ids = sorted({one.order_id for one in wanted.values()})
    query = select(jobs.c.order_id).where(
        jobs.c.store == store, jobs.c.order_id.in_(ids), jobs.c.kind == Kind.INTAKE
    )
    known = set(db.execute(query).scalars())
    fresh = [
        job_row(store, one.order_id, Kind.CHANGE, one.key, now) | {"due_at": now + one.after}
        for one in wanted.values()
        if one.order_id in known
    ]
    if not fresh:
        return []
    opened = insert(db, jobs).values(fresh).on_conflict_do_nothing()
    found = db.execute(opened.returning(jobs.c.order_id, jobs.c.key)).all()
    if found:
        lines = [
            event_row(
                store,
                one.order_id,
                now,
                0,
                "seen at VTEX",
                kind=Kind.CHANGE,
                stage=Stage.SEEN,
                detail=wanted[one.order_id, one.key].text,
            )
            for one in found
        ]
        db.execute(events.insert(), lines)
    return [one.order_id for one in found]


class OrderChanges(Repository):
    """The jobs of changes, and the state of the ERP's own cancellation."""

    def record(self, store: str, seen: Iterable[ChangeHint]) -> int:
        """Open a job for each hint that is new; return how many. One transaction."""
        hints = list(seen)
        if not hints:
            return 0
        with self._database.transaction() as db:
            return len(record(db, store, hints, self._now()))

    def pending(self, store: str, order_ids: Sequence[str]) -> set[str]:
        """Return those of the orders that have a change which still is to be told."""
        query = select(jobs.c.order_id).where(
            jobs.c.store == store,
            jobs.c.order_id.in_(order_ids),
            jobs.c.kind == Kind.CHANGE,
            is_open(),
        )
        with self._database.transaction() as db:
            return set(db.execute(query).scalars())

    def own_cancellation(self, store: str, order_id: str) -> State | None:
        """Return how far the ERP's own wish to cancel came at VTEX; None where VTEX had none."""
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
        with self._database.transaction() as db:
            found = db.execute(query).scalar_one_or_none()
        return None if found is None else State(found)
