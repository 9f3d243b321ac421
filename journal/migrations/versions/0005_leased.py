"""What is under way, found among what waits; the former index goes."""

from alembic import op

from journal.migrations.building import create_index

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Exchange the indexes; a worker of the version before reads by the first two columns."""
    op.drop_index("ix_journal_jobs_due", "journal_jobs", if_exists=True)
    columns = ["store", "lease_until"]
    create_index("ix_journal_jobs_leased", "journal_jobs", columns, where="lease_until IS NOT NULL")


def downgrade() -> None:
    """Exchange them again."""
    op.drop_index("ix_journal_jobs_leased", "journal_jobs")
    op.create_index("ix_journal_jobs_due", "journal_jobs", ["state", "store", "due_at", "id"])
