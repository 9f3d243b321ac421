"""The order whose place another one took."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; a worker of the version before leaves it empty."""
    op.add_column("int_order", sa.Column("replaces_order_id", sa.String(64)))


def downgrade() -> None:
    """Drop it."""
    op.drop_column("int_order", "replaces_order_id")
