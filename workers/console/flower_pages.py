"""What Flower serves besides its own: the cluster's metrics, and whether it is alive and ready."""

from __future__ import annotations

import asyncio
from typing import Any

from flower.urls import handlers
from flower.views import BaseHandler
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from tornado.web import authenticated, url

from workers.app import app
from workers.configuration.settings import Settings
from workers.monitoring import health
from workers.monitoring.cluster_metrics import add_cluster
from workers.monitoring.health import Health


def add(settings: Settings) -> None:
    """Let Flower serve them at its own port.

    ``/metrics`` asks for the password, as all that shows names does: Flower itself leaves it open
    to everybody. ``/livez`` and ``/readyz`` name no more than what does not answer.
    """
    registry = CollectorRegistry()
    add_cluster(settings, registry)
    of = health.of(settings, app, journal=True)
    # The first that fits is taken: before Flower's own of that name.
    handlers[:0] = [
        url(r"/metrics", _Metrics, {"registry": registry}),
        url(r"/livez", _Livez, {"of": of}),
        url(r"/readyz", _Readyz, {"of": of}),
    ]


class _Metrics(BaseHandler):  # type: ignore[misc]  # Flower ships no types
    def initialize(self, registry: CollectorRegistry) -> None:
        self._registry = registry

    @authenticated
    async def get(self) -> None:
        self.application.purge_offline_worker_metrics()
        own = generate_latest()
        # Beside Flower's loop: a journal that does not answer must not hold it.
        cluster = await asyncio.to_thread(generate_latest, self._registry)
        self.set_header("Content-Type", CONTENT_TYPE_PLAIN_0_0_4)
        self.write(own + cluster)


class _OfHealth(BaseHandler):  # type: ignore[misc]
    def initialize(self, of: Health) -> None:
        self._health = of

    def tell(self, good: bool, found: dict[str, Any]) -> None:
        self.set_status(200 if good else 503)
        self.write(found)


class _Livez(_OfHealth):
    def get(self) -> None:
        # That it answers shows that its loop turns.
        self.tell(True, {"alive": True})


class _Readyz(_OfHealth):
    async def get(self) -> None:
        self.tell(*await asyncio.to_thread(self._health.ready))
