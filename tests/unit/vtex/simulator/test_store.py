"""The simulated store by itself: statuses, index, filters, on an injected clock."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from vtex.simulator.config import Config
from vtex.simulator.listing.filters import QueryRefused
from vtex.simulator.state import Entry, Store

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)


class Clock:
    def __init__(self) -> None:
        self.moment = NOON

    def __call__(self) -> datetime:
        return self.moment

    def forward(self, seconds: float) -> None:
        self.moment += timedelta(seconds=seconds)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(clock: Clock) -> Store:
    return Store(Config(index_lag=240, handling_delay=2), clock)


def entry(store: Store, order_id: str) -> Entry:
    found = store.entry(order_id)
    assert found is not None
    return found


def document(store: Store, order_id: str) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(store.document(entry(store, order_id)))
    return read


def listed(store: Store, **query: str) -> list[str]:
    return [order["orderId"] for order in store.listed(query)["list"]]


def place(store: Store, order_id: str, **changes: Any) -> None:
    """Put an order of the day before yesterday that the index knows already."""
    order = {
        "orderId": order_id,
        "status": "ready-for-handling",
        "value": 100,
        "creationDate": "2026-03-08T10:00:00.0000000+00:00",
    }
    store.config.index_lag = 0
    store.put(order | changes, {})


# --- status -----------------------------------------------------------------------------------


def test_handling_follows_start_handling_after_the_delay(store: Store, clock: Clock) -> None:
    [order_id] = store.generate(1)

    assert store.start_handling(entry(store, order_id))

    assert document(store, order_id)["status"] == "start-handling"
    clock.forward(1.9)
    assert document(store, order_id)["status"] == "start-handling"
    clock.forward(0.1)
    assert document(store, order_id)["status"] == "handling"


@pytest.mark.parametrize("status", ["payment-approved", "handling", "invoiced", "canceled"])
def test_handling_starts_in_no_other_status(store: Store, status: str) -> None:
    [order_id] = store.generate(1, status)

    assert not store.start_handling(entry(store, order_id))

    assert document(store, order_id)["status"] == status


def test_handling_starts_once(store: Store) -> None:
    [order_id] = store.generate(1)

    answers = [store.start_handling(entry(store, order_id)) for _ in range(3)]

    assert answers == [True, False, False]
    assert store.shown()["orders"][order_id]["start_handling_effects"] == 1


def test_an_order_canceled_while_handling_starts_stays_canceled(store: Store, clock: Clock) -> None:
    [order_id] = store.generate(1)
    store.start_handling(entry(store, order_id))

    store.change(entry(store, order_id), {"status": "canceled"})
    clock.forward(10)

    assert document(store, order_id)["status"] == "canceled"


def test_the_last_change_is_that_of_the_status(store: Store, clock: Clock) -> None:
    [order_id] = store.generate(1)
    clock.forward(60)

    store.start_handling(entry(store, order_id))

    assert document(store, order_id)["lastChange"].startswith("2026-03-10T12:01:00")


# --- index ------------------------------------------------------------------------------------


def test_what_is_there_at_the_start_is_listed_at_once(clock: Clock) -> None:
    assert len(listed(Store(Config(orders=3), clock))) == 3


def test_a_new_order_is_read_at_once_and_listed_after_the_lag(store: Store, clock: Clock) -> None:
    [order_id] = store.generate(1)

    assert document(store, order_id)["orderId"] == order_id
    clock.forward(239)
    assert listed(store) == []
    clock.forward(1)
    assert listed(store) == [order_id]


def test_the_list_shows_the_old_status_until_the_lag_is_over(store: Store, clock: Clock) -> None:
    [order_id] = store.generate(1)
    clock.forward(300)
    store.start_handling(entry(store, order_id))
    clock.forward(200)

    assert document(store, order_id)["status"] == "handling"
    assert listed(store, f_status="ready-for-handling") == [order_id]
    clock.forward(42)
    assert listed(store, f_status="ready-for-handling") == []
    assert listed(store, f_status="handling") == [order_id]


def test_an_order_older_than_two_years_is_neither_read_nor_listed(store: Store) -> None:
    place(store, "old", creationDate="2024-03-10T11:59:59.0000000+00:00")
    place(store, "young", creationDate="2024-03-10T12:00:01.0000000+00:00")

    assert store.entry("old") is None
    assert store.entry("young") is not None
    assert listed(store) == ["young"]


def test_a_malformed_order_is_listed_beside_the_others(store: Store) -> None:
    junk = {
        "creationDate": None,
        "value": "x",
        "clientProfileData": 7,
        "items": [3],
        "paymentData": 1,
    }
    place(store, "broken", **junk)
    place(store, "sound")

    assert sorted(listed(store)) == ["broken", "sound"]


def test_an_order_put_again_keeps_its_past(store: Store, clock: Clock) -> None:
    place(store, "o-1")
    store.start_handling(entry(store, "o-1"))
    clock.forward(10)

    place(store, "o-1", status="canceled", value=200)

    assert document(store, "o-1")["value"] == 200
    assert store.shown()["orders"]["o-1"] == {"status": "canceled", "start_handling_effects": 1}


# --- the list's row ---------------------------------------------------------------------------


def test_a_row_says_what_its_order_says(clock: Clock) -> None:
    store = Store(Config(index_lag=0), clock)
    [order_id] = store.generate(1, kind="gift_card")
    order = document(store, order_id)

    [row] = store.listed({})["list"]

    assert row["items"] is None
    assert row["totalValue"] == order["value"]
    assert row["totalItems"] == sum(item["quantity"] for item in order["items"])
    assert row["paymentNames"] == "Vale, Visa"
    assert row["orderIsComplete"] is True
    assert row["statusDescription"] == "Pronto para o manuseio"


def test_an_incomplete_order_is_shown_as_such(store: Store) -> None:
    place(store, "half", isCompleted=False)
    place(store, "whole", isCompleted=True)

    assert document(store, "half")["isCompleted"] is False
    assert listed(store, incompleteOrders="true") == ["half"]
    assert listed(store, incompleteOrders="false") == ["whole"]
    assert [row["orderIsComplete"] for row in store.listed({})["list"]] == [False, True]


def test_the_statistics_are_those_of_all_that_matches(store: Store) -> None:
    for number, value in enumerate((100, 300, 500)):
        place(store, f"o-{number}", value=value)

    stats = store.listed({"per_page": "1"})["stats"]["stats"]["totalValue"]

    assert (stats["Count"], stats["Sum"], stats["Mean"]) == (3, 900, 300)
    assert (stats["Min"], stats["Max"]) == (100, 500)
    assert stats["StdDev"] == pytest.approx(163.3, abs=0.1)


# --- filters, order, pages --------------------------------------------------------------------


def test_a_date_window_includes_both_its_ends_to_the_millisecond(store: Store) -> None:
    for milli in (499, 500, 600, 601):
        place(store, f"o-{milli}", creationDate=f"2026-03-10T10:00:00.{milli}0000+00:00")

    window = "creationDate:[2026-03-10T10:00:00.500Z TO 2026-03-10T10:00:00.600Z]"
    found = listed(store, f_creationDate=window, orderBy="creationDate,asc")

    assert found == ["o-500", "o-600"]


def test_other_dates_filter_as_well(store: Store) -> None:
    place(store, "paid", authorizedDate="2026-03-10T10:00:00+00:00")
    place(store, "unpaid", authorizedDate=None)

    window = "authorizedDate:[2026-03-10T00:00:00.000Z TO 2026-03-10T23:59:59.999Z]"
    assert listed(store, f_authorizedDate=window) == ["paid"]


def test_filters_narrow_each_other(store: Store) -> None:
    place(store, "a", affiliateId="ABC", salesChannel="1")
    place(store, "b", affiliateId="ABC", salesChannel="2")
    place(store, "c", affiliateId="", salesChannel="2", status="canceled")

    assert listed(store, f_affiliateId="ABC", salesChannelId="2") == ["b"]
    assert sorted(listed(store, f_status="canceled,ready-for-handling")) == ["a", "b", "c"]
    assert listed(store, f_status="canceled") == ["c"]


def test_the_newest_come_first_unless_asked_otherwise(store: Store) -> None:
    place(store, "older", creationDate="2026-03-08T10:00:00Z", value=300)
    place(store, "newer", creationDate="2026-03-09T10:00:00Z", value=200)

    assert listed(store) == ["newer", "older"]
    assert listed(store, orderBy="creationDate,asc") == ["older", "newer"]
    assert listed(store, orderBy="totalValue,desc") == ["older", "newer"]


def test_pages_add_up_to_the_total_without_overlap(clock: Clock) -> None:
    store = Store(Config(orders=250), clock)

    pages = [store.listed({"page": str(n), "per_page": "100"}) for n in (1, 2, 3)]

    assert [len(page["list"]) for page in pages] == [100, 100, 50]
    assert len({row["orderId"] for page in pages for row in page["list"]}) == 250
    assert pages[2]["paging"] == {"total": 250, "pages": 3, "currentPage": 3, "perPage": 100}


def test_a_page_beyond_the_last_is_empty(store: Store) -> None:
    place(store, "o-1")

    answer = store.listed({"page": "2"})

    assert answer["list"] == []
    assert answer["paging"]["total"] == 1


@pytest.mark.parametrize(
    ("query", "fault"),
    [
        ({"page": "31"}, "page: is 31"),
        ({"page": "0"}, "page: is no number"),
        ({"per_page": "ten"}, "per_page: is no number"),
        ({"orderBy": "colour,asc"}, "orderBy: "),
        ({"orderBy": "creationDate"}, "orderBy: "),
        ({"f_creationDate": "2026-03-10"}, "f_creationDate: is not written as"),
        ({"f_creationDate": "creationDate:[soon TO later]"}, "f_creationDate: "),
        ({"f_colour": "red"}, "f_colour: "),
    ],
)
def test_a_query_that_makes_no_sense_is_refused_by_name(
    store: Store, query: dict[str, str], fault: str
) -> None:
    with pytest.raises(QueryRefused, match=fault):
        store.listed(query)


# --- changes and settings ---------------------------------------------------------------------


def test_a_change_that_fails_leaves_the_order_as_it_was(store: Store) -> None:
    [order_id] = store.generate(1)
    before = document(store, order_id)

    with pytest.raises(ValueError, match=r"items\.9\.quantity: the order has no such field"):
        store.change(
            entry(store, order_id), {"value": 1, "items.9.quantity": 1, "status": "canceled"}
        )

    store.put(entry(store, order_id).order, {})  # what was kept as text is written anew
    assert document(store, order_id) == before


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"port": 9}, "port: cannot be changed"),
        ({"lag": 9}, "lag: cannot be changed"),
        ({"index_lag": -1}, "index_lag: -1 is no number"),
        ({"index_lag": 5, "latency_ms": "fast"}, "latency_ms: 'fast' is no number"),
        ({"quota": True}, "quota: True is no number"),
        ({"conflict_status": 418}, "conflict_status: 418"),
    ],
)
def test_a_setting_that_makes_no_sense_changes_nothing(changes: dict[str, Any], fault: str) -> None:
    config = Config()

    with pytest.raises(ValueError, match=fault):
        config.change(**changes)

    assert config == Config()
