"""A worker's own look: its host's clock against the journal's, and whether the schedule runs."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from journal.journal import Journal
from journal.monitoring.heartbeats import ALERTS_EVALUATED
from journal.storage.clock import utc_now
from support.servers import eventually
from workers.configuration.settings import Settings, load
from workers.monitoring import watchdog
from workers.monitoring.watchdog import Watchdog


def settings(url: str) -> Settings:
    return load(
        {
            "JOURNAL_URL": url,
            "REDIS_URL": "redis://127.0.0.1:1/0",
            "ALERT_PENDING_SECONDS": "0",
            "ALERT_RESOLVE_SECONDS": "0",
            "ALERT_CHECK_INTERVAL_SECONDS": "0.2",
            "ALERT_BEAT_SILENT_SECONDS": "0.4",
        }
    )


class Hosts:
    """Workers of a cluster, each with its watchdog."""

    def __init__(self, url: str) -> None:
        self.journal, self.settings = Journal(url), settings(url)
        self.journal.migrate()
        self.all: list[Watchdog] = []

    def add(self) -> Watchdog:
        self.all.append(Watchdog(self.settings))
        return self.all[-1]


@pytest.fixture
def hosts(postgres_database: str) -> Iterator[Hosts]:
    made = Hosts(postgres_database)
    yield made
    for resource in made.all:
        resource.stop()
        if resource._thread.is_alive():
            resource._thread.join()
        resource.close()
    made.journal.close()


def test_a_host_whose_clock_is_off_is_told_by_its_name_and_over_when_it_is_right(
    hosts: Hosts, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal, host = hosts.journal, hosts.add()
    monkeypatch.setattr(watchdog.socket, "gethostname", lambda: "worker-7")
    monkeypatch.setattr(watchdog, "utc_now", lambda: utc_now() + timedelta(minutes=3))

    host._check()
    (wrong,) = journal.alerts.find()
    monkeypatch.setattr(watchdog, "utc_now", utc_now)
    host._check()
    host._check()

    assert (wrong.rule, wrong.key) == ("clock_skew", "worker-7")
    assert (
        "the clock of worker-7 differs by 180 s from the clock of the journal's database"
        in wrong.message
    )
    assert journal.alerts.find() == []


def test_one_host_that_is_right_does_not_speak_for_another(
    hosts: Hosts, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = hosts.add(), hosts.add()
    monkeypatch.setattr(watchdog.socket, "gethostname", lambda: "worker-7")
    monkeypatch.setattr(watchdog, "utc_now", lambda: utc_now() + timedelta(minutes=3))
    first._check()

    monkeypatch.setattr(watchdog.socket, "gethostname", lambda: "worker-8")
    monkeypatch.setattr(watchdog, "utc_now", utc_now)
    for _ in range(3):
        second._check()

    assert [alert.key for alert in hosts.journal.alerts.find()] == ["worker-7"]


def test_a_schedule_that_never_ran_is_no_news_and_one_that_stopped_is_one_alert(
    hosts: Hosts,
) -> None:
    journal = hosts.journal
    for _ in range(3):
        hosts.add().start()
    journal.heartbeats.record(ALERTS_EVALUATED)

    eventually(journal.alerts.find)
    (first,) = journal.alerts.find()
    eventually(lambda: journal.alerts.find()[0].seen_at > first.seen_at)

    (alert,) = journal.alerts.find()
    assert (alert.id, alert.rule) == (first.id, "beat_silent")
    assert "Redis does not answer" in alert.message
