"""An order flow with an observer, and metrics as Prometheus reads them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from support.order_flow import OrderFlow, order_flow
from tasks.base import StoreTask
from tasks.instrumentation import TaskObserver
from vtex.client import VtexClient
from vtex.transport.transport import Transport

Labels = dict[str, str]


@contextmanager
def observed_flow(journal_url: str, observer: TaskObserver) -> Iterator[OrderFlow]:
    """Set up an order flow whose tasks and calls report to an observer."""
    with order_flow(journal_url) as made:
        account = made.client._transport.account
        made.client = VtexClient(Transport(account, read_timeout=2, observer=observer.vtex_called))
        made.context = replace(made.context, vtex={"acme": made.client}, observer=observer)
        StoreTask.process_context = made.context
        yield made


class MetricsText:
    """Metrics as Prometheus reads them."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.samples = [
            sample for family in text_string_to_metric_families(text) for sample in family.samples
        ]

    @classmethod
    def of(cls, registry: CollectorRegistry) -> MetricsText:
        return cls(generate_latest(registry).decode())

    def all(self, name: str, **labels: str) -> list[tuple[Labels, float]]:
        return [
            (sample.labels, sample.value)
            for sample in self.samples
            if sample.name == name and labels.items() <= sample.labels.items()
        ]

    def sum(self, name: str, **labels: str) -> float:
        return sum(value for _, value in self.all(name, **labels))

    def one(self, name: str, **labels: str) -> float:
        ((_, value),) = self.all(name, **labels)
        return value

    def by(self, name: str, label: str, **labels: str) -> dict[str, float]:
        """Return what is not 0, by a label."""
        found: dict[str, float] = {}
        for labelled, value in self.all(name, **labels):
            if value:
                found[labelled[label]] = found.get(labelled[label], 0) + value
        return found

    def names(self) -> set[str]:
        return {sample.name for sample in self.samples}
