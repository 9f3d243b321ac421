"""The ERP's pause."""

import sqlalchemy as sa
from alembic import op

from journal.storage.tables import UtcDateTime

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Add it; a worker of the version before goes on, and does not pause the ERP."""
    op.create_table(
        "journal_erp_pauses",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("since", UtcDateTime, nullable=False),
        sa.Column("until", UtcDateTime, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("tried_job", _NUMBER, nullable=False),
        sa.Column("tried_due_at", UtcDateTime, nullable=False),
    )


def downgrade() -> None:
    """Drop it; all orders try again."""
    op.drop_table("journal_erp_pauses")
