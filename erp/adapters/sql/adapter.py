"""The adapter for integration tables in SQLite, PostgreSQL, MariaDB and MySQL."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, Table, and_, select, update
from sqlalchemy.exc import IntegrityError

from erp.adapters.sql import events as sql_events
from erp.adapters.sql import postgresql_insert
from erp.adapters.sql.column_limits import fitted
from erp.adapters.sql.database import ErpDatabase, refusal
from erp.adapters.sql.outbox import SqlOutbox
from erp.adapters.sql.tables import addresses, codes, events, items, orders, payments, raw, stamp
from erp.codes import KINDS
from erp.port import ErpOrder, ErpRejected, ErpUnavailable, Event, Request
from erp.sales_order import PostalAddress, SalesOrder
from foundation.messages import erp as messages
from vtex.documents import text_of


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
            return postgresql_insert.insert(self._database, _rows(order), _raw(order))
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
        with self._database.transaction() as db:
            for row in db.execute(query):
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
        with self._database.transaction() as db:
            for row in db.execute(query.where(codes.c.store == store)):
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
            if not self._reported(event):
                raise ErpRejected(refusal(error)) from None
            with self._database.transaction() as db:
                sql_events.link(db, event)

    def _insert(self, db: Connection, order: SalesOrder) -> str:
        if reference := _find(db, order.store, order.order_id):
            return reference
        rows = _rows(order)
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
        db.execute(raw.insert().values(key | _raw(order)))
        return str(number[0])

    def _reported(self, event: Event) -> bool:
        query = select(events.c.id).where(
            events.c.store == event.store,
            events.c.order_id == event.order_id,
            events.c.event_key == event.key,
        )
        with self._database.transaction() as db:
            return db.execute(query).first() is not None


def _find(db: Connection, store: str, order_id: str) -> str | None:
    query = select(orders.c.id).where(orders.c.store == store, orders.c.order_id == order_id)
    number = db.execute(query).scalar_one_or_none()
    return None if number is None else str(number)


def _rows(order: SalesOrder) -> dict[Table, list[dict[str, Any]]]:
    """Return an order's rows, fitted to the columns."""
    cuts: list[str] = []
    whole = {
        items: _items(order),
        payments: _payments(order),
        addresses: _addresses(order),
        orders: [_head(order)],
    }
    rows = {
        table: [fitted(table, row, cuts) for row in rows_of_table]
        for table, rows_of_table in whole.items()
    }
    if cuts:
        rows[orders][0]["flags"] = "\n".join([*order.flags, *cuts])
    return rows


def _head(order: SalesOrder) -> dict[str, Any]:
    customer = order.customer
    return {
        "store": order.store,
        "order_id": order.order_id,
        "sequence": order.sequence,
        "vtex_status": order.vtex_status,
        "currency": order.currency,
        "items_cents": _cents(order.items_total),
        "discounts_cents": _cents(order.discounts),
        "shipping_cents": _cents(order.shipping),
        "tax_cents": _cents(order.tax),
        "other_cents": _cents(order.other),
        "total_cents": _cents(order.total),
        "customer_kind": customer.kind,
        "customer_document": customer.document,
        "customer_name": customer.name,
        "customer_trade_name": customer.trade_name,
        "customer_state_registration": customer.state_registration,
        "customer_email": customer.email,
        "customer_phone": customer.phone,
        "origin": order.origin,
        "affiliate_id": order.affiliate_id,
        "marketplace_order_id": order.marketplace_order_id,
        "seller_order_id": order.seller_order_id,
        "order_group": order.order_group,
        "sales_channel": order.sales_channel,
        "delivery_channel": order.delivery_channel,
        "pickup_point": order.pickup_point,
        "note": order.note,
        "placed_at": stamp(order.placed_at),
        "authorized_at": stamp(order.authorized_at) if order.authorized_at else None,
        "received_at": stamp(datetime.now(UTC)),
        "flags": "\n".join(order.flags) or None,
        "erp_state": "NEW",
        "erp_attempts": 0,
        "branch_code": _code(order, "branch"),
        "channel_code": _code(order, "channel"),
        "document_code": _code(order, "document"),
        "tax_code": _code(order, "tax"),
    }


def _items(order: SalesOrder) -> list[dict[str, Any]]:
    return [
        {
            "line_no": line.line_no,
            "item_index": line.item_index,
            "parent_line": line.parent_line,
            "unique_id": line.unique_id,
            "sku_id": line.sku_id,
            "ref_id": line.ref_id,
            "ean": line.ean,
            "name": line.name,
            "quantity": line.quantity,
            "unit_multiplier": line.unit_multiplier,
            "measurement_unit": line.measurement_unit,
            "unit_price": line.unit_price,
            "list_price_cents": None if line.list_price is None else _cents(line.list_price),
            "discount_cents": _cents(line.discount),
            "tax_cents": _cents(line.tax),
            "freight_cents": _cents(line.freight),
            "total_cents": _cents(line.total),
            "is_gift": int(line.is_gift),
            "kit_parts": ";".join(f"{p.sku_id}x{p.quantity}" for p in line.parts) or None,
            "seller": line.seller,
            "warehouse_id": line.warehouse_id,
            "sla": line.sla,
            "carrier": line.carrier,
            "estimated_at": stamp(line.estimated_at) if line.estimated_at else None,
            "sku_code": _code(order, "sku", line.sku_id),
            "carrier_code": _code(order, "carrier", line.carrier or ""),
        }
        for line in order.lines
    ]


def _payments(order: SalesOrder) -> list[dict[str, Any]]:
    return [
        {
            "seq": payment.seq,
            "payment_system": payment.system,
            "payment_system_name": payment.system_name,
            "payment_group": payment.group,
            "value_cents": _cents(payment.value),
            "reference_value_cents": None
            if payment.reference_value is None
            else _cents(payment.reference_value),
            "installments": payment.installments,
            "brand": payment.brand,
            "last_digits": payment.last_digits,
            "tid": payment.tid,
            "nsu": payment.nsu,
            "authorization_code": payment.authorization,
            "acquirer_document": payment.acquirer_document,
            "due_date": payment.due_date,
            "reference": payment.reference,
            "payment_code": _code(order, "payment", payment.system),
        }
        for payment in order.payments
    ]


def _addresses(order: SalesOrder) -> list[dict[str, Any]]:
    places = {"SHIP": order.shipping_address, "BILL": order.billing_address}
    return [_address(kind, place) for kind, place in places.items() if place is not None]


def _address(kind: str, place: PostalAddress) -> dict[str, Any]:
    return {"kind": kind} | {name: getattr(place, name) for name in PostalAddress.__slots__}


def _raw(order: SalesOrder) -> dict[str, Any]:
    payment = order.raw_payment
    return {
        "order_document": _text(order.raw_order),
        "payment_document": None if payment is None else _text(payment),
    }


def _text(document: Mapping[str, Any]) -> str:
    """Return JSON with half surrogate pairs escaped, since databases refuse them."""
    text = text_of(document)
    return text if text.isascii() else text.encode(errors="backslashreplace").decode()


def _code(order: SalesOrder, kind: str, of: str | None = None) -> str | None:
    code = order.code(kind, of)
    return None if code is None else str(code)


def _cents(money: Decimal) -> int:
    return int(money.scaleb(2))
