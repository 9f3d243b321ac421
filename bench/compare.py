"""Our workers and what one would write instead of them, side by side: one table.

``make bench``, or ``python bench/compare.py --rounds 5 --orders 1000 --page docs/benchmarks.md``

Each round lets each contestant do its orders, in turn, at a simulated store of its own, and the
table shows medians over the rounds. What is measured and how: docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import time
from collections import Counter
from contextlib import ExitStack
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import redis
from capacity import capacity
from cluster import (
    IN_SERVICE,
    Databases,
    databases,
    pids_of,
    redis_server,
    temporary_folder,
    wait_until_ready,
)
from contestants import Contestant
from meters import busy_seconds, cpu_seconds, part, pss_mb, redis_work
from tables import foot, table, written_into

from journal.journal import Journal
from support.servers import Cluster, RedisServer, eventually  # cluster.py says where it is

USUAL = (
    "ours@postgresql:1",
    "ours@postgresql:2",
    "ours@postgresql:4",
    "ours@sqlite:1",
    "ours@sqlite:2",
    "sequential@postgresql",
    "chain@postgresql:2",
    "chain@postgresql:16",
)
QUICK = ("ours@postgresql:2", "ours@sqlite:1", "sequential@postgresql", "chain@postgresql:2")
NEVER = 1e9
"""An index that lags so many seconds shows no order: so all is ready before the first one is."""

WARMING_ROUNDS = 2
"""Of all that a contestant can have in flight."""

LISTED = 3000
"""As many as VTEX's list shows at a time: 30 pages of 100."""

SETTLING_SECONDS = 1.0
SAMPLE_SECONDS = 0.2
LIBRARIES = ("celery", "sqlalchemy", "psycopg", "requests")
LAST_WRITES_SECONDS = 0.3
LIMIT_SECONDS = 120.0


class Bench:
    """Runs contestants, one after the other, on the same Redis and databases."""

    def __init__(self, folder: Path, broker: RedisServer, made: dict[str, Databases]) -> None:
        self.folder, self.broker, self.databases = folder, broker, made
        self.runs = 0

    def cluster(self, database: str) -> Cluster:
        """Return a cluster with a folder, databases and a store of its own."""
        self.runs += 1
        folder = self.folder / f"run{self.runs}"
        folder.mkdir()
        cluster = Cluster(folder, *self.databases[database].fresh(), self.broker.url)
        cluster.env |= IN_SERVICE | {"VTEX_READ_TIMEOUT_SECONDS": "20"}
        return cluster

    def run(
        self, contestant: Contestant, orders: int, options: argparse.Namespace, *, counts: bool
    ) -> dict[str, Any]:
        """Let a contestant do so many orders; return what was seen.

        Args:
            counts: count SQL statements too, which slows the databases down.
        """
        made = self.databases[contestant.database]
        cluster = self.cluster(contestant.database)
        with ExitStack() as stack:
            stack.callback(cluster.stop)
            connection = stack.enter_context(redis.Redis.from_url(self.broker.url))
            connection.flushall()
            if counts:
                cluster.env |= made.environment()
                stack.enter_context(made.counting())
            contestant.prepare(cluster)
            cluster.env["WORKER_THREADS"] = str(options.threads)
            first = contestant.in_flight(options.threads) * WARMING_ROUNDS
            cluster.start_simulator(first, "--latency-ms", str(options.latency_ms))
            before = made.all_transactions()
            run = Run(contestant, cluster, made, connection, counts=counts)
            run.warm_up(first, orders)
            found = run.measure(first, orders)
            # From the start, as a connection that rests tells only after ten seconds of what it
            # did; and of what the benchmark itself reads nothing yet, so that comes after.
            cluster.stop()
            after = made.all_transactions()
            if before is not None and after is not None:
                found["transactions"] = (after - before) / (first + orders)
            return found | run.outcome(first + orders)


class Run:
    """One contestant at work."""

    def __init__(
        self,
        contestant: Contestant,
        cluster: Cluster,
        made: Databases,
        connection: redis.Redis,
        *,
        counts: bool,
    ) -> None:
        self.contestant, self.cluster, self.made = contestant, cluster, made
        self.connection, self.counts = connection, counts
        self.redis_pid = int(connection.info("server")["process_id"])
        self.pids = contestant.start(cluster)
        self.peak_pss_mb = 0.0

    def _read(self) -> dict[str, float]:
        """Return what has been spent until now."""
        statements, transactions = self.made.counted() if self.counts else (0, 0)
        commands, traffic = redis_work(self.connection)
        return {
            "cpu_ms": 1000 * cpu_seconds(self.pids),
            "simulator_cpu_ms": 1000 * cpu_seconds(pids_of(self.cluster, "simulator")),
            "redis_cpu_ms": 1000 * cpu_seconds([self.redis_pid]),
            "database_cpu_ms": 1000 * cpu_seconds(self.made.pids),
            "vtex_calls": sum(self.cluster.state()["calls"].values()),
            "redis_commands": commands,
            "redis_kb": traffic / 1000,
            "statements": statements,
            "counted_transactions": transactions,
            "busy_ms": 1000 * busy_seconds(),
        }

    def warm_up(self, first: int, orders: int) -> None:
        """Let it do its first orders, then put the others in the store, unseen yet.

        Imports, connections and prepared statements are had once, not once an order.
        """
        self.contestant.begin(self.cluster)
        eventually(lambda: self._handled() >= first, LIMIT_SECONDS)
        self.cluster.steer("settings", index_lag=NEVER)
        self.cluster.steer("orders", count=orders)
        time.sleep(SETTLING_SECONDS)
        self.peak_pss_mb = 0.0

    def measure(self, first: int, orders: int) -> dict[str, Any]:
        """Show the orders, wait until all are handled, and tell what it cost."""
        before, began = self._read(), time.monotonic()
        self.cluster.steer("settings", index_lag=0)
        self.contestant.begin(self.cluster)
        eventually(lambda: self._handled() >= first + orders, LIMIT_SECONDS + orders)
        seconds = time.monotonic() - began
        time.sleep(LAST_WRITES_SECONDS)
        after = self._read()
        self.state, self.times = self.cluster.state(), list(self.cluster.times().items())[first:]
        spent = {name: after[name] - before[name] for name in after}
        return {
            "contestant": str(self.contestant),
            **asdict(self.contestant),
            "orders": orders,
            "counts": self.counts,
            "seconds": seconds,
            "peak_pss_mb": self.peak_pss_mb,
            **{name: value / orders for name, value in spent.items()},
            **({} if self.counts else {"statements": None, "counted_transactions": None}),
            "transactions": None,
            **_shares(spent, seconds),
            **self._pace(),
        }

    def _handled(self) -> int:
        self.peak_pss_mb = max(self.peak_pss_mb, pss_mb(self.pids))
        time.sleep(SAMPLE_SECONDS)
        wait_until_ready(self.cluster, list(self.cluster.processes), "")  # none has ended
        return self.cluster.calls()["handled"]

    def _pace(self) -> dict[str, float]:
        moments = [value for _, value in self.times]
        seconds = max(handled for _, handled in moments) - min(listed for listed, _ in moments)
        return {"orders_per_second": len(moments) / seconds} | _parts(
            "", [handled - listed for listed, handled in moments]
        )

    def outcome(self, orders: int) -> dict[str, Any]:
        """Tell whether each order, the first ones too, was done once; and the journal's times."""
        shown = self.state["orders"].values()
        effects = Counter(entry.get("start_handling_effects", 0) for entry in shown)
        there = self.cluster.erp_rows(f"select order_id from {self.contestant.erp_table}")
        found: dict[str, Any] = {
            "exact": effects == {1: orders} and len(there) == len(set(there)) == orders,
            "repeated_calls": sum(entry.get("start_handling_calls", 0) - 1 for entry in shown),
        }
        if self.contestant.is_ours:
            journal = Journal(self.cluster.env["JOURNAL_URL"])
            rows = {row.order_id: row for row in journal.orders.find(limit=1_000_000)}
            journal.close()
            mine = [rows[order_id] for order_id, _ in self.times]
            waits = [(row.updated_at - row.listed_at).total_seconds() for row in mine]
            found |= _parts("journal_", waits)
        return found


def _shares(spent: dict[str, float], seconds: float) -> dict[str, float]:
    """Tell how busy the simulator was, the machine with the run, and with all else."""
    used = sum(value for name, value in spent.items() if name.endswith("cpu_ms")) / 1000
    others = spent["busy_ms"] / 1000 - used
    return {
        "simulator_share": spent["simulator_cpu_ms"] / 1000 / seconds,
        "machine_share": used / seconds / len(os.sched_getaffinity(0)),
        "others_share": others / (seconds + LAST_WRITES_SECONDS) / (os.cpu_count() or 1),
    }


def _parts(prefix: str, waits: list[float]) -> dict[str, float]:
    return {f"{prefix}p{percent}_seconds": part(waits, percent) for percent in (50, 95, 99)}


def benchmark(options: argparse.Namespace) -> dict[str, Any]:
    """Run all rounds; return everything that was seen."""
    contestants = options.contestants
    with ExitStack() as stack:
        folder = stack.enter_context(temporary_folder())
        broker = stack.enter_context(redis_server(folder))
        made = {
            kind: stack.enter_context(databases(kind, folder))
            for kind in dict.fromkeys(contestant.database for contestant in contestants)
        }
        harness = Bench(folder, broker, made)
        able = capacity(harness.cluster(contestants[0].database), options.capacity_seconds)
        runs = []
        # A round begins with another contestant each time: what goes before may leave traces.
        for number in range(options.rounds):
            turn = number % len(contestants)
            for entry in contestants[turn:] + contestants[:turn]:
                orders = options.orders if entry.is_ours else options.yardstick_orders
                runs.append(harness.run(entry, orders, options, counts=options.quick))
                runs[-1]["round"] = number + 1
                tell(runs[-1])
        counted = [
            harness.run(value, min(options.counted_orders, options.orders), options, counts=True)
            for value in ([] if options.quick else contestants)
        ]
        return {
            "machine": machine(broker, made),
            "capacity": asdict(able),
            "options": {
                name: value
                for name, value in vars(options).items()
                if name not in ("contestants", "json", "page")
            },
            "runs": runs,
            "counted": counted or runs,
        }


def machine(broker: RedisServer, made: dict[str, Databases]) -> dict[str, Any]:
    """Return what the figures depend on."""
    with redis.Redis.from_url(broker.url) as connection:
        server = connection.info("server")
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "when": datetime.now(UTC).strftime("%Y-%m-%d"),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gb": round(memory / 1e9, 1),
        "processor": processor(),
        "system": f"{platform.system()} {platform.release().split('-')[0]} {platform.machine()}",
        "versions": [
            f"Python {platform.python_version()}",
            *(f"{name} {version(name)}" for name in LIBRARIES),
            f"{server.get('server_name', 'redis')} {server['redis_version']}",
            *(value.version for value in made.values()),
        ],
    }


def processor() -> str:
    names = [
        line.split(":", 1)[1].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if line.startswith("model name")
    ]
    return names[0] if names else platform.machine()


def tell(run: dict[str, Any]) -> None:
    print(
        f"round {run['round']}, {run['contestant']}: {run['orders_per_second']:.1f} orders/s, "
        f"{run['cpu_ms']:.1f} ms CPU an order{'' if run['exact'] else ', NOT EXACT'}",
        file=sys.stderr,
        flush=True,
    )


def options_of(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("contestants", nargs="*", help=f"by default {' '.join(USUAL)}")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--orders", type=int, default=400, help="a round, for our workers")
    parser.add_argument("--yardstick-orders", type=int, default=60, help="for the slower ones")
    parser.add_argument("--counted-orders", type=int, default=60, help="to count statements")
    parser.add_argument("--threads", type=int, default=16, help="of each of our workers")
    parser.add_argument("--latency-ms", type=float, default=40, help="of each call of VTEX")
    parser.add_argument("--capacity-seconds", type=float, default=4)
    parser.add_argument("--json", type=Path, help="where to keep all that was seen")
    parser.add_argument("--page", type=Path, help="a page to write the table into")
    parser.add_argument("--quick", action="store_true", help="does it work? the figures say little")
    options = parser.parse_args(arguments)
    if options.quick:
        options.rounds, options.orders, options.yardstick_orders = 1, 40, 15
        options.capacity_seconds = 1
    if max(options.orders, options.yardstick_orders) > LISTED:
        parser.error(f"VTEX's list shows {LISTED} orders at most")
    try:
        names = options.contestants or (QUICK if options.quick else USUAL)
        options.contestants = [Contestant.of(name) for name in names]
        if options.page:
            written_into(options.page.read_text(), "")  # now, not after all rounds
    except ValueError as error:
        parser.error(str(error))
    return options


def main() -> int:
    options = options_of()
    found = benchmark(options)
    shown = f"{table(found)}\n\n{foot(found)}"
    print(shown)
    if options.json:
        options.json.write_text(json.dumps(found, indent=1) + "\n")
    if options.page:
        options.page.write_text(written_into(options.page.read_text(), shown))
    return 0 if all(run["exact"] for run in found["runs"] + found["counted"]) else 1


if __name__ == "__main__":
    sys.exit(main())
