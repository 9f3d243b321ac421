"""Events leave a worker through its main loop alone."""

from __future__ import annotations

from kombu import Connection

from workers.app import app


class Heard:
    """A producer that keeps what it is given."""

    def __init__(self) -> None:
        self.events: list[object] = []

    def publish(self, event: object, **_: object) -> None:
        self.events.append(event)


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
    assert [one["uuid"] for one in batch] == [str(number) for number in range(500)]
