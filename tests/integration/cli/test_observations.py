"""``vtex-erp observations report``: the fate of observed orders by store and day."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from erp.adapters.sql.adapter import SqlErp
from journal.journal import Journal
from journal.model import Policy
from journal.orders import NewOrder
from support.command_line import NOW, Desk, table
from tasks import workflow
from tasks.base import StoreTask
from tasks.intake.orders import sales_order
from vtex import schemas
from workers import wiring
from workers.app import app
from workers.configuration.settings import load


@pytest.fixture
def watching(desk: Desk) -> Desk:
    desk.env["VTEX_OBSERVE"] = "true"
    return desk


def observe(desk: Desk, *ids: str) -> None:
    """Let the workers observe orders."""
    app.loader.import_default_modules()
    before = StoreTask.process_context
    context = wiring.context(load({key: value for key, value in desk.env.items() if value}))
    StoreTask.process_context = context
    try:
        context.journal.orders.record("acme", [NewOrder(one, None, None) for one in ids])
        for lease in context.journal.jobs.dispatch(in_flight=99):
            for step in workflow.steps_of(lease):
                app.tasks[step.task].apply(kwargs=step.kwargs)
    finally:
        StoreTask.process_context = before
        context.close()


def insert(desk: Desk, order_id: str, **changes: Any) -> None:
    """Let the ERP have an order, as another integration inserted it."""
    entry = desk.store.store.entry(order_id)
    assert entry is not None
    erp = SqlErp(str(desk.env["ERP_URL"]))
    raw = {**entry.order, **changes}
    erp.insert(sales_order("acme", schemas.read_order(raw), None))
    erp.close()


def test_the_report_counts_fates_flags_and_totals_by_day(watching: Desk) -> None:
    same, absent, gone = watching.paid(), watching.paid(), watching.paid("canceled")
    held = watching.paid(value=1)
    other = watching.paid()
    insert(watching, same)
    insert(watching, other)
    entry = watching.store.store.entry(other)
    assert entry is not None
    for total in entry.order["totals"]:
        if total["id"] == "Shipping":
            total["value"] += 500
    entry.order["value"] += 500
    observe(watching, same, absent, gone, held, other)

    shown = watching.json("observations", "report", "--from", "3000d", status=1)
    text = table(watching.type("observations", "report", "--from", "3000d", status=1))

    (store,) = shown["stores"]
    total: dict[str, int] = {}
    for day in store["days"]:
        for name, count in day.items():
            if name != "day":
                total[name] = total.get(name, 0) + count
    assert total == {
        "orders": 5,
        "inserted": 3,
        "held": 1,
        "skipped": 1,
        "same total": 1,
        "other total": 1,
        "absent": 2,
    }
    (difference,) = store["differences"]
    assert difference["order_id"] == other
    assert Decimal(difference["total"]) - Decimal(difference["erp_total"]) == Decimal("5.00")
    assert {row["order_id"]: (row["fate"], row["in_erp"]) for row in store["orders"]} == {
        same: ("inserted", "same total"),
        other: ("inserted", "other total"),
        absent: ("inserted", "absent"),
        held: ("held", "absent"),
        gone: ("skipped", None),
    }
    causes = {row["fate"]: row for row in store["causes"]}
    assert causes["held"]["first_order"] == held
    assert "…" in causes["held"]["name"]
    assert causes["skipped"]["first_order"] == gone
    assert [row["name"] for row in store["flags"]]
    for words in ("5 orders observed", held, other, "other total in the ERP", "times in America"):
        assert words in text


def test_missing_codes_are_listed_with_an_order(watching: Desk) -> None:
    order_id = watching.paid()
    (watching.folder / "map.toml").write_text('[channel]\n"2" = "B2B"')
    watching.env["ERP_CODE_MAP_FILE"] = str(watching.folder / "map.toml")
    observe(watching, order_id)

    (store,) = watching.json("observations", "report", "--from", "3000d", status=1)["stores"]
    text = watching.type("observations", "report", "--from", "3000d", status=1)

    assert [row["need"]["code"] for row in store["missing_codes"]] == ["1"]
    assert "[channel] of ERP_CODE_MAP_FILE" in text  # brackets are text, not markup


def test_orders_that_would_go_in_make_a_clean_report(watching: Desk) -> None:
    assert "acme: 0 orders observed" in watching.type("observations", "report")

    order_id = watching.paid()
    observe(watching, order_id)

    assert "inserted" in watching.type("observations", "report", "--from", "3000d")
    assert set(watching.store.store.calls) == {"order", "transaction", "payments"}
    erp = SqlErp(str(watching.env["ERP_URL"]))
    assert erp.look_up("acme", [order_id]) == {}
    erp.close()


def test_an_erp_that_is_away_leaves_the_rest_of_the_report(watching: Desk) -> None:
    observe(watching, watching.paid())
    watching.env["ERP_URL"] = "postgresql://nobody@127.0.0.1:1/erp"

    text = watching.type("observations", "report", "--from", "3000d")

    assert "were not compared with the ERP" in text
    assert "inserted" in text


def test_commands_show_that_a_store_is_only_observed(watching: Desk) -> None:
    order_id = watching.paid(status="handling")
    observe(watching, order_id)

    assert "is only observed" in watching.type("orders", "show", order_id)
    assert "judged as if it were ready" in watching.type("orders", "explain", order_id)
    assert "only observed" in watching.type("stores", "list")
    assert watching.json("stores", "list")[0]["observe"] is True
    assert "acme: 1 observed" in watching.type("orders", "list")
    ok, words = watching.verdicts()["acme observed"]
    assert (ok, "0 intakes and requests wait" in words) == (None, True)
    granted = watching.verdicts()
    assert granted["acme Change order workflow status"][0] is None


def test_a_request_by_hand_is_refused_with_the_fix(watching: Desk) -> None:
    text = watching.type(
        *("requests", "cancel", "v1-01", "--reason", "out of stock", "--store", "acme"), status=1
    )

    assert "the store acme is only observed" in text
    assert "Set observe to false" in text
    assert "not sent, because the store acme is only observed" in watching.type(
        "feed", "setup", "--replace", status=1
    )


def test_the_feed_of_an_observed_store_is_left_to_its_other_readers(watching: Desk) -> None:
    watching.env["VTEX_INTAKE"] = "both"
    watching.journal.feeds.set_up(
        "acme", ("ready-for-handling",), hidden_seconds=60, kept_seconds=3600
    )
    watching.paid()
    app.loader.import_default_modules()
    settings = load({key: value for key, value in watching.env.items() if value})
    before, context = StoreTask.process_context, wiring.context(settings)
    StoreTask.process_context = context
    try:
        state = app.tasks["orders.read_feed"].apply(kwargs={"store": "acme"}).state
    finally:
        StoreTask.process_context = before
        context.close()

    assert state == "SUCCESS"
    assert not watching.store.store.calls
    assert wiring.list_intervals(settings) == {}
    assert [store.by_feed for store in wiring.alert_policy(settings).stores] == [False]


def test_the_range_is_that_of_the_orders_and_not_of_the_observation(watching: Desk) -> None:
    journal = Journal(str(watching.env["JOURNAL_URL"]), policy=Policy(observed=frozenset({"acme"})))
    placed = NOW - timedelta(days=20)
    journal.orders.record("acme", [NewOrder("v1-01", placed, 100)])
    journal.close()

    (near,) = watching.json("observations", "report")["stores"]
    (far,) = watching.json("observations", "report", "--from", "30d")["stores"]

    assert near["days"] == []
    assert [day["orders"] for day in far["days"]] == [1]
    assert [day["unread"] for day in far["days"]] == [1]
