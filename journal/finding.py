"""A job with all that its step needs to know, in one query."""

from __future__ import annotations

from sqlalchemy import Connection, RowMapping, and_, bindparam, literal, select, true

from journal.model import Kind
from journal.storage.tables import documents, erp_pauses, jobs, orders, pauses


def find_job(db: Connection, store: str, order_id: str, job: int | None) -> RowMapping | None:
    """Return a job, an intake where no number is given; None where there is none."""
    if job is None:
        return db.execute(_INTAKE, {"s": store, "o": order_id}).mappings().one_or_none()
    return db.execute(_BY_NUMBER, {"s": store, "o": order_id, "n": job}).mappings().one_or_none()


_JOB = (
    select(
        jobs,
        orders.c.value_cents,
        orders.c.erp_reference,
        documents.c.order_document,
        documents.c.payment_document,
        pauses.c.until,
        pauses.c.reason.label("pause_reason"),
        erp_pauses.c.until.label("erp_until"),
        erp_pauses.c.reason.label("erp_reason"),
        erp_pauses.c.tried_job.label("erp_tried_job"),
    )
    .select_from(
        jobs.join(
            orders, and_(orders.c.store == jobs.c.store, orders.c.order_id == jobs.c.order_id)
        )
        .outerjoin(
            documents,
            and_(documents.c.store == jobs.c.store, documents.c.order_id == jobs.c.order_id),
        )
        .outerjoin(pauses, pauses.c.store == jobs.c.store)
        .outerjoin(erp_pauses, true())
    )
    .where(jobs.c.store == bindparam("s"), jobs.c.order_id == bindparam("o"))
)

_INTAKE = _JOB.where(jobs.c.kind == Kind.INTAKE)
_BY_NUMBER = _JOB.where(jobs.c.id == bindparam("n"))

_HERE = select(literal(1).label("one")).subquery()
PAUSES = select(pauses.c.until, pauses.c.reason, erp_pauses.c.until.label("erp_until")).select_from(
    _HERE.outerjoin(
        pauses, and_(pauses.c.store == bindparam("s"), pauses.c.until > bindparam("now"))
    ).outerjoin(erp_pauses, true())
)
"""Whether a store pauses, and whether the ERP does: one row, whatever there is."""
