"""The health pages of real processes, through what a probe is for."""

from __future__ import annotations

import json
import signal
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import requests
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from support.servers import Cluster, Process, RedisServer, eventually, free_port
from workers.monitoring.tracing import ids_of


class Probe:
    """A worker's port, as Kubernetes sees it."""

    def __init__(self) -> None:
        self.port = free_port()

    def get(self, page: str, timeout: float = 6) -> tuple[int, dict[str, Any]]:
        try:
            answer = requests.get(f"http://127.0.0.1:{self.port}/{page}", timeout=timeout)
        except requests.RequestException:
            return 0, {}
        return answer.status_code, answer.json()

    def is_alive(self) -> bool:
        return self.get("livez")[0] == 200

    def is_ready(self) -> bool:
        return self.get("readyz")[0] == 200

    def failing(self) -> dict[str, str]:
        return dict(self.get("readyz")[1].get("failing", {}))


def test_a_worker_without_its_tables_or_its_broker_is_alive_and_not_ready(
    tmp_path: Path, redis_server: RedisServer
) -> None:
    cluster = Cluster(
        tmp_path,
        f"sqlite:///{tmp_path}/journal.db",
        f"sqlite:///{tmp_path}/erp.db",
        redis_server.url,
    )
    probe = Probe()
    try:
        cluster.start_worker("w1", METRICS_PORT=str(probe.port))
        eventually(probe.is_alive, 30)
        untabled = probe.failing()
        cluster.migrate()
        eventually(probe.is_ready, 60)

        redis_server.process.kill()
        eventually(lambda: "broker" in probe.failing(), 60)
        away = probe.failing()
        assert probe.is_alive()

        redis_server.start()
        eventually(lambda: cluster.keep() or probe.is_ready(), 90)
    finally:
        cluster.stop()

    assert "vtex-erp migrate" in untabled["journal"]
    assert away["broker"].startswith("does not answer (")


def test_beats_are_ready_the_one_at_work_and_the_one_that_stands_by(cluster: Cluster) -> None:
    probes = [Probe(), Probe()]
    for number, probe in enumerate(probes):
        cluster.start(
            f"beat{number}", "celery", "-A", "workers", "beat", METRICS_PORT=str(probe.port)
        )

    def leads(probe: Probe) -> float:
        text = requests.get(f"http://127.0.0.1:{probe.port}/metrics", timeout=6).text
        (line,) = (
            line for line in text.splitlines() if line.startswith("vtex_erp_beat_is_leader ")
        )
        return float(line.split()[1])

    eventually(lambda: all(probe.is_ready() and probe.is_alive() for probe in probes), 30)
    eventually(lambda: sorted(map(leads, probes)) == [0, 1], 30)


def test_a_frozen_worker_answers_no_probe(cluster: Cluster) -> None:
    probe = Probe()
    worker = cluster.start_worker("w1", METRICS_PORT=str(probe.port))
    eventually(probe.is_ready, 60)

    worker.hang()
    frozen = probe.get("livez", timeout=1)[0]
    worker.go_on()

    assert frozen == 0
    eventually(probe.is_alive, 30)


def test_a_port_that_is_taken_is_told_and_costs_no_order(cluster: Cluster) -> None:
    probe = Probe()
    first = cluster.start_worker("w1", "-Q", "control", METRICS_PORT=str(probe.port))
    eventually(probe.is_ready, 60)
    second = cluster.start_worker("w2", "-Q", "orders", METRICS_PORT=str(probe.port))
    cluster.start_simulator(5)
    cluster.start_beat()

    eventually(lambda: cluster.all_done(5), 60)

    assert "metrics are served" in first.text()
    (line,) = (line for line in second.text().splitlines() if "are not served" in line)
    assert f"METRICS_PORT: {probe.port} at 127.0.0.1 is taken" in json.loads(line)["reason"]


# --- traces, from real workers --------------------------------------------------------------------


class Collector:
    """What takes traces by OTLP over HTTP."""

    def __init__(self) -> None:
        self.spans: list[tuple[int, str, str]] = []
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
                    pid = next(
                        (
                            attribute.value.string_value
                            for attribute in resource.resource.attributes
                            if attribute.key == "worker"
                        ),
                        "",
                    )
                    for scope in resource.scope_spans:
                        collector.spans += [
                            (int.from_bytes(span.trace_id), span.name, pid) for span in scope.spans
                        ]
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}"


@pytest.fixture
def collector() -> Iterator[Collector]:
    made = Collector()
    yield made
    made.server.shutdown()
    made.server.server_close()


def traced(cluster: Cluster, name: str, endpoint: str, *options: str) -> Process:
    return cluster.start_worker(
        name,
        *options,
        OTEL_EXPORTER_OTLP_ENDPOINT=endpoint,
        OTEL_BSP_SCHEDULE_DELAY="200",
        OTEL_RESOURCE_ATTRIBUTES=f"worker={name}",
    )


def test_the_steps_of_an_order_in_two_workers_are_one_trace(
    cluster: Cluster, collector: Collector
) -> None:
    cluster.start_simulator(4)
    first = traced(cluster, "w1", collector.url)
    # The ERP is away until the first worker has gone.
    cluster.steer("faults", kind="unavailable", route="start_handling", times=None)
    cluster.start_beat()
    (order_id, *_) = sorted(cluster.state()["orders"])
    eventually(lambda: cluster.order(order_id).get("stage") == "inserted", 60)
    first.kill(signal.SIGTERM)
    cluster.clear_faults()
    traced(cluster, "w2", collector.url)
    eventually(lambda: cluster.all_done(4), 90)

    mine, _ = ids_of("acme", order_id)

    def workers_of(step: str) -> set[str]:
        return {who for trace, name, who in collector.spans if (trace, name) == (mine, step)}

    eventually(lambda: workers_of("order") == {"w2"}, 30)
    assert workers_of("orders.fetch") == {"w1"}
    assert "w2" in workers_of("orders.start_handling")
    assert "w2" in workers_of("POST start_handling")


def test_traces_that_nobody_takes_hold_neither_an_order_nor_the_end_of_a_worker(
    cluster: Cluster,
) -> None:
    cluster.start_simulator(5)
    worker = traced(cluster, "w1", f"http://127.0.0.1:{free_port()}")
    cluster.start_beat()
    eventually(lambda: cluster.all_done(5), 60)

    worker.kill(signal.SIGTERM)

    assert "Traceback" not in worker.text()
