"""The events of tasks for metrics and traces. They hold identifiers only."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from journal.jobs.leased_job import LeasedJob
from journal.model import STAGES, Kind, Stage
from vtex.transport.endpoints import Call


@dataclass(frozen=True, slots=True)
class TaskStarted:
    """A task that starts.

    Attributes:
        store, order_id: empty if the task does not concern one.
        attempt: the job's attempt, if the task has one.
    """

    task: str
    store: str = ""
    order_id: str = ""
    attempt: int | None = None


@dataclass(frozen=True, slots=True)
class JobAdvanced:
    """A job that has advanced by a stage. The journal has the stage already.

    Attributes:
        stage: the new stage.
        ended: true if the job is done or skipped.
        since: start of the measured time. For an order it is the time of payment, else of
            placement, else of listing. For a request it is the time of its record.
        at: present time by the journal's clock.
    """

    store: str
    order_id: str
    kind: Kind
    stage: Stage
    attempt: int
    ended: bool
    since: datetime | None
    at: datetime

    @property
    def seconds(self) -> float | None:
        """Time from ``since`` to ``at``, at least 0: the clocks of hosts and of VTEX may differ."""
        return None if self.since is None else max(0.0, (self.at - self.since).total_seconds())


class TaskObserver(Protocol):
    """Receives the events of tasks. Its methods must be quick and must not fail."""

    def task(self, started: TaskStarted) -> AbstractContextManager[None]:
        """Return a context for the run of a task. It sees the error that ends the task."""

    def job_advanced(self, advanced: JobAdvanced) -> None:
        """Receive the new stage of a job."""

    def orders_found(self, store: str, task: str, count: int) -> None:
        """Receive the number of new orders in the journal."""

    def vtex_called(self, call: Call) -> None:
        """Receive a call to VTEX."""


class TwoObservers:
    """Passes each event to two observers."""

    def __init__(self, first: TaskObserver, second: TaskObserver) -> None:
        self._first, self._second = first, second

    @contextmanager
    def task(self, started: TaskStarted) -> Iterator[None]:
        """Enter the contexts of both observers."""
        with self._first.task(started), self._second.task(started):
            yield

    def job_advanced(self, advanced: JobAdvanced) -> None:
        """Pass the new stage to both observers."""
        self._first.job_advanced(advanced)
        self._second.job_advanced(advanced)

    def orders_found(self, store: str, task: str, count: int) -> None:
        """Pass the number of orders to both observers."""
        self._first.orders_found(store, task, count)
        self._second.orders_found(store, task, count)

    def vtex_called(self, call: Call) -> None:
        """Pass the call to both observers."""
        self._first.vtex_called(call)
        self._second.vtex_called(call)


def advance_of(job: LeasedJob, to: Stage, now: datetime) -> JobAdvanced:
    """Return the event of a step that has ended."""
    ended = job.skipped is not None or job.ends or to is STAGES[job.kind][-1]
    return JobAdvanced(job.store, job.order_id, job.kind, to, job.attempt, ended, _since(job), now)


def _since(job: LeasedJob) -> datetime | None:
    since: datetime | None = job.row["created_at"]
    order: Any = job.read
    if job.kind is Kind.INTAKE and order is not None:
        since = order.authorized_at or order.created_at
    return since
