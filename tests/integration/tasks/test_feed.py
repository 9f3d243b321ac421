"""The feed as a way in: real journal, real tasks, the simulated store, a clock of the test's own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from journal.feeds import FeedRow
from journal.model import State
from support.order_flow import OrderFlow, order_flow
from tasks.base import StoreTask
from vtex.documents import FeedConfig
from vtex.statuses import READY
from workers.app import app

HIDDEN, KEPT = 300, 345_600
OURS = FeedConfig((READY,), HIDDEN, KEPT)
PACE = timedelta(minutes=10)


@pytest.fixture
def flow(journal_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[OrderFlow]:
    # There is no broker here: what would be sent is due at once, and worked off at once.
    monkeypatch.setattr(
        "tasks.workflow.send", lambda journal, tickets: journal.jobs.release(tickets)
    )
    with order_flow(journal_url, index_lag=600) as made:
        made.context = StoreTask.process_context = replace(
            made.context, list_intervals={"acme": PACE}
        )
        yield made


def set_up(flow: OrderFlow) -> None:
    flow.client.configure_feed(OURS)
    flow.journal.feeds.set_up("acme", (READY,), hidden_seconds=HIDDEN, kept_seconds=KEPT)


def read(flow: OrderFlow) -> str:
    return str(app.tasks["orders.read_feed"].apply(kwargs={"store": "acme"}).state)


def list_orders(flow: OrderFlow) -> int:
    """Let the schedule ask for a listing; return how often VTEX was asked for its list."""
    before = flow.simulator.store.calls["list"]
    app.tasks["orders.list"].apply(kwargs={"store": "acme"})
    return flow.simulator.store.calls["list"] - before


def new(flow: OrderFlow, count: int = 1) -> list[str]:
    return flow.simulator.store.generate(count, READY, "plain")


def queued(flow: OrderFlow) -> int:
    config = flow.client.feed_config()
    assert config is not None
    return config.waiting or 0


def row(flow: OrderFlow) -> FeedRow:
    found = flow.journal.feeds.get("acme")
    assert found is not None
    return found


def known(flow: OrderFlow) -> set[str]:
    return {one.order_id for one in flow.journal.orders.find(limit=1000)}


def event(order_id: str, state: str = READY, **more: Any) -> dict[str, Any]:
    return {"orderId": order_id, "state": state, "domain": "Fulfillment"} | more


def test_orders_come_in_by_the_feed_while_the_list_lags(flow: OrderFlow) -> None:
    set_up(flow)
    ids = new(flow, 25)

    assert read(flow) == "SUCCESS"
    flow.work()

    states = {one.order_id: one.state for one in flow.journal.orders.find(limit=100)}
    assert states == dict.fromkeys(ids, State.DONE)
    # What the event does not tell, the order does.
    values = {one.order_id: one.value_cents for one in flow.journal.orders.find(limit=100)}
    assert values == {one: flow.value(one) for one in ids}
    assert all(one.created_at for one in flow.journal.orders.find(limit=100))
    assert queued(flow) == 0
    assert flow.simulator.store.calls["list"] == 0


def test_without_a_feed_that_was_set_up_nothing_is_read_and_the_list_goes_on(
    flow: OrderFlow,
) -> None:
    states = [read(flow), read(flow)]

    assert states == ["SUCCESS"] * 2
    assert not flow.simulator.store.calls["feed"]
    assert [list_orders(flow) for _ in range(3)] == [1, 1, 1]


def test_a_store_whose_intake_is_the_list_leaves_its_feed_alone(flow: OrderFlow) -> None:
    set_up(flow)
    StoreTask.process_context = replace(flow.context, list_intervals={})

    read(flow)

    assert not flow.simulator.store.calls["feed"]
    flow.clock.pass_by(3600)
    assert [list_orders(flow) for _ in range(2)] == [1, 1]


def test_what_the_journal_could_not_take_is_not_committed(
    flow: OrderFlow, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_up(flow)
    (order_id,) = new(flow)

    def record(*_: object) -> int:
        raise RuntimeError("killed here")

    with monkeypatch.context() as patch:
        patch.setattr(flow.journal.orders, "record", record)
        assert read(flow) == "FAILURE"
    assert queued(flow) == 1
    assert not flow.simulator.store.calls["commit"]
    flow.clock.pass_by(HIDDEN)
    read(flow)

    assert known(flow) == {order_id}
    assert queued(flow) == 0


def test_a_commit_that_was_lost_brings_the_events_again_and_does_no_harm(flow: OrderFlow) -> None:
    set_up(flow)
    ids = new(flow, 3)
    flow.simulator.faults.add(kind="lose_before", route="commit")
    read(flow)
    flow.clock.pass_by(HIDDEN)
    flow.work()
    before = {one: flow.journal.timeline.events("acme", one) for one in ids}

    read(flow)
    flow.work()

    assert queued(flow) == 0
    assert {one: flow.journal.timeline.events("acme", one) for one in ids} == before
    assert known(flow) == set(ids)


def test_doubles_disorder_and_old_events_do_each_order_once(flow: OrderFlow) -> None:
    set_up(flow)
    flow.simulator.store.feed.repeats = 2
    flow.simulator.store.feed.shuffles = True
    ids = new(flow, 7)
    read(flow)
    flow.work()

    for one in ids:
        flow.simulator.store.feed.add(event(one), flow.clock())
    read(flow)
    flow.work()

    assert {one.order_id for one in flow.journal.orders.find()} == set(ids)
    effects = [flow.entry(one).calls["start_handling_effects"] for one in ids]
    assert effects == [1] * 7
    assert queued(flow) == 0


def test_an_old_event_of_an_order_that_was_canceled_since_brings_nothing_to_the_erp(
    flow: OrderFlow,
) -> None:
    set_up(flow)
    order_id = flow.order(status="canceled")
    flow.simulator.store.feed.add(event(order_id), flow.clock())

    read(flow)
    flow.work()

    assert flow.journal.orders.get("acme", order_id).state is State.SKIPPED
    assert flow.journal.orders.get("acme", order_id).value_cents == flow.value(order_id)
    assert not flow.erp.orders


def test_events_of_other_statuses_are_committed_and_bring_nothing(flow: OrderFlow) -> None:
    set_up(flow)
    for state in ("invoiced", "never-heard-of"):
        flow.simulator.store.feed.add(event("1-01", state), flow.clock())

    read(flow)

    assert known(flow) == set()
    assert queued(flow) == 0


def test_an_event_that_names_no_order_is_counted_logged_and_stops_no_other(
    flow: OrderFlow, caplog: pytest.LogCaptureFixture
) -> None:
    set_up(flow)
    for one in ({"state": READY}, {"orderId": {}, "state": READY}, {"orderId": "x" * 65}):
        flow.simulator.store.feed.add(one, flow.clock())
    (order_id,) = new(flow)

    read(flow)

    said = [one.reason for one in caplog.records if "cannot be used" in one.message]
    assert len(said) == 3
    assert all("orderId" in one for one in said)
    assert row(flow).unreadable == 3
    assert known(flow) == {order_id}
    assert queued(flow) == 0


def test_an_order_whose_event_cannot_be_read_but_for_its_id_is_looked_up(flow: OrderFlow) -> None:
    set_up(flow)
    (order_id,) = new(flow)
    odd = event(order_id) | {"state": ["?"], "currentChange": "soon", "eventId": 7}
    flow.simulator.store.feed.read(10, flow.simulator.store.entries(), flow.clock())
    flow.simulator.store.feed.add(odd, flow.clock())

    read(flow)
    flow.work()

    assert flow.journal.orders.get("acme", order_id).state is State.DONE


def test_an_event_without_a_handle_brings_its_order_in_and_is_not_committed(
    flow: OrderFlow,
) -> None:
    set_up(flow)
    (order_id,) = new(flow)
    flow.simulator.store.feed.read(10, flow.simulator.store.entries(), flow.clock())
    flow.simulator.store.feed.add(event(order_id, handle=None), flow.clock())

    read(flow)

    assert known(flow) == {order_id}
    assert row(flow).unreadable == 1


def test_an_answer_that_is_no_list_of_events_lets_the_list_take_over(flow: OrderFlow) -> None:
    rest(flow)
    flow.simulator.faults.add(kind="malformed", route="feed")

    read(flow)

    assert row(flow).fault is not None
    assert list_orders(flow) == 1


def test_a_paused_store_is_not_asked(flow: OrderFlow) -> None:
    set_up(flow)
    flow.journal.store_pauses.begin("acme", seconds=60, reason="stocktaking")

    read(flow)

    assert not flow.simulator.store.calls["feed"]


# --- the list rests ---------------------------------------------------------------------------


def rest(flow: OrderFlow) -> None:
    """Let a feed have settled, and the list have been read just now."""
    set_up(flow)
    flow.clock.pass_by(901)
    read(flow)
    list_orders(flow)


def test_while_the_feed_works_the_list_is_asked_at_the_slower_pace(flow: OrderFlow) -> None:
    rest(flow)

    asked = []
    for _ in range(30):
        flow.clock.pass_by(60)
        read(flow)
        asked.append(list_orders(flow))

    assert asked == ([0] * 9 + [1]) * 3


def test_just_after_a_feed_was_set_up_the_list_goes_on_since_it_lags(flow: OrderFlow) -> None:
    set_up(flow)

    asked = []
    for _ in range(20):
        asked.append(list_orders(flow))
        flow.clock.pass_by(60)
        read(flow)

    assert asked == [1] * 15 + [0] * 5


def test_a_feed_that_nobody_reads_does_not_let_the_list_rest(flow: OrderFlow) -> None:
    rest(flow)
    flow.clock.pass_by(16 * 60)
    list_orders(flow)

    assert list_orders(flow) == 1


# --- the watchdog -----------------------------------------------------------------------------


def test_a_feed_that_was_deleted_is_restored_at_the_next_reading(
    flow: OrderFlow, caplog: pytest.LogCaptureFixture
) -> None:
    rest(flow)
    flow.simulator.store.feed.forget()

    read(flow)

    assert flow.client.feed_config() == OURS
    assert row(flow).restored_reason == "VTEX had none any more"
    assert "the feed was restored" in caplog.text
    # What happened in between only the list tells.
    assert list_orders(flow) == 1


@pytest.mark.parametrize(
    "theirs",
    [
        FeedConfig((READY, "invoiced"), HIDDEN, KEPT),
        FeedConfig(("ready-for-handlling",), HIDDEN, KEPT),
        FeedConfig((READY,), 30, KEPT),
    ],
)
def test_a_configuration_that_was_changed_is_restored_within_minutes(
    flow: OrderFlow, theirs: FeedConfig
) -> None:
    rest(flow)
    flow.client.configure_feed(theirs)

    flow.clock.pass_by(301)
    read(flow)

    assert flow.client.feed_config() == OURS
    assert "had been changed at VTEX" in str(row(flow).restored_reason)


def test_a_feed_as_it_was_set_up_is_compared_every_five_minutes_and_left_alone(
    flow: OrderFlow,
) -> None:
    rest(flow)
    before = flow.simulator.store.calls["feed_config"]

    for _ in range(60):
        flow.clock.pass_by(10)
        read(flow)

    assert flow.simulator.store.calls["feed_config"] - before == 2
    assert row(flow).restored_at is None


def test_without_the_permission_the_list_goes_back_to_its_pace_and_the_store_on(
    flow: OrderFlow, caplog: pytest.LogCaptureFixture
) -> None:
    rest(flow)
    feed_rights = {one for one in flow.simulator.store.permissions if "Feed" in one}
    flow.simulator.store.permissions -= feed_rights

    read(flow)
    asked = [list_orders(flow) for _ in range(3)]

    assert "Grant 'Feed v3 and Hook Admin' to the key" in str(row(flow).fault)
    assert "the feed does not work" in caplog.text
    assert flow.journal.store_pauses.get("acme") is None
    assert asked == [1, 1, 1]


def test_a_feed_that_does_not_work_is_tried_once_a_minute_and_goes_on_by_itself(
    flow: OrderFlow,
) -> None:
    rest(flow)
    feed_rights = {one for one in flow.simulator.store.permissions if "Feed" in one}
    flow.simulator.store.permissions -= feed_rights
    read(flow)
    before = flow.simulator.store.calls["feed_config"] + flow.simulator.store.calls["feed"]
    for _ in range(12):
        flow.clock.pass_by(5)
        read(flow)
    tried = flow.simulator.store.calls["feed_config"] + flow.simulator.store.calls["feed"]

    flow.simulator.store.permissions |= feed_rights
    (order_id,) = new(flow)
    flow.clock.pass_by(61)
    read(flow)

    assert tried - before == 1
    assert row(flow).fault is None
    assert order_id in known(flow)


def test_a_feed_that_may_be_read_but_not_restored_says_so(flow: OrderFlow) -> None:
    rest(flow)
    flow.simulator.store.permissions -= {"Feed v3 and Hook Admin"}
    flow.simulator.store.feed.forget()

    read(flow)

    assert "Grant 'Feed v3 and Hook Admin'" in str(row(flow).fault)
    assert list_orders(flow) == 1


def test_a_wrong_token_pauses_the_store_as_ever(flow: OrderFlow) -> None:
    rest(flow)
    flow.simulator.store.tokens.clear()

    assert read(flow) == "RETRY"

    assert flow.journal.store_pauses.get("acme") is not None


def test_a_feed_that_was_removed_here_is_not_restored(flow: OrderFlow) -> None:
    rest(flow)
    flow.journal.feeds.forget("acme")
    flow.client.remove_feed()

    read(flow)

    assert flow.client.feed_config() is None
