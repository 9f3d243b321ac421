"""Each alert is sent once to each receiver, over a real journal, at a clock of the test's own."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from journal.monitoring.alerts import CLAIM_TIMEOUT, Problem
from journal.orders import NewOrder
from support.alert_scenario import MINUTE, POLICY, STORE, AlertScenario, credentials_expire
from tasks.alerts.delivery import notify
from tasks.alerts.evaluation import evaluate
from tasks.alerts.model import Rule
from tasks.alerts.queries import beat_silent


def test_two_that_look_at_once_tell_of_it_once(scenario: AlertScenario) -> None:
    scenario.bury("a-01", "no such SKU")
    scenario.minutes(2)
    scenario.clock.pass_by(60)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: scenario.look(), range(8)))

    assert len(scenario.journal.alerts.find()) == 1
    assert sorted(name for name, _ in scenario.notifier.got) == ["1 json", "2 slack"]


def test_two_that_find_it_at_once_make_one_alert_of_it(scenario: AlertScenario) -> None:
    cause = beat_silent(scenario.clock(), "no beat is at work")

    def find(_: int) -> None:
        scenario.journal.alerts.observe(
            [cause], {(Rule.BEAT_SILENT, "")}, POLICY.timing, now=scenario.clock()
        )

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(find, range(16)))
    notify(scenario.journal, scenario.notifier, scenario.policy, now=scenario.clock)

    assert scenario.open() == [("beat_silent", "")]
    assert len(scenario.notifier.titles()) == 1


def test_a_receiver_that_is_down_gets_it_later_and_the_others_get_it_once(
    scenario: AlertScenario,
) -> None:
    scenario.notifier.down = {"2 slack"}
    scenario.bury("a-01", "no such SKU")
    scenario.minutes(30)
    (row,) = scenario.journal.alerts.find()
    fault = row.fault

    scenario.notifier.down = set()
    scenario.minutes(30)

    assert fault == "2 slack: it does not answer"
    assert len(scenario.notifier.titles("1 json")) == len(scenario.notifier.titles("2 slack")) == 1
    (row,) = scenario.journal.alerts.find()
    assert row.fault is None


def test_a_receiver_that_never_heard_of_it_does_not_hear_that_it_is_over(
    scenario: AlertScenario,
) -> None:
    scenario.notifier.down = {"2 slack"}
    credentials_expire(scenario, 10)
    scenario.minutes(3)
    scenario.notifier.down = set()

    scenario.minutes(30)

    assert [title.split()[0] for title in scenario.notifier.titles("1 json")] == [
        "acme:",
        "resolved:",
    ]
    slack = scenario.notifier.titles("2 slack")
    assert slack == [] or slack[0].startswith("acme:")


def test_whoever_dies_while_sending_is_followed_by_another(scenario: AlertScenario) -> None:
    scenario.bury("a-01", "no such SKU")

    class Died(Exception):
        pass

    def die() -> None:
        raise Died

    scenario.notifier.on_send = die
    with pytest.raises(Died):
        scenario.minutes(10)
    scenario.notifier.on_send = lambda: None

    scenario.look()
    at_once = list(scenario.notifier.got)
    scenario.clock.pass_by(CLAIM_TIMEOUT.total_seconds() + 1)
    scenario.look()

    assert at_once == []
    assert len(scenario.notifier.titles()) == 1


def test_no_transaction_is_open_while_a_message_is_sent(scenario: AlertScenario) -> None:
    scenario.bury("a-01", "no such SKU")
    written: list[int] = []
    scenario.notifier.on_send = lambda: written.append(
        scenario.journal.orders.record("acme", [NewOrder(f"n-{len(written)}", None, 1)])
    )

    scenario.minutes(5)

    assert written == [1, 1]


def test_what_comes_and_goes_is_told_less_and_less_often(scenario: AlertScenario) -> None:
    for _ in range(12):  # four hours of ten minutes' failure, ten minutes' calm
        credentials_expire(scenario, 10)
        scenario.minutes(10)

    assert 2 <= len(scenario.notifier.titles()) <= 10


def test_without_receivers_alerts_are_kept_and_told_once_there_is_one(
    scenario: AlertScenario,
) -> None:
    scenario.notifier.receivers = ()
    scenario.bury("a-01", "no such SKU")
    scenario.minutes(10)
    kept = scenario.open()

    scenario.notifier.receivers = ("1 json",)
    scenario.minutes(1)

    assert kept == [("dead_letters", "acme")]
    assert len(scenario.notifier.titles()) == 1


def test_a_store_that_is_configured_no_more_keeps_no_alert_open(scenario: AlertScenario) -> None:
    scenario.journal.store_pauses.begin("outlet", seconds=9e6, reason="stocktaking")
    scenario.minutes(5)
    assert scenario.open() == [("store_paused", "outlet")]

    scenario.policy = replace(POLICY, stores=(STORE,))
    scenario.minutes(70)

    assert scenario.open() == []


def test_who_looks_seldom_is_believed_as_well(scenario: AlertScenario) -> None:
    scenario.policy = replace(POLICY, check_interval=20 * MINUTE)
    scenario.bury("a-01", "no such SKU")

    scenario.minutes(60, step=20)

    assert scenario.open() == [("dead_letters", "acme")]


def test_what_was_wrong_before_and_after_a_long_gap_did_not_last(scenario: AlertScenario) -> None:
    scenario.journal.store_pauses.begin("acme", seconds=60, reason="429")
    scenario.minutes(1)
    scenario.clock.pass_by(3600)
    scenario.journal.store_pauses.begin("acme", seconds=60, reason="429")
    scenario.minutes(1)

    assert scenario.open() == []


def test_rules_that_are_ignored_are_not_told(scenario: AlertScenario) -> None:
    scenario.policy = replace(POLICY, ignored=frozenset({"store_paused"}))
    scenario.journal.store_pauses.begin("acme", seconds=9e6, reason="stocktaking")

    scenario.minutes(5)

    assert scenario.open() == []


def test_an_evaluation_changes_no_alert_and_asks_no_clock(scenario: AlertScenario) -> None:
    scenario.bury("a-01", "no such SKU")
    moment = scenario.clock()
    scenario.clock.moment = datetime(1990, 1, 1, tzinfo=UTC)

    problems: list[Problem] = evaluate(scenario.journal, POLICY, moment)

    assert [(problem.rule, problem.count) for problem in problems] == [(Rule.DEAD_LETTERS, 1)]
    assert scenario.journal.alerts.find(since=datetime(1980, 1, 1, tzinfo=UTC)) == []


def test_a_look_reads_neither_all_orders_nor_all_jobs(tmp_path: Path) -> None:
    scenario = AlertScenario(f"sqlite:///{tmp_path}/journal.db")
    asked: list[tuple[str, Any]] = []
    engine = scenario.journal._database.engine
    event.listen(
        engine,
        "before_cursor_execute",
        lambda _c, _u, statement, values, *_: asked.append((statement, values)),
    )
    scenario.bury("a-01", "no such SKU")
    scenario.journal.orders.record("acme", [NewOrder("a-02", None, 1)])
    scenario.minutes(90, step=5)

    # What reads and what writes alike; a plan is made for the statement as it was asked.
    looks = [row for row in asked if row[0].startswith(("SELECT", "UPDATE", "DELETE"))]
    with engine.connect() as db:
        plans = {
            statement: [
                row[3] for row in db.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)
            ]
            for statement, values in looks
        }
    scenario.journal.close()

    scans = {
        statement: plan
        for statement, plan in plans.items()
        if any(text.startswith(("SCAN journal_jobs", "SCAN journal_orders")) for text in plan)
    }
    assert any("journal_orders" in plan for plan in plans)
    assert scans == {}
