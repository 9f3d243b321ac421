"""An ERP that is down and returns, as the tasks live through it."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from erp.adapters.memory import MemoryErp
from erp.port import ErpUnavailable
from erp.sales_order import SalesOrder
from journal.model import Policy, Stage
from journal.orders import NewOrder
from support.order_flow import OrderFlow, order_flow
from tasks.base import StoreTask

PAUSE = Policy().erp_pause_seconds
SWEEP = 2


class CountingErp(MemoryErp):
    """Keeps the order ids of all tries, and those of what it took in that order."""

    def __init__(self) -> None:
        super().__init__()
        self.tries: list[str] = []
        self.poison: set[str] = set()

    def insert(self, order: SalesOrder) -> str:
        self.tries.append(order.order_id)
        if order.order_id in self.poison:
            raise ErpUnavailable("this one waits for a lock")
        return super().insert(order)

    @property
    def taken(self) -> list[str]:
        return [order_id for _store, order_id in self.orders]


class Office:
    """An order flow with an ERP that counts calls; messages that a step sends run at once."""

    def __init__(self, made: OrderFlow, monkeypatch: pytest.MonkeyPatch) -> None:
        self.flow, self.erp = made, CountingErp()
        StoreTask.process_context = replace(made.context, erp=self.erp)
        monkeypatch.setattr("tasks.workflow.send", lambda _journal, tickets: made.run(tickets))

    def take_in(self, count: int) -> list[str]:
        """Let orders come in, and return them by age."""
        ids = self.flow.simulator.store.generate(count, "ready-for-handling", "plain")
        oldest = self.flow.clock() - timedelta(seconds=count)
        self.flow.journal.orders.record(
            "acme",
            [NewOrder(value, oldest + timedelta(seconds=n), 100) for n, value in enumerate(ids)],
        )
        return ids

    def pass_by(self, seconds: float) -> None:
        """Let time pass, a sweep at a time."""
        self.flow.work(rounds=int(seconds / SWEEP), seconds=SWEEP)

    def stages(self) -> set[Stage]:
        return {order.stage for order in self.flow.journal.orders.find()}


@pytest.fixture
def flow(journal_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Office]:
    with order_flow(journal_url) as made:
        yield Office(made, monkeypatch)


def test_an_erp_that_is_down_is_tried_once_a_pause_however_many_wait(flow: Office) -> None:
    flow.erp.is_down = True
    flow.take_in(25)

    flow.pass_by(120)

    assert flow.stages() == {Stage.PAID}
    assert 8 <= len(flow.erp.tries) <= 2 + 120 / PAUSE


def test_orders_that_come_in_meanwhile_are_fetched_and_wait(flow: Office) -> None:
    flow.erp.is_down = True
    flow.take_in(3)
    flow.pass_by(20)

    flow.take_in(3)
    flow.pass_by(4)

    assert flow.stages() == {Stage.PAID}
    assert flow.flow.journal.orders.counts() == {"acme": {"paid": 6}}


def test_all_are_inserted_by_age_with_the_first_that_gets_through(flow: Office) -> None:
    flow.erp.is_down = True
    by_age = flow.take_in(25)
    flow.pass_by(120)

    flow.erp.is_down = False
    flow.flow.clock.pass_by(PAUSE)
    flow.flow.work()

    probe = flow.erp.taken[0]
    assert flow.erp.taken[1:] == [value for value in by_age if value != probe]
    assert flow.flow.journal.orders.counts() == {"acme": {"done": 25}}


def test_one_order_that_meets_a_lock_stops_no_other(flow: Office) -> None:
    poison, *others = flow.take_in(10)
    flow.erp.poison = {poison}

    flow.flow.work()

    assert flow.erp.taken == others
    assert flow.flow.journal.erp_circuit.current() is None


def test_an_order_that_always_fails_keeps_the_others_from_nothing(flow: Office) -> None:
    poison, *_ = flow.take_in(3)
    flow.erp.poison = {poison}
    flow.pass_by(600)
    # Alone, it looks like an ERP that is down.
    assert flow.erp.tries.count(poison) <= 5 + 600 / PAUSE

    more = flow.take_in(3)
    flow.pass_by(20)

    assert set(more) <= set(flow.erp.taken)


def test_waiting_for_the_erp_is_no_error_in_the_log(
    flow: Office, caplog: pytest.LogCaptureFixture
) -> None:
    flow.erp.is_down = True
    flow.take_in(5)

    with caplog.at_level(logging.INFO):
        flow.pass_by(30)

    assert {record.levelname for record in caplog.records} <= {"INFO", "WARNING"}
    assert [order.failures for order in flow.flow.journal.orders.find() if order.failures > 1] == []
