"""The feed as a way in: real journal, real tasks, the simulated store, a clock of the test's own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from journal.feeds import FeedRow
from journal.model import State
from support.in_process import Desk, desk
from tasks.base import StoreTask
from vtex.documents import FeedConfig
from vtex.statuses import READY
from workers.app import app

HIDDEN, KEPT = 300, 345_600
OURS = FeedConfig((READY,), HIDDEN, KEPT)
PACE = timedelta(minutes=10)


@pytest.fixture
def counter(journal_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    # There is no broker here: what would be sent is due at once, and worked by the desk.
    for module in ("tasks.intake.feed", "tasks.intake.orders"):
        monkeypatch.setattr(
            f"{module}.send", lambda journal, tickets: journal.jobs.release(tickets)
        )
    with desk(journal_url, index_lag=600) as made:
        made.context = StoreTask.process_context = replace(made.context, rests={"acme": PACE})
        yield made


def set_up(counter: Desk) -> None:
    counter.client.configure_feed(OURS)
    counter.journal.feeds.set_up("acme", (READY,), hidden_seconds=HIDDEN, kept_seconds=KEPT)


def read(counter: Desk) -> str:
    return str(app.tasks["orders.read_feed"].apply(kwargs={"store": "acme"}).state)


def list_orders(counter: Desk) -> int:
    """Let the schedule ask for a listing; return how often VTEX was asked for its list."""
    before = counter.simulator.store.calls["list"]
    app.tasks["orders.list"].apply(kwargs={"store": "acme"})
    return counter.simulator.store.calls["list"] - before


def new(counter: Desk, count: int = 1) -> list[str]:
    return counter.simulator.store.generate(count, READY, "plain")


def queued(counter: Desk) -> int:
    config = counter.client.feed_config()
    assert config is not None
    return config.waiting or 0


def row(counter: Desk) -> FeedRow:
    found = counter.journal.feeds.get("acme")
    assert found is not None
    return found


def known(counter: Desk) -> set[str]:
    return {one.order_id for one in counter.journal.orders.find(limit=1000)}


def event(order_id: str, state: str = READY, **more: Any) -> dict[str, Any]:
    return {"orderId": order_id, "state": state, "domain": "Fulfillment"} | more


def test_orders_come_in_by_the_feed_while_the_list_lags(counter: Desk) -> None:
    set_up(counter)
    ids = new(counter, 25)

    assert read(counter) == "SUCCESS"
    counter.work()

    states = {one.order_id: one.state for one in counter.journal.orders.find(limit=100)}
    assert states == dict.fromkeys(ids, State.DONE)
    # What the event does not tell, the order does.
    values = {one.order_id: one.value_cents for one in counter.journal.orders.find(limit=100)}
    assert values == {one: counter.value(one) for one in ids}
    assert all(one.created_at for one in counter.journal.orders.find(limit=100))
    assert queued(counter) == 0
    assert counter.simulator.store.calls["list"] == 0


def test_without_a_feed_that_was_set_up_nothing_is_read_and_the_list_goes_on(
    counter: Desk,
) -> None:
    states = [read(counter), read(counter)]

    assert states == ["SUCCESS"] * 2
    assert not counter.simulator.store.calls["feed"]
    assert [list_orders(counter) for _ in range(3)] == [1, 1, 1]


def test_a_store_whose_intake_is_the_list_leaves_its_feed_alone(counter: Desk) -> None:
    set_up(counter)
    StoreTask.process_context = replace(counter.context, rests={})

    read(counter)

    assert not counter.simulator.store.calls["feed"]
    counter.clock.pass_by(3600)
    assert [list_orders(counter) for _ in range(2)] == [1, 1]


def test_what_the_journal_could_not_take_is_not_committed(
    counter: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_up(counter)
    (order_id,) = new(counter)

    def record(*_: object) -> int:
        raise RuntimeError("killed here")

    with monkeypatch.context() as patch:
        patch.setattr(counter.journal.orders, "record", record)
        assert read(counter) == "FAILURE"
    assert queued(counter) == 1
    assert not counter.simulator.store.calls["commit"]
    counter.clock.pass_by(HIDDEN)
    read(counter)

    assert known(counter) == {order_id}
    assert queued(counter) == 0


def test_a_commit_that_was_lost_brings_the_events_again_and_does_no_harm(counter: Desk) -> None:
    set_up(counter)
    ids = new(counter, 3)
    counter.simulator.faults.add(kind="lose_before", route="commit")
    read(counter)
    counter.clock.pass_by(HIDDEN)
    counter.work()
    before = {one: counter.journal.timeline.events("acme", one) for one in ids}

    read(counter)
    counter.work()

    assert queued(counter) == 0
    assert {one: counter.journal.timeline.events("acme", one) for one in ids} == before
    assert known(counter) == set(ids)


def test_doubles_disorder_and_old_events_do_each_order_once(counter: Desk) -> None:
    set_up(counter)
    counter.simulator.store.feed.repeats = 2
    counter.simulator.store.feed.shuffles = True
    ids = new(counter, 7)
    read(counter)
    counter.work()

    for one in ids:
        counter.simulator.store.feed.add(event(one), counter.clock())
    read(counter)
    counter.work()

    assert {one.order_id for one in counter.journal.orders.find()} == set(ids)
    effects = [counter.entry(one).calls["start_handling_effects"] for one in ids]
    assert effects == [1] * 7
    assert queued(counter) == 0


def test_an_old_event_of_an_order_that_was_canceled_since_brings_nothing_to_the_erp(
    counter: Desk,
) -> None:
    set_up(counter)
    order_id = counter.order(status="canceled")
    counter.simulator.store.feed.add(event(order_id), counter.clock())

    read(counter)
    counter.work()

    assert counter.journal.orders.get("acme", order_id).state is State.SKIPPED
    assert counter.journal.orders.get("acme", order_id).value_cents == counter.value(order_id)
    assert not counter.erp.orders


def test_events_of_other_statuses_are_committed_and_bring_nothing(counter: Desk) -> None:
    set_up(counter)
    for state in ("invoiced", "never-heard-of"):
        counter.simulator.store.feed.add(event("1-01", state), counter.clock())

    read(counter)

    assert known(counter) == set()
    assert queued(counter) == 0


def test_an_event_that_names_no_order_is_counted_logged_and_stops_no_other(
    counter: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    set_up(counter)
    for one in ({"state": READY}, {"orderId": {}, "state": READY}, {"orderId": "x" * 65}):
        counter.simulator.store.feed.add(one, counter.clock())
    (order_id,) = new(counter)

    read(counter)

    said = [one.reason for one in caplog.records if "cannot be used" in one.message]
    assert len(said) == 3
    assert all("orderId" in one for one in said)
    assert row(counter).unreadable == 3
    assert known(counter) == {order_id}
    assert queued(counter) == 0


def test_an_order_whose_event_cannot_be_read_but_for_its_id_is_looked_up(counter: Desk) -> None:
    set_up(counter)
    (order_id,) = new(counter)
    odd = event(order_id) | {"state": ["?"], "currentChange": "soon", "eventId": 7}
    counter.simulator.store.feed.read(10, counter.simulator.store.entries(), counter.clock())
    counter.simulator.store.feed.add(odd, counter.clock())

    read(counter)
    counter.work()

    assert counter.journal.orders.get("acme", order_id).state is State.DONE


def test_an_event_without_a_handle_brings_its_order_in_and_is_not_committed(
    counter: Desk,
) -> None:
    set_up(counter)
    (order_id,) = new(counter)
    counter.simulator.store.feed.read(10, counter.simulator.store.entries(), counter.clock())
    counter.simulator.store.feed.add(event(order_id, handle=None), counter.clock())

    read(counter)

    assert known(counter) == {order_id}
    assert row(counter).unreadable == 1


def test_an_answer_that_is_no_list_of_events_lets_the_list_take_over(counter: Desk) -> None:
    rest(counter)
    counter.simulator.faults.add(kind="malformed", route="feed")

    read(counter)

    assert row(counter).fault is not None
    assert list_orders(counter) == 1


def test_a_paused_store_is_not_asked(counter: Desk) -> None:
    set_up(counter)
    counter.journal.store_pauses.begin("acme", seconds=60, reason="stocktaking")

    read(counter)

    assert not counter.simulator.store.calls["feed"]


# --- the list rests ---------------------------------------------------------------------------


def rest(counter: Desk) -> None:
    """Let a feed have settled, and the list have been read just now."""
    set_up(counter)
    counter.clock.pass_by(901)
    read(counter)
    list_orders(counter)


def test_while_the_feed_works_the_list_is_asked_at_the_slower_pace(counter: Desk) -> None:
    rest(counter)

    asked = []
    for _ in range(30):
        counter.clock.pass_by(60)
        read(counter)
        asked.append(list_orders(counter))

    assert asked == ([0] * 9 + [1]) * 3


def test_just_after_a_feed_was_set_up_the_list_goes_on_since_it_lags(counter: Desk) -> None:
    set_up(counter)

    asked = []
    for _ in range(20):
        asked.append(list_orders(counter))
        counter.clock.pass_by(60)
        read(counter)

    assert asked == [1] * 15 + [0] * 5


def test_a_feed_that_nobody_reads_does_not_let_the_list_rest(counter: Desk) -> None:
    rest(counter)
    counter.clock.pass_by(16 * 60)
    list_orders(counter)

    assert list_orders(counter) == 1


# --- the watchdog -----------------------------------------------------------------------------


def test_a_feed_that_was_deleted_is_restored_at_the_next_reading(
    counter: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    rest(counter)
    counter.simulator.store.feed.forget()

    read(counter)

    assert counter.client.feed_config() == OURS
    assert row(counter).restored_why == "VTEX had none any more"
    assert "the feed was restored" in caplog.text
    # What happened in between only the list tells.
    assert list_orders(counter) == 1


@pytest.mark.parametrize(
    "theirs",
    [
        FeedConfig((READY, "invoiced"), HIDDEN, KEPT),
        FeedConfig(("ready-for-handlling",), HIDDEN, KEPT),
        FeedConfig((READY,), 30, KEPT),
    ],
)
def test_a_configuration_that_was_changed_is_restored_within_minutes(
    counter: Desk, theirs: FeedConfig
) -> None:
    rest(counter)
    counter.client.configure_feed(theirs)

    counter.clock.pass_by(301)
    read(counter)

    assert counter.client.feed_config() == OURS
    assert "had been changed at VTEX" in str(row(counter).restored_why)


def test_a_feed_as_it_was_set_up_is_compared_every_five_minutes_and_left_alone(
    counter: Desk,
) -> None:
    rest(counter)
    before = counter.simulator.store.calls["feed_config"]

    for _ in range(60):
        counter.clock.pass_by(10)
        read(counter)

    assert counter.simulator.store.calls["feed_config"] - before == 2
    assert row(counter).restored_at is None


def test_without_the_permission_the_list_goes_back_to_its_pace_and_the_store_on(
    counter: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    rest(counter)
    feed_rights = {one for one in counter.simulator.store.permissions if "Feed" in one}
    counter.simulator.store.permissions -= feed_rights

    read(counter)
    asked = [list_orders(counter) for _ in range(3)]

    assert "grant 'Feed v3 and Hook Admin' to the key" in str(row(counter).fault)
    assert "the feed does not work" in caplog.text
    assert counter.journal.store_pauses.get("acme") is None
    assert asked == [1, 1, 1]


def test_a_feed_that_does_not_work_is_tried_once_a_minute_and_goes_on_by_itself(
    counter: Desk,
) -> None:
    rest(counter)
    feed_rights = {one for one in counter.simulator.store.permissions if "Feed" in one}
    counter.simulator.store.permissions -= feed_rights
    read(counter)
    before = counter.simulator.store.calls["feed_config"] + counter.simulator.store.calls["feed"]
    for _ in range(12):
        counter.clock.pass_by(5)
        read(counter)
    tried = counter.simulator.store.calls["feed_config"] + counter.simulator.store.calls["feed"]

    counter.simulator.store.permissions |= feed_rights
    (order_id,) = new(counter)
    counter.clock.pass_by(61)
    read(counter)

    assert tried - before == 1
    assert row(counter).fault is None
    assert order_id in known(counter)


def test_a_feed_that_may_be_read_but_not_restored_says_so(counter: Desk) -> None:
    rest(counter)
    counter.simulator.store.permissions -= {"Feed v3 and Hook Admin"}
    counter.simulator.store.feed.forget()

    read(counter)

    assert "grant 'Feed v3 and Hook Admin'" in str(row(counter).fault)
    assert list_orders(counter) == 1


def test_a_wrong_token_pauses_the_store_as_ever(counter: Desk) -> None:
    rest(counter)
    counter.simulator.store.tokens.clear()

    assert read(counter) == "RETRY"

    assert counter.journal.store_pauses.get("acme") is not None


def test_a_feed_that_was_removed_here_is_not_restored(counter: Desk) -> None:
    rest(counter)
    counter.journal.feeds.forget("acme")
    counter.client.remove_feed()

    read(counter)

    assert counter.client.feed_config() is None
