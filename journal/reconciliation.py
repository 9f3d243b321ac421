"""The journal's side of the reconciliation: many orders at a time, and its result."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection, and_, select, update

from journal.model import STAGES, Kind, Stage, State
from journal.storage.repository import Repository
from journal.storage.rows import decompress, error_columns, from_json, upsert
from journal.storage.tables import events, jobs, orders, reconciliations

BATCH = 500
"""Orders per query."""

CANCELLATION_REPORTED = "cancellation reported"
"""The event of a timeline after a reported cancellation."""


ENDING_STATUSES = ("canceled", "replaced")
"""Prefixes of the keys of changes that end an order."""

CANCELLATION_REQUESTED = "a cancellation is asked for"
"""Prefix of the reason of an intake that ended before start-handling, with a request open."""


@dataclass(frozen=True, slots=True)
class JournalOrder:
    """The facts about an order in the journal.

    Attributes:
        invoiced_cents: sum of the sales invoices that VTEX confirmed.
        invoiced_at: time of the last one.
        open_cents: cents that stay open at VTEX though all units are invoiced.
        open_invoices: open jobs of sales invoices.
        dead_invoices: dead jobs of sales invoices.
        invoice_requested_at: time of the last request for a sales invoice.
        cancellation_requested: the ERP requested a cancellation that was not refused.
        cancellation_reported: the ERP has the report of a cancellation.
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
    open_cents: int = 0
    open_invoices: tuple[int, ...] = ()
    dead_invoices: tuple[int, ...] = ()
    invoice_requested_at: datetime | None = None
    cancellation_requested: bool = False
    cancellation_reported: bool = False

    @property
    def came_as_handled(self) -> bool:
        """Whether the order came in without start-handling, which another system did."""
        return (self.state, self.stage) == (State.DONE, Stage.INSERTED)


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """The last complete comparison of a store.

    Attributes:
        at: time of its end.
        orders: number of orders that VTEX listed.
        findings: number of findings by kind.
    """

    store: str
    at: datetime
    since: datetime
    until: datetime
    orders: int
    findings: Mapping[str, int]


def known(db: Connection, store: str, order_ids: Sequence[str]) -> dict[str, JournalOrder]:
    """Return the facts about orders. Unknown orders are left out."""
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
    known_orders = {}
    for row in db.execute(query).mappings():
        made = JournalOrder(
            **dict(row) | {"stage": Stage(row["stage"]), "state": State(row["state"])}
        )
        # The cancellation is reported before the intake ends.
        undecided = (made.last_error or "").startswith(CANCELLATION_REQUESTED)
        reported = (made.state, made.stage) == (State.SKIPPED, Stage.INSERTED) and not undecided
        known_orders[made.order_id] = replace(made, cancellation_reported=reported)
    _add_requests(db, store, known_orders)
    lines = select(events.c.order_id).where(
        events.c.store == store,
        events.c.order_id.in_(list(known_orders)),
        events.c.event == CANCELLATION_REPORTED,
    )
    for order_id in db.execute(lines).scalars():
        known_orders[order_id] = replace(known_orders[order_id], cancellation_reported=True)
    return known_orders


def _add_requests(db: Connection, store: str, known_orders: dict[str, JournalOrder]) -> None:
    query = (
        select(
            jobs.c.id,
            jobs.c.order_id,
            jobs.c.kind,
            jobs.c.state,
            jobs.c.key,
            jobs.c.request_body,
            jobs.c.result,
            jobs.c.created_at,
            jobs.c.updated_at,
        )
        .where(
            jobs.c.store == store,
            jobs.c.order_id.in_(list(known_orders)),
            jobs.c.kind.in_([Kind.INVOICE, Kind.CANCELLATION, Kind.CHANGE]),
        )
        .order_by(jobs.c.id)
    )
    for row in db.execute(query):
        order = known_orders[row.order_id]
        if row.kind == Kind.CHANGE:
            ends = row.key.startswith(ENDING_STATUSES) and row.state in (State.OPEN, State.DONE)
            reported = order.cancellation_reported or ends
            known_orders[row.order_id] = replace(order, cancellation_reported=reported)
            continue
        request_body = decompress(row.request_body) or {}
        if row.kind == Kind.CANCELLATION:
            requested = order.cancellation_requested or row.state in (State.OPEN, State.DONE)
            known_orders[row.order_id] = replace(order, cancellation_requested=requested)
            continue
        if request_body.get("type") == "Input":
            continue
        order = replace(order, invoice_requested_at=row.created_at or row.updated_at)
        if row.state == State.DONE:
            order = replace(
                order,
                invoiced_cents=order.invoiced_cents + int(request_body.get("value_cents") or 0),
                invoiced_at=max(order.invoiced_at or row.updated_at, row.updated_at),
                open_cents=int((from_json(row.result) or {}).get("open_cents") or 0),
            )
        elif row.state == State.OPEN:
            order = replace(order, open_invoices=(*order.open_invoices, row.id))
        elif row.state == State.DEAD:
            order = replace(order, dead_invoices=(*order.dead_invoices, row.id))
        known_orders[row.order_id] = order


def last(db: Connection) -> dict[str, Reconciliation]:
    """Return the last reconciliation of each store."""
    return {
        reconciliation.store: Reconciliation(
            reconciliation.store,
            reconciliation.at,
            reconciliation.since,
            reconciliation.until,
            reconciliation.orders,
            json.loads(reconciliation.findings),
        )
        for reconciliation in db.execute(select(reconciliations))
    }


class Reconciliations(Repository):
    """The facts about many orders, and the last reconciliations."""

    def orders(self, store: str, order_ids: Sequence[str]) -> dict[str, JournalOrder]:
        """Return the facts about many orders. Unknown orders are left out."""
        orders: dict[str, JournalOrder] = {}
        for start in range(0, len(order_ids), BATCH):
            with self._database.transaction() as db:
                orders |= known(db, store, order_ids[start : start + BATCH])
        return orders

    def sends_invoices(self, store: str) -> bool:
        """Return whether the ERP has ever requested an invoice of a store."""
        query = select(jobs.c.id).where(
            jobs.c.state.in_([*State]), jobs.c.store == store, jobs.c.kind == Kind.INVOICE
        )
        return self._database.row(query.limit(1)) is not None

    def restart_handling(self, store: str, order_id: str) -> bool:
        """Repeat the start-handling of a finished order. Return whether it was finished.

        It counts as in doubt, so that the step reads VTEX before it sends.
        """
        now = self._now()
        done = STAGES[Kind.INTAKE][-1]
        moved = self._database.run(
            update(jobs)
            .where(
                jobs.c.store == store, jobs.c.order_id == order_id, jobs.c.kind == Kind.INTAKE,
                jobs.c.state == State.DONE, jobs.c.stage == done,
            )
            .values(
                state=State.OPEN, stage=done.before, due_at=now, unfinished_starts=0, failures=1,
                lease_until=None, updated_at=now, **error_columns(None),
            )
        )  # fmt: skip
        return moved == 1

    def save(self, reconciliation: Reconciliation) -> None:
        """Store a reconciliation as its store's last one."""
        row = {
            "at": reconciliation.at,
            "since": reconciliation.since,
            "until": reconciliation.until,
            "orders": reconciliation.orders,
            "findings": json.dumps(dict(reconciliation.findings)),
        }
        with self._database.transaction() as db:
            upsert(db, reconciliations, {"store": reconciliation.store}, row)

    def latest(self) -> dict[str, Reconciliation]:
        """Return each store's last reconciliation."""
        with self._database.transaction() as db:
            return last(db)
