"""Alerts, and what they are found by: signs of life, and the stores' rhythms."""

import sqlalchemy as sa
from alembic import op

from journal.storage.tables import UtcDateTime

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the tables; a worker of the version before knows nothing of them."""
    op.create_table(
        "journal_signs",
        sa.Column("name", sa.String(16), primary_key=True),
        sa.Column("store", sa.String(64), primary_key=True),
        sa.Column("at", UtcDateTime, nullable=False),
    )
    op.create_table(
        "journal_rhythms",
        sa.Column("store", sa.String(64), primary_key=True),
        sa.Column("since", UtcDateTime, nullable=False),
        sa.Column("hours", sa.Text, nullable=False),
        sa.Column("last_at", UtcDateTime, nullable=False),
    )
    number = sa.BigInteger().with_variant(sa.Integer, "sqlite")
    op.create_table(
        "journal_alerts",
        sa.Column("id", number, primary_key=True, autoincrement=True),
        sa.Column("rule", sa.String(32), nullable=False),
        sa.Column("store", sa.String(64), nullable=False),
        sa.Column("key", sa.String(128), nullable=False),
        sa.Column("words", sa.Text, nullable=False),
        sa.Column("todo", sa.Text, nullable=False),
        sa.Column("since", UtcDateTime, nullable=False),
        sa.Column("count", sa.Integer, nullable=False),
        sa.Column("order_id", sa.String(64)),
        sa.Column("noticed_at", UtcDateTime, nullable=False),
        sa.Column("seen_at", UtcDateTime, nullable=False),
        sa.Column("opened_at", UtcDateTime),
        sa.Column("calm_since", UtcDateTime),
        sa.Column("closed_at", UtcDateTime),
        sa.Column("relapses", sa.Integer, nullable=False),
        sa.Column("round", sa.Integer, nullable=False),
        sa.Column("told_at", UtcDateTime),
        sa.Column("delivered", sa.Text, nullable=False),
        sa.Column("due_at", UtcDateTime),
        sa.Column("claimed_until", UtcDateTime),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("fault", sa.Text),
    )
    op.create_index("ix_journal_alerts_seen", "journal_alerts", ["seen_at"])
    still_open = sa.text("closed_at IS NULL")
    op.create_index(
        "uq_journal_alerts_open", "journal_alerts", ["rule", "store", "key"], unique=True,
        postgresql_where=still_open, sqlite_where=still_open,
    )  # fmt: skip


def downgrade() -> None:
    """Drop them; what is wrong is noticed and told anew."""
    for table in ("journal_alerts", "journal_rhythms", "journal_signs"):
        op.drop_table(table)
