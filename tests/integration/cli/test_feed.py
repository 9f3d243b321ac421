"""``vtex-erp feed``: setting up, showing, removing."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from support.command_line import Desk
from vtex.statuses import CHANGES, READY


def test_a_feed_is_set_up_shown_and_removed(desk: Desk) -> None:
    told = desk.type("feed", "setup", "--status", "handling", "--status", "canceled")
    desk.store.store.generate(3)
    shown = desk.type("feed", "show")
    machine = desk.json("feed", "show")
    removed = desk.type("feed", "remove", answer="y\n")

    # What a change brings is told of, asked for or not.
    told_of = [READY, *CHANGES, "handling"]
    assert f"acme: the feed reports {', '.join(told_of)}" in told
    assert "set VTEX_INTAKE=both" in told
    assert f"acme at VTEX: {', '.join(told_of)}" in shown
    assert "3 events wait, the oldest for 0 s" in shown
    assert machine["vtex"]["statuses"] == told_of
    assert machine["differs"] is None
    assert "orders come in by the list alone" in removed
    assert "acme at VTEX: no feed\n  not set up here: vtex-erp feed setup" in desk.type(
        "feed", "show"
    )


def test_a_status_that_is_misspelt_is_refused_since_vtex_would_take_it(desk: Desk) -> None:
    said = desk.type("feed", "setup", "--status", "cancelation-requested", status=2)

    assert "cancellation-requested" in said
    assert desk.store.store.feed.shown([], datetime.now(UTC)) is None


def test_a_feed_that_another_system_may_read_is_taken_over_only_where_that_is_said(
    desk: Desk,
) -> None:
    body = {
        "filter": {"type": "FromWorkflow", "status": ["invoiced"]},
        "queue": {"visibilityTimeoutInSeconds": 240, "MessageRetentionPeriodInSeconds": 345600},
    }
    desk.store.store.feed.configure(body, [], datetime.now(UTC))

    refused = desk.type("feed", "setup", status=1)
    desk.type("feed", "setup", "--replace")

    assert "has a feed already (invoiced), which another system may read" in refused
    assert "add --replace" in refused
    assert desk.json("feed", "show")["vtex"]["statuses"] == [READY, *CHANGES]
    assert "replaced, handling" in desk.type("feed", "setup", "--status", "handling")


@pytest.mark.parametrize("command", [("setup",), ("show",), ("remove", "--yes")])
def test_without_its_permission_the_feeds_commands_name_it(
    desk: Desk, command: tuple[str, ...]
) -> None:
    desk.store.store.permissions.clear()

    said = desk.type("feed", *command, status=1)

    assert "Grant 'Feed v3 and Hook Admin' to the key" in said


def test_show_tells_what_is_wrong_with_a_feed(desk: Desk) -> None:
    desk.type("feed", "setup")
    desk.journal.feeds.mark_failed("acme", "VTEX answered 500")
    desk.journal.feeds.count_unreadable("acme", 2)
    desk.store.store.feed.forget()

    shown = desk.type("feed", "show")

    assert "VTEX had none any more" in shown
    assert "does not work: VTEX answered 500" in shown
    assert "2 events named no order" in shown


def test_show_does_not_call_a_feed_working_that_no_worker_reads(desk: Desk) -> None:
    desk.type("feed", "setup")
    desk.journal.feeds.mark_working("acme")

    by_the_list = desk.type("feed", "show")
    desk.env["VTEX_INTAKE"] = "both"
    by_both = desk.type("feed", "show")

    assert "  is not read: the intake of acme is the list alone" in by_the_list
    assert "  works" in by_both
