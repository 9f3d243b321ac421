"""Run ``vtex-erp metrics``, a process that serves the cluster's metrics."""

import signal
import threading

import click

from workers import log
from workers.configuration.settings import load
from workers.configuration.urls import ports
from workers.monitoring import health, instrumentation, metrics
from workers.monitoring.cluster_metrics import add_cluster
from workers.monitoring.http_endpoints import PortsTaken, serve

DEFAULT_PORT = 9540


def serve_metrics(port: int | None, address: str | None) -> None:
    """Serve the cluster's metrics to Prometheus until Ctrl-C."""
    settings = load()
    log.set_up(settings.log_level)
    registry = metrics.registry("exporter")
    add_cluster(settings, registry)
    chosen = ports(str(port)) if port else settings.metrics_port or ports(str(DEFAULT_PORT))
    where = address or settings.metrics_address
    try:
        served = serve(where, chosen, instrumentation.pages(registry, health.of_exporter(settings)))
    except PortsTaken as error:
        raise click.ClickException(*error.args) from None
    click.echo(f"http://{where}:{served.port}/metrics, /livez and /readyz are served", err=True)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    while not stop.wait(1.0):
        health.life.turn()
    served.stop()
