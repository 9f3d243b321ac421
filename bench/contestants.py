"""Who does the job: our workers, and the yardsticks that one would write instead of them."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass

from celery import Celery
from cluster import ROOT, migrate, pids_of, start_workers, wait_until_ready

from support.servers import Cluster  # cluster.py says where it is

NAMES = {
    "ours": "our workers",
    "sequential": "a plain script",
    "chain": "a Celery chain with results",
}
DATABASES = ("postgresql", "sqlite")


@dataclass(frozen=True)
class Contestant:
    """One way to do the job.

    Attributes:
        processes: that work; of ours each has threads, of a chain's worker each is a child.
    """

    name: str
    database: str
    processes: int

    @classmethod
    def of(cls, text: str) -> Contestant:
        """Read ``ours@postgresql:2``.

        Raises:
            ValueError: there is no such contestant.
        """
        name, _, rest = text.partition("@")
        database, _, processes = rest.partition(":")
        if name not in NAMES or database not in DATABASES:
            raise ValueError(
                f"{text}: is none of {', '.join(NAMES)} with @{' or @'.join(DATABASES)}"
            )
        return cls(name, database, int(processes or 1))

    def __str__(self) -> str:
        return f"{self.name}@{self.database}:{self.processes}"

    @property
    def is_ours(self) -> bool:
        return self.name == "ours"

    @property
    def erp_table(self) -> str:
        return "int_order" if self.is_ours else "plain_order"

    def in_flight(self, threads: int) -> int:
        """Return how many orders it can work on at a time; ours in as many threads a process."""
        return self.processes * (threads if self.is_ours else 1)

    def prepare(self, cluster: Cluster) -> None:
        """Make the tables."""
        if self.is_ours:
            migrate(cluster)
            return
        command = [sys.executable, "-m", "bench.yardsticks.job"]
        subprocess.run(command, env=cluster.env, cwd=ROOT, check=True, timeout=60)

    def start(self, cluster: Cluster) -> list[int]:
        """Start all processes; return their ids when they wait for work."""
        if self.is_ours:
            return start_workers(cluster, self.processes)
        if self.name == "sequential":
            cluster.start("script", "bench.yardsticks.sequential")
            wait_until_ready(cluster, ["script"])
            return pids_of(cluster, "script")
        cluster.start("worker", *CHAIN, "worker", "-l", "INFO", "-c", str(self.processes))
        wait_until_ready(cluster, ["worker"])
        cluster.start("beat", *CHAIN, "beat", "-s", str(cluster.folder / "schedule"))
        return pids_of(cluster, "worker", "beat")

    def begin(self, cluster: Cluster) -> None:
        """Let it look into the list now, not when its schedule says so."""
        with Celery(broker=cluster.env["REDIS_URL"]) as app:
            if self.is_ours:
                app.send_task("orders.list", kwargs={"store": "acme"}, queue="control")
            elif self.name == "chain":
                app.send_task("poll", queue="celery")


CHAIN = ("celery", "-A", "bench.yardsticks.naive_chain")
