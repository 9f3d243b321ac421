"""What a backlog costs while the ERP is down, and how it drains: printed as tables.

``python bench/backlog.py --orders 50000 --minutes 3``

Real workers and beat, Redis, PostgreSQL for journal and ERP, and the simulated store. Orders with
the simulator's documents are put in the journal at ``paid``, in growing numbers, while the ERP's
database takes no connections. PSS is the kernel's, Redis's memory its own ``used_memory``, a try
is a line "retried later" in an order's timeline. Then the ERP returns.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from statistics import mean
from typing import Any

import redis
from cluster import surroundings
from meters import pss_mb
from sqlalchemy import Engine, create_engine, make_url, text

from journal.journal import Journal
from journal.model import AT_ERP, Kind
from journal.storage.rows import compress, job_row
from journal.storage.tables import documents, jobs, orders
from vtex import schemas
from vtex.client import VtexClient
from vtex.simulator.config import Config
from vtex.simulator.server import Running, running
from vtex.transport.transport import Account, Transport

DISTINCT = 500
"""Documents that differ; the others are these under an id and a date of their own."""

BATCH = 1000
SAMPLE_SECONDS = 2.0


@dataclass
class Stock:
    """Orders to put in the journal, the oldest first."""

    store: Running
    engine: Engine
    originals: list[tuple[dict[str, Any], bytes | None]] = field(default_factory=list)
    count: int = 0

    def fetch(self) -> None:
        """Read the documents as a worker does."""
        account = Account(
            "acme", self.store.app_key, self.store.app_token, self.store.url, self.store.url
        )
        client = VtexClient(Transport(account))
        for order_id in self.store.store.generate(DISTINCT):
            order = client.order(order_id)
            ids = schemas.read_order(order).gateway_transaction_ids
            payment = {"transactions": [client.transaction(order_id) for order_id in ids]}
            self.originals.append((order, compress(payment)))

    def grow(self, count: int) -> None:
        """Let so many orders wait for their insertion."""
        while self.count < count:
            many = min(BATCH, count - self.count)
            rows = [self._rows(self.count + n) for n in range(many)]
            with self.engine.begin() as db:
                for place, table in enumerate((orders, documents, jobs)):
                    db.execute(table.insert(), [row[place] for row in rows])
            self.count += many

    def _rows(self, number: int) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
        original, payment = self.originals[number % len(self.originals)]
        now = datetime.now(UTC)
        placed = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=number)
        order_id = f"b{number:07}-01"
        order = original | {"orderId": order_id, "creationDate": placed.isoformat()}
        self.store.store.put(dict(order), {})
        key = {"store": "acme", "order_id": order_id}
        return (
            key | {"value_cents": order["value"], "created_at": placed, "listed_at": now},
            key
            | {"order_document": compress(order), "payment_document": payment, "stored_at": now},
            job_row("acme", order_id, Kind.INTAKE, "", now) | {"stage": AT_ERP, "due_at": placed},
        )


@dataclass
class Watch:
    """Reads memory while something goes on."""

    names: dict[str, int]
    broker: redis.Redis
    seen: dict[str, list[float]] = field(default_factory=dict)

    def during(self, holds: Callable[[], bool]) -> dict[str, list[float]]:
        """Read until it holds."""
        self.seen = {}
        while not holds():
            self._read()
            time.sleep(SAMPLE_SECONDS)
        return self.seen

    def _read(self) -> None:
        for name, pid in self.names.items():
            self.seen.setdefault(f"{name} PSS MB", []).append(pss_mb([pid]))
        used = self.broker.info("memory")["used_memory"] / 1e6
        self.seen.setdefault("Redis used MB", []).append(used)
        self.seen.setdefault("messages", []).append(float(self.broker.llen("orders")))


class Erp:
    """The ERP's database, which can take no connections for a while."""

    def __init__(self, url: str) -> None:
        parsed = make_url(url).set(drivername="postgresql+psycopg")
        self.engine = create_engine(parsed)
        self._admin = create_engine(parsed.set(database="postgres"), isolation_level="AUTOCOMMIT")

    def go_down(self) -> None:
        with self._admin.connect() as db:
            db.execute(text("ALTER DATABASE erp ALLOW_CONNECTIONS false"))
            db.execute(
                text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname='erp'")
            )

    def return_(self) -> None:
        with self._admin.connect() as db:
            db.execute(text("ALTER DATABASE erp ALLOW_CONNECTIONS true"))

    def misplaced(self) -> list[int]:
        """By how many places each order came too early or too late."""
        with self.engine.connect() as db:
            ids = db.execute(text("SELECT order_id FROM int_order ORDER BY id")).scalars().all()
        right = {value: place for place, value in enumerate(sorted(ids))}
        return sorted(abs(place - right[value]) for place, value in enumerate(ids))


def tries(engine: Engine) -> int:
    """How often an order found the ERP down."""
    query = "SELECT count(*) FROM journal_events WHERE event = 'retried later'"
    with engine.connect() as db:
        return int(db.execute(text(query)).scalar_one())


def sweep_ms(journal: Journal) -> float:
    """How long a sweep takes that finds nothing to claim."""
    took = []
    for _ in range(9):
        began = time.perf_counter()
        journal.jobs.dispatch(in_flight=0)
        took.append(time.perf_counter() - began)
    return 1000 * sorted(took)[len(took) // 2]


def measure(arguments: argparse.Namespace) -> None:
    """Let the backlog grow, then drain; print what is seen."""
    # The list shows none of them: they are in the journal already.
    with (
        running(Config(index_lag=1e9)) as store,
        surroundings(
            "postgresql",
            VTEX_BASE_URL=store.url,
            VTEX_PAYMENTS_URL=store.url,
            ORDER_LIST_INTERVAL_SECONDS="86400",
            WORKER_THREADS=str(arguments.threads),
        ) as around,
    ):
        cluster, broker = around.cluster, around.broker
        around.start(workers=2)
        names = {name: entry.child.pid for name, entry in cluster.processes.items() if entry.child}
        names["Redis"] = broker.process.child.pid if broker.process.child else 0
        journal = Journal(cluster.env["JOURNAL_URL"])
        erp = Erp(cluster.env["ERP_URL"])
        erp.go_down()
        stock = Stock(store, journal._database.engine)
        stock.fetch()
        with redis.Redis.from_url(broker.url) as connection:
            watch = Watch(names, connection)
            for size in (0, arguments.orders // 5, arguments.orders):
                stock.grow(size)
                show(f"{size} wait", _standing(watch, journal, stock.engine, arguments.minutes))
            _drain(watch, journal, erp, arguments.orders)
        journal.close()


def _standing(watch: Watch, journal: Journal, engine: Engine, minutes: float) -> dict[str, Any]:
    # Those that were on their way when the ERP went down have come back.
    settled = time.monotonic() + 20
    watch.during(lambda: time.monotonic() > settled)
    before, began = tries(engine), time.monotonic()
    seen = watch.during(lambda: time.monotonic() > began + 60 * minutes)
    found: dict[str, Any] = {name: f"{mean(value):.1f}" for name, value in seen.items()}
    a_minute = (tries(engine) - before) / ((time.monotonic() - began) / 60)
    return found | {"tries a minute": f"{a_minute:.1f}", "sweep ms": f"{sweep_ms(journal):.1f}"}


def _drain(watch: Watch, journal: Journal, erp: Erp, count: int) -> None:
    began = time.monotonic()
    first: list[float] = []
    shown = began

    def drained() -> bool:
        nonlocal shown
        counts = journal.orders.counts()["acme"]
        if not first and counts.get(AT_ERP, 0) < count:
            first.append(time.monotonic() - began)
        if time.monotonic() - shown > 30:
            shown = time.monotonic()
            print(f"  after {shown - began:.0f} s: {counts}", flush=True)
        return counts == {"done": count}

    erp.return_()
    seen = watch.during(drained)
    seconds = time.monotonic() - began
    misplaced = erp.misplaced()
    show("drain, highest", {name: f"{max(value):.1f}" for name, value in seen.items()})
    rest = time.monotonic() + 60
    seen = watch.during(lambda: time.monotonic() > rest)
    show("a minute after", {name: f"{row[-1]:.1f}" for name, row in seen.items()})
    print(
        f"{count} orders in {seconds:.0f} s, {count / seconds:.0f} a second, the first within "
        f"{first[0]:.0f} s; {len(misplaced)} in the ERP; places from its place by age: median "
        f"{misplaced[count // 2]}, 99 of 100 {misplaced[count * 99 // 100]}, most {misplaced[-1]}"
    )


def show(what: str, row: dict[str, Any]) -> None:
    """Print a line of the table."""
    print(f"{what}: " + ", ".join(f"{name} {value}" for name, value in row.items()), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--orders", type=int, default=50_000)
    parser.add_argument("--minutes", type=float, default=3.0, help="at each size")
    parser.add_argument("--threads", type=int, default=16)
    measure(parser.parse_args())


if __name__ == "__main__":
    main()
