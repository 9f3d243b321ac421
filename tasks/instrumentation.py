"""What the tasks of a process tell whoever watches them: metrics, traces. Identifiers only."""

from __future__ import annotations

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
    """A task that begins.

    Attributes:
        store, order_id: empty where it concerns none.
        attempt: None where there are no attempts.
    """

    task: str
    store: str = ""
    order_id: str = ""
    attempt: int | None = None


@dataclass(frozen=True, slots=True)
class JobAdvanced:
    """A job that has come further, as it is written in the journal by now.

    Attributes:
        stage: where it stands.
        ended: it is done, or there was nothing to do.
        since: for an order, when it was paid, where its document tells; when it was placed, or
            the journal heard of it, else. For a request, when the journal had it.
        at: now, by the journal's clock.
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
        """How long it took to get here; hosts' and VTEX's clocks may differ by a little."""
        return None if self.since is None else max(0.0, (self.at - self.since).total_seconds())


class TaskObserver(Protocol):
    """Hears of the work. What it does must be quick, and must not fail."""

    def task(self, started: TaskStarted) -> AbstractContextManager[None]:
        """Return what surrounds a task, and sees the error that it ends with."""

    def job_advanced(self, advanced: JobAdvanced) -> None:
        """Hear that a job has come further."""

    def orders_found(self, store: str, task: str, count: int) -> None:
        """Hear of orders that the journal did not know before."""

    def vtex_called(self, call: Call) -> None:
        """Hear of a call to VTEX."""


class TwoObservers:
    """Two watches as one."""

    def __init__(self, first: TaskObserver, second: TaskObserver) -> None:
        self._first, self._second = first, second

    @contextmanager
    def task(self, started: TaskStarted) -> Iterator[None]:
        """Surround a task by both."""
        with self._first.task(started), self._second.task(started):
            yield

    def job_advanced(self, advanced: JobAdvanced) -> None:
        """Tell both."""
        self._first.job_advanced(advanced)
        self._second.job_advanced(advanced)

    def orders_found(self, store: str, task: str, count: int) -> None:
        """Tell both."""
        self._first.orders_found(store, task, count)
        self._second.orders_found(store, task, count)

    def vtex_called(self, call: Call) -> None:
        """Tell both."""
        self._first.vtex_called(call)
        self._second.vtex_called(call)


def advance_of(job: LeasedJob, to: Stage, now: datetime) -> JobAdvanced:
    """Return what there is to tell of a step that has ended."""
    ended = job.skipped is not None or to is STAGES[job.kind][-1]
    return JobAdvanced(job.store, job.order_id, job.kind, to, job.attempt, ended, _since(job), now)


def _since(job: LeasedJob) -> datetime | None:
    since: datetime | None = job.row["created_at"]
    order: Any = job.read
    if job.kind is Kind.INTAKE and order is not None:
        since = order.authorized_at or order.created_at
    return since
