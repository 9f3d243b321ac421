"""Orders, their documents, jobs, timeline and pauses."""

import sqlalchemy as sa
from alembic import op

from journal.storage.tables import UtcDateTime

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Create the first tables."""
    op.create_table(
        "journal_orders",
        sa.Column("store", sa.String(64), primary_key=True),
        sa.Column("order_id", sa.String(64), primary_key=True),
        sa.Column("value_cents", sa.BigInteger),
        sa.Column("created_at", UtcDateTime),
        sa.Column("listed_at", UtcDateTime, nullable=False),
        sa.Column("erp_reference", sa.String(128)),
    )
    op.create_table(
        "journal_documents",
        sa.Column("store", sa.String(64), primary_key=True),
        sa.Column("order_id", sa.String(64), primary_key=True),
        sa.Column("order_document", sa.LargeBinary),
        sa.Column("payment_document", sa.LargeBinary),
        sa.Column("kept_at", UtcDateTime, nullable=False),
    )
    op.create_table(
        "journal_jobs",
        sa.Column("id", _NUMBER, primary_key=True, autoincrement=True),
        sa.Column("store", sa.String(64), nullable=False),
        sa.Column("order_id", sa.String(64), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("key", sa.String(128), nullable=False),
        sa.Column("stage", sa.String(16), nullable=False),
        sa.Column("state", sa.String(8), nullable=False),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("starts", sa.Integer, nullable=False),
        sa.Column("suspect", sa.Integer, nullable=False),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("due_at", UtcDateTime, nullable=False),
        sa.Column("lease_until", UtcDateTime),
        sa.Column("last_error", sa.Text),
        sa.Column("updated_at", UtcDateTime, nullable=False),
        sa.UniqueConstraint("store", "order_id", "kind", "key", name="uq_journal_jobs"),
    )
    op.create_index("ix_journal_jobs_due", "journal_jobs", ["state", "store", "due_at", "id"])
    op.create_table(
        "journal_events",
        sa.Column("id", _NUMBER, primary_key=True, autoincrement=True),
        sa.Column("store", sa.String(64), nullable=False),
        sa.Column("order_id", sa.String(64), nullable=False),
        sa.Column("at", UtcDateTime, nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("stage", sa.String(16)),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("what", sa.String(64), nullable=False),
        sa.Column("detail", sa.Text),
    )
    op.create_index("ix_journal_events_order", "journal_events", ["store", "order_id", "id"])
    op.create_table(
        "journal_pauses",
        sa.Column("store", sa.String(64), primary_key=True),
        sa.Column("until", UtcDateTime, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
    )


def downgrade() -> None:
    """Drop them all; their content is gone."""
    for table in ("pauses", "events", "jobs", "documents", "orders"):
        op.drop_table(f"journal_{table}")
