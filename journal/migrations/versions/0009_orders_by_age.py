"""The orders that were listed first, found without sorting all."""

from alembic import op

from journal.migrations.building import create_index

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the index."""
    create_index("ix_journal_orders_listed", "journal_orders", ["listed_at", "order_id"])


def downgrade() -> None:
    """Drop it."""
    op.drop_index("ix_journal_orders_listed", "journal_orders")
