"""The integration tables of version 0.1.0."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Numeric,
    SmallInteger,
    String,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy.dialects.mysql import LONGTEXT
from sqlalchemy.schema import CreateIndex, CreateTable

revision = "0100"
down_revision = None

metadata = MetaData()
NUMBER = BigInteger().with_variant(Integer, "sqlite")
CODE = String(128)
LONG = Text().with_variant(LONGTEXT, "mysql", "mariadb")

Table(
    "int_order",
    metadata,
    Column("id", NUMBER, primary_key=True, autoincrement=True),
    Column("store", String(64), nullable=False),
    Column("order_id", String(64), nullable=False),
    Column("sequence", String(32)),
    Column("vtex_status", String(64)),
    Column("currency", String(3), nullable=False),
    Column("items_cents", BigInteger, nullable=False),
    Column("discounts_cents", BigInteger, nullable=False),
    Column("shipping_cents", BigInteger, nullable=False),
    Column("tax_cents", BigInteger, nullable=False),
    Column("other_cents", BigInteger, nullable=False),
    Column("total_cents", BigInteger, nullable=False),
    Column("customer_kind", String(1), nullable=False),
    Column("customer_document", String(32)),
    Column("customer_name", String(255), nullable=False),
    Column("customer_trade_name", String(255)),
    Column("customer_state_registration", String(64)),
    Column("customer_email", String(255)),
    Column("customer_phone", String(64)),
    Column("origin", String(32)),
    Column("affiliate_id", String(16)),
    Column("marketplace_order_id", String(64)),
    Column("seller_order_id", String(64)),
    Column("order_group", String(64)),
    Column("sales_channel", String(16)),
    Column("delivery_channel", String(16), nullable=False),
    Column("pickup_point", String(255)),
    Column("note", LONG),
    Column("placed_at", String(32), nullable=False),
    Column("authorized_at", String(32)),
    Column("received_at", String(32), nullable=False),
    Column("flags", LONG),
    Column("erp_state", String(16), nullable=False),
    Column("erp_order_no", String(64)),
    Column("erp_message", LONG),
    Column("erp_attempts", Integer, nullable=False),
    Column("erp_changed_at", String(32)),
    Column("replaces_order_id", String(64)),
    Column("revision", Integer, nullable=False, server_default="1"),
    Column("branch_code", CODE),
    Column("channel_code", CODE),
    Column("document_code", CODE),
    Column("tax_code", CODE),
    UniqueConstraint("store", "order_id", name="uq_int_order"),
    Index("ix_int_order_state", "erp_state", "id"),
)

Table(
    "int_order_item",
    metadata,
    Column("int_order_id", NUMBER, ForeignKey("int_order.id"), primary_key=True),
    Column("line_no", Integer, primary_key=True, autoincrement=False),
    Column("item_index", Integer, nullable=False),
    Column("parent_line", Integer),
    Column("unique_id", String(64)),
    Column("sku_id", String(64), nullable=False),
    Column("ref_id", String(128)),
    Column("ean", String(64)),
    Column("name", String(512)),
    Column("quantity", Integer, nullable=False),
    Column("unit_multiplier", Numeric(15, 4), nullable=False),
    Column("measurement_unit", String(16)),
    Column("unit_price", Numeric(15, 4), nullable=False),
    Column("list_price_cents", BigInteger),
    Column("discount_cents", BigInteger, nullable=False),
    Column("tax_cents", BigInteger, nullable=False),
    Column("freight_cents", BigInteger, nullable=False),
    Column("total_cents", BigInteger, nullable=False),
    Column("is_gift", SmallInteger, nullable=False),
    Column("kit_parts", LONG),
    Column("seller", String(128)),
    Column("warehouse_id", String(64)),
    Column("sla", String(255)),
    Column("carrier", String(255)),
    Column("estimated_at", String(32)),
    Column("sku_code", CODE),
    Column("carrier_code", CODE),
)

Table(
    "int_order_payment",
    metadata,
    Column("int_order_id", NUMBER, ForeignKey("int_order.id"), primary_key=True),
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("payment_system", String(32), nullable=False),
    Column("payment_system_name", String(128)),
    Column("payment_group", String(64)),
    Column("value_cents", BigInteger, nullable=False),
    Column("reference_value_cents", BigInteger),
    Column("installments", Integer, nullable=False),
    Column("brand", String(64)),
    Column("last_digits", String(8)),
    Column("tid", String(128)),
    Column("nsu", String(128)),
    Column("authorization_code", String(128)),
    Column("acquirer_document", String(32)),
    Column("due_date", String(32)),
    Column("reference", String(255)),
    Column("payment_code", CODE),
)

Table(
    "int_order_address",
    metadata,
    Column("int_order_id", NUMBER, ForeignKey("int_order.id"), primary_key=True),
    Column("kind", String(4), primary_key=True),
    Column("receiver", String(255)),
    Column("street", String(255)),
    Column("number", String(64)),
    Column("complement", String(255)),
    Column("neighborhood", String(255)),
    Column("city", String(255)),
    Column("state", String(64)),
    Column("postal_code", String(16)),
    Column("country", String(8)),
    Column("reference", String(512)),
)

Table(
    "int_order_raw",
    metadata,
    Column("int_order_id", NUMBER, ForeignKey("int_order.id"), primary_key=True),
    Column("order_document", LONG, nullable=False),
    Column("payment_document", LONG),
)

Table(
    "int_order_event",
    metadata,
    Column("id", NUMBER, primary_key=True, autoincrement=True),
    Column("store", String(64), nullable=False),
    Column("order_id", String(64), nullable=False),
    Column("event_key", String(64), nullable=False),
    Column("kind", String(32), nullable=False),
    Column("happened_at", String(32), nullable=False),
    Column("reason", LONG),
    Column("erp_state", String(16), nullable=False),
    Column("erp_message", LONG),
    Column("order_status", String(64)),
    Column("request_id", String(64)),
    Column("requested_by_user", SmallInteger),
    Column("decide_by", String(32)),
    Column("new_order_id", String(64)),
    Column("total_before_cents", BigInteger),
    Column("items_cents", BigInteger),
    Column("discounts_cents", BigInteger),
    Column("shipping_cents", BigInteger),
    Column("tax_cents", BigInteger),
    Column("other_cents", BigInteger),
    Column("total_cents", BigInteger),
    Column("revision", Integer),
    UniqueConstraint("store", "order_id", "event_key", name="uq_int_order_event"),
    Index("ix_int_order_event_state", "erp_state", "id"),
    Index("ix_int_order_event_new", "store", "new_order_id"),
)

Table(
    "int_order_event_item",
    metadata,
    Column("int_order_event_id", NUMBER, ForeignKey("int_order_event.id"), primary_key=True),
    Column("line_no", Integer, primary_key=True, autoincrement=False),
    Column("kind", String(16), nullable=False),
    Column("unique_id", String(64)),
    Column("sku_id", String(64), nullable=False),
    Column("ref_id", String(128)),
    Column("name", String(512)),
    Column("quantity_before", Integer, nullable=False),
    Column("quantity", Integer, nullable=False),
    Column("unit_price_before", Numeric(15, 4), nullable=False),
    Column("unit_price", Numeric(15, 4), nullable=False),
    Column("total_before_cents", BigInteger, nullable=False),
    Column("total_cents", BigInteger, nullable=False),
)

Table(
    "int_outbox",
    metadata,
    Column("id", NUMBER, primary_key=True, autoincrement=True),
    Column("kind", String(16), nullable=False),
    Column("store", String(64), nullable=False),
    Column("order_id", String(64), nullable=False),
    Column("dedupe_key", String(128)),
    Column("invoice_number", String(64)),
    Column("invoice_series", String(3)),
    Column("invoice_type", String(8)),
    Column("value_cents", BigInteger),
    Column("issued_at", String(40)),
    Column("invoice_key", String(44)),
    Column("invoice_url", LONG),
    Column("xml", LONG),
    Column("tracking_number", String(128)),
    Column("tracking_url", LONG),
    Column("courier", String(128)),
    Column("dispatched_at", String(40)),
    Column("delivered_at", String(40)),
    Column("event_city", String(128)),
    Column("event_state", String(64)),
    Column("event_description", LONG),
    Column("event_date", String(10)),
    Column("reason", LONG),
    Column("requested_by_user", SmallInteger),
    Column("status", String(16), nullable=False, server_default="PENDING"),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("last_error", LONG),
    Column("message", LONG),
    Column("receipt", String(255)),
    Column("order_status", String(64)),
    Column("sent_at", String(32)),
    Column("changed_at", String(32)),
    Column("locked_until", String(32)),
    Column("last_event", String(64)),
    UniqueConstraint("store", "kind", "dedupe_key", name="uq_int_outbox"),
    CheckConstraint("kind IN ('INVOICE', 'TRACKING', 'CANCEL', 'DENY')", name="ck_int_outbox_kind"),
    CheckConstraint(
        "status IN ('PENDING', 'SENDING', 'SENT', 'ERROR', 'DEAD', 'OBSOLETE')",
        name="ck_int_outbox_status",
    ),
    Index("ix_int_outbox_status", "status", "id"),
    Index("ix_int_outbox_order", "store", "order_id"),
    sqlite_autoincrement=True,
)

Table(
    "int_outbox_item",
    metadata,
    Column("int_outbox_id", NUMBER, ForeignKey("int_outbox.id"), primary_key=True),
    Column("line_no", Integer, primary_key=True, autoincrement=False),
    Column("sku_id", String(64), nullable=False),
    Column("quantity", Integer, nullable=False),
    Column("price_cents", BigInteger, nullable=False),
    Column("description", LONG),
)

Table(
    "int_code",
    metadata,
    Column("store", String(64), primary_key=True),
    Column("kind", String(16), primary_key=True),
    Column("vtex_code", String(128), primary_key=True),
    Column("erp_code", String(128), nullable=False),
    Column("note", String(255)),
)

Table(
    "int_result",
    metadata,
    Column("id", NUMBER, primary_key=True, autoincrement=True),
    Column("store", String(64), nullable=False),
    Column("order_id", String(64), nullable=False),
    Column("event_key", String(64), nullable=False),
    Column("kind", String(32), nullable=False),
    Column("invoice_number", String(64)),
    Column("invoice_series", String(3)),
    Column("outcome", String(16), nullable=False),
    Column("receipt", String(255)),
    Column("order_status", String(64)),
    Column("reason", LONG),
    Column("reference", String(128)),
    Column("attempts", Integer, nullable=False),
    Column("happened_at", String(32), nullable=False),
    Column("erp_state", String(16), nullable=False),
    Column("erp_message", LONG),
    UniqueConstraint("store", "order_id", "event_key", name="uq_int_result"),
    Index("ix_int_result_state", "erp_state", "id"),
)


def upgrade() -> None:
    """Create the tables and indexes that are missing.

    MariaDB commits each statement, so an interrupted run continues with the next one.
    """
    db = op.get_bind()
    existing = sa.inspect(db)
    for table in metadata.sorted_tables:
        has_table = existing.has_table(table.name)
        if not has_table:
            op.execute(CreateTable(table))
        known = {index["name"] for index in existing.get_indexes(table.name)} if has_table else ()
        for index in sorted(table.indexes, key=lambda index: str(index.name)):
            if index.name not in known:
                op.execute(CreateIndex(index))


def downgrade() -> None:
    """Drop the tables with their rows."""
    metadata.drop_all(op.get_bind())
