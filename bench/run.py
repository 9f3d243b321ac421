"""What one order costs: the whole pipeline over N orders, printed as one line a run.

``python bench/run.py --orders 1000 --workers 2 --database postgresql``

Real workers and beat, Redis and the simulated store in processes of their own. CPU is user and
system time of the workers and beat alone, read from the kernel, and the database's apart; Redis
commands and traffic are Redis's own counters; transactions are PostgreSQL's own (``xact_commit``),
ERP and journal together; latency is from the journal's timeline, from listed to handling.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from typing import Any

import redis
from cluster import Databases, Surroundings, surroundings
from meters import cpu_seconds, part, pss_mb, redis_work

from journal.journal import Journal
from support.servers import Cluster  # cluster.py says where it is
from workers.app import app


def measure(arguments: argparse.Namespace) -> list[dict[str, Any]]:
    with surroundings(arguments.database, WORKER_THREADS=str(arguments.threads)) as around:
        return _run(around, arguments)


class Meter:
    """Counts what a phase costs: CPU of our processes, calls, commands, bytes, transactions."""

    def __init__(
        self, cluster: Cluster, broker: redis.Redis, databases: Databases, ours: list[int]
    ) -> None:
        self.cluster, self.broker, self.databases, self.ours = cluster, broker, databases, ours
        self.peak_pss_mb = 0.0
        self.began = time.monotonic()
        self.before = self._read()

    def _read(self) -> dict[str, float]:
        commands, traffic = redis_work(self.broker)
        return {
            "cpu": cpu_seconds(self.ours),
            "calls": sum(self.cluster.state()["calls"].values()),
            "commands": commands,
            "bytes": traffic,
            "transactions": self.databases.transactions() or 0,
            "database_cpu": cpu_seconds(self.databases.pids),
        }

    def wait(self, holds: Callable[[], bool]) -> None:
        while not holds():
            self.peak_pss_mb = max(self.peak_pss_mb, pss_mb(self.ours))
            time.sleep(0.25)

    def read(self, what: str, count: int) -> dict[str, Any]:
        seconds = time.monotonic() - self.began
        # PostgreSQL tells of its transactions with a delay of up to a second.
        time.sleep(1)
        now = self._read()
        cost = {name: (now[name] - self.before[name]) / count for name in now}
        return {
            "what": what,
            "count": count,
            "per_second": round(count / seconds, 1),
            "cpu_ms": round(1000 * cost["cpu"], 2),
            "vtex_calls": round(cost["calls"], 3),
            "redis_commands": round(cost["commands"], 1),
            "redis_kb": round(cost["bytes"] / 1000, 2),
            "transactions": round(cost["transactions"], 2) or None,
            "database_cpu_ms": round(1000 * cost["database_cpu"], 2) or None,
            "peak_pss_mb": round(self.peak_pss_mb),
        }


def _run(around: Surroundings, arguments: argparse.Namespace) -> list[dict[str, Any]]:
    cluster, count = around.cluster, arguments.orders
    cluster.start_simulator(count, "--latency-ms", str(arguments.latency_ms))
    ours = around.start(arguments.workers)
    with (
        redis.Redis.from_url(around.broker.url) as connection,
        app.connection_for_write(around.broker.url) as link,
    ):
        meter = Meter(cluster, connection, around.databases, ours)
        # Beat's first listing comes a whole period late: it is asked for by hand.
        app.send_task("orders.list", kwargs={"store": "acme"}, queue="control", connection=link)
        meter.wait(lambda: cluster.calls()["handled"] >= count)
        found = [meter.read("orders", count) | _latency(cluster.env["JOURNAL_URL"])]
        if arguments.invoices:
            found.append(_invoices(cluster, meter, link))
    return found


def _invoices(cluster: Cluster, meter: Meter, link: Any) -> dict[str, Any]:
    journal = Journal(cluster.env["JOURNAL_URL"])
    rows = [order for order in journal.orders.find(limit=1_000_000) if order.value_cents]
    meter = Meter(cluster, meter.broker, meter.databases, meter.ours)
    for place, row in enumerate(rows):
        fields = {
            "store": row.store,
            "order_id": row.order_id,
            "invoice_number": str(place + 1),
            "value_cents": row.value_cents,
            "issued_at": "2026-03-10T15:04:05-03:00",
        }
        app.send_task("invoices.send", kwargs=fields, queue="invoices", connection=link)
    meter.wait(lambda: journal.requests.counts().get("invoice") == {"done": len(rows)})
    journal.close()
    return meter.read("invoices", len(rows))


def _latency(journal_url: str) -> dict[str, float]:
    journal = Journal(journal_url)
    try:
        rows = journal.orders.find(limit=1_000_000)
    finally:
        journal.close()
    waits = [(row.updated_at - row.listed_at).total_seconds() for row in rows]
    return {f"p{percent}_seconds": round(part(waits, percent), 2) for percent in (50, 95, 99)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--orders", type=int, default=1000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--threads", type=int, default=16)
    parser.add_argument("--latency-ms", type=float, default=40)
    parser.add_argument("--database", choices=["sqlite", "postgresql"], default="postgresql")
    parser.add_argument("--invoices", action="store_true", help="one invoice an order, after")
    arguments = parser.parse_args()
    for row in measure(arguments):
        print(json.dumps({"database": arguments.database, "workers": arguments.workers} | row))


if __name__ == "__main__":
    main()
