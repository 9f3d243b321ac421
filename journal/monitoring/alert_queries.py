"""The queries of the alert rules. Their cost does not grow with the journal."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, func, select

from journal import erp_circuit_breaker, reconciliation
from journal.erp_circuit_breaker import ErpCircuit
from journal.feeds import FeedRow, find_all
from journal.model import AT_ERP, Kind, State
from journal.reconciliation import Reconciliation
from journal.storage.repository import Repository
from journal.storage.tables import heartbeats, jobs, store_pauses

MAX_REASONS = 2000
"""Bound of the reasons of dead jobs, the most frequent first."""


@dataclass(frozen=True, slots=True)
class DeadLetterGroup:
    """Dead jobs of a store with the same reason.

    Attributes:
        since: time of the first death.
        job: lowest job number.
        order_id: order of that job.
    """

    store: str
    reason: str
    count: int
    since: datetime
    job: int
    order_id: str


@dataclass(frozen=True, slots=True)
class OverdueJobs:
    """Overdue jobs of a store.

    Attributes:
        oldest: creation time of the oldest one.
    """

    count: int
    oldest: datetime


@dataclass(frozen=True, slots=True)
class HealthSnapshot:
    """The health of all stores at a moment.

    Attributes:
        heartbeats: times by name and store. The store is empty for the cluster.
        store_pauses: end and reason by store.
        waiting: overdue jobs by store. Jobs that wait for a failing ERP are left out.
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
        """Return the health of all stores.

        Args:
            waits: age at which a job counts as overdue.
        """
        with self._database.transaction() as db:
            beats = {(row.name, row.store): row.at for row in db.execute(select(heartbeats))}
            paused = db.execute(select(store_pauses).where(store_pauses.c.until > now))
            erp = erp_circuit_breaker.current(db)
            rest = (
                {row.store: (row.until, row.reason) for row in paused},
                erp,
                {feed.store: feed for feed in find_all(db)},
                reconciliation.last(db),
            )
        with self._database.transaction() as db:
            return HealthSnapshot(beats, *rest, _dead(db), _waiting(db, now - waits, erp))

    def oldest_waiting(self, store: str, erp: ErpCircuit | None) -> tuple[str, Kind] | None:
        """Return order id and kind of the store's oldest overdue job."""
        query = select(jobs.c.order_id, jobs.c.kind).where(*_waits(erp), jobs.c.store == store)
        query = query.order_by(jobs.c.created_at, jobs.c.id).limit(1)
        row = self._database.row(query)
        return None if row is None else (row.order_id, Kind(row.kind))


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
    rows = db.execute(query).all()
    first = select(jobs.c.id, jobs.c.order_id).where(jobs.c.id.in_([row.job for row in rows]))
    ids = {row.id: row.order_id for row in db.execute(first)}
    return [
        DeadLetterGroup(row.store, row.last_error or "", row.n, row.since, row.job, ids[row.job])
        for row in rows
        if row.job in ids
    ]


def _waits(erp: ErpCircuit | None) -> list[ColumnElement[bool]]:
    # A request that waits for another one is not overdue.
    conditions: list[ColumnElement[bool]] = [jobs.c.state == State.OPEN, jobs.c.not_ready == 0]
    if erp is not None:
        conditions.append((jobs.c.stage != AT_ERP) | (jobs.c.kind != Kind.INTAKE))
    return conditions


def _waiting(db: Connection, before: datetime, erp: ErpCircuit | None) -> dict[str, OverdueJobs]:
    query = (
        select(jobs.c.store, func.count().label("n"), func.min(jobs.c.created_at).label("oldest"))
        .where(*_waits(erp), jobs.c.created_at < before)
        .group_by(jobs.c.store)
    )
    return {row.store: OverdueJobs(row.n, row.oldest) for row in db.execute(query)}
