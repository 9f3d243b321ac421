"""The orders: each recorded once, with its stage."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, Select, and_, select, true

from journal.jobs import postgresql_fast_path
from journal.model import AT_ERP, OF_ORDERS, Kind, Stage, State
from journal.storage.repository import Repository
from journal.storage.rows import count_jobs, event_row, fitting, insert, job_row
from journal.storage.tables import erp_circuits, events, jobs, orders


@dataclass(frozen=True, slots=True)
class NewOrder:
    """An order in VTEX's list."""

    order_id: str
    created_at: datetime | None
    value_cents: int | None


@dataclass(frozen=True, slots=True)
class OrderRow:
    """An order with the state of its intake.

    Attributes:
        waits_for: reason why all orders at its stage wait, if they do.
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
    error_code: str | None
    erp_reference: str | None
    value_cents: int | None
    created_at: datetime | None
    listed_at: datetime
    updated_at: datetime
    waits_for: str | None = None


class Orders(Repository):
    """The orders of all stores."""

    def record(self, store: str, listed: Iterable[NewOrder]) -> int:
        """Write new orders with their intakes, in one transaction. Return their number.

        Existing rows stay unchanged. Orders of an observed store get an observation instead, unless
        they have an intake.
        """
        now = self._now()
        kind = Kind.OBSERVATION if store in self._policy.observed else Kind.INTAKE
        # The due time is the creation time, so that a backlog drains by age.
        rows = sorted({order.order_id: order for order in listed}.values(), key=_age)
        if not rows:
            return 0
        if kind is Kind.INTAKE and not self._database.is_local:
            named = [(row.order_id, row.created_at, row.value_cents) for row in rows]
            return postgresql_fast_path.record(self._database, store, named, now)
        with self._database.transaction() as db:
            # SQLite has one writer. Two lists of an observed store are kept apart by a lock.
            there = select(jobs.c.order_id).where(
                jobs.c.store == store,
                jobs.c.order_id.in_([row.order_id for row in rows]),
                jobs.c.kind.in_([kind, Kind.INTAKE]),
            )
            known = set(db.execute(there).scalars())
            new = [row for row in rows if row.order_id not in known]
            if new:
                _open(db, store, new, kind, now)
        return len(new)

    def find(
        self,
        *,
        store: str | None = None,
        stage: Stage | None = None,
        state: State | None = None,
        older_than: timedelta | None = None,
        limit: int = 100,
    ) -> list[OrderRow]:
        """Return orders, the oldest first."""
        query = _ORDERS.where(
            *fitting(orders, store=store), *fitting(jobs, stage=stage, state=state)
        )
        if older_than is not None:
            query = query.where(orders.c.listed_at < self._now() - older_than)
        by_age = query.order_by(orders.c.listed_at, orders.c.order_id)
        if state in (State.OPEN, State.DEAD):
            # These are few. An OFFSET makes the database find them by state first, instead of
            # reading all finished orders by age.
            few = query.offset(0).subquery()
            by_age = select(few).order_by(few.c.listed_at, few.c.order_id)
        return [_order(row) for row in self._database.rows(by_age.limit(limit))]

    def get(self, store: str, order_id: str) -> OrderRow | None:
        """Return an order, or ``None`` if it is unknown. Its intake goes before its observation."""
        named = (orders.c.store == store, orders.c.order_id == order_id)
        row = self._database.row(_ORDERS.where(*named)) or self._database.row(
            _OBSERVED.where(*named)
        )
        return None if row is None else _order(row)

    def stores_of(self, order_id: str) -> list[str]:
        """Return the stores with an order of this id."""
        query = select(orders.c.store).where(orders.c.order_id == order_id).order_by(orders.c.store)
        return [row.store for row in self._database.rows(query)]

    def counts(self) -> dict[str, dict[str, int]]:
        """Return each store's number of orders by stage (open ones) or state."""
        counts: dict[str, dict[str, int]] = {}
        with self._database.transaction() as db:
            for row in count_jobs(db):
                if row.kind not in OF_ORDERS:
                    continue
                name = str(row.stage if row.state == State.OPEN else row.state)
                if row.kind == Kind.OBSERVATION:
                    name = "observed" if row.state == State.DONE else f"{name} to observe"
                store = counts.setdefault(row.store, {})
                store[name] = store.get(name, 0) + row.n
        return counts


def _open(db: Connection, store: str, new: Sequence[NewOrder], kind: Kind, now: datetime) -> None:
    """Write orders with a first job of one kind."""
    noted = [
        {
            "store": store,
            "order_id": order.order_id,
            "created_at": order.created_at,
            "value_cents": order.value_cents,
            "listed_at": now,
        }
        for order in new
    ]
    db.execute(insert(db, orders).on_conflict_do_nothing(), noted)
    intakes = [
        job_row(store, order.order_id, kind, "", now)
        | {"due_at": min(order.created_at or now, now)}
        for order in new
    ]
    db.execute(insert(db, jobs).on_conflict_do_nothing(), intakes)
    lines = [
        event_row(store, order.order_id, now, 0, "listed", kind=kind, stage=Stage.LISTED)
        for order in new
    ]
    db.execute(events.insert(), lines)


def _age(order: NewOrder) -> tuple[bool, datetime, str]:
    return (
        order.created_at is None,
        order.created_at or datetime.max.replace(tzinfo=UTC),
        order.order_id,
    )


def _order(order: Row[Any]) -> OrderRow:
    row = order._asdict() | {"stage": Stage(order.stage), "state": State(order.state)}
    reason = row.pop("erp_reason")
    waits = reason is not None and (row["state"], row["stage"]) == (State.OPEN, AT_ERP)
    words = f"the ERP, which does not answer: {reason}" if waits else None
    return OrderRow(**row, waits_for=words)


def _with_jobs(kind: Kind) -> Select[Any]:
    """Return the query of orders with their job of a kind."""
    job = and_(
        jobs.c.store == orders.c.store, jobs.c.order_id == orders.c.order_id, jobs.c.kind == kind
    )
    return select(
        orders.c.store, orders.c.order_id, jobs.c.stage, jobs.c.state, jobs.c.attempt,
        jobs.c.failures, jobs.c.due_at, jobs.c.lease_until, jobs.c.last_error,
        jobs.c.error_code, orders.c.erp_reference, orders.c.value_cents, orders.c.created_at,
        orders.c.listed_at, jobs.c.updated_at, erp_circuits.c.reason.label("erp_reason"),
    ).select_from(orders.join(jobs, job).outerjoin(erp_circuits, true()))  # fmt: skip


_ORDERS, _OBSERVED = _with_jobs(Kind.INTAKE), _with_jobs(Kind.OBSERVATION)
