"""What a worker tells Flower, sent by one thread alone."""

from __future__ import annotations

import sys
from typing import Any

from celery.app.events import Events as CeleryEvents
from celery.events import EventDispatcher


class Dispatcher(EventDispatcher):  # type: ignore[misc]  # Celery ships no types
    """Events leave in the worker's main loop only, and nobody waits for their arrival.

    The loop reads the connection of the events, for RabbitMQ's heartbeats. Celery's own dispatcher
    also sends from a pool's thread, whenever 24 events have gathered, and with ``confirm_publish``
    that thread reads the connection as well: measured, a worker of 16 threads stood still for good
    after some hundred tasks.
    """

    def __init__(self, connection: Any = None, **options: Any) -> None:
        """Let nothing but the loop empty the buffer, which it does within a second."""
        super().__init__(connection, **{"buffer_limit": sys.maxsize, **options})

    def enable(self) -> None:
        """Start sending; a lost event costs nothing, a loop that waits costs much."""
        if self.connection is not None and self.connection.transport.driver_type == "amqp":
            self.connection.connection.confirm_publish = False
        super().enable()


class Events(CeleryEvents):  # type: ignore[misc]  # Celery ships no types
    """Celery's events with our dispatcher."""

    dispatcher_cls = "workers.events:Dispatcher"
