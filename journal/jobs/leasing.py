"""Dispatch: the choice of due jobs, their order and their number."""

from collections.abc import Mapping, Sequence
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
from journal.model import (
    AT_ERP,
    BEFORE_INSERTION,
    PRIORITIES,
    STAGES,
    InFlight,
    Kind,
    Lease,
    Policy,
    Stage,
    State,
)
from journal.outcomes import record_outcome
from journal.storage.rows import Row, error_columns, event_row, is_open
from journal.storage.tables import CRASHED, erp_circuits, events, jobs, store_pauses

_OTHER = jobs.alias("other")

_Place = tuple[Kind, Stage]
_PLACES = [(kind, stage) for kind in chain(*PRIORITIES) for stage in STAGES[kind][:-1]]
"""Kinds and stages of this version. Those of a newer version are left to its workers."""

_BEFORE_ERP = (Kind.INTAKE, AT_ERP)
_RANK_OF_INTAKE = next(rank for rank, kinds in enumerate(PRIORITIES) if Kind.INTAKE in kinds)

_ALL_ORDERS = text("SELECT pg_advisory_xact_lock(hashtext(:name))")
_ONE_ORDER = text(
    "SELECT pg_advisory_xact_lock_shared(hashtext(:name)), "
    "pg_advisory_xact_lock(hashtext(:name), hashtext(:order))"
)


@dataclass(frozen=True, slots=True)
class _Due:
    """The due jobs of a store with one priority.

    Attributes:
        rank: index in ``PRIORITIES``.
        places: their kinds and stages.
    """

    rank: int
    store: str
    places: tuple[_Place, ...]

    @property
    def outbound(self) -> bool:
        """Whether an order may have one of them in flight: all kinds but intakes."""
        return Kind.INTAKE not in PRIORITIES[self.rank]


class LeaseQuery:
    """Leases the due jobs of all stores, within one transaction."""

    def __init__(self, db: Connection, policy: Policy, now: datetime) -> None:
        self._db = db
        self._policy = policy
        self._now = now

    def tickets(
        self, *, in_flight: InFlight, store: str | None, order_id: str | None
    ) -> list[Lease]:
        """Lease the allowed jobs. Each gets a new attempt."""
        leases: list[Lease] = []
        due, waiting = self._due(store)
        for jobs_due in due:
            if (room := self._room(jobs_due, in_flight, order_id)) > 0:
                leases += self._claim(jobs_due, order_id, room)
                leases += self._claim_suspect(jobs_due, order_id)
        return leases + self._probe(waiting, order_id, in_flight)

    def _due(self, store: str | None) -> tuple[list[_Due], list[_Due]]:
        """Return due jobs by priority, and jobs that wait for the ERP by age."""
        given = {"now": self._now} | ({} if store is None else {"store": store})
        due, waiting = [], []
        for row in self._db.execute(_FIRST_DUE if store is None else _FIRST_DUE_OF, given):
            first = dict(zip(_PLACES, row[2:], strict=True))
            if row.store in self._policy.observed:
                self._start_again(row.store, first)
            due_places = {
                place
                for place, at in first.items()
                if at is not None
                and at <= self._now
                and not self._policy.holds(row.store, place[0])
            }
            if row.erp_until is not None and _BEFORE_ERP in due_places:
                due_places.remove(_BEFORE_ERP)
                kept = _Due(_RANK_OF_INTAKE, row.store, (_BEFORE_ERP,))
                waiting.append((first[_BEFORE_ERP], kept))
            for rank, kinds in enumerate(PRIORITIES):
                if places := tuple(
                    place for place in _PLACES if place in due_places and place[0] in kinds
                ):
                    due.append(_Due(rank, row.store, places))
        return (
            sorted(due, key=lambda due: (due.rank, due.store)),
            [one for _, one in sorted(waiting, key=lambda pair: pair[0])],
        )

    def _start_again(self, store: str, first: Mapping[_Place, datetime | None]) -> None:
        """Let the intakes of an observed store begin again, before the ERP has their orders.

        Another integration may take the orders meanwhile, so that a fresh document decides later.
        """
        if not any(first[Kind.INTAKE, stage] for stage in BEFORE_INSERTION):
            return
        begun = self._db.execute(
            update(jobs)
            .where(
                jobs.c.state == State.OPEN,
                jobs.c.store == store,
                jobs.c.kind == Kind.INTAKE,
                jobs.c.stage.in_(BEFORE_INSERTION),
                or_(jobs.c.lease_until.is_(None), jobs.c.lease_until < self._now),
            )
            .values(stage=Stage.LISTED, unfinished_starts=0, lease_until=None, updated_at=self._now)
            .returning(jobs.c.order_id, jobs.c.attempt)
        ).all()
        lines = [
            event_row(
                store,
                row.order_id,
                self._now,
                row.attempt,
                "starts again",
                stage=Stage.LISTED,
                detail=messages.STORE_OBSERVED(store=store),
            )
            for row in begun
        ]
        if lines:
            self._db.execute(events.insert(), lines)

    def _room(self, due: _Due, in_flight: InFlight, order_id: str | None) -> int:
        self._set_aside(due.store)
        most = in_flight(due.store) if callable(in_flight) else in_flight
        room = most - self._leased(due.store, list(chain(*PRIORITIES[: due.rank + 1])))
        if room > 0 and due.outbound:
            self._one_at_a_time(due.store, order_id)
        return room

    def _probe(self, waiting: list[_Due], order_id: str | None, in_flight: InFlight) -> list[Lease]:
        """Lease one order as the probe of the ERP, the next one by age."""
        tried = erp_circuit_breaker.next_probe(self._db, self._now) if waiting else None
        if tried is None:
            return []
        # The last probe has its turn again after all others.
        for last, candidate in product((tried, None), waiting):
            if self._room(candidate, in_flight, order_id) > 0:
                leases = self._claim(candidate, order_id, 1, last) or self._claim_suspect(
                    candidate, order_id
                )
                if leases:
                    erp_circuit_breaker.start_probe(self._db, leases[0], self._now, self._policy)
                    return leases
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
        # An order's other jobs decide whether a job may go, so two sweeps must not decide at once.
        if self._db.dialect.name != "postgresql":
            return
        whole = {"name": f"outbound {store}"}
        if order_id is None:
            self._db.execute(_ALL_ORDERS, whole)
        else:
            # Each new request sweeps for its own order. It does not wait for other orders.
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
            # A locked row must not delay the other rows.
            .with_for_update(skip_locked=True)
        )
        reason = messages.CRASHED(times=self._policy.max_crashes)
        gone = self._db.execute(
            update(jobs)
            .where(jobs.c.id.in_(lapsed))
            .values(
                state=State.DEAD, lease_until=None, updated_at=self._now, **error_columns(reason)
            )
            .returning(*jobs.c)
        ).mappings()
        for row in gone.all():
            self._db.execute(
                events.insert(),
                event_row(
                    store,
                    row["order_id"],
                    self._now,
                    row["attempt"],
                    "dead",
                    kind=row["kind"],
                    stage=row["stage"],
                    detail=reason,
                ),
            )
            record_outcome(self._db, row, "dead", reason, self._now)

    def _claim_suspect(self, due: _Due, order_id: str | None) -> list[Lease]:
        """Lease one job that one more crash would dead-letter, unless such a job is in flight.

        A dying worker takes the orders of its other threads along. In isolation, the order that
        kills workers is separated from the others.
        """
        under_way = select(jobs.c.id).where(
            jobs.c.state == State.OPEN,
            jobs.c.store == due.store,
            jobs.c.crash_suspect > 0,
            # The start of the current attempt counts only once it has begun.
            jobs.c.unfinished_starts - jobs.c.crash_suspect
            >= self._policy.max_crashes - 1 - CRASHED,
            jobs.c.lease_until >= self._now,
        )
        if self._db.execute(under_way.limit(1)).first() is not None:
            return []
        # A step that began and did not end still has its expired lease.
        lapsed = [
            jobs.c.unfinished_starts >= max(self._policy.max_crashes - 1, 1),
            jobs.c.lease_until < self._now,
        ]
        query = self._oldest(due, order_id, 1).where(_stands_at(due.places), *lapsed)
        return self._lease(due, self._db.execute(query).all())

    def _claim(
        self, due: _Due, order_id: str | None, limit: int, tried: Row | None = None
    ) -> list[Lease]:
        """Lease the oldest jobs, or the oldest ones after ``tried``."""
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
        # The index sorts the jobs of one place by age, but not those of several.
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

    def _lease(self, due: _Due, rows: Sequence[Any]) -> list[Lease]:
        store, outbound = due.store, due.outbound
        if outbound:
            # Of two allowed jobs of an order, the older one goes.
            rows = list({row.order_id: row for row in reversed(rows)}.values())[::-1]
        if not rows:
            return []
        claimed = self._db.execute(
            update(jobs)
            .where(jobs.c.id.in_([row.id for row in rows]))
            .values(
                attempt=jobs.c.attempt + 1,
                crash_suspect=case((jobs.c.unfinished_starts > 0, CRASHED), else_=0),
                not_ready=0,
                lease_until=self._now + timedelta(seconds=self._policy.lease_seconds),
                updated_at=self._now,
            )
            .returning(jobs.c.id, jobs.c.order_id, jobs.c.attempt, jobs.c.stage, jobs.c.kind)
        ).all()
        self._note_lapsed(store, claimed, {row.id for row in rows if row.lease_until is not None})
        place = {row.id: place for place, row in enumerate(rows)}
        return [
            Lease(
                store,
                row.order_id,
                row.attempt,
                Stage(row.stage),
                Kind(row.kind),
                row.id if outbound else None,
            )
            for row in sorted(claimed, key=lambda row: place[row.id])
        ]

    def _note_lapsed(self, store: str, claimed: Any, lapsed: set[int]) -> None:
        lines = [
            event_row(
                store,
                row.order_id,
                self._now,
                row.attempt,
                "lease expired, dispatched again",
                kind=row.kind,
                stage=row.stage,
            )
            for row in claimed
            if row.id in lapsed
        ]
        if lines:
            self._db.execute(events.insert(), lines)

    def _held_back(self) -> ColumnElement[bool]:
        """Return whether another job of the order goes first.

        An order has one outbound job in flight. A cancellation goes ahead of waiting jobs.
        Otherwise the intake goes first, then changes at VTEX, then each kind in the order of the
        requests. Tracking follows its invoice.
        """
        # A change is processed before the next write. If workers do not read its queue yet, other
        # jobs do not wait for it.
        is_new = or_(_OTHER.c.kind != Kind.CHANGE, _OTHER.c.attempt <= 1)
        runs = and_(_OTHER.c.lease_until >= self._now, is_new)
        same_invoice = and_(
            _OTHER.c.invoice_number == jobs.c.invoice_number,
            or_(
                _OTHER.c.invoice_series == jobs.c.invoice_series,
                _OTHER.c.invoice_series.is_(None),
                jobs.c.invoice_series.is_(None),
            ),
        )
        asked_before = and_(
            _OTHER.c.kind == jobs.c.kind,
            _OTHER.c.id < jobs.c.id,
            or_(jobs.c.kind != Kind.TRACKING, same_invoice),
            # A waiting job may wait for this one, since queues do not preserve order.
            or_(_OTHER.c.not_ready == 0, _OTHER.c.due_at <= self._now),
        )
        its_invoice = and_(
            jobs.c.kind == Kind.TRACKING, _OTHER.c.kind == Kind.INVOICE, same_invoice
        )
        goes_ahead = and_(
            jobs.c.kind != Kind.CANCELLATION, _OTHER.c.kind.in_([Kind.INTAKE, Kind.CANCELLATION])
        )
        # The ERP knows its own cancellation. The change is processed after it.
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
    """Return the condition for some places, in a form that hides the index of places.

    Otherwise SQLite would read a whole place, although few of its jobs match.
    """
    place = jobs.c.kind.concat(" ").concat(jobs.c.stage)
    return place.in_([" ".join(place) for place in places])


def _first_due(names: Any) -> Select[Any]:
    """Return the due time of the first open job at each place, with one index look-up each."""
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
    """Return the stores with open jobs, by a skip scan of the index.

    ``DISTINCT`` would read all open jobs: 20 ms for 50,000, in each sweep.
    """
    first = select(func.min(jobs.c.store).label("store")).where(jobs.c.state == State.OPEN)
    stores = first.cte("stores", recursive=True)
    following = (
        select(func.min(jobs.c.store))
        .where(jobs.c.state == State.OPEN, jobs.c.store > stores.c.store)
        .scalar_subquery()
    )
    return stores.union_all(select(following).where(stores.c.store.is_not(None)))


_TIME = store_pauses.c.until.type
_FIRST_DUE = _first_due(_stores())
_FIRST_DUE_OF = _first_due(
    select(bindparam("store", type_=jobs.c.store.type).label("store")).subquery()
)
