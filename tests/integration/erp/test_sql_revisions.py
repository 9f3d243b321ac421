"""How often an order changed after it came in, as an ERP that knows plain SQL sees it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from erp import conformance
from erp.order_diff import OrderDiff, Totals
from erp.port import ErpRejected, Event
from erp.sales_order import SalesOrder
from support.erp.outboxes import SqlOutbox

MOMENT = datetime(2026, 3, 11, 9, 30, tzinfo=UTC)
TOTALS = Totals(*map(Decimal, ("309.70", "-12.99", "18.90", "0", "0", "315.61")))
REVISION = "SELECT revision FROM int_order"
EVENTS = "SELECT event_key, revision FROM int_order_event ORDER BY id"


def changed(order: SalesOrder, key: str, **more: Any) -> Event:
    made = Event(order.store, order.order_id, "changed", key, MOMENT)
    return replace(made, order_diff=OrderDiff((), None, TOTALS), **more)


@pytest.fixture
def order(outbox: SqlOutbox) -> SalesOrder:
    made = conformance.sample()
    outbox.erp.insert(made)
    return made


def test_each_change_makes_one_revision_which_its_event_names(
    outbox: SqlOutbox, order: SalesOrder
) -> None:
    before = outbox.rows(REVISION)

    for key in ("first", "second", "first", "second"):
        outbox.erp.report(changed(order, key))

    assert (before, outbox.rows(REVISION)) == ([(1,)], [(3,)])
    assert outbox.rows(EVENTS) == [("first", 2), ("second", 3)]


def test_a_change_leaves_other_orders_and_all_that_came_in_as_they_are(
    outbox: SqlOutbox, order: SalesOrder
) -> None:
    other = conformance.sample()
    outbox.erp.insert(other)
    tables = ("item", "payment", "address", "raw")
    before = [outbox.rows(f"SELECT * FROM int_order_{table}") for table in tables]

    outbox.erp.report(changed(order, "first"))

    assert outbox.rows("SELECT order_id, revision, total_cents FROM int_order ORDER BY id") == [
        (order.order_id, 2, 31561),
        (other.order_id, 1, 31561),
    ]
    assert [outbox.rows(f"SELECT * FROM int_order_{table}") for table in tables] == before


@pytest.mark.parametrize("kind", ["cancel_requested", "cancel_dropped", "canceled", "replaced"])
def test_what_changes_no_item_and_no_value_makes_no_revision(
    outbox: SqlOutbox, order: SalesOrder, kind: str
) -> None:
    outbox.erp.report(Event(order.store, order.order_id, kind, kind, MOMENT))

    assert outbox.rows(REVISION) == [(1,)]
    assert outbox.rows(EVENTS) == [(kind, None)]


def test_a_change_that_is_refused_makes_no_revision(outbox: SqlOutbox, order: SalesOrder) -> None:
    with pytest.raises(ErpRejected, match=r"int_order_event\.order_status holds 64 characters"):
        outbox.erp.report(changed(order, "first", order_status="x" * 65))

    assert (outbox.rows(REVISION), outbox.rows(EVENTS)) == ([(1,)], [])


def test_a_change_of_an_order_that_the_erp_deleted_is_told_without_a_revision(
    outbox: SqlOutbox,
) -> None:
    outbox.erp.report(changed(conformance.sample(), "first"))

    assert outbox.rows(EVENTS) == [("first", None)]


def test_racing_changes_count_once_each_and_in_the_order_of_their_events(
    outbox: SqlOutbox, order: SalesOrder
) -> None:
    told = [changed(order, f"change-{number}") for number in range(6)] * 4
    told.append(Event(order.store, order.order_id, "canceled", "canceled", MOMENT))

    with ThreadPoolExecutor(8) as pool:
        # What fails in a thread is raised here.
        list(pool.map(outbox.erp.report, told))

    assert outbox.rows("SELECT revision, erp_state FROM int_order") == [(7, "CANCEL")]
    numbers = [number for _, number in outbox.rows(EVENTS) if number is not None]
    assert numbers == [2, 3, 4, 5, 6, 7]


def test_whoever_sees_a_revision_sees_every_change_up_to_it(
    outbox: SqlOutbox, order: SalesOrder
) -> None:
    def tell() -> None:
        for number in range(20):
            outbox.erp.report(changed(order, f"change-{number}"))

    def look() -> tuple[int, int]:
        ((revision,),) = outbox.rows(REVISION)
        query = "SELECT count(*) FROM int_order_event WHERE revision <= :revision"
        ((events,),) = outbox.rows(query, revision=revision)
        return revision, events

    with ThreadPoolExecutor(1) as pool:
        telling = pool.submit(tell)
        seen = []
        while not telling.done():
            seen.append(look())
        telling.result()

    assert look() == (21, 20)
    assert [row for row in seen if row[1] != row[0] - 1] == []


def test_an_erp_that_books_by_revision_learns_that_the_order_changed_meanwhile(
    outbox: SqlOutbox, order: SalesOrder
) -> None:
    ((number, booked),) = outbox.rows("SELECT id, revision FROM int_order")
    outbox.erp.report(changed(order, "first"))

    outbox.write(
        "UPDATE int_order SET erp_state = 'IMPORTED' WHERE id = :id AND revision = :revision",
        id=number,
        revision=booked,
    )

    assert outbox.rows("SELECT erp_state FROM int_order") == [("NEW",)]


TOLD_BEFORE = (
    "INSERT INTO int_order_event (store, order_id, event_key, kind, happened_at, erp_state)"
    " VALUES ('acme', :order, :key, 'changed', '2026-03-11T09:30:00Z', 'NEW')"
)
"""A change as a writer reports it that knows no revisions."""

MADE_BEFORE = (
    "INSERT INTO int_order (store, order_id, currency, items_cents, discounts_cents,"
    " shipping_cents, tax_cents, other_cents, total_cents, customer_kind, customer_name,"
    " delivery_channel, placed_at, received_at, erp_state, erp_attempts) VALUES ('acme', 'o-2',"
    " 'BRL', 1, 0, 0, 0, 0, 1, 'F', 'Ana', 'delivery', '2026-03-11', '2026-03-11', 'NEW', 0)"
)
"""An order as such a writer inserts it."""


def test_orders_written_without_a_revision_begin_at_one_and_changes_without_one_do_not_count(
    outbox: SqlOutbox, order: SalesOrder
) -> None:
    outbox.write(TOLD_BEFORE, order=order.order_id, key="before")
    outbox.write(TOLD_BEFORE, order=order.order_id, key="beside")
    outbox.write(MADE_BEFORE)
    outbox.erp.report(changed(order, "first"))
    assert outbox.rows("SELECT revision FROM int_order ORDER BY id") == [(2,), (1,)]
    assert outbox.rows(EVENTS) == [("before", None), ("beside", None), ("first", 2)]
