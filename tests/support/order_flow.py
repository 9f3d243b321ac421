"""The whole way of an order in one process, at a clock of the test's own: real journal, real
tasks, the simulated store on a real socket. Without a broker: what is claimed is run here."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import Any

from erp.adapters.memory import MemoryErp
from erp.port import Event
from journal.journal import Journal
from journal.model import Lease
from journal.orders import NewOrder
from support.documents import nfe_samples
from support.documents.nfe_samples import Det, nfe
from tasks import workflow
from tasks.base import StoreTask
from tasks.context import Context, Renew
from tasks.errors import RequestRefused
from tasks.outbound import request_intake
from tasks.retry_policy import RetryPolicy
from vtex.client import VtexClient
from vtex.simulator.config import Config
from vtex.simulator.server import Running, running
from vtex.simulator.state import Entry
from vtex.transport.transport import Account, Transport
from workers.app import app


class Clock:
    """A time that only ``pass_by`` moves."""

    def __init__(self) -> None:
        self.moment = datetime(2026, 3, 10, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.moment

    def pass_by(self, seconds: float) -> None:
        self.moment += timedelta(seconds=seconds)


@contextmanager
def _nobody_else(_: str) -> Iterator[Renew | None]:
    yield lambda: None


class OrderFlow:
    """One store, one ERP, one journal."""

    def __init__(self, simulator: Running, journal: Journal, clock: Clock) -> None:
        self.simulator, self.journal, self.clock = simulator, journal, clock
        self.erp = MemoryErp()
        account = Account(
            "acme", simulator.app_key, simulator.app_token, simulator.url, simulator.url
        )
        lock: Callable[[str], AbstractContextManager[Renew | None]] = _nobody_else
        self.client = VtexClient(Transport(account, read_timeout=2))
        self.context = Context(
            journal,
            self.erp,
            {"acme": self.client},
            in_flight=500,
            lock=lock,
            retries=RetryPolicy(backoff_base_seconds=1),
        )

    def order(self, kind: str = "plain", status: str = "handling") -> str:
        """Let an order come in, known to the journal and the ERP by its document alone."""
        (order_id,) = self.simulator.store.generate(1, status, kind)
        return order_id

    def intake(self, order_id: str) -> None:
        self.journal.orders.record("acme", [NewOrder(order_id, self.clock(), self.value(order_id))])

    def keep_document(self, order_id: str) -> None:
        """Let the journal have the order's document, as an intake that was skipped leaves it."""
        self.intake(order_id)
        self.work()

    def entry(self, order_id: str) -> Entry:
        entry = self.simulator.store.entry(order_id)
        assert entry is not None
        return entry

    def value(self, order_id: str) -> int:
        return int(self.entry(order_id).order["value"])

    def status(self, order_id: str) -> str:
        return self.simulator.store.status(self.entry(order_id))

    def packages(self, order_id: str) -> list[dict[str, Any]]:
        return list(
            (self.entry(order_id).order.get("packageAttachment") or {}).get("packages") or ()
        )

    def ask(
        self,
        kind: str,
        order_id: str,
        *,
        again: bool = False,
        xml: bytes | None = None,
        **fields: Any,
    ) -> None:
        """Ask as the ERP does; a refusal is reported, as in service."""
        with suppress(RequestRefused):
            request_intake.record(
                self.context,
                kind,
                {"store": "acme", "order_id": order_id, **fields},
                again=again,
                xml=xml,
            )

    def invoice(self, order_id: str, number: str = "128841", **fields: Any) -> None:
        whole = {"value_cents": self.value(order_id), "issued_at": "2026-03-10T15:04:05-03:00"}
        self.ask("invoice", order_id, invoice_number=number, **whole | fields)

    def nota(self, order_id: str) -> bytes:
        """Return an NF-e of all that the order has."""
        dets = [
            Det(
                code=item["refId"],
                quantity=f"{item['quantity']}.0000",
                total=f"{item['priceDefinition']['total'] / 100:.2f}",
            )
            for item in self.entry(order_id).order["items"]
        ]
        return nfe(
            *dets,
            value=f"{self.value(order_id) / 100:.2f}",
            recipient=nfe_samples.recipient_of(self.entry(order_id).order),
        )

    def part(self, order_id: str, number: str, value_cents: int = 1000) -> None:
        """Ask for an invoice of one unit of the first item."""
        sku = self.entry(order_id).order["items"][0]["id"]
        items = [{"sku_id": sku, "quantity": 1, "price_cents": value_cents}]
        self.invoice(order_id, number, value_cents=value_cents, items=items)

    def work(self, rounds: int = 1, seconds: float = 0) -> None:
        """Run what is due, then let time pass; as often as said."""
        for _ in range(rounds):
            while tickets := self.journal.jobs.dispatch(in_flight=500):
                self.run(tickets)
            app.tasks["outcomes.report"].apply()
            self.clock.pass_by(seconds)

    def run(self, tickets: Sequence[Lease]) -> None:
        """Run the steps of what was claimed, one job after the other."""
        for ticket in tickets:
            self._run([(entry.task, entry.kwargs) for entry in workflow.steps_of(ticket)])

    def work_one_step(self) -> None:
        """Claim what is due, run the first step of each, and die."""
        for ticket in self.journal.jobs.dispatch(in_flight=500):
            first = workflow.steps_of(ticket)[0]
            self._run([(first.task, first.kwargs)])

    def settle(self) -> None:
        """Work until nothing that was asked for is open, through every back-off."""
        for _ in range(60):
            self.work(seconds=301)
            if not any(request.state == "open" for request in self.journal.requests.find()):
                self.work()
                return
        raise AssertionError(f"still open: {self.journal.requests.find()}")

    def _run(self, steps: list[tuple[str, dict[str, Any]]]) -> None:
        for name, kwargs in steps:
            if app.tasks[name].apply(kwargs=kwargs).state != "SUCCESS":
                return

    def told(self, order_id: str) -> list[Event]:
        return [value for value in self.erp.events.values() if value.order_id == order_id]

    def outcomes(self, order_id: str) -> list[tuple[str, str | None]]:
        return [(entry.kind, entry.outcome) for entry in self.told(order_id)]


@contextmanager
def order_flow(journal_url: str, **config: Any) -> Iterator[OrderFlow]:
    """Set up an order flow; its simulated store has no delays of real time."""
    clock = Clock()
    journal = Journal(journal_url, now=clock)
    journal.migrate()
    app.loader.import_default_modules()
    before = StoreTask.process_context
    with running(Config(**config)) as simulator:
        simulator.store._now = clock
        made = OrderFlow(simulator, journal, clock)
        StoreTask.process_context = made.context
        try:
            yield made
        finally:
            StoreTask.process_context = before
            journal.close()
