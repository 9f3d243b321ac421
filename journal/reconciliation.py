"""What reconciling asks of the journal, many orders at a time, and what it writes down."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection, and_, select, update

from journal.model import STAGES, Kind, Stage, State
from journal.storage.repository import Repository
from journal.storage.rows import decompress, insert
from journal.storage.tables import events, jobs, orders, reconciliations

BATCH = 500
"""Orders asked for in one query."""

CANCELLATION_REPORTED = "cancellation reported"
"""The line of a timeline by which the ERP is known to have heard of a cancellation."""


ENDING_STATUSES = ("canceled", "replaced")
"""Begin the keys of the changes after which nothing more becomes of an order."""

CANCELLATION_REQUESTED = "a cancellation is asked for"
"""Begins the reason of an intake that ended undecided, in the ERP and not start-handled."""


@dataclass(frozen=True, slots=True)
class JournalOrder:
    """What is known of an order here.

    Attributes:
        invoiced_cents: of all sales invoices that VTEX confirmed.
        invoiced_at: when the last of them was.
        open_invoices: jobs of sales invoices that still try.
        dead_invoices: jobs of those that were set aside.
        invoice_requested_at: when the last sales invoice was asked for.
        cancellation_requested: by the ERP itself, and not refused.
        cancellation_reported: to the ERP.
    """

    order_id: str
    stage: Stage
    state: State
    last_error: str | None
    erp_reference: str | None
    value_cents: int | None
    updated_at: datetime
    invoiced_cents: int = 0
    invoiced_at: datetime | None = None
    open_invoices: tuple[int, ...] = ()
    dead_invoices: tuple[int, ...] = ()
    invoice_requested_at: datetime | None = None
    cancellation_requested: bool = False
    cancellation_reported: bool = False


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """The last comparison of a store that was brought to its end.

    Attributes:
        at: when it ended.
        orders: how many VTEX listed.
        findings: how many there were of each kind.
    """

    store: str
    at: datetime
    since: datetime
    until: datetime
    orders: int
    findings: Mapping[str, int]


def known(db: Connection, store: str, order_ids: Sequence[str]) -> dict[str, JournalOrder]:
    """Return what is known of orders; those that never came in are left out."""
    intake = and_(
        jobs.c.store == orders.c.store,
        jobs.c.order_id == orders.c.order_id,
        jobs.c.kind == Kind.INTAKE,
    )
    query = (
        select(
            orders.c.order_id,
            jobs.c.stage,
            jobs.c.state,
            jobs.c.last_error,
            orders.c.erp_reference,
            orders.c.value_cents,
            jobs.c.updated_at,
        )
        .select_from(orders.join(jobs, intake))
        .where(orders.c.store == store, orders.c.order_id.in_(order_ids))
    )
    found = {}
    for row in db.execute(query).mappings():
        made = JournalOrder(
            **dict(row) | {"stage": Stage(row["stage"]), "state": State(row["state"])}
        )
        # A canceled order is reported before its intake ends there.
        undecided = (made.last_error or "").startswith(CANCELLATION_REQUESTED)
        told = (made.state, made.stage) == (State.SKIPPED, Stage.INSERTED) and not undecided
        found[made.order_id] = replace(made, cancellation_reported=told)
    _add_requests(db, store, found)
    lines = select(events.c.order_id).where(
        events.c.store == store,
        events.c.order_id.in_(list(found)),
        events.c.event == CANCELLATION_REPORTED,
    )
    for order_id in db.execute(lines).scalars():
        found[order_id] = replace(found[order_id], cancellation_reported=True)
    return found


def _add_requests(db: Connection, store: str, found: dict[str, JournalOrder]) -> None:
    query = (
        select(
            jobs.c.id,
            jobs.c.order_id,
            jobs.c.kind,
            jobs.c.state,
            jobs.c.key,
            jobs.c.request_body,
            jobs.c.created_at,
            jobs.c.updated_at,
        )
        .where(
            jobs.c.store == store,
            jobs.c.order_id.in_(list(found)),
            jobs.c.kind.in_([Kind.INVOICE, Kind.CANCELLATION, Kind.CHANGE]),
        )
        .order_by(jobs.c.id)
    )
    for row in db.execute(query):
        one = found[row.order_id]
        if row.kind == Kind.CHANGE:
            ends = row.key.startswith(ENDING_STATUSES) and row.state in (State.OPEN, State.DONE)
            told = one.cancellation_reported or ends
            found[row.order_id] = replace(one, cancellation_reported=told)
            continue
        request_body = decompress(row.request_body) or {}
        if row.kind == Kind.CANCELLATION:
            asked = one.cancellation_requested or row.state in (State.OPEN, State.DONE)
            found[row.order_id] = replace(one, cancellation_requested=asked)
            continue
        if request_body.get("type") == "Input":
            continue
        one = replace(one, invoice_requested_at=row.created_at or row.updated_at)
        if row.state == State.DONE:
            one = replace(
                one,
                invoiced_cents=one.invoiced_cents + int(request_body.get("value_cents") or 0),
                invoiced_at=max(one.invoiced_at or row.updated_at, row.updated_at),
            )
        elif row.state == State.OPEN:
            one = replace(one, open_invoices=(*one.open_invoices, row.id))
        elif row.state == State.DEAD:
            one = replace(one, dead_invoices=(*one.dead_invoices, row.id))
        found[row.order_id] = one


def sends_invoices(db: Connection, store: str) -> bool:
    """Say whether the ERP ever asked for an invoice of this store here."""
    query = select(jobs.c.id).where(
        jobs.c.state.in_([*State]), jobs.c.store == store, jobs.c.kind == Kind.INVOICE
    )
    return db.execute(query.limit(1)).first() is not None


def handle_again(db: Connection, store: str, order_id: str, now: datetime) -> bool:
    """Let an order that is done be told to VTEX once more; say whether it was done.

    It counts as in doubt, so that the step looks at VTEX before it sends anything.
    """
    done = STAGES[Kind.INTAKE][-1]
    moved = db.execute(
        update(jobs)
        .where(
            jobs.c.store == store, jobs.c.order_id == order_id, jobs.c.kind == Kind.INTAKE,
            jobs.c.state == State.DONE, jobs.c.stage == done,
        )
        .values(
            state=State.OPEN, stage=done.before, due_at=now, unfinished_starts=0, failures=1,
            lease_until=None, last_error=None, updated_at=now,
        )
    )  # fmt: skip
    return moved.rowcount == 1


def keep(db: Connection, one: Reconciliation) -> None:
    """Keep a store's last reconciliation."""
    row = {
        "at": one.at,
        "since": one.since,
        "until": one.until,
        "orders": one.orders,
        "findings": json.dumps(dict(one.findings)),
    }
    db.execute(
        insert(db, reconciliations)
        .values(store=one.store, **row)
        .on_conflict_do_update(index_elements=[reconciliations.c.store], set_=row)
    )


def last(db: Connection) -> dict[str, Reconciliation]:
    """Return the last reconciliation of each store."""
    return {
        one.store: Reconciliation(
            one.store, one.at, one.since, one.until, one.orders, json.loads(one.findings)
        )
        for one in db.execute(select(reconciliations))
    }


class Reconciliations(Repository):
    """Many orders at a time, and what comparing them came to."""

    def orders(self, store: str, order_ids: Sequence[str]) -> dict[str, JournalOrder]:
        """Return what is known of many orders; those that never came in are left out."""
        found: dict[str, JournalOrder] = {}
        for start in range(0, len(order_ids), BATCH):
            with self._database.transaction() as db:
                found |= known(db, store, order_ids[start : start + BATCH])
        return found

    def sends_invoices(self, store: str) -> bool:
        """Say whether the ERP ever asked for an invoice of a store here."""
        with self._database.transaction() as db:
            return sends_invoices(db, store)

    def restart_handling(self, store: str, order_id: str) -> bool:
        """Let VTEX be told once more that handling started; say whether the order was done."""
        with self._database.transaction() as db:
            return handle_again(db, store, order_id, self._now())

    def save(self, one: Reconciliation) -> None:
        """Keep a store's last reconciliation."""
        with self._database.transaction() as db:
            keep(db, one)

    def latest(self) -> dict[str, Reconciliation]:
        """Return the last reconciliation of each store that had one."""
        with self._database.transaction() as db:
            return last(db)
