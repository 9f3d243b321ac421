"""Every read and write of the journal."""

from __future__ import annotations

import json
import random
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, RowMapping, and_, bindparam, func, or_, select, tuple_, update
from sqlalchemy.dialects import postgresql, sqlite

from journal.database import Database
from journal.jobs import (
    JobLost,
    Policy,
    Stage,
    State,
    StorePaused,
    Ticket,
    backoff_seconds,
    stage_of_retry,
)
from journal.tables import documents, events, jobs, orders, pauses

INTAKE = "intake"
DEFAULT = Policy()


def utc_now() -> datetime:
    """Return the time now, aware UTC."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Listed:
    """An order as VTEX's list names it."""

    order_id: str
    created_at: datetime | None
    value_cents: int | None


@dataclass(frozen=True, slots=True)
class OrderRow:
    """Where an order stands."""

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


@dataclass(frozen=True, slots=True)
class EventRow:
    """A line of an order's timeline."""

    at: datetime
    stage: Stage | None
    attempt: int
    what: str
    detail: str | None


class Job:
    """An order's intake while one step has it; what is assigned here is kept by the journal.

    Attributes:
        in_doubt: an earlier try of this very step began and may have had its effect.
        order, payment: VTEX's documents; None before they were fetched.
        erp_reference: what the ERP calls the order; None before it has it.
    """

    def __init__(self, row: RowMapping) -> None:
        self.store: str = row["store"]
        self.order_id: str = row["order_id"]
        self.attempt: int = row["attempt"]
        self.stage = Stage(row["stage"])
        self.in_doubt: bool = row["starts"] > 0 or row["failures"] > 0
        self.value_cents: int | None = row["value_cents"]
        self.erp_reference: str | None = row["erp_reference"]
        self.order: dict[str, Any] | None = _unpacked(row["order_document"])
        self.payment: dict[str, Any] | None = _unpacked(row["payment_document"])
        self.skipped: str | None = None
        self.notes: list[str] = []
        self._read = (self.order, self.payment, self.erp_reference)

    def skip(self, reason: str) -> None:
        """End the job with this step: there is nothing to do."""
        self.skipped = reason

    def note(self, text: str) -> None:
        """Leave a line in the timeline."""
        self.notes.append(text)

    def changes(self) -> dict[str, Any]:
        """Return the columns of the documents that were assigned."""
        changed: dict[str, Any] = {}
        if self.order is not self._read[0]:
            changed["order_document"] = _packed(self.order)
        if self.payment is not self._read[1]:
            changed["payment_document"] = _packed(self.payment)
        return changed

    @property
    def referenced(self) -> bool:
        """Whether the ERP's reference was assigned."""
        return bool(self.erp_reference != self._read[2])


class Journal:
    """Where every order and job stands, over one database. Safe across threads and processes."""

    def __init__(
        self, url: str, *, policy: Policy = DEFAULT, now: Callable[[], datetime] = utc_now
    ) -> None:
        self._database = Database(url)
        self._policy = policy
        self._now = now

    def migrate(self) -> None:
        """Bring the tables up to date; several processes may call it at once."""
        self._database.migrate()

    def check(self) -> str:
        """Say which database answered, and at which revision it is.

        Raises:
            JournalError: it does not answer, or its tables are not up to date.
        """
        return self._database.check()

    def close(self) -> None:
        """Give back all connections."""
        self._database.close()

    # --- in -----------------------------------------------------------------------------------

    def record(self, store: str, listed: Iterable[Listed]) -> int:
        """Write the orders that are not known yet, each with its intake due now; return how many.

        One transaction; existing rows stay untouched.
        """
        now = self._now()
        rows = {one.order_id: one for one in listed}
        if not rows:
            return 0
        with self._database.transaction() as db:
            new = [
                {
                    "store": store,
                    "order_id": one.order_id,
                    "created_at": one.created_at,
                    "value_cents": one.value_cents,
                    "listed_at": now,
                }
                for one in rows.values()
            ]
            insert = _insert(db, orders).values(new).on_conflict_do_nothing()
            found = set(db.execute(insert.returning(orders.c.order_id)).scalars())
            if found:
                self._open(db, store, sorted(found, key=lambda one: _age(rows[one])), now)
        return len(found)

    def _open(self, db: Connection, store: str, order_ids: Sequence[str], now: datetime) -> None:
        fresh = [
            {
                "store": store, "order_id": order_id, "kind": INTAKE, "key": "",
                "stage": Stage.LISTED, "state": State.OPEN, "attempt": 0, "starts": 0, "suspect": 0,
                "failures": 0, "due_at": now, "updated_at": now,
            }
            for order_id in order_ids
        ]  # fmt: skip
        db.execute(_insert(db, jobs).values(fresh).on_conflict_do_nothing())
        lines = [_event(store, one, now, 0, "listed", stage=Stage.LISTED) for one in order_ids]
        db.execute(events.insert(), lines)

    def dispatch(
        self, *, in_flight: int, store: str | None = None, order_id: str | None = None
    ) -> list[Ticket]:
        """Claim due jobs, the longest due first; each gets a new attempt and a lease.

        Args:
            in_flight: jobs of a store that are leased at once, at most.
            store: only this store's.
            order_id: only this order's.
        """
        now = self._now()
        tickets: list[Ticket] = []
        with self._database.transaction() as db:
            for name in self._due_stores(db, store, now):
                self._set_aside(db, name, now)
                room = in_flight - self._leased(db, name, now)
                if room > 0:
                    tickets += self._claim(db, name, order_id, room, now)
                    tickets += self._claim_suspect(db, name, order_id, now)
        return tickets

    def _due_stores(self, db: Connection, store: str | None, now: datetime) -> list[str]:
        paused = select(pauses.c.store).where(pauses.c.until > now)
        query = (
            select(jobs.c.store)
            .where(jobs.c.state == State.OPEN, jobs.c.due_at <= now, jobs.c.store.not_in(paused))
            .distinct()
        )
        if store is not None:
            query = query.where(jobs.c.store == store)
        return list(db.execute(query).scalars())

    def _leased(self, db: Connection, store: str, now: datetime) -> int:
        query = (
            select(func.count())
            .select_from(jobs)
            .where(jobs.c.state == State.OPEN, jobs.c.store == store, jobs.c.lease_until >= now)
        )
        return int(db.execute(query).scalar_one())

    def _set_aside(self, db: Connection, store: str, now: datetime) -> None:
        lapsed = and_(
            jobs.c.state == State.OPEN,
            jobs.c.store == store,
            jobs.c.lease_until < now,
            jobs.c.starts >= self._policy.max_crashes,
        )
        reason = (
            f"its step began {self._policy.max_crashes} times and never ended: "
            "it may have killed its worker; see the worker's log, then retry"
        )
        gone = db.execute(
            update(jobs)
            .where(lapsed)
            .values(state=State.DEAD, lease_until=None, last_error=reason, updated_at=now)
            .returning(jobs.c.order_id, jobs.c.attempt, jobs.c.stage)
        ).all()
        for one in gone:
            line = _event(store, one.order_id, now, one.attempt, "dead", one.stage, reason)
            db.execute(events.insert(), line)

    def _claim_suspect(
        self, db: Connection, store: str, order_id: str | None, now: datetime
    ) -> list[Ticket]:
        """Claim one job whose step never ended, where no other such job is under way.

        A worker that dies takes the orders of its other threads along: one at a time, the order
        that kills is told from those that were only near it.
        """
        under_way = select(jobs.c.id).where(
            jobs.c.state == State.OPEN,
            jobs.c.store == store,
            jobs.c.suspect == 1,
            jobs.c.lease_until >= now,
        )
        if db.execute(under_way.limit(1)).first() is not None:
            return []
        return self._claim(db, store, order_id, 1, now, suspect=True)

    def _claim(
        self,
        db: Connection,
        store: str,
        order_id: str | None,
        limit: int,
        now: datetime,
        *,
        suspect: bool = False,
    ) -> list[Ticket]:
        due = (
            select(jobs.c.id, jobs.c.lease_until)
            .where(
                jobs.c.state == State.OPEN,
                jobs.c.store == store,
                jobs.c.due_at <= now,
                or_(jobs.c.lease_until.is_(None), jobs.c.lease_until < now),
                jobs.c.starts > 0 if suspect else jobs.c.starts == 0,
            )
            .order_by(jobs.c.due_at, jobs.c.id)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        if order_id is not None:
            due = due.where(jobs.c.order_id == order_id)
        found = db.execute(due).all()
        if not found:
            return []
        lapsed = {one.id for one in found if one.lease_until is not None}
        claimed = db.execute(
            update(jobs)
            .where(jobs.c.id.in_([one.id for one in found]))
            .values(
                attempt=jobs.c.attempt + 1,
                suspect=int(suspect),
                lease_until=self._lease(now),
                updated_at=now,
            )
            .returning(jobs.c.id, jobs.c.order_id, jobs.c.attempt, jobs.c.stage)
        ).all()
        lines = [
            _event(store, one.order_id, now, one.attempt, "lease lapsed, taken up again", one.stage)
            for one in claimed
            if one.id in lapsed
        ]
        if lines:
            db.execute(events.insert(), lines)
        order = {one.id: place for place, one in enumerate(found)}
        return [
            Ticket(store, one.order_id, one.attempt, Stage(one.stage))
            for one in sorted(claimed, key=lambda one: order[one.id])
        ]

    # --- a step -------------------------------------------------------------------------------

    @contextmanager
    def step(
        self, store: str, order_id: str, attempt: int, *, to: Stage, calls_vtex: bool = True
    ) -> Iterator[Job]:
        """Own a job for one step, and move it on to ``to`` when the step ends well.

        Documents assigned before a failure are kept: a person will want to see them.

        Raises:
            JobLost: the job belongs to a newer attempt, or stands elsewhere.
            StorePaused: the step would call VTEX, which asked for a pause.
        """
        job = self._enter(store, order_id, attempt, to.before, calls_vtex=calls_vtex)
        try:
            yield job
        except BaseException:
            self._keep_documents(job)
            raise
        self._advance(job, to)

    def _enter(
        self, store: str, order_id: str, attempt: int, stage: Stage, *, calls_vtex: bool
    ) -> Job:
        now = self._now()
        with self._database.transaction() as db:
            row = db.execute(_JOB, {"s": store, "o": order_id}).mappings().one_or_none()
            if row is None or (row["state"], row["attempt"], row["stage"]) != (
                State.OPEN,
                attempt,
                stage,
            ):
                raise JobLost(f"{store} {order_id}: attempt {attempt} at {stage} is not its own")
            if calls_vtex and row["until"] is not None and row["until"] > now:
                raise StorePaused(f"store paused: {row['reason']}", until=row["until"])
            self._move(db, row, starts=row["starts"] + 1, lease_until=self._lease(now))
        return Job(row)

    def _advance(self, job: Job, to: Stage) -> None:
        now = self._now()
        end = State.SKIPPED if job.skipped else State.DONE if to is Stage.HANDLING else State.OPEN
        with self._database.transaction() as db:
            self._move(
                db,
                {
                    "store": job.store,
                    "order_id": job.order_id,
                    "attempt": job.attempt,
                    "stage": job.stage,
                },
                stage=job.stage if job.skipped else to,
                state=end,
                starts=0,
                suspect=0,
                failures=0,
                last_error=job.skipped,
                lease_until=self._lease(now) if end is State.OPEN else None,
            )
            self._write_documents(db, job, now)
            if job.referenced:
                db.execute(
                    update(orders)
                    .where(orders.c.store == job.store, orders.c.order_id == job.order_id)
                    .values(erp_reference=job.erp_reference)
                )
            lines = [(note, None) for note in job.notes]
            what = ("skipped", job.skipped) if job.skipped else (str(to), None)
            db.execute(
                events.insert(),
                [_event(job.store, job.order_id, now, job.attempt, "note", to, n) for n, _ in lines]
                + [_event(job.store, job.order_id, now, job.attempt, what[0], to, what[1])],
            )
        job.stage = to

    def _keep_documents(self, job: Job) -> None:
        if not job.changes():
            return
        with self._database.transaction() as db:
            row = {
                "store": job.store,
                "order_id": job.order_id,
                "attempt": job.attempt,
                "stage": job.stage,
            }
            self._move(db, row)
            self._write_documents(db, job, self._now())

    def _write_documents(self, db: Connection, job: Job, now: datetime) -> None:
        changed = job.changes()
        if not changed:
            return
        row = {"store": job.store, "order_id": job.order_id, "kept_at": now} | changed
        insert = _insert(db, documents).values(row)
        key = [documents.c.store, documents.c.order_id]
        db.execute(
            insert.on_conflict_do_update(index_elements=key, set_=changed | {"kept_at": now})
        )

    def _move(self, db: Connection, row: Any, **values: Any) -> None:
        moved = db.execute(
            update(jobs)
            .where(
                jobs.c.store == row["store"],
                jobs.c.order_id == row["order_id"],
                jobs.c.kind == INTAKE,
                jobs.c.key == "",
                jobs.c.state == State.OPEN,
                jobs.c.attempt == row["attempt"],
                jobs.c.stage == row["stage"],
            )
            .values(updated_at=self._now(), **values)
        )
        if moved.rowcount != 1:
            raise JobLost(f"{row['store']} {row['order_id']}: another attempt owns it")

    # --- failure ------------------------------------------------------------------------------

    def postpone(
        self,
        store: str,
        order_id: str,
        attempt: int,
        error: str,
        *,
        after_seconds: float | None = None,
        counts: bool = True,
    ) -> datetime:
        """Let a job wait, and return until when.

        Args:
            error: why, in words without personal data.
            after_seconds: how long; None for the back-off of its failures in a row.
            counts: whether this is a failure of the order itself.

        Raises:
            JobLost: a newer attempt owns the job.
        """
        now = self._now()
        with self._database.transaction() as db:
            row = self._owned(db, store, order_id, attempt)
            failures = row["failures"] + (1 if counts else 0)
            if after_seconds is None:
                after_seconds = backoff_seconds(max(failures, 1), self._policy, random.random)
            due = now + timedelta(seconds=after_seconds)
            # The start stays counted as a failure: the effect may have been had.
            self._move(
                db, row, failures=max(failures, 1) if row["starts"] else failures,
                starts=0, due_at=due, lease_until=None, last_error=error,
            )  # fmt: skip
            line = _event(store, order_id, now, attempt, "tried again later", row["stage"], error)
            db.execute(events.insert(), line)
        return due

    def bury(self, store: str, order_id: str, attempt: int, reason: str) -> None:
        """Set a job aside until a person lets it try again.

        Raises:
            JobLost: a newer attempt owns the job.
        """
        now = self._now()
        with self._database.transaction() as db:
            row = self._owned(db, store, order_id, attempt)
            self._move(
                db, row, state=State.DEAD, starts=0, lease_until=None, last_error=reason,
                failures=row["failures"] + 1,
            )  # fmt: skip
            line = _event(store, order_id, now, attempt, "dead", row["stage"], reason)
            db.execute(events.insert(), line)

    def _owned(self, db: Connection, store: str, order_id: str, attempt: int) -> RowMapping:
        row = db.execute(_JOB, {"s": store, "o": order_id}).mappings().one_or_none()
        if row is None or row["state"] != State.OPEN or row["attempt"] != attempt:
            raise JobLost(f"{store} {order_id}: attempt {attempt} does not own it")
        return row

    def release(self, tickets: Sequence[Ticket]) -> None:
        """Hand back claimed jobs that were not begun; they are due at once."""
        if not tickets:
            return
        owned = [(one.store, one.order_id, one.attempt) for one in tickets]
        with self._database.transaction() as db:
            db.execute(
                update(jobs)
                .where(
                    jobs.c.state == State.OPEN,
                    jobs.c.kind == INTAKE,
                    tuple_(jobs.c.store, jobs.c.order_id, jobs.c.attempt).in_(owned),
                )
                .values(lease_until=None, updated_at=self._now())
            )

    def retry(self, store: str, order_id: str) -> bool:
        """Let a dead, skipped or waiting job try again now; say whether there was anything to do.

        Its documents are read afresh, unless the ERP has the order already.
        """
        now = self._now()
        with self._database.transaction() as db:
            row = db.execute(_JOB, {"s": store, "o": order_id}).mappings().one_or_none()
            if row is None or row["state"] == State.DONE:
                return False
            if row["state"] == State.OPEN and row["lease_until"] and row["lease_until"] >= now:
                return False
            db.execute(
                update(jobs)
                .where(jobs.c.id == row["id"], jobs.c.attempt == row["attempt"])
                .values(
                    state=State.OPEN, stage=stage_of_retry(Stage(row["stage"])), due_at=now,
                    starts=0, failures=0, lease_until=None, last_error=None, updated_at=now,
                )
            )  # fmt: skip
            line = _event(store, order_id, now, row["attempt"], "retried by hand", row["stage"])
            db.execute(events.insert(), line)
        return True

    # --- pauses -------------------------------------------------------------------------------

    def pause(self, store: str, *, seconds: float, reason: str) -> None:
        """Let no job of the store call VTEX for a while; a pause is never shortened."""
        until = self._now() + timedelta(seconds=seconds)
        with self._database.transaction() as db:
            insert = _insert(db, pauses).values(store=store, until=until, reason=reason)
            db.execute(
                insert.on_conflict_do_update(
                    index_elements=[pauses.c.store],
                    set_={"until": until, "reason": reason},
                    where=pauses.c.until < until,
                )
            )

    def resume(self, store: str) -> None:
        """End a store's pause."""
        with self._database.transaction() as db:
            db.execute(pauses.delete().where(pauses.c.store == store))

    def paused(self, store: str) -> tuple[datetime, str] | None:
        """Return until when a store pauses and why; None when it does not."""
        query = select(pauses.c.until, pauses.c.reason).where(
            pauses.c.store == store, pauses.c.until > self._now()
        )
        with self._database.transaction() as db:
            row = db.execute(query).one_or_none()
        return None if row is None else (row.until, row.reason)

    # --- questions ----------------------------------------------------------------------------

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
        query = _ROWS.order_by(orders.c.listed_at, orders.c.order_id).limit(limit)
        if store is not None:
            query = query.where(orders.c.store == store)
        if stage is not None:
            query = query.where(jobs.c.stage == stage)
        if state is not None:
            query = query.where(jobs.c.state == state)
        if older_than is not None:
            query = query.where(orders.c.listed_at < self._now() - older_than)
        with self._database.transaction() as db:
            return [_row(one) for one in db.execute(query).mappings()]

    def order(self, store: str, order_id: str) -> OrderRow | None:
        """Return where one order stands; None when it is not known."""
        query = _ROWS.where(orders.c.store == store, orders.c.order_id == order_id)
        with self._database.transaction() as db:
            row = db.execute(query).mappings().one_or_none()
        return None if row is None else _row(row)

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
        return (None, None) if row is None else (_unpacked(row[0]), _unpacked(row[1]))

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
                    one.at,
                    Stage(one.stage) if one.stage else None,
                    one.attempt,
                    one.what,
                    one.detail,
                )
                for one in db.execute(query)
            ]

    def counts(self) -> dict[str, dict[str, int]]:
        """Return, for each store, how many orders are at each stage (open ones) or state."""
        query = select(jobs.c.store, jobs.c.state, jobs.c.stage, func.count().label("n")).group_by(
            jobs.c.store, jobs.c.state, jobs.c.stage
        )
        found: dict[str, dict[str, int]] = {}
        with self._database.transaction() as db:
            for one in db.execute(query):
                name = str(one.stage if one.state == State.OPEN else one.state)
                store = found.setdefault(one.store, {})
                store[name] = store.get(name, 0) + one.n
        return found

    def _lease(self, now: datetime) -> datetime:
        return now + timedelta(seconds=self._policy.lease_seconds)


def _insert(db: Connection, table: Any) -> Any:
    return (sqlite if db.dialect.name == "sqlite" else postgresql).insert(table)


def _age(one: Listed) -> tuple[bool, datetime, str]:
    return (
        one.created_at is None,
        one.created_at or datetime.max.replace(tzinfo=UTC),
        one.order_id,
    )


def _event(  # noqa: PLR0913, PLR0917  # a row has as many columns
    store: str,
    order_id: str,
    at: datetime,
    attempt: int,
    what: str,
    stage: str | None = None,
    detail: str | None = None,
) -> dict[str, Any]:
    return {
        "store": store, "order_id": order_id, "at": at, "kind": INTAKE, "stage": stage,
        "attempt": attempt, "what": what, "detail": detail,
    }  # fmt: skip


def _packed(document: dict[str, Any] | None) -> bytes | None:
    if document is None:
        return None
    return zlib.compress(json.dumps(document, ensure_ascii=False).encode(), 1)


def _unpacked(data: bytes | None) -> dict[str, Any] | None:
    if data is None:
        return None
    document: dict[str, Any] = json.loads(zlib.decompress(data))
    return document


def _row(one: RowMapping) -> OrderRow:
    return OrderRow(**{**one, "stage": Stage(one["stage"]), "state": State(one["state"])})


def _joined() -> Any:
    return orders.join(
        jobs,
        and_(
            jobs.c.store == orders.c.store,
            jobs.c.order_id == orders.c.order_id,
            jobs.c.kind == INTAKE,
            jobs.c.key == "",
        ),
    )


_ROWS = select(
    orders.c.store, orders.c.order_id, jobs.c.stage, jobs.c.state, jobs.c.attempt,
    jobs.c.failures, jobs.c.due_at, jobs.c.lease_until, jobs.c.last_error,
    orders.c.erp_reference, orders.c.value_cents, orders.c.created_at, orders.c.listed_at,
    jobs.c.updated_at,
).select_from(_joined())  # fmt: skip

_JOB = (
    select(
        jobs.c.id, jobs.c.store, jobs.c.order_id, jobs.c.stage, jobs.c.state, jobs.c.attempt,
        jobs.c.starts, jobs.c.failures, jobs.c.lease_until, orders.c.value_cents,
        orders.c.erp_reference, documents.c.order_document, documents.c.payment_document,
        pauses.c.until, pauses.c.reason,
    )
    .select_from(
        _joined()
        .outerjoin(
            documents,
            and_(documents.c.store == orders.c.store, documents.c.order_id == orders.c.order_id),
        )
        .outerjoin(pauses, pauses.c.store == orders.c.store)
    )
    .where(orders.c.store == bindparam("s"), orders.c.order_id == bindparam("o"))
)  # fmt: skip
