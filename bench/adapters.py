"""What an order costs an ERP adapter, against the fakes of the tests: calls and orders a second.

PYTHONPATH=.:tests python bench/adapters.py --orders 200
"""

from __future__ import annotations

import argparse
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

from erp.conformance import sample
from erp.port import Erp
from erp.sales_order import SalesOrder
from support.erp.outboxes import SqlOutbox
from support.erp.rest_harness import FAKES, RestHarness

THREADS = 8


def orders(count: int, *, new: bool = False) -> list[SalesOrder]:
    made = [replace(sample(), raw_order={}) for _ in range(count)]
    if not new:
        return made
    return [
        replace(entry, customer=replace(entry.customer, document=f"{place:011}"))
        for place, entry in enumerate(made)
    ]


def pace(erp: Erp, some: list[SalesOrder]) -> float:
    began = time.perf_counter()
    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(erp.insert, some))
    return len(some) / (time.perf_counter() - began)


def of_profile(name: str, count: int) -> str:
    with tempfile.TemporaryDirectory() as folder:
        harness = RestHarness(Path(folder), name)
        harness.erp.migrate()
        (first,) = orders(1)
        harness.erp.insert(first)
        harness.invoice(first.order_id, "1", first.total, ["310045"], datetime.now(UTC))
        calls = [harness.erp.calls]
        harness.erp.poll_outbox(lambda _: None, 10)
        calls.append(harness.erp.calls)
        for order in orders(10, new=True):
            harness.erp.insert(order)
        calls.append(harness.erp.calls)
        speed = pace(harness.erp, orders(count))
        calls.append(harness.erp.calls)
        harness.close()
    invoiced, new, known = (after - before for before, after in pairwise(calls))
    costs = f"{known / count:g} | {new / 10:g} | 1 + {invoiced - 1}"
    return f"| `rest`, {name} | {costs} | {speed:.0f} |"


def of_tables(count: int) -> str:
    with tempfile.TemporaryDirectory() as folder:
        made = SqlOutbox(f"sqlite:///{folder}/erp.db")
        made.erp.migrate()
        speed = pace(made.erp, orders(count))
        made.close()
    return f"| integration tables, SQLite | none | none | none | {speed:.0f} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--orders", type=int, default=200)
    count = parser.parse_args().orders
    for name in sorted(FAKES):
        print(of_profile(name, count))
    print(of_tables(count))


if __name__ == "__main__":
    main()
