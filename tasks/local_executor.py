"""A job goes from step to step in the worker that has it, without the broker between two steps.

Each step stays a task of its own: Flower shows it under its name, and it resumes at its stage. A
message brings several orders. Any free thread takes the next of them, so that none waits for a slow
one, and a job of another kind waits for one order a thread at most.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

from celery import Celery, signals
from celery.exceptions import Retry
from celery.worker import state

from journal.jobs.leased_job import LeasedJob

HandBack = Callable[[Mapping[str, Any]], None]
"""Gives up the lease of a job whose next step is not begun; takes the step's arguments."""

_worker: dict[str, Any] = {}


class OrderRun:
    """One job in this process: the steps that it has left, and its lease between two of them.

    Attributes:
        steps: signatures, the next step last, as Celery has a message's chain.
        job: the leased job, once a step has begun the next one with its own end.
    """

    def __init__(
        self,
        app: Celery,
        parent: str | None,
        steps: Sequence[Mapping[str, Any]] = (),
        hand_back: HandBack = lambda _name: None,
    ) -> None:
        """Take a job's steps.

        Args:
            parent: id of the task that brought the message.
        """
        self.steps = list(steps)
        self.job: LeasedJob | None = None
        self._app, self._parent, self._hand_back = app, parent, hand_back

    def work(self) -> None:
        """Run the steps in turn, until one fails or the worker stops.

        A step writes its failure to the journal by itself. A worker that stops ends the step that
        runs, and hands back the job.
        """
        while self.steps:
            task = self._app.tasks.get(self.steps[-1]["task"])
            if task is None or _is_stopping():
                # Only workers of a newer version know an unknown step.
                self.give_back()
                return
            kwargs = self.steps.pop()["kwargs"]
            try:
                with _shown(self._parent, task.name, kwargs):
                    task.run_in(self, kwargs)
            except Exception:
                # The edge of a task: it has written to the journal and the log.
                return

    def take_job(self) -> LeasedJob | None:
        """Return the job that the step before has begun for this one."""
        job, self.job = self.job, None
        return job

    def stop(self) -> None:
        """Drop the remaining steps."""
        self.job = None
        self.steps.clear()

    def give_back(self) -> None:
        """Hand back the job, whose next step is not begun."""
        self._hand_back(self.steps[-1]["kwargs"])
        self.stop()


@signals.worker_ready.connect
def _remember(sender: Any = None, **_: Any) -> None:
    # The consumer's event dispatcher is made anew at each reconnection: it is asked each time.
    _worker["consumer"] = sender


class LocalQueue:
    """The orders that this process was given and has not begun."""

    def __init__(self) -> None:
        self._waiting: deque[OrderRun] = deque()
        self._lock = threading.Lock()
        self._runners = 0

    def take(self, orders: Sequence[OrderRun]) -> None:
        """Have orders worked by the pool's threads; by this one where the pool has none."""
        pool: Any = getattr(_worker.get("consumer"), "pool", None)
        executor = getattr(pool, "executor", None)
        if executor is None:
            for order in orders:
                order.work()
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
            order.give_back()

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
            order.work()
        finally:
            # Behind whatever came meanwhile: an invoice waits for no backlog of orders.
            self._run(executor)


local_queue = LocalQueue()


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
        "task-received",
        uuid=number,
        name=name,
        args="()",
        kwargs=repr(kwargs),
        root_id=parent,
        parent_id=parent,
        retries=0,
        eta=None,
        expires=None,
    )
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
