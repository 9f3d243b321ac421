"""Dispatch: which due jobs are given out, to whom, and how many at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain, product
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    and_,
    bindparam,
    case,
    func,
    or_,
    select,
    text,
    union_all,
    update,
)

from foundation.messages import journal as messages
from journal import erp_circuit_breaker
from journal.model import AT_ERP, PRIORITIES, STAGES, InFlight, Kind, Lease, Policy, Stage, State
from journal.outcomes import record_outcome
from journal.storage.rows import Row, event_row, is_open
from journal.storage.tables import CRASHED, erp_circuits, events, jobs, store_pauses

_OTHER = jobs.alias("other")

_Place = tuple[Kind, Stage]
_PLACES = [(kind, stage) for kind in chain(*PRIORITIES) for stage in STAGES[kind][:-1]]
"""What this version knows how to take on; what a newer one has added is left to its workers."""

_BEFORE_ERP = (Kind.INTAKE, AT_ERP)

_ALL_ORDERS = text("SELECT pg_advisory_xact_lock(hashtext(:name))")
_ONE_ORDER = text(
    "SELECT pg_advisory_xact_lock_shared(hashtext(:name)), "
    "pg_advisory_xact_lock(hashtext(:name), hashtext(:order))"
)


@dataclass(frozen=True, slots=True)
class _Due:
    """A store's jobs of which some are due.

    Attributes:
        rank: their place in PRIORITIES.
        places: where they stand.
    """

    rank: int
    store: str
    places: tuple[_Place, ...]

    @property
    def outbound(self) -> bool:
        """Whether they go by their numbers, one of an order at a time: all but intakes."""
        return Kind.INTAKE not in PRIORITIES[self.rank]


class LeaseQuery:
    """One look over the due jobs of all stores, within one transaction."""

    def __init__(self, db: Connection, policy: Policy, now: datetime) -> None:
        self._db = db
        self._policy = policy
        self._now = now

    def tickets(
        self, *, in_flight: InFlight, store: str | None, order_id: str | None
    ) -> list[Lease]:
        """Claim what may be claimed; each job gets a new attempt and a lease."""
        found: list[Lease] = []
        due, waiting = self._due(store)
        for one in due:
            if (room := self._room(one, in_flight, order_id)) > 0:
                found += self._claim(one, order_id, room)
                found += self._claim_suspect(one, order_id)
        return found + self._probe(waiting, order_id, in_flight)

    def _due(self, store: str | None) -> tuple[list[_Due], list[_Due]]:
        """Return what is due, the most urgent first; and what waits for the ERP, by age."""
        given = {"now": self._now} | ({} if store is None else {"store": store})
        due, waiting = [], []
        for row in self._db.execute(_FIRST_DUE if store is None else _FIRST_DUE_OF, given):
            first = dict(zip(_PLACES, row[2:], strict=True))
            there = {one for one, at in first.items() if at is not None and at <= self._now}
            if row.erp_until is not None and _BEFORE_ERP in there:
                there.remove(_BEFORE_ERP)
                kept = _Due(len(PRIORITIES) - 1, row.store, (_BEFORE_ERP,))
                waiting.append((first[_BEFORE_ERP], kept))
            for rank, kinds in enumerate(PRIORITIES):
                if places := tuple(one for one in _PLACES if one in there and one[0] in kinds):
                    due.append(_Due(rank, row.store, places))
        return (
            sorted(due, key=lambda one: (one.rank, one.store)),
            [one for _, one in sorted(waiting, key=lambda pair: pair[0])],
        )

    def _room(self, due: _Due, in_flight: InFlight, order_id: str | None) -> int:
        self._set_aside(due.store)
        most = in_flight(due.store) if callable(in_flight) else in_flight
        room = most - self._leased(due.store, list(chain(*PRIORITIES[: due.rank + 1])))
        if room > 0 and due.outbound:
            self._one_at_a_time(due.store, order_id)
        return room

    def _probe(self, waiting: list[_Due], order_id: str | None, in_flight: InFlight) -> list[Lease]:
        """Let one order find out whether the ERP answers again: the next one in order of age."""
        tried = erp_circuit_breaker.next_probe(self._db, self._now) if waiting else None
        if tried is None:
            return []
        # Who tried last has its turn again after all others.
        for last, one in product((tried, None), waiting):
            if self._room(one, in_flight, order_id) > 0:
                found = self._claim(one, order_id, 1, last) or self._claim_suspect(one, order_id)
                if found:
                    erp_circuit_breaker.start_probe(self._db, found[0], self._now, self._policy)
                    return found
        return []

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

    def _one_at_a_time(self, store: str, order_id: str | None) -> None:
        # Whether an order's job may go depends on its other jobs: two sweeps must not both decide.
        if self._db.dialect.name != "postgresql":
            return
        whole = {"name": f"outbound {store}"}
        if order_id is None:
            self._db.execute(_ALL_ORDERS, whole)
        else:
            # Each request of the ERP sweeps for its order: it waits for no other order's.
            self._db.execute(_ONE_ORDER, whole | {"order": order_id})

    def _set_aside(self, store: str) -> None:
        lapsed = (
            select(jobs.c.id)
            .where(
                jobs.c.state == State.OPEN,
                jobs.c.store == store,
                jobs.c.lease_until < self._now,
                jobs.c.unfinished_starts >= self._policy.max_crashes,
            )
            # One that somebody holds right now is no reason to keep all others waiting.
            .with_for_update(skip_locked=True)
        )
        reason = messages.CRASHED(times=self._policy.max_crashes)
        gone = self._db.execute(
            update(jobs)
            .where(jobs.c.id.in_(lapsed))
            .values(state=State.DEAD, lease_until=None, last_error=reason, updated_at=self._now)
            .returning(*jobs.c)
        ).mappings()
        for one in gone.all():
            self._db.execute(
                events.insert(),
                event_row(
                    store,
                    one["order_id"],
                    self._now,
                    one["attempt"],
                    "dead",
                    kind=one["kind"],
                    stage=one["stage"],
                    detail=reason,
                ),
            )
            record_outcome(self._db, one, "dead", reason, self._now)

    def _claim_suspect(self, due: _Due, order_id: str | None) -> list[Lease]:
        """Claim one job that another death would set aside, where no other such is under way.

        A worker that dies takes the orders of its other threads along: one at a time, the order
        that kills is told from those that were only near it.
        """
        under_way = select(jobs.c.id).where(
            jobs.c.state == State.OPEN,
            jobs.c.store == due.store,
            jobs.c.crash_suspect > 0,
            # The start of its present attempt counts once that has begun.
            jobs.c.unfinished_starts - jobs.c.crash_suspect
            >= self._policy.max_crashes - 1 - CRASHED,
            jobs.c.lease_until >= self._now,
        )
        if self._db.execute(under_way.limit(1)).first() is not None:
            return []
        # What began and did not end still has the lease that lapsed.
        lapsed = [
            jobs.c.unfinished_starts >= max(self._policy.max_crashes - 1, 1),
            jobs.c.lease_until < self._now,
        ]
        query = self._oldest(due, order_id, 1).where(_stands_at(due.places), *lapsed)
        return self._lease(due, self._db.execute(query).all())

    def _claim(
        self, due: _Due, order_id: str | None, limit: int, tried: Row | None = None
    ) -> list[Lease]:
        """Claim the oldest; of those after ``tried``, where it is given."""
        free = [
            or_(jobs.c.lease_until.is_(None), jobs.c.lease_until < self._now),
            jobs.c.unfinished_starts < max(self._policy.max_crashes - 1, 1),
        ]
        if tried is not None:
            free.append(erp_circuit_breaker.later_than(tried))
        oldest = self._oldest(due, order_id, limit).where(*free)
        if order_id is not None:
            oldest = oldest.where(_stands_at(due.places))
            return self._lease(due, self._db.execute(oldest).all())
        # The oldest of one place stand side by side in the index; those of several do not.
        each = [
            oldest.where(jobs.c.kind == kind, jobs.c.stage == stage).subquery()
            for kind, stage in due.places
        ]
        every = union_all(*map(select, each)).subquery()
        query = select(every).order_by(every.c.due_at, every.c.id).limit(limit)
        return self._lease(due, self._db.execute(query).all())

    def _oldest(self, due: _Due, order_id: str | None, limit: int) -> Select[Any]:
        query = (
            select(jobs.c.id, jobs.c.order_id, jobs.c.due_at, jobs.c.lease_until)
            .where(
                jobs.c.state == State.OPEN if order_id is None else is_open(),
                jobs.c.store == due.store,
                jobs.c.due_at <= self._now,
            )
            .order_by(jobs.c.due_at, jobs.c.id)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        if due.outbound:
            query = query.where(~self._held_back())
        return query if order_id is None else query.where(jobs.c.order_id == order_id)

    def _lease(self, due: _Due, found: Sequence[Any]) -> list[Lease]:
        store, outbound = due.store, due.outbound
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
                crash_suspect=case((jobs.c.unfinished_starts > 0, CRASHED), else_=0),
                not_ready=0,
                lease_until=self._now + timedelta(seconds=self._policy.lease_seconds),
                updated_at=self._now,
            )
            .returning(jobs.c.id, jobs.c.order_id, jobs.c.attempt, jobs.c.stage, jobs.c.kind)
        ).all()
        self._note_lapsed(store, claimed, {one.id for one in found if one.lease_until is not None})
        place = {one.id: place for place, one in enumerate(found)}
        return [
            Lease(
                store,
                one.order_id,
                one.attempt,
                Stage(one.stage),
                Kind(one.kind),
                one.id if outbound else None,
            )
            for one in sorted(claimed, key=lambda one: place[one.id])
        ]

    def _note_lapsed(self, store: str, claimed: Any, lapsed: set[int]) -> None:
        lines = [
            event_row(
                store,
                one.order_id,
                self._now,
                one.attempt,
                "lease expired, dispatched again",
                kind=one.kind,
                stage=one.stage,
            )
            for one in claimed
            if one.id in lapsed
        ]
        if lines:
            self._db.execute(events.insert(), lines)

    def _held_back(self) -> ColumnElement[bool]:
        """Whether another job of the order goes first.

        One outbound job of an order at a time. A cancellation goes ahead of what waits; else the
        intake first, then what was heard of the order, then each kind in the order of asking, and
        tracking after its invoice.
        """
        # What was heard of an order is looked into before anything more is sent about it; where
        # workers do not take it on, since nobody told them of its queue, nothing waits for it.
        is_new = or_(_OTHER.c.kind != Kind.CHANGE, _OTHER.c.attempt <= 1)
        runs = and_(_OTHER.c.lease_until >= self._now, is_new)
        asked_before = and_(
            _OTHER.c.kind == jobs.c.kind,
            _OTHER.c.id < jobs.c.id,
            or_(jobs.c.kind != Kind.TRACKING, _OTHER.c.invoice_number == jobs.c.invoice_number),
            # One that waits may wait for this very one: queues keep no order.
            or_(_OTHER.c.not_ready == 0, _OTHER.c.due_at <= self._now),
        )
        its_invoice = and_(
            jobs.c.kind == Kind.TRACKING,
            _OTHER.c.kind == Kind.INVOICE,
            _OTHER.c.invoice_number == jobs.c.invoice_number,
        )
        goes_ahead = and_(
            jobs.c.kind != Kind.CANCELLATION, _OTHER.c.kind.in_([Kind.INTAKE, Kind.CANCELLATION])
        )
        # What the ERP does itself it need not be told of: it is looked at when that has ended.
        decides = and_(jobs.c.kind == Kind.CHANGE, _OTHER.c.kind == Kind.DENIAL)
        heard = and_(
            jobs.c.kind.in_([Kind.INVOICE, Kind.TRACKING]),
            _OTHER.c.kind == Kind.CHANGE,
            _OTHER.c.due_at <= self._now,
            is_new,
        )
        return (
            select(_OTHER.c.id)
            .where(
                _OTHER.c.store == jobs.c.store,
                _OTHER.c.order_id == jobs.c.order_id,
                _OTHER.c.id != jobs.c.id,
                is_open(_OTHER),
                or_(runs, asked_before, its_invoice, goes_ahead, decides, heard),
            )
            .exists()
        )


def _stands_at(places: Sequence[_Place]) -> ColumnElement[bool]:
    """Whether a job stands at one of these, said so that it is looked for by something else.

    SQLite would read all of a place where few of its jobs have a lease or belong to an order.
    """
    place = jobs.c.kind.concat(" ").concat(jobs.c.stage)
    return place.in_([" ".join(one) for one in places])


def _first_due(names: Any) -> Select[Any]:
    """Return when the first open job at each place is due: one look into the index for each."""
    paused = select(store_pauses.c.store).where(
        store_pauses.c.until > bindparam("now", type_=_TIME)
    )
    firsts = [
        select(func.min(jobs.c.due_at))
        .where(
            jobs.c.state == State.OPEN,
            jobs.c.store == names.c.store,
            jobs.c.kind == kind,
            jobs.c.stage == stage,
        )
        .scalar_subquery()
        for kind, stage in _PLACES
    ]
    erp_until = select(erp_circuits.c.until).scalar_subquery().label("erp_until")
    return select(names.c.store, erp_until, *firsts).where(
        names.c.store.is_not(None), names.c.store.not_in(paused)
    )


def _stores() -> Any:
    """Return the stores that have open jobs, each found by stepping over the one before.

    DISTINCT would read all that is open: 20 ms for 50,000, at each sweep.
    """
    first = select(func.min(jobs.c.store).label("store")).where(jobs.c.state == State.OPEN)
    found = first.cte("stores", recursive=True)
    following = (
        select(func.min(jobs.c.store))
        .where(jobs.c.state == State.OPEN, jobs.c.store > found.c.store)
        .scalar_subquery()
    )
    return found.union_all(select(following).where(found.c.store.is_not(None)))


_TIME = store_pauses.c.until.type
_FIRST_DUE = _first_due(_stores())
_FIRST_DUE_OF = _first_due(
    select(bindparam("store", type_=jobs.c.store.type).label("store")).subquery()
)
