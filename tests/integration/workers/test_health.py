"""What is said of a process that stands still, and of servers that are away or say nothing."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

import pytest

from journal.journal import Journal
from support.servers import RabbitServer, RedisServer, free_port
from workers.app import app
from workers.configuration.settings import Settings, load
from workers.monitoring import health
from workers.monitoring.health import POOL_SECONDS, STILL_SECONDS, Health, Life


@pytest.fixture
def life(monkeypatch: pytest.MonkeyPatch) -> Life:
    made = Life()
    monkeypatch.setattr(health, "life", made)
    return made


@pytest.fixture
def silent() -> Iterator[int]:
    """A server that takes connections and says nothing."""
    with closing(socket.socket()) as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        yield int(server.getsockname()[1])


def settings(**given: str) -> Settings:
    return load({"REDIS_URL": f"redis://:open-sesame@127.0.0.1:{free_port()}/0"} | given)


def has_stood_still(life: Life, seconds: float) -> None:
    life._turned = time.monotonic() - seconds


def test_a_loop_that_turns_is_alive_and_one_that_stands_still_is_not(life: Life) -> None:
    of = Health({"broker": lambda: ""}, broker="broker")
    has_stood_still(life, STILL_SECONDS + 1)
    still, words = of.alive()
    life.turn()

    assert (still, of.alive()[0]) == (False, True)
    assert words["loop"].startswith("has stood still for ")


def test_a_loop_that_waits_for_its_broker_is_alive_and_has_time_to_come_back(
    life: Life, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = ["does not answer (ConnectionError)"]
    monkeypatch.setattr(health, "_KEPT_SECONDS", 0.0)
    of = Health({"broker": lambda: wrong[0]}, broker="broker")
    has_stood_still(life, 10 * STILL_SECONDS)
    while_away, ready = of.alive()[0], of.ready()
    wrong[0] = ""
    after = of.alive()[0]
    of._excused_until = 0.0

    assert (while_away, after, of.alive()[0]) == (True, True, False)
    assert ready == (
        False,
        {"ready": False, "failing": {"broker": "does not answer (ConnectionError)"}, "fine": []},
    )


def test_a_pool_whose_threads_are_all_kept_is_not_alive(life: Life) -> None:
    of, go_on = Health({}), threading.Event()
    with ThreadPoolExecutor(1) as pool:
        pool.submit(go_on.wait)
        life.try_pool(pool.submit)
        assert of.alive()[0]
        life._submitted_at = time.monotonic() - POOL_SECONDS - 1
        kept, words = of.alive()
        life.try_pool(pool.submit)
        go_on.set()

    assert (kept, of.alive()[0]) == (False, True)
    assert words["pool"].startswith("has started no work for ")


def test_a_pool_that_has_been_shut_down_is_no_fault_of_the_loop(life: Life) -> None:
    with ThreadPoolExecutor(1) as pool:
        pass

    life.try_pool(pool.submit)

    assert Health({}).alive()[0]


@pytest.mark.parametrize("where", ["REDIS_URL", "JOURNAL_URL"])
def test_a_server_that_says_nothing_is_not_waited_for(
    life: Life, silent: int, where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "_PATIENCE_SECONDS", 0.2)
    scheme = {"REDIS_URL": "redis", "JOURNAL_URL": "postgresql"}[where]
    of = health.of(
        settings(**{where: f"{scheme}://u:open-sesame@127.0.0.1:{silent}/0"}), app, journal=True
    )

    ready, body = of.ready()

    name = {"REDIS_URL": "broker", "JOURNAL_URL": "journal"}[where]
    assert not ready
    assert body["failing"][name] == "no answer within 0 s"
    assert "open-sesame" not in str(body)


def test_servers_that_are_away_are_named_without_a_secret(life: Life) -> None:
    away = settings(JOURNAL_URL=f"postgresql://erp:open-sesame@127.0.0.1:{free_port()}/journal")

    for of in (health.of(away, app, journal=True), health.of_exporter(away)):
        ready, body = of.ready()

        assert not ready
        assert len(body["failing"]) == 2
        assert "open-sesame" not in str(body)


def test_tables_of_an_earlier_version_are_not_ready_and_say_what_to_do(
    life: Life, redis_server: RedisServer, tmp_path: Any
) -> None:
    url = f"sqlite:///{tmp_path}/journal.db"
    of = health.of_exporter(load({"REDIS_URL": redis_server.url, "JOURNAL_URL": url}))
    before = of.ready()
    journal = Journal(url)
    journal.migrate()
    journal.close()
    after = health.of_exporter(load({"REDIS_URL": redis_server.url, "JOURNAL_URL": url})).ready()

    assert not before[0]
    assert "vtex-erp migrate" in before[1]["failing"]["journal"]
    assert after == (True, {"ready": True, "failing": {}, "fine": ["redis", "journal"]})


def test_a_beat_needs_no_journal(life: Life, redis_server: RedisServer) -> None:
    away = settings(
        REDIS_URL=redis_server.url, JOURNAL_URL=f"postgresql://e@127.0.0.1:{free_port()}/j"
    )

    assert health.of(away, app, journal=False).ready()[0]


def test_a_check_that_nobody_foresaw_to_fail_tells_its_kind_alone(life: Life) -> None:
    def fall() -> str:
        raise ZeroDivisionError("Ana Prado")

    assert Health({"x": fall}).ready()[1]["failing"] == {"x": "unforeseen ZeroDivisionError"}


def test_rabbitmq_is_asked_as_a_worker_would(
    life: Life, rabbit_server: RabbitServer, redis_server: RedisServer
) -> None:
    given = settings(BROKER_URL=rabbit_server.url, REDIS_URL=redis_server.url)
    app.conf.broker_url, before = rabbit_server.url, app.conf.broker_url
    try:
        well = health.broker(given, app)
        rabbit_server.kill()
        away = health.broker(given, app)
    finally:
        app.conf.broker_url = before

    assert well == ""
    assert away.startswith("does not answer (")
