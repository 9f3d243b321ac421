"""The outcomes of requests, stored until the ERP has them."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, select, update

from journal.model import NOT_REQUESTED, Kind, Stage
from journal.storage.repository import Repository
from journal.storage.rows import Row, event_row, from_json, is_open
from journal.storage.tables import events, jobs, outcomes


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome of a request.

    Attributes:
        job: number of the job.
        invoice_number, invoice_series: invoice of the request.
        reference: the ERP's own name of the request.
        outcome: ``done``, ``refused``, ``dead`` or ``obsolete``.
        result: VTEX's ``receipt`` and ``order_status``.
        failures: number of failed reports.
    """

    id: int
    store: str
    order_id: str
    job: int
    kind: Kind
    invoice_number: str | None
    invoice_series: str | None
    reference: str | None
    outcome: str
    reason: str | None
    result: dict[str, Any]
    attempt: int
    at: datetime
    failures: int

    @property
    def key(self) -> str:
        """The name of this outcome. A retried job gets a new one."""
        return f"{self.kind}-{self.job}-{self.id}"


def record_outcome(
    db: Connection, job: Row, outcome: str, reason: str | None, now: datetime
) -> None:
    """Store a request's outcome for each of its references, and wake waiting jobs.

    Args:
        job: row of the job. Intakes and changes do not have outcomes.
    """
    if job["kind"] in NOT_REQUESTED:
        return
    row = {
        "store": job["store"], "order_id": job["order_id"], "job": job["id"], "kind": job["kind"],
        "invoice_number": job["invoice_number"], "invoice_series": job["invoice_series"],
        "outcome": outcome, "reason": reason, "result": job["result"], "attempt": job["attempt"],
        "at": now, "failures": 0, "due_at": now,
    }  # fmt: skip
    for reference in (job["reference"] or "").split("\n"):
        db.execute(outcomes.insert().values(row | {"reference": reference or None}))
    if job["kind"] == Kind.INVOICE and outcome == "done":
        db.execute(
            update(jobs)
            .where(
                jobs.c.store == job["store"],
                jobs.c.order_id == job["order_id"],
                jobs.c.kind == Kind.TRACKING,
                is_open(),
                jobs.c.stage == Stage.REQUESTED,
                jobs.c.due_at > now,
            )
            .values(due_at=now)
        )


class Outcomes(Repository):
    """The outcomes that are still to be reported."""

    def due(self, limit: int) -> list[Outcome]:
        """Return the oldest due outcome of each order."""
        earlier = outcomes.alias("earlier")
        query = (
            select(outcomes)
            .where(
                outcomes.c.due_at <= self._now(),
                ~select(earlier.c.id)
                .where(
                    earlier.c.store == outcomes.c.store,
                    earlier.c.order_id == outcomes.c.order_id,
                    earlier.c.id < outcomes.c.id,
                )
                .exists(),
            )
            .order_by(outcomes.c.id)
            .limit(limit)
        )
        return [
            Outcome(
                id=row.id, store=row.store, order_id=row.order_id, job=row.job,
                kind=Kind(row.kind), invoice_number=row.invoice_number,
                invoice_series=row.invoice_series, reference=row.reference,
                outcome=row.outcome, reason=row.reason, result=from_json(row.result) or {},
                attempt=row.attempt, at=row.at, failures=row.failures,
            )
            for row in self._database.rows(query)
        ]  # fmt: skip

    def mark_reported(self, outcome: Outcome) -> None:
        """Record that the ERP has the outcome."""
        with self._database.transaction() as db:
            db.execute(outcomes.delete().where(outcomes.c.id == outcome.id))
            db.execute(
                events.insert(),
                event_row(
                    outcome.store,
                    outcome.order_id,
                    self._now(),
                    outcome.attempt,
                    "outcome reported",
                    kind=outcome.kind,
                    detail=outcome.outcome,
                ),
            )

    def postpone(self, outcome: Outcome, wait_seconds: float) -> None:
        """Postpone an outcome that the ERP did not accept."""
        self._database.run(
            update(outcomes)
            .where(outcomes.c.id == outcome.id)
            .values(
                failures=outcome.failures + 1, due_at=self._now() + timedelta(seconds=wait_seconds)
            )
        )
