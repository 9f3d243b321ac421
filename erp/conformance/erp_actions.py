"""What the ERP does with an order, and what is told of it to either side."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from erp.conformance.checks import MOMENT, same, sample
from erp.conformance.harness import ConfirmsOrders, FulfillsOrders, Harness, SetsClock, offered
from erp.port import Event, Request, erp_orders
from erp.sales_order import SalesOrder

ROUNDS = 20
"""Of asking for more, at most: an adapter that polls may tell of the last minutes again."""

OLDER = timedelta(minutes=2)
"""How far behind what was told already a change may be stamped: a transaction of two minutes."""


def a_cancellation_before_the_erp_confirms_is_seen_there(harness: Harness) -> None:
    """By its people, and by ``look_up`` where the adapter tells it; told twice, it is one."""
    confirms, order = offered(harness, ConfirmsOrders), sample()
    harness.erp.insert(order)
    _cancel_at_vtex(harness, order)
    same(confirms.sees_canceled(order.order_id), True)
    same(
        erp_orders(harness.erp, "acme", [order.order_id])[order.order_id].canceled in (True, None),
        True,
    )


def a_cancellation_after_the_erp_confirmed_is_seen_there(harness: Harness) -> None:
    """The ERP may go on with the order: a person decides, and must see it."""
    confirms, order = offered(harness, ConfirmsOrders), sample()
    reference = harness.erp.insert(order)
    confirms.confirm(order.order_id)
    _cancel_at_vtex(harness, order)
    same(confirms.sees_canceled(order.order_id), True)
    same(harness.erp.insert(order), reference)


def two_partial_invoices_one_posted_twice_are_two_invoices(harness: Harness) -> None:
    """Whatever is told twice says the same."""
    acts, order = offered(harness, FulfillsOrders), _taken(harness)
    now = datetime.now(UTC)
    for number, sku in (("1001", "310045"), ("1002", "310102"), ("1001", "310045")):
        acts.invoice(order.order_id, number, Decimal("50.00"), [sku], now)
    told = [one for one in _handed_out(harness, order) if one.kind == "invoice"]
    contents = {(one.fields["invoice_number"], repr(sorted(_content(one).items()))) for one in told}
    same(sorted(number for number, _ in contents), ["1001", "1002"])
    same({one.fields["value_cents"] for one in told}, {5000})
    for one in told:
        same(datetime.fromisoformat(one.fields["issued_at"]).utcoffset() is not None, True)


def an_invoice_posted_twice_is_one_invoice(harness: Harness) -> None:
    """Also where an order has one invoice at most."""
    acts, order = offered(harness, FulfillsOrders), _taken(harness)
    now, told = datetime.now(UTC), []
    for _ in range(2):
        acts.invoice(order.order_id, "1008", Decimal("50.00"), ["310045"], now)
        told += [one for one in _handed_out(harness, order) if one.kind == "invoice"]
    same(len({repr(sorted(_content(one).items())) for one in told}), 1)


def tracking_that_comes_later_is_told_of_its_invoice(harness: Harness) -> None:
    """By a request of its own, after that of the invoice."""
    acts, order = offered(harness, FulfillsOrders), _taken(harness)
    acts.invoice(order.order_id, "1003", Decimal("50.00"), ["310045"], datetime.now(UTC))
    first = _handed_out(harness, order)
    acts.track(order.order_id, "1003", "BR123456789XX")
    second = [one for one in _handed_out(harness, order) if one.kind == "tracking"]
    same([one.fields["invoice_number"] for one in first if one.kind == "invoice"], ["1003"])
    found = {(one.fields["invoice_number"], one.fields["tracking_number"]) for one in second}
    same(found, {("1003", "BR123456789XX")})


def a_cancellation_in_the_erp_is_asked_for_with_a_reason(harness: Harness) -> None:
    """The shopper may read it."""
    acts, order = offered(harness, FulfillsOrders), _taken(harness)
    acts.cancel(order.order_id)
    told = _handed_out(harness, order)
    same({one.kind for one in told}, {"cancellation"})
    same(bool(told[0].fields["reason"]), True)


def a_change_committed_with_an_older_stamp_is_told(harness: Harness) -> None:
    """A long transaction in the ERP commits into the past of what was told already."""
    acts, first, second = offered(harness, FulfillsOrders), _taken(harness), _taken(harness)
    now = datetime.now(UTC)
    acts.invoice(first.order_id, "1004", Decimal("50.00"), ["310045"], now)
    same([one.fields["invoice_number"] for one in _handed_out(harness, first)], ["1004"])
    acts.invoice(second.order_id, "1005", Decimal("50.00"), ["310045"], now - OLDER)
    same([one.fields["invoice_number"] for one in _handed_out(harness, second)], ["1005"])


def an_erp_whose_clock_goes_before_ours_is_heard(harness: Harness) -> None:
    """By ten minutes."""
    _heard_at_its_time(harness, "1006", timedelta(minutes=10))


def an_erp_whose_clock_goes_after_ours_is_heard(harness: Harness) -> None:
    """By ten minutes."""
    _heard_at_its_time(harness, "1007", timedelta(minutes=-10))


CHECKS: tuple[Callable[[Harness], None], ...] = (
    a_cancellation_before_the_erp_confirms_is_seen_there,
    a_cancellation_after_the_erp_confirmed_is_seen_there,
    two_partial_invoices_one_posted_twice_are_two_invoices,
    an_invoice_posted_twice_is_one_invoice,
    tracking_that_comes_later_is_told_of_its_invoice,
    a_cancellation_in_the_erp_is_asked_for_with_a_reason,
    a_change_committed_with_an_older_stamp_is_told,
    an_erp_whose_clock_goes_before_ours_is_heard,
    an_erp_whose_clock_goes_after_ours_is_heard,
)


def _heard_at_its_time(harness: Harness, number: str, apart: timedelta) -> None:
    acts, clock = offered(harness, FulfillsOrders), offered(harness, SetsClock)
    with clock.clock_off_by(apart):
        # The first is told, so that the second comes after it.
        for one in (f"{number}0", number):
            order = _taken(harness)
            moment = datetime.now(UTC) + apart
            acts.invoice(order.order_id, one, Decimal("50.00"), ["310045"], moment)
            same([told.fields["invoice_number"] for told in _handed_out(harness, order)], [one])


def _taken(harness: Harness) -> SalesOrder:
    order = sample()
    harness.erp.insert(order)
    return order


def _cancel_at_vtex(harness: Harness, order: SalesOrder) -> None:
    event = Event(order.store, order.order_id, "canceled", "canceled", MOMENT, "desistência")
    for _ in range(2):
        harness.erp.report(event)


def _handed_out(harness: Harness, order: SalesOrder) -> list[Request]:
    """Return what the ERP tells of an order now."""
    taken: list[Request] = []
    for _ in range(ROUNDS):
        if not harness.erp.poll_outbox(taken.append, 50):
            break
    return [one for one in taken if one.fields["order_id"] == order.order_id]


def _content(request: Request) -> dict[str, object]:
    return {name: value for name, value in request.fields.items() if name != "reference"}
