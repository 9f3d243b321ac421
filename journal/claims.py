"""Dispatch: which due jobs are given out, to whom, and how many at once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import chain
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, func, or_, select, text, update

from journal.jobs import PATHS, URGENCY, InFlight, Kind, Policy, Stage, State, Ticket
from journal.outcomes import ended
from journal.rows import line
from journal.tables import events, jobs, pauses

_OTHER = jobs.alias("other")

_TAKEN_ON = or_(*(and_(jobs.c.kind == kind, jobs.c.stage.in_(PATHS[kind][:-1])) for kind in PATHS))
"""What this version knows how to take on; what a newer one has added is left to its workers."""


class Sweep:
    """One look over the due jobs of all stores, within one transaction."""

    def __init__(self, db: Connection, policy: Policy, now: datetime) -> None:
        self._db = db
        self._policy = policy
        self._now = now

    def tickets(
        self, *, in_flight: InFlight, store: str | None, order_id: str | None
    ) -> list[Ticket]:
        """Claim what may be claimed; each job gets a new attempt and a lease."""
        found: list[Ticket] = []
        for name, rank in self._due(store):
            self._set_aside(name)
            most = in_flight(name) if callable(in_flight) else in_flight
            room = most - self._leased(name, list(chain(*URGENCY[: rank + 1])))
            if room <= 0:
                continue
            kinds = URGENCY[rank]
            if Kind.INTAKE not in kinds:
                self._one_at_a_time(name)
            found += self._claim(name, order_id, room, kinds)
            found += self._claim_suspect(name, order_id, kinds)
        return found

    def _due(self, store: str | None) -> list[tuple[str, int]]:
        paused = select(pauses.c.store).where(pauses.c.until > self._now)
        query = (
            select(jobs.c.store, jobs.c.kind)
            .where(
                jobs.c.state == State.OPEN,
                jobs.c.due_at <= self._now,
                jobs.c.store.not_in(paused),
                # Of a kind that only a newer version knows there may be some.
                jobs.c.kind.in_(list(Kind)),
            )
            .distinct()
        )
        if store is not None:
            query = query.where(jobs.c.store == store)
        rank = {kind: rank for rank, kinds in enumerate(URGENCY) for kind in kinds}
        due = {(rank[Kind(one.kind)], one.store) for one in self._db.execute(query)}
        return [(name, urgency) for urgency, name in sorted(due)]

    def _leased(self, store: str, kinds: Sequence[Kind]) -> int:
        query = (
            select(func.count())
            .select_from(jobs)
            .where(
                jobs.c.state == State.OPEN,
                jobs.c.store == store,
                jobs.c.lease_until >= self._now,
                jobs.c.kind.in_(kinds),
            )
        )
        return int(self._db.execute(query).scalar_one())

    def _one_at_a_time(self, store: str) -> None:
        # Whether an order's job may go depends on its other jobs: two sweeps must not both decide.
        if self._db.dialect.name == "postgresql":
            self._db.execute(
                text("SELECT pg_advisory_xact_lock(hashtext(:name))"), {"name": f"outbound {store}"}
            )

    def _set_aside(self, store: str) -> None:
        lapsed = (
            select(jobs.c.id)
            .where(
                jobs.c.state == State.OPEN,
                jobs.c.store == store,
                jobs.c.lease_until < self._now,
                jobs.c.starts >= self._policy.max_crashes,
            )
            # One that somebody holds right now is no reason to keep all others waiting.
            .with_for_update(skip_locked=True)
        )
        reason = (
            f"its step began {self._policy.max_crashes} times and never ended: "
            "it may have killed its worker; see the worker's log, then retry"
        )
        gone = self._db.execute(
            update(jobs)
            .where(jobs.c.id.in_(lapsed))
            .values(state=State.DEAD, lease_until=None, last_error=reason, updated_at=self._now)
            .returning(*jobs.c)
        ).mappings()
        for one in gone.all():
            self._db.execute(
                events.insert(),
                line(
                    store, one["order_id"], self._now, one["attempt"], "dead",
                    kind=one["kind"], stage=one["stage"], detail=reason,
                ),
            )  # fmt: skip
            ended(self._db, one, "dead", reason, self._now)

    def _claim_suspect(
        self, store: str, order_id: str | None, kinds: Sequence[Kind]
    ) -> list[Ticket]:
        """Claim one job whose step never ended, where no other such job is under way.

        A worker that dies takes the orders of its other threads along: one at a time, the order
        that kills is told from those that were only near it.
        """
        under_way = select(jobs.c.id).where(
            jobs.c.state == State.OPEN,
            jobs.c.store == store,
            jobs.c.suspect > 0,
            jobs.c.lease_until >= self._now,
        )
        if self._db.execute(under_way.limit(1)).first() is not None:
            return []
        return self._claim(store, order_id, 1, kinds, suspect=True)

    def _claim(
        self,
        store: str,
        order_id: str | None,
        limit: int,
        kinds: Sequence[Kind],
        *,
        suspect: bool = False,
    ) -> list[Ticket]:
        outbound = Kind.INTAKE not in kinds
        due = (
            select(jobs.c.id, jobs.c.order_id, jobs.c.lease_until)
            .where(
                jobs.c.state == State.OPEN,
                jobs.c.store == store,
                jobs.c.due_at <= self._now,
                or_(jobs.c.lease_until.is_(None), jobs.c.lease_until < self._now),
                jobs.c.starts > 0 if suspect else jobs.c.starts == 0,
                jobs.c.kind.in_(kinds),
                _TAKEN_ON,
            )
            .order_by(jobs.c.due_at, jobs.c.id)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        if outbound:
            due = due.where(~self._held_back())
        if order_id is not None:
            due = due.where(jobs.c.order_id == order_id)
        found = self._db.execute(due).all()
        if outbound:
            # Of two that may both go, the one that is longer due goes first.
            found = list({one.order_id: one for one in reversed(found)}.values())[::-1]
        if not found:
            return []
        claimed = self._db.execute(
            update(jobs)
            .where(jobs.c.id.in_([one.id for one in found]))
            .values(
                attempt=jobs.c.attempt + 1,
                suspect=int(suspect),
                waiting=0,
                lease_until=self._now + timedelta(seconds=self._policy.lease_seconds),
                updated_at=self._now,
            )
            .returning(jobs.c.id, jobs.c.order_id, jobs.c.attempt, jobs.c.stage, jobs.c.kind)
        ).all()
        self._note_lapsed(store, claimed, {one.id for one in found if one.lease_until is not None})
        place = {one.id: place for place, one in enumerate(found)}
        return [
            Ticket(
                store, one.order_id, one.attempt, Stage(one.stage), Kind(one.kind),
                one.id if outbound else None,
            )
            for one in sorted(claimed, key=lambda one: place[one.id])
        ]  # fmt: skip

    def _note_lapsed(self, store: str, claimed: Any, lapsed: set[int]) -> None:
        lines = [
            line(
                store, one.order_id, self._now, one.attempt, "lease lapsed, taken up again",
                kind=one.kind, stage=one.stage,
            )
            for one in claimed
            if one.id in lapsed
        ]  # fmt: skip
        if lines:
            self._db.execute(events.insert(), lines)

    def _held_back(self) -> ColumnElement[bool]:
        """Whether another job of the order goes first.

        One outbound job of an order at a time. A cancellation goes ahead of what waits; else the
        intake first, then each kind in the order of asking, and tracking after its invoice.
        """
        runs = _OTHER.c.lease_until >= self._now
        asked_before = and_(
            _OTHER.c.kind == jobs.c.kind,
            _OTHER.c.id < jobs.c.id,
            or_(jobs.c.kind != Kind.TRACKING, _OTHER.c.about == jobs.c.about),
            # One that waits may wait for this very one: queues keep no order.
            or_(_OTHER.c.waiting == 0, _OTHER.c.due_at <= self._now),
        )
        its_invoice = and_(
            jobs.c.kind == Kind.TRACKING,
            _OTHER.c.kind == Kind.INVOICE,
            _OTHER.c.about == jobs.c.about,
        )
        goes_ahead = and_(
            jobs.c.kind != Kind.CANCELLATION,
            _OTHER.c.kind.in_([Kind.INTAKE, Kind.CANCELLATION]),
        )
        return (
            select(_OTHER.c.id)
            .where(
                _OTHER.c.store == jobs.c.store,
                _OTHER.c.order_id == jobs.c.order_id,
                _OTHER.c.id != jobs.c.id,
                _OTHER.c.state == State.OPEN,
                or_(runs, asked_before, its_invoice, goes_ahead),
            )
            .exists()
        )
