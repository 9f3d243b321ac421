"""What changes at VTEX as an ERP that knows plain SQL sees it, on each database."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from erp import conformance
from erp.order_diff import ItemChange, OrderDiff, Totals
from erp.port import ErpRejected, Event
from erp.sales_order import SalesOrder
from support.erp.outboxes import SqlOutbox

MOMENT = datetime(2026, 3, 11, 9, 30, tzinfo=UTC)
TOTALS = Totals(*map(Decimal, ("309.70", "-12.99", "18.90", "0", "0", "315.61")))


def event(order: SalesOrder, kind: str, **more: object) -> Event:
    made = Event(order.store, order.order_id, kind, kind, MOMENT, "razão")
    return replace(made, **more)


def inserted(outbox: SqlOutbox) -> SalesOrder:
    order = conformance.sample()
    outbox.erp.insert(order)
    return order


def test_a_request_to_cancel_is_one_row_with_its_last_day(outbox: SqlOutbox) -> None:
    order = inserted(outbox)
    asked = event(
        order,
        "cancel_requested",
        request_id="85835AB4",
        requested_by_user=True,
        decide_by=MOMENT + timedelta(days=30),
        order_status="cancellation-requested",
    )

    for _ in range(2):
        outbox.erp.report(asked)

    query = (
        "SELECT kind, request_id, requested_by_user, decide_by, order_status, erp_state"
        " FROM int_order_event"
    )
    assert outbox.rows(query) == [
        ("cancel_requested", "85835AB4", 1, "2026-04-10T09:30:00Z", "cancellation-requested", "NEW")
    ]
    # Nothing is decided: the order goes on being one that the ERP makes.
    assert outbox.rows("SELECT erp_state FROM int_order") == [("NEW",)]


def test_changed_items_are_rows_with_both_sides(outbox: SqlOutbox) -> None:
    order = inserted(outbox)
    zero, price = Decimal(0), Decimal("49.9000")
    more = ItemChange(
        "310102", "7F", "REF", "Caneca", 1, 3, price, price, Decimal("49.90"), Decimal("149.70")
    )
    gone = ItemChange(
        "310045", "8A", None, "x" * 600, 2, 0, Decimal("123.4050"), zero, Decimal("246.81"), zero
    )
    after = replace(TOTALS, items=Decimal("162.70"), total=Decimal("168.61"))
    changed = event(order, "changed", order_diff=OrderDiff((more, gone), TOTALS, after))

    for _ in range(2):
        outbox.erp.report(changed)

    assert outbox.rows(
        "SELECT total_before_cents, items_cents, discounts_cents, shipping_cents, tax_cents,"
        " other_cents, total_cents FROM int_order_event"
    ) == [(31561, 16270, -1299, 1890, 0, 0, 16861)]
    rows = outbox.rows(
        "SELECT line_no, kind, sku_id, quantity_before, quantity, unit_price_before, unit_price,"
        " total_before_cents, total_cents, length(name) FROM int_order_event_item ORDER BY line_no"
    )
    amounts = [(*row[:5], *(Decimal(str(value)) for value in row[5:7]), *row[7:]) for row in rows]
    assert amounts == [
        (1, "CHANGED", "310102", 1, 3, price, price, 4990, 14970, 6),
        (2, "REMOVED", "310045", 2, 0, Decimal("123.405"), zero, 24681, 0, 512),
    ]
    found = outbox.erp.look_up(order.store, [order.order_id])
    assert found[order.order_id].total == Decimal("168.61")


@pytest.mark.parametrize("first", [True, False], ids=["new one first", "new one later"])
def test_the_new_order_names_the_one_whose_place_it_took(outbox: SqlOutbox, first: bool) -> None:
    old, new = inserted(outbox), conformance.sample()
    if first:
        outbox.erp.insert(new)
    outbox.erp.report(event(old, "replaced", new_order_id=new.order_id))
    if not first:
        outbox.erp.insert(new)

    rows = outbox.rows("SELECT order_id, replaces_order_id, erp_state FROM int_order ORDER BY id")
    assert rows == [(old.order_id, None, "CANCEL"), (new.order_id, old.order_id, "NEW")]
    found = outbox.erp.look_up("acme", [old.order_id, new.order_id])
    assert [found[row.order_id].canceled for row in (old, new)] == [True, False]


def test_an_order_that_came_in_at_the_same_moment_is_linked_when_that_is_told_again(
    outbox: SqlOutbox,
) -> None:
    old, new = inserted(outbox), conformance.sample()
    told = event(old, "replaced", new_order_id=new.order_id)
    outbox.erp.report(told)
    outbox.erp.insert(new)
    outbox.write("UPDATE int_order SET replaces_order_id = NULL")

    outbox.erp.report(told)

    rows = outbox.rows("SELECT order_id, replaces_order_id FROM int_order ORDER BY id")
    assert rows == [(old.order_id, None), (new.order_id, old.order_id)]
    assert outbox.rows("SELECT count(*) FROM int_order_event") == [(1,)]


def test_an_order_of_many_events_is_looked_up_as_one(outbox: SqlOutbox) -> None:
    order = inserted(outbox)
    for number, total in enumerate(("100.00", "200.00")):
        amended = OrderDiff((), None, replace(TOTALS, total=Decimal(total)))
        outbox.erp.report(event(order, "changed", key=f"changed-{number}", order_diff=amended))
    outbox.erp.report(event(order, "cancel_requested"))
    outbox.erp.report(event(order, "canceled"))

    (found,) = outbox.erp.look_up(order.store, [order.order_id]).values()

    assert (found.total, found.canceled) == (Decimal("200.00"), True)


def test_what_does_not_fit_its_column_is_refused_by_its_name(outbox: SqlOutbox) -> None:
    order = inserted(outbox)

    with pytest.raises(ErpRejected, match=r"int_order_event\.order_status holds 64 characters"):
        outbox.erp.report(event(order, "canceled", order_status="x" * 65))

    assert outbox.rows("SELECT id FROM int_order_event") == []


def test_a_row_that_denies_is_handed_out_as_such(outbox: SqlOutbox) -> None:
    outbox.write(
        "INSERT INTO int_outbox (kind, store, order_id, reason)"
        " VALUES ('DENY', 'acme', 'o-1-01', 'já foi despachado')"
    )
    taken: list[object] = []

    outbox.erp.poll_outbox(taken.append, 10)

    (request,) = taken
    assert request.kind == "denial"
    assert dict(request.fields) == {
        "store": "acme",
        "order_id": "o-1-01",
        "reason": "já foi despachado",
    }


def test_a_row_of_no_kind_is_still_refused(outbox: SqlOutbox) -> None:
    with pytest.raises(Exception, match=r"(?i)constraint|check"):
        outbox.write("INSERT INTO int_outbox (kind, store, order_id) VALUES ('X', 'a', 'o')")
