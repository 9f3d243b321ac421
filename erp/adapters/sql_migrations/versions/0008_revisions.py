"""How often an order changed since it came in, and which event did it."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns; a worker of the version before counts no change, and names no revision."""
    # The order's first, as the insert of an order and the look at it lock them.
    _add("int_order", sa.Column("revision", sa.Integer, nullable=False, server_default="1"))
    _add("int_order_event", sa.Column("revision", sa.Integer))


def downgrade() -> None:
    """Drop them."""
    op.drop_column("int_order_event", "revision")
    op.drop_column("int_order", "revision")


def _add(table: str, column: "sa.Column[int]") -> None:
    # MariaDB commits each of them: one that was broken off goes on where it was.
    known = {one["name"] for one in sa.inspect(op.get_bind()).get_columns(table)}
    if column.name not in known:
        op.add_column(table, column)
