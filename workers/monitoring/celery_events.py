"""What a worker tells Flower: gathered for a moment, sent by one thread alone, and compressed.

Three events a task, each sent by itself, are a sixth of a worker's CPU and most of what goes
through Redis. A task that is over by then has one that tells all three.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

from celery import bootsteps
from celery.app.events import Events as CeleryEvents
from celery.events import EventDispatcher
from celery.worker.consumer import events

GATHERED_SECONDS = 0.5

_BEGINNINGS = {"task-received": "received", "task-started": "started"}
_ENDINGS = ("task-succeeded", "task-failed")


class Dispatcher(EventDispatcher):  # type: ignore[misc]  # Celery ships no types
    """Events leave in the worker's main loop only, and nobody waits for their arrival.

    The loop reads the connection of the events, for RabbitMQ's heartbeats. Celery's own dispatcher
    also sends from a pool's thread, whenever 24 events have gathered, and with ``confirm_publish``
    that thread reads the connection as well: measured, a worker of 16 threads stood still for good
    after some hundred tasks.
    """

    def __init__(self, connection: Any = None, **options: Any) -> None:
        """Let nothing but the loop empty the buffer."""
        super().__init__(connection, **{"buffer_limit": sys.maxsize, **options})

    def enable(self) -> None:
        """Start sending; a lost event costs nothing, a loop that waits costs much."""
        if self.connection is not None and self.connection.transport.driver_type == "amqp":
            self.connection.connection.confirm_publish = False
        super().enable()
        self.producer.compression = "zlib"

    def _publish(self, event: Any, *args: Any, **options: Any) -> None:
        batch = folded(event) if isinstance(event, list) else event
        super()._publish(batch, *args, **options)


def folded(events: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return events in which a task that began and ended among them has one, which tells all.

    Most steps are that short. Whoever gathers events the way Celery does takes each field of an
    event for one of its task, the time of another event too.
    """
    tried_again = {one["uuid"] for one in events if one["type"] == "task-retried"}
    ends = {
        one["uuid"]: dict(one)
        for one in events
        if one["type"] in _ENDINGS and one["uuid"] not in tried_again
    }
    kept = []
    for one in events:
        end = ends.get(one.get("uuid", ""))
        if end is None:
            kept.append(one)
        elif one["type"] in _BEGINNINGS:
            end |= one | {_BEGINNINGS[one["type"]]: one["timestamp"]} | end
        elif one["type"] in _ENDINGS:
            kept.append(end)
    return kept


class Events(CeleryEvents):  # type: ignore[misc]  # Celery ships no types
    """Celery's events with our dispatcher."""

    dispatcher_cls = "workers.monitoring.celery_events:Dispatcher"


class GatheredEvents(bootsteps.StartStopStep):  # type: ignore[misc]  # Celery ships no types
    """Has the loop send what a worker's events have gathered, twice a second."""

    requires = (events.Events,)

    def __init__(self, consumer: Any, **more: Any) -> None:
        """Take part in a consumer's life."""
        self._timer: Any = None
        super().__init__(consumer, **more)

    def start(self, consumer: Any) -> None:
        """Begin, or begin again after a lost connection."""
        dispatcher = consumer.event_dispatcher
        if dispatcher is None or not dispatcher.buffer_group:
            return
        # Celery's own way is each time that the loop comes by.
        dispatcher.on_send_buffered = None
        self._timer = consumer.timer.call_repeatedly(GATHERED_SECONDS, dispatcher.flush)

    def stop(self, consumer: Any) -> None:
        """Send what was gathered."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
            consumer.event_dispatcher.flush()
