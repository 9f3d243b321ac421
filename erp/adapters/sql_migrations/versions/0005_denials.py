"""Rows of the outbox that deny a request to cancel."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

NAME, TABLE = "ck_int_outbox_kind", "int_outbox"
BEFORE = "kind IN ('INVOICE', 'TRACKING', 'CANCEL')"
AFTER = "kind IN ('INVOICE', 'TRACKING', 'CANCEL', 'DENY')"


def upgrade() -> None:
    """Let the ERP write them, once every worker takes them."""
    _check(AFTER)


def downgrade() -> None:
    """Refuse them again; there must be none."""
    _check(BEFORE)


def _check(condition: str) -> None:
    db = op.get_bind()
    if db.dialect.name == "sqlite":
        _copy(condition)
        return
    known = sa.inspect(db).get_check_constraints(TABLE)
    if any(one["name"] == NAME for one in known):
        op.drop_constraint(NAME, TABLE, type_="check")
    # What is there has passed the narrower one: it need not be read again.
    op.create_check_constraint(NAME, TABLE, condition, postgresql_not_valid=True)


def _copy(condition: str) -> None:
    """Write the table anew: SQLite changes no constraint in place."""
    kept = {"sqlite_autoincrement": True}
    with op.batch_alter_table(TABLE, recreate="always", table_kwargs=kept) as table:
        table.drop_constraint(NAME, type_="check")
        table.create_check_constraint(NAME, condition)
