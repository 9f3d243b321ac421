"""The ERP circuit: while the ERP does not respond, one order at a time is the probe.

Its state stands apart from the stores' pauses, since a message can bring any store name.
"""

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
    """An open circuit: the ERP did not respond, and has not accepted an order since.

    Attributes:
        until: time of the next probe. The first sweep after it starts one.
    """

    since: datetime
    until: datetime
    reason: str


def current(db: Connection) -> ErpCircuit | None:
    """Return the open circuit, or ``None`` while the ERP responds."""
    query = select(erp_circuits.c.since, erp_circuits.c.until, erp_circuits.c.reason)
    row = db.execute(query).one_or_none()
    return None if row is None else ErpCircuit(row.since, row.until, row.reason)


def record_failure(db: Connection, job: Row, reason: str, now: datetime, policy: Policy) -> bool:
    """Record that the ERP did not respond to a job. Return whether it had failed before.

    The first failure may be a single locked row, so the next order is tried at once. The second
    failure opens the circuit for all orders.
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
    """Close the circuit. Return whether this caller closed it."""
    return db.execute(erp_circuits.delete()).rowcount == 1


def next_probe(db: Connection, now: datetime) -> Row | None:
    """Lock and return the circuit if a probe is due, else ``None``."""
    query = select(erp_circuits).where(erp_circuits.c.until <= now)
    return db.execute(query.with_for_update(skip_locked=True)).mappings().one_or_none()


def start_probe(db: Connection, ticket: Lease, now: datetime, policy: Policy) -> None:
    """Start a probe with one order. The others wait."""
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
    """Return the condition for jobs after the last probe."""
    due_at, job = tried["tried_due_at"], tried["tried_job"]
    return and_(jobs.c.due_at >= due_at, or_(jobs.c.due_at > due_at, jobs.c.id > job))


def blocks(row: Row, now: datetime) -> bool:
    """Return whether a job must wait: every job does, except the probe."""
    until = row["erp_until"]
    return until is not None and until > now and row["erp_tried_job"] != row["id"]


def end_probe(db: Connection, row: Row, now: datetime) -> None:
    """Allow the next probe at once if this one ended without a call to the ERP."""
    if row["erp_until"] is not None and row["erp_tried_job"] == row["id"]:
        db.execute(
            update(erp_circuits).where(erp_circuits.c.tried_job == row["id"]).values(until=now)
        )


class ErpCircuitBreaker(Repository):
    """The circuit breaker in front of the ERP."""

    def current(self) -> ErpCircuit | None:
        """Return the open circuit, or ``None`` while the ERP responds."""
        with self._database.transaction() as db:
            return current(db)
