"""One trace an order: across steps, calls, retries and workers, and without a word about anybody."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ParentBasedTraceIdRatio, Sampler

from erp.port import ErpRejected
from support.observed_flow import observed_flow
from support.order_flow import OrderFlow
from support.personal_data import texts_of
from tasks.base import StoreTask
from tasks.instrumentation import TwoObservers
from workers.app import app
from workers.configuration.declaration import SettingsError
from workers.configuration.settings import load
from workers.configuration.urls import PackageNotFoundError
from workers.monitoring.metrics import WorkMetrics, registry
from workers.monitoring.tracing import OrderTraces, _Ids, ids_of


def traces(into: InMemorySpanExporter, sampler: Sampler | None = None) -> OrderTraces:
    """Return what a worker traces with, but for where it goes."""
    ids = _Ids()
    provider = TracerProvider(id_generator=ids, sampler=sampler, shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(into))
    return OrderTraces(provider, ids)


@pytest.fixture
def spans() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
def flow(tmp_path: Any, spans: InMemorySpanExporter) -> Iterator[OrderFlow]:
    with observed_flow(f"sqlite:///{tmp_path}/journal.db", traces(spans)) as made:
        yield made


def ready(flow: OrderFlow) -> str:
    order_id = flow.order(status="ready-for-handling")
    flow.intake(order_id)
    return order_id


def named(spans: InMemorySpanExporter) -> dict[str, ReadableSpan]:
    return {span.name: span for span in spans.get_finished_spans()}


def trace_ids(spans: InMemorySpanExporter) -> set[int]:
    return {span.context.trace_id for span in spans.get_finished_spans() if span.context}


def test_an_order_is_one_trace_of_its_steps_and_their_calls(
    flow: OrderFlow, spans: InMemorySpanExporter
) -> None:
    order_id = ready(flow)
    flow.clock.pass_by(60)
    flow.work()

    found = named(spans)

    trace_id, span_id = ids_of("acme", order_id)
    assert trace_ids(spans) == {trace_id}
    order, insert, fetch, call = (
        found[name] for name in ("order", "orders.insert", "orders.fetch", "GET order")
    )
    assert (order.context.span_id, order.parent) == (span_id, None)
    assert insert.parent.span_id == fetch.parent.span_id == span_id
    assert call.parent.span_id == fetch.context.span_id
    assert call.attributes == {
        "http.request.method": "GET",
        "vtex_erp.endpoint": "order",
        "http.response.status_code": 200,
    }
    assert fetch.attributes == {
        "vtex_erp.store": "acme",
        "vtex_erp.order_id": order_id,
        "vtex_erp.attempt": 1,
        "vtex_erp.outcome": "done",
    }
    assert order.end_time - order.start_time == 60 * 10**9
    assert fetch.start_time <= call.start_time <= call.end_time <= fetch.end_time


def test_what_is_tried_again_by_another_worker_and_asked_for_later_is_in_the_same_trace(
    flow: OrderFlow, spans: InMemorySpanExporter
) -> None:
    order_id = ready(flow)
    flow.simulator.faults.add(kind="unavailable", route="order", times=1)
    flow.work(seconds=301)
    flow.context = replace(flow.context, observer=traces(spans))
    StoreTask.process_context = flow.context
    flow.work()
    flow.clock.pass_by(86_400)
    flow.invoice(order_id)
    flow.settle()

    fetches = [span for span in spans.get_finished_spans() if span.name == "orders.fetch"]

    assert trace_ids(spans) == {ids_of("acme", order_id)[0]}
    assert [fetch.attributes["vtex_erp.outcome"] for fetch in fetches] == ["retry", "done"]
    assert [fetch.attributes.get("error.type") for fetch in fetches] == ["vtex_unavailable", None]
    assert "invoices.post" in named(spans)


def test_two_orders_are_two_traces(flow: OrderFlow, spans: InMemorySpanExporter) -> None:
    wanted = {ids_of("acme", ready(flow))[0] for _ in range(2)}
    flow.work()

    assert trace_ids(spans) == wanted
    assert ids_of("acme", "v1-01") != ids_of("outlet", "v1-01")


@pytest.mark.parametrize("error", [ErpRejected("Ana Prado"), ZeroDivisionError("Ana Prado")])
def test_a_step_that_fails_is_shown_as_such_without_its_words(
    flow: OrderFlow, spans: InMemorySpanExporter, error: Exception
) -> None:
    def refuse(*_: object) -> str:
        raise error

    ready(flow)
    flow.erp.insert = refuse
    flow.work()

    insert = named(spans)["orders.insert"]

    assert not insert.status.is_ok
    assert insert.attributes["vtex_erp.outcome"] in ("dead_letter", "unforeseen")
    assert "Ana Prado" not in "".join(span.to_json() for span in spans.get_finished_spans())


def test_no_span_names_a_person(flow: OrderFlow, spans: InMemorySpanExporter) -> None:
    order_id = ready(flow)
    flow.work()
    flow.invoice(order_id)
    flow.settle()

    shown = "".join(span.to_json() for span in spans.get_finished_spans())

    words = texts_of(flow.entry(order_id)) | {"vtexappkey-acme-SIMULA", "simulated-token"}
    assert order_id in shown
    assert not [word for word in words if word in shown]


def test_what_is_no_order_leaves_no_trace(flow: OrderFlow, spans: InMemorySpanExporter) -> None:
    for store, order_id in (("acme", "Ana Prado"), ("Ana Prado", "v1acme-01"), ("acme", "")):
        app.tasks["orders.fetch"].apply(kwargs={"store": store, "order_id": order_id, "attempt": 1})

    assert not spans.get_finished_spans()


def test_a_sampled_share_of_the_orders_is_traced_whole(
    tmp_path: Any, spans: InMemorySpanExporter
) -> None:
    sampled = traces(spans, ParentBasedTraceIdRatio(0.5))
    with observed_flow(f"sqlite:///{tmp_path}/journal.db", sampled) as flow:
        orders = [ready(flow) for _ in range(12)]
        flow.work()

    by_trace: dict[int, int] = {}
    for span in spans.get_finished_spans():
        by_trace[span.context.trace_id] = by_trace.get(span.context.trace_id, 0) + 1
    assert 0 < len(by_trace) < 12
    assert set(by_trace) < {ids_of("acme", order)[0] for order in orders}
    # The order, four steps, and their calls.
    assert min(by_trace.values()) >= 7


def test_metrics_and_traces_go_together(tmp_path: Any, spans: InMemorySpanExporter) -> None:
    into = registry("worker")
    both = TwoObservers(WorkMetrics(["acme"], into), traces(spans))
    with observed_flow(f"sqlite:///{tmp_path}/journal.db", both) as flow:
        ready(flow)
        flow.work()

    done = {"store": "acme", "task": "orders.insert", "outcome": "done", "reason": ""}
    assert into.get_sample_value("vtex_erp_tasks_total", done) == 1
    assert {"order", "orders.insert", "POST start_handling"} <= set(named(spans))


def test_without_the_extra_the_setting_is_refused_with_what_to_do(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def missing(_: str) -> str:
        raise PackageNotFoundError

    monkeypatch.setattr("workers.configuration.urls.version", missing)

    with pytest.raises(SettingsError, match=r"OTEL_EXPORTER.* not installed: .* extra otel"):
        load({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"})
