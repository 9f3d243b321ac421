"""Integration tables in the ERP's database: SQLite, PostgreSQL, MariaDB and MySQL."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, create_engine, event, make_url, select, text, update
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError

from erp.adapters.sql_tables import (
    VERSION_TABLE,
    addresses,
    events,
    items,
    orders,
    payments,
    raw,
)
from erp.port import ErpRejected, ErpUnavailable, Event, Request
from erp.sales_order import PostalAddress, SalesOrder

DRIVERS = {
    "postgres": "postgresql+psycopg",
    "postgresql": "postgresql+psycopg",
    "mysql": "mysql+pymysql",
    "mariadb": "mysql+pymysql",
}
_MIGRATION_LOCK = 7_263_002


class SqlErp:
    """Writes sales orders to integration tables that the ERP polls. Connects at first use.

    Args:
        url: SQLAlchemy URL; the driver may be left out.
    """

    def __init__(self, url: str) -> None:
        parsed = make_url(url)
        parsed = parsed.set(drivername=DRIVERS.get(parsed.drivername, parsed.drivername))
        if parsed.get_backend_name() == "mysql":
            parsed = parsed.update_query_dict({"charset": "utf8mb4"})
        self._url = parsed
        self._engine: Engine | None = None
        self._lock = threading.Lock()

    def insert(self, order: SalesOrder) -> str:
        """Insert an order and all its rows in one transaction, once; return ``int_order.id``."""
        try:
            with self._transaction() as db:
                return self._insert(db, order)
        except IntegrityError as error:
            # A racing worker was first, or the row itself is refused: looking tells which.
            found = self.find(order.store, order.order_id)
            if found is None:
                raise ErpRejected(_refusal(error)) from None
            return found

    def find(self, store: str, order_id: str) -> str | None:
        """Return ``int_order.id`` of an order, None if it is not there."""
        with self._transaction() as db:
            return _find(db, store, order_id)

    def report(self, event: Event) -> None:
        """Write an event, once; an order that the ERP has not taken yet is set to CANCEL."""
        row = {
            "account": event.store, "order_id": event.order_id, "event_key": event.key,
            "kind": event.kind, "happened_at": _stamp(event.at), "reason": event.reason,
            "erp_state": "NEW",
        }  # fmt: skip
        try:
            with self._transaction() as db:
                db.execute(events.insert().values(row))
                if event.kind == "canceled":
                    db.execute(
                        update(orders)
                        .where(
                            orders.c.account == event.store,
                            orders.c.order_id == event.order_id,
                            orders.c.erp_state == "NEW",
                        )
                        .values(erp_state="CANCEL", erp_changed_at=_stamp(datetime.now(UTC)))
                    )
        except IntegrityError as error:
            if not self._reported(event):
                raise ErpRejected(_refusal(error)) from None

    def hand_out(self, take: Callable[[Request], None], limit: int) -> int:
        """Hand out nothing: there is no outbox table yet."""
        del take, limit
        return 0

    def migrate(self) -> None:
        """Bring the tables up to date; several processes may call it at once."""
        with self._transaction() as db:
            if db.dialect.name == "postgresql":
                db.execute(text("SELECT pg_advisory_xact_lock(:n)"), {"n": _MIGRATION_LOCK})
            config = _config()
            config.attributes["connection"] = db
            command.upgrade(config, "head")

    def check(self) -> str:
        """Say which database answered and at which revision the tables are."""
        head = ScriptDirectory.from_config(_config()).get_current_head()
        with self._transaction() as db:
            version = ".".join(str(part) for part in db.dialect.server_version_info or ())
            context = MigrationContext.configure(db, opts={"version_table": VERSION_TABLE})
            current = context.get_current_revision()
            name = db.dialect.name
        if current != head:
            raise ErpRejected(
                f"its tables are at {current or 'nothing'} and must be at {head}: vtex-erp migrate"
            )
        return f"{name} {version}, schema {current}"

    def close(self) -> None:
        """Give back all connections."""
        with self._lock:
            if self._engine is not None:
                self._engine.dispose()
                self._engine = None

    def _insert(self, db: Connection, order: SalesOrder) -> str:
        if found := _find(db, order.store, order.order_id):
            return found
        number = db.execute(orders.insert().values(_head(order))).inserted_primary_key
        if number is None:
            raise ErpUnavailable("the database gave no id")
        key = {"int_order_id": number[0]}
        db.execute(items.insert(), [key | one for one in _items(order)])
        if order.payments:
            db.execute(payments.insert(), [key | one for one in _payments(order)])
        places = _addresses(order)
        if places:
            db.execute(addresses.insert(), [key | one for one in places])
        db.execute(raw.insert().values(key | _raw(order)))
        return str(number[0])

    def _reported(self, event: Event) -> bool:
        query = select(events.c.id).where(
            events.c.account == event.store,
            events.c.order_id == event.order_id,
            events.c.event_key == event.key,
        )
        with self._transaction() as db:
            return db.execute(query).first() is not None

    @contextmanager
    def _transaction(self) -> Iterator[Connection]:
        try:
            with self._made().begin() as connection:
                yield connection
        except IntegrityError:
            raise
        except DataError as error:
            raise ErpRejected(_refusal(error)) from None
        except DBAPIError as error:
            # The driver's message may quote values: its type says enough.
            raise ErpUnavailable(
                f"the ERP's database failed ({type(error.orig).__name__})"
            ) from None

    def _made(self) -> Engine:
        with self._lock:
            if self._engine is None:
                self._engine = self._make()
            return self._engine

    def _make(self) -> Engine:
        if self._url.get_backend_name() != "sqlite":
            return create_engine(self._url, pool_size=20, max_overflow=20, pool_pre_ping=True)
        if self._url.database:
            Path(self._url.database).parent.mkdir(parents=True, exist_ok=True)
        engine = create_engine(self._url, connect_args={"timeout": 30})
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return engine


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", "erp.adapters:sql_migrations")
    return config


def _prepare_sqlite(connection: Any, _record: object) -> None:
    # The driver's own deferred transactions deadlock when they upgrade to a write.
    connection.isolation_level = None
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")  # VTEX is told on the strength of this commit


def _begin_sqlite(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _find(db: Connection, store: str, order_id: str) -> str | None:
    query = select(orders.c.id).where(orders.c.account == store, orders.c.order_id == order_id)
    found = db.execute(query).scalar_one_or_none()
    return None if found is None else str(found)


def _refusal(error: DBAPIError) -> str:
    return f"the ERP's database refuses the order ({type(error.orig).__name__})"


def _head(order: SalesOrder) -> dict[str, Any]:
    customer = order.customer
    return {
        "account": order.store,
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
        "placed_at": _stamp(order.placed_at),
        "authorized_at": _stamp(order.authorized_at) if order.authorized_at else None,
        "received_at": _stamp(datetime.now(UTC)),
        "flags": "\n".join(order.flags) or None,
        "erp_state": "NEW",
        "erp_attempts": 0,
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
            "estimated_at": _stamp(line.estimated_at) if line.estimated_at else None,
        }
        for line in order.lines
    ]


def _payments(order: SalesOrder) -> list[dict[str, Any]]:
    return [
        {
            "seq": one.seq,
            "payment_system": one.system,
            "payment_system_name": one.system_name,
            "payment_group": one.group,
            "value_cents": _cents(one.value),
            "reference_value_cents": None
            if one.reference_value is None
            else _cents(one.reference_value),
            "installments": one.installments,
            "brand": one.brand,
            "last_digits": one.last_digits,
            "tid": one.tid,
            "nsu": one.nsu,
            "authorization_code": one.authorization,
            "acquirer_document": one.acquirer_document,
            "due_date": one.due_date,
            "reference": one.reference,
        }
        for one in order.payments
    ]


def _addresses(order: SalesOrder) -> list[dict[str, Any]]:
    places = {"SHIP": order.shipping_address, "BILL": order.billing_address}
    return [_address(kind, place) for kind, place in places.items() if place is not None]


def _address(kind: str, place: PostalAddress) -> dict[str, Any]:
    return {"kind": kind} | {name: getattr(place, name) for name in PostalAddress.__slots__}


def _raw(order: SalesOrder) -> dict[str, Any]:
    payment = order.raw_payment
    return {
        "order_document": json.dumps(order.raw_order, ensure_ascii=False),
        "payment_document": None if payment is None else json.dumps(payment, ensure_ascii=False),
    }


def _cents(money: Decimal) -> int:
    return int(money.scaleb(2))


def _stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
