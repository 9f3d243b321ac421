"""The queries of the metrics: numbers of jobs, without ids, names or texts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import case, func, select

from foundation.messages import journal as messages
from foundation.messages import vtex
from journal.feeds import FeedRow
from journal.feeds import find_all as every_feed
from journal.model import AT_ERP, Kind, State
from journal.reconciliation import Reconciliation
from journal.reconciliation import last as last_reconciliations
from journal.storage.repository import Repository
from journal.storage.tables import erp_circuits, jobs, orders, outcomes, store_pauses

MAX_LATEST = 1000
"""Bound of the orders that are read for the last one of each store."""


@dataclass(frozen=True, slots=True)
class JobCount:
    """The jobs of one store, kind and stage.

    Attributes:
        oldest: creation time of the oldest one.
        leased: number of leased jobs.
        failing: number of jobs whose last attempt failed.
    """

    store: str
    kind: str
    stage: str
    state: str
    count: int
    oldest: datetime | None = None
    leased: int = 0
    failing: int = 0


@dataclass(frozen=True, slots=True)
class DeadLetterCount:
    """The dead jobs of one store and one reason. See ``REASONS``."""

    store: str
    kind: str
    reason: str
    count: int


@dataclass(frozen=True, slots=True)
class JournalSnapshot:
    """The state of the cluster.

    Attributes:
        skew: lead of this host's clock over the journal's.
        open: open jobs.
        paused: paused stores.
        erp_down_since: ``None`` while the ERP responds.
        latest: arrival of each store's last order, within the last orders of all stores.
    """

    now: datetime
    skew: timedelta
    open: Sequence[JobCount]
    dead: Sequence[DeadLetterCount]
    unreported: Mapping[str, int]
    paused: frozenset[str]
    erp_down_since: datetime | None
    feeds: Sequence[FeedRow]
    reconciliations: Sequence[Reconciliation]
    latest: dict[str, datetime]


_PLACE = (jobs.c.store, jobs.c.kind, jobs.c.stage, jobs.c.state)
_ENDED = select(*_PLACE, func.count().label("count")).group_by(*_PLACE)

_REASON = case(
    {
        messages.CRASHED.code: "crashed",
        messages.GAVE_UP_UNFORESEEN.code: "unforeseen",
        messages.GAVE_UP.code: "retries_exhausted",
        messages.WAITED_TOO_LONG.code: "retries_exhausted",
        vtex.BREAKS_SCHEMA.code: "invalid_document",
        vtex.ANSWERED.code: "vtex_rejected",
    },
    value=jobs.c.error_code,
    else_=case(
        ((jobs.c.kind == Kind.INTAKE) & (jobs.c.stage == AT_ERP), "erp_rejected"),
        else_="request_refused",
    ),
)
REASONS = (
    "crashed",
    "unforeseen",
    "retries_exhausted",
    "invalid_document",
    "vtex_rejected",
    "erp_rejected",
    "request_refused",
)
"""Why a job is dead, by the code of its error. No document adds a value.
``erp_rejected``: the ERP, or the mapping to it, refuses the order."""


class MetricsQueries(Repository):
    """The queries of the metrics. Each reads an index."""

    def snapshot(self, clock: datetime) -> JournalSnapshot:
        """Return the state of the cluster. The cost grows with open and dead jobs.

        Args:
            clock: time of this host.
        """
        now = self._now()
        leased = func.sum(case((jobs.c.lease_until >= now, 1), else_=0)).label("leased")
        failing = func.sum(case((jobs.c.failures > 0, 1), else_=0)).label("failing")
        is_open = (
            select(
                *_PLACE,
                func.count().label("count"),
                func.min(jobs.c.created_at).label("oldest"),
                leased,
                failing,
            )
            .where(jobs.c.state == State.OPEN)
            .group_by(*_PLACE)
        )
        # The word is made within: PostgreSQL takes two parameters of one name for two.
        named = (
            select(jobs.c.store, jobs.c.kind, _REASON.label("reason"))
            .where(jobs.c.state == State.DEAD)
            .subquery()
        )
        by = (named.c.store, named.c.kind, named.c.reason)
        dead = select(*by, func.count().label("count")).group_by(*by)
        unreported = select(outcomes.c.kind, func.count().label("n")).group_by(outcomes.c.kind)
        last = (
            select(orders.c.store, orders.c.listed_at)
            .order_by(orders.c.listed_at.desc(), orders.c.order_id.desc())
            .limit(MAX_LATEST)
            .subquery()
        )
        latest = select(last.c.store, func.max(last.c.listed_at).label("at")).group_by(last.c.store)
        with self._database.transaction() as db:
            erp_down = select(erp_circuits.c.since).where(
                erp_circuits.c.until > erp_circuits.c.since
            )
            return JournalSnapshot(
                now=now,
                skew=clock - now,
                open=[JobCount(**row) for row in db.execute(is_open).mappings()],
                dead=[DeadLetterCount(**row) for row in db.execute(dead).mappings()],
                unreported={row.kind: row.n for row in db.execute(unreported)},
                paused=frozenset(
                    db.execute(
                        select(store_pauses.c.store).where(store_pauses.c.until > now)
                    ).scalars()
                ),
                erp_down_since=db.execute(erp_down).scalar_one_or_none(),
                feeds=every_feed(db),
                reconciliations=list(last_reconciliations(db).values()),
                latest={row.store: row.at for row in db.execute(latest)},
            )

    def ended_jobs(self) -> list[JobCount]:
        """Return the numbers of finished jobs. The cost grows with all jobs."""
        query = _ENDED.where(jobs.c.state.in_([State.DONE, State.SKIPPED]))
        return [JobCount(**row._asdict()) for row in self._database.rows(query)]
