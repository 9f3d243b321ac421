"""A job as the step that owns it sees it, and what the step assigns to it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, and_, bindparam, literal, select, true

from journal.model import Kind, Stage
from journal.storage.rows import Row, compress, decompress, from_json
from journal.storage.tables import documents, erp_circuits, jobs, orders, store_pauses


class LeasedJob:
    """A job while one step has it; what is assigned here is kept by the journal.

    Attributes:
        in_doubt: an earlier try of this very step began and may have had its effect.
        isolated: another death of a worker would set it aside; such jobs go one at a time.
        order, payment: VTEX's documents; None before they were fetched.
        read: what a step made of the order's document, for those that follow in its worker.
        erp_reference: what the ERP calls the order; None before it has it.
        request_body: what the ERP asked for, or is to be told; empty for an intake.
        result: what VTEX gave for it.
        paused: until when its store pauses, and why.
        erp_failing: the ERP did not answer, when that was looked at last.
        waits_for_erp: the step that ended was to be followed by one that waits for the ERP.
        erp_recovered: this step found out, before others did, that the ERP answers again.
    """

    def __init__(self, row: Row) -> None:
        self.row = dict(row)
        self.paused: tuple[datetime, str] | None = None
        self.erp_failing: bool = row["erp_until"] is not None
        self.waits_for_erp = self.erp_recovered = False
        self.store: str = row["store"]
        self.order_id: str = row["order_id"]
        self.attempt: int = row["attempt"]
        self.kind = Kind(row["kind"])
        self.stage = Stage(row["stage"])
        self.failures: int = row["failures"]
        self.in_doubt: bool = row["unfinished_starts"] > 0 or row["failures"] > 0
        self.isolated = False
        self.value_cents: int | None = row["value_cents"]
        self.erp_reference: str | None = row["erp_reference"]
        self.order: dict[str, Any] | None = decompress(row["order_document"])
        self.payment: dict[str, Any] | None = decompress(row["payment_document"])
        self.request_body: dict[str, Any] = decompress(row["request_body"]) or {}
        self.result: dict[str, Any] = from_json(row["result"]) or {}
        self.read: Any = None
        self.skipped: str | None = None
        self.reason: str | None = None
        self.obsolete: str | None = None
        self.notes: list[str] = []
        self.placed: tuple[datetime, int] | None = None
        self.revalued: int | None = None
        self._read = (self.order, self.payment, self.erp_reference)
        self._request_body = self.request_body

    def skip(self, reason: str) -> None:
        """End the job with this step: there is nothing to do."""
        self.skipped = reason

    def note(self, text: str) -> None:
        """Leave a line in the timeline."""
        self.notes.append(text)

    def place(self, created_at: datetime, value_cents: int) -> None:
        """Take note of when the order was placed and of its value, where nothing told it yet: a
        list does, a feed does not.
        """
        if self.value_cents is None:
            self.placed = (created_at, value_cents)

    def revalue(self, value_cents: int) -> None:
        """Take note of what the order is worth now."""
        if value_cents != self.value_cents:
            self.revalued = value_cents

    def explain(self, reason: str) -> None:
        """Say how the job came to its good end: to the ERP, where it asked for it."""
        self.reason = reason

    def close_others(self, reason: str) -> None:
        """End the order's other requests with this step: they have become obsolete."""
        self.obsolete = reason

    def changes(self) -> dict[str, Any]:
        """Return the columns of the documents that were assigned."""
        changed: dict[str, Any] = {}
        if self.order is not self._read[0]:
            changed["order_document"] = compress(self.order)
        if self.payment is not self._read[1]:
            changed["payment_document"] = compress(self.payment)
        return changed

    @property
    def new_request_body(self) -> bytes | None:
        """What the job is about, where a step found it out."""
        return compress(self.request_body) if self.request_body is not self._request_body else None

    @property
    def referenced(self) -> bool:
        """Whether the ERP's reference was assigned."""
        return bool(self.erp_reference != self._read[2])

    def moved_on(self, to: Stage) -> None:
        """Take note that all is kept, and that the next step has begun."""
        if self.placed:
            self.value_cents, self.placed = self.placed[1], None
        if self.revalued is not None:
            self.value_cents, self.revalued = self.revalued, None
        self._request_body = self.request_body
        self.row |= {"stage": to, "unfinished_starts": 1, "failures": 0}
        self.stage, self.failures, self.in_doubt, self.isolated = to, 0, False, False
        self.notes = []
        self._read = (self.order, self.payment, self.erp_reference)

    def is_at(self, store: str, order_id: str, attempt: int, job: int | None, at: Stage) -> bool:
        """Say whether this is the job, the attempt and the stage that a step asks for."""
        named = (self.store, self.order_id, self.attempt, self.stage)
        return named == (store, order_id, attempt, at) and job in (None, self.row["id"])


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
        store_pauses.c.until,
        store_pauses.c.reason.label("pause_reason"),
        erp_circuits.c.until.label("erp_until"),
        erp_circuits.c.reason.label("erp_reason"),
        erp_circuits.c.tried_job.label("erp_tried_job"),
    )
    .select_from(
        jobs.join(
            orders, and_(orders.c.store == jobs.c.store, orders.c.order_id == jobs.c.order_id)
        )
        .outerjoin(
            documents,
            and_(documents.c.store == jobs.c.store, documents.c.order_id == jobs.c.order_id),
        )
        .outerjoin(store_pauses, store_pauses.c.store == jobs.c.store)
        .outerjoin(erp_circuits, true())
    )
    .where(jobs.c.store == bindparam("s"), jobs.c.order_id == bindparam("o"))
)

_INTAKE = _JOB.where(jobs.c.kind == Kind.INTAKE)
_BY_NUMBER = _JOB.where(jobs.c.id == bindparam("n"))

_HERE = select(literal(1).label("one")).subquery()
PAUSES = select(
    store_pauses.c.until, store_pauses.c.reason, erp_circuits.c.until.label("erp_until")
).select_from(
    _HERE.outerjoin(
        store_pauses,
        and_(store_pauses.c.store == bindparam("s"), store_pauses.c.until > bindparam("now")),
    ).outerjoin(erp_circuits, true())
)
"""Whether a store pauses, and whether the ERP does: one row, whatever there is."""
