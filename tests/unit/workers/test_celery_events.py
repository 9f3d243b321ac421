"""Events leave a worker through its main loop alone."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from celery.events import EventDispatcher
from celery.events.state import State
from kombu import Connection

from workers.app import app


class Heard:
    """A producer that keeps what it is given."""

    def __init__(self) -> None:
        self.events: list[object] = []

    def publish(self, event: object, **_: object) -> None:
        self.events.append(event)

    def shown(self) -> State:
        """What Flower has made of it."""
        state = State()
        for batch in self.events:
            assert isinstance(batch, list)
            for row in batch:
                state.event(row | {"local_received": row["timestamp"]})
        return state


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
def dispatcher(heard: Heard) -> Iterator[EventDispatcher]:
    with Connection("memory://") as connection:
        made = app.events.Dispatcher(connection, buffer_group=["task"])
        made.producer = heard
        yield made


def begin(dispatcher: EventDispatcher, number: str) -> None:
    dispatcher.send(
        "task-received",
        uuid=number,
        name="orders.fetch",
        args="()",
        kwargs="{'order_id': 'o-1'}",
        root_id="root",
        parent_id="root",
        retries=0,
        eta=None,
        expires=None,
    )
    dispatcher.send("task-started", uuid=number)


@pytest.mark.parametrize(
    ("ending", "more"),
    [
        ("succeeded", {"result": "None", "runtime": 0.1}),
        ("failed", {"exception": "E('x')", "traceback": ""}),
    ],
)
def test_a_task_that_begins_and_ends_between_two_flushes_is_one_event_that_tells_all(
    dispatcher: EventDispatcher, heard: Heard, ending: str, more: dict[str, object]
) -> None:
    begin(dispatcher, "1")
    dispatcher.send(f"task-{ending}", uuid="1", **more)

    dispatcher.flush()

    (batch,) = heard.events
    assert isinstance(batch, list)
    assert [row["type"] for row in batch] == [f"task-{ending}"]
    task = heard.shown().tasks["1"]
    assert (task.name, task.kwargs, task.parent_id) == (
        "orders.fetch",
        "{'order_id': 'o-1'}",
        "root",
    )
    assert task.state == {"succeeded": "SUCCESS", "failed": "FAILURE"}[ending]
    assert task.received <= task.started <= task.timestamp
    assert {name: getattr(task, name) for name in more} == more


def test_a_task_that_takes_longer_is_shown_while_it_runs(
    dispatcher: EventDispatcher, heard: Heard
) -> None:
    begin(dispatcher, "1")

    dispatcher.flush()

    assert heard.shown().tasks["1"].state == "STARTED"
    dispatcher.send("task-succeeded", uuid="1", result="None", runtime=2.0)
    dispatcher.flush()
    task = heard.shown().tasks["1"]
    assert (task.state, task.name, task.runtime) == ("SUCCESS", "orders.fetch", 2.0)


def test_a_task_that_is_tried_again_is_told_in_full(
    dispatcher: EventDispatcher, heard: Heard
) -> None:
    begin(dispatcher, "1")
    dispatcher.send("task-retried", uuid="1", exception="Retry()", traceback="")
    begin(dispatcher, "1")
    dispatcher.send("task-succeeded", uuid="1", result="None", runtime=0.1)
    begin(dispatcher, "2")
    dispatcher.send("task-succeeded", uuid="2", result="None", runtime=0.1)

    dispatcher.flush()

    (batch,) = heard.events
    assert isinstance(batch, list)
    assert [row["type"] for row in batch if row["uuid"] == "1"] == [
        "task-received",
        "task-started",
        "task-retried",
        "task-received",
        "task-started",
        "task-succeeded",
    ]
    assert [row["type"] for row in batch if row["uuid"] == "2"] == ["task-succeeded"]


def test_however_many_events_gather_nobody_but_the_loop_sends_them() -> None:
    asked_to_send: list[bool] = []
    with Connection("memory://") as connection:
        dispatcher = app.events.Dispatcher(
            connection, buffer_group=["task"], on_send_buffered=lambda: asked_to_send.append(True)
        )
        dispatcher.producer = heard = Heard()

        for number in range(500):
            dispatcher.send("task-started", uuid=str(number))
        before = list(heard.events)
        dispatcher.flush()

    assert (before, len(asked_to_send)) == ([], 500)
    (batch,) = heard.events
    assert isinstance(batch, list)
    assert [row["uuid"] for row in batch] == [str(number) for number in range(500)]
