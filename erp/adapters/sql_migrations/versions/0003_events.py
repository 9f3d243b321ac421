"""What an event says: who asks until when, what took an order's place, what is different."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")
COLUMNS: dict[str, Any] = {
    "order_status": sa.String(64),
    "request_id": sa.String(64),
    "requested_by_user": sa.SmallInteger,
    "decide_by": sa.String(32),
    "new_order_id": sa.String(64),
    "total_before_cents": sa.BigInteger,
    "items_cents": sa.BigInteger,
    "discounts_cents": sa.BigInteger,
    "shipping_cents": sa.BigInteger,
    "tax_cents": sa.BigInteger,
    "other_cents": sa.BigInteger,
    "total_cents": sa.BigInteger,
}


def upgrade() -> None:
    """Widen the events; a worker of the version before leaves the new columns empty."""
    found = sa.inspect(op.get_bind())
    # MariaDB commits each of these: one that was broken off goes on where it was.
    known = {one["name"] for one in found.get_columns("int_order_event")}
    for name, kind in COLUMNS.items():
        if name not in known:
            op.add_column("int_order_event", sa.Column(name, kind))
    if not any(
        one["name"] == "ix_int_order_event_new" for one in found.get_indexes("int_order_event")
    ):
        op.create_index("ix_int_order_event_new", "int_order_event", ["store", "new_order_id"])
    if not found.has_table("int_order_event_item"):
        op.create_table(
            "int_order_event_item",
            sa.Column(
                "int_order_event_id", NUMBER, sa.ForeignKey("int_order_event.id"), primary_key=True
            ),
            sa.Column("line_no", sa.Integer, primary_key=True, autoincrement=False),
            sa.Column("kind", sa.String(16), nullable=False),
            sa.Column("unique_id", sa.String(64)),
            sa.Column("sku_id", sa.String(64), nullable=False),
            sa.Column("ref_id", sa.String(128)),
            sa.Column("name", sa.String(512)),
            sa.Column("quantity_before", sa.Integer, nullable=False),
            sa.Column("quantity", sa.Integer, nullable=False),
            sa.Column("unit_price_before", sa.Numeric(15, 4), nullable=False),
            sa.Column("unit_price", sa.Numeric(15, 4), nullable=False),
            sa.Column("total_before_cents", sa.BigInteger, nullable=False),
            sa.Column("total_cents", sa.BigInteger, nullable=False),
        )


def downgrade() -> None:
    """Drop them; what they say is gone."""
    op.drop_table("int_order_event_item")
    op.drop_index("ix_int_order_event_new", "int_order_event")
    for name in COLUMNS:
        op.drop_column("int_order_event", name)
