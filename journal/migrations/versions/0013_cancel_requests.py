"""Requests to cancel that wait for the ERP's word."""

import sqlalchemy as sa
from alembic import op

from journal.storage.tables import UtcDateTime

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add them; a worker of the version before knows nothing of them."""
    op.create_table(
        "journal_cancel_requests",
        sa.Column("store", sa.String(64), primary_key=True),
        sa.Column("order_id", sa.String(64), primary_key=True),
        sa.Column("request_id", sa.String(64)),
        sa.Column("asked_at", UtcDateTime, nullable=False),
        sa.Column("decide_by", UtcDateTime, nullable=False),
    )


def downgrade() -> None:
    """Drop them; what is undecided at VTEX is told once more, once it changes."""
    op.drop_table("journal_cancel_requests")
