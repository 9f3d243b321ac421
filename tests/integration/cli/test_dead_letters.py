"""``vtex-erp dead-letters``: listing, retrying, discarding."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from foundation.local_days import DEFAULT_ZONE
from foundation.messages import erp
from support.command_line import NOW, Desk, table


def test_dead_tells_since_when_until_when_how_often_and_which_stores(desk: Desk) -> None:
    desk.list("a-01", "b-01", ago=timedelta(days=2))
    desk.moment = NOW - timedelta(hours=5)
    desk.bury("a-01", "items.0.quantity: 'many' is not a whole number")
    desk.moment = NOW - timedelta(hours=1)
    desk.bury("b-01", "items.7.quantity: 'few' is not a whole number")

    text = table(desk.type("dead-letters", "list"))
    (cause,) = desk.json("dead-letters", "list")["causes"]

    first, last = ((NOW - timedelta(hours=h)).astimezone(DEFAULT_ZONE) for h in (5, 1))
    assert f"2 {first:%Y-%m-%d %H:%M:%S} {last:%Y-%m-%d %H:%M:%S} 2 acme items.…quantity" in text
    assert (cause["count"], cause["attempts"], cause["stores"]) == (2, 2, ["acme"])
    assert cause["last"]["order_id"] == "b-01"


def test_a_dead_letter_shows_the_code_of_its_reason(desk: Desk) -> None:
    desk.list("a-01")
    desk.bury("a-01", erp.ITEMS_MISSING())

    text = table(desk.type("dead-letters", "list"))
    shown = desk.json("dead-letters", "list")

    assert "items: the order has none [VE-2008]" in text
    assert [shown["causes"][0]["error_code"], shown["jobs"][0]["error_code"]] == ["VE-2008"] * 2
    assert desk.json("orders", "show", "a-01")["order"]["error_code"] == "VE-2008"
    assert "the order has none [VE-2008]" in desk.type("orders", "show", "a-01")


@pytest.mark.parametrize("gap", ["…", "..."])
def test_a_cause_can_be_pasted_as_the_reason(desk: Desk, gap: str) -> None:
    desk.list("a-01", "b-01")
    desk.bury("a-01", "items.0.quantity: 'many' is not a whole number")
    desk.bury("b-01", "items.0.price: 'many' is not a whole number")
    (cause,) = [
        one["cause"]
        for one in desk.json("dead-letters", "list")["causes"]
        if "quantity" in one["cause"]
    ]

    found = desk.json("dead-letters", "list", "--matching", cause.replace("…", gap))

    assert [one["order_id"] for one in found["jobs"]] == ["a-01"]


@pytest.mark.parametrize(
    ("options", "ids"),
    [
        ("--since 2h", ["new-01"]),
        ("--until 90m", ["old-01"]),
        ("--since 1d", ["old-01", "new-01"]),
        ("--since {day}", ["old-01", "new-01"]),
        ("--until {day}", ["old-01", "new-01"]),
        ("--since {old} --until {old}", ["old-01"]),
    ],
)
def test_dead_jobs_are_chosen_by_time(desk: Desk, options: str, ids: list[str]) -> None:
    noon = datetime.now(DEFAULT_ZONE).replace(hour=12, minute=0, second=0, microsecond=0)
    desk.list("old-01", "new-01", ago=timedelta(days=2))
    for order_id, hours in (("old-01", 5), ("new-01", 1)):
        desk.moment = (noon if "{" in options else NOW) - timedelta(hours=hours)
        desk.bury(order_id, "x")
    named = options.format(day=f"{noon:%Y-%m-%d}", old=(noon - timedelta(hours=5)).isoformat())

    assert [
        one["order_id"] for one in desk.json("dead-letters", "list", *named.split())["jobs"]
    ] == ids


@pytest.mark.parametrize(
    "call",
    [
        "list --since yesterday",
        "list --since 2026-13-01",
        "list --since 0001-01-01",
        "list --until 9999-12-31T23:59-23:00",
        "list --since -2h",
        "list --since 99999999999d",
        "list --since 1h --until 2h",
        "retry --all --since 1h --until 2h",
        "discard --all --reason=",
        "discard --all --reason=   ",
        "retry --matching= --yes",
        "retry --yes",
        "retry group --yes",
    ],
)
def test_what_makes_no_sense_to_an_operators_command_is_a_wrong_call(desk: Desk, call: str) -> None:
    desk.list("a-01")
    desk.bury("a-01", "x")

    assert "No such" not in desk.type("dead-letters", *call.split(" "), status=2)

    assert len(desk.json("dead-letters", "list")["jobs"]) == 1


def test_a_store_that_nobody_knows_is_told_where_nothing_fits(desk: Desk) -> None:
    desk.list("a-01")
    desk.bury("a-01", "x")

    for call in ("list", "retry", "discard --reason=x"):
        text = desk.type("dead-letters", *call.split(), "--store", "acmee")
        assert "no order of store 'acmee' was ever listed (known: acme)" in text


def test_what_would_be_moved_is_shown_before_the_question(desk: Desk) -> None:
    desk.list("a-01", "b-01", "c-01")
    for order_id, reason in (("a-01", "the sums differ by 1,01"), ("b-01", "the sums differ by 2")):
        desk.bury(order_id, reason)
    desk.bury("c-01", "no such SKU")

    text = desk.type("dead-letters", "retry", "--all", answer="n\n")

    assert "2  the sums differ by …" in text
    assert "1  no such SKU" in text
    assert "retry: 3 jobs of 3 orders? [y/N]" in text
    assert "nothing was changed" in text
    assert len(desk.json("dead-letters", "list")["jobs"]) == 3


def test_a_question_that_nobody_can_answer_says_how_to_go_without(desk: Desk) -> None:
    desk.list("a-01")
    desk.bury("a-01", "x")

    text = desk.type("dead-letters", "discard", "--all", "--reason", "old", status=1)

    assert "without a terminal to answer, add --yes; nothing was changed" in text
    assert len(desk.json("dead-letters", "list")["jobs"]) == 1


def test_what_was_discarded_keeps_who_said_why_in_its_timeline(desk: Desk) -> None:
    desk.list("a-01")
    desk.bury("a-01", "x")

    assert "1 jobs discarded" in desk.type(
        "dead-letters", "discard", "--all", "--reason", "test order", "--yes"
    )

    text = desk.type("orders", "show", "a-01")
    assert "discarded: test order" in text
    assert "was skipped: discarded: test order" in text


def test_a_group_keeps_its_number_from_the_list_to_the_retry(desk: Desk) -> None:
    desk.list("a-01", "b-01", "c-01")
    for order_id, reason in (("a-01", "the sums differ by 1"), ("b-01", "the sums differ by 2")):
        desk.bury(order_id, reason)
    sums = desk.json("dead-letters", "list")["causes"][0]["group"]
    desk.bury("c-01", "no such SKU")

    text = table(desk.type("dead-letters", "list"))
    first = desk.json("dead-letters", "list", "--order", "a-01")["causes"]
    discarded = desk.type("dead-letters", "discard", str(sums), "--reason", "x", "--yes")

    assert f"{sums} 2 " in text
    assert [one["group"] for one in first] == [sums]
    assert "2 jobs discarded" in discarded
    assert [one["order_id"] for one in desk.json("dead-letters", "list")["jobs"]] == ["c-01"]
    assert "no dead letter fits" in desk.type("dead-letters", "retry", str(sums), "--yes")
