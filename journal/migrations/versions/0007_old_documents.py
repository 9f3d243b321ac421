"""The oldest documents, found without reading the others."""

from alembic import op

from journal.migrations.building import create_index

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the index."""
    columns = ["kept_at", "store", "order_id"]
    create_index("ix_journal_documents_kept", "journal_documents", columns)


def downgrade() -> None:
    """Drop it."""
    op.drop_index("ix_journal_documents_kept", "journal_documents")
