"""How the orders of a message are spread over a worker's threads."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import pytest
from celery import Celery, Task

from support.servers import eventually
from tasks import local_executor
from tasks.local_executor import LocalQueue, OrderRun

THREADS = 4


class Step(Task):
    """A step without a journal."""

    abstract = True

    def run_in(self, run: OrderRun, kwargs: dict[str, Any]) -> None:
        self.run(**kwargs)


class Orders:
    """An application whose one task says which orders it has, and keeps them until told."""

    def __init__(self) -> None:
        self.app = Celery("test", set_as_current=False)
        self.app.task(name="step", base=Step, shared=False)(self.step)
        self.begun: list[str] = []
        self.back: list[str] = []
        self.held = threading.Event()

    def step(self, order_id: str) -> None:
        self.begun.append(order_id)
        if order_id.startswith("slow"):
            assert self.held.wait(20)

    def order(self, order_id: str) -> OrderRun:
        step = {"task": "step", "kwargs": {"order_id": order_id}}
        return OrderRun(self.app, "1", [step], lambda kwargs: self.back.append(kwargs["order_id"]))

    def orders_of(self, *names: str) -> list[OrderRun]:
        return [self.order(name) for name in names]


@pytest.fixture
def orders() -> Iterator[Orders]:
    made = Orders()
    yield made
    made.held.set()


@pytest.fixture
def threads(monkeypatch: pytest.MonkeyPatch) -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(THREADS) as executor:
        pool = SimpleNamespace(executor=executor, limit=THREADS)
        consumer = SimpleNamespace(pool=pool, event_dispatcher=None)
        monkeypatch.setitem(local_executor._worker, "consumer", consumer)
        yield executor


@pytest.mark.usefixtures("threads")
def test_a_slow_order_holds_up_no_other_of_its_message(orders: Orders) -> None:
    LocalQueue().take(orders.orders_of("slow", *(f"o-{n}" for n in range(30))))

    eventually(lambda: len(orders.begun) == 31, 20)


@pytest.mark.usefixtures("threads")
def test_all_idle_threads_work_at_one_message(orders: Orders) -> None:
    LocalQueue().take(orders.orders_of(*(f"slow-{n}" for n in range(9))))

    eventually(lambda: len(orders.begun) == THREADS, 20)


def test_what_comes_meanwhile_waits_for_one_order_a_thread_at_most(
    orders: Orders, threads: ThreadPoolExecutor
) -> None:
    LocalQueue().take(
        orders.orders_of(*(f"slow-{n}" for n in range(4)), *(f"o-{n}" for n in range(99)))
    )
    eventually(lambda: len(orders.begun) == THREADS, 20)

    seen = threads.submit(lambda: len(orders.begun))
    orders.held.set()

    assert seen.result(20) <= 2 * THREADS


@pytest.mark.usefixtures("threads")
def test_orders_that_come_one_by_one_are_all_worked(orders: Orders) -> None:
    local_queue = LocalQueue()

    for n in range(200):
        local_queue.take(orders.orders_of(f"o-{n}"))

    eventually(lambda: len(orders.begun) == 200, 20)


@pytest.mark.usefixtures("threads")
def test_a_worker_that_stops_hands_back_what_it_has_not_begun(
    orders: Orders, monkeypatch: pytest.MonkeyPatch
) -> None:
    local_queue = LocalQueue()
    local_queue.take(orders.orders_of(*(f"slow-{n}" for n in range(THREADS)), "o-1", "o-2"))
    eventually(lambda: len(orders.begun) == THREADS, 20)

    monkeypatch.setattr("celery.worker.state.should_stop", 0)
    orders.held.set()
    eventually(lambda: local_queue._runners == 0, 20)
    local_queue.give_back()

    assert sorted(orders.back) == ["o-1", "o-2"]


def test_without_a_pool_of_threads_the_orders_are_worked_in_turn(
    orders: Orders, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(local_executor._worker, "consumer", raising=False)

    LocalQueue().take(orders.orders_of("o-1", "o-2"))

    assert orders.begun == ["o-1", "o-2"]


def test_a_step_that_fails_is_not_followed_by_the_next(orders: Orders) -> None:
    def fail() -> Any:
        raise ValueError

    orders.app.task(name="fail", base=Step, shared=False)(fail)
    order = orders.order("o-1")
    order.steps.append({"task": "fail", "kwargs": {}})

    LocalQueue().take([order])

    assert (orders.begun, orders.back) == ([], [])
