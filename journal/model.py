"""The moves that are allowed: stages, states, back-off, and what can go wrong. No database."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum


class Kind(StrEnum):
    """The kind of a job: its purpose for the order."""

    INTAKE = "intake"
    INVOICE = "invoice"
    TRACKING = "tracking"
    CANCELLATION = "cancellation"
    DENIAL = "denial"
    CHANGE = "change"


class Stage(StrEnum):
    """How far a job is; see JOB_KINDS."""

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
    REPORTED = "reported"

    @property
    def before(self) -> Stage:
        """The stage that a job must be at to come to this one.

        Raises:
            ValueError: a job begins at this stage.
        """
        for stages in STAGES.values():
            if self in stages[1:]:
                return stages[stages.index(self) - 1]
        raise ValueError(f"no stage comes before {self}")


@dataclass(frozen=True, slots=True)
class JobKind:
    """The facts of a kind of job.

    Attributes:
        stages: in order; a job is done at the last one.
        priority: 0 is dispatched first. Lower priorities wait while the higher ones take all
            jobs that may be in flight.
        requested: the ERP requests it. Such a job has an outcome, which is reported to the ERP;
            it is dead-lettered after too many failures.
        resumable: the stages at which a replayed job goes on. At the others it starts again.
    """

    stages: tuple[Stage, ...]
    priority: int
    requested: bool = True
    resumable: tuple[Stage, ...] = ()


_SENT_AND_CONFIRMED = (Stage.REQUESTED, Stage.SENT, Stage.CONFIRMED)
_CHANGE = (Stage.SEEN, Stage.READ, Stage.REPORTED)

JOB_KINDS = {
    Kind.CANCELLATION: JobKind(_SENT_AND_CONFIRMED, priority=0),
    Kind.DENIAL: JobKind(_SENT_AND_CONFIRMED, priority=0),
    # A change that was read is only reported: the journal's own document has changed since.
    Kind.CHANGE: JobKind(_CHANGE, priority=0, requested=False, resumable=_CHANGE),
    Kind.INVOICE: JobKind(_SENT_AND_CONFIRMED, priority=0),
    Kind.TRACKING: JobKind((Stage.REQUESTED, Stage.SENT), priority=1),
    # A replayed intake reads fresh documents, unless the ERP has the order.
    Kind.INTAKE: JobKind(
        (Stage.LISTED, Stage.FETCHED, Stage.PAID, Stage.INSERTED, Stage.HANDLING),
        priority=2,
        requested=False,
        resumable=(Stage.INSERTED, Stage.HANDLING),
    ),
}
"""All kinds of jobs, in order of dispatch. A new kind is a new line here."""

STAGES = {kind: facts.stages for kind, facts in JOB_KINDS.items()}
"""The stages of each kind of job, in order."""

PRIORITIES = tuple(
    tuple(kind for kind, facts in JOB_KINDS.items() if facts.priority == priority)
    for priority in sorted({facts.priority for facts in JOB_KINDS.values()})
)
"""The kinds of each priority, the highest priority first."""

NOT_REQUESTED = tuple(kind for kind, facts in JOB_KINDS.items() if not facts.requested)
"""The kinds without an outcome for the ERP; such a job never gives up by itself."""

AT_ERP = Stage.PAID
"""Where an order's next step is its insertion in the ERP."""

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
        erp_pause_seconds: between two tries of an ERP that is down. One order each is no load
            for it, however many wait, and a shopper does not notice so late a return.
    """

    lease_seconds: float = 45.0
    max_crashes: int = 3
    erp_pause_seconds: float = 10.0


@dataclass(frozen=True, slots=True)
class Postponement:
    """How a job waits after a step that failed or came too early; the caller decides it.

    Attributes:
        wait_seconds: returns the wait after so many failures in a row, 1 or more.
        counts: whether this is a failure of the job itself.
        max_failures: failures in a row after which the job becomes a dead letter; None for never.
        untouched: the step made no call whose effect could be in doubt. It stays out of the
            timeline, where it would only repeat itself.
        waiting: nothing failed, the job is early: no number of these is too many.
        patience: the age at which a waiting job is refused.
        erp_down: the ERP did not respond. Orders that wait for it keep their due time, so that
            they come in order of age; only an order that fails where others do not backs off.
    """

    wait_seconds: Callable[[int], float]
    counts: bool = True
    max_failures: int | None = None
    untouched: bool = False
    waiting: bool = False
    patience: timedelta | None = None
    erp_down: bool = False


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


def retry_stage(stage: Stage) -> Stage:
    """Return the stage at which a replayed job starts: each step checks VTEX before it sends."""
    facts = next(facts for facts in JOB_KINDS.values() if stage in facts.stages)
    return stage if stage in facts.resumable else facts.stages[0]
