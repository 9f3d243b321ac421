"""What tells whether all is well: bounded questions, cheap however much was ever done."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, func, select

from journal import erp_circuit_breaker, reconciliation
from journal.erp_circuit_breaker import ErpCircuit
from journal.feeds import FeedRow
from journal.model import AT_ERP, Kind, State
from journal.reconciliation import Reconciliation
from journal.storage.repository import Repository
from journal.storage.tables import feeds, heartbeats, jobs, store_pauses

MAX_REASONS = 2000
"""Reasons of dead jobs that are read, the most frequent first."""


@dataclass(frozen=True, slots=True)
class DeadLetterGroup:
    """Dead jobs of a store that have the same reason.

    Attributes:
        since: when the first of them died.
        job: the first of their numbers.
        order_id: its order.
    """

    store: str
    reason: str
    count: int
    since: datetime
    job: int
    order_id: str


@dataclass(frozen=True, slots=True)
class OverdueJobs:
    """Jobs of a store that wait for long.

    Attributes:
        oldest: since when the first of them is known.
    """

    count: int
    oldest: datetime


@dataclass(frozen=True, slots=True)
class HealthSnapshot:
    """What the journal knows of the stores' health at a moment.

    Attributes:
        heartbeats: by name and store; the store is empty for the cluster.
        store_pauses: by store: end and reason.
        waiting: by store; what waits for the ERP is left out while that does not answer.
    """

    heartbeats: Mapping[tuple[str, str], datetime]
    store_pauses: Mapping[str, tuple[datetime, str]]
    erp: ErpCircuit | None
    feeds: Mapping[str, FeedRow]
    reconciliations: Mapping[str, Reconciliation]
    dead: Sequence[DeadLetterGroup]
    waiting: Mapping[str, OverdueJobs]


class AlertQueries(Repository):
    """The queries of the alert rules."""

    def snapshot(self, now: datetime, *, waits: timedelta) -> HealthSnapshot:
        """Return what tells whether all is well.

        Args:
            waits: jobs that are known for longer than this are counted.
        """
        with self._database.transaction() as db:
            found = {(one.name, one.store): one.at for one in db.execute(select(heartbeats))}
            paused = db.execute(select(store_pauses).where(store_pauses.c.until > now))
            erp = erp_circuit_breaker.current(db)
            rest = (
                {one.store: (one.until, one.reason) for one in paused},
                erp,
                {one["store"]: _feed(dict(one)) for one in db.execute(select(feeds)).mappings()},
                reconciliation.last(db),
            )
        with self._database.transaction() as db:
            return HealthSnapshot(found, *rest, _dead(db), _waiting(db, now - waits, erp))

    def oldest_waiting(self, store: str, erp: ErpCircuit | None) -> tuple[str, Kind] | None:
        """Return the order id and kind of the job of a store that waits for the longest."""
        query = select(jobs.c.order_id, jobs.c.kind).where(*_waits(erp), jobs.c.store == store)
        query = query.order_by(jobs.c.created_at, jobs.c.id).limit(1)
        with self._database.transaction() as db:
            row = db.execute(query).one_or_none()
        return None if row is None else (row.order_id, Kind(row.kind))


def _feed(row: dict[str, object]) -> FeedRow:
    return FeedRow(**row | {"statuses": tuple(str(row["statuses"]).split())})  # type: ignore[arg-type]


def _dead(db: Connection) -> list[DeadLetterGroup]:
    query = (
        select(
            jobs.c.store,
            jobs.c.last_error,
            func.count().label("n"),
            func.min(jobs.c.updated_at).label("since"),
            func.min(jobs.c.id).label("job"),
        )
        .where(jobs.c.state == State.DEAD)
        .group_by(jobs.c.store, jobs.c.last_error)
        .order_by(func.count().desc(), func.min(jobs.c.id))
        .limit(MAX_REASONS)
    )
    found = db.execute(query).all()
    first = select(jobs.c.id, jobs.c.order_id).where(jobs.c.id.in_([one.job for one in found]))
    ids = {one.id: one.order_id for one in db.execute(first)}
    return [
        DeadLetterGroup(one.store, one.last_error or "", one.n, one.since, one.job, ids[one.job])
        for one in found
        if one.job in ids
    ]


def _waits(erp: ErpCircuit | None) -> list[ColumnElement[bool]]:
    # A request that only waits for its time is no sign of anything.
    found: list[ColumnElement[bool]] = [jobs.c.state == State.OPEN, jobs.c.not_ready == 0]
    if erp is not None:
        found.append((jobs.c.stage != AT_ERP) | (jobs.c.kind != Kind.INTAKE))
    return found


def _waiting(db: Connection, before: datetime, erp: ErpCircuit | None) -> dict[str, OverdueJobs]:
    query = (
        select(jobs.c.store, func.count().label("n"), func.min(jobs.c.created_at).label("oldest"))
        .where(*_waits(erp), jobs.c.created_at < before)
        .group_by(jobs.c.store)
    )
    return {one.store: OverdueJobs(one.n, one.oldest) for one in db.execute(query)}
