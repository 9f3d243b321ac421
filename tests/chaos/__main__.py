"""``python -m chaos``: run the cluster under faults drawn from a seed, and balance the ledger."""

from __future__ import annotations

import argparse
import os
import random
import re
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from chaos import ledger
from chaos.faults import FAULTS, PASSING, Fault
from chaos.trade import Retailer, Shop
from chaos.world import Plan, World, can_isolate, prepare_network
from journal.journal import Journal
from journal.model import JournalUnavailable, State
from support.servers import RabbitServer

SETTLE_SECONDS = 300.0
"""What may pass between the last fault's end and the balance: the longest back-off."""
AT_ONCE = 2
SLOW_MS = 400
LEAST_JOBS = 8
RECOVERY = {
    "LEASE_SECONDS": "45",
    "DISPATCH_INTERVAL_SECONDS": "2",
    "ORDER_LIST_INTERVAL_SECONDS": "60",
    "VTEX_READ_TIMEOUT_SECONDS": "20",
    "WORKER_THREADS": "16",
}
"""The settings that ship, at which recovery is measured."""
ISOLATED = "CHAOS_ISOLATED"
OPERATORS_CAUSES = ("may have killed its worker", "refuses the row")
"""What a person mends and retries: a worker that died twice under one order, an ERP that refused."""


@dataclass
class Broken:
    """A fault that is on."""

    fault: Fault
    body: Iterator[None]
    ends_at: float


@dataclass
class Run:
    """One seed."""

    seed: int
    minutes: float
    world: World
    orders_a_minute: float = 90.0
    had: Counter[str] = field(default_factory=Counter)
    on: list[Broken] = field(default_factory=list)
    retried: int = 0

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)
        self.shop = Shop(self.world, self.orders_a_minute)
        self.retailer = Retailer(self.world, self.seed)
        self.seen_in_redis = ""

    def rage(self) -> None:
        """Break one thing after another, for as long as it was told."""
        ends_at, next_at, sample_at = time.monotonic() + self.minutes * 60, 0.0, 0.0
        script = self._script()
        while (now := time.monotonic()) < ends_at:
            self.world.keep()
            self._mend(now)
            if now >= next_at and len(self.on) < AT_ONCE:
                self._break(next(script), now)
                next_at = now + self.random.uniform(2, 5)
            if now >= sample_at:
                self._sample()
                sample_at = now + 10
            time.sleep(0.2)
        self._mend(float("inf"))

    def _script(self) -> Iterator[Fault]:
        possible = [fault for fault in FAULTS if fault.possible(self.world)]
        while True:
            self.random.shuffle(possible)
            yield from possible

    def _break(self, fault: Fault, now: float) -> None:
        if any(entry.fault.touches == fault.touches for entry in self.on):
            return
        body = fault.body(self.world, self.random)
        lasts = self.random.uniform(*fault.seconds(self.world))
        _say(f"{fault.name} ({lasts:.0f} s)")
        try:
            next(body)
        except PASSING as error:
            _say(f"  … not now ({type(error).__name__})")
            return
        self.had[fault.name] += 1
        self.on.append(Broken(fault, body, now + lasts))

    def _mend(self, now: float) -> None:
        for row in [entry for entry in self.on if entry.ends_at <= now]:
            try:
                next(row.body, None)
                self.on.remove(row)
            except PASSING as error:
                if now == float("inf"):
                    _say(f"  {row.fault.name} does not end yet ({type(error).__name__})")
        if self.on and now == float("inf"):
            # What one fault kept another from ending is over now.
            time.sleep(1)
            self._mend(now)

    def _sample(self) -> None:
        try:
            with self.world.redis_client() as connection:
                self.seen_in_redis += ledger.texts_of_redis(connection)
        except PASSING:
            return

    def measure(self, only: str) -> list[tuple[str, float, float, int]]:
        """Have each fault alone; return how long it lasted, and how long its jobs took after it.

        Those faults whose name has ``only`` in it. A fault's jobs are those that were open when it
        ended. VTEX answers slowly meanwhile, so that
        each worker has some under way.
        """
        self.world.steer("settings", latency_ms=SLOW_MS)
        found = []
        for fault in [
            fault for fault in FAULTS if fault.possible(self.world) and only in fault.name
        ]:
            self._await_work()
            self._break(fault, began := time.monotonic())
            while self.on:
                self._go_on()
            ended = time.monotonic()
            jobs: set[str] | None = None
            count = looked = 0
            while jobs is None or jobs:
                still = self._open()
                if still is not None:
                    count = len(still) if jobs is None else count
                    jobs = still if jobs is None else jobs & still
                self._go_on()
                if time.monotonic() - ended > 10 * (looked + 1):
                    looked += 1
                    self._operate()
            found.append((fault.name, ended - began, time.monotonic() - ended, count))
            _say(f"  {ended - began:.0f} s, then {found[-1][2]:.1f} s for {count} jobs")
        return found

    def _go_on(self) -> None:
        self.world.keep()
        self._mend(time.monotonic())
        time.sleep(0.1)

    def _await_work(self) -> None:
        """Wait until all processes have been up for a moment, and jobs are under way."""
        quiet_since = time.monotonic()
        while time.monotonic() - quiet_since < 5 or len(self._open() or ()) < LEAST_JOBS:
            self._go_on()
            if any(
                value.child is None or value.child.poll() is not None
                for value in self.world.processes.values()
            ):
                quiet_since = time.monotonic()

    def _open(self) -> set[str] | None:
        """Return the jobs that still try, by name; None where the journal does not answer."""
        journal = Journal(self.world.env["JOURNAL_URL"])
        try:
            orders = journal.orders.find(state=State.OPEN, limit=100_000)
            wishes = journal.requests.find(limit=100_000)
        except JournalUnavailable:
            return None
        finally:
            journal.close()
        return {order.order_id for order in orders} | {
            str(wish.job) for wish in wishes if wish.state is State.OPEN
        }

    def settle(self) -> list[str]:
        """Wait until all balances; return what does not in the end."""
        began = time.monotonic()
        self.shop.close()
        looked = 0
        while True:
            self.world.keep()
            wrong = ledger.faults_of(self.world, self.shop, self.retailer)
            waited = time.monotonic() - began
            if not wrong:
                _say(f"balanced {waited:.0f} s after the last fault")
                return []
            if waited > SETTLE_SECONDS:
                return wrong
            if waited > 10 * looked:
                looked += 1
                self._operate()
            time.sleep(1)

    def _operate(self) -> None:
        """Do what a person does: retry what was set aside, once its cause is gone."""
        for cause in OPERATORS_CAUSES:
            done = self.world.command("dead-letters", "retry", "--matching", cause, "--yes")
            self.retried += sum(int(count) for count in re.findall(r"(\d+) jobs", done.stdout)[-1:])

    def leaks(self) -> list[str]:
        secrets = ledger.persons(self.world)
        self._sample()
        rabbit = self.world.rabbit
        return [
            *ledger.leaks("Redis", self.seen_in_redis, secrets),
            *(
                ledger.leaks("RabbitMQ", ledger.texts_of_rabbit(rabbit.folder), secrets)
                if rabbit
                else ()
            ),
            *ledger.leaks("a log", self.world.logs(), secrets),
            *ledger.leaks("Flower", ledger.texts_of_flower(self.world), secrets),
        ]

    def summary(self) -> str:
        kinds = Counter(wish.kind.lower() for wish in self.retailer.wishes)
        state = self.world.state()
        asked = ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items()))
        return (
            f"{sum(self.had.values())} faults of {len(self.had)} kinds, "
            f"{self.world.restarts} restarts; {len(self.shop.placed)} orders, {asked}; "
            f"{sum(state['calls'].values()) / max(1, len(self.shop.placed)):.1f} VTEX calls an "
            f"order; {self.retried} jobs retried by an operator"
        )


def _one(seed: int, options: argparse.Namespace) -> bool:
    database = options.database or ("sqlite" if seed % 4 == 0 else "postgresql")
    folder = Path(tempfile.mkdtemp(prefix=f"chaos-{seed}-", dir=options.folder))
    folder.chmod(0o755)
    broker = options.broker or ("rabbitmq" if seed % 5 == 0 and RabbitServer.binary() else "redis")
    settings = RECOVERY if options.recovery else {}
    plan = Plan(database, broker, isolated=ISOLATED in os.environ, env=settings)
    world = World(folder, plan)
    _say(
        f"seed {seed}: {database}, {broker}, {'two hosts' if world.is_isolated else 'one host'}, {folder}"
    )
    wrong: list[str] = []
    try:
        world.start_all()
        run = Run(seed, options.minutes, world, 300.0 if options.recovery else 90.0)
        run.shop.start()
        run.retailer.start()
        if options.recovery:
            table = run.measure(options.fault)
        else:
            run.rage()
        wrong = run.settle()
        run.retailer.close()
        wrong += run.leaks()
        _say(run.summary())
        if options.recovery:
            _show(world, table)
        if wrong:
            _explain(world, wrong)
    finally:
        world.stop()
    if wrong:
        _say(f"FAILED: make chaos SEED={seed} MINUTES={options.minutes:g}; logs in {folder}")
    return not wrong


def _show(world: World, table: list[tuple[str, float, float, int]]) -> None:
    settings = ", ".join(f"{name}={world.env[name]}" for name in RECOVERY)
    print(f"\n{settings}\n\n| fault | lasted, s | jobs waiting at its end | recovered within, s |")
    print("| --- | --- | --- | --- |")
    for name, lasted, recovered, count in table:
        print(f"| {name} | {lasted:.0f} | {count} | {recovered:.0f} |")


def _explain(world: World, wrong: list[str]) -> None:
    for line in wrong[:20]:
        _say(f"  {line}")
    journal = Journal(world.env["JOURNAL_URL"])
    try:
        named = [word for line in wrong for word in line.split() if "acme" in word or "ABC" in word]
        for order_id in dict.fromkeys(word.rstrip(":") for word in named[:3]):
            for row in journal.timeline.events("acme", order_id):
                _say(f"    {row.at:%H:%M:%S} {row.kind} {row.attempt} {row.event}: {row.detail}")
    except JournalUnavailable:
        _say("  the journal does not answer")
    finally:
        journal.close()


def _say(line: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {line}", flush=True)


def main() -> int:
    """Run the seeds one after another; 0 where all balance."""
    parser = argparse.ArgumentParser(prog="chaos", description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="the first seed")
    parser.add_argument("--seeds", type=int, default=1, help="how many, one after another")
    parser.add_argument("--minutes", type=float, default=3.0, help="of faults, for each seed")
    parser.add_argument("--database", choices=["postgresql", "sqlite"])
    parser.add_argument("--broker", choices=["redis", "rabbitmq"])
    parser.add_argument("--folder", default=tempfile.gettempdir(), help="where logs are kept")
    parser.add_argument(
        "--recovery", action="store_true", help="each fault alone, at the settings that ship"
    )
    parser.add_argument("--fault", default="", help="of those, the ones whose name has this in it")
    options = parser.parse_args()
    if ISOLATED not in os.environ and can_isolate():
        # A network, mounts and processes of its own: however it ends, nothing of it is left.
        own = ["--net", "--mount", "--pid", "--fork", "--mount-proc", "--kill-child"]
        command = ["unshare", *own, sys.executable, "-m", "chaos", *sys.argv[1:]]
        os.execvpe("unshare", command, os.environ | {ISOLATED: "1"})
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    if ISOLATED in os.environ:
        prepare_network()
    seeds = range(options.seed, options.seed + options.seeds)
    failed = [seed for seed in seeds if not _one(seed, options)]
    _say(
        f"{len(seeds) - len(failed)} of {len(seeds)} seeds balance"
        + f", not: {failed}" * bool(failed)
    )
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
