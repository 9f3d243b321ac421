"""Dead letters: list, retry and discard them, many at a time."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, select, update

from journal.model import Kind, Stage, State, retry_stage
from journal.outcomes import record_outcome
from journal.storage.repository import Repository
from journal.storage.rows import IGNORES_CHANGE, error_columns, event_row, fitting
from journal.storage.tables import events, jobs

BATCH = 500
"""Jobs per transaction, so that each one is short."""

_GAP = re.compile(r"…|\.\.\.")
_PARTICULAR = re.compile(r"(?<!\w)'.*?'(?!\w)|(?:(?<!\w)-)?\d[\d.,:]*")


@dataclass(frozen=True, slots=True)
class DeadLetterFilter:
    """A filter of dead letters. ``None`` matches everything.

    Attributes:
        reason: part of the reason, in upper or lower case. ``…`` matches any text.
        since, until: time of death.
        job: number of a job.
    """

    store: str | None = None
    order_id: str | None = None
    kind: Kind | None = None
    reason: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    job: int | None = None

    def where(self) -> ColumnElement[bool]:
        """Return the SQL condition."""
        wanted = [jobs.c.state == State.DEAD]
        wanted += fitting(
            jobs, store=self.store, order_id=self.order_id, kind=self.kind, id=self.job
        )
        if self.reason is not None:
            wanted += [
                jobs.c.last_error.icontains(part, autoescape=True)
                for part in _GAP.split(self.reason)
            ]
        if self.since is not None:
            wanted.append(jobs.c.updated_at >= self.since)
        if self.until is not None:
            wanted.append(jobs.c.updated_at <= self.until)
        return and_(*wanted)


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A dead job.

    Attributes:
        since: time of death.
        attempts: number of attempts.
        error_code: code of the reason in the catalogue of messages, if it has one.
    """

    job: int
    store: str
    order_id: str
    kind: Kind
    stage: Stage
    reason: str
    error_code: str | None
    since: datetime
    attempts: int

    @property
    def cause(self) -> str:
        """The reason without details of this job."""
        return general_reason(self.reason)


def general_reason(reason: str) -> str:
    """Return a reason without the details of one job: numbers and quoted words."""
    return _PARTICULAR.sub("…", reason)


_COLUMNS = (
    "id", "store", "order_id", "kind", "stage", "last_error", "error_code", "updated_at", "attempt",
)  # fmt: skip


def revive(
    db: Connection, rows: Sequence[DeadLetter], now: datetime, *, ignores_change: bool = False
) -> int:
    """Retry dead jobs now. Return the number that was still dead."""
    moved: list[dict[str, Any]] = []
    despite = {"ignores_change": 1} if ignores_change else {}
    for stage in {row.stage for row in rows}:
        chosen = [row.job for row in rows if row.stage is stage]
        back = (
            update(jobs)
            .where(jobs.c.id.in_(chosen), jobs.c.state == State.DEAD)
            .values(
                state=State.OPEN,
                stage=retry_stage(stage),
                due_at=now,
                unfinished_starts=0,
                failures=0,
                not_ready=0,
                lease_until=None,
                retried_at=now,
                updated_at=now,
                **error_columns(None),
                **despite,
            )
            .returning(*jobs.c)
        )
        moved += map(dict, db.execute(back).mappings())
    _tell(db, moved, "retried by hand", IGNORES_CHANGE if ignores_change else None, now)
    return len(moved)


def discard(db: Connection, rows: Sequence[DeadLetter], why: str, now: datetime) -> int:
    """Discard dead jobs. Return the number that was still dead. The ERP gets their outcomes."""
    reason = f"discarded: {why}"
    gone = (
        update(jobs)
        .where(jobs.c.id.in_([row.job for row in rows]), jobs.c.state == State.DEAD)
        .values(state=State.SKIPPED, updated_at=now, **error_columns(reason))
        .returning(*jobs.c)
    )
    moved = [dict(row) for row in db.execute(gone).mappings()]
    _tell(db, moved, "discarded", why, now)
    for row in moved:
        record_outcome(db, row, "obsolete", reason, now)
    return len(moved)


def _tell(
    db: Connection, moved: Sequence[dict[str, Any]], event: str, detail: str | None, now: datetime
) -> None:
    if moved:
        db.execute(
            events.insert(),
            [
                event_row(
                    row["store"],
                    row["order_id"],
                    now,
                    row["attempt"],
                    event,
                    kind=row["kind"],
                    stage=row["stage"],
                    detail=detail,
                )
                for row in moved
            ],
        )


class DeadLetters(Repository):
    """The dead letters of all stores."""

    def find(self, which: DeadLetterFilter, *, limit: int = 100_000) -> list[DeadLetter]:
        """Return dead letters, the oldest first."""
        query = (
            select(*(jobs.c[name] for name in _COLUMNS))
            .where(which.where())
            .order_by(jobs.c.updated_at, jobs.c.id)
            .limit(limit)
        )
        return [
            DeadLetter(
                row.id,
                row.store,
                row.order_id,
                Kind(row.kind),
                Stage(row.stage),
                row.last_error or "",
                row.error_code,
                row.updated_at,
                row.attempt,
            )
            for row in self._database.rows(query)
        ]

    def retry(self, rows: Sequence[DeadLetter], *, ignores_change: bool = False) -> Iterator[int]:
        """Retry dead jobs now. Yield the number of each batch.

        A job that is no longer dead is left alone.

        Args:
            ignores_change: send invoices although a change of the order may be under way.
        """
        for start in range(0, len(rows), BATCH):
            with self._database.transaction() as db:
                batch = rows[start : start + BATCH]
                count = revive(db, batch, self._now(), ignores_change=ignores_change)
            yield count

    def discard(self, rows: Sequence[DeadLetter], why: str) -> Iterator[int]:
        """Discard dead jobs. Yield the number of each batch."""
        for start in range(0, len(rows), BATCH):
            with self._database.transaction() as db:
                count = discard(db, rows[start : start + BATCH], why, self._now())
            yield count
