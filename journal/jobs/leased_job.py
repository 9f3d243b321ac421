"""The job that a running step owns, with the results that the step assigns."""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, and_, bindparam, literal, select, true

from journal.model import Kind, Stage
from journal.storage.rows import Row, compress, decompress, from_json
from journal.storage.tables import documents, erp_circuits, jobs, orders, store_pauses


class LeasedJob:
    """A job owned by one step. The journal stores the assigned values.

    Attributes:
        in_doubt: an earlier try of this step began and may have had its effect.
        ignores_change: a person wants the invoice sent although a change may be under way.
        isolated: one more crash would make it a dead letter. Such jobs run one at a time.
        order, payment: VTEX's documents. ``None`` before they are fetched.
        read: the parsed order document, for the later steps in this worker.
        as_handled: a person brings the order in, though its handling started elsewhere.
        erp_reference: the ERP's reference of the order, once it has the order.
        request_body: body of the ERP's request, or of the report. Empty for an intake.
        result: VTEX's result.
        paused: end and reason of the store's pause.
        erp_failing: the ERP circuit was open at the last check.
        waits_for_erp: the next step must wait for the ERP.
        erp_recovered: this step was the first to see that the ERP responds again.
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
        self.ignores_change = bool(row["ignores_change"])
        self.isolated = False
        self.as_handled = bool(row["as_handled"])
        self.value_cents: int | None = row["value_cents"]
        self.erp_reference: str | None = row["erp_reference"]
        self.order: dict[str, Any] | None = decompress(row["order_document"])
        self.payment: dict[str, Any] | None = decompress(row["payment_document"])
        self.request_body: dict[str, Any] = decompress(row["request_body"]) or {}
        self.result: dict[str, Any] = from_json(row["result"]) or {}
        self.read: Any = None
        self.skipped: str | None = None
        self.ends = False
        self.reason: str | None = None
        self.obsolete: str | None = None
        self.notes: list[str] = []
        self.placed: tuple[datetime, int] | None = None
        self.revalued: int | None = None
        self._read = (self.order, self.payment, self.erp_reference)
        self._request_body = self.request_body

    def skip(self, reason: str) -> None:
        """End the job with this step, without further work."""
        self.skipped = reason

    def end(self, reason: str) -> None:
        """End the job with this step, as done. The reason goes into the timeline."""
        self.ends, self.reason = True, reason

    def note(self, text: str) -> None:
        """Add a line to the timeline."""
        self.notes.append(text)

    def place(self, created_at: datetime, value_cents: int) -> None:
        """Store the order's creation time and value, which a feed does not have."""
        if self.value_cents is None:
            self.placed = (created_at, value_cents)

    def revalue(self, value_cents: int) -> None:
        """Store the order's new value."""
        if value_cents != self.value_cents:
            self.revalued = value_cents

    def explain(self, reason: str) -> None:
        """Set the reason of a successful end, for the ERP's outcome."""
        self.reason = reason

    def close_others(self, reason: str) -> None:
        """End the order's other requests with this step as obsolete."""
        self.obsolete = reason

    def changes(self) -> dict[str, Any]:
        """Return the columns of the assigned documents."""
        changed: dict[str, Any] = {}
        if self.order is not self._read[0]:
            changed["order_document"] = compress(self.order)
        if self.payment is not self._read[1]:
            changed["payment_document"] = compress(self.payment)
        return changed

    @property
    def new_request_body(self) -> bytes | None:
        """The compressed body, if a step assigned one."""
        return compress(self.request_body) if self.request_body is not self._request_body else None

    @property
    def referenced(self) -> bool:
        """Whether a step assigned the ERP's reference."""
        return bool(self.erp_reference != self._read[2])

    def moved_on(self, to: Stage) -> None:
        """Mark all values as stored, and the next step as begun."""
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
        """Return whether job, attempt and stage match those of a step."""
        named = (self.store, self.order_id, self.attempt, self.stage)
        return named == (store, order_id, attempt, at) and job in (None, self.row["id"])


def find_job(db: Connection, store: str, order_id: str, job: int | None) -> RowMapping | None:
    """Return a job, or the intake without a number. ``None`` if it does not exist."""
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
"""The store's pause and the ERP circuit, always as one row."""
