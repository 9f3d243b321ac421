"""Days and shown times are the store's, and the output names the zone."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from journal.cancel_requests import CancelRequest
from journal.orders import NewOrder
from support.command_line import Desk, table

LATE = datetime(2026, 3, 11, 2, 30, tzinfo=UTC)
"""22:30 of 10 March in Manaus, 23:30 in São Paulo, 15:30 of 11 March in Auckland."""


@pytest.fixture(autouse=True)
def _host_far_away(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "Pacific/Auckland")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.fixture
def late(desk: Desk) -> Desk:
    """A desk of two stores; each has an order that was listed late on 10 March."""
    stores = desk.folder / "stores.toml"
    table = 'app_key = "k"\napp_token = "t"\n'
    stores.write_text(f'[stores.acme]\n{table}time_zone = "America/Manaus"\n[stores.beta]\n{table}')
    desk.env |= {"STORES_FILE": str(stores), "TIME_ZONE": "America/Sao_Paulo"}
    desk.env |= {name: None for name in desk.env if name.startswith("VTEX_")}
    desk.moment = LATE
    for store in ("acme", "beta"):
        desk.journal.orders.record(store, [NewOrder(f"{store}-01", LATE, 100)])
    return desk


def test_an_order_and_its_timeline_have_the_times_of_its_store(late: Desk) -> None:
    acme, beta = late.type("orders", "show", "acme-01"), late.type("orders", "show", "beta-01")

    assert "placed 2026-03-10 22:30:00 (America/Manaus)" in acme
    assert "2026-03-10 22:30:00  attempt 0 [listed]  listed" in acme
    assert "placed 2026-03-10 23:30:00 (America/Sao_Paulo)" in beta


def test_a_table_of_several_stores_has_the_zone_of_the_cluster(late: Desk) -> None:
    both, acme = late.type("orders", "list"), late.type("orders", "list", "--store", "acme")

    assert "times in America/Sao_Paulo" in both
    assert both.count("2026-03-10 23:30:00") == 2
    assert "times in America/Manaus" in acme
    assert "2026-03-10 22:30:00" in acme


def test_json_has_utc_with_its_offset(late: Desk) -> None:
    (order, _) = late.json("orders", "list")["orders"]

    assert order["listed_at"] == "2026-03-11T02:30:00+00:00"


@pytest.mark.parametrize(
    ("day", "store", "found"),
    [
        ("2026-03-10", "acme", ["acme-01"]),
        ("2026-03-11", "acme", []),
        ("2026-03-10", "beta", ["beta-01"]),
        ("2026-03-10", None, ["acme-01", "beta-01"]),
    ],
)
def test_dead_letters_of_a_day_are_those_of_the_stores_day(
    late: Desk, day: str, store: str | None, found: list[str]
) -> None:
    for name in ("acme", "beta"):
        (lease,) = late.journal.jobs.dispatch(in_flight=9, store=name)
        late.journal.jobs.bury(name, f"{name}-01", lease.attempt, "x")
    options = ["--since", day, "--until", day, *(["--store", store] if store else [])]

    jobs = late.json("dead-letters", "list", *options)["jobs"]
    text = late.type("dead-letters", "list", *options)

    assert [job["order_id"] for job in jobs] == found
    assert not found or f"times in America/{'Manaus' if store == 'acme' else 'Sao_Paulo'}" in text


def test_what_waits_names_the_zone_of_its_times(late: Desk) -> None:
    late.journal.cancel_requests.save(
        CancelRequest("acme", "acme-01", "85835AB4", LATE, LATE + timedelta(days=30))
    )

    pending = late.type("requests", "pending-cancellations", "--store", "acme")
    show = late.type("orders", "show", "acme-01")

    assert "times in America/Manaus" in pending
    assert "2026-04-09 22:30:00" in table(pending)
    assert "cancels by itself at 2026-04-09 22:30:00 (America/Manaus)" in show
    assert "waits at listed until 2026-03-10 22:30:00 (America/Manaus)" in show


def test_a_reconciled_day_is_a_whole_day_of_the_store(desk: Desk) -> None:
    """Daylight saving made 1 November 2026 25 hours long in New York."""
    desk.env["TIME_ZONE"] = "America/New_York"
    times = {
        "2026-11-01T03:59:59.9999999Z": False,
        "2026-11-01T04:00:00.0000000Z": True,
        "2026-11-02T04:59:59.9999000Z": True,
        "2026-11-02T05:00:00.0000000Z": False,
    }
    placed = {desk.paid(): there for there in times.values()}
    for order_id, text in zip(placed, times, strict=True):
        entry = desk.store.store.entry(order_id)
        assert entry is not None
        desk.store.store.change(entry, {"creationDate": text, "authorizedDate": text})

    text = desk.type("reconcile", "--from", "2026-11-01", "--to", "2026-11-01", status=1)

    assert "2026-11-01 00:00:00 to 2026-11-01 23:59:59 (America/New_York)" in text
    assert {order_id: order_id in text for order_id in placed} == placed


def test_without_options_reconcile_begins_at_a_midnight_of_the_store(desk: Desk) -> None:
    desk.env["TIME_ZONE"] = "America/Manaus"

    (store,) = desk.json("reconcile")["stores"]

    assert store["since"].endswith("T04:00:00+00:00")


def test_an_unknown_zone_is_a_bad_setting(desk: Desk) -> None:
    desk.env["TIME_ZONE"] = "Brasilia"

    text: Any = desk.type("orders", "list", status=2)

    assert "TIME_ZONE: 'Brasilia' is not a time zone such as America/Sao_Paulo" in text
