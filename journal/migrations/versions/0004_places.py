"""What is due at each place, found without reading what waits in another."""

from alembic import op

from journal.migrations.building import create_index

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the index beside the one before, which the version before goes by."""
    columns = ["state", "store", "kind", "stage", "due_at", "id"]
    create_index("ix_journal_jobs_place", "journal_jobs", columns)


def downgrade() -> None:
    """Drop it."""
    op.drop_index("ix_journal_jobs_place", "journal_jobs")
