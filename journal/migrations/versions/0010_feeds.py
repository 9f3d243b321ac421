"""The feeds of the stores."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table."""
    moment = sa.DateTime(timezone=True)
    op.create_table(
        "journal_feeds",
        sa.Column("store", sa.String(64), primary_key=True),
        sa.Column("statuses", sa.Text, nullable=False),
        sa.Column("hidden_seconds", sa.Integer, nullable=False),
        sa.Column("kept_seconds", sa.Integer, nullable=False),
        sa.Column("configured_at", moment, nullable=False),
        sa.Column("looked_at", moment, nullable=False),
        sa.Column("tried_at", moment),
        sa.Column("fault", sa.Text),
        sa.Column("restored_at", moment),
        sa.Column("restored_why", sa.Text),
        sa.Column("unreadable", sa.Integer, nullable=False),
        sa.Column("listed_at", moment),
    )


def downgrade() -> None:
    """Drop it."""
    op.drop_table("journal_feeds")
