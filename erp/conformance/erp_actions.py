"""Checks of the ERP's actions on an order, and of their reports in both directions."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from erp.conformance.checks import MOMENT, inserted, same, sample
from erp.conformance.harness import ConfirmsOrders, FulfillsOrders, Harness, SetsClock, offered
from erp.port import Event, Request, erp_orders
from erp.sales_order import SalesOrder

ROUNDS = 20
"""Bound of the polls. A polling adapter may report the last minutes again."""

OLDER = timedelta(minutes=2)
"""Age that a change may have behind a reported one: a transaction of two minutes."""


def a_cancellation_before_the_erp_confirms_is_seen_there(harness: Harness) -> None:
    """Its people see it, and ``look_up`` if the adapter reports it. A repeat counts once."""
    confirms, order = offered(harness, ConfirmsOrders), inserted(harness.erp)
    _cancel_at_vtex(harness, order)
    same(confirms.sees_canceled(order.order_id), True)
    same(
        erp_orders(harness.erp, "acme", [order.order_id])[order.order_id].canceled in (True, None),
        True,
    )


def a_cancellation_after_the_erp_confirmed_is_seen_there(harness: Harness) -> None:
    """The ERP may continue the order. A person must see it and decide."""
    confirms, order = offered(harness, ConfirmsOrders), sample()
    reference = harness.erp.insert(order)
    confirms.confirm(order.order_id)
    _cancel_at_vtex(harness, order)
    same(confirms.sees_canceled(order.order_id), True)
    same(harness.erp.insert(order), reference)


def two_partial_invoices_one_posted_twice_are_two_invoices(harness: Harness) -> None:
    """A repeated report has the same content."""
    acts, order = offered(harness, FulfillsOrders), inserted(harness.erp)
    now = datetime.now(UTC)
    for number, sku in (("1001", "310045"), ("1002", "310102"), ("1001", "310045")):
        acts.invoice(order.order_id, number, Decimal("50.00"), [sku], now)
    requests = [request for request in _handed_out(harness, order) if request.kind == "invoice"]
    contents = {
        (request.fields["invoice_number"], repr(sorted(_content(request).items())))
        for request in requests
    }
    same(sorted(number for number, _ in contents), ["1001", "1002"])
    same({request.fields["value_cents"] for request in requests}, {5000})
    for request in requests:
        same(datetime.fromisoformat(request.fields["issued_at"]).utcoffset() is not None, True)


def an_invoice_posted_twice_is_one_invoice(harness: Harness) -> None:
    """Also in an ERP with one invoice per order."""
    acts, order = offered(harness, FulfillsOrders), inserted(harness.erp)
    now, requests = datetime.now(UTC), []
    for _ in range(2):
        acts.invoice(order.order_id, "1008", Decimal("50.00"), ["310045"], now)
        requests += [
            request for request in _handed_out(harness, order) if request.kind == "invoice"
        ]
    same(len({repr(sorted(_content(request).items())) for request in requests}), 1)


def tracking_that_comes_later_is_told_of_its_invoice(harness: Harness) -> None:
    """In its own request, after the invoice's."""
    acts, order = offered(harness, FulfillsOrders), inserted(harness.erp)
    acts.invoice(order.order_id, "1003", Decimal("50.00"), ["310045"], datetime.now(UTC))
    first = _handed_out(harness, order)
    acts.track(order.order_id, "1003", "BR123456789XX")
    second = [request for request in _handed_out(harness, order) if request.kind == "tracking"]
    same(
        [request.fields["invoice_number"] for request in first if request.kind == "invoice"],
        ["1003"],
    )
    found = {
        (request.fields["invoice_number"], request.fields["tracking_number"]) for request in second
    }
    same(found, {("1003", "BR123456789XX")})


def a_cancellation_in_the_erp_is_asked_for_with_a_reason(harness: Harness) -> None:
    """The shopper may read it."""
    acts, order = offered(harness, FulfillsOrders), inserted(harness.erp)
    acts.cancel(order.order_id)
    requests = _handed_out(harness, order)
    same({request.kind for request in requests}, {"cancellation"})
    same(bool(requests[0].fields["reason"]), True)


def a_change_committed_with_an_older_stamp_is_told(harness: Harness) -> None:
    """A long transaction in the ERP commits a change older than reported ones."""
    acts, first, second = (
        offered(harness, FulfillsOrders),
        inserted(harness.erp),
        inserted(harness.erp),
    )
    now = datetime.now(UTC)
    acts.invoice(first.order_id, "1004", Decimal("50.00"), ["310045"], now)
    same([request.fields["invoice_number"] for request in _handed_out(harness, first)], ["1004"])
    acts.invoice(second.order_id, "1005", Decimal("50.00"), ["310045"], now - OLDER)
    same([request.fields["invoice_number"] for request in _handed_out(harness, second)], ["1005"])


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
        # The first one is reported, so that the second one comes later.
        for invoice_number in (f"{number}0", number):
            order = inserted(harness.erp)
            moment = datetime.now(UTC) + apart
            acts.invoice(order.order_id, invoice_number, Decimal("50.00"), ["310045"], moment)
            requests = _handed_out(harness, order)
            same([row.fields["invoice_number"] for row in requests], [invoice_number])


def _cancel_at_vtex(harness: Harness, order: SalesOrder) -> None:
    event = Event(order.store, order.order_id, "canceled", "canceled", MOMENT, "desistência")
    for _ in range(2):
        harness.erp.report(event)


def _handed_out(harness: Harness, order: SalesOrder) -> list[Request]:
    """Return the requests that the ERP has for an order now."""
    taken: list[Request] = []
    for _ in range(ROUNDS):
        if not harness.erp.poll_outbox(taken.append, 50):
            break
    return [request for request in taken if request.fields["order_id"] == order.order_id]


def _content(request: Request) -> dict[str, object]:
    return {name: value for name, value in request.fields.items() if name != "reference"}
