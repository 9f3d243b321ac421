"""What tells a repeat from another request once its content was purged."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add it; a worker of the version before refuses the repeat of what was purged."""
    op.add_column("journal_jobs", sa.Column("digest", sa.String(64)))


def downgrade() -> None:
    """Drop it; repeats of what was purged are refused from then on."""
    op.drop_column("journal_jobs", "digest")
