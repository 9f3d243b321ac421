"""Whatever is asked for, in whatever order, and whatever breaks: once each, and the views agree."""

from __future__ import annotations

import tempfile
from collections import Counter
from contextlib import ExitStack
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule

from journal.model import State
from support.order_flow import OrderFlow, order_flow
from vtex import schemas
from vtex.operations.invoice_balance import balance

pytestmark = pytest.mark.slow

KINDS = st.sampled_from(["plain", "many", "repeated", "discount", "kit", "marketplace", "weight"])
NUMBERS = st.sampled_from(["1", "2", "3/A"])
# What hurts most comes most: a write whose answer is lost.
FAULTS = st.sampled_from(
    ["lose_answer"] * 4 + ["lose_before", "unavailable", "html_error", "half_body", "ignore_effect"]
)
ROUTES = st.sampled_from(
    ["invoice"] * 4 + ["add_events"] * 2 + ["order", "set_tracking", "cancel", "changes"]
)
ISSUED = "2026-03-10T15:04:05-03:00"
EVENT = {"city": "Niterói", "state": "RJ", "date": "2026-03-11"}


class Ordering(RuleBasedStateMachine):
    """An ERP that asks for anything, and a store and a network that do what they like."""

    orders = Bundle("orders")

    def __init__(self) -> None:
        super().__init__()
        self.stack = ExitStack()
        folder = self.stack.enter_context(tempfile.TemporaryDirectory())
        self.flow: OrderFlow = self.stack.enter_context(
            order_flow(f"sqlite:///{folder}/journal.db")
        )
        self.asked: list[tuple[str, str, dict[str, Any]]] = []

    def ask(self, kind: str, order_id: str, **fields: Any) -> None:
        self.asked.append((kind, order_id, fields))
        self.flow.ask(kind, order_id, **fields)

    @rule(target=orders, kind=KINDS, status=st.sampled_from(["handling", "ready-for-handling"]))
    def an_order_comes(self, kind: str, status: str) -> str:
        return self.flow.order(kind, status)

    @rule(order=orders, number=NUMBERS, more=st.sampled_from([0, 0, 0, 1]))
    def invoice_all(self, order: str, number: str, more: int) -> None:
        cents = self.flow.value(order) + more
        self.ask("invoice", order, invoice_number=number, value_cents=cents, issued_at=ISSUED)

    @rule(order=orders, number=NUMBERS, line=st.integers(0, 3), units=st.integers(1, 3))
    def invoice_part(self, order: str, number: str, line: int, units: int) -> None:
        items = self.flow.entry(order).order["items"]
        item = items[line % len(items)]
        price = max(1, item["sellingPrice"])
        self.ask(
            "invoice",
            order,
            invoice_number=number,
            value_cents=price * units,
            issued_at=ISSUED,
            items=[{"sku_id": item["id"], "quantity": units, "price_cents": price}],
        )

    @rule(order=orders, cents=st.integers(1, 5000))
    def take_back(self, order: str, cents: int) -> None:
        sku = self.flow.entry(order).order["items"][0]["id"]
        self.ask(
            "invoice",
            order,
            invoice_number="R",
            type="Input",
            value_cents=cents,
            issued_at=ISSUED,
            items=[{"sku_id": sku, "quantity": 1, "price_cents": 1}],
        )

    @rule(order=orders, number=NUMBERS, what=st.sampled_from(["number", "event", "delivered"]))
    def track(self, order: str, number: str, what: str) -> None:
        fields: dict[str, Any] = {
            "number": {"tracking_number": f"BR{number}"},
            "event": {"events": [EVENT | {"description": f"em trânsito {number}"}]},
            "delivered": {"delivered_at": "2026-03-14T10:00:00-03:00"},
        }[what]
        self.ask("tracking", order, invoice_number=number, **fields)

    @rule(order=orders)
    def cancel(self, order: str) -> None:
        self.ask("cancellation", order, reason="Falta de estoque")

    @rule(data=st.data())
    def the_same_again(self, data: st.DataObject) -> None:
        if self.asked:
            kind, order, fields = data.draw(st.sampled_from(self.asked))
            self.flow.ask(kind, order, **fields)

    @rule(kind=FAULTS, route=ROUTES, times=st.integers(1, 3))
    def something_breaks(self, kind: str, route: str, times: int) -> None:
        if kind == "ignore_effect" and route in ("order", "changes"):
            return
        self.flow.simulator.faults.add(kind=kind, route=route, times=times)

    @rule(down=st.booleans())
    def the_erp(self, down: bool) -> None:
        self.flow.erp.is_down = down

    @rule()
    def a_worker_dies_after_a_step(self) -> None:
        self.flow.work_one_step()
        self.flow.clock.pass_by(60)

    @rule(seconds=st.sampled_from([1, 30, 400]))
    def work(self, seconds: int) -> None:
        self.flow.work(seconds=seconds)

    @invariant()
    def never_more_than_was_sold_and_nothing_twice(self) -> None:
        for order_id in self.flow.simulator.store.shown()["orders"]:
            raw = self.flow.entry(order_id).order
            packages = schemas.read_packages(raw)
            now = balance(schemas.read_order(raw), packages)
            calls = self.flow.entry(order_id).calls
            names = Counter((package.invoice_number, package.type) for package in packages)
            assert now.invoiced_cents <= now.total_cents
            assert now.returned_cents <= now.invoiced_cents
            assert not now.invoiced - now.sold
            assert not [name for name, count in names.items() if count > 1]
            assert calls["invoice_effects"] == len(packages)
            assert calls["cancel_effects"] <= 1
            for package in packages:
                assert len(package.events) == len(set(package.events))

    def teardown(self) -> None:
        try:
            self.flow.simulator.faults.clear()
            self.flow.erp.is_down = False
            for _ in range(40):
                self.flow.work(seconds=6 * 3600)
            self.never_more_than_was_sold_and_nothing_twice()
            self.everything_has_ended_and_both_views_agree()
        finally:
            self.stack.close()

    def everything_has_ended_and_both_views_agree(self) -> None:
        rows = self.flow.journal.requests.find(limit=10_000)
        told = Counter(int(value.key.split("-")[1]) for value in self.flow.erp.events.values())
        assert [row for row in rows if row.state is State.OPEN] == []
        assert [row for row in rows if not told[row.job]] == []
        done = {
            (row.order_id, row.invoice_number)
            for row in rows
            if row.kind == "invoice" and row.state is State.DONE
        }
        shown = {
            (order_id, package["invoiceNumber"])
            for order_id in self.flow.simulator.store.shown()["orders"]
            for package in self.flow.packages(order_id)
        }
        assert done == shown
        canceled = {
            row.order_id for row in rows if row.kind == "cancellation" and row.state is State.DONE
        }
        assert canceled == {value for value in canceled if self.flow.status(value) == "canceled"}


TestOrdering = Ordering.TestCase
TestOrdering.settings = settings(
    max_examples=50,
    stateful_step_count=30,
    deadline=None,
    derandomize=True,
    print_blob=True,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.generate],  # shrinking takes minutes
)
