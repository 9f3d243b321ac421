"""What a worker or a beat counts of its own work, for Prometheus; see docs/metrics.md.

Labels are stores of the settings, names of tasks and endpoints, kinds and words of ours: no id, no
name, no words of an error.
"""

from __future__ import annotations

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

SKEW = "By how much this host's clock is ahead of the journal's"

OTHER = "other"
"""Stands for a store that is not in the settings: any name may come in by a message."""

_STEP_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
_CALL_SECONDS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 40)
_LATENCY_SECONDS = (1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800, 3600, 4 * 3600, 24 * 3600)
_ATTEMPTS = (1, 2, 3, 5, 10, 20, 50, 100, 300)
_SKEW_SECONDS = 30.0


def registry(kind: str) -> CollectorRegistry:
    """Return a registry with what there is to tell of any process.

    Args:
        kind: ``worker``, ``beat`` or ``exporter``.
    """
    disable_created_metrics()  # type: ignore[no-untyped-call]  # a series more for each counter, and nobody asks for it
    made = CollectorRegistry()
    ProcessCollector(registry=made)
    GCCollector(registry=made)
    info = Info("vtex_erp_process", "What kind of process this is, and its version", registry=made)
    info.info({"kind": kind, "version": version("vtex-erp-workers")})
    return made


class WorkMetrics:
    """A watch that counts."""

    def __init__(self, stores: Iterable[str], into: CollectorRegistry) -> None:
        self._stores = frozenset(stores)
        self._tasks = Counter(
            "vtex_erp_tasks",
            "Tasks that ended, steps of orders and requests included, by outcome and its reason",
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
            "From the moment an invoice was asked for until VTEX has it",
            ["store"],
            buckets=_LATENCY_SECONDS,
            registry=into,
        )
        self._attempts = Histogram(
            "vtex_erp_job_attempts",
            "Attempts that a job had when it ended well",
            ["kind"],
            buckets=_ATTEMPTS,
            registry=into,
        )
        self._found = Counter(
            "vtex_erp_orders_discovered",
            "Orders that the journal did not know before",
            ["store", "task"],
            registry=into,
        )
        self._calls = Counter(
            "vtex_erp_vtex_calls",
            "Calls to VTEX by the status of the answer; none: there was no answer",
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
        """Let what is looked at most stand at 0: nobody sees a counter rise to its first value."""
        for kind in Kind:
            self._attempts.labels(str(kind))
        self._tasks.labels("", "journal.dispatch", "done", "")
        for store in self._stores:
            for task in ("orders.list", "orders.read_feed"):
                self._found.labels(store, task)
            for task in ("orders.fetch", "orders.insert", "orders.start_handling"):
                self._tasks.labels(store, task, "done", "")
            self._calls.labels(store, "order", "429")
            self._paid_to_erp.labels(store)
            self._invoice.labels(store)

    @contextmanager
    def task(self, started: TaskStarted) -> Iterator[None]:
        """Count a task by what it ends with."""
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
        """Observe how long it took an order or an invoice to get where somebody waits for it."""
        seconds = advanced.seconds
        if seconds is not None and advanced.stage is Stage.INSERTED:
            self._paid_to_erp.labels(self._known(advanced.store)).observe(seconds)
        if seconds is not None and (advanced.kind, advanced.stage) == (Kind.INVOICE, Stage.SENT):
            self._invoice.labels(self._known(advanced.store)).observe(seconds)
        if advanced.ended:
            self._attempts.labels(str(advanced.kind)).observe(advanced.attempt)

    def orders_found(self, store: str, task: str, count: int) -> None:
        """Count new orders."""
        self._found.labels(self._known(store), task).inc(count)

    def vtex_called(self, call: Call) -> None:
        """Count a call."""
        status = "none" if call.status is None else str(call.status)
        self._calls.labels(self._known(call.store), call.endpoint, status).inc()
        self._call_seconds.labels(call.endpoint).observe(call.seconds)

    def _known(self, store: str) -> str:
        return store if store in self._stores else OTHER


class BeatMetrics:
    """What a beat counts."""

    def __init__(self, into: CollectorRegistry) -> None:
        self._sent = Counter(
            "vtex_erp_beat_tasks_sent", "Tasks that this beat sent", ["task"], registry=into
        )
        self._leads = Gauge(
            "vtex_erp_beat_is_leader",
            "1 where this beat is the one at work, 0 where it stands by",
            registry=into,
        )

    def sent(self, task: str) -> None:
        """Count a task."""
        self._sent.labels(task).inc()

    def leads(self, leads: bool) -> None:
        """Tell whether this is the beat at work."""
        self._leads.set(leads)


def add_skew(journal_now: Callable[[], datetime], into: CollectorRegistry) -> None:
    """Tell by how much this host's clock is ahead of the journal's."""

    def read() -> float:
        return (utc_now() - journal_now()).total_seconds()

    reading = CachedReading(read, seconds=_SKEW_SECONDS, patience=2.0)

    def skew() -> float:
        try:
            return reading()
        except Exception:  # the edge: a journal that does not answer has no time
            return math.nan

    Gauge("vtex_erp_clock_skew_seconds", SKEW, registry=into).set_function(skew)
