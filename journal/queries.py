"""What the journal answers: where orders and requests stand, and their timelines."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import RowMapping, and_, func, select, true

from journal import erp_circuit_breaker as erp_pause
from journal.erp_circuit_breaker import ErpPause
from journal.model import AT_ERP, Kind, Policy, Stage, State
from journal.storage.clock import DatabaseClock
from journal.storage.database import Database
from journal.storage.rows import from_json, unpacked
from journal.storage.tables import documents, erp_pauses, events, jobs, orders, outcomes, pauses

DEFAULT = Policy()


@dataclass(frozen=True, slots=True)
class OrderRow:
    """Where an order stands.

    Attributes:
        waits_for: what keeps all orders at its stage waiting; None where nothing does.
    """

    store: str
    order_id: str
    stage: Stage
    state: State
    attempt: int
    failures: int
    due_at: datetime
    lease_until: datetime | None
    last_error: str | None
    erp_reference: str | None
    value_cents: int | None
    created_at: datetime | None
    listed_at: datetime
    updated_at: datetime
    waits_for: str | None = None


@dataclass(frozen=True, slots=True)
class RequestRow:
    """Where something that the ERP asked for stands.

    Attributes:
        about: invoice number, where one is concerned.
        result: what VTEX gave: ``receipt``, ``order_status``.
        purged: what it asked for is not known any more.
    """

    job: int
    store: str
    order_id: str
    kind: Kind
    about: str | None
    reference: str | None
    stage: Stage
    state: State
    attempt: int
    failures: int
    due_at: datetime
    last_error: str | None
    result: dict[str, Any] | None
    created_at: datetime | None
    updated_at: datetime
    purged: bool = False


@dataclass(frozen=True, slots=True)
class EventRow:
    """A line of an order's timeline."""

    at: datetime
    kind: Kind
    stage: Stage | None
    attempt: int
    what: str
    detail: str | None


class Readings:
    """The questions; none of them writes."""

    def __init__(
        self, url: str, *, policy: Policy = DEFAULT, now: Callable[[], datetime] | None = None
    ) -> None:
        self._database = Database(url)
        self._policy = policy
        self._now = now or DatabaseClock(self._database)

    def now(self) -> datetime:
        """Return the journal's time, by which all that it keeps is due.

        Raises:
            JournalUnavailable: it was never read yet, and the database does not answer.
        """
        return self._now()

    def paused(self, store: str) -> tuple[datetime, str] | None:
        """Return until when a store pauses and why; None when it does not."""
        query = select(pauses.c.until, pauses.c.reason).where(
            pauses.c.store == store, pauses.c.until > self._now()
        )
        with self._database.transaction() as db:
            row = db.execute(query).one_or_none()
        return None if row is None else (row.until, row.reason)

    def pauses(self) -> dict[str, tuple[datetime, str]]:
        """Return until when and why, for each store that pauses."""
        query = select(pauses).where(pauses.c.until > self._now()).order_by(pauses.c.store)
        with self._database.transaction() as db:
            return {one.store: (one.until, one.reason) for one in db.execute(query)}

    def erp_paused(self) -> ErpPause | None:
        """Return why orders wait for the ERP; None while it answers."""
        with self._database.transaction() as db:
            return erp_pause.current(db)

    def orders(
        self,
        *,
        store: str | None = None,
        stage: Stage | None = None,
        state: State | None = None,
        older_than: timedelta | None = None,
        limit: int = 100,
    ) -> list[OrderRow]:
        """Return where orders stand, the longest listed first."""
        query = _ORDERS
        if store is not None:
            query = query.where(orders.c.store == store)
        if stage is not None:
            query = query.where(jobs.c.stage == stage)
        if state is not None:
            query = query.where(jobs.c.state == state)
        if older_than is not None:
            query = query.where(orders.c.listed_at < self._now() - older_than)
        by_age = query.order_by(orders.c.listed_at, orders.c.order_id)
        if state in (State.OPEN, State.DEAD):
            # These are few, and found by their state before they are sorted; an OFFSET keeps the
            # database from going by age, through all that was ever done, to find them.
            few = query.offset(0).subquery()
            by_age = select(few).order_by(few.c.listed_at, few.c.order_id)
        with self._database.transaction() as db:
            return [_order(one) for one in db.execute(by_age.limit(limit)).mappings()]

    def order(self, store: str, order_id: str) -> OrderRow | None:
        """Return where one order stands; None when it is not known."""
        query = _ORDERS.where(orders.c.store == store, orders.c.order_id == order_id)
        with self._database.transaction() as db:
            row = db.execute(query).mappings().one_or_none()
        return None if row is None else _order(row)

    def requests(
        self,
        store: str | None = None,
        order_id: str | None = None,
        *,
        state: State | None = None,
        older_than: timedelta | None = None,
        limit: int = 100,
    ) -> list[RequestRow]:
        """Return what the ERP asked for, and what changed at VTEX, the oldest first."""
        query = select(*(jobs.c[name] for name in _REQUEST)).where(jobs.c.kind != Kind.INTAKE)
        if state is not None:
            query = query.where(jobs.c.state == state)
        if older_than is not None:
            query = query.where(jobs.c.created_at < self._now() - older_than)
        if store is not None:
            query = query.where(jobs.c.store == store)
        if order_id is not None:
            query = query.where(jobs.c.order_id == order_id)
        by_age = query.order_by(jobs.c.id)
        if state in (State.OPEN, State.DEAD):
            # As with orders: these are few, and found by their state.
            few = query.offset(0).subquery()
            by_age = select(few).order_by(few.c.id)
        with self._database.transaction() as db:
            return [_request(one) for one in db.execute(by_age.limit(limit)).mappings()]

    def request(self, job: int) -> RequestRow | None:
        """Return where one request stands; None where there is none of this number."""
        query = select(*(jobs.c[name] for name in _REQUEST))
        query = query.where(jobs.c.id == job, jobs.c.kind != Kind.INTAKE)
        with self._database.transaction() as db:
            row = db.execute(query).mappings().one_or_none()
        return None if row is None else _request(row)

    def content(self, job: int) -> dict[str, Any] | None:
        """Return what a request asked for."""
        with self._database.transaction() as db:
            data = db.execute(select(jobs.c.content).where(jobs.c.id == job)).scalar_one_or_none()
        return unpacked(data)

    def failures(self, store: str, order_id: str, job: int | None) -> int:
        """Return how often in a row a job failed; of the intake where ``job`` is None."""
        query = select(jobs.c.failures).where(jobs.c.store == store, jobs.c.order_id == order_id)
        query = query.where(jobs.c.kind == Kind.INTAKE if job is None else jobs.c.id == job)
        with self._database.transaction() as db:
            return int(db.execute(query).scalar_one_or_none() or 0)

    def stores_of(self, order_id: str) -> list[str]:
        """Return the stores that have an order of this id."""
        query = select(orders.c.store).where(orders.c.order_id == order_id).order_by(orders.c.store)
        with self._database.transaction() as db:
            return list(db.execute(query).scalars())

    def documents(
        self, store: str, order_id: str
    ) -> tuple[dict[str, Any] | None, dict[str, Any] | None]:
        """Return VTEX's documents of an order and of its payment; personal data."""
        query = select(documents.c.order_document, documents.c.payment_document).where(
            documents.c.store == store, documents.c.order_id == order_id
        )
        with self._database.transaction() as db:
            row = db.execute(query).one_or_none()
        return (None, None) if row is None else (unpacked(row[0]), unpacked(row[1]))

    def events(self, store: str, order_id: str) -> list[EventRow]:
        """Return an order's timeline, oldest first."""
        query = (
            select(events)
            .where(events.c.store == store, events.c.order_id == order_id)
            .order_by(events.c.id)
        )
        with self._database.transaction() as db:
            return [
                EventRow(
                    one.at, Kind(one.kind), Stage(one.stage) if one.stage else None, one.attempt,
                    one.what, one.detail,
                )
                for one in db.execute(query)
            ]  # fmt: skip

    def counts(self) -> dict[str, dict[str, int]]:
        """Return, for each store, how many orders are at each stage (open ones) or state."""
        found: dict[str, dict[str, int]] = {}
        with self._database.transaction() as db:
            for one in db.execute(_COUNTS):
                if one.kind != Kind.INTAKE:
                    continue
                name = str(one.stage if one.state == State.OPEN else one.state)
                store = found.setdefault(one.store, {})
                store[name] = store.get(name, 0) + one.n
        return found

    def request_counts(self) -> dict[str, dict[str, int]]:
        """Return, for each kind of request, how many are in each state; ``untold`` are outcomes."""
        untold = select(outcomes.c.kind, func.count().label("n")).group_by(outcomes.c.kind)
        found: dict[str, dict[str, int]] = {}
        with self._database.transaction() as db:
            for one in db.execute(_COUNTS):
                if one.kind != Kind.INTAKE:
                    kind = found.setdefault(one.kind, {})
                    kind[one.state] = kind.get(one.state, 0) + one.n
            for one in db.execute(untold):
                found.setdefault(one.kind, {})["untold"] = one.n
        return found


# In the order of an index, which is read from end to end: what is counted is all there ever was.
_PLACE = (jobs.c.state, jobs.c.store, jobs.c.kind, jobs.c.stage)
_COUNTS = select(*_PLACE, func.count().label("n")).group_by(*_PLACE)

_REQUEST = (
    "id", "store", "order_id", "kind", "about", "reference", "stage", "state", "attempt",
    "failures", "due_at", "last_error", "result", "created_at", "updated_at", "digest",
)  # fmt: skip


def _request(one: RowMapping) -> RequestRow:
    row = {name: one[name] for name in _REQUEST if name not in ("id", "digest")}
    row |= {
        "job": one["id"],
        "kind": Kind(one["kind"]),
        "stage": Stage(one["stage"]),
        "state": State(one["state"]),
        "result": from_json(one["result"]),
        "purged": one["digest"] is not None,
    }
    return RequestRow(**row)


def _order(one: RowMapping) -> OrderRow:
    row = {**one, "stage": Stage(one["stage"]), "state": State(one["state"])}
    reason = row.pop("erp_reason")
    waits = reason is not None and (row["state"], row["stage"]) == (State.OPEN, AT_ERP)
    words = f"the ERP, which does not answer: {reason}" if waits else None
    return OrderRow(**row, waits_for=words)


_ORDERS = select(
    orders.c.store, orders.c.order_id, jobs.c.stage, jobs.c.state, jobs.c.attempt,
    jobs.c.failures, jobs.c.due_at, jobs.c.lease_until, jobs.c.last_error,
    orders.c.erp_reference, orders.c.value_cents, orders.c.created_at, orders.c.listed_at,
    jobs.c.updated_at, erp_pauses.c.reason.label("erp_reason"),
).select_from(
    orders.join(
        jobs,
        and_(
            jobs.c.store == orders.c.store,
            jobs.c.order_id == orders.c.order_id,
            jobs.c.kind == Kind.INTAKE,
        ),
    ).outerjoin(erp_pauses, true())
)  # fmt: skip
