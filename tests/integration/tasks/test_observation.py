"""A store that is only observed: its orders are judged, and nothing is written anywhere."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from erp.adapters.memory import MemoryErp
from journal.jobs.dead_letters import DeadLetterFilter
from journal.journal import Journal
from journal.model import Kind, Policy, Stage, State
from journal.observations import Observation
from journal.orders import NewOrder
from support.order_flow import OrderFlow, order_flow
from tasks import workflow
from tasks.base import StoreTask
from vtex.client import VtexClient
from vtex.documents import FeedConfig
from vtex.errors import WriteForbidden
from vtex.statuses import HANDLED, READY, HandledOrders
from vtex.transport.transport import Account, Transport
from workers.app import app

READS = {"list", "order", "transaction", "payments"}


class SwitchedFlow(OrderFlow):
    """An order flow whose store can be observed, and go live, as after a restart."""

    erp: MemoryErp
    url: str

    def switch(self, *, observe: bool) -> None:
        """Restart the workers with another setting."""
        self.journal.close()
        observed = frozenset({"acme"} if observe else ())
        self.journal = Journal(self.url, policy=Policy(observed=observed), now=self.clock)
        store = self.simulator
        account = Account("acme", store.app_key, store.app_token, store.url, store.url)
        self.client = VtexClient(Transport(account, read_timeout=2, read_only=observe))
        self.context = type(self.context)(
            self.journal,
            self.erp,
            {"acme": self.client},
            in_flight=500,
            lock=self.context.lock,
            also_intake={"acme": HandledOrders(HANDLED)} if observe else {},
            retries=self.context.retries,
        )
        StoreTask.process_context = self.context

    def list_orders(self) -> None:
        assert app.tasks["orders.list"].apply(kwargs={"store": "acme"}).state == "SUCCESS"

    def observed(self) -> list[Observation]:
        now = self.clock()
        ten_years = timedelta(days=3650)
        return list(self.journal.observations.find("acme", now - ten_years, now + ten_years))

    def fates(self) -> dict[str, Any]:
        return {row.order_id: row.result.get("fate") for row in self.observed()}


@pytest.fixture
def flow(journal_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[SwitchedFlow]:
    # Without a broker, the test runs what would be sent.
    monkeypatch.setattr(
        "tasks.workflow.send", lambda journal, tickets: journal.jobs.release(tickets)
    )
    with order_flow(journal_url, index_lag=0, handling_delay=0) as made:
        made.__class__ = SwitchedFlow
        assert isinstance(made, SwitchedFlow)
        made.url = journal_url
        made.switch(observe=True)
        yield made
        made.journal.close()


def new(flow: OrderFlow, count: int = 1, status: str = READY, kind: str = "plain") -> list[str]:
    return flow.simulator.store.generate(count, status, kind)


def test_an_observed_run_reads_vtex_and_leaves_vtex_and_the_erp_alone(flow: SwitchedFlow) -> None:
    ids = [*new(flow, 3), *new(flow, 2, "handling"), *new(flow, 1, "invoiced")]

    flow.list_orders()
    flow.work(rounds=5, seconds=60)

    assert flow.fates() == dict.fromkeys(ids, "be inserted")
    assert set(flow.simulator.store.calls) <= READS
    assert flow.simulator.store.counted()["handled"] == 0
    assert (flow.erp.orders, flow.erp.events) == ({}, {})
    assert {row.state for row in flow.observed()} == {State.DONE}


def test_the_fate_holds_flags_total_and_reason_of_an_order(flow: SwitchedFlow) -> None:
    good, held, gone = new(flow, 3)
    flow.entry(held).order["value"] += 1
    flow.entry(gone).order["totals"] = "none"

    flow.list_orders()
    flow.work()

    rows = {row.order_id: row.result for row in flow.observed()}
    assert rows[good]["total_cents"] == flow.value(good)
    assert (rows[held]["fate"], rows[held]["error_code"]) == ("be held", "VE-2005")
    assert "difference 0.01" in rows[held]["reason"]
    assert rows[gone]["fate"] == "be held"
    assert "totals" in rows[gone]["reason"]


def test_an_order_of_an_observed_store_shows_its_stage_and_keeps_its_documents(
    flow: SwitchedFlow,
) -> None:
    (order_id,) = new(flow)
    flow.list_orders()
    assert flow.journal.orders.counts() == {"acme": {"listed to observe": 1}}

    flow.work()

    row = flow.journal.orders.get("acme", order_id)
    assert row is not None
    assert (row.stage, row.state, row.erp_reference) == (Stage.OBSERVED, State.DONE, None)
    assert flow.journal.orders.counts() == {"acme": {"observed": 1}}
    assert all(flow.journal.documents.get("acme", order_id))
    assert [event.event for event in flow.journal.timeline.events("acme", order_id)] == [
        "listed",
        "observed",
    ]
    assert flow.journal.requests.find() == []


def test_a_write_of_an_observed_store_is_refused_before_it_is_sent(flow: SwitchedFlow) -> None:
    (order_id,) = new(flow)
    client = flow.client.with_guard(lambda: None)

    for write in (
        lambda: client.start_handling(order_id),
        lambda: client.send_invoice(order_id, {}),
        lambda: client.set_tracking(order_id, "1", {}),
        lambda: client.add_events(order_id, "1", {}),
        lambda: client.cancel(order_id, {}),
        lambda: client.deny_cancellation(order_id, {}),
        lambda: client.commit_feed(["handle"]),
        lambda: client.configure_feed(FeedConfig((READY,), 60, 3600)),
        client.remove_feed,
    ):
        with pytest.raises(WriteForbidden, match="the store acme is only observed"):
            write()
    assert not flow.simulator.store.calls


def test_a_request_for_an_observed_store_is_refused_and_kept(flow: SwitchedFlow) -> None:
    (order_id,) = new(flow, status="handling")

    flow.invoice(order_id)
    flow.ask("cancellation", order_id, reason="out of stock")
    flow.work(rounds=3, seconds=60)

    requests = flow.journal.requests.find()
    assert [(row.kind, row.state) for row in requests] == [
        (Kind.INVOICE, State.DEAD),
        (Kind.CANCELLATION, State.DEAD),
    ]
    assert "is only observed" in str(requests[0].last_error)
    assert flow.journal.requests.body(requests[0].job)
    assert not flow.simulator.store.calls

    flow.switch(observe=False)
    flow.work(rounds=3, seconds=60)
    assert not flow.simulator.store.calls  # it is not sent later either

    flow.keep_document(order_id)
    flow.invoice(order_id)
    flow.settle()
    assert len(flow.packages(order_id)) == 1


def test_a_refused_request_is_sent_if_a_person_retries_it_when_live(flow: SwitchedFlow) -> None:
    (order_id,) = new(flow, status="handling")
    flow.invoice(order_id)

    flow.switch(observe=False)
    flow.keep_document(order_id)
    dead = flow.journal.dead_letters.find(DeadLetterFilter("acme", order_id))
    assert list(flow.journal.dead_letters.retry(dead)) == [1]
    flow.settle()

    assert len(flow.packages(order_id)) == 1


def test_after_the_cut_over_ready_orders_come_in_and_others_stay(flow: SwitchedFlow) -> None:
    ready, handled = new(flow)[0], new(flow, status="handling")[0]
    flow.list_orders()
    flow.work()
    assert set(flow.fates()) == {ready, handled}

    flow.switch(observe=False)
    flow.list_orders()
    flow.work(rounds=2)

    assert [order_id for _, order_id in flow.erp.orders] == [ready]
    row = flow.journal.orders.get("acme", ready)
    assert row is not None
    assert (row.stage, row.state) == (Stage.HANDLING, State.DONE)
    assert flow.simulator.store.counted()["handled"] == 1
    assert set(flow.fates()) == {ready, handled}  # the observations stay for the report


def test_back_to_observing_started_orders_wait_and_continue_later(flow: SwitchedFlow) -> None:
    flow.switch(observe=False)
    (order_id,) = new(flow)
    flow.list_orders()
    flow.work_one_step()  # fetched

    flow.switch(observe=True)
    flow.clock.pass_by(3600)
    flow.list_orders()
    flow.work(rounds=3, seconds=60)

    assert flow.erp.orders == {}
    assert flow.journal.observations.held("acme") == 1
    assert flow.fates() == {}  # an order with an intake is not observed as well

    flow.switch(observe=False)
    flow.clock.pass_by(3600)
    flow.work(rounds=2)
    assert [one for _, one in flow.erp.orders] == [order_id]


@pytest.mark.parametrize("steps", [1, 2])
def test_an_order_that_the_old_integration_took_meanwhile_stays_out(
    flow: SwitchedFlow, steps: int
) -> None:
    flow.switch(observe=False)
    (order_id,) = new(flow)
    flow.list_orders()
    (lease,) = flow.journal.jobs.dispatch(in_flight=9)
    for step in workflow.steps_of(lease)[:steps]:
        app.tasks[step.task].apply(kwargs=step.kwargs)
    flow.client.start_handling(order_id)

    flow.switch(observe=True)
    flow.clock.pass_by(3600)
    flow.work(rounds=2)
    flow.switch(observe=False)
    flow.work(rounds=2, seconds=60)

    row = flow.journal.orders.get("acme", order_id)
    assert row is not None
    assert (row.stage, row.state) == (Stage.LISTED, State.SKIPPED)
    assert "handled elsewhere" in str(row.last_error)
    assert flow.erp.orders == {}


def test_a_message_from_before_the_switch_has_no_effect(flow: SwitchedFlow) -> None:
    flow.switch(observe=False)
    (order_id,) = new(flow)
    flow.list_orders()
    (lease,) = flow.journal.jobs.dispatch(in_flight=9)
    steps = workflow.steps_of(lease)

    flow.switch(observe=True)
    flow.simulator.store.calls.clear()
    for step in steps:
        app.tasks[step.task].apply(kwargs=step.kwargs)

    assert not flow.simulator.store.calls
    assert flow.erp.orders == {}
    row = flow.journal.orders.get("acme", order_id)
    assert row is not None
    assert (row.stage, row.state, row.lease_until) == (Stage.LISTED, State.OPEN, None)


def test_orders_of_other_stores_come_in_as_usual(flow: SwitchedFlow) -> None:
    order = NewOrder("v1-01", flow.clock(), 100)

    flow.journal.orders.record("acme", [order])
    flow.journal.orders.record("outlet", [order])

    kinds = {lease.store: lease.kind for lease in flow.journal.jobs.dispatch(in_flight=9)}
    assert kinds == {"acme": Kind.OBSERVATION, "outlet": Kind.INTAKE}
    assert flow.journal.orders.record("acme", [order]) == 0
