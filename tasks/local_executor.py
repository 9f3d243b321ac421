"""Runs the remaining steps of a job in one worker, without the broker between two steps.

Each step remains a task of its own: Flower shows its name, and the job resumes at its stage. A
message brings several orders, and any free thread takes the next order. A slow order therefore
delays only its own thread. A job of another kind waits for at most one order per thread.
"""

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
"""Gives up the lease of a job by the arguments of its next step, which has not begun."""

_worker: dict[str, Any] = {}


class OrderRun:
    """One job in this process: its remaining steps, and its lease between two steps.

    Attributes:
        steps: signatures of the steps, the next step last, as in a Celery chain.
        job: the leased job, after the end of a step has begun the next step.
    """

    def __init__(
        self,
        app: Celery,
        parent: str | None,
        steps: Sequence[Mapping[str, Any]] = (),
        hand_back: HandBack = lambda _name: None,
    ) -> None:
        """Keep a job's steps.

        Args:
            parent: id of the task of the message.
        """
        self.steps = list(steps)
        self.job: LeasedJob | None = None
        self._app, self._parent, self._hand_back = app, parent, hand_back

    def work(self) -> None:
        """Run the steps in turn, until a step fails or the worker stops.

        A step writes its failure to the journal itself. A worker that stops first ends the running
        step, then hands back the job.
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
                # The task itself has written the error to the journal and the log.
                return

    def take_job(self) -> LeasedJob | None:
        """Return the job that the previous step has begun for this step."""
        job, self.job = self.job, None
        return job

    def stop(self) -> None:
        """Drop the remaining steps."""
        self.job = None
        self.steps.clear()

    def give_back(self) -> None:
        """Hand back the job before its next step begins."""
        self._hand_back(self.steps[-1]["kwargs"])
        self.stop()


@signals.worker_ready.connect
def _remember(sender: Any = None, **_: Any) -> None:
    # Each reconnection creates a new event dispatcher, so keep the consumer and ask it each time.
    _worker["consumer"] = sender


class LocalQueue:
    """The orders of this process that have not begun."""

    def __init__(self) -> None:
        self._waiting: deque[OrderRun] = deque()
        self._lock = threading.Lock()
        self._runners = 0

    def take(self, orders: Sequence[OrderRun]) -> None:
        """Run orders in the pool's threads, or in this thread if the pool lacks an executor."""
        pool: Any = getattr(_worker.get("consumer"), "pool", None)
        executor = getattr(pool, "executor", None)
        if executor is None:
            for order in orders:
                order.work()
            return
        with self._lock:
            self._waiting.extend(orders)
            added = min(pool.limit - self._runners, len(self._waiting))
            self._runners += added
        for _ in range(added):
            self._run(executor)

    def give_back(self) -> None:
        """Hand back the orders that have not begun, at the end of the process."""
        while self._waiting:
            order = self._waiting.popleft()
            order.give_back()

    def _run(self, executor: Any) -> None:
        try:
            executor.submit(self._run_next, executor)
        except RuntimeError:
            # The pool has been shut down.
            with self._lock:
                self._runners -= 1

    def _run_next(self, executor: Any) -> None:
        with self._lock:
            if _is_stopping() or not self._waiting:
                self._runners -= 1
                return
            order = self._waiting.popleft()
        try:
            order.work()
        finally:
            # Queue behind newer messages, so that an invoice does not wait for a backlog of orders.
            self._run(executor)


local_queue = LocalQueue()


def _is_stopping() -> bool:
    return state.should_stop is not None or state.should_terminate is not None


@contextmanager
def _shown(parent: str | None, name: str, kwargs: Mapping[str, Any]) -> Iterator[None]:
    """Send Flower the events of a task that runs without its own message."""
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
        text = f"{type(error).__name__}({str(error)!r})"
        dispatcher.send("task-failed", uuid=number, exception=text, traceback="")
        raise
    runtime = time.monotonic() - began
    dispatcher.send("task-succeeded", uuid=number, result="None", runtime=runtime)
