"""The table from each error to its consequence: retry, dead letter, pause of the store.

``tasks.base`` executes the consequence. Metrics and traces use its name as a label, listed in
docs/metrics.md. The numbers are settings.
"""

import random
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any

from erp.port import ErpError, ErpRejected, ErpUnavailable
from foundation.messages import log_events
from foundation.messages.message import Message
from journal.model import (
    ErpCircuitOpen,
    JobLost,
    JournalError,
    JournalUnavailable,
    Postponement,
    RequestPurged,
    StoreObserved,
    StorePaused,
)
from tasks.errors import ContractNewer, RequestInvalid, RequestRefused, StepFailed, StoreUnknown
from vtex.errors import (
    DocumentInvalid,
    FeedMissing,
    NotYet,
    OrderConflict,
    OrderNotFound,
    RateLimitReached,
    Refused,
    VtexError,
    VtexForgot,
    VtexRejected,
    VtexThrottled,
    VtexUnauthorized,
    VtexUnavailable,
    WriteForbidden,
)


class TaskOutcome(StrEnum):
    """The result of a task, as a label of metrics and traces."""

    DONE = "done"
    RETRY = "retry"
    DEAD_LETTER = "dead_letter"
    SUPERSEDED = "superseded"
    UNFORESEEN = "unforeseen"


class Action(StrEnum):
    """A worker's reaction to the error of a step."""

    POSTPONE = "postpone"
    """The job waits and is retried."""
    HAND_BACK = "hand back"
    """The step had not begun. Its lease ends, and the job is due at once."""
    LEAVE = "leave"
    """The journal cannot be written. The lease expires, and the job is due again."""
    DROP = "drop"
    """Another attempt owns the job, so that this attempt ends."""
    REFUSE = "refuse"
    """A dead letter: the work cannot be done as requested."""
    GIVE_UP = "give up"
    """A dead letter: the work was accepted and did not succeed."""
    BOUND = "bound"
    """The job is retried a few times, and then becomes a dead letter."""

    @property
    def outcome(self) -> TaskOutcome:
        """The label of a task that ends with this action."""
        return _OUTCOMES[self]


_OUTCOMES = {
    Action.POSTPONE: TaskOutcome.RETRY,
    Action.HAND_BACK: TaskOutcome.RETRY,
    Action.LEAVE: TaskOutcome.RETRY,
    Action.DROP: TaskOutcome.SUPERSEDED,
    Action.REFUSE: TaskOutcome.DEAD_LETTER,
    Action.GIVE_UP: TaskOutcome.DEAD_LETTER,
    Action.BOUND: TaskOutcome.UNFORESEEN,
}


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """The numbers of the table. Each is a setting.

    Attributes:
        backoff_base_seconds, backoff_cap_seconds: bounds of the wait after a failure. It doubles
            with each failure in a row.
        max_failures: failures in a row after which a request becomes a dead letter. 300 failures
            take about a day.
        max_unforeseen_failures: the same for a job that meets an error without a row here.
        unauthorized_pause_seconds: pause of a store after a 401 or 403. One call a minute notices
            that the credentials work again.
        other_worker_seconds: wait of a job that needs another worker, which knows the store or the
            newer version of the contract.
        newer_contract_patience_seconds: age at which a request of a newer version is refused.
        change_patience_seconds: age at which an invoice that waits for the end of a change is
            dead-lettered.
        request_seconds: wait of the ERP's request while the journal does not respond. It is
            shorter than the broker's own time-out, which would deliver the request twice.
    """

    backoff_base_seconds: float = 2.0
    backoff_cap_seconds: float = 300.0
    max_failures: int = 300
    max_unforeseen_failures: int = 5
    unauthorized_pause_seconds: float = 60.0
    other_worker_seconds: float = 5.0
    newer_contract_patience_seconds: float = 86_400.0
    change_patience_seconds: float = 86_400.0
    request_seconds: float = 20.0

    @property
    def change_patience(self) -> timedelta:
        """The longest wait for the end of a change of an order."""
        return timedelta(seconds=self.change_patience_seconds)

    def backoff_seconds(self, failures: int) -> float:
        """Return the wait after so many failures in a row: exponential, with full jitter."""
        ceiling = self.backoff_base_seconds * 2.0 ** min(failures, 30)
        return random.random() * min(self.backoff_cap_seconds, ceiling)

    def postponement(self, error: Exception, *, job: int | None, gives_up: bool) -> Postponement:
        """Return how a job waits after an error.

        Args:
            job: number of the job. An intake lacks it.
            gives_up: true if the job becomes a dead letter after too many failures.
        """
        row = row_of(error)
        seconds = row.wait_seconds(self, error) if row.wait_seconds else None
        limit = self.max_failures if gives_up and not row.is_waiting else None
        if row.action is Action.BOUND:
            limit = self.max_unforeseen_failures
        return Postponement(
            wait_seconds=self.backoff_seconds if seconds is None else lambda _failures: seconds,
            counts=seconds is None,
            max_failures=limit,
            untouched=isinstance(error, RateLimitReached),
            waiting=row.is_waiting,
            patience=row.patience(self, error) if row.patience else None,
            # Only orders wait in line for an ERP that does not respond; other jobs back off.
            erp_down=isinstance(error, ErpUnavailable) and job is None,
        )

    def pause_seconds(self, error: Exception) -> float | None:
        """Return the pause of the whole store after an error, if it needs one."""
        row = row_of(error)
        return row.pause_seconds(self, error) if row.pause_seconds else None


Number = Callable[[RetryPolicy, Any], float]


@dataclass(frozen=True, slots=True)
class Row:
    """The consequence of one class of errors.

    Attributes:
        wait_seconds: the wait until the next try. By default it is the back-off, which
            counts as a failure of the job.
        pause_seconds: the pause of the whole store, if any.
        is_waiting: true if the job is only early. It may wait any number of times.
        patience: the age at which a waiting request is refused.
        alarm: line in the log at level error, since a person must act.
    """

    action: Action
    wait_seconds: Number | None = None
    pause_seconds: Number | None = None
    is_waiting: bool = False
    patience: Callable[[RetryPolicy, Any], timedelta | None] | None = None
    alarm: Message | None = None


def _no_wait(_policy: RetryPolicy, _error: Exception) -> float:
    """Return 0, since the store's pause holds the job until it ends."""
    return 0.0


def _spread(_policy: RetryPolicy, error: RateLimitReached) -> float:
    """Return a random wait, so that jobs that were refused together return one by one."""
    return error.seconds * random.uniform(1, 1.5)


_BACK_OFF = Row(Action.POSTPONE)
_REFUSE = Row(Action.REFUSE)
_UNFORESEEN = Row(Action.BOUND)

TABLE: dict[type[Exception], Row] = {
    # VTEX
    VtexUnavailable: _BACK_OFF,
    VtexThrottled: Row(Action.POSTPONE, _no_wait, lambda _, error: error.pause_seconds),
    NotYet: Row(Action.POSTPONE, is_waiting=True, patience=lambda _, error: error.patience),
    RateLimitReached: Row(Action.POSTPONE, _spread),
    VtexUnauthorized: Row(
        Action.POSTPONE,
        _no_wait,
        lambda policy, _: policy.unauthorized_pause_seconds,
        alarm=log_events.CREDENTIALS_REFUSED,
    ),
    StoreUnknown: Row(
        Action.POSTPONE,
        lambda policy, _: policy.other_worker_seconds,
        alarm=log_events.STORE_UNKNOWN,
    ),
    OrderNotFound: _REFUSE,
    OrderConflict: _REFUSE,
    VtexRejected: _REFUSE,
    WriteForbidden: _REFUSE,
    Refused: _REFUSE,
    DocumentInvalid: _REFUSE,
    VtexForgot: Row(Action.GIVE_UP),
    FeedMissing: _UNFORESEEN,  # tasks.intake.feed restores it
    VtexError: _UNFORESEEN,
    # The ERP
    ErpUnavailable: _BACK_OFF,
    ErpRejected: _REFUSE,
    ErpError: _UNFORESEEN,
    # The journal
    JournalUnavailable: Row(Action.LEAVE),
    JobLost: Row(Action.DROP),
    StorePaused: Row(Action.POSTPONE, _no_wait),
    ErpCircuitOpen: Row(Action.HAND_BACK),
    StoreObserved: Row(Action.HAND_BACK),
    RequestPurged: _UNFORESEEN,
    JournalError: _UNFORESEEN,
    # Requests of the ERP
    ContractNewer: Row(
        Action.POSTPONE,
        lambda policy, _: policy.other_worker_seconds,
        is_waiting=True,
        patience=lambda policy, _: timedelta(seconds=policy.newer_contract_patience_seconds),
    ),
    RequestInvalid: _REFUSE,
    RequestRefused: _REFUSE,
    # Everything else
    StepFailed: _UNFORESEEN,
    Exception: _UNFORESEEN,
}

DEAD_LETTERS = tuple(
    kind for kind, row in TABLE.items() if row.action.outcome is TaskOutcome.DEAD_LETTER
)
"""Errors that end a job without a retry."""

_OURS = ("vtex", "erp", "journal", "tasks")


def row_of(error: BaseException) -> Row:
    """Return the row of an error's class, or of its nearest base class."""
    return next((TABLE[kind] for kind in type(error).__mro__ if kind in TABLE), _UNFORESEEN)


def outcome_of(error: BaseException | None) -> TaskOutcome:
    """Return the label of a task that ended, with or without an error."""
    return TaskOutcome.DONE if error is None else row_of(error).action.outcome


def reason_of(error: BaseException | None) -> str:
    """Return an error's class as a label such as ``vtex_throttled``, never its text."""
    outcome = outcome_of(error)
    if outcome is TaskOutcome.DONE:
        return ""
    if outcome is TaskOutcome.UNFORESEEN:
        # The names of foreign classes have no bound.
        return "unforeseen"
    kind = next(kind for kind in type(error).__mro__ if kind.__module__.split(".")[0] in _OURS)
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", kind.__name__).lower()
