"""Count the work of this worker or beat for Prometheus, as docs/metrics.md lists it.

Labels are store names, task names, endpoints, kinds and fixed words of this code. Ids, personal
names and texts of errors never become labels.
"""

import math
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from importlib.metadata import version

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Info,
    disable_created_metrics,
)
from prometheus_client.gc_collector import GCCollector
from prometheus_client.process_collector import ProcessCollector

from journal.model import Kind, Stage
from journal.storage.clock import utc_now
from tasks.instrumentation import JobAdvanced, TaskStarted
from tasks.retry_policy import outcome_of, reason_of
from vtex.transport.endpoints import Call
from workers.monitoring.cached_reading import CachedReading

SKEW = "Seconds by which this host's clock is ahead of the journal's"

OTHER = "other"
"""Label for a store that is missing in the settings: a message may carry any name."""

_STEP_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
_CALL_SECONDS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 40)
_LATENCY_SECONDS = (1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800, 3600, 4 * 3600, 24 * 3600)
_ATTEMPTS = (1, 2, 3, 5, 10, 20, 50, 100, 300)
_SKEW_SECONDS = 30.0


def registry(kind: str) -> CollectorRegistry:
    """Return a registry with the metrics that every process has.

    Args:
        kind: ``worker``, ``beat`` or ``exporter``.
    """
    disable_created_metrics()  # type: ignore[no-untyped-call]  # it adds an unused series to each counter
    made = CollectorRegistry()
    ProcessCollector(registry=made)
    GCCollector(registry=made)
    info = Info("vtex_erp_process", "Kind and version of this process", registry=made)
    info.info({"kind": kind, "version": version("vtex-erp-workers")})
    return made


class WorkMetrics:
    """An observer that counts tasks, jobs and calls."""

    def __init__(self, stores: Iterable[str], into: CollectorRegistry) -> None:
        self._stores = frozenset(stores)
        self._tasks = Counter(
            "vtex_erp_tasks",
            "Tasks that ended, steps of orders and requests included, by outcome and reason",
            ["store", "task", "outcome", "reason"],
            registry=into,
        )
        self._task_seconds = Histogram(
            "vtex_erp_task_duration_seconds",
            "Duration of tasks, waiting for their calls included",
            ["task"],
            buckets=_STEP_SECONDS,
            registry=into,
        )
        self._running = Gauge(
            "vtex_erp_tasks_running", "Tasks that run now in this process", registry=into
        )
        self._paid_to_erp = Histogram(
            "vtex_erp_payment_to_erp_seconds",
            "From an order's payment until the ERP has it",
            ["store"],
            buckets=_LATENCY_SECONDS,
            registry=into,
        )
        self._invoice = Histogram(
            "vtex_erp_invoice_to_vtex_seconds",
            "From the request for an invoice until VTEX has it",
            ["store"],
            buckets=_LATENCY_SECONDS,
            registry=into,
        )
        self._attempts = Histogram(
            "vtex_erp_job_attempts",
            "Attempts of a job that ended well",
            ["kind"],
            buckets=_ATTEMPTS,
            registry=into,
        )
        self._discovered = Counter(
            "vtex_erp_orders_discovered",
            "Orders that the journal did not know before",
            ["store", "task"],
            registry=into,
        )
        self._calls = Counter(
            "vtex_erp_vtex_calls",
            "Calls to VTEX by the status of the answer, none without an answer",
            ["store", "endpoint", "status"],
            registry=into,
        )
        self._call_seconds = Histogram(
            "vtex_erp_vtex_call_duration_seconds",
            "Duration of calls to VTEX, answers included",
            ["endpoint"],
            buckets=_CALL_SECONDS,
            registry=into,
        )
        self._begin()

    def _begin(self) -> None:
        """Start the most used series at 0: Prometheus misses the rise to a first value."""
        for kind in Kind:
            self._attempts.labels(str(kind))
        self._tasks.labels("", "journal.dispatch", "done", "")
        for store in self._stores:
            for task in ("orders.list", "orders.read_feed"):
                self._discovered.labels(store, task)
            for task in ("orders.fetch", "orders.insert", "orders.start_handling"):
                self._tasks.labels(store, task, "done", "")
            self._calls.labels(store, "order", "429")
            self._paid_to_erp.labels(store)
            self._invoice.labels(store)

    @contextmanager
    def task(self, started: TaskStarted) -> Iterator[None]:
        """Count a task by its outcome."""
        began, ended = time.perf_counter(), None
        self._running.inc()
        try:
            yield
        except Exception as error:
            ended = error
            raise
        finally:
            self._running.dec()
            self._task_seconds.labels(started.task).observe(time.perf_counter() - began)
            store = self._known(started.store) if started.store else ""
            self._tasks.labels(store, started.task, outcome_of(ended), reason_of(ended)).inc()

    def job_advanced(self, advanced: JobAdvanced) -> None:
        """Observe the time that an order took to the ERP, or an invoice to VTEX."""
        seconds = advanced.seconds
        if seconds is not None and advanced.stage is Stage.INSERTED:
            self._paid_to_erp.labels(self._known(advanced.store)).observe(seconds)
        if seconds is not None and (advanced.kind, advanced.stage) == (Kind.INVOICE, Stage.SENT):
            self._invoice.labels(self._known(advanced.store)).observe(seconds)
        if advanced.ended:
            self._attempts.labels(str(advanced.kind)).observe(advanced.attempt)

    def orders_found(self, store: str, task: str, count: int) -> None:
        """Count new orders."""
        self._discovered.labels(self._known(store), task).inc(count)

    def vtex_called(self, call: Call) -> None:
        """Count a call."""
        status = "none" if call.status is None else str(call.status)
        self._calls.labels(self._known(call.store), call.endpoint, status).inc()
        self._call_seconds.labels(call.endpoint).observe(call.seconds)

    def _known(self, store: str) -> str:
        return store if store in self._stores else OTHER


class BeatMetrics:
    """The metrics of a beat."""

    def __init__(self, into: CollectorRegistry) -> None:
        self._sent = Counter(
            "vtex_erp_beat_tasks_sent", "Tasks that this beat sent", ["task"], registry=into
        )
        self._leads = Gauge(
            "vtex_erp_beat_is_leader",
            "1 while this beat is at work, 0 while it stands by",
            registry=into,
        )

    def sent(self, task: str) -> None:
        """Count a task."""
        self._sent.labels(task).inc()

    def leads(self, leads: bool) -> None:
        """Set whether this is the beat at work."""
        self._leads.set(leads)


def add_skew(journal_now: Callable[[], datetime], into: CollectorRegistry) -> None:
    """Add the seconds by which this host's clock is ahead of the journal's."""

    def read() -> float:
        return (utc_now() - journal_now()).total_seconds()

    reading = CachedReading(read, seconds=_SKEW_SECONDS, patience=2.0)

    def skew() -> float:
        try:
            return reading()
        except Exception:  # the edge: without the journal the skew is unknown
            return math.nan

    Gauge("vtex_erp_clock_skew_seconds", SKEW, registry=into).set_function(skew)
