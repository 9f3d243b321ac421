"""What a worker tells Flower: gathered for a moment, and sent compressed.

Three events a task, each sent by itself, are a sixth of a worker's CPU and most of what goes
through Redis.
"""

from __future__ import annotations

from typing import Any

from celery import bootsteps
from celery.worker.consumer.events import Events

GATHERED_SECONDS = 0.5
MOST_EVENTS = 500


class GatheredEvents(bootsteps.StartStopStep):  # type: ignore[misc]  # Celery ships no types
    """Lets a worker's events wait for each other."""

    requires = (Events,)

    def __init__(self, consumer: Any, **more: Any) -> None:
        """Take part in a consumer's life."""
        self._timer: Any = None
        super().__init__(consumer, **more)

    def start(self, consumer: Any) -> None:
        """Begin, or begin again after a lost connection."""
        dispatcher = consumer.event_dispatcher
        if dispatcher is None or not dispatcher.buffer_group:
            return
        dispatcher.buffer_limit = MOST_EVENTS
        dispatcher.on_send_buffered = None
        # Flower may turn the events off, and on again: with another producer.
        dispatcher.on_enabled.add(lambda: _compress(dispatcher))
        if dispatcher.enabled:
            _compress(dispatcher)
        self._timer = consumer.timer.call_repeatedly(GATHERED_SECONDS, dispatcher.flush)

    def stop(self, consumer: Any) -> None:
        """Send what was gathered."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
            consumer.event_dispatcher.flush()


def _compress(dispatcher: Any) -> None:
    dispatcher.producer.compression = "zlib"
