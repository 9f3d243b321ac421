"""The adapter for integration tables in SQLite, PostgreSQL, MariaDB and MySQL."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

from sqlalchemy import Connection, and_, select, update
from sqlalchemy.exc import IntegrityError

from erp.adapters.sql import events as sql_events
from erp.adapters.sql import postgresql_insert
from erp.adapters.sql.database import ErpDatabase, refusal
from erp.adapters.sql.order_rows import raw_of, rows_of
from erp.adapters.sql.outbox import SqlOutbox
from erp.adapters.sql.tables import codes, events, orders, raw, stamp
from erp.codes import KINDS
from erp.port import ErpOrder, ErpRejected, ErpUnavailable, Event, Request
from erp.sales_order import SalesOrder
from foundation.messages import erp as messages


def utc_now() -> datetime:
    """Return the current time."""
    return datetime.now(UTC)


GONE = ("canceled", "replaced")
"""Events after which an order must not be produced or shipped."""


class SqlErp:
    """Writes sales orders to integration tables that the ERP polls. It connects at first use.

    Args:
        url: SQLAlchemy URL, with or without a driver.
        now: clock.
    """

    def __init__(self, url: str, *, now: Callable[[], datetime] = utc_now) -> None:
        self._database = ErpDatabase(url)
        self._outbox = SqlOutbox(self._database, now)
        self._now = now

    def insert(self, order: SalesOrder) -> str:
        """Insert an order with its rows once, in one transaction. Return ``int_order.id``."""
        refused = None
        try:
            if number := self._inserted(order):
                return number
        except IntegrityError as error:
            refused = refusal(error)
        # Either a racing worker was first, or the database refuses the row. Find out which.
        found = self.find(order.store, order.order_id)
        if found is None and refused is not None:
            raise ErpRejected(refused)
        if found is None:
            raise ErpUnavailable(messages.ROW_HIDDEN())
        return found

    def _inserted(self, order: SalesOrder) -> str | None:
        if self._database.is_postgresql:
            return postgresql_insert.insert(self._database, rows_of(order), raw_of(order))
        with self._database.transaction() as db:
            return self._insert(db, order)

    def find(self, store: str, order_id: str) -> str | None:
        """Return ``int_order.id`` of an order, or ``None``."""
        with self._database.transaction() as db:
            return _find(db, store, order_id)

    def look_up(self, store: str, order_ids: Sequence[str]) -> dict[str, ErpOrder]:
        """Return the known orders with their totals and cancellations."""
        told = and_(
            events.c.store == orders.c.store,
            events.c.order_id == orders.c.order_id,
            events.c.kind.in_(["canceled", "replaced", "changed"]),
        )
        query = (
            select(
                orders.c.order_id,
                orders.c.id,
                orders.c.total_cents,
                events.c.kind,
                events.c.total_cents.label("changed_to"),
            )
            .select_from(orders.outerjoin(events, told))
            .where(orders.c.store == store, orders.c.order_id.in_(order_ids))
            .order_by(events.c.id)
        )
        known: dict[str, ErpOrder] = {}
        for row in self._database.rows(query):
            # The query returns a row per event, the latest one last.
            total = Decimal(row.total_cents).scaleb(-2)
            held = known.get(row.order_id) or ErpOrder(str(row.id), total, canceled=False)
            if row.kind in GONE:
                held = replace(held, canceled=True)
            elif row.changed_to is not None:
                held = replace(held, total=Decimal(row.changed_to).scaleb(-2))
            known[row.order_id] = held
        return known

    def report(self, event: Event) -> None:
        """Write an outcome or a change of an order once."""
        if event.outcome is None:
            self._write(event)
        else:
            self._outbox.report(event)

    def poll_outbox(self, take: Callable[[Request], None], limit: int) -> int:
        """Pass waiting rows of ``int_outbox`` to ``take``, oldest first. Return their number."""
        return self._outbox.poll_outbox(take, limit)

    def codes(self, store: str) -> dict[str, dict[str, str]]:
        """Return the ERP's codes in ``int_code``, by kind."""
        query = select(codes.c.kind, codes.c.vtex_code, codes.c.erp_code)
        by_kind: dict[str, dict[str, str]] = {}
        for row in self._database.rows(query.where(codes.c.store == store)):
            by_kind.setdefault(row.kind.lower(), {})[row.vtex_code] = row.erp_code
        # A misspelt kind would be ignored in silence.
        if unknown := set(by_kind) - set(KINDS):
            raise ErpRejected(
                messages.UNKNOWN_CODE_KIND(kinds=", ".join(sorted(unknown)), known=", ".join(KINDS))
            )
        return by_kind

    def migrate(self) -> None:
        """Migrate the tables. Several processes may call it at once."""
        self._database.migrate()

    def check(self) -> str:
        """Describe the database and the revision of the tables."""
        return self._database.check()

    def close(self) -> None:
        """Close all connections."""
        self._database.close()

    def _write(self, event: Event) -> None:
        try:
            with self._database.transaction() as db:
                sql_events.write(db, event)
                if event.kind in GONE:
                    # The ERP must not produce an order that it has not taken yet.
                    db.execute(
                        update(orders)
                        .where(
                            orders.c.store == event.store,
                            orders.c.order_id == event.order_id,
                            orders.c.erp_state == "NEW",
                        )
                        .values(erp_state="CANCEL", erp_changed_at=stamp(self._now()))
                    )
        except IntegrityError as error:
            if not self._database.holds(events, event):
                raise ErpRejected(refusal(error)) from None
            with self._database.transaction() as db:
                sql_events.link(db, event)

    def _insert(self, db: Connection, order: SalesOrder) -> str:
        if reference := _find(db, order.store, order.order_id):
            return reference
        rows = rows_of(order)
        (head,) = rows.pop(orders)
        head["replaces_order_id"] = sql_events.replaced_by(order.store, order.order_id)
        number = db.execute(orders.insert().values(head)).inserted_primary_key
        if number is None:
            raise ErpUnavailable(
                messages.CREATED_WITHOUT_NUMBER(erp="the database", record="the order")
            )
        key = {"int_order_id": number[0]}
        for table, rows_of_table in rows.items():
            if rows_of_table:
                db.execute(table.insert(), [key | row for row in rows_of_table])
        db.execute(raw.insert().values(key | raw_of(order)))
        return str(number[0])


def _find(db: Connection, store: str, order_id: str) -> str | None:
    query = select(orders.c.id).where(orders.c.store == store, orders.c.order_id == order_id)
    number = db.execute(query).scalar_one_or_none()
    return None if number is None else str(number)
