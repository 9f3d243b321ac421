"""What part of a quota the workers use, and how often VTEX has to say 429: a table.

``python bench/quota.py --quota 60 600 6000 --stores 1 --seconds 90``

Real workers and beat, Redis, PostgreSQL, and a simulated store in a process of its own for each
store, which enforces the quota over every 60 seconds. The backlog is longer than the run, so all
of the quota is wanted all of the time. ``used`` is what was answered of what was allowed, in the
worst store; ``429`` counts all stores from the start of the workers. ``--halve announced`` restarts
the workers one by one with half the quota and lets the store follow; ``--halve unannounced`` halves
the store's alone. ``attempts`` are claims an order that was done: 1 is no churn.

``--calls-only`` leaves out orders, tasks and HTTP: processes of 64 threads spend the rate limit and
do nothing else, and what the store would have refused is counted from when they did. So a quota can
be measured that is more than this machine could work off, such as ten stores of 6,000.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import signal
import tempfile
import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import redis
import requests
from cluster import Surroundings, surroundings, wait_until_ready
from sqlalchemy import NullPool, create_engine, make_url, text

from journal.journal import Journal
from journal.orders import NewOrder
from support.servers import (  # cluster.py says where it is
    Cluster,
    RedisServer,
    eventually,
    free_port,
)
from vtex.errors import RateLimitReached
from vtex.transport.rate_limit import Priority
from workers.configuration.settings import load
from workers.configuration.stores import Store
from workers.rate_limiter import StoreRateLimiter, connect
from workers.wiring import rate_limiters

SETTLING_SECONDS = 15


class Stores:
    """Simulated stores of one quota, and the file that describes them to the workers."""

    def __init__(self, cluster: Cluster, count: int, quota: int, share: int) -> None:
        self.cluster, self.quota, self.share = cluster, quota, share
        self.urls = {f"store{n}": f"http://127.0.0.1:{free_port()}" for n in range(count)}
        self.file = cluster.folder / "stores.toml"
        for name in [entry for entry in cluster.env if entry.startswith("VTEX_")]:
            if name != "VTEX_READ_TIMEOUT_SECONDS":
                del cluster.env[name]
        cluster.env |= {"STORES_FILE": str(self.file), "VTEX_READ_TIMEOUT_SECONDS": "20"}
        self.describe(quota)

    def describe(self, quota: int) -> None:
        self.file.write_text(
            "".join(
                f'[stores.{name}]\napp_key = "vtexappkey-acme-SIMULA"\n'
                f'app_token = "simulated-token"\nbase_url = "{url}"\npayments_url = "{url}"\n'
                f"quota_per_minute = {quota}\nquota_share_percent = {self.share}\n"
                for name, url in self.urls.items()
            )
        )

    def start(self, orders: int, latency_ms: float) -> None:
        for name, url in self.urls.items():
            self.cluster.start(
                name, "vtex.simulator", "--account", name, "--port", url.rsplit(":", 1)[1],
                "--orders", str(orders), "--index-lag", "0", "--latency-ms", str(latency_ms),
                "--quota", str(self.quota),
            )  # fmt: skip
        wait_until_ready(self.cluster, list(self.urls), "ready on")

    def record(self, journal: Journal) -> None:
        """Let the journal know all orders, without spending calls on it."""
        for name, url in self.urls.items():
            ids = list(requests.get(f"{url}/_simulator/state", timeout=60).json()["orders"])
            for start in range(0, len(ids), 100):
                listed = [NewOrder(order_id, None, None) for order_id in ids[start : start + 100]]
                journal.orders.record(name, listed)

    def calls(self) -> dict[str, dict[str, int]]:
        return {
            name: requests.get(f"{url}/_simulator/calls", timeout=20).json()
            for name, url in self.urls.items()
        }

    def refused(self) -> int:
        return sum(value["refused"] for value in self.calls().values())

    def enforce(self, quota: int) -> None:
        for url in self.urls.values():
            requests.post(
                f"{url}/_simulator/settings", json={"quota": quota}, timeout=20
            ).raise_for_status()


def measure(arguments: argparse.Namespace, quota: int, stores_count: int) -> None:
    with surroundings(arguments.database) as around:
        cluster = around.cluster
        stores = Stores(cluster, stores_count, quota, arguments.share)
        seconds = SETTLING_SECONDS * 3 + arguments.seconds * (1 if arguments.halve == "no" else 3)
        stores.start(int(quota / 4 * seconds / 60) + 50, arguments.latency_ms)
        journal = Journal(cluster.env["JOURNAL_URL"])
        stores.record(journal)
        around.start(arguments.workers)
        names = [f"w{n}" for n in range(arguments.workers)]
        eventually(lambda: all(value["answered"] for value in stores.calls().values()), 120)
        time.sleep(SETTLING_SECONDS)
        show(arguments, stores, quota, "", costs(around))
        if arguments.halve != "no":
            halve(arguments, cluster, stores, names)
            words = f"halved, {arguments.halve}"
            show(arguments, stores, quota // 2, words, costs(around))
        journal.close()


def halve(
    arguments: argparse.Namespace, cluster: Cluster, stores: Stores, workers: list[str]
) -> None:
    half = stores.quota // 2
    if arguments.halve == "unannounced":
        stores.enforce(half)
        # Two answers of 429, a minute's pause after each, and the way back.
        time.sleep(arguments.recovery)
        return
    stores.describe(half)
    for name in workers:
        cluster.processes[name].kill(signal.SIGTERM)
        cluster.processes[name].start()
    shared = rate_limiters(load(cluster.env))
    allowed = half * arguments.share // 100
    eventually(lambda: all(value.standing().used <= allowed for value in shared.values()), 120)
    time.sleep(5)
    stores.enforce(half)
    time.sleep(30)


def costs(around: Surroundings) -> Any:
    url = make_url(around.cluster.env["JOURNAL_URL"])
    driver = {"postgresql": "postgresql+psycopg"}.get(url.drivername, url.drivername)
    engine = create_engine(url.set(drivername=driver), poolclass=NullPool)
    query = "select count(*), sum(attempt) from journal_jobs where state = 'done'"

    def read() -> dict[str, float]:
        with engine.connect() as db:
            done, attempts = db.execute(text(query)).one()
        with redis.Redis.from_url(around.broker.url) as connection:
            commands = connection.info("stats")["total_commands_processed"]
        return {
            "done": done,
            "attempts": attempts or 0,
            "commands": commands,
            "transactions": around.databases.transactions() or 0,
        }

    return read


def show(arguments: argparse.Namespace, stores: Stores, quota: int, words: str, read: Any) -> None:
    before, began, cost = stores.calls(), time.monotonic(), read()
    time.sleep(arguments.seconds)
    after, seconds = stores.calls(), time.monotonic() - began
    time.sleep(1)  # PostgreSQL tells of its transactions with a delay of up to a second.
    now = read()
    allowed = quota * arguments.share / 100 * seconds / 60
    used = [(after[url]["answered"] - before[url]["answered"]) / allowed for url in stores.urls]
    done = max(1, now["done"] - cost["done"])
    load_average = os.getloadavg()[0]
    print(
        f"| {quota} | {len(used)} | {arguments.share} % | {words} | {min(used):.1%} | "
        f"{max(used):.1%} | {stores.refused()} | "
        f"{(now['attempts'] - cost['attempts']) / done:.2f} | "
        f"{(now['transactions'] - cost['transactions']) / done:.1f} | "
        f"{(now['commands'] - cost['commands']) / done:.1f} | {load_average:.1f} |",
        flush=True,
    )


# --- calls alone ----------------------------------------------------------------------------------


def spender(url: str, stores: list[Store], until: float, told: Any) -> None:
    connection = connect(url)
    names = [store.name for store in stores]
    stamps: dict[str, list[float]] = {name: [] for name in names}
    shared = {store.name: StoreRateLimiter(store, connection) for store in stores}

    def spend(name: str) -> None:
        while time.monotonic() < until:
            try:
                shared[name].acquire("order", Priority.ORDERS)
            except RateLimitReached as refused:
                time.sleep(refused.seconds / 2)
            else:
                stamps[name].append(time.monotonic())

    with ThreadPoolExecutor(64) as pool:
        for place in range(64):
            pool.submit(spend, names[place % len(names)])
    told.put(stamps)


def refused_of(stamps: list[float], quota: int) -> int:
    """Count what a store would refuse that looks at the last 60 seconds."""
    recent: deque[float] = deque()
    refused = 0
    for moment in stamps:
        while recent and recent[0] <= moment - 60:
            recent.popleft()
        if len(recent) >= quota:
            refused += 1
        else:
            recent.append(moment)
    return refused


def measure_calls(arguments: argparse.Namespace, quota: int, count: int) -> None:
    folder = Path(tempfile.mkdtemp(prefix="quota"))
    broker = RedisServer(folder)
    broker.start()
    names = [f"store{n}" for n in range(count)]
    stores = [
        Store(name, quota_per_minute=quota, quota_share_percent=arguments.share) for name in names
    ]
    told: Any = multiprocessing.Queue()
    began = time.monotonic()
    until = began + SETTLING_SECONDS + arguments.seconds
    children = [
        multiprocessing.Process(target=spender, args=(broker.url, stores, until, told))
        for _ in range(arguments.workers)
    ]
    for child in children:
        child.start()
    parts = [told.get() for _ in children]
    with redis.Redis.from_url(broker.url) as connection:
        commands = connection.info("stats")["total_commands_processed"]
    broker.stop()
    whole = {name: sorted(stamp for part in parts for stamp in part[name]) for name in names}
    start = began + SETTLING_SECONDS
    allowed = stores[0].allowed_per_minute * arguments.seconds / 60
    used = [sum(start <= value < until for value in whole[name]) / allowed for name in names]
    refused = sum(refused_of(whole[name], quota) for name in names)
    an_order = commands / sum(len(value) for value in whole.values()) * 4
    load_average = os.getloadavg()[0]
    print(
        f"| {quota} | {count} | {arguments.share} % | calls only | {min(used):.1%} | "
        f"{max(used):.1%} | {refused} | | | {an_order:.1f} | {load_average:.1f} |",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quota", type=int, nargs="+", default=[60, 600, 3000, 6000])
    parser.add_argument("--stores", type=int, nargs="+", default=[1])
    parser.add_argument("--share", type=int, default=100, help="percent of the quota; 100 is hard")
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=90)
    parser.add_argument("--recovery", type=float, default=240)
    parser.add_argument("--latency-ms", type=float, default=40)
    parser.add_argument("--halve", choices=["no", "announced", "unannounced"], default="no")
    parser.add_argument("--calls-only", action="store_true", help="no orders, tasks and HTTP")
    parser.add_argument("--database", choices=["sqlite", "postgresql"], default="postgresql")
    arguments = parser.parse_args()
    print(
        "| quota | stores | share | | used, worst store | best | 429 | attempts | transactions "
        "an order | Redis commands an order | load |\n" + "| --- " * 11 + "|",
        flush=True,
    )
    for count in arguments.stores:
        for quota in arguments.quota:
            (measure_calls if arguments.calls_only else measure)(arguments, quota, count)


if __name__ == "__main__":
    main()
