"""The outbox of the ERP, and results of requests that came another way."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.mysql import LONGTEXT

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")
LONG = sa.Text().with_variant(LONGTEXT, "mysql", "mariadb")


def upgrade() -> None:
    """Create what the ERP asks through."""
    op.create_table(
        "int_outbox",
        sa.Column("id", NUMBER, primary_key=True, autoincrement=True),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("store", sa.String(64), nullable=False),
        sa.Column("order_id", sa.String(64), nullable=False),
        sa.Column("dedupe_key", sa.String(128)),
        sa.Column("invoice_number", sa.String(64)),
        sa.Column("invoice_series", sa.String(3)),
        sa.Column("invoice_type", sa.String(8)),
        sa.Column("value_cents", sa.BigInteger),
        sa.Column("issued_at", sa.String(40)),
        sa.Column("invoice_key", sa.String(44)),
        sa.Column("invoice_url", LONG),
        sa.Column("xml", LONG),
        sa.Column("tracking_number", sa.String(128)),
        sa.Column("tracking_url", LONG),
        sa.Column("courier", sa.String(128)),
        sa.Column("dispatched_at", sa.String(40)),
        sa.Column("delivered_at", sa.String(40)),
        sa.Column("event_city", sa.String(128)),
        sa.Column("event_state", sa.String(64)),
        sa.Column("event_description", LONG),
        sa.Column("event_date", sa.String(10)),
        sa.Column("reason", LONG),
        sa.Column("requested_by_user", sa.SmallInteger),
        sa.Column("status", sa.String(16), nullable=False, server_default="PENDING"),
        sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
        sa.Column("last_error", LONG),
        sa.Column("message", LONG),
        sa.Column("receipt", sa.String(255)),
        sa.Column("order_status", sa.String(64)),
        sa.Column("sent_at", sa.String(32)),
        sa.Column("changed_at", sa.String(32)),
        sa.Column("locked_until", sa.String(32)),
        sa.Column("last_event", sa.String(64)),
        sa.UniqueConstraint("store", "kind", "dedupe_key", name="uq_int_outbox"),
        sa.CheckConstraint("kind IN ('INVOICE', 'TRACKING', 'CANCEL')", name="ck_int_outbox_kind"),
        sa.CheckConstraint(
            "status IN ('PENDING', 'SENDING', 'SENT', 'ERROR', 'DEAD', 'OBSOLETE')",
            name="ck_int_outbox_status",
        ),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_int_outbox_status", "int_outbox", ["status", "id"])
    op.create_index("ix_int_outbox_order", "int_outbox", ["store", "order_id"])
    op.create_table(
        "int_outbox_item",
        sa.Column("int_outbox_id", NUMBER, sa.ForeignKey("int_outbox.id"), primary_key=True),
        sa.Column("line_no", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("sku_id", sa.String(64), nullable=False),
        sa.Column("quantity", sa.Integer, nullable=False),
        sa.Column("price_cents", sa.BigInteger, nullable=False),
        sa.Column("description", LONG),
    )
    op.create_table(
        "int_result",
        sa.Column("id", NUMBER, primary_key=True, autoincrement=True),
        sa.Column("store", sa.String(64), nullable=False),
        sa.Column("order_id", sa.String(64), nullable=False),
        sa.Column("event_key", sa.String(64), nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("invoice_number", sa.String(64)),
        sa.Column("outcome", sa.String(16), nullable=False),
        sa.Column("receipt", sa.String(255)),
        sa.Column("order_status", sa.String(64)),
        sa.Column("reason", LONG),
        sa.Column("reference", sa.String(128)),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("happened_at", sa.String(32), nullable=False),
        sa.Column("erp_state", sa.String(16), nullable=False),
        sa.Column("erp_message", LONG),
        sa.UniqueConstraint("store", "order_id", "event_key", name="uq_int_result"),
    )
    op.create_index("ix_int_result_state", "int_result", ["erp_state", "id"])


def downgrade() -> None:
    """Drop them; what waits in them is gone."""
    for table in ("int_outbox_item", "int_outbox", "int_result"):
        op.drop_table(table)
