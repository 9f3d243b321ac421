"""The orders of a range of dates: each once, whatever the range, however little a filter shows."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from vtex import client as client_module
from vtex.client import VtexClient
from vtex.errors import VtexUnavailable
from vtex.simulator.listing import page as listing
from vtex.simulator.listing.fields import Indexed
from vtex.simulator.timestamps import stamp
from vtex.transport.transport import Transport

BEGIN = datetime(2026, 3, 10, tzinfo=UTC)


class Index:
    """A transport that answers from the simulator's own list, page by page."""

    def __init__(self, placed: Mapping[str, datetime], status: str = "handling") -> None:
        self.rows = [self.row(value, moment, status) for value, moment in placed.items()]
        self.asked: list[Mapping[str, str]] = []
        self.arrivals: list[Indexed] = []

    @staticmethod
    def row(order_id: str, moment: datetime, status: str) -> Indexed:
        order = {"orderId": order_id, "creationDate": stamp(moment, 7), "value": 100}
        return Indexed(order, status, moment)

    def get(self, _path: str, query: Mapping[str, str]) -> Any:
        self.asked.append(query)
        answer = listing.answer(self.rows, query)
        if self.arrivals:
            self.rows.append(self.arrivals.pop())
        return answer


def read(
    index: Index, start: datetime, end: datetime, *, page: int, last: int, status: str | None = None
) -> list[str]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {"PAGE_ROWS": page, "LAST_PAGE": last, "REACHABLE": page * last}.items():
            patch.setattr(client_module, name, value)
        patch.setattr(listing, "LAST_PAGE", last)
        client = VtexClient(cast(Transport, index))
        parts = list(client.created(start, end, status=status))
    assert parts[-1].through is not None
    assert parts[-1].through >= end
    return [order.order_id for part in parts for order in part.orders]


@given(
    offsets=st.lists(st.integers(0, 1_000), max_size=40),
    page=st.integers(1, 4),
    last=st.integers(1, 4),
    status=st.sampled_from([None, "handling"]),
)
def test_each_order_of_a_range_is_listed_once_whatever_the_ceiling(
    offsets: list[int], page: int, last: int, status: str | None
) -> None:
    # In tenths of a millisecond: finer than the filter is.
    placed = {
        f"o-{number}": BEGIN + timedelta(microseconds=offset * 100)
        for number, offset in enumerate(offsets)
    }
    assume(_fits(placed, page * last))
    index = Index(placed)

    found = read(
        index, BEGIN, BEGIN + timedelta(milliseconds=100), page=page, last=last, status=status
    )

    assert sorted(found) == sorted(placed)


def _fits(placed: Mapping[str, datetime], most: int) -> bool:
    """Whether every window of one millisecond, with both its ends, can be shown whole."""
    moments = list(placed.values())
    return all(
        sum(start <= moment <= start + timedelta(milliseconds=1) for moment in moments) <= most
        for start in (BEGIN + timedelta(milliseconds=n) for n in range(101))
    )


def test_an_order_between_two_days_is_in_the_first_one_s_range() -> None:
    last = BEGIN + timedelta(days=1, microseconds=-1)
    index = Index({"late": last, "next": last + timedelta(microseconds=2000)})

    assert read(index, BEGIN, last, page=100, last=30) == ["late"]


def test_orders_that_come_into_the_index_while_it_is_read_hide_no_other() -> None:
    placed = {f"o-{n:03}": BEGIN + timedelta(seconds=10 + n) for n in range(50)}
    index = Index(placed)
    index.arrivals = [Index.row(f"late-{n}", BEGIN + timedelta(seconds=n), "x") for n in range(6)]

    found = read(index, BEGIN, BEGIN + timedelta(days=1), page=4, last=30)

    assert len(found) == len(set(found))
    assert set(found) >= set(placed)
    assert len(found) == 56


def test_orders_that_leave_a_status_while_it_is_read_hide_no_other() -> None:
    placed = {f"o-{n:03}": BEGIN + timedelta(seconds=n) for n in range(50)}
    index = Index(placed)
    shown: set[str] = set()
    answer = index.get

    def get(path: str, query: Mapping[str, str]) -> Any:
        page = answer(path, query)
        ids = [order["orderId"] for order in page["list"]]
        shown.update(ids)
        index.rows = [row for row in index.rows if row.order["orderId"] not in ids[::2]]
        return page

    index.get = get  # type: ignore[method-assign]
    found = read(index, BEGIN, BEGIN + timedelta(days=1), page=4, last=30, status="handling")

    assert sorted(found) == sorted(placed)


def test_a_window_that_outgrows_the_ceiling_while_it_is_read_is_halved_then() -> None:
    placed = {f"o-{n:03}": BEGIN + timedelta(seconds=n) for n in range(15)}
    index = Index(placed)
    index.arrivals = [Index.row(f"late-{n}", BEGIN + timedelta(seconds=n), "x") for n in range(4)]

    found = read(index, BEGIN, BEGIN + timedelta(days=1), page=4, last=4)

    assert len(found) == len(set(found)) == 19


def test_more_orders_of_one_moment_than_can_be_shown_are_told_of() -> None:
    index = Index({f"o-{n}": BEGIN for n in range(5)})

    with pytest.raises(VtexUnavailable, match="one moment"):
        read(index, BEGIN, BEGIN + timedelta(seconds=1), page=2, last=2)


def test_all_statuses_are_asked_for_by_leaving_the_filter_out() -> None:
    index = Index({"o-1": BEGIN})

    read(index, BEGIN, BEGIN + timedelta(seconds=1), page=100, last=30)

    assert index.asked
    assert not [query for query in index.asked if "f_status" in query]
