"""Start the monitoring of this process: pages with METRICS_PORT, traces with an OTLP endpoint.

Without these settings, the process starts no monitoring, and its tasks have no observer.
"""

import logging
from collections.abc import Mapping
from datetime import datetime
from importlib import import_module
from typing import Any

from prometheus_client import CollectorRegistry, make_wsgi_app

from foundation.messages import journal as journal_messages
from foundation.messages import log_events
from journal.model import JournalUnavailable
from tasks.base import StoreTask
from tasks.instrumentation import TaskObserver, TwoObservers
from workers.configuration.settings import Settings
from workers.monitoring import health, metrics
from workers.monitoring.health import Health
from workers.monitoring.http_endpoints import Page, PortsTaken, Serving, Start, answer, serve

log = logging.getLogger(__name__)


class _Started:
    """The parts of the monitoring that this process has started."""

    counts: metrics.WorkMetrics | None = None
    beat: metrics.BeatMetrics | None = None
    serving: Serving | None = None
    traces: Any = None


_started = _Started()


def begin_worker(settings: Settings, app: Any) -> None:
    """Serve a worker's pages, before the worker waits for any server."""
    if not settings.metrics_port:
        return
    into = metrics.registry("worker")
    _started.counts = metrics.WorkMetrics((store.name for store in settings.stores), into)
    metrics.add_skew(_journal_now, into)
    health.life.is_connected = False
    _serve(settings, into, health.of(settings, app, journal=True))


def begin_beat(settings: Settings, app: Any) -> None:
    """Serve a beat's pages."""
    if not settings.metrics_port:
        return
    into = metrics.registry("beat")
    _started.beat = metrics.BeatMetrics(into)
    _serve(settings, into, health.of(settings, app, journal=False))


def observer(settings: Settings) -> TaskObserver | None:
    """Return the observer of this process's tasks, None without monitoring."""
    observers: list[TaskObserver] = [] if _started.counts is None else [_started.counts]
    if settings.otel_exporter_otlp_endpoint:
        # OpenTelemetry is an optional dependency: import it only if needed.
        _started.traces = import_module("workers.monitoring.tracing").traces(
            settings.otel_exporter_otlp_endpoint
        )
        observers.append(_started.traces)
    if len(observers) == 2:
        return TwoObservers(observers[0], observers[1])
    return observers[0] if observers else None


def beat() -> metrics.BeatMetrics | None:
    """Return the metrics of this process's beat, None without monitoring."""
    return _started.beat


def end() -> None:
    """Send the remaining spans, and release the port."""
    if _started.traces is not None:
        _started.traces.end()
        _started.traces = None
    if _started.serving is not None:
        _started.serving.stop()
        _started.serving = None


def _journal_now() -> datetime:
    if StoreTask.process_context is None:
        raise JournalUnavailable(journal_messages.JOURNAL_AWAITED())
    return StoreTask.process_context.journal.now()


def pages(registry: CollectorRegistry, of: Health) -> Mapping[str, Page]:
    """Return the pages of a process."""

    def livez(_environ: dict[str, Any], start: Start) -> list[bytes]:
        return _answer(of.alive(), start)

    def readyz(_environ: dict[str, Any], start: Start) -> list[bytes]:
        return _answer(of.ready(), start)

    return {"/metrics": make_wsgi_app(registry), "/livez": livez, "/readyz": readyz}


def _answer(state: tuple[bool, dict[str, Any]], start: Start) -> list[bytes]:
    is_good, body = state
    return answer("200 OK" if is_good else "503 Service Unavailable", body, start)


def _serve(settings: Settings, registry: CollectorRegistry, of: Health) -> None:
    try:
        _started.serving = serve(
            settings.metrics_address, settings.metrics_port, pages(registry, of)
        )
    except PortsTaken as error:
        # Orders matter more than metrics: the process works without them.
        log_events.METRICS_UNSERVED.log(log, reason=str(error))
        return
    where = f"http://{settings.metrics_address}:{_started.serving.port}/metrics"
    log.info("metrics are served", extra={"reason": where})
