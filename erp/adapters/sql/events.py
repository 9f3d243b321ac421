"""Writes a change of an order at VTEX: a row of ``int_order_event`` with its items."""

from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, ScalarSelect, and_, func, select, update

from erp.adapters.sql.column_limits import fitted
from erp.adapters.sql.tables import event_items, events, orders, stamp
from erp.order_diff import OrderDiff
from erp.port import Event
from erp.sales_order import Flag


def write(db: Connection, event: Event) -> None:
    """Write an event with its rows. A change also counts the order's revision up.

    Raises:
        IntegrityError: the event exists already.
        ErpRejected: an id or an amount does not fit its column.
    """
    cuts: list[Flag] = []
    row = fitted(events, _row(event), cuts)
    if event.kind == "changed":
        row["revision"] = _revised(db, event)
    number = db.execute(events.insert().values(row)).inserted_primary_key
    lines = [] if event.order_diff is None else _items(event.order_diff)
    if lines and number is not None:
        key = {"int_order_event_id": number[0]}
        db.execute(event_items.insert(), [key | fitted(event_items, line, cuts) for line in lines])
    link(db, event)


def link(db: Connection, event: Event) -> None:
    """Link an existing order to the one that it replaces.

    An order that comes in later finds the event itself. For one that comes in at the same time,
    a repeated report links it.
    """
    if event.new_order_id is not None:
        db.execute(
            update(orders)
            .where(orders.c.store == event.store, orders.c.order_id == event.new_order_id)
            .values(replaces_order_id=event.order_id)
        )


def replaced_by(store: str, order_id: str) -> ScalarSelect[Any]:
    """Return a subquery for the order that an order replaces."""
    return (
        select(func.max(events.c.order_id))
        .where(events.c.store == store, events.c.new_order_id == order_id)
        .scalar_subquery()
    )


def _revised(db: Connection, event: Event) -> ScalarSelect[Any]:
    """Count an order's revision up. Return it as a subquery of the event's insert.

    The update locks the order's row first, so concurrent changes get their revisions in turn.
    """
    order = and_(orders.c.store == event.store, orders.c.order_id == event.order_id)
    db.execute(update(orders).where(order).values(revision=orders.c.revision + 1))
    return select(orders.c.revision).where(order).scalar_subquery()


def _row(event: Event) -> dict[str, Any]:
    asked = event.requested_by_user
    row = {
        "store": event.store,
        "order_id": event.order_id,
        "event_key": event.key,
        "kind": event.kind,
        "happened_at": stamp(event.at),
        "reason": event.reason,
        "erp_state": "NEW",
        "order_status": event.order_status,
        "request_id": event.request_id,
        "requested_by_user": None if asked is None else int(asked),
        "decide_by": stamp(event.decide_by) if event.decide_by else None,
        "new_order_id": event.new_order_id,
    }
    return row if event.order_diff is None else row | _totals(event.order_diff)


def _totals(order_diff: OrderDiff) -> dict[str, Any]:
    before, after = order_diff.before, order_diff.after
    names = ("items", "discounts", "shipping", "tax", "other", "total")
    sums = {f"{name}_cents": _cents(getattr(after, name)) for name in names}
    return sums | {"total_before_cents": None if before is None else _cents(before.total)}


def _items(order_diff: OrderDiff) -> list[dict[str, Any]]:
    return [
        {
            "line_no": number,
            "kind": item.kind.upper(),
            "unique_id": item.unique_id,
            "sku_id": item.sku_id,
            "ref_id": item.ref_id,
            "name": item.name,
            "quantity_before": item.quantity_before,
            "quantity": item.quantity,
            "unit_multiplier_before": item.unit_multiplier_before,
            "unit_multiplier": item.unit_multiplier,
            "unit_price_before": item.unit_price_before,
            "unit_price": item.unit_price,
            "total_before_cents": _cents(item.total_before),
            "total_cents": _cents(item.total),
        }
        for number, item in enumerate(order_diff.items, start=1)
    ]


def _cents(money: Decimal) -> int:
    return int(money.scaleb(2))
