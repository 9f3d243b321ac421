"""Send a worker's events to Flower in compressed batches, from its main loop alone.

Celery sends three events per task, one by one. That costs a sixth of a worker's CPU and most of
the traffic through Redis. If a task ends before its batch leaves, one event reports all three.
"""

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
    """Sends events from the worker's main loop only, without waiting for their arrival.

    The loop reads the connection of the events, for RabbitMQ's heartbeats. Celery's own dispatcher
    also sends from a thread of the pool, whenever 24 events have gathered. With
    ``confirm_publish`` that thread reads the connection as well. Measured: a worker of 16 threads
    stopped for good after some hundred tasks.
    """

    def __init__(self, connection: Any = None, **options: Any) -> None:
        """Make the buffer so large that only the loop empties it."""
        super().__init__(connection, **{"buffer_limit": sys.maxsize, **options})

    def enable(self) -> None:
        """Start sending, without confirmation: a loop that waits costs more than a lost event."""
        if self.connection is not None and self.connection.transport.driver_type == "amqp":
            self.connection.connection.confirm_publish = False
        super().enable()
        self.producer.compression = "zlib"

    def _publish(self, event: Any, *args: Any, **options: Any) -> None:
        batch = folded(event) if isinstance(event, list) else event
        super()._publish(batch, *args, **options)


def folded(events: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the events, with one event for each task that began and ended among them.

    Most steps are that short. The merged event carries the times of the others as fields. A
    receiver such as Celery's ``State`` copies every field of an event to its task.
    """
    tried_again = {event["uuid"] for event in events if event["type"] == "task-retried"}
    ends = {
        event["uuid"]: dict(event)
        for event in events
        if event["type"] in _ENDINGS and event["uuid"] not in tried_again
    }
    kept = []
    for event in events:
        end = ends.get(event.get("uuid", ""))
        if end is None:
            kept.append(event)
        elif event["type"] in _BEGINNINGS:
            end |= event | {_BEGINNINGS[event["type"]]: event["timestamp"]} | end
        elif event["type"] in _ENDINGS:
            kept.append(end)
    return kept


class Events(CeleryEvents):  # type: ignore[misc]  # Celery ships no types
    """Celery's events with our dispatcher."""

    dispatcher_cls = "workers.monitoring.celery_events:Dispatcher"


class GatheredEvents(bootsteps.StartStopStep):  # type: ignore[misc]  # Celery ships no types
    """Makes the loop send the gathered events twice a second."""

    requires = (events.Events,)

    def __init__(self, consumer: Any, **more: Any) -> None:
        """Join the start and stop of a consumer."""
        self._timer: Any = None
        super().__init__(consumer, **more)

    def start(self, consumer: Any) -> None:
        """Begin, also after each lost connection."""
        dispatcher = consumer.event_dispatcher
        if dispatcher is None or not dispatcher.buffer_group:
            return
        # Celery would flush on each turn of the loop.
        dispatcher.on_send_buffered = None
        self._timer = consumer.timer.call_repeatedly(GATHERED_SECONDS, dispatcher.flush)

    def stop(self, consumer: Any) -> None:
        """Send the gathered events."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
            consumer.event_dispatcher.flush()
