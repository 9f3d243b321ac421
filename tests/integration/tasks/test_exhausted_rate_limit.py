"""Steps whose calls are refused by the rate limit: they wait in the journal, and lose nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.order_flow import OrderFlow, order_flow
from tasks.base import StoreTask
from vtex.errors import RateLimitReached
from vtex.transport.rate_limit import Priority
from workers.app import app


class Purse:
    """A rate limit of so many calls, which counts who made them."""

    def __init__(self) -> None:
        self.left = 0
        self.spent: Counter[tuple[str, Priority]] = Counter()
        self.slowed: list[float] = []

    def acquire(self, group: str, priority: Priority) -> None:
        if self.left <= 0:
            raise RateLimitReached.until(7)
        self.left -= 1
        self.spent[group, priority] += 1

    def slow_down(self, seconds: float) -> None:
        self.slowed.append(seconds)


@pytest.fixture
def flow(tmp_path: Path) -> Iterator[OrderFlow]:
    with order_flow(f"sqlite:///{tmp_path}/journal.db") as made:
        yield made


@pytest.fixture
def purse(flow: OrderFlow) -> Purse:
    made = Purse()
    flow.client._transport._rate_limiter = made
    return made


def test_an_order_gets_through_on_one_call_at_a_time_and_none_is_made_twice(
    flow: OrderFlow, purse: Purse, caplog: pytest.LogCaptureFixture
) -> None:
    order_id = flow.order(status="ready-for-handling")
    flow.intake(order_id)

    for _ in range(12):
        purse.left = 2
        flow.work(seconds=12)

    row = flow.journal.orders.get("acme", order_id)
    assert row is not None
    assert (row.state, row.failures) == ("done", 0)
    assert purse.spent["writes", Priority.ORDERS] == 1
    assert flow.entry(order_id).calls["start_handling_calls"] == 1
    assert not [record for record in caplog.records if record.levelname in ("WARNING", "ERROR")]


def test_an_order_that_waits_for_rate_limit_says_so_and_pauses_nobody(
    flow: OrderFlow, purse: Purse
) -> None:
    order_id = flow.order(status="ready-for-handling")
    flow.intake(order_id)

    flow.work()

    row = flow.journal.orders.get("acme", order_id)
    assert row is not None
    assert row.last_error == "the call waits for the store's rate limit, about 7 s"
    assert 7 <= (row.due_at - flow.clock()).total_seconds() <= 10.5
    assert flow.journal.store_pauses.get("acme") is None
    assert [entry.event for entry in flow.journal.timeline.events("acme", order_id)] == ["listed"]
    assert not purse.spent


def test_each_kind_of_work_spends_at_its_rank(flow: OrderFlow, purse: Purse) -> None:
    purse.left = 1000
    app.tasks["orders.list"].apply(kwargs={"store": "acme"})
    order_id = flow.order(status="ready-for-handling")
    flow.intake(order_id)
    flow.work(seconds=5)
    flow.invoice(order_id)
    flow.work(8, seconds=5)
    flow.ask(
        "tracking", order_id, invoice_number="128841", tracking_number="BR1", courier="Correios"
    )
    flow.work(3, seconds=5)
    flow.ask("cancellation", flow.order(), reason="no stock")
    flow.work(8, seconds=5)

    priorities = {priority for _, priority in purse.spent}
    assert priorities == {Priority.LISTING, Priority.ORDERS, Priority.URGENT, Priority.TRACKING}
    assert {group for group, priority in purse.spent if priority is Priority.LISTING} == {"list"}
    assert ("writes", Priority.TRACKING) in purse.spent


def test_a_listing_that_is_refused_is_left_to_the_next_one(flow: OrderFlow, purse: Purse) -> None:
    refused = app.tasks["orders.list"].apply(kwargs={"store": "acme"})

    assert refused.state == "RETRY"
    assert flow.journal.store_pauses.get("acme") is None
    purse.left = 9
    assert app.tasks["orders.list"].apply(kwargs={"store": "acme"}).state == "SUCCESS"


def test_a_429_slows_the_rate_limit_down_for_as_long_as_the_journal_pauses(
    flow: OrderFlow, purse: Purse
) -> None:
    purse.left = 9
    flow.simulator.faults.add(kind="throttle", retry_after=33)
    flow.intake(flow.order(status="ready-for-handling"))

    flow.work()

    assert purse.slowed == [33]
    until, _ = flow.journal.store_pauses.get("acme") or (flow.clock(), "")
    assert (until - flow.clock()).total_seconds() == 33


def test_where_few_are_under_way_the_next_is_claimed_as_one_ends(
    flow: OrderFlow, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(2):
        flow.intake(flow.order(status="ready-for-handling"))
    sent: list[str] = []
    monkeypatch.setattr(
        "tasks.workflow.send", lambda _, tickets: sent.extend(ticket.order_id for ticket in tickets)
    )
    assert StoreTask.process_context is not None
    object.__setattr__(StoreTask.process_context, "in_flight", lambda _: 1)
    (ticket,) = flow.journal.jobs.dispatch(in_flight=1)

    for name in ("fetch", "fetch_payment", "insert", "start_handling"):
        kwargs = {"store": "acme", "order_id": ticket.order_id, "attempt": ticket.attempt}
        app.tasks[f"orders.{name}"].apply(kwargs=kwargs)

    assert len(sent) == 1
    assert sent != [ticket.order_id]
