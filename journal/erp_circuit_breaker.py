"""The ERP's pause: while it does not answer, one order at a time finds out whether it does again.

It is kept apart from the stores' pauses: any name could come in by a message, and pause a store.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, and_, or_, select, update

from journal.model import Lease, Policy
from journal.storage.repository import Repository
from journal.storage.rows import Row, insert
from journal.storage.tables import erp_circuits, jobs

_ONLY = 1


@dataclass(frozen=True, slots=True)
class ErpCircuit:
    """The ERP did not answer, and has taken no order since.

    Attributes:
        until: when an order may try; where it has passed, the next sweep lets one.
    """

    since: datetime
    until: datetime
    reason: str


def current(db: Connection) -> ErpCircuit | None:
    """Return the pause, None while the ERP answers."""
    query = select(erp_circuits.c.since, erp_circuits.c.until, erp_circuits.c.reason)
    row = db.execute(query).one_or_none()
    return None if row is None else ErpCircuit(row.since, row.until, row.reason)


def record_failure(db: Connection, job: Row, reason: str, now: datetime, policy: Policy) -> bool:
    """Keep that the ERP did not answer a job; say whether it was suspected already.

    The first failure may be one lock that timed out: the next order tries at once. Only another
    one makes all of them wait.
    """
    tried = {"reason": reason, "tried_job": job["id"], "tried_due_at": job["due_at"]}
    until = now + timedelta(seconds=policy.erp_pause_seconds)
    kept = (
        insert(db, erp_circuits)
        .values(id=_ONLY, since=now, until=now, **tried)
        .on_conflict_do_update(index_elements=[erp_circuits.c.id], set_={"until": until, **tried})
        .returning(erp_circuits.c.until)
    )
    return bool(db.execute(kept).scalar_one() > now)


def close(db: Connection) -> bool:
    """End the pause; say whether nobody else did."""
    return db.execute(erp_circuits.delete()).rowcount == 1


def next_probe(db: Connection, now: datetime) -> Row | None:
    """Return the pause where an order may try now, kept from other sweeps; None where none may."""
    query = select(erp_circuits).where(erp_circuits.c.until <= now)
    return db.execute(query.with_for_update(skip_locked=True)).mappings().one_or_none()


def start_probe(db: Connection, ticket: Lease, now: datetime, policy: Policy) -> None:
    """Let one order try, and the others wait meanwhile."""
    until = now + timedelta(seconds=policy.erp_pause_seconds)
    named = (
        jobs.c.store == ticket.store,
        jobs.c.order_id == ticket.order_id,
        jobs.c.kind == ticket.kind,
    )
    job = select(jobs.c.id).where(*named).scalar_subquery()
    due_at = select(jobs.c.due_at).where(*named).scalar_subquery()
    db.execute(update(erp_circuits).values(until=until, tried_job=job, tried_due_at=due_at))


def later_than(tried: Row) -> ColumnElement[bool]:
    """Return which jobs have their turn after the one that tried last."""
    due_at, job = tried["tried_due_at"], tried["tried_job"]
    return and_(jobs.c.due_at >= due_at, or_(jobs.c.due_at > due_at, jobs.c.id > job))


def blocks(row: Row, now: datetime) -> bool:
    """Say whether a job has to wait, as read with the pause: all do but the one that tries."""
    until = row["erp_until"]
    return until is not None and until > now and row["erp_tried_job"] != row["id"]


def end_probe(db: Connection, row: Row, now: datetime) -> None:
    """Let the next order try at once where this one ended without having asked the ERP."""
    if row["erp_until"] is not None and row["erp_tried_job"] == row["id"]:
        db.execute(
            update(erp_circuits).where(erp_circuits.c.tried_job == row["id"]).values(until=now)
        )


class ErpCircuitBreaker(Repository):
    """The circuit breaker in front of the ERP."""

    def current(self) -> ErpCircuit | None:
        """Return why orders wait for the ERP; None while it answers."""
        with self._database.transaction() as db:
            return current(db)
