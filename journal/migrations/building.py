"""Changes of tables in use: building blocks of revisions."""

from __future__ import annotations

from collections.abc import Sequence

from alembic import op
from sqlalchemy import text


def create_index(name: str, table: str, columns: Sequence[str], where: str | None = None) -> None:
    """Build an index while workers keep writing. Call it last in a revision.

    Earlier changes of the revision are committed first. If the build is interrupted, the revision
    runs again. Put other changes into another revision, or make them repeatable.

    Args:
        where: condition of a partial index.
    """
    which = None if where is None else text(where)
    if op.get_bind().dialect.name == "sqlite":
        op.create_index(name, table, columns, sqlite_where=which)
        return
    with op.get_context().autocommit_block():
        # It waits for running transactions, and other statements do not wait behind it.
        op.execute("SET lock_timeout = 0")
        # An interrupted build leaves an invalid index.
        op.drop_index(name, table, if_exists=True, postgresql_concurrently=True)
        op.create_index(name, table, columns, postgresql_concurrently=True, postgresql_where=which)
