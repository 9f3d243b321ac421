"""``vtex-erp stores``: pausing and resuming."""

from __future__ import annotations

import pytest

from support.command_line import Desk, table


def test_a_pause_by_hand_is_told_with_the_command_that_ends_it(desk: Desk) -> None:
    desk.list("a-01")
    desk.type("stores", "pause", "--store", "acme", "--reason", "stocktaking")

    _, detail = desk.verdicts()["acme paused"]
    orders = desk.type("orders", "list")

    assert detail == "until vtex-erp stores resume --store acme: stocktaking"
    assert "acme is paused until vtex-erp stores resume --store acme: stocktaking" in orders
    assert "store paused: stocktaking" in table(orders)
    assert "waits at listed, acme is paused until vtex-erp stores resume --store acme" in desk.type(
        "orders", "show", "a-01"
    )
    assert desk.json("orders", "list")["paused"]["acme"]["reason"] == "stocktaking"
    assert desk.json("orders", "show", "a-01")["paused"]["reason"] == "stocktaking"


def test_a_pause_that_ends_by_itself_says_when(desk: Desk) -> None:
    desk.journal.store_pauses.begin("acme", seconds=7200, reason="VTEX refuses the key (401)")

    _, detail = desk.verdicts()["acme paused"]

    assert "then it resumes by itself: VTEX refuses the key (401)" in detail
    assert detail.startswith("until 20")


def test_a_shorter_pause_leaves_a_pause_by_hand_alone_and_says_so(desk: Desk) -> None:
    desk.type("stores", "pause", "--store", "acme", "--reason", "stocktaking")
    desk.journal.store_pauses.begin("acme", seconds=60, reason="VTEX answered 429")

    text = desk.type("stores", "pause", "--store", "acme", "--minutes", "5", "--reason", "lunch")

    assert "acme is already paused until vtex-erp stores resume --store acme: stocktaking" in text
    assert "stocktaking" in desk.verdicts()["acme paused"][1]


def test_no_pause_of_a_store_is_told_of_another(desk: Desk) -> None:
    desk.list("a-01")
    desk.list("b-01", store="outlet")
    desk.journal.store_pauses.begin("outlet", seconds=7200, reason="VTEX answered 429")

    assert "paused" not in desk.type("orders", "show", "a-01")
    assert "outlet is paused until" in desk.type("orders", "list", "--store", "outlet")
    assert "is paused" not in desk.type("orders", "list", "--store", "acme")


@pytest.mark.parametrize("minutes", ["0", "-1", "inf", "nan"])
def test_a_length_that_makes_no_sense_is_a_wrong_call(desk: Desk, minutes: str) -> None:
    desk.type("stores", "pause", "--minutes", minutes, status=2)

    assert desk.journal.store_pauses.get("acme") is None


def test_stores_are_listed_with_their_pause_and_their_orders(desk: Desk) -> None:
    desk.list("a-01")
    desk.type("stores", "pause", "--reason", "stocktaking")

    text = table(desk.type("stores", "list"))
    (shown,) = desk.json("stores", "list")

    assert "acme list until vtex-erp stores resume --store acme: stocktaking 1 listed" in text
    assert (shown["store"], shown["intake"], shown["counts"]) == ("acme", "list", {"listed": 1})
    assert shown["paused"]["reason"] == "stocktaking"


def test_a_store_that_is_not_configured_cannot_be_paused(desk: Desk) -> None:
    for command in ("pause", "resume"):
        text = desk.type("stores", command, "--store", "outlet", status=2)
        assert "store 'outlet' is not configured (known: acme)" in text
