"""The ERP's codes, by the retailer's map."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_CODES = {
    "int_order": ("branch_code", "channel_code", "document_code", "tax_code"),
    "int_order_item": ("sku_code", "carrier_code"),
    "int_order_payment": ("payment_code",),
}


def upgrade() -> None:
    """Add the columns; a worker of the version before leaves them empty."""
    for table, names in _CODES.items():
        known = {one["name"] for one in sa.inspect(op.get_bind()).get_columns(table)}
        # MariaDB commits each of them: one that was broken off goes on where it was.
        for name in names:
            if name not in known:
                op.add_column(table, sa.Column(name, sa.String(128)))


def downgrade() -> None:
    """Drop them."""
    for table, names in _CODES.items():
        for name in names:
            op.drop_column(table, name)
