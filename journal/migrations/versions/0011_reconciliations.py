"""The last reconciliation of each store."""

import sqlalchemy as sa
from alembic import op

from journal.storage.tables import UtcDateTime

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add it; a worker of the version before knows nothing of it."""
    op.create_table(
        "journal_reconciliations",
        sa.Column("store", sa.String(64), primary_key=True),
        sa.Column("at", UtcDateTime, nullable=False),
        sa.Column("since", UtcDateTime, nullable=False),
        sa.Column("until", UtcDateTime, nullable=False),
        sa.Column("orders", sa.Integer, nullable=False),
        sa.Column("findings", sa.Text, nullable=False),
    )


def downgrade() -> None:
    """Drop it; each store is compared anew."""
    op.drop_table("journal_reconciliations")
