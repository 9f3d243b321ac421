"""Connections to PostgreSQL: how many, what becomes of them, and what is told when they are gone."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy import Connection, NullPool, create_engine, event, make_url, text

from erp.adapters.sql.database import ErpDatabase
from erp.port import ErpRejected, ErpUnavailable
from foundation.database import connections
from journal.model import JournalUnavailable
from journal.storage.database import JournalDatabase
from support.servers import eventually

ONE = "SELECT 1 AS n"
AWAY = (JournalUnavailable, ErpUnavailable)
LOCK = 4711

Run = Callable[[str, dict[str, Any]], object]


class Server:
    """The server's side of a database."""

    def __init__(self, db: Connection) -> None:
        self._db = db

    def _others(self, what: str, where: str = "true") -> Any:
        query = (
            f"SELECT {what} FROM pg_stat_activity WHERE datname = current_database() "
            f"AND backend_type = 'client backend' AND pid <> pg_backend_pid() AND {where}"
        )
        return self._db.execute(text(query)).scalar()

    def connections(self) -> int:
        return int(self._others("count(*)"))

    def end_all(self) -> None:
        """End all connections, as a server does that is started again."""
        self._others("count(pg_terminate_backend(pid))")
        eventually(lambda: self.connections() == 0)

    def hold(self, run: Run, threads: int, most: int) -> None:
        """Let so many threads run a statement, of which so many get to the server, and end."""
        self._db.execute(text(f"SELECT pg_advisory_lock({LOCK})"))
        with ThreadPoolExecutor(threads) as pool:
            shared = f"SELECT true AS had FROM (SELECT pg_advisory_xact_lock_shared({LOCK})) AS a"
            waiting = [pool.submit(run, shared, {}) for _ in range(threads)]
            eventually(lambda: self._others("count(*)", "wait_event = 'advisory'") == most)
            self._db.execute(text(f"SELECT pg_advisory_unlock({LOCK})"))
            assert [entry.result() for entry in waiting] == [{"had": True}] * threads

    def open_four(self, database: JournalDatabase | ErpDatabase) -> None:
        """Leave two connections where statements, and two where transactions take them."""
        self.hold(database.once, 4, 4)
        with database.transaction(), database.transaction():
            pass
        assert self.connections() == 4


@pytest.fixture(params=[JournalDatabase, ErpDatabase])
def database(
    request: pytest.FixtureRequest, postgres_database: str
) -> Iterator[JournalDatabase | ErpDatabase]:
    made: JournalDatabase | ErpDatabase = request.param(postgres_database)
    yield made
    made.close()


@dataclass
class Clock:
    seconds: float = 1000.0

    def monotonic(self) -> float:
        return self.seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(connections, "time", made)
    return made


@pytest.fixture
def server(postgres_database: str) -> Iterator[Server]:
    driver = make_url(postgres_database).set(drivername="postgresql+psycopg")
    engine = create_engine(driver, poolclass=NullPool, isolation_level="AUTOCOMMIT")
    with engine.connect() as db:
        yield Server(db)


def in_transaction(database: JournalDatabase | ErpDatabase) -> None:
    with database.transaction() as db:
        db.execute(text(ONE))


def failures(database: JournalDatabase | ErpDatabase, calls: int) -> int:
    count = 0
    for number in range(calls):
        try:
            in_transaction(database) if number % 2 else database.once(ONE, {})
        except AWAY:
            count += 1
    return count


def test_a_transaction_after_a_statement_opens_no_second_connection(
    database: JournalDatabase | ErpDatabase, server: Server
) -> None:
    for _ in range(3):
        assert database.once(ONE, {}) == {"n": 1}
        in_transaction(database)

    assert server.connections() == 1


def test_threads_that_ended_leave_their_connection_to_the_next(
    database: JournalDatabase | ErpDatabase, server: Server
) -> None:
    for _ in range(5):
        thread = threading.Thread(target=database.once, args=(ONE, {}))
        thread.start()
        thread.join()

    assert server.connections() == 1


def test_closing_leaves_no_connection_and_the_next_use_connects_anew(
    database: JournalDatabase | ErpDatabase, server: Server
) -> None:
    server.open_four(database)

    database.close()

    eventually(lambda: server.connections() == 0)
    assert database.once(ONE, {}) == {"n": 1}


def test_after_a_restart_of_the_server_one_statement_fails(
    database: JournalDatabase | ErpDatabase, server: Server
) -> None:
    server.open_four(database)
    server.end_all()

    with pytest.raises(AWAY):
        database.once(ONE, {})

    assert failures(database, 10) == 0


def test_after_a_restart_of_the_server_one_transaction_fails(
    database: JournalDatabase | ErpDatabase, server: Server
) -> None:
    server.open_four(database)
    server.end_all()

    with pytest.raises(AWAY):
        in_transaction(database)

    assert failures(database, 10) == 0


@pytest.mark.parametrize("first", ["once", "transaction"])
def test_after_a_restart_while_all_was_idle_nothing_fails(
    database: JournalDatabase | ErpDatabase, server: Server, first: str, clock: Clock
) -> None:
    server.open_four(database)
    server.end_all()
    clock.seconds += connections.IDLE_SECONDS

    database.once(ONE, {}) if first == "once" else in_transaction(database)

    assert failures(database, 10) == 0


def test_a_connection_in_use_is_neither_tried_nor_got_from_the_pool_anew(
    database: JournalDatabase | ErpDatabase, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = database._made().engine
    tried: list[object] = []
    taken: list[object] = []
    ping = engine.dialect.do_ping
    monkeypatch.setattr(engine.dialect, "do_ping", lambda value: tried.append(value) or ping(value))
    event.listen(engine, "checkout", lambda *_: taken.append(_))

    for _ in range(3):
        for _ in range(3):
            database.once(ONE, {})
            clock.seconds += 1
        in_transaction(database)
    for _ in range(6):
        clock.seconds += 1
        in_transaction(database)

    assert (len(tried), len(taken)) == (1, 12)


def test_a_statement_that_fails_costs_no_connection_and_spoils_none(
    database: JournalDatabase | ErpDatabase, server: Server
) -> None:
    for _ in range(3):
        with pytest.raises((*AWAY, ErpRejected)):
            database.once("SELECT 1 / %(by)s AS n", {"by": 0})
        assert database.once(ONE, {}) == {"n": 1}

    assert server.connections() == 1


def test_a_transaction_after_a_statement_is_one(database: JournalDatabase | ErpDatabase) -> None:
    with database.transaction() as db:
        db.execute(text("CREATE TABLE noted (n int)"))
    database.once(ONE, {})

    with pytest.raises(ZeroDivisionError), database.transaction() as db:
        db.execute(text("INSERT INTO noted VALUES (1)"))
        raise ZeroDivisionError

    assert database.once("SELECT count(*) AS n FROM noted", {}) == {"n": 0}


def test_more_threads_than_connections_all_have_their_turn(
    postgres_database: str, server: Server
) -> None:
    driver = make_url(postgres_database).set(drivername="postgresql+psycopg")
    two = create_engine(driver, pool_size=1, max_overflow=1, pool_timeout=10)

    with closing(connections.Connections(two)) as few:
        server.hold(few.run, threads=8, most=2)
