"""Orders with their items, payments, addresses, documents and events."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.mysql import LONGTEXT

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")
LONG = sa.Text().with_variant(LONGTEXT, "mysql", "mariadb")


def upgrade() -> None:
    """Create the first tables."""
    op.create_table(
        "int_order",
        sa.Column("id", NUMBER, primary_key=True, autoincrement=True),
        sa.Column("store", sa.String(64), nullable=False),
        sa.Column("order_id", sa.String(64), nullable=False),
        sa.Column("sequence", sa.String(32)),
        sa.Column("vtex_status", sa.String(64)),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("items_cents", sa.BigInteger, nullable=False),
        sa.Column("discounts_cents", sa.BigInteger, nullable=False),
        sa.Column("shipping_cents", sa.BigInteger, nullable=False),
        sa.Column("tax_cents", sa.BigInteger, nullable=False),
        sa.Column("other_cents", sa.BigInteger, nullable=False),
        sa.Column("total_cents", sa.BigInteger, nullable=False),
        sa.Column("customer_kind", sa.String(1), nullable=False),
        sa.Column("customer_document", sa.String(32)),
        sa.Column("customer_name", sa.String(255), nullable=False),
        sa.Column("customer_trade_name", sa.String(255)),
        sa.Column("customer_state_registration", sa.String(64)),
        sa.Column("customer_email", sa.String(255)),
        sa.Column("customer_phone", sa.String(64)),
        sa.Column("origin", sa.String(32)),
        sa.Column("affiliate_id", sa.String(16)),
        sa.Column("marketplace_order_id", sa.String(64)),
        sa.Column("seller_order_id", sa.String(64)),
        sa.Column("order_group", sa.String(64)),
        sa.Column("sales_channel", sa.String(16)),
        sa.Column("delivery_channel", sa.String(16), nullable=False),
        sa.Column("pickup_point", sa.String(255)),
        sa.Column("note", LONG),
        sa.Column("placed_at", sa.String(32), nullable=False),
        sa.Column("authorized_at", sa.String(32)),
        sa.Column("received_at", sa.String(32), nullable=False),
        sa.Column("flags", LONG),
        sa.Column("erp_state", sa.String(16), nullable=False),
        sa.Column("erp_order_no", sa.String(64)),
        sa.Column("erp_message", LONG),
        sa.Column("erp_attempts", sa.Integer, nullable=False),
        sa.Column("erp_changed_at", sa.String(32)),
        sa.UniqueConstraint("store", "order_id", name="uq_int_order"),
    )
    op.create_index("ix_int_order_state", "int_order", ["erp_state", "id"])
    op.create_table(
        "int_order_item",
        sa.Column("int_order_id", NUMBER, sa.ForeignKey("int_order.id"), primary_key=True),
        sa.Column("line_no", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("item_index", sa.Integer, nullable=False),
        sa.Column("parent_line", sa.Integer),
        sa.Column("unique_id", sa.String(64)),
        sa.Column("sku_id", sa.String(64), nullable=False),
        sa.Column("ref_id", sa.String(128)),
        sa.Column("ean", sa.String(64)),
        sa.Column("name", sa.String(512)),
        sa.Column("quantity", sa.Integer, nullable=False),
        sa.Column("unit_multiplier", sa.Numeric(15, 4), nullable=False),
        sa.Column("measurement_unit", sa.String(16)),
        sa.Column("unit_price", sa.Numeric(15, 4), nullable=False),
        sa.Column("list_price_cents", sa.BigInteger),
        sa.Column("discount_cents", sa.BigInteger, nullable=False),
        sa.Column("tax_cents", sa.BigInteger, nullable=False),
        sa.Column("freight_cents", sa.BigInteger, nullable=False),
        sa.Column("total_cents", sa.BigInteger, nullable=False),
        sa.Column("is_gift", sa.SmallInteger, nullable=False),
        sa.Column("kit_parts", LONG),
        sa.Column("seller", sa.String(128)),
        sa.Column("warehouse_id", sa.String(64)),
        sa.Column("sla", sa.String(255)),
        sa.Column("carrier", sa.String(255)),
        sa.Column("estimated_at", sa.String(32)),
    )
    op.create_table(
        "int_order_payment",
        sa.Column("int_order_id", NUMBER, sa.ForeignKey("int_order.id"), primary_key=True),
        sa.Column("seq", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("payment_system", sa.String(32), nullable=False),
        sa.Column("payment_system_name", sa.String(128)),
        sa.Column("payment_group", sa.String(64)),
        sa.Column("value_cents", sa.BigInteger, nullable=False),
        sa.Column("reference_value_cents", sa.BigInteger),
        sa.Column("installments", sa.Integer, nullable=False),
        sa.Column("brand", sa.String(64)),
        sa.Column("last_digits", sa.String(8)),
        sa.Column("tid", sa.String(128)),
        sa.Column("nsu", sa.String(128)),
        sa.Column("authorization_code", sa.String(128)),
        sa.Column("acquirer_document", sa.String(32)),
        sa.Column("due_date", sa.String(32)),
        sa.Column("reference", sa.String(255)),
    )
    op.create_table(
        "int_order_address",
        sa.Column("int_order_id", NUMBER, sa.ForeignKey("int_order.id"), primary_key=True),
        sa.Column("kind", sa.String(4), primary_key=True),
        sa.Column("receiver", sa.String(255)),
        sa.Column("street", sa.String(255)),
        sa.Column("number", sa.String(64)),
        sa.Column("complement", sa.String(255)),
        sa.Column("neighborhood", sa.String(255)),
        sa.Column("city", sa.String(255)),
        sa.Column("state", sa.String(64)),
        sa.Column("postal_code", sa.String(16)),
        sa.Column("country", sa.String(8)),
        sa.Column("reference", sa.String(512)),
    )
    op.create_table(
        "int_order_raw",
        sa.Column("int_order_id", NUMBER, sa.ForeignKey("int_order.id"), primary_key=True),
        sa.Column("order_document", LONG, nullable=False),
        sa.Column("payment_document", LONG),
    )
    op.create_table(
        "int_order_event",
        sa.Column("id", NUMBER, primary_key=True, autoincrement=True),
        sa.Column("store", sa.String(64), nullable=False),
        sa.Column("order_id", sa.String(64), nullable=False),
        sa.Column("event_key", sa.String(64), nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("happened_at", sa.String(32), nullable=False),
        sa.Column("reason", LONG),
        sa.Column("erp_state", sa.String(16), nullable=False),
        sa.Column("erp_message", LONG),
        sa.UniqueConstraint("store", "order_id", "event_key", name="uq_int_order_event"),
    )
    op.create_index("ix_int_order_event_state", "int_order_event", ["erp_state", "id"])


def downgrade() -> None:
    """Drop them all; their content is gone."""
    for table in ("event", "raw", "address", "payment", "item"):
        op.drop_table(f"int_order_{table}")
    op.drop_table("int_order")
