"""Orders are carried from step to step in the worker that has them, without the broker in between.

Each step stays a task of its own: shown in Flower under its name, resumable at its stage. A message
brings several orders; each is worked by whichever thread is free, so that none waits for a slow
one, and what is not an order's never waits for more than one order a thread.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from celery import Celery, Task, signals
from celery.exceptions import Retry
from celery.worker import state

from journal.jobs.leased_job import LeasedJob

HandBack = Callable[[Mapping[str, Any]], None]
"""Gives a job up whose next step is not begun; told the keyword arguments of that step."""

_here = threading.local()
_worker: dict[str, Any] = {}


@dataclass(frozen=True, slots=True)
class PendingOrder:
    """An order with its steps.

    Attributes:
        parent: id of the task that brought it.
        steps: each as a signature, the first one last.
    """

    app: Celery
    parent: str | None
    steps: Sequence[Mapping[str, Any]]
    hand_back: HandBack


@signals.worker_ready.connect
def _remember(sender: Any = None, **_: Any) -> None:
    # The consumer's event dispatcher is made anew at each reconnection: it is asked each time.
    _worker["consumer"] = sender


class LocalQueue:
    """The orders that this process was given and has not begun."""

    def __init__(self) -> None:
        self._waiting: deque[PendingOrder] = deque()
        self._lock = threading.Lock()
        self._runners = 0

    def take(self, orders: Sequence[PendingOrder]) -> None:
        """Have orders worked by the pool's threads; by this one where the pool has none."""
        pool: Any = getattr(_worker.get("consumer"), "pool", None)
        executor = getattr(pool, "executor", None)
        if executor is None:
            for order in orders:
                _carry(order)
            return
        with self._lock:
            self._waiting.extend(orders)
            more = min(pool.limit - self._runners, len(self._waiting))
            self._runners += more
        for _ in range(more):
            self._run(executor)

    def give_back(self) -> None:
        """Hand back what was not begun, at the end of the process."""
        while self._waiting:
            order = self._waiting.popleft()
            order.hand_back(order.steps[-1]["kwargs"])

    def _run(self, executor: Any) -> None:
        try:
            executor.submit(self._one, executor)
        except RuntimeError:
            # The pool has been shut down.
            with self._lock:
                self._runners -= 1

    def _one(self, executor: Any) -> None:
        with self._lock:
            if _is_stopping() or not self._waiting:
                self._runners -= 1
                return
            order = self._waiting.popleft()
        try:
            _carry(order)
        finally:
            # Behind whatever came meanwhile: an invoice waits for no backlog of orders.
            self._run(executor)


local_queue = LocalQueue()


def carry_on(task: Task, hand_back: HandBack) -> None:
    """Run what is left of a message's chain."""
    rest = list(task.request.chain or ())
    task.request.chain = None
    _carry(PendingOrder(task.app, task.request.id, rest, hand_back))


def has_more(task: Task) -> bool:
    """Say whether another step follows this one in this worker."""
    return bool(task.request.chain or getattr(_here, "rest", None))


def keep(job: LeasedJob) -> None:
    """Leave a job to the step that follows."""
    _here.job = job


def taken() -> LeasedJob | None:
    """Return the job that the step before left, once."""
    job: LeasedJob | None = getattr(_here, "job", None)
    _here.job = None
    return job


def drop_rest() -> None:
    """Let the steps that were to be carried on fall."""
    _here.job = None
    if getattr(_here, "rest", None):
        _here.rest.clear()


def _carry(order: PendingOrder) -> None:
    """Run an order's steps.

    A step that fails has told the journal already; those after it are not begun then. A worker
    that is told to stop ends the step that runs, and begins no other.
    """
    rest = _here.rest = list(order.steps)
    try:
        while rest:
            kwargs = rest[-1]["kwargs"]
            following = order.app.tasks.get(rest.pop()["task"])
            if following is None or _is_stopping():
                # A newer version's step is taken by its own workers.
                order.hand_back(kwargs)
                return
            try:
                with _shown(order.parent, following.name, kwargs):
                    following(**kwargs)
            except Exception:
                # The edge of a task: its own call has told the journal and the log.
                return
    finally:
        _here.rest = _here.job = None


def _is_stopping() -> bool:
    return state.should_stop is not None or state.should_terminate is not None


@contextmanager
def _shown(parent: str | None, name: str, kwargs: Mapping[str, Any]) -> Iterator[None]:
    """Tell Flower of a task that no message brought."""
    dispatcher = getattr(_worker.get("consumer"), "event_dispatcher", None)
    if dispatcher is None or not dispatcher.enabled:
        yield
        return
    number, began = str(uuid4()), time.monotonic()
    dispatcher.send(
        "task-received", uuid=number, name=name, args="()", kwargs=repr(kwargs), root_id=parent,
        parent_id=parent, retries=0, eta=None, expires=None,
    )  # fmt: skip
    dispatcher.send("task-started", uuid=number)
    try:
        yield
    except Retry as error:
        dispatcher.send("task-retried", uuid=number, exception=str(error), traceback="")
        raise
    except Exception as error:
        words = f"{type(error).__name__}({str(error)!r})"
        dispatcher.send("task-failed", uuid=number, exception=words, traceback="")
        raise
    runtime = time.monotonic() - began
    dispatcher.send("task-succeeded", uuid=number, result="None", runtime=runtime)
