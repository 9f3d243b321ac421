"""Jobs that the ERP asks for, and what it is to be told of them."""

import sqlalchemy as sa
from alembic import op

from journal.storage.tables import UtcDateTime

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Widen the jobs; a worker of the version before goes on with what it knows."""
    op.add_column("journal_jobs", sa.Column("about", sa.String(64)))
    op.add_column("journal_jobs", sa.Column("reference", sa.Text))
    op.add_column("journal_jobs", sa.Column("content", sa.LargeBinary))
    op.add_column("journal_jobs", sa.Column("result", sa.Text))
    op.add_column("journal_jobs", sa.Column("created_at", UtcDateTime))
    op.add_column(
        "journal_jobs", sa.Column("waiting", sa.Integer, nullable=False, server_default="0")
    )
    op.create_table(
        "journal_outcomes",
        sa.Column("id", _NUMBER, primary_key=True, autoincrement=True),
        sa.Column("store", sa.String(64), nullable=False),
        sa.Column("order_id", sa.String(64), nullable=False),
        sa.Column("job", _NUMBER, nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("about", sa.String(64)),
        sa.Column("reference", sa.String(128)),
        sa.Column("outcome", sa.String(16), nullable=False),
        sa.Column("reason", sa.Text),
        sa.Column("result", sa.Text),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("at", UtcDateTime, nullable=False),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("due_at", UtcDateTime, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_journal_outcomes_order", "journal_outcomes", ["store", "order_id", "id"])


def downgrade() -> None:
    """Drop what was added; what the ERP asked for is gone."""
    op.drop_table("journal_outcomes")
    for column in ("about", "reference", "content", "result", "created_at", "waiting"):
        op.drop_column("journal_jobs", column)
