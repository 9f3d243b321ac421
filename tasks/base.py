"""The base of our tasks, and the table from error to consequence."""

from __future__ import annotations

import logging
import random
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import timedelta
from functools import partial
from typing import Any, ClassVar

from celery import Task, signals
from celery.exceptions import Reject, Retry
from kombu.exceptions import OperationalError

from erp.port import Erp, ErpRejected, ErpUnavailable
from journal.jobs.leased_job import LeasedJob
from journal.journal import Journal
from journal.model import ErpCircuitOpen, JobLost, JournalUnavailable, Stage, StorePaused
from journal.orders import NewOrder
from tasks import local_executor
from tasks.context import REFILLED, Context
from tasks.errors import ContractNewer, RequestInvalid, StepFailed, StoreUnknown
from tasks.instrumentation import TaskStarted, advance_of
from tasks.workflow import send
from vtex.client import VtexClient
from vtex.errors import (
    DocumentInvalid,
    NotYet,
    OrderConflict,
    OrderNotFound,
    RateLimitReached,
    Refused,
    VtexForgot,
    VtexRejected,
    VtexThrottled,
    VtexUnauthorized,
    VtexUnavailable,
)
from vtex.transport.rate_limit import Priority

log = logging.getLogger(__name__)

UNAUTHORIZED_SECONDS = 60.0
"""Pause after a 401 or 403: one probe a minute notices that the credentials work again."""

REQUEST_SECONDS = 20
"""Wait of a request of the ERP while the journal is away; shorter than the broker's own patience,
so that it is not delivered a second time meanwhile."""

BUG_TRIES = 5
"""Tries of an order that meets an error nobody foresaw, before it is set aside."""

LISTINGS = ("orders.list", "orders.read_feed", "orders.reconcile", "orders.observer")
"""Tasks that look for what is new; their calls come after all others."""

PRIORITIES = {
    "cancellations": Priority.URGENT, "denials": Priority.URGENT, "invoices": Priority.URGENT,
    "changes": Priority.TRACKING, "tracking": Priority.TRACKING,
}  # fmt: skip
"""Which calls go first where they are scarce, by the task's first name; see docs/rate-limit.md."""

STRANGE_SECONDS = 5.0
"""Wait of a store's order in a process that does not know the store, for one that does."""

NEWER_PATIENCE = timedelta(days=1)
"""How long a request that a newer version took waits for a worker that can read it."""

LATER = (VtexUnavailable, ErpUnavailable)
REFUSED = (
    DocumentInvalid, OrderNotFound, OrderConflict, VtexRejected, ErpRejected, Refused,
    RequestInvalid,
)  # fmt: skip
DEAD = (*REFUSED, VtexForgot)


class StoreTask(Task):  # type: ignore[misc]  # Celery ships no types
    """A task of one store; what VTEX says to the store as a whole is remembered for all."""

    abstract = True
    process_context: ClassVar[Context | None] = None

    @property
    def context(self) -> Context:
        """The collaborators of this process, given by ``workers.wiring``."""
        if StoreTask.process_context is None:
            raise RuntimeError("this process was not equipped; run it as celery -A workers worker")
        return StoreTask.process_context

    @property
    def journal(self) -> Journal:
        """Where every order and job stands."""
        return self.context.journal

    @property
    def erp(self) -> Erp:
        """The ERP."""
        return self.context.erp

    @property
    def priority(self) -> Priority:
        """Where this task's calls stand in line."""
        listing = self.name in LISTINGS
        return (
            Priority.LISTING
            if listing
            else PRIORITIES.get(self.name.split(".")[0], Priority.ORDERS)
        )

    def vtex(self, store: str) -> VtexClient:
        """Return the client of a store, its calls of this task's priority.

        Raises:
            StoreUnknown: this process knows no credentials of it.
        """
        try:
            client = self.context.vtex[store]
        except KeyError:
            raise StoreUnknown(f"no credentials of store {store!r} are configured here") from None
        return client.with_priority(self.priority)

    def __call__(self, *args: Any, **kwargs: Any) -> None:
        """Run; an error that passes ends as Retry, and the schedule brings the task again."""
        try:
            with self.observed(kwargs):
                super().__call__(*args, **kwargs)
        except RateLimitReached as error:
            log.info("left for later", extra={"task": self.name, "reason": str(error)})
            raise Retry(str(error)) from None
        except (*LATER, VtexUnauthorized, JournalUnavailable) as error:
            self.pause_if_told(str(kwargs.get("store", "")), error)
            log.warning("tried again later", extra={"task": self.name, "reason": str(error)})
            raise Retry(str(error)) from None

    def observed(self, given: Mapping[str, Any]) -> AbstractContextManager[None]:
        """Return what surrounds this task, for whoever watches.

        Args:
            given: its keyword arguments; anything may be in them.
        """
        observer = self.context.observer
        if observer is None:
            return nullcontext()
        store, order_id = given.get("store"), given.get("order_id")
        return observer.task(
            TaskStarted(self.name, _named(store), _named(order_id), given.get("attempt"))
        )

    def record(self, store: str, listed: Iterable[NewOrder]) -> int:
        """Write the orders that the journal does not know yet; return how many."""
        new = self.journal.orders.record(store, listed)
        if self.context.observer is not None:
            self.context.observer.orders_found(store, self.name, new)
        return new

    def pause_if_told(self, store: str, error: Exception) -> bool:
        """Pause the whole store where the error concerns it; say whether it does."""
        if isinstance(error, StoreUnknown):
            log.error("a store is not configured", extra={"store": store, "reason": str(error)})
            return False
        if isinstance(error, VtexThrottled):
            seconds = error.pause_seconds
        elif isinstance(error, VtexUnauthorized):
            seconds = UNAUTHORIZED_SECONDS
            log.error("VTEX refuses the credentials", extra={"store": store, "reason": str(error)})
        else:
            return False
        self.journal.store_pauses.begin(store, seconds=seconds, reason=str(error))
        return True

    def stop_chain(self) -> None:
        """Let the message's remaining steps fall."""
        self.request.chain = None
        local_executor.drop_rest()


class RequestTask(StoreTask):
    """A task that the ERP enqueues: nothing of what it asks for is lost while we cannot write."""

    abstract = True
    max_retries = None  # a request waits for as long as it takes; Celery's own default drops it

    @property
    def redelivered(self) -> bool:
        """Whether the broker brings the message once more, because nobody confirmed it."""
        return bool((self.request.delivery_info or {}).get("redelivered"))

    def __call__(self, /, *args: Any, **kwargs: Any) -> None:
        """Run; what cannot be written down here and now goes back to the broker."""
        # What the function would fall over is refused as no field, and kept.
        if args:
            kwargs["args"] = list(args)
        if "self" in kwargs:
            kwargs["self."] = kwargs.pop("self")
        try:
            with self.observed(kwargs):
                Task.__call__(self, **kwargs)
        except (JournalUnavailable, ContractNewer) as error:
            log.warning("tried again later", extra={"task": self.name, "reason": str(error)})
            self._later(error)

    def _later(self, error: Exception) -> None:
        try:
            raise self.retry(exc=error, countdown=REQUEST_SECONDS)
        except Reject as unpublished:
            # The broker is away too: Celery would drop the message, so it goes back unread.
            raise Reject(unpublished.reason, requeue=True) from error


class StepTask(StoreTask):
    """One step of a job; the journal remembers what its failure leads to."""

    abstract = True
    throws = DEAD  # foreseen: one line of ours in the log, no traceback of Celery's

    def __call__(
        self, *, store: str, order_id: str, attempt: int, job: int | None = None, **kwargs: Any
    ) -> None:
        """Run the step, and turn its failure into what the journal keeps.

        Args:
            job: number of the job; None for the order's intake.
        """
        self._step(store, order_id, attempt, job, kwargs)
        if self.request.chain:
            local_executor.carry_on(self, partial(hand_back, self.journal))

    def vtex_of(self, job: LeasedJob) -> VtexClient:
        """Return the client of a job's store, which changes nothing once the job is another's."""
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
        """Own a job for this step; see ``Journal.step``. What follows at once is begun with it."""
        goes_on = local_executor.has_more(self)
        with self.journal.jobs.step(
            store, order_id, attempt, to=to, calls_vtex=calls_vtex, job=job,
            begun=local_executor.taken(), goes_on=goes_on,
        ) as owned:  # fmt: skip
            goes_alone = owned.goes_alone
            yield owned
        if self.context.observer is not None:
            self.context.observer.job_advanced(advance_of(owned, to, self.journal.now()))
        if owned.erp_is_back:
            log.info("the ERP answers again", extra={"store": store, "order_id": order_id})
            self._send_next(None)
        goes_on = goes_on and not owned.waits_for_erp
        if goes_alone or (not goes_on and self._is_scarce(store)):
            self._send_next(store)
        if owned.waits_for_erp:
            self.stop_chain()
        if goes_on:
            local_executor.keep(owned)

    def _is_scarce(self, store: str) -> bool:
        """Whether so few jobs of the store are under way at once that each must be replaced."""
        most = self.context.in_flight
        return callable(most) and most(store) <= REFILLED

    def _send_next(self, store: str | None) -> None:
        """Send what may go now: no sweep comes often enough for a rate limit that is small, nor for
        what goes one at a time, nor for an ERP that answers again.
        """
        try:
            tickets = self.journal.jobs.dispatch(in_flight=self.context.in_flight, store=store)
            send(self.journal, tickets)
        except (OperationalError, JournalUnavailable):
            log.warning("left to the next sweep", extra={"store": store, "task": self.name})

    def _step(
        self, store: str, order_id: str, attempt: int, job: int | None, kwargs: dict[str, Any]
    ) -> None:
        mark = {"store": store, "order_id": order_id, "attempt": attempt, "task": self.name}
        name = (store, order_id, attempt)
        try:
            self._run(store=store, order_id=order_id, attempt=attempt, job=job, **kwargs)
        except JobLost:
            self.stop_chain()
        except JournalUnavailable as error:
            # Nothing can be written down: the lease runs out and the job comes back.
            log.warning("the journal does not answer", extra=mark)
            raise Retry("the journal does not answer; the order comes back by itself") from error
        except DEAD as error:
            refused = isinstance(error, REFUSED)
            self._settle(self.journal.jobs.bury, *name, str(error), job=job, refused=refused)
            log.error("set aside", extra=mark | {"reason": str(error)})
            raise
        except ErpCircuitOpen as error:
            hand_back(self.journal, mark | {"job": job})
            raise Retry(str(error)) from None
        except RateLimitReached as error:
            self._settle(
                self.journal.jobs.postpone, *name, str(error), job=job, counts=False,
                untouched=True,
                # Those that were refused together must not come back together.
                after_seconds=error.seconds * random.uniform(1, 1.5),
            )  # fmt: skip
            raise Retry(str(error)) from None
        except (*LATER, VtexUnauthorized, StorePaused, ContractNewer) as error:
            self._postpone(*name, error, job=job)
            log.warning("tried again later", extra=mark | {"reason": str(error)})
            raise Retry(str(error)) from None
        except Exception as error:
            reason = _place_of(error)
            log.exception("unforeseen error", extra=mark | {"reason": reason})
            self._bug(*name, reason, job=job)
            raise StepFailed(reason) from None

    def _run(self, **kwargs: Any) -> None:
        with self.observed(kwargs):
            Task.__call__(self, **kwargs)

    def _postpone(
        self, store: str, order_id: str, attempt: int, error: Exception, *, job: int | None
    ) -> None:
        patience = None
        if isinstance(error, NotYet):
            seconds, patience = None, error.patience
        elif isinstance(error, ContractNewer):
            seconds, patience = STRANGE_SECONDS, NEWER_PATIENCE
        elif isinstance(error, StorePaused) or self.pause_if_told(store, error):
            # Due at once, since the pause itself holds it: whoever ends that lets it go.
            seconds = 0.0
        else:
            seconds = STRANGE_SECONDS if isinstance(error, StoreUnknown) else None
        self._settle(
            self.journal.jobs.postpone, store, order_id, attempt, str(error), job=job,
            # What concerns the whole store is no failure of this order.
            after_seconds=seconds, counts=seconds is None,
            waiting=patience is not None or isinstance(error, NotYet), patience=patience,
            # Only an order has its turn while the ERP does not answer; what else waits backs off.
            erp_down=isinstance(error, ErpUnavailable) and job is None,
        )  # fmt: skip

    def _bug(
        self, store: str, order_id: str, attempt: int, reason: str, *, job: int | None
    ) -> None:
        if self.journal.jobs.failures(store, order_id, job) + 1 >= BUG_TRIES:
            reason = f"{reason}, {BUG_TRIES} times"
            self._settle(
                self.journal.jobs.bury, store, order_id, attempt, reason, job=job, refused=False
            )
        else:
            self._settle(self.journal.jobs.postpone, store, order_id, attempt, reason, job=job)

    def _settle(self, move: Callable[..., Any], *args: Any, **kwargs: Any) -> None:
        try:
            move(*args, **kwargs)
        except JobLost:
            # A newer attempt owns the job; what this one met no longer matters.
            self.stop_chain()
        except JournalUnavailable:
            log.warning("the journal does not answer", extra={"task": self.name})


def _named(value: object) -> str:
    return value if isinstance(value, str) else ""


def _place_of(error: Exception) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    place = f"{frames[-1].filename.rsplit('/', 1)[-1]}:{frames[-1].lineno}" if frames else "?"
    return f"unforeseen {type(error).__name__} at {place}"


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
    for one in kwargs.get("orders", [kwargs]):
        if StoreTask.process_context is not None and {"store", "order_id", "attempt"} <= set(one):
            log.warning("a newer version's step is handed back", extra={"task": name})
            hand_back(StoreTask.process_context.journal, one)
