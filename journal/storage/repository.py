"""The base of the journal's repositories: each reads and writes the rows of one idea."""

from collections.abc import Callable
from datetime import datetime

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
