"""The base classes of the tasks: they open a step and execute the decisions of ``retry_policy``."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from typing import Any, ClassVar

from celery import Task, signals
from celery.exceptions import Reject, Retry
from kombu.exceptions import OperationalError

from erp.port import Erp
from foundation.messages import journal as journal_messages
from foundation.messages import log_events
from foundation.messages import requests as messages
from journal.jobs.leased_job import LeasedJob
from journal.journal import Journal
from journal.model import JOB_KINDS, JobLost, JournalUnavailable, Stage
from journal.orders import NewOrder
from tasks.context import REFILLED, Context
from tasks.errors import RequestRefused, StepFailed, StoreUnknown
from tasks.instrumentation import TaskStarted, advance_of
from tasks.job_kinds import KIND_OF_TASK, priority_of
from tasks.local_executor import OrderRun
from tasks.retry_policy import DEAD_LETTERS, Action, Outcome, outcome_of, row_of
from tasks.workflow import dispatch
from vtex.client import VtexClient
from vtex.errors import RateLimitReached

log = logging.getLogger(__name__)


class StoreTask(Task):  # type: ignore[misc]  # Celery ships no types
    """A task of one store. A pause that VTEX asks of the store is kept for all its tasks."""

    abstract = True
    process_context: ClassVar[Context | None] = None

    @property
    def context(self) -> Context:
        """The collaborators of this process, given by ``workers.wiring``."""
        if StoreTask.process_context is None:
            raise RuntimeError("this process was not set up; run it as celery -A workers worker")
        return StoreTask.process_context

    @property
    def journal(self) -> Journal:
        """Where every order and job stands."""
        return self.context.journal

    @property
    def erp(self) -> Erp:
        """The ERP."""
        return self.context.erp

    def vtex(self, store: str) -> VtexClient:
        """Return the client of a store, its calls of this task's priority.

        Raises:
            StoreUnknown: this process has no credentials of the store.
        """
        try:
            client = self.context.vtex[store]
        except KeyError:
            raise StoreUnknown(messages.UNKNOWN_STORE(store=store)) from None
        return client.with_priority(priority_of(self.name))

    def __call__(self, *args: Any, **kwargs: Any) -> None:
        """Run. An error that passes becomes a Retry, and the schedule starts the task again."""
        try:
            with self.observed(kwargs):
                super().__call__(*args, **kwargs)
        except Exception as error:
            if outcome_of(error) is not Outcome.RETRY:
                raise
            self.pause_store(str(kwargs.get("store", "")), error)
            level = logging.INFO if isinstance(error, RateLimitReached) else logging.WARNING
            log.log(level, "tried again later", extra={"task": self.name, "reason": str(error)})
            raise Retry(str(error)) from None

    def observed(self, arguments: Mapping[str, Any]) -> AbstractContextManager[None]:
        """Return the context in which the observer sees this task.

        Args:
            arguments: its keyword arguments; a message may hold anything.
        """
        observer = self.context.observer
        if observer is None:
            return nullcontext()
        store, order_id = (
            value if isinstance(value, str) else ""
            for value in (arguments.get("store"), arguments.get("order_id"))
        )
        return observer.task(TaskStarted(self.name, store, order_id, arguments.get("attempt")))

    def record(self, store: str, listed: Iterable[NewOrder]) -> int:
        """Write the orders that the journal does not know yet; return their number."""
        new = self.journal.orders.record(store, listed)
        if self.context.observer is not None:
            self.context.observer.orders_found(store, self.name, new)
        return new

    def pause_store(self, store: str, error: Exception) -> None:
        """Pause the whole store where the retry policy says so."""
        if alarm := row_of(error).alarm:
            alarm.log(log, store=store, reason=str(error))
        seconds = self.context.retries.pause_seconds(error)
        if seconds is not None:
            self.journal.store_pauses.begin(store, seconds=seconds, reason=str(error))


class RequestTask(StoreTask):
    """A task that the ERP enqueues. A request that cannot be written yet stays in the broker."""

    abstract = True
    max_retries = None  # a request waits for as long as it takes; Celery's own default drops it
    throws = (RequestRefused,)  # foreseen, and kept: no traceback of Celery's

    @property
    def redelivered(self) -> bool:
        """Whether the broker delivers the message again, since no worker confirmed it."""
        return bool((self.request.delivery_info or {}).get("redelivered"))

    def __call__(self, /, *args: Any, **kwargs: Any) -> None:
        """Run. A request that cannot be written here and now goes back to the broker."""
        # Arguments that no function takes are refused as unknown fields, and kept.
        if args:
            kwargs["args"] = list(args)
        if "self" in kwargs:
            kwargs["self."] = kwargs.pop("self")
        try:
            with self.observed(kwargs):
                Task.__call__(self, **kwargs)
        except Exception as error:
            if outcome_of(error) is not Outcome.RETRY:
                raise
            log.warning("tried again later", extra={"task": self.name, "reason": str(error)})
            self._return_to_broker(error)

    def _return_to_broker(self, error: Exception) -> None:
        try:
            raise self.retry(exc=error, countdown=self.context.retries.request_seconds)
        except Reject as unpublished:
            # The broker is away too: Celery would drop the message, so it goes back unread.
            raise Reject(unpublished.reason, requeue=True) from error


class StepTask(StoreTask):
    """One step of a job; the journal keeps the consequence of its failure."""

    abstract = True
    throws = DEAD_LETTERS  # foreseen: one line of ours in the log, no traceback of Celery's

    def __call__(self, **kwargs: Any) -> None:
        """Run this step, and then the other steps of its message."""
        chain, self.request.chain = self.request.chain, None
        run = OrderRun(self.app, self.request.id, chain or (), partial(hand_back, self.journal))
        self.run_in(run, kwargs)
        run.work()

    def run_in(self, run: OrderRun, kwargs: dict[str, Any]) -> None:
        """Run this step for a job's run; a failure ends the run.

        Args:
            kwargs: of the step's message: ``store``, ``order_id``, ``attempt``; ``job``, the
                number of the job, where it is no order's intake.
        """
        self.push_request()
        self.request.order_run = run
        try:
            with self.observed(kwargs):
                self.run(**kwargs)
        except Exception as error:
            run.stop()
            self._fail(error, kwargs)
        finally:
            self.pop_request()

    def vtex_of(self, job: LeasedJob) -> VtexClient:
        """Return the client of a job's store. It changes nothing once the job is another's."""
        return self.vtex(job.store).with_guard(partial(self.journal.jobs.hold, job))

    @contextmanager
    def step(  # what names a step
        self,
        store: str,
        order_id: str,
        attempt: int,
        *,
        to: Stage,
        calls_vtex: bool = True,
        job: int | None = None,
    ) -> Iterator[LeasedJob]:
        """Own a job for this step; see ``Jobs.step``. The next step begins with its end."""
        run: OrderRun = getattr(self.request, "order_run", None) or OrderRun(self.app, None)
        goes_on = bool(run.steps)
        with self.journal.jobs.step(
            store,
            order_id,
            attempt,
            to=to,
            calls_vtex=calls_vtex,
            job=job,
            begun=run.take_job(),
            goes_on=goes_on,
        ) as leased:
            goes_alone = leased.isolated
            yield leased
        if self.context.observer is not None:
            self.context.observer.job_advanced(advance_of(leased, to, self.journal.now()))
        if leased.erp_recovered:
            log.info("the ERP responds again", extra={"store": store, "order_id": order_id})
            self._send_next(None)
        goes_on = goes_on and not leased.waits_for_erp
        if goes_alone or (not goes_on and self._is_scarce(store)):
            self._send_next(store)
        if not goes_on or leased.skipped:
            run.stop()
        else:
            run.job = leased

    def _is_scarce(self, store: str) -> bool:
        """Whether so few jobs of the store are under way at once that each must be replaced."""
        most = self.context.in_flight
        return callable(most) and most(store) <= REFILLED

    def _send_next(self, store: str | None) -> None:
        """Send the jobs that are due by now, without waiting for the next sweep.

        A small quota, a job that runs in isolation and an ERP that has recovered need it.
        """
        try:
            dispatch(self.context, store=store)
        except (OperationalError, JournalUnavailable):
            log.warning("left to the next sweep", extra={"store": store, "task": self.name})

    def _fail(self, error: Exception, kwargs: Mapping[str, Any]) -> None:
        """Execute the retry policy's decision; raises the error that Celery reports."""
        mark = {name: kwargs[name] for name in ("store", "order_id", "attempt")}
        extra = mark | {"task": self.name, "reason": str(error)}
        action = row_of(error).action
        match action:
            case Action.DROP:
                return
            case Action.LEAVE:
                log.warning("the journal does not respond", extra=extra)
            case Action.HAND_BACK:
                hand_back(self.journal, kwargs)
            case Action.REFUSE | Action.GIVE_UP:
                refused = action is Action.REFUSE
                self._write(self.journal.jobs.bury, kwargs, str(error), refused=refused)
                log_events.DEAD_LETTERED.log(log, **extra)
                raise error
            case Action.BOUND:
                reason = _place_of(error)
                log.exception("unforeseen error", extra=extra | {"reason": reason})
                self._postpone(error, reason, kwargs)
                raise StepFailed(reason) from None
            case Action.POSTPONE:
                self.pause_store(kwargs["store"], error)
                self._postpone(error, str(error), kwargs)
                if not isinstance(error, RateLimitReached):
                    log.warning("tried again later", extra=extra)
        raise Retry(str(error)) from None

    def _postpone(self, error: Exception, reason: str, kwargs: Mapping[str, Any]) -> None:
        wait = self.context.retries.postponement(
            error, job=kwargs.get("job"), gives_up=JOB_KINDS[KIND_OF_TASK[self.name]].requested
        )
        self._write(self.journal.jobs.postpone, kwargs, reason, wait)

    def _write(
        self, move: Callable[..., Any], kwargs: Mapping[str, Any], *args: Any, **more: Any
    ) -> None:
        names = (kwargs["store"], kwargs["order_id"], kwargs["attempt"])
        try:
            move(*names, *args, job=kwargs.get("job"), **more)
        except JobLost:
            # A newer attempt owns the job; the error of this one no longer matters.
            return
        except JournalUnavailable:
            log.warning("the journal does not respond", extra={"task": self.name})


def _place_of(error: Exception) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    place = f"{frames[-1].filename.rsplit('/', 1)[-1]}:{frames[-1].lineno}" if frames else "?"
    return journal_messages.UNFORESEEN(error=type(error).__name__, place=place)


def hand_back(journal: Journal, name: Mapping[str, Any]) -> None:
    """Give up the lease of a job whose step is not begun.

    Args:
        name: keyword arguments of the step.
    """
    try:
        journal.jobs.hand_back(
            name["store"], name["order_id"], name["attempt"], job=name.get("job")
        )
    except JobLost:
        return
    except JournalUnavailable:
        log.warning("a lease runs out by itself", extra={"order_id": name["order_id"]})


@signals.task_unknown.connect
def _leave_to_newer(message: Any = None, name: str = "", **_: Any) -> None:
    """Hand a job back whose step only a newer version knows; Celery drops the message."""
    kwargs = message.payload[1]
    for order in kwargs.get("orders", [kwargs]):
        if StoreTask.process_context is not None and {"store", "order_id", "attempt"} <= set(order):
            log.warning("a newer version's step is handed back", extra={"task": name})
            hand_back(StoreTask.process_context.journal, order)
