"""The moves that are allowed: stages, states, back-off, and what can go wrong. No database."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Kind(StrEnum):
    """What is to be done for an order."""

    INTAKE = "intake"
    INVOICE = "invoice"
    TRACKING = "tracking"
    CANCELLATION = "cancellation"
    DENIAL = "denial"
    CHANGE = "change"


class Stage(StrEnum):
    """How far a job has come; see PATHS."""

    LISTED = "listed"
    FETCHED = "fetched"
    PAID = "paid"
    INSERTED = "inserted"
    HANDLING = "handling"

    REQUESTED = "requested"
    SENT = "sent"
    CONFIRMED = "confirmed"

    SEEN = "seen"
    READ = "read"
    TOLD = "told"

    @property
    def before(self) -> Stage:
        """The stage that a job must be at to come to this one.

        Raises:
            ValueError: a job begins at this stage.
        """
        for path in PATHS.values():
            if self in path[1:]:
                return path[path.index(self) - 1]
        raise ValueError(f"no stage comes before {self}")


PATHS = {
    Kind.INTAKE: (Stage.LISTED, Stage.FETCHED, Stage.PAID, Stage.INSERTED, Stage.HANDLING),
    Kind.INVOICE: (Stage.REQUESTED, Stage.SENT, Stage.CONFIRMED),
    Kind.TRACKING: (Stage.REQUESTED, Stage.SENT),
    Kind.CANCELLATION: (Stage.REQUESTED, Stage.SENT, Stage.CONFIRMED),
    Kind.DENIAL: (Stage.REQUESTED, Stage.SENT, Stage.CONFIRMED),
    Kind.CHANGE: (Stage.SEEN, Stage.READ, Stage.TOLD),
}
"""The stages of each kind of job, in order; at the last one it is done."""

AT_ERP = Stage.PAID
"""Where an order's next step is its insertion in the ERP."""


URGENCY = (
    (Kind.CANCELLATION, Kind.DENIAL, Kind.CHANGE, Kind.INVOICE),
    (Kind.TRACKING,),
    (Kind.INTAKE,),
)
"""Which kinds are given out first. While the more urgent take all that may be under way, the
others wait."""

NOT_ASKED = (Kind.INTAKE, Kind.CHANGE)
"""What nobody asked for: it has no outcome that the ERP is told, and never gives up by itself."""

InFlight = int | Callable[[str], int]
"""Jobs of a store that are leased at once, at most: one number, or one for each store."""


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
        max_crashes: steps begun and never ended after which a job is set aside. Before the last
            of these it goes alone.
        max_failures: failures in a row after which a request is set aside; 300 are a day. What
            nobody asked for never gives up by itself.
        erp_pause_seconds: between two tries of an ERP that is down. One order each is no load
            for it, however many wait, and a shopper does not notice so late a return.
    """

    lease_seconds: float = 45.0
    max_crashes: int = 3
    max_failures: int = 300
    backoff_base_seconds: float = 2.0
    backoff_cap_seconds: float = 300.0
    erp_pause_seconds: float = 10.0


@dataclass(frozen=True, slots=True)
class Lease:
    """A claimed job: what a message carries.

    Attributes:
        attempt: number of the try, and the fencing token of all its writes.
        job: number of the job; an intake is found by its order alone.
    """

    store: str
    order_id: str
    attempt: int
    stage: Stage
    kind: Kind = Kind.INTAKE
    job: int | None = None


class JournalError(Exception):
    """The journal did not do what it was asked."""


class JournalUnavailable(JournalError):
    """The database does not answer, or not in time; a write may have been done."""


class JobLost(JournalError):
    """The job belongs to another attempt, stands elsewhere, or has ended."""


class RequestPurged(JournalError):
    """What the job was to do is not known any more."""


class StorePaused(JournalError):
    """VTEX asked for a pause of the store, or refuses its credentials.

    Attributes:
        until: when its jobs may call VTEX again.
    """

    until: datetime

    def __init__(self, message: str, *, until: datetime) -> None:
        super().__init__(message)
        self.until = until


class ErpCircuitOpen(JournalError):
    """The ERP does not answer; another order finds out when it does again."""


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
    """Return where a replayed job starts.

    An intake starts at fresh documents, unless the ERP has the order; what goes out starts at the
    beginning: each step looks at VTEX first. A change that was read is only to be told: the
    journal's own document has gone on since.
    """
    if stage in PATHS[Kind.CHANGE]:
        return stage
    if stage in PATHS[Kind.INTAKE]:
        return stage if stage in (Stage.INSERTED, Stage.HANDLING) else Stage.LISTED
    return Stage.REQUESTED
