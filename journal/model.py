"""Kinds, stages and states of jobs, their policy, and the journal's errors. Pure code."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum


class Kind(StrEnum):
    """The kind of a job: its purpose for the order."""

    INTAKE = "intake"
    INVOICE = "invoice"
    TRACKING = "tracking"
    CANCELLATION = "cancellation"
    DENIAL = "denial"
    CHANGE = "change"
    OBSERVATION = "observation"


class Stage(StrEnum):
    """The stage of a job. See ``JOB_KINDS``."""

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

    OBSERVED = "observed"

    @property
    def before(self) -> Stage:
        """The stage before this one.

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
        stages: stages in order. A job is done at the last one.
        priority: 0 is dispatched first. Lower priorities wait while the higher ones take all
            jobs that may be in flight.
        requested: the ERP requests it. Such a job has an outcome, which is reported to the ERP.
            It is dead-lettered after too many failures.
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
    # An order of a store that is only observed. Its one step reads.
    Kind.OBSERVATION: JobKind((Stage.LISTED, Stage.OBSERVED), priority=3, requested=False),
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
"""The kinds without an outcome for the ERP. Such a job retries without a bound."""

OF_ORDERS = (Kind.INTAKE, Kind.OBSERVATION)
"""The kinds that an order has once each. The others are requests and changes."""

BEFORE_INSERTION = (Stage.FETCHED, Stage.PAID)
"""The stages of an intake that rest on documents which may become old."""

AT_ERP = Stage.PAID
"""The stage before the insertion in the ERP."""

InFlight = int | Callable[[str], int]
"""Bound of a store's leased jobs: a number, or a function of the store."""


class State(StrEnum):
    """The state of a job."""

    OPEN = "open"
    DONE = "done"
    SKIPPED = "skipped"
    DEAD = "dead"


@dataclass(frozen=True, slots=True)
class Policy:
    """Bounds of a step and of a job.

    Attributes:
        max_crashes: number of starts without an end after which a job becomes a dead letter.
            The last try runs in isolation.
        erp_pause_seconds: interval of probes while the ERP is down. One order per probe is a
            small load.
        observed: stores that are only observed. Their orders become observations, and their other
            jobs wait.
    """

    lease_seconds: float = 45.0
    max_crashes: int = 3
    erp_pause_seconds: float = 10.0
    observed: frozenset[str] = frozenset()

    def holds(self, store: str, kind: Kind) -> bool:
        """Return whether a store's jobs of a kind wait, since the store is only observed."""
        return store in self.observed and kind is not Kind.OBSERVATION


@dataclass(frozen=True, slots=True)
class Postponement:
    """The wait of a job after a step that failed or came too early. The caller decides it.

    Attributes:
        wait_seconds: function from the failures in a row (1 or more) to the wait.
        counts: whether this is a failure of the job itself.
        max_failures: failures in a row that make the job a dead letter. ``None`` sets no bound.
        untouched: the step made no call with a doubtful effect. The timeline leaves it out.
        waiting: the job came too early, which is not a failure.
        patience: the age at which a waiting job is refused. A retry by hand starts it again.
        erp_down: the ERP did not respond. Waiting orders keep their due time, so that they come
            in by age. Only an order that fails while others succeed backs off.
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
    """A leased job, as a message carries it.

    Attributes:
        attempt: number of the attempt, the fencing token of its writes.
        job: number of the job. ``None`` for an intake, which its order identifies.
    """

    store: str
    order_id: str
    attempt: int
    stage: Stage
    kind: Kind = Kind.INTAKE
    job: int | None = None


class JournalError(Exception):
    """The journal could not fulfil a call."""


class JournalUnavailable(JournalError):
    """The database does not respond in time. A write may have had its effect."""


class JobLost(JournalError):
    """The job belongs to another attempt, is at another stage, or has ended."""


class RequestPurged(JournalError):
    """Retention has deleted the body of the request."""


class StorePaused(JournalError):
    """VTEX asked for a pause of the store, or refuses its credentials."""


class StoreObserved(JournalError):
    """The store is only observed, so that the job waits."""


class ErpCircuitOpen(JournalError):
    """The ERP does not respond, and another order is the probe."""


def retry_stage(stage: Stage) -> Stage:
    """Return the stage at which a replayed job starts: each step checks VTEX before it sends."""
    facts = next(facts for facts in JOB_KINDS.values() if stage in facts.stages)
    return stage if stage in facts.resumable else facts.stages[0]
