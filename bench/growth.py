"""What an order costs the journal when that holds 1,000, 10,000 or 100,000 already: a table.

``python bench/growth.py --database postgresql --sizes 1000,10000,100000 --stores 1,10,100``

The journal alone, without Celery and HTTP. It is filled with finished orders: documents of the
simulated store, timelines of five lines, an invoice each. CPU is this process's and, on PostgreSQL,
that of the backends that serve it, read from the kernel; wall is what a caller waits. A machine
that does other work as well changes wall, and CPU a little. Medians of several rounds.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any

from cluster import databases
from meters import cpu_seconds
from sqlalchemy import text

from journal.journal import Journal
from journal.model import STAGES, Kind, Stage, State
from journal.orders import NewOrder
from journal.privacy.retention import RetentionPolicy
from journal.requests import RequestDraft
from journal.storage.rows import compress, event_row, job_row
from journal.storage.tables import documents, events, jobs, orders
from vtex import schemas
from vtex.client import VtexClient
from vtex.simulator.config import Config
from vtex.simulator.server import running
from vtex.transport.transport import Account, Transport

DISTINCT = 200
PAGE = 100
BATCH = 1000
OLD = timedelta(days=400)


def originals() -> list[tuple[bytes | None, bytes | None]]:
    """Return documents of the simulated store, as the journal keeps them."""
    with running(Config(index_lag=1e9)) as store:
        account = Account("acme", store.app_key, store.app_token, store.url, store.url)
        client = VtexClient(Transport(account))
        found = []
        for order_id in store.store.generate(DISTINCT):
            order = client.order(order_id)
            ids = schemas.read_order(order).gateway_transaction_ids
            payment = {"transactions": [client.transaction(order_id) for order_id in ids]}
            found.append((compress(order), compress(payment)))
    return found


class Stock:
    """Finished orders, spread over stores and over the year before last, the oldest first."""

    def __init__(self, journal: Journal, stores: int, kept: list[Any]) -> None:
        self.journal, self.stores, self.kept = journal, stores, kept
        self.count = 0
        self.content = compress({"invoice_number": "128841", "value_cents": 5230, "courier": "Sul"})

    def name(self, number: int) -> tuple[str, str]:
        """Return an order's store and id."""
        return f"s{number % self.stores:03}", f"g{number:08}-01"

    def grow(self, count: int) -> None:
        """Bring the journal to so many orders."""
        database = self.journal._database
        while self.count < count:
            many = range(self.count, min(count, self.count + BATCH))
            with database.transaction() as db:
                for table in (orders, documents, jobs, events):
                    rows = [row for n in many for row in self._rows(table.name, n)]
                    db.execute(table.insert(), rows)
            self.count = many[-1] + 1
        if not database.is_local:
            # As autovacuum does by itself in a journal that grows over months.
            engine = database.engine.execution_options(isolation_level="AUTOCOMMIT")
            with engine.connect() as db:
                db.execute(text("VACUUM ANALYZE"))

    def _rows(self, table: str, number: int) -> list[dict[str, Any]]:
        name, at = self.name(number), datetime.now(UTC) - OLD + timedelta(seconds=number)
        key = dict(zip(("store", "order_id"), name, strict=True))
        if table == "journal_orders":
            more = {"value_cents": 5230, "created_at": at, "erp_reference": str(number)}
            return [key | {"listed_at": at} | more]
        if table == "journal_documents":
            order, payment = self.kept[number % DISTINCT]
            return [key | {"order_document": order, "payment_document": payment, "stored_at": at}]
        if table == "journal_events":
            stages = STAGES[Kind.INTAKE]
            return [event_row(*name, at, 1, str(stage), stage=str(stage)) for stage in stages]
        intake = job_row(*name, Kind.INTAKE, "", at)
        intake |= {"state": State.DONE, "stage": Stage.HANDLING, "attempt": 1, "request_body": None}
        sent = {"kind": Kind.INVOICE, "key": "Output 128841", "stage": Stage.CONFIRMED}
        return [intake, intake | sent | {"invoice_number": "128841", "request_body": self.content}]


class Meter:
    """Measures what is done: CPU and wall, in milliseconds."""

    def __init__(self, journal: Journal) -> None:
        self.journal = journal
        self.backends: list[int] = []

    def look(self) -> None:
        """Find the backends that serve us; those of the pool stay the same."""
        query = text("SELECT pid FROM pg_stat_activity WHERE datname = current_database()")
        if not self.journal._database.is_local:
            with self.journal._database.transaction() as db:
                self.backends = list(db.execute(query).scalars())

    def _cpu(self) -> float:
        return time.process_time() + cpu_seconds(self.backends)

    def of(self, act: Callable[[int], Any], each: int, rounds: int) -> tuple[float, float]:
        """Return CPU (mean over all rounds: the kernel counts in 10 ms) and median wall of one."""
        if rounds > 1:
            # What is only done the first time, such as connecting, counts for nobody.
            act(rounds)
            self.look()
        walls, cpu = [], self._cpu()
        for number in range(rounds):
            began = time.perf_counter()
            act(number)
            walls.append(time.perf_counter() - began)
        return 1000 * (self._cpu() - cpu) / rounds / each, 1000 * median(walls) / each


class Work:
    """What workers and operators do, each as one call."""

    def __init__(self, journal: Journal, stock: Stock) -> None:
        self.journal, self.stock = journal, stock
        self.number = 0

    def known(self, number: int) -> tuple[str, str]:
        """Return an order of the first store."""
        return self.stock.name(number * self.stock.stores % self.stock.count)

    def list_page(self, _: int) -> None:
        """A page of which half is known and half is new."""
        now = datetime.now(UTC)
        known = [self.known(n)[1] for n in range(PAGE // 2)]
        new = [f"n{self.number + n:08}-01" for n in range(PAGE // 2)]
        self.number += PAGE // 2
        self.journal.orders.record("s000", [NewOrder(value, now, 5230) for value in known + new])

    def steps(self, _: int) -> None:
        """Twenty new orders: claimed in one sweep, each taken through its four steps."""
        given = {
            Stage.FETCHED: ("order", {"text": "a" * 4000}),
            Stage.PAID: ("payment", {"transactions": ["b" * 1000]}),
            Stage.INSERTED: ("erp_reference", "7"),
        }
        for ticket in self.journal.jobs.dispatch(in_flight=20, store="s000"):
            name, job = (ticket.store, ticket.order_id, ticket.attempt), None
            for stage in STAGES[Kind.INTAKE][1:]:
                last = stage is Stage.HANDLING
                with self.journal.jobs.step(*name, to=stage, begun=job, goes_on=not last) as job:
                    if stage in given:
                        setattr(job, *given[stage])

    def ask(self, number: int) -> None:
        """An invoice that is known, and one of its order that is not."""
        name = self.known(number)
        self.number += 1
        content = {"invoice_number": "128841"}
        self.journal.requests.submit(RequestDraft(*name, Kind.INVOICE, "Output 128841", content))
        self.journal.requests.submit(
            RequestDraft(*name, Kind.INVOICE, f"Output x{self.number}", content)
        )

    def view(self, number: int) -> None:
        name = self.stock.name(number * 7 % self.stock.count)
        self.journal.orders.get(*name)
        self.journal.requests.find(*name)
        self.journal.timeline.events(*name)

    def rows(self) -> dict[str, tuple[Callable[[int], Any], int, int]]:
        """Return each with what it is counted for, and how often it is done."""
        j = self.journal
        return {
            "list, an order of a page": (self.list_page, PAGE, 30),
            "sweep, with no room to claim": (lambda _: j.jobs.dispatch(in_flight=0), 1, 60),
            "claim and four steps, an order": (self.steps, 20, 30),
            "request, known and new": (self.ask, 2, 100),
            "`order`": (self.view, 1, 100),
            "`orders`": (lambda _: j.orders.find(), 1, 15),
            "`orders --store`": (lambda _: j.orders.find(store="s000"), 1, 15),
            "`orders --state open`": (lambda _: j.orders.find(state=State.OPEN), 1, 15),
            "`orders --older-than`": (lambda _: j.orders.find(older_than=timedelta(1)), 1, 15),
            "counts of `orders`": (lambda _: j.orders.counts(), 1, 15),
            "counts of requests": (lambda _: j.requests.counts(), 1, 15),
            "purge that finds nothing": (
                lambda _: list(j.retention.purge(RetentionPolicy(2 * OLD, 2 * OLD))),
                1,
                5,
            ),
        }


@contextmanager
def journals(kind: str) -> Iterator[Journal]:
    with (
        tempfile.TemporaryDirectory(prefix="growth", ignore_cleanup_errors=True) as folder,
        databases(kind, Path(folder)) as made,
    ):
        journal = Journal(made.fresh()[0])
        journal.migrate()
        yield journal
        journal.close()


def measure(kind: str, stores: int, sizes: list[int], kept: list[Any]) -> None:
    """Print a table of one database and so many stores."""
    columns: dict[str, list[str]] = {}
    with journals(kind) as journal:
        stock = Stock(journal, stores, kept)
        for size in sizes:
            with journal._database.transaction() as db:
                # What the size before left open.
                db.execute(jobs.update().where(jobs.c.state == State.OPEN).values(state=State.DONE))
            stock.grow(size)
            work, meter = Work(journal, stock), Meter(journal)
            work.number = size * 10
            for name, (act, each, rounds) in work.rows().items():
                cpu, wall = meter.of(act, each, rounds)
                columns.setdefault(name, []).append(f"{cpu:.2f} / {wall:.2f}")
        old = RetentionPolicy(timedelta(days=100), timedelta(days=200))
        # A document, a content and five lines an order.
        cpu, wall = meter.of(lambda _: list(journal.retention.purge(old)), stock.count * 7, 1)
        columns["purge, a row"] = [""] * (len(sizes) - 1) + [f"{cpu:.3f} / {wall:.3f}"]
    print(f"\n{kind}, stores: {stores}; CPU ms / wall ms\n")
    print("| | " + " | ".join(f"{size:,} orders" for size in sizes) + " |")
    print("| --- |" + " ---: |" * len(sizes))
    for name, cells in columns.items():
        print(f"| {name} | " + " | ".join(cells) + " |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--database", choices=["sqlite", "postgresql"], default="postgresql")
    parser.add_argument("--sizes", default="1000,10000,100000")
    parser.add_argument("--stores", default="1,10,100")
    arguments = parser.parse_args()
    kept = originals()
    for stores in map(int, arguments.stores.split(",")):
        measure(
            arguments.database, stores, [int(part) for part in arguments.sizes.split(",")], kept
        )


if __name__ == "__main__":
    main()
