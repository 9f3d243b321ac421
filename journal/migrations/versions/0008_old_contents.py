"""What ended requests asked for, found without reading what was purged before."""

from alembic import op

from journal.migrations.building import create_index

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the index; what is purged leaves it."""
    where = "content IS NOT NULL AND digest IS NULL AND state || '' IN ('done', 'skipped')"
    create_index("ix_journal_jobs_content", "journal_jobs", ["updated_at", "id"], where=where)


def downgrade() -> None:
    """Drop it."""
    op.drop_index("ix_journal_jobs_content", "journal_jobs")
