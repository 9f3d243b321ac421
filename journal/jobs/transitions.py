"""Changes of a job's row, each within a transaction of the caller."""

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, update

from foundation.messages import journal as messages
from journal import cancel_requests, erp_circuit_breaker
from journal.jobs.leased_job import LeasedJob, find_job
from journal.model import JobLost, Kind, State
from journal.outcomes import record_outcome
from journal.storage.rows import Row, error_columns, event_row, is_open, upsert
from journal.storage.tables import documents, events, jobs


def owned(db: Connection, store: str, order_id: str, attempt: int, job: int | None) -> RowMapping:
    """Return the row of a job that an attempt owns.

    Raises:
        JobLost: a newer attempt owns the job, or the job has ended.
    """
    row = find_job(db, store, order_id, job)
    if row is None or row["state"] != State.OPEN or row["attempt"] != attempt:
        raise JobLost(messages.NOT_OWNED(store=store, order_id=order_id))
    return row


def move(
    db: Connection, row: Row, now: datetime, *only_if: ColumnElement[bool], **values: Any
) -> None:
    """Write new values into the row of a job.

    Raises:
        JobLost: the row has changed since it was read.
    """
    moved = db.execute(
        update(jobs)
        .where(
            jobs.c.id == row["id"],
            is_open(),
            jobs.c.attempt == row["attempt"],
            jobs.c.stage == row["stage"],
            *only_if,
        )
        .values(updated_at=now, **values)
    )
    if moved.rowcount != 1:
        raise JobLost(messages.NOT_OWNED(store=row["store"], order_id=row["order_id"]))


def bury(db: Connection, row: RowMapping, reason: str, outcome: str, now: datetime) -> None:
    """Turn a job into a dead letter."""
    erp_circuit_breaker.end_probe(db, row, now)
    move(
        db,
        row,
        now,
        state=State.DEAD,
        unfinished_starts=0,
        lease_until=None,
        failures=row["failures"] + 1,
        **error_columns(reason),
    )
    note(db, row, now, "dead", reason)
    record_outcome(db, row, outcome, reason, now)


def note(db: Connection, row: Row, now: datetime, event: str, detail: str | None = None) -> None:
    """Write a line about a job into its order's timeline."""
    db.execute(
        events.insert(),
        event_row(
            row["store"],
            row["order_id"],
            now,
            row["attempt"],
            event,
            kind=row["kind"],
            stage=row["stage"],
            detail=detail,
        ),
    )


def write_documents(db: Connection, job: LeasedJob, now: datetime) -> None:
    """Write the documents that a step assigned."""
    changed = job.changes()
    if not changed:
        return
    key = {"store": job.store, "order_id": job.order_id}
    upsert(db, documents, key, changed | {"stored_at": now})


def wake_waiting(db: Connection, job: LeasedJob, now: datetime) -> None:
    """Make the order's waiting jobs due, since they may wait for the request that ended.

    After failures of VTEX, a waiting job's delay may be minutes. The delay starts again.
    """
    if job.kind is Kind.INTAKE:
        return
    db.execute(
        update(jobs)
        .where(
            jobs.c.store == job.store,
            jobs.c.order_id == job.order_id,
            is_open(),
            jobs.c.not_ready == 1,
            jobs.c.due_at > now,
        )
        .values(due_at=now, failures=0)
    )


def close_others(db: Connection, job: LeasedJob, reason: str, now: datetime) -> None:
    """End the order's open invoices and tracking numbers."""
    closed = db.execute(
        update(jobs)
        .where(
            jobs.c.store == job.store,
            jobs.c.order_id == job.order_id,
            jobs.c.kind.in_([Kind.INVOICE, Kind.TRACKING]),
            is_open(),
        )
        .values(state=State.SKIPPED, lease_until=None, updated_at=now, **error_columns(reason))
        .returning(*jobs.c)
    ).mappings()
    for row in closed.all():
        note(db, row, now, "skipped", reason)
        record_outcome(db, row, "obsolete", reason, now)
    cancel_requests.forget(db, job.store, job.order_id)
