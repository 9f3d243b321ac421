"""Real servers for the tests: Redis, RabbitMQ, PostgreSQL, MariaDB, workers, the simulated store."""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import redis
import requests
from amqp.exceptions import AMQPError
from click.testing import CliRunner
from kombu.connection import Connection
from sqlalchemy import Engine, NullPool, create_engine, make_url, text

from erp.adapters.sql.adapter import SqlErp
from journal.journal import Journal
from support import preloaded_processes
from workers.cli.demo.cluster import redis_command
from workers.cli.main import main

ROOT = Path(__file__).parents[2]


def free_port() -> int:
    """Find a port that no client of another test is given before its server listens."""
    while True:
        # Below those that Linux gives to clients. Hypothesis seeds the usual generator.
        port = random.SystemRandom().randrange(10_000, 32_000)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


PATIENCE = 5
"""How many times slower than a machine of one's own one may be that has others' work as well."""


def eventually(holds: Callable[[], object], seconds: float = 60.0, why: str = "") -> None:
    """Wait for a condition.

    Args:
        holds: Looks whether it holds; dear looks are made less often.
        seconds: Within how many it must hold where the machine has nothing else to do.
        why: What is wrong where it does not.
    """
    begun = time.monotonic()
    while True:
        looked = time.monotonic()
        if holds():
            return
        now = time.monotonic()
        assert now - begun < seconds * PATIENCE, why or f"not within {seconds * PATIENCE} s"
        time.sleep(min(max(0.05, 3 * (now - looked)), 1))


_DEADLY = """
import functools, importlib, os
module, owner, name, when = {target!r}.split()
def deadly(call):
    @functools.wraps(call)
    def wrapped(*args, **kwargs):
        if when == "before":
            die()
        found = call(*args, **kwargs)
        die()
        return found
    return wrapped
def die():
    try:
        os.close(os.open({marker!r}, os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        return
    os.kill(os.getpid(), 9)
owner = getattr(importlib.import_module(module), owner)
setattr(owner, name, deadly(getattr(owner, name)))
"""


def deadly(folder: Path, target: str) -> tuple[Path, dict[str, str]]:
    """Let a process die once, with kill -9, before or after a call.

    Args:
        target: ``module Class method before|after``.

    Returns:
        The file that shows that it died, and the environment that does it.
    """
    marker = folder / "died"
    text = _DEADLY.format(target=target, marker=str(marker))
    (folder / "sitecustomize.py").write_text(text)
    return marker, {"PYTHONPATH": f"{folder}:{ROOT}"}


class Process:
    """A child in a group of its own, its output in a file."""

    def __init__(
        self, command: list[str], env: dict[str, str], log: Path, home: Path = ROOT
    ) -> None:
        self.command, self.env, self.log, self.home = command, env, log, home
        self.child: subprocess.Popen[bytes] | preloaded_processes.Child | None = None

    def start(self) -> None:
        with self.log.open("ab") as out:
            if preloaded_processes.fits(self.command, self.env):
                log = out.fileno()
                self.child = preloaded_processes.Child(
                    self.command[2:], self.env, self.home, log, log
                )
                return
            self.child = subprocess.Popen(
                self.command,
                env=self.env,
                cwd=self.home,
                stdout=out,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )

    def kill(self, number: int = signal.SIGKILL) -> None:
        if self.child is None:
            return
        if self.child.poll() is None:
            os.killpg(self.child.pid, number)
        self.child.wait(30 * PATIENCE)
        self.child = None

    def hang(self) -> None:
        """Let it say nothing, and take what the kernel takes for it, until ``go_on``."""
        assert self.child is not None
        group = self.child.pid
        os.killpg(group, signal.SIGSTOP)
        # A thread on another core goes on until the kernel comes by there.
        eventually(lambda: _stands_still(group), 5)

    def go_on(self) -> None:
        assert self.child is not None
        os.killpg(self.child.pid, signal.SIGCONT)

    def text(self) -> str:
        return self.log.read_text(errors="replace") if self.log.exists() else ""


def _stands_still(group: int) -> bool:
    for path in Path("/proc").glob("[0-9]*/task/[0-9]*/stat"):
        with contextlib.suppress(OSError):
            state, _, its_group = path.read_text().rsplit(")", 1)[1].split()[:3]
            if int(its_group) == group and state not in "TZX":
                return False
    return True


class RedisServer:
    """A Redis of one's own that can be killed, emptied and started again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.process = Process(redis_command(self.port, folder), dict(os.environ), folder / "r.log")

    def start(self) -> None:
        self.process.start()
        with redis.Redis.from_url(self.url) as connection:
            eventually(lambda: _pings(connection), 20)

    def stop(self) -> None:
        self.process.kill(signal.SIGTERM)

    def ask_for(self, password: str) -> None:
        """Let nobody in without a password, until the next start."""
        with redis.Redis.from_url(self.url) as connection:
            connection.config_set("requirepass", password)
        self.url = f"redis://:{password}@127.0.0.1:{self.port}/0"

    def lose_everything(self) -> None:
        """Restart without any of the data."""
        self.process.kill()
        shutil.rmtree(self.folder / "appendonlydir", ignore_errors=True)
        self.start()


def _pings(connection: redis.Redis) -> bool:
    try:
        return bool(connection.ping())
    except redis.RedisError:
        return False


class RabbitServer:
    """RabbitMQ from Debian's server package: a node, an epmd and a folder of its own."""

    PASSWORD = "open-sesame-rabbit"

    def __init__(self, folder: Path, address: str = "127.0.0.1") -> None:
        self.folder = folder
        self.port, self.epmd_port = free_port(), free_port()
        self.url = f"amqp://erp:{self.PASSWORD}@{address}:{self.port}/erp"
        (folder / "enabled_plugins").write_text("[].\n")
        (folder / "rabbitmq.conf").write_text(
            f"listeners.tcp.1 = {address}:{self.port}\n"
            f"default_user = erp\ndefault_pass = {self.PASSWORD}\ndefault_vhost = erp\n"
            "log.console = true\nlog.file = false\n"
            # A test machine's disk may be fuller than the default allows.
            "disk_free_limit.absolute = 1MB\n"
        )
        env = os.environ | {
            "HOME": str(folder),  # where its cookie is made
            "ERL_EPMD_PORT": str(self.epmd_port),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODENAME": f"erp-{self.port}@localhost",
            "RABBITMQ_DIST_PORT": str(free_port()),
            "RABBITMQ_MNESIA_BASE": str(folder),
            "RABBITMQ_LOG_BASE": str(folder),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "enabled_plugins"),
            "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq.conf"),
            # The machine's own node may be configured otherwise.
            "RABBITMQ_ADVANCED_CONFIG_FILE": str(folder / "none.config"),
            "RABBITMQ_CONF_ENV_FILE": str(folder / "none.sh"),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1}",
        }
        # In the foreground: the one that a node starts by itself outlives it.
        self.epmd = Process(
            ["epmd", "-port", str(self.epmd_port), "-address", "127.0.0.1"], env, folder / "e.log"
        )
        # A node that is killed at its start leaves a core of its database where it stands.
        self.process = Process([str(self.binary())], env, folder / "rabbit.log", home=folder)

    @staticmethod
    def binary() -> str | None:
        # Debian's command of that name is one for its own user alone; this is what it calls.
        return shutil.which("rabbitmq-server", path="/usr/lib/rabbitmq/bin")

    def start(self) -> None:
        if self.epmd.child is None:
            self.epmd.start()
            eventually(lambda: _listens(self.epmd_port), 20)
        self.process.start()
        # Three seconds of work, which a busy machine spreads over a minute.
        eventually(self._answers, 180, "RabbitMQ does not come up")

    def _answers(self) -> bool:
        assert self.process.child is not None
        assert self.process.child.poll() is None, self.process.text()[-2000:]
        try:
            with Connection(self.url, connect_timeout=5) as connection:
                connection.connect()
        except (OSError, AMQPError):
            return False
        return True

    def ctl(self, *arguments: str) -> None:
        program = shutil.which("rabbitmqctl", path="/usr/lib/rabbitmq/bin")
        subprocess.run(
            [str(program), *arguments],
            env=self.process.env,
            check=True,
            timeout=60,
            stdout=subprocess.DEVNULL,
        )

    def kill(self) -> None:
        self.process.kill()

    def stop(self) -> None:
        self.process.kill()
        self.epmd.kill()


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


class MariaDbServer:
    """MariaDB from Debian's server package, in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.url = f"mariadb://root@127.0.0.1:{self.port}/mysql"
        self.child: subprocess.Popen[bytes] | None = None

    @staticmethod
    def binary() -> str | None:
        return shutil.which("mariadbd") or shutil.which(
            "mariadbd", path="/usr/sbin:/usr/local/sbin"
        )

    def start(self) -> None:
        """Install and start the server. On a busy machine either fails now and then."""
        for attempt in (1, 2, 3):
            try:
                self._install()
                self._run()
            except RuntimeError:
                if attempt == 3:
                    raise
                self.port = free_port()
                self.url = f"mariadb://root@127.0.0.1:{self.port}/mysql"
            else:
                return

    def _options(self) -> list[str]:
        user = ["--user=root"] if os.getuid() == 0 else []
        return ["--no-defaults", f"--datadir={self.folder / 'data'}", *user]

    def _install(self) -> None:
        shutil.rmtree(self.folder / "data", ignore_errors=True)
        installed = subprocess.run(
            [
                "mariadb-install-db",
                *self._options(),
                "--auth-root-authentication-method=normal",
                "--skip-test-db",
            ],
            check=False,
            capture_output=True,
            text=True,
        )
        if installed.returncode:
            raise RuntimeError(f"mariadb-install-db failed: {installed.stderr[-2000:]}")

    def _run(self) -> None:
        log = self.folder / "mariadbd.log"
        with log.open("wb") as output:
            child = subprocess.Popen(
                [
                    str(self.binary()),
                    *self._options(),
                    f"--port={self.port}",
                    "--bind-address=127.0.0.1",
                    f"--socket={self.folder}/s",
                    "--innodb-flush-log-at-trx-commit=0",
                ],
                stdout=output,
                stderr=output,
            )
        self.child = child
        eventually(lambda: child.poll() is not None or _listens(self.port), 60)
        if child.poll() is not None:
            raise RuntimeError(f"mariadbd ended: {log.read_text(errors='replace')[-2000:]}")

    def stop(self) -> None:
        if self.child is not None:
            self.child.terminate()
            self.child.wait(30)


class Cluster:
    """Workers, beat and the simulated store as real processes."""

    def __init__(self, folder: Path, journal_url: str, erp_url: str, redis_url: str) -> None:
        self.folder = folder
        self.home = ROOT  # the checkout that is run: another one is another version
        self.port = free_port()
        self.simulator = f"http://127.0.0.1:{self.port}"
        drop = (
            "STORES_FILE",
            "VTEX_ACCOUNT_FILE",
            "REDIS_URL_FILE",
            "BROKER_URL",
            "BROKER_URL_FILE",
            "ALERT_URLS",
            "ALERT_URLS_FILE",
            "PYTHONDONTWRITEBYTECODE",
        )
        self.env = {k: v for k, v in os.environ.items() if k not in drop} | {
            "REDIS_URL": redis_url,
            "JOURNAL_URL": journal_url,
            "ERP_URL": erp_url,
            "VTEX_ACCOUNT": "acme",
            "VTEX_APP_KEY": "vtexappkey-acme-SIMULA",
            "VTEX_APP_TOKEN": "simulated-token",
            "VTEX_BASE_URL": self.simulator,
            "VTEX_PAYMENTS_URL": self.simulator,
            "VTEX_READ_TIMEOUT_SECONDS": "3",
            "ORDER_LIST_INTERVAL_SECONDS": "1",
            "DISPATCH_INTERVAL_SECONDS": "0.5",
            "LEASE_SECONDS": "5",
            # The calls are counted as in service, and never too many.
            "VTEX_QUOTA_PER_MINUTE": "60000",
        }
        self.processes: dict[str, Process] = {}

    def migrate(self) -> None:
        """Make the tables, without a command: its own tests do it by one."""
        for made in (Journal(self.env["JOURNAL_URL"]), SqlErp(self.env["ERP_URL"])):
            made.migrate()
            made.close()

    def start(self, name: str, *command: str, **env: str) -> Process:
        process = Process(
            [sys.executable, "-m", *command], self.env | env, self.folder / f"{name}.log", self.home
        )
        process.start()
        self.processes[name] = process
        return process

    def start_simulator(self, orders: int, *more: str) -> None:
        process = self.start(
            "simulator", "vtex.simulator", "--port", str(self.port), "--orders", str(orders),
            "--index-lag", "0", "--handling-delay", "0.2", *more,
        )  # fmt: skip
        eventually(lambda: "ready on" in process.text(), 30)

    def start_worker(self, name: str, *options: str, **env: str) -> Process:
        named = ("-n", f"{name}@%h")
        return self.start(name, "celery", "-A", "workers", "worker", *named, *options, **env)

    def start_beat(self, name: str = "beat") -> Process:
        return self.start(name, "celery", "-A", "workers", "beat")

    def start_one_of_each(self, orders: int, *more: str) -> None:
        """Start a store with so many orders, a worker ``w1`` and a beat."""
        self.start_simulator(orders, *more)
        self.start_worker("w1")
        self.start_beat()

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return preloaded_processes.run(["workers.cli.main", *arguments], self.env, self.home)

    # --- what is seen from outside -------------------------------------------------------------

    def state(self) -> dict[str, Any]:
        """What the simulated store has and was asked for."""
        answer = requests.get(f"{self.simulator}/_simulator/state", timeout=10)
        shown: dict[str, Any] = answer.json()
        return shown

    def calls(self) -> dict[str, int]:
        """How many calls it had and how many orders are handled: cheaper than its state."""
        answer = requests.get(f"{self.simulator}/_simulator/calls", timeout=10)
        return dict(answer.json())

    def times(self) -> dict[str, list[Any]]:
        """When each order was first listed, and when its handling was started."""
        answer = requests.get(f"{self.simulator}/_simulator/times", timeout=10)
        return dict(answer.json())

    def steer(self, what: str, **body: object) -> None:
        url = f"{self.simulator}/_simulator/{what}"
        requests.post(url, json=body, timeout=10).raise_for_status()

    def clear_faults(self) -> None:
        requests.delete(f"{self.simulator}/_simulator/faults", timeout=10).raise_for_status()

    def change(self, order_id: str, **fields: object) -> None:
        url = f"{self.simulator}/_simulator/orders/{order_id}"
        requests.patch(url, json=fields, timeout=10).raise_for_status()

    def handled(self) -> int:
        return sum(
            value.get("start_handling_effects", 0) for value in self.state()["orders"].values()
        )

    def told(self, *arguments: str) -> str:
        """What a command prints that only reads the journal; "" where it fails.

        Asked in this process: what is polled would else start one a look, and take a core for it.
        """
        if self.home != ROOT:  # another version's command
            return self.command(*arguments).stdout
        result = CliRunner().invoke(main, arguments, env=self.env)
        return result.stdout if result.exit_code == 0 else ""

    def order(self, order_id: str) -> dict[str, Any]:
        """Where an order stands, as the command line tells it."""
        shown = self.told("orders", "show", order_id, "--json")
        return dict(json.loads(shown)["order"]) if shown else {}

    def orders(self, *options: str) -> list[dict[str, Any]]:
        return list(
            json.loads(self.told("orders", "list", "--json", "--limit", "5000", *options))["orders"]
        )

    def all_done(self, count: int) -> bool:
        return f"{count} done" in self.told("orders", "list", "--limit", "1")

    def all_done_supervised(self, count: int) -> bool:
        """Say the same, and start again what has exited."""
        self.keep()
        return self.all_done(count)

    def start_handling_calls(self) -> list[int]:
        return [value["start_handling_calls"] for value in self.state()["orders"].values()]

    def erp_rows(self, query: str = "select order_id from int_order") -> list[Any]:
        with self.erp_database().connect() as db:
            return [tuple(row) for row in db.execute(text(query))]

    def erp_database(self) -> Engine:
        """The ERP's database, as the ERP itself uses it."""
        url = make_url(self.env["ERP_URL"])
        driver = {"postgresql": "postgresql+psycopg"}.get(url.drivername, url.drivername)
        return create_engine(url.set(drivername=driver), poolclass=NullPool)

    def assert_each_order_once(self, count: int) -> None:
        effects = Counter(
            value.get("start_handling_effects", 0) for value in self.state()["orders"].values()
        )
        assert effects == {1: count}
        assert len(self.erp_rows()) == len(set(self.erp_rows())) == count

    def keep(self) -> None:
        """Start again what has exited, as a supervisor would."""
        for process in self.processes.values():
            if process.child is not None and process.child.poll() is not None:
                process.start()

    def logs(self) -> str:
        return "".join(value.text() for value in self.processes.values())

    def stop(self) -> None:
        for process in reversed(list(self.processes.values())):
            process.kill()
