"""The requests of the ERP, each written once under its key."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, RowMapping, Select, func, select, update

from journal.model import OF_ORDERS, Kind, Stage, State
from journal.outcomes import record_outcome
from journal.storage.repository import Repository
from journal.storage.rows import (
    IGNORES_CHANGE,
    compress,
    count_jobs,
    decompress,
    error_columns,
    event_row,
    fingerprint,
    fitting,
    from_json,
    insert,
    job_row,
    without_empty,
)
from journal.storage.tables import events, jobs, orders, outcomes


@dataclass(frozen=True, slots=True)
class RequestDraft:
    """A request of the ERP, before it is stored.

    Attributes:
        key: idempotency key within its order and kind.
        invoice_number, invoice_series: invoice of the request.
        request_body: body as JSON.
        reference: the ERP's own name of the request.
        ignores_change: send the invoice although a change of the order may be under way.
    """

    store: str
    order_id: str
    kind: Kind
    key: str
    request_body: Mapping[str, Any]
    invoice_number: str | None = None
    invoice_series: str | None = None
    reference: str | None = None
    ignores_change: bool = False


@dataclass(frozen=True, slots=True)
class RequestReceipt:
    """The result of a submitted request.

    Attributes:
        new: the request is new, or replaces a dead one.
        request_body: the stored body under its key, if it differs.
        purged: retention has left only the distinguishing fields.
    """

    job: int
    new: bool
    request_body: dict[str, Any] | None = None
    purged: bool = False


@dataclass(frozen=True, slots=True)
class RequestRow:
    """A request with the state of its job.

    Attributes:
        key: idempotency key within its order and kind.
        invoice_number, invoice_series: invoice of the request.
        result: VTEX's ``receipt`` and ``order_status``, and ``sent_as``, the number of the invoice
            at VTEX.
        purged: retention has deleted the body.
    """

    job: int
    store: str
    order_id: str
    kind: Kind
    key: str
    invoice_number: str | None
    invoice_series: str | None
    reference: str | None
    stage: Stage
    state: State
    attempt: int
    failures: int
    due_at: datetime
    last_error: str | None
    error_code: str | None
    result: dict[str, Any] | None
    created_at: datetime | None
    updated_at: datetime
    purged: bool = False


class Requests(Repository):
    """The requests of the ERP, and the jobs for changes at VTEX."""

    def submit(self, ask: RequestDraft, *, again: bool = False) -> RequestReceipt:
        """Write a request once under its key.

        A request with another body replaces a dead one. One that ignores changes also reaches a job
        that waits.

        Args:
            again: the ERP explicitly repeats a dead request.
        """
        now = self._now()
        with self._database.transaction() as db:
            row = {"store": ask.store, "order_id": ask.order_id, "listed_at": now}
            db.execute(insert(db, orders).values(row).on_conflict_do_nothing())
            made = job_row(ask.store, ask.order_id, ask.kind, ask.key, now) | _asked_for(ask)
            opened = insert(db, jobs).values(made).on_conflict_do_nothing().returning(jobs.c.id)
            job = db.execute(opened).scalar_one_or_none()
            if job is not None:
                db.execute(events.insert(), _line_of(ask, now, "requested"))
                return RequestReceipt(job, new=True)
            return self._asked_before(db, ask, again=again)

    def _asked_before(self, db: Connection, ask: RequestDraft, *, again: bool) -> RequestReceipt:
        now = self._now()
        known = db.execute(_named(ask)).mappings().one()
        kept = decompress(known["request_body"]) or {}
        purged = known["request_sha256"] is not None
        same = (
            fingerprint(ask.request_body) == known["request_sha256"]
            if purged
            else without_empty(kept) == without_empty(ask.request_body)
        )
        if known["state"] == State.DEAD and (again or not same):
            db.execute(
                update(jobs)
                .where(jobs.c.id == known["id"])
                .values(
                    **_asked_for(ask),
                    stage=Stage.REQUESTED,
                    state=State.OPEN,
                    unfinished_starts=0,
                    failures=0,
                    due_at=now,
                    lease_until=None,
                    retried_at=now,
                    updated_at=now,
                    **error_columns(None),
                )
            )
            db.execute(events.insert(), _line_of(ask, now, "requested again"))
            return RequestReceipt(known["id"], new=True)
        if same and ask.ignores_change and known["state"] == State.OPEN:
            due = update(jobs).where(jobs.c.id == known["id"]).values(ignores_change=1, due_at=now)
            db.execute(due)
            db.execute(events.insert(), _line_of(ask, now, "requested again"))
        if same:
            self._tell_also(db, known, ask.reference, again=again)
        return RequestReceipt(
            known["id"], new=False, request_body=None if same else kept, purged=purged
        )

    def repeats(self, ask: RequestDraft, *, again: bool = False) -> int | None:
        """Accept a request as the repeat of a purged one, if the distinguishing fields match.

        Args:
            ask: draft with the distinguishing fields as its body.
            again: the ERP explicitly repeats the request, so it gets the outcome again.

        Returns:
            The job's number, or ``None`` without a purged request that matches.
        """
        with self._database.transaction() as db:
            known = db.execute(_named(ask)).mappings().one_or_none()
            if known is None or known["request_sha256"] is None:
                return None
            left = decompress(known["request_body"]) or {}
            if any(left.get(name) != value for name, value in ask.request_body.items()):
                return None
            self._tell_also(db, known, ask.reference, again=again)
        return int(known["id"])

    def _tell_also(
        self, db: Connection, known: RowMapping, reference: str | None, *, again: bool
    ) -> None:
        """Add the reference of a repeated request, so that its sender gets the outcome, too."""
        names = (known["reference"] or "").split("\n")
        if reference is None or (reference in names and not again):
            return
        if known["state"] == State.OPEN:
            if reference not in names:
                both = "\n".join(filter(None, [*names, reference]))
                db.execute(update(jobs).where(jobs.c.id == known["id"]).values(reference=both))
            return
        words = {State.DONE: "done", State.SKIPPED: "obsolete", State.DEAD: "refused"}
        outcome = words[State(known["state"])]
        record_outcome(
            db, {**known, "reference": reference}, outcome, known["last_error"], self._now()
        )

    def refuse(self, ask: RequestDraft, reason: str, *, again: bool = False) -> bool:
        """Store an invalid request as a dead job. Return whether it is new.

        Args:
            again: the ERP explicitly repeats the request, so it gets the outcome again.
        """
        now = self._now()
        with self._database.transaction() as db:
            row = {"store": ask.store, "order_id": ask.order_id, "listed_at": now}
            db.execute(insert(db, orders).values(row).on_conflict_do_nothing())
            made = job_row(ask.store, ask.order_id, ask.kind, ask.key, now) | _asked_for(ask)
            made |= {"state": State.DEAD} | error_columns(reason)
            opened = insert(db, jobs).values(made).on_conflict_do_nothing().returning(*jobs.c)
            job = db.execute(opened).mappings().one_or_none()
            if job is None:
                self._tell_also(
                    db, db.execute(_named(ask)).mappings().one(), ask.reference, again=again
                )
                return False
            db.execute(events.insert(), _line_of(ask, now, "refused", reason))
            record_outcome(db, job, "refused", reason, now)
        return True

    def find(
        self,
        store: str | None = None,
        order_id: str | None = None,
        *,
        state: State | None = None,
        older_than: timedelta | None = None,
        limit: int = 100,
    ) -> list[RequestRow]:
        """Return requests and changes at VTEX, the oldest first."""
        query = select(*(jobs.c[name] for name in _REQUEST)).where(
            jobs.c.kind.not_in(OF_ORDERS),
            *fitting(jobs, store=store, order_id=order_id, state=state),
        )
        if older_than is not None:
            query = query.where(jobs.c.created_at < self._now() - older_than)
        by_age = query.order_by(jobs.c.id)
        if state in (State.OPEN, State.DEAD):
            # As with orders, these are few, and found by their state.
            few = query.offset(0).subquery()
            by_age = select(few).order_by(few.c.id)
        return [_request(row) for row in self._database.rows(by_age.limit(limit))]

    def of_invoice(self, store: str, order_id: str, invoice_number: str) -> list[RequestRow]:
        """Return the requests that name an invoice number of an order, the oldest first.

        Args:
            invoice_number: the plain number.
        """
        query = (
            select(*(jobs.c[name] for name in _REQUEST))
            .where(
                jobs.c.store == store,
                jobs.c.order_id == order_id,
                jobs.c.kind.in_([Kind.INVOICE, Kind.TRACKING]),
                jobs.c.invoice_number == invoice_number,
            )
            .order_by(jobs.c.id)
        )
        return [_request(row) for row in self._database.rows(query)]

    def get(self, job: int) -> RequestRow | None:
        """Return the request with a job number, or ``None``."""
        query = select(*(jobs.c[name] for name in _REQUEST))
        query = query.where(jobs.c.id == job, jobs.c.kind.not_in(OF_ORDERS))
        row = self._database.row(query)
        return None if row is None else _request(row)

    def body(self, job: int) -> dict[str, Any] | None:
        """Return the body of a request."""
        row = self._database.row(select(jobs.c.request_body).where(jobs.c.id == job))
        return decompress(row.request_body) if row else None

    def counts(self) -> dict[str, dict[str, int]]:
        """Return the number of requests by kind and state. ``unreported`` counts outcomes."""
        unreported = select(outcomes.c.kind, func.count().label("n")).group_by(outcomes.c.kind)
        by_kind: dict[str, dict[str, int]] = {}
        with self._database.transaction() as db:
            for row in count_jobs(db):
                if row.kind not in OF_ORDERS:
                    kind = by_kind.setdefault(row.kind, {})
                    kind[row.state] = kind.get(row.state, 0) + row.n
            for row in db.execute(unreported):
                by_kind.setdefault(row.kind, {})["unreported"] = row.n
        return by_kind


def _named(ask: RequestDraft) -> Select[Any]:
    query = select(jobs).where(
        jobs.c.store == ask.store,
        jobs.c.order_id == ask.order_id,
        jobs.c.kind == ask.kind,
        jobs.c.key == ask.key,
    )
    return query.with_for_update()


def _asked_for(ask: RequestDraft) -> dict[str, Any]:
    return {
        "invoice_number": ask.invoice_number,
        "invoice_series": ask.invoice_series,
        "reference": ask.reference,
        "request_body": compress(dict(ask.request_body)),
        "ignores_change": int(ask.ignores_change),
    }


def _line_of(
    ask: RequestDraft, now: datetime, event: str, detail: str | None = None
) -> dict[str, Any]:
    return event_row(
        ask.store,
        ask.order_id,
        now,
        0,
        event,
        kind=ask.kind,
        stage=Stage.REQUESTED,
        detail=detail or (IGNORES_CHANGE if ask.ignores_change else ask.invoice_number),
    )


_REQUEST = (
    "id", "store", "order_id", "kind", "key", "invoice_number", "invoice_series", "reference",
    "stage", "state", "attempt", "failures", "due_at", "last_error", "error_code", "result",
    "created_at", "updated_at", "request_sha256",
)  # fmt: skip


def _request(stored: Row[Any]) -> RequestRow:
    row = stored._asdict()
    row |= {
        "job": row.pop("id"),
        "kind": Kind(stored.kind),
        "stage": Stage(stored.stage),
        "state": State(stored.state),
        "result": from_json(stored.result),
        "purged": row.pop("request_sha256") is not None,
    }
    return RequestRow(**row)
