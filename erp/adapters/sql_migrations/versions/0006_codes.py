"""The ERP's codes for what VTEX calls by its own."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table that the ERP fills."""
    op.create_table(
        "int_code",
        sa.Column("store", sa.String(64), primary_key=True),
        sa.Column("kind", sa.String(16), primary_key=True),
        sa.Column("vtex_code", sa.String(128), primary_key=True),
        sa.Column("erp_code", sa.String(128), nullable=False),
        sa.Column("note", sa.String(255)),
    )


def downgrade() -> None:
    """Drop it."""
    op.drop_table("int_code")
