"""What a revision does to tables that are in use."""

from __future__ import annotations

from collections.abc import Sequence

from alembic import op
from sqlalchemy import text


def create_index(name: str, table: str, columns: Sequence[str], where: str | None = None) -> None:
    """Build an index without keeping a worker from writing; the last thing that a revision does.

    What it has changed so far is committed first: a try that is cut off here begins anew, so the
    other changes of the revision belong into one of their own, or must bear repetition.

    Args:
        where: which rows it holds, where not all.
    """
    which = None if where is None else text(where)
    if op.get_bind().dialect.name == "sqlite":
        op.create_index(name, table, columns, sqlite_where=which)
        return
    with op.get_context().autocommit_block():
        # It waits for running transactions, and nobody waits behind it.
        op.execute("SET lock_timeout = 0")
        # A try that was cut off leaves one that is never used.
        op.drop_index(name, table, if_exists=True, postgresql_concurrently=True)
        op.create_index(name, table, columns, postgresql_concurrently=True, postgresql_where=which)
