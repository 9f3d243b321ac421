"""``vtex-erp alerts``: open problems, and a test of the receivers."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from support.command_line import PERSON, Desk
from tasks.alerts.evaluation import update_alerts
from workers import wiring
from workers.configuration.settings import load


def looked(desk: Desk) -> None:
    """Let somebody look for alerts now, without patience."""
    rules = replace(wiring.alert_policy(load(_set(desk.env))), pending=timedelta())
    update_alerts(desk.journal, rules, desk.moment)
    desk.journal.heartbeats.record("alerts_evaluated")


def _set(env: dict[str, str | None]) -> dict[str, str]:
    return {name: value for name, value in env.items() if value is not None}


def test_alerts_show_what_is_wrong_with_its_next_step_and_end_with_one(desk: Desk) -> None:
    desk.list("a-01", "a-02")
    for one in ("a-01", "a-02"):
        desk.bury(one, f"items[0] '{PERSON}': no such SKU")
    looked(desk)

    text = desk.type("alerts", "list", status=1)
    (alert,) = desk.json("alerts", "list", status=1)["alerts"]

    assert "2 dead letters: items[…] …: no such SKU (first order a-01)" in text
    assert "vtex-erp dead-letters retry --store acme --matching 'items[…] …: no such SKU'" in text
    assert "nobody" in text
    assert (alert["rule"], alert["count"], alert["order_id"]) == ("dead_letters", 2, "a-01")
    assert PERSON not in text
    # What it says to type finds what it is about.
    assert (
        desk.json(
            "dead-letters", "list", "--store", "acme", "--matching", "items[…] …: no such SKU"
        )["count"]
        == 2
    )


def test_alerts_that_are_over_are_shown_where_they_are_asked_for(desk: Desk) -> None:
    # The command itself goes by the real clock, which may be far from the tests' beginning.
    desk.moment = datetime.now(UTC)
    desk.list("a-01")
    desk.bury("a-01", "no such SKU")
    looked(desk)
    desk.type("dead-letters", "discard", "--all", "--reason", "a test", "--yes")
    looked(desk)
    desk.moment += timedelta(minutes=6)
    looked(desk)

    told = desk.type("alerts", "list")
    assert "no alert is firing, as of" in told
    assert "after 120 s" in told
    assert "no such SKU" in desk.type("alerts", "list", "--all")
    assert "no such SKU" in desk.type("alerts", "list", "--since", "1h")
    assert "no such SKU" not in desk.type("alerts", "list", "--all", "--store", "outlet")


def test_alerts_for_which_nobody_looks_say_so(desk: Desk) -> None:
    never = desk.type("alerts", "list", status=1)
    desk.moment -= timedelta(minutes=10)
    desk.journal.heartbeats.record("alerts_evaluated")

    late = desk.type("alerts", "list", status=1)

    assert "the alert rules have not been evaluated yet: start celery -A workers beat" in never
    assert "the alert rules have not been evaluated since 20" in late


def test_a_test_without_receivers_is_a_wrong_call(desk: Desk) -> None:
    assert "Set ALERT_URLS" in desk.type("alerts", "test", status=2)
