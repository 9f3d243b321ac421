"""``vtex-erp check``: every fault with its fix."""

from __future__ import annotations

import re
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from foundation.local_days import DEFAULT_ZONE
from journal.cancel_requests import CancelRequest
from journal.model import Postponement, Stage
from support.command_line import NOW, PERSON, Desk
from support.servers import RedisServer
from tasks.retry_policy import RetryPolicy
from vtex.client import VtexClient
from vtex.documents import FeedConfig
from vtex.statuses import READY
from vtex.transport.transport import Account, Transport
from workers.cli.actions import check_broker as broker_checks
from workers.locks import BEAT_LOCK


def test_check_tells_bad_settings_one_a_line_with_status_2(desk: Desk) -> None:
    desk.env |= {"ORDER_LIST_INTERVAL_SECONDS": "soon", "REDIS_URL": "cache"}

    lines = desk.type("check", status=2).splitlines()
    verdicts = desk.json("check", status=2)

    assert [line.split(":")[:2] for line in lines] == [
        ["FAILED  settings", " REDIS_URL"],
        ["FAILED  settings", " ORDER_LIST_INTERVAL_SECONDS"],
    ]
    assert [(one["name"], one["ok"]) for one in verdicts] == [("settings", False)] * 2


def test_check_tells_of_every_part_though_all_are_broken(bare: Desk) -> None:
    bare.env |= {"VTEX_BASE_URL": "http://127.0.0.1:1", "VTEX_PAYMENTS_URL": "http://127.0.0.1:1"}

    found = bare.verdicts()

    assert found["settings"][0] is True
    assert "Start it, or fix REDIS_URL" in found["broker"][1]
    assert "vtex-erp migrate" in found["journal"][1]
    assert "vtex-erp migrate" in found["ERP"][1]
    assert "Check the account name" in found["acme VTEX"][1]
    assert {name for name, (ok, _) in found.items() if not ok} == {
        "broker",
        "beat",
        "journal",
        "ERP",
        "alerts",
        "acme rate limit",
        "acme VTEX",
    }


@pytest.mark.parametrize(("name", "setting"), [("journal", "JOURNAL_URL"), ("ERP", "ERP_URL")])
@pytest.mark.parametrize(
    "url", ["sqlite:////proc/nowhere/x.db", "postgresql://u:s3cret@127.0.0.1:1/x"]
)
def test_check_says_which_setting_names_a_database_that_is_out_of_reach(
    desk: Desk, name: str, setting: str, url: str
) -> None:
    desk.env[setting] = url

    ok, detail = desk.verdicts()[name]

    assert ok is False
    assert f"fix {setting}".casefold() in detail.casefold()
    assert "s3cret" not in detail


def test_check_tells_a_wrong_token_from_a_missing_permission(desk: Desk) -> None:
    desk.env["VTEX_APP_TOKEN"] = "wr0ng-token"

    found = {name: one for name, one in desk.verdicts().items() if name.startswith("acme ")}
    del found["acme rate limit"]

    assert len(found) == 6
    for ok, detail in found.values():
        assert ok is False
        assert detail.startswith("the key or token is wrong")
        assert "wr0ng" not in detail


def test_check_shows_a_store_that_is_paused(desk: Desk) -> None:
    desk.journal.store_pauses.begin("acme", seconds=3600, reason="VTEX answered 429")

    ok, detail = desk.verdicts()["acme paused"]

    assert ok is None
    assert "VTEX answered 429" in detail


def test_check_shows_the_rate_limit_and_what_slows_it_down_until_a_person_lets_it_go_on(
    desk: Desk, redis_server: RedisServer
) -> None:
    with desk.serve(redis_server):
        before = desk.verdicts(status=0)
        desk.store.faults.add(kind="throttle", retry_after=300)
        desk.type("orders", "sync", status=1)

        slow = desk.verdicts(status=0)
        desk.type("stores", "resume", "--store", "acme")
        after = desk.verdicts(status=0)

    assert before["acme rate limit"] == (
        True,
        "0 calls in the last minute, 4800 allowed (80 % of 6000)",
    )
    # Of the 300 seconds some have passed by the time of the look.
    pause = r"paused for (300|2\d\d) s, as VTEX asked \(429 or 503\)"
    assert re.search(pause, slow["acme rate limit"][1])
    assert slow["acme VTEX"] == (None, "not called during the pause that VTEX asked for")
    assert "slowed down to 50%" in after["acme rate limit"][1]
    assert after["acme List Orders"][0] is True


def test_check_says_that_a_store_has_no_limit(desk: Desk) -> None:
    desk.env["VTEX_QUOTA_PER_MINUTE"] = "0"

    assert desk.verdicts()["acme rate limit"] == (
        None,
        "calls are unlimited: VTEX_QUOTA_PER_MINUTE is 0",
    )


def test_check_and_orders_tell_of_an_erp_that_orders_wait_for(desk: Desk) -> None:
    desk.list("v1-01", ago=timedelta(minutes=5))
    (ticket,) = desk.journal.jobs.dispatch(in_flight=1)
    for stage in (Stage.FETCHED, Stage.PAID):
        with desk.journal.jobs.step("acme", "v1-01", ticket.attempt, to=stage):
            pass
    desk.journal.jobs.postpone(
        "acme",
        "v1-01",
        ticket.attempt,
        "no answer",
        Postponement(RetryPolicy().backoff_seconds, erp_down=True),
    )

    ok, detail = desk.verdicts()["ERP paused"]

    assert ok is None
    assert "(no answer); orders wait at paid" in detail
    assert "waits for the ERP, which does not answer: no answer" in desk.type("orders", "list")
    assert "waits at paid for the ERP" in desk.type("orders", "show", "v1-01")


def test_check_names_each_weakness_of_the_broker(desk: Desk, redis_server: RedisServer) -> None:
    with desk.serve(redis_server) as broker:
        broker.config_set("maxmemory-policy", "volatile-lru")
        broker.config_set("appendonly", "no")

    found = desk.verdicts()

    assert found["broker"][0] is True
    assert found["broker eviction"][0] is False
    assert "Set maxmemory-policy noeviction" in found["broker eviction"][1]
    assert found["broker persistence"][0] is None
    assert "Set appendonly yes" in found["broker persistence"][1]
    assert found["clock"][0] is True
    assert found["beat"][0] is None
    assert "Start celery -A workers beat" in found["beat"][1]


def test_a_broker_without_a_file_is_worth_a_note_and_no_failure(
    desk: Desk, redis_server: RedisServer
) -> None:
    with desk.serve(redis_server) as broker:
        broker.config_set("appendonly", "no")

    text = desk.type("check")

    assert "note    broker persistence: the append-only file is off" in text
    assert "ok      acme List Orders: granted" in text


def test_check_tells_a_refused_password_from_a_dead_broker(
    desk: Desk, redis_server: RedisServer
) -> None:
    with desk.serve(redis_server) as broker:
        broker.config_set("requirepass", "s3cret")

    ok, detail = desk.verdicts()["broker"]

    assert ok is False
    assert "answers, but refuses access" in detail
    assert "REDIS_URL" in detail


@pytest.mark.parametrize("broker", ["amqp://u:p@127.0.0.1:1//", "redis://127.0.0.1:1/0"])
def test_beat_is_unknown_while_the_broker_is_away(
    desk: Desk, redis_server: RedisServer, broker: str
) -> None:
    with desk.serve(redis_server) as connection:
        desk.env["BROKER_URL"] = broker
        without = desk.verdicts()
        connection.set(BEAT_LOCK, "host-1")
        with_lock = desk.verdicts()

    assert without["broker"][0] is with_lock["broker"][0] is False
    assert without["beat"][0] is None
    assert without["beat"][1].startswith("unknown")
    assert "BROKER_URL" in without["beat"][1]
    assert with_lock["beat"] == (True, "one is at work")


def test_beat_is_unknown_while_redis_is_away(desk: Desk) -> None:
    ok, detail = desk.verdicts()["beat"]

    assert ok is None
    assert detail.startswith("unknown")
    assert "REDIS_URL" in detail


def test_check_tells_a_replica_from_a_broker(desk: Desk, redis_server: RedisServer) -> None:
    with desk.serve(redis_server) as broker:
        broker.replicaof("127.0.0.1", 1)

    ok, detail = desk.verdicts()["broker role"]

    assert ok is False
    assert "Set REDIS_URL to the primary" in detail


class Elsewhere:
    """A broker whose clock is a minute behind, of a version of long ago."""

    def time(self) -> tuple[int, int]:
        return int(datetime.now(UTC).timestamp()) - 60, 0

    def info(self) -> dict[str, str]:
        return {"redis_version": "5.0.14"}

    def exists(self, _: str) -> int:
        return 1


def test_a_clock_that_is_apart_and_an_old_broker_are_told() -> None:
    old: Any = Elsewhere()
    verdicts = [
        *broker_checks._server(old, "broker", "redis://cache", "REDIS_URL"),
        broker_checks._clock(old),
        broker_checks._beat(old),
    ]
    found = {one.name: one for one in verdicts}

    assert (found["clock"].ok, found["broker"].ok, found["beat"].ok) == (False, False, True)
    assert "Run NTP on both hosts" in found["clock"].detail
    assert "6.2 or later is needed" in found["broker"].detail
    assert set(asdict(found["clock"])) == {"name", "ok", "detail"}


def test_check_says_nothing_of_a_feed_that_nobody_wants(desk: Desk) -> None:
    assert not [one for one in desk.verdicts() if "feed" in one]


def test_check_tells_how_a_feed_stands(desk: Desk) -> None:
    desk.env["VTEX_INTAKE"] = "both"
    found = [desk.verdicts()["acme feed"]]
    desk.type("feed", "setup")
    found.append(desk.verdicts()["acme feed"])
    desk.env["VTEX_INTAKE"] = "list"
    found.append(desk.verdicts()["acme feed"])
    desk.env["VTEX_INTAKE"] = "feed"
    desk.store.store.feed.forget()
    found.append(desk.verdicts()["acme feed"])
    desk.journal.feeds.mark_failed("acme", "VTEX answered 500")
    found.append(desk.verdicts()["acme feed"])
    desk.journal.feeds.mark_restored("acme", "VTEX had none any more")
    restored = desk.verdicts()["acme feed restored"]
    desk.store.store.permissions -= {"Feed v3 and Hook Admin", "Feed v3 and Hook view only"}
    found.append(desk.verdicts()["acme feed"])

    assert [ok for ok, _ in found] == [None, True, None, None, False, False]
    words = [
        "vtex-erp feed setup",
        "as it was set up, nothing waits",
        "Set VTEX_INTAKE",
        "the workers restore it within minutes",
        "VTEX answered 500; the list brings the orders",
        "Grant 'Feed v3 and Hook Admin' to the key",
    ]
    for (_, detail), word in zip(found, words, strict=True):
        assert word in detail
    assert "VTEX had none any more" in restored[1]


def test_check_names_a_receiver_that_cannot_be_told_and_shows_no_secret(desk: Desk) -> None:
    nobody = desk.verdicts()["alerts"]
    desk.env["ALERT_URLS"] = f"json://127.0.0.1:1/open-sesame slack://open-sesame {PERSON}"
    refused = desk.type("check", status=2)
    desk.env["ALERT_URLS"] = "json://127.0.0.1:1/open-sesame slack://open-sesame"

    found = desk.verdicts()

    assert nobody[0] is None
    assert "Set ALERT_URLS" in nobody[1]
    assert "as number 3 of its parts" in refused
    assert found["alerts to 2 slack"][0] is False
    assert found["alerts"] == (True, "go to 1 json; vtex-erp alerts test sends one to each")
    assert "open-sesame" not in refused + str(found)
    assert PERSON not in refused


def undecided(desk: Desk, order_id: str, days: int) -> None:
    desk.list(order_id)
    until = NOW + timedelta(days=days)
    request = CancelRequest("acme", order_id, "85835AB4", until - timedelta(days=30), until)
    desk.journal.cancel_requests.save(request)


def test_check_tells_of_what_waits_for_a_decision(desk: Desk) -> None:
    undecided(desk, "o-1-01", 2)
    undecided(desk, "o-2-01", 20)

    ok, words = desk.verdicts()["acme pending cancellations"]

    assert ok is None
    day = f"{(NOW + timedelta(days=2)).astimezone(DEFAULT_ZONE):%Y-%m-%d} (America/Sao_Paulo)"
    assert (
        words
        == f"2 wait for the ERP's decision, the first until {day}. Run vtex-erp requests pending-cancellations"
    )


def test_check_tells_of_a_feed_that_was_set_up_before_it_told_of_cancellations(desk: Desk) -> None:
    desk.env["VTEX_INTAKE"] = "both"
    desk.type("feed", "setup")
    assert "as it was set up" in desk.verdicts()["acme feed"][1]
    feed = FeedConfig((READY,), 300, 345_600)
    wire = Account("acme", desk.store.app_key, desk.store.app_token, desk.store.url, desk.store.url)
    VtexClient(Transport(wire)).configure_feed(feed)
    desk.journal.feeds.set_up("acme", (READY,), hidden_seconds=300, kept_seconds=345_600)

    ok, words = desk.verdicts()["acme feed"]

    assert ok is None
    assert (
        "omits cancellations, and the list shows them later. Run vtex-erp feed setup again" in words
    )
