"""``vtex-erp orders``: listing, showing, explaining, syncing, retrying."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import redis

from journal.journal import Journal
from journal.order_changes import ChangeHint
from journal.orders import NewOrder, OrderRow
from support.command_line import NOW, Desk, done
from support.servers import Cluster


def test_orders_are_found_by_store_state_stage_and_age(desk: Desk) -> None:
    desk.list("old-01", ago=timedelta(minutes=90))
    desk.list("new-01", "dead-01")
    desk.list("far-01", store="outlet")
    desk.bury("dead-01", "the sums differ by 0,01")

    def found(*options: str) -> set[str]:
        return {one["order_id"] for one in desk.json("orders", "list", *options)["orders"]}

    assert found() == {"old-01", "new-01", "dead-01", "far-01"}
    assert found("--store", "outlet") == {"far-01"}
    assert found("--state", "dead") == {"dead-01"}
    assert found("--state", "open", "--store", "acme") == {"old-01", "new-01"}
    assert found("--stage", "listed") == {"old-01", "new-01", "dead-01", "far-01"}
    assert found("--stage", "paid") == set()
    assert found("--older-than", "60") == {"old-01"}
    assert found("--older-than", "0.5", "--limit", "1") == {"old-01"}


def test_the_table_tells_value_and_reason_and_the_counts(desk: Desk) -> None:
    desk.list("dead-01", "new-01")
    desk.bury("dead-01", "the sums differ by 0,01")

    text = desk.type("orders", "list")

    assert "1.234,56" in text
    assert "the sums differ by 0,01" in text
    assert "acme: 1 dead, 1 listed" in text


def test_orders_as_json_have_a_fixed_shape(desk: Desk) -> None:
    assert desk.json("orders", "list") == {"orders": [], "counts": {}, "paused": {}}

    desk.list("new-01")
    shown = desk.json("orders", "list")

    assert shown["counts"] == {"acme": {"listed": 1}}
    assert set(shown["orders"][0]) == set(OrderRow.__dataclass_fields__)
    assert datetime.fromisoformat(shown["orders"][0]["listed_at"]).tzinfo is not None


def test_a_store_that_was_never_listed_is_told(desk: Desk) -> None:
    desk.list("new-01")

    assert "'acmee' was ever listed (known: acme)" in desk.type(
        "orders", "list", "--store", "acmee"
    )


@pytest.mark.parametrize(
    "options",
    [
        ("--older-than", "nan"),
        ("--older-than", "inf"),
        ("--older-than=-1",),
        ("--limit", "0"),
        ("--limit", "many"),
        ("--stage", "lost"),
        ("--state", "gone"),
    ],
)
def test_a_filter_that_makes_no_sense_is_a_wrong_call(desk: Desk, options: tuple[str, ...]) -> None:
    assert f"Invalid value for '{options[0].split('=')[0]}'" in desk.type(
        "orders", "list", *options, status=2
    )


def test_an_unknown_order_is_told_with_the_command_that_brings_it_in(desk: Desk) -> None:
    desk.list("far-01", store="outlet")

    assert "Run vtex-erp orders sync v1-01, which brings it in" in desk.type(
        "orders", "show", "v1-01", status=1
    )
    text = desk.type("orders", "show", "far-01", "--store", "acme", status=1)
    assert "store outlet has one of this id" in text
    assert "vtex-erp orders sync far-01 --store acme" in text


def test_an_order_of_two_stores_needs_the_store(desk: Desk) -> None:
    desk.list("v1-01")
    desk.list("v1-01", store="outlet")

    for command in (
        ("orders", "show", "v1-01"),
        ("orders", "explain", "v1-01"),
        ("orders", "retry", "v1-01"),
    ):
        assert "several stores (acme, outlet). Add --store" in desk.type(*command, status=2)
    assert desk.json("orders", "show", "v1-01", "--store", "outlet")["order"]["store"] == "outlet"


def test_an_id_is_taken_as_it_is_pasted(desk: Desk) -> None:
    desk.list("1268540501456-01")

    assert "1268540501456-01: waits" in desk.type("orders", "show", " #1268540501456-01\n")


@pytest.mark.parametrize("text", ["", "two words", "\udcff", "ação-01", "a\x00b"])
def test_what_is_no_order_id_is_a_wrong_call(desk: Desk, text: str) -> None:
    for command in ("orders show", "orders sync", "orders retry", "requests invoices"):
        assert "not an order id such as" in desk.type(*command.split(), text, status=2)


def test_the_life_of_an_order_says_why_it_is_dead(desk: Desk) -> None:
    desk.list("v1-01")
    desk.bury("v1-01", "the sums differ by 0,01")

    assert "is dead at listed: the sums differ by 0,01" in desk.type("orders", "show", "v1-01")
    life = desk.json("orders", "show", "v1-01")
    assert (life["order"]["state"], life["requests"]) == ("dead", [])
    assert set(life["events"][0]) == {"at", "kind", "stage", "attempt", "event", "detail"}


def test_documents_are_shown_where_they_are_asked_for_alone(desk: Desk) -> None:
    desk.list("v1-01")

    assert "documents" not in desk.json("orders", "show", "v1-01")
    assert desk.json("orders", "show", "v1-01", "--documents")["documents"] == {
        "order": None,
        "payment": None,
    }


@pytest.mark.parametrize(
    ("changes", "would", "words"),
    [
        ({"status": "canceled"}, "be skipped", "canceled before it came in"),
        ({"status": "invoiced"}, "be skipped", "handled elsewhere"),
        ({"status": "payment-pending"}, "wait", "not yet 'ready-for-handling'"),
        ({"isCompleted": False}, "wait", "incomplete at VTEX"),
        ({"value": 1}, "be held", "difference"),
        ({"items": "none"}, "be held", "items"),
    ],
)
def test_a_dry_run_tells_what_keeps_an_order_out(
    desk: Desk, changes: dict[str, Any], would: str, words: str
) -> None:
    order_id = desk.paid(**changes)

    shown = desk.json("orders", "explain", order_id, status=1)
    text = desk.type("orders", "explain", order_id, status=1)

    assert shown["would"] == would
    assert words in shown["reason"]
    assert f"would {would}; nothing is written" in text
    assert (shown["sales_order"] is None) == (would == "be held")


def test_a_dry_run_flags_what_a_lenient_store_lets_in(desk: Desk) -> None:
    desk.env["ALLOW_SUM_MISMATCH"] = "true"

    text = desk.type("orders", "explain", desk.paid(value=1))

    assert "would be inserted" in text
    assert "flag: " in text


def _contents(desk: Desk) -> dict[str, list[Any]]:
    found = {}
    for name in ("journal", "erp"):
        with closing(sqlite3.connect(desk.folder / f"{name}.db")) as db:
            tables = db.execute("select name from sqlite_master where type = 'table'").fetchall()
            for (table,) in tables:
                found[f"{name}.{table}"] = db.execute(f"select * from {table}").fetchall()
    assert found
    return found


def test_a_dry_run_leaves_journal_erp_and_vtex_as_they_were(desk: Desk) -> None:
    order_id = desk.paid()
    desk.list(order_id)
    before = _contents(desk)

    shown = desk.json("orders", "explain", order_id)

    assert shown["sales_order"]["order_id"] == order_id
    assert _contents(desk) == before
    assert set(desk.store.store.calls) == {"order", "transaction", "payments"}


def test_a_dry_run_of_what_vtex_does_not_know_says_what_to_mind(desk: Desk) -> None:
    assert "Check the store, and the -01" in desk.type("orders", "explain", "v1-01", status=1)


def test_a_dead_order_goes_back_to_the_queue_once_it_is_retried(cluster: Cluster) -> None:
    with closing(Journal(cluster.env["JOURNAL_URL"])) as journal:
        journal.orders.record("acme", [NewOrder("v1-01", NOW, 100)])
        (ticket,) = journal.jobs.dispatch(in_flight=1)
        journal.jobs.bury("acme", "v1-01", ticket.attempt, "refused")

    answer = cluster.command("orders", "retry", "v1-01")

    assert "v1-01: retried (intake from stage listed)" in answer.stdout
    with redis.Redis.from_url(cluster.env["REDIS_URL"]) as broker:
        assert broker.llen("orders") == 1
    assert "no dead letter fits" in cluster.command("requests", "retry", "99").stdout


def test_a_sync_without_a_broker_keeps_what_it_listed(cluster: Cluster) -> None:
    cluster.start_simulator(3)
    cluster.env["REDIS_URL"] = "redis://127.0.0.1:1/0"

    answer = cluster.command("orders", "sync")

    assert answer.returncode == 1
    assert "the broker does not answer" in answer.stderr
    assert "continue with the journal's jobs" in answer.stderr
    assert len(cluster.orders("--state", "open")) == 3


def test_every_store_of_a_file_is_listed_and_one_order_needs_its_store(
    cluster: Cluster, tmp_path: Path
) -> None:
    cluster.start_simulator(2)
    table = (
        'app_key_env = "KEY"\napp_token_env = "TOKEN"\n'
        f'base_url = "{cluster.simulator}"\npayments_url = "{cluster.simulator}"\n'
    )
    (tmp_path / "stores.toml").write_text(f"[stores.acme]\n{table}[stores.outlet]\n{table}")
    cluster.env["KEY"] = cluster.env.pop("VTEX_APP_KEY")
    cluster.env["TOKEN"] = cluster.env.pop("VTEX_APP_TOKEN")
    for name in ("VTEX_ACCOUNT", "VTEX_BASE_URL", "VTEX_PAYMENTS_URL"):
        del cluster.env[name]
    cluster.env["STORES_FILE"] = str(tmp_path / "stores.toml")

    everything = cluster.command("orders", "sync")
    unclear = cluster.command("orders", "sync", "v1-01")

    assert "acme: 2 new orders" in everything.stdout
    assert "outlet: 2 new orders" in everything.stdout
    assert unclear.returncode == 2
    assert "which store? (known: acme, outlet). Add --store" in unclear.stderr


def test_a_sync_with_a_wrong_token_points_to_check(desk: Desk) -> None:
    desk.env["VTEX_APP_TOKEN"] = "wr0ng-token"

    text = desk.type("orders", "sync", status=1)

    assert "401" in text
    assert "Run vtex-erp check" in text
    assert "wr0ng" not in text


def mapped(desk: Desk, toml: str) -> None:
    """Let the retailer say what things are called in the ERP."""
    (desk.folder / "map.toml").write_text(toml)
    desk.env["ERP_CODE_MAP_FILE"] = str(desk.folder / "map.toml")


def test_a_dry_run_shows_the_codes_or_what_has_none(desk: Desk) -> None:
    order_id = desk.paid()
    mapped(desk, '[channel]\n"1" = "LOJA"\n[tax]\nconsumer = 9')

    shown = desk.json("orders", "explain", order_id)

    assert shown["sales_order"]["codes"] == {"channel": {"1": "LOJA"}, "tax": {"consumer": 9}}

    mapped(desk, '[channel]\n"2" = "B2B"')

    shown = desk.json("orders", "explain", order_id, status=1)

    assert shown["would"] == "be held"
    assert shown["reason"].startswith(
        "channel '1': [channel] of ERP_CODE_MAP_FILE has no such entry: add"
    )


def test_sync_looks_into_what_changed_of_an_order_that_is_known(desk: Desk) -> None:
    same, other = desk.paid("handling"), desk.paid("canceled")
    desk.list(same, other)

    for one in (same, other):
        # There is no broker here: what was written down goes on once it is back.
        desk.type("orders", "sync", one, status=1)

    assert "seen at VTEX: by hand" in desk.type("orders", "show", other)
    assert "seen at VTEX" not in desk.type("orders", "show", same)


def test_an_order_that_changed_shows_it_in_its_life(desk: Desk) -> None:
    desk.list("o-01")
    desk.journal.order_changes.record(
        "acme", [ChangeHint("o-01", "canceled 1", "canceled, by the feed")]
    )

    said = desk.type("orders", "show", "o-01")

    assert "change waits at seen" in said
    assert "seen at VTEX: canceled, by the feed" in said


def test_what_is_open_or_dead_is_shown_before_what_was_done_long_ago(desk: Desk) -> None:
    for number in range(4):
        done(desk, f"old-{number}", 9)
    desk.list("dead-01", "open-01", ago=timedelta(hours=2))
    desk.bury("dead-01", "no such SKU")

    first = [one["order_id"] for one in desk.json("orders", "list", "--limit", "3")["orders"]]
    waits = [one["order_id"] for one in desk.json("orders", "list", "--older-than", "30")["orders"]]

    assert first == ["open-01", "dead-01", "old-0"]
    assert waits == ["open-01"]
