"""How requests ended, kept until the ERP was told."""

from __future__ import annotations

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
    """How a request of the ERP ended.

    Attributes:
        job: number of its job.
        invoice_number, invoice_series: of the invoice that the request concerns.
        reference: the ERP's own name of the request.
        outcome: ``done``, ``refused``, ``dead`` or ``obsolete``.
        result: what VTEX gave: ``receipt``, ``order_status``.
        failures: how often the ERP could not be told.
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
        """Names this ending; a job that is retried ends anew."""
        return f"{self.kind}-{self.job}-{self.id}"


def record_outcome(
    db: Connection, job: Row, outcome: str, reason: str | None, now: datetime
) -> None:
    """Keep a request's outcome for the ERP, and wake what waited for it.

    Args:
        job: its row; nobody asked for an intake or a change. Each of its references hears.
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


def find_due(db: Connection, now: datetime, limit: int) -> list[Outcome]:
    """Return what the ERP is to be told next: of each order the oldest alone."""
    earlier = outcomes.alias("earlier")
    query = (
        select(outcomes)
        .where(
            outcomes.c.due_at <= now,
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
            id=one["id"], store=one["store"], order_id=one["order_id"], job=one["job"],
            kind=Kind(one["kind"]), invoice_number=one["invoice_number"],
            invoice_series=one["invoice_series"], reference=one["reference"],
            outcome=one["outcome"], reason=one["reason"], result=from_json(one["result"]) or {},
            attempt=one["attempt"], at=one["at"], failures=one["failures"],
        )
        for one in db.execute(query).mappings()
    ]  # fmt: skip


class Outcomes(Repository):
    """The outcomes that the ERP does not know yet."""

    def due(self, limit: int) -> list[Outcome]:
        """Return outcomes that the ERP is to be told now: of each order the oldest alone."""
        with self._database.transaction() as db:
            return find_due(db, self._now(), limit)

    def mark_reported(self, outcome: Outcome) -> None:
        """Keep that the ERP knows."""
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
        """Let an outcome wait: the ERP did not take it."""
        with self._database.transaction() as db:
            db.execute(
                update(outcomes)
                .where(outcomes.c.id == outcome.id)
                .values(
                    failures=outcome.failures + 1,
                    due_at=self._now() + timedelta(seconds=wait_seconds),
                )
            )
