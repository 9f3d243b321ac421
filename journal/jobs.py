"""The moves that are allowed: stages, states, back-off, and what can go wrong. No database."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Stage(StrEnum):
    """How far an intake has come."""

    LISTED = "listed"
    FETCHED = "fetched"
    PAID = "paid"
    INSERTED = "inserted"
    HANDLING = "handling"

    @property
    def before(self) -> Stage:
        """The stage that a job must be at to come to this one.

        Raises:
            ValueError: nothing comes before ``listed``.
        """
        stages = list(Stage)
        position = stages.index(self)
        if position == 0:
            raise ValueError("no stage comes before listed")
        return stages[position - 1]


class State(StrEnum):
    """Whether a job still tries."""

    OPEN = "open"
    DONE = "done"
    SKIPPED = "skipped"
    DEAD = "dead"


@dataclass(frozen=True, slots=True)
class Policy:
    """How long a step may take, and how patient a job is.

    Attributes:
        max_crashes: steps begun and never ended after which a job is set aside.
    """

    lease_seconds: float = 45.0
    max_crashes: int = 2
    backoff_base_seconds: float = 2.0
    backoff_cap_seconds: float = 300.0


@dataclass(frozen=True, slots=True)
class Ticket:
    """A claimed job: what a message carries.

    Attributes:
        attempt: number of the try, and the fencing token of all its writes.
    """

    store: str
    order_id: str
    attempt: int
    stage: Stage


class JournalError(Exception):
    """The journal did not do what it was asked."""


class JournalUnavailable(JournalError):
    """The database does not answer, or not in time; a write may have been done."""


class JobLost(JournalError):
    """The job belongs to another attempt, stands elsewhere, or has ended."""


class StorePaused(JournalError):
    """VTEX asked for a pause of the store, or refuses its credentials.

    Attributes:
        until: when its jobs may call VTEX again.
    """

    until: datetime

    def __init__(self, message: str, *, until: datetime) -> None:
        super().__init__(message)
        self.until = until


def backoff_seconds(failures: int, policy: Policy, random: Callable[[], float]) -> float:
    """Return how long to wait after so many failures in a row: exponential, with full jitter.

    Args:
        failures: one or more.
        random: a number from 0 to 1.
    """
    ceiling = min(
        policy.backoff_cap_seconds, policy.backoff_base_seconds * 2.0 ** min(failures, 30)
    )
    return random() * ceiling


def stage_of_retry(stage: Stage) -> Stage:
    """Return where a replayed job starts: at fresh documents, unless the ERP has the order."""
    return stage if stage in (Stage.INSERTED, Stage.HANDLING) else Stage.LISTED
