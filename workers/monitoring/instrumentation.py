"""Who watches this process: its own pages with METRICS_PORT, traces where they have a place to go.

Where neither is set nothing is started, and the tasks tell nobody.
"""

from __future__ import annotations

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


class _Watching:
    """What was started in this process."""

    counts: metrics.WorkMetrics | None = None
    beat: metrics.BeatMetrics | None = None
    serving: Serving | None = None
    traces: Any = None


_here = _Watching()


def begin_worker(settings: Settings, app: Any) -> None:
    """Serve a worker's pages, before it waits for anything."""
    if not settings.metrics_port:
        return
    into = metrics.registry("worker")
    _here.counts = metrics.WorkMetrics((one.name for one in settings.stores), into)
    metrics.add_skew(_journal_now, into)
    health.life.is_connected = False
    _serve(settings, into, health.of(settings, app, journal=True))


def begin_beat(settings: Settings, app: Any) -> None:
    """Serve a beat's pages."""
    if not settings.metrics_port:
        return
    into = metrics.registry("beat")
    _here.beat = metrics.BeatMetrics(into)
    _serve(settings, into, health.of(settings, app, journal=False))


def observer(settings: Settings) -> TaskObserver | None:
    """Return what hears of this process's tasks; None where nobody wants to."""
    found: list[TaskObserver] = [] if _here.counts is None else [_here.counts]
    if settings.otel_exporter_otlp_endpoint:
        # OpenTelemetry is an extra.
        _here.traces = import_module("workers.monitoring.tracing").traces(
            settings.otel_exporter_otlp_endpoint
        )
        found.append(_here.traces)
    if len(found) == 2:
        return TwoObservers(found[0], found[1])
    return found[0] if found else None


def beat() -> metrics.BeatMetrics | None:
    """Return what hears of this process's beat; None where nobody wants to."""
    return _here.beat


def end() -> None:
    """Send what was not sent yet, and give the port back."""
    if _here.traces is not None:
        _here.traces.end()
        _here.traces = None
    if _here.serving is not None:
        _here.serving.stop()
        _here.serving = None


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


def _answer(found: tuple[bool, dict[str, Any]], start: Start) -> list[bytes]:
    good, body = found
    return answer("200 OK" if good else "503 Service Unavailable", body, start)


def _serve(settings: Settings, registry: CollectorRegistry, of: Health) -> None:
    try:
        _here.serving = serve(settings.metrics_address, settings.metrics_port, pages(registry, of))
    except PortsTaken as error:
        # Orders matter more than their numbers.
        log_events.METRICS_UNSERVED.log(log, reason=str(error))
        return
    where = f"http://{settings.metrics_address}:{_here.serving.port}/metrics"
    log.info("metrics are served", extra={"reason": where})
