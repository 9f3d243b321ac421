"""Record one OpenTelemetry trace per order, across its steps, calls, workers and retries.

The trace id is a hash of the store and the order id. Every process derives the same id at any
time, so that messages and the journal need not carry it. This module is imported only if
``OTEL_EXPORTER_OTLP_ENDPOINT`` is set, because OpenTelemetry is an optional dependency.
"""

import hashlib
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_VERSION, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.trace.sampling import Decision
from opentelemetry.trace import (
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    get_current_span,
    set_span_in_context,
)

from journal.model import Kind
from tasks.instrumentation import JobAdvanced, TaskStarted
from tasks.retry_policy import outcome_of, reason_of
from vtex.transport.endpoints import Call

END_SECONDS = 5.0
"""Longest time that a worker which stops waits for the receiver of the traces."""

_ID = re.compile(r"[\w.-]{1,64}", re.ASCII)


def ids_of(store: str, order_id: str) -> tuple[int, int]:
    """Return the ids of an order's trace, and of the span that stands for the order."""
    digest = hashlib.sha256(f"{store}\n{order_id}".encode()).digest()
    return int.from_bytes(digest[:16]) or 1, int.from_bytes(digest[16:24]) or 1


class _Ids(RandomIdGenerator):
    """Generates random ids, except for the span that stands for an order."""

    def __init__(self) -> None:
        self._here = threading.local()

    @contextmanager
    def fixed(self, trace_id: int, span_id: int) -> Iterator[None]:
        self._here.ids = (trace_id, span_id)
        try:
            yield
        finally:
            self._here.ids = None

    def generate_trace_id(self) -> int:
        ids = getattr(self._here, "ids", None)
        return ids[0] if ids else super().generate_trace_id()

    def generate_span_id(self) -> int:
        ids = getattr(self._here, "ids", None)
        return ids[1] if ids else super().generate_span_id()


class OrderTraces:
    """An observer that traces. Attributes of its spans are identifiers and fixed words."""

    def __init__(self, provider: TracerProvider, ids: _Ids) -> None:
        self._provider, self._ids = provider, ids
        self._tracer = provider.get_tracer("vtex-erp-workers")

    @contextmanager
    def task(self, started: TaskStarted) -> Iterator[None]:
        """Trace a task of an order. Other tasks are not traced."""
        if not (_ID.fullmatch(started.store) and _ID.fullmatch(started.order_id)):
            yield
            return
        attributes: dict[str, str | int] = {
            "vtex_erp.store": started.store,
            "vtex_erp.order_id": started.order_id,
        }
        if isinstance(started.attempt, int):
            attributes["vtex_erp.attempt"] = started.attempt
        with self._tracer.start_as_current_span(
            started.task,
            context=self._of(started.store, started.order_id),
            attributes=attributes,
            # An exception's message may quote a document.
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            ended = None
            try:
                yield
            except Exception as error:
                ended = error
                raise
            finally:
                outcome = outcome_of(ended)
                span.set_attribute("vtex_erp.outcome", outcome)
                if ended is not None:
                    span.set_attribute("error.type", reason_of(ended))
                if outcome in ("dead_letter", "unforeseen"):
                    span.set_status(Status(StatusCode.ERROR))

    def job_advanced(self, advanced: JobAdvanced) -> None:
        """Record the span that stands for the order, once its intake has ended."""
        if advanced.kind is not Kind.INTAKE or not advanced.ended or advanced.since is None:
            return
        with self._ids.fixed(*ids_of(advanced.store, advanced.order_id)):
            span = self._tracer.start_span(
                "order",
                context=Context(),
                start_time=_nanoseconds(advanced.since.timestamp()),
                attributes={
                    "vtex_erp.store": advanced.store,
                    "vtex_erp.order_id": advanced.order_id,
                    "vtex_erp.attempt": advanced.attempt,
                },
            )
        span.end(_nanoseconds(max(advanced.at, advanced.since).timestamp()))

    def orders_found(self, store: str, task: str, count: int) -> None:
        """Skip new orders: their trace begins with their first step."""

    def vtex_called(self, call: Call) -> None:
        """Trace a call that a step made."""
        if not get_current_span().get_span_context().is_valid:
            return
        span = self._tracer.start_span(
            f"{call.method} {call.endpoint}",
            kind=SpanKind.CLIENT,
            start_time=_nanoseconds(call.began),
            attributes={"http.request.method": call.method, "vtex_erp.endpoint": call.endpoint},
        )
        if call.status is not None:
            span.set_attribute("http.response.status_code", call.status)
        if call.status is None or call.status >= 400:
            span.set_status(Status(StatusCode.ERROR))
        span.end(_nanoseconds(call.began + call.seconds))

    def end(self) -> None:
        """Send the remaining spans, within seconds."""
        ending = threading.Thread(target=self._provider.shutdown, daemon=True)
        ending.start()
        ending.join(END_SECONDS)

    def _of(self, store: str, order_id: str) -> Context:
        trace_id, span_id = ids_of(store, order_id)
        sampled = self._provider.sampler.should_sample(None, trace_id, "order").decision
        is_sampled = sampled is Decision.RECORD_AND_SAMPLE
        flags = TraceFlags(TraceFlags.SAMPLED if is_sampled else TraceFlags.DEFAULT)
        order = SpanContext(trace_id, span_id, is_remote=True, trace_flags=flags)
        return set_span_in_context(NonRecordingSpan(order), Context())


def traces(endpoint: str) -> OrderTraces:
    """Return an observer that sends its spans by OTLP over HTTP.

    Args:
        endpoint: the value of ``OTEL_EXPORTER_OTLP_ENDPOINT``, without ``/v1/traces``.
    """
    ids = _Ids()
    provider = TracerProvider(resource=_resource(), id_generator=ids, shutdown_on_exit=False)
    exporter = OTLPSpanExporter(endpoint=f"{endpoint.rstrip('/')}/v1/traces")
    provider.add_span_processor(BatchSpanProcessor(exporter))
    return OrderTraces(provider, ids)


def _resource() -> Resource:
    made = Resource.create({SERVICE_VERSION: version("vtex-erp-workers")})
    if str(made.attributes.get(SERVICE_NAME, "")).startswith("unknown_service"):
        return made.merge(Resource({SERVICE_NAME: "vtex-erp-workers"}))
    return made


def _nanoseconds(seconds: float) -> int:
    return int(seconds * 1e9)
