"""The base of the journal's repositories: each reads and writes the rows of one idea."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, Select
from sqlalchemy.sql.dml import UpdateBase

from journal.model import Policy
from journal.storage.database import JournalDatabase


class Repository:
    """One database, one policy and one clock, shared by all repositories of a journal."""

    def __init__(
        self, database: JournalDatabase, policy: Policy, now: Callable[[], datetime]
    ) -> None:
        self._database = database
        self._policy = policy
        self._now = now

    def _all(self, query: Select[Any]) -> Sequence[Row[Any]]:
        """Return the rows of a query, read in its own transaction."""
        with self._database.transaction() as db:
            return db.execute(query).all()

    def _one(self, query: Select[Any]) -> Row[Any] | None:
        """Return the only row of a query, read in its own transaction."""
        with self._database.transaction() as db:
            return db.execute(query).one_or_none()

    def _run(self, statement: UpdateBase) -> int:
        """Execute a statement in its own transaction. Return the number of its rows."""
        with self._database.transaction() as db:
            return db.execute(statement).rowcount
