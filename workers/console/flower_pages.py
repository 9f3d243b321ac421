"""Add the cluster's metrics and the health of Flower to the pages that Flower serves."""

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
    """Make Flower serve the pages at its own port.

    ``/metrics`` requires the password, as every page that shows names does: Flower leaves its own
    ``/metrics`` open. ``/livez`` and ``/readyz`` name only the servers that do not answer.
    """
    registry = CollectorRegistry()
    add_cluster(settings, registry)
    of = health.of(settings, app, journal=True)
    # Tornado takes the first match: these stand before Flower's own /metrics.
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
        # In a thread: a journal that does not answer must not block Flower's loop.
        cluster = await asyncio.to_thread(generate_latest, self._registry)
        self.set_header("Content-Type", CONTENT_TYPE_PLAIN_0_0_4)
        self.write(own + cluster)


class _OfHealth(BaseHandler):  # type: ignore[misc]
    def initialize(self, of: Health) -> None:
        self._health = of

    def respond(self, is_good: bool, body: dict[str, Any]) -> None:
        self.set_status(200 if is_good else 503)
        self.write(body)


class _Livez(_OfHealth):
    def get(self) -> None:
        # The answer itself shows that the loop turns.
        self.respond(True, {"alive": True})


class _Readyz(_OfHealth):
    async def get(self) -> None:
        self.respond(*await asyncio.to_thread(self._health.ready))
