"""The base classes of the tasks: they open a step and execute the decisions of ``retry_policy``."""

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
from foundation.messages.message import error_text
from journal.jobs.leased_job import LeasedJob
from journal.journal import Journal
from journal.model import JOB_KINDS, JobLost, JournalUnavailable, Stage
from journal.orders import NewOrder
from tasks.context import MAX_REFILLED, Context
from tasks.errors import RequestRefused, StepFailed, StoreUnknown
from tasks.instrumentation import TaskStarted, advance_of
from tasks.job_kinds import KIND_OF_TASK, priority_of
from tasks.local_executor import OrderRun
from tasks.retry_policy import DEAD_LETTERS, Action, TaskOutcome, outcome_of, row_of
from tasks.workflow import dispatch
from vtex.client import VtexClient
from vtex.errors import RateLimitReached

log = logging.getLogger(__name__)


class StoreTask(Task):  # type: ignore[misc]  # Celery ships no types
    """A task of one store. If VTEX asks for a pause, all tasks of the store pause."""

    abstract = True
    process_context: ClassVar[Context | None] = None

    @property
    def context(self) -> Context:
        """The collaborators of this process. ``workers.wiring`` sets them."""
        if StoreTask.process_context is None:
            raise RuntimeError("this process was not set up; run it as celery -A workers worker")
        return StoreTask.process_context

    @property
    def journal(self) -> Journal:
        """The journal of all orders and jobs."""
        return self.context.journal

    @property
    def erp(self) -> Erp:
        """The ERP."""
        return self.context.erp

    def vtex(self, store: str) -> VtexClient:
        """Return the client of a store. Its calls have this task's priority.

        Raises:
            StoreUnknown: this process lacks the credentials of the store.
        """
        try:
            client = self.context.vtex[store]
        except KeyError:
            raise StoreUnknown(messages.UNKNOWN_STORE(store=store)) from None
        return client.with_priority(priority_of(self.name))

    def __call__(self, *args: Any, **kwargs: Any) -> None:
        """Run the task. A temporary error becomes a Retry, and the schedule starts it again."""
        try:
            with self.observed(kwargs):
                super().__call__(*args, **kwargs)
        except Exception as error:
            if outcome_of(error) is not TaskOutcome.RETRY:
                raise
            self.pause_store(str(kwargs.get("store", "")), error)
            level = logging.INFO if isinstance(error, RateLimitReached) else logging.WARNING
            log.log(
                level, "the task is retried later", extra={"task": self.name, "reason": str(error)}
            )
            raise Retry(str(error)) from None

    def observed(self, arguments: Mapping[str, Any]) -> AbstractContextManager[None]:
        """Return the context in which the observer sees this task.

        Args:
            arguments: keyword arguments of the task. A message may hold any values.
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
        """Write the orders that the journal does not know yet. Return their number."""
        new = self.journal.orders.record(store, listed)
        if self.context.observer is not None:
            self.context.observer.orders_found(store, self.name, new)
        return new

    def pause_store(self, store: str, error: Exception) -> None:
        """Pause the whole store if the retry policy requires it."""
        if alarm := row_of(error).alarm:
            alarm.log(log, store=store, reason=str(error))
        seconds = self.context.retries.pause_seconds(error)
        if seconds is not None:
            self.journal.store_pauses.begin(store, seconds=seconds, reason=str(error))


class RequestTask(StoreTask):
    """A task that the ERP enqueues. Until the journal has the request, the broker keeps it."""

    abstract = True
    max_retries = (
        None  # a request waits as long as needed; Celery's default drops it after 3 retries
    )
    throws = (RequestRefused,)  # expected, and kept in the journal: Celery logs no traceback

    @property
    def redelivered(self) -> bool:
        """True if the broker delivers the message again, after a worker did not acknowledge it."""
        return bool((self.request.delivery_info or {}).get("redelivered"))

    def __call__(self, /, *args: Any, **kwargs: Any) -> None:
        """Run the task. If the journal cannot take the request now, return it to the broker."""
        # Unexpected arguments are refused as unknown fields, and the request is kept.
        if args:
            kwargs["args"] = list(args)
        if "self" in kwargs:
            kwargs["self."] = kwargs.pop("self")
        try:
            with self.observed(kwargs):
                Task.__call__(self, **kwargs)
        except Exception as error:
            if outcome_of(error) is not TaskOutcome.RETRY:
                raise
            log.warning(
                "the task is retried later", extra={"task": self.name, "reason": str(error)}
            )
            self._return_to_broker(error)

    def _return_to_broker(self, error: Exception) -> None:
        try:
            raise self.retry(exc=error, countdown=self.context.retries.request_seconds)
        except Reject as unpublished:
            # The broker is down too. Celery would drop the message, so requeue it unread.
            raise Reject(unpublished.reason, requeue=True) from error


class StepTask(StoreTask):
    """A step of a job. The journal keeps the consequence of its failure."""

    abstract = True
    throws = DEAD_LETTERS  # expected: our log has one line, and Celery logs no traceback

    def __call__(self, **kwargs: Any) -> None:
        """Run this step, and then the other steps of its message."""
        chain, self.request.chain = self.request.chain, None
        run = OrderRun(self.app, self.request.id, chain or (), partial(hand_back, self.journal))
        self.run_in(run, kwargs)
        run.work()

    def run_in(self, run: OrderRun, kwargs: dict[str, Any]) -> None:
        """Run this step for a job's run. A failure ends the run.

        Args:
            kwargs: arguments of the step's message: ``store``, ``order_id``, ``attempt``. Every
                job but an intake adds its number as ``job``.
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
        """Return the client of a job's store. A newer attempt of the job blocks its writes."""
        return self.vtex(job.store).with_guard(partial(self.journal.jobs.hold, job))

    @contextmanager
    def step(  # the name of a step
        self,
        store: str,
        order_id: str,
        attempt: int,
        *,
        to: Stage,
        calls_vtex: bool = True,
        job: int | None = None,
    ) -> Iterator[LeasedJob]:
        """Own a job for this step (``Jobs.step``). The end of this step begins the next one."""
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
        if not goes_on or leased.skipped or leased.ends:
            run.stop()
        else:
            run.job = leased

    def _is_scarce(self, store: str) -> bool:
        """True if the store may have so few jobs in flight that each end must start another."""
        limit = self.context.in_flight
        return callable(limit) and limit(store) <= MAX_REFILLED

    def _send_next(self, store: str | None) -> None:
        """Send the jobs that are due now, without waiting for the next sweep.

        This serves a small quota, a job that ran in isolation, and an ERP that has recovered.
        """
        try:
            dispatch(self.context, store=store)
        except (OperationalError, JournalUnavailable):
            log.warning(
                "the next sweep sends the due jobs", extra={"store": store, "task": self.name}
            )

    def _fail(self, error: Exception, kwargs: Mapping[str, Any]) -> None:
        """Execute the retry policy's decision, and raise the error that Celery reports."""
        names = {name: kwargs[name] for name in ("store", "order_id", "attempt")}
        extra = names | {"task": self.name, "reason": str(error)}
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
                self._write(self.journal.jobs.bury, kwargs, error_text(error), refused=refused)
                log_events.DEAD_LETTERED.log(log, **extra)
                raise error
            case Action.BOUND:
                reason = _place_of(error)
                log.exception("unforeseen error", extra=extra | {"reason": reason})
                self._postpone(error, reason, kwargs)
                raise StepFailed(reason) from None
            case Action.POSTPONE:
                self.pause_store(kwargs["store"], error)
                self._postpone(error, error_text(error), kwargs)
                if not isinstance(error, RateLimitReached):
                    log.warning("the task is retried later", extra=extra)
        raise Retry(str(error)) from None

    def _postpone(self, error: Exception, reason: str, kwargs: Mapping[str, Any]) -> None:
        wait = self.context.retries.postponement(
            error, job=kwargs.get("job"), gives_up=JOB_KINDS[KIND_OF_TASK[self.name]].requested
        )
        self._write(self.journal.jobs.postpone, kwargs, reason, wait)

    def _write(
        self, move: Callable[..., Any], kwargs: Mapping[str, Any], *args: Any, **more: Any
    ) -> None:
        job_name = (kwargs["store"], kwargs["order_id"], kwargs["attempt"])
        try:
            move(*job_name, *args, job=kwargs.get("job"), **more)
        except JobLost:
            # A newer attempt owns the job, so that the error of this attempt has no effect.
            return
        except JournalUnavailable:
            log.warning("the journal does not respond", extra={"task": self.name})


def _place_of(error: Exception) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    place = f"{frames[-1].filename.rsplit('/', 1)[-1]}:{frames[-1].lineno}" if frames else "?"
    return journal_messages.UNFORESEEN(error=type(error).__name__, place=place)


def hand_back(journal: Journal, name: Mapping[str, Any]) -> None:
    """Give up the lease of a job whose step has not begun.

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
        log.warning("the lease is left to expire", extra={"order_id": name["order_id"]})


@signals.task_unknown.connect
def _leave_to_newer(message: Any = None, name: str = "", **_: Any) -> None:
    """Hand back a job whose step only a newer version knows. Celery drops the message."""
    kwargs = message.payload[1]
    for order in kwargs.get("orders", [kwargs]):
        if StoreTask.process_context is not None and {"store", "order_id", "attempt"} <= set(order):
            log.warning("handed back a job with a step of a newer version", extra={"task": name})
            hand_back(StoreTask.process_context.journal, order)
