"""Dead jobs: which there are, why, and how they come back or are given up. Many at a time."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, select, update

from journal.model import Kind, Stage, State, retry_stage
from journal.outcomes import record_outcome
from journal.storage.repository import Repository
from journal.storage.rows import event_row
from journal.storage.tables import events, jobs

BATCH = 500
"""Jobs moved in one transaction: none holds the database for long."""

_GAP = re.compile(r"…|\.\.\.")
_PARTICULAR = re.compile(r"'[^']*'|\d[\d.,:]*")


@dataclass(frozen=True, slots=True)
class DeadLetterFilter:
    """Which dead jobs are meant; what is None does not matter.

    Attributes:
        reason: a part of the reason, in any case; ``…`` stands for anything, as in a cause.
        since, until: when they died.
        job: number of one job.
    """

    store: str | None = None
    order_id: str | None = None
    kind: Kind | None = None
    reason: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    job: int | None = None

    def where(self) -> ColumnElement[bool]:
        """Return the condition."""
        wanted = [jobs.c.state == State.DEAD]
        for name in ("store", "order_id", "kind"):
            if (value := getattr(self, name)) is not None:
                wanted.append(jobs.c[name] == value)
        if self.job is not None:
            wanted.append(jobs.c.id == self.job)
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
        since: when it died.
        attempts: how often it was tried.
    """

    job: int
    store: str
    order_id: str
    kind: Kind
    stage: Stage
    reason: str
    since: datetime
    attempts: int

    @property
    def cause(self) -> str:
        """The reason without what is particular to this job."""
        return general_reason(self.reason)


def general_reason(reason: str) -> str:
    """Return a reason without what is particular to one job: numbers and quoted words."""
    return _PARTICULAR.sub("…", reason)


def find(db: Connection, which: DeadLetterFilter, limit: int) -> list[DeadLetter]:
    """Return dead jobs, the longest dead first."""
    names = ("id", "store", "order_id", "kind", "stage", "last_error", "updated_at", "attempt")
    query = (
        select(*(jobs.c[name] for name in names))
        .where(which.where())
        .order_by(jobs.c.updated_at, jobs.c.id)
        .limit(limit)
    )
    return [
        DeadLetter(
            one.id,
            one.store,
            one.order_id,
            Kind(one.kind),
            Stage(one.stage),
            one.last_error or "",
            one.updated_at,
            one.attempt,
        )
        for one in db.execute(query)
    ]


def revive(db: Connection, rows: Sequence[DeadLetter], now: datetime) -> int:
    """Let dead jobs try again now; return how many still were dead."""
    moved: list[dict[str, Any]] = []
    for stage in {one.stage for one in rows}:
        chosen = [one.job for one in rows if one.stage is stage]
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
                last_error=None,
                updated_at=now,
            )
            .returning(*jobs.c)
        )
        moved += [dict(one) for one in db.execute(back).mappings()]
    _tell(db, moved, "retried by hand", None, now)
    return len(moved)


def discard(db: Connection, rows: Sequence[DeadLetter], why: str, now: datetime) -> int:
    """Give dead jobs up for good; return how many still were dead. The ERP hears of its own."""
    gone = (
        update(jobs)
        .where(jobs.c.id.in_([one.job for one in rows]), jobs.c.state == State.DEAD)
        .values(state=State.SKIPPED, last_error=f"discarded: {why}", updated_at=now)
        .returning(*jobs.c)
    )
    moved = [dict(one) for one in db.execute(gone).mappings()]
    _tell(db, moved, "discarded", why, now)
    for one in moved:
        record_outcome(db, one, "obsolete", f"discarded: {why}", now)
    return len(moved)


def _tell(
    db: Connection, moved: Sequence[dict[str, Any]], event: str, detail: str | None, now: datetime
) -> None:
    if moved:
        db.execute(
            events.insert(),
            [
                event_row(
                    one["store"],
                    one["order_id"],
                    now,
                    one["attempt"],
                    event,
                    kind=one["kind"],
                    stage=one["stage"],
                    detail=detail,
                )
                for one in moved
            ],
        )


class DeadLetters(Repository):
    """The dead jobs, many at a time."""

    def find(self, which: DeadLetterFilter, *, limit: int = 100_000) -> list[DeadLetter]:
        """Return dead jobs, the longest dead first."""
        with self._database.transaction() as db:
            return find(db, which, limit)

    def retry(self, rows: Sequence[DeadLetter]) -> Iterator[int]:
        """Let dead jobs try again now; yield how many came back, batch by batch.

        What has meanwhile come back by itself is left alone.
        """
        for start in range(0, len(rows), BATCH):
            with self._database.transaction() as db:
                count = revive(db, rows[start : start + BATCH], self._now())
            yield count

    def discard(self, rows: Sequence[DeadLetter], why: str) -> Iterator[int]:
        """Give dead jobs up for good; yield how many were, batch by batch."""
        for start in range(0, len(rows), BATCH):
            with self._database.transaction() as db:
                count = discard(db, rows[start : start + BATCH], why, self._now())
            yield count
