"""What "an adapter works" means: checks that any adapter can be run against.

In an adapter's own tests::

    @pytest.mark.parametrize("check", conformance.CHECKS, ids=lambda check: check.__name__)
    def test_my_erp(check):
        check(MyErp(url))

Each check takes an adapter whose ``migrate`` was called, and raises AssertionError.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from uuid import uuid4

from erp.port import Erp, Event
from erp.sales_order import Customer, Line, PaymentPart, PostalAddress, SalesOrder

RACERS = 12


def sample(order_id: str | None = None) -> SalesOrder:
    """Return a sound order; by default of an id that no other has."""
    return SalesOrder(
        store="acme",
        order_id=order_id or f"v{uuid4().hex[:12]}-01",
        sequence="70411223",
        placed_at=datetime(2026, 3, 10, 14, 20, 11, tzinfo=UTC),
        currency="BRL",
        items_total=Decimal("309.70"),
        discounts=Decimal("-12.99"),
        shipping=Decimal("18.90"),
        tax=Decimal(0),
        other=Decimal(0),
        total=Decimal("315.61"),
        customer=Customer(kind="F", document="52998224725", name="Conceição D'Ávila 🦜"),
        lines=(
            _line(1, "310045", Decimal("123.40")),
            _line(2, "310045", Decimal("123.41")),
            _line(3, "310102", Decimal("49.90")),
        ),
        payments=(PaymentPart(1, "2", "Visa", "creditCard", Decimal("315.61"), installments=3),),
        shipping_address=PostalAddress(street="Rua das Palmeiras", city="São Paulo", state="SP"),
        billing_address=None,
        raw_order={"orderId": "…", "note": "á" * 70_000},
        raw_payment=None,
    )


def inserting_twice_gives_one_order_and_its_reference(erp: Erp) -> None:
    """The second caller gets the first one's reference."""
    order = sample()
    reference = erp.insert(order)
    _same(erp.insert(order), reference)
    _same(erp.find(order.store, order.order_id), reference)


def racing_callers_insert_one_order(erp: Erp) -> None:
    """Whoever loses the race gets the winner's reference."""
    order = sample()
    with ThreadPoolExecutor(RACERS) as pool:
        references = set(pool.map(lambda _: erp.insert(order), range(RACERS)))
    _same(len(references), 1)


def the_same_id_in_two_stores_is_two_orders(erp: Erp) -> None:
    """An order is named by its store and its id."""
    order = sample()
    one, other = erp.insert(order), erp.insert(replace(order, store="outlet"))
    _same(one != other, True)


def an_unknown_order_has_no_reference(erp: Erp) -> None:
    """``find`` answers None."""
    _same(erp.find("acme", "nobody-01"), None)


def an_order_of_nothing_is_taken(erp: Erp) -> None:
    """Zero value, no payment, no address."""
    nothing = Decimal(0)
    order = replace(
        sample(), total=nothing, items_total=nothing, discounts=nothing, shipping=nothing,
        payments=(), shipping_address=None,
    )  # fmt: skip
    _same(bool(erp.insert(order)), True)


def an_order_of_many_lines_is_taken(erp: Erp) -> None:
    """500 lines in one order."""
    lines = tuple(_line(number, "310045", Decimal("0.01")) for number in range(1, 501))
    _same(bool(erp.insert(replace(sample(), lines=lines))), True)


def an_event_reported_twice_is_kept(erp: Erp) -> None:
    """Also one of an order that the ERP never had, or of a kind that it does not know."""
    order = sample()
    erp.insert(order)
    moment = datetime(2026, 3, 11, tzinfo=UTC)
    for kind in ("canceled", "something-new"):
        for _ in range(2):
            erp.report(Event(order.store, order.order_id, kind, kind, moment, "razão"))


CHECKS: tuple[Callable[[Erp], None], ...] = (
    inserting_twice_gives_one_order_and_its_reference,
    racing_callers_insert_one_order,
    the_same_id_in_two_stores_is_two_orders,
    an_unknown_order_has_no_reference,
    an_order_of_nothing_is_taken,
    an_order_of_many_lines_is_taken,
    an_event_reported_twice_is_kept,
)


def _line(number: int, sku: str, price: Decimal) -> Line:
    return Line(
        line_no=number, item_index=0, sku_id=sku, quantity=1, unit_price=price,
        discount=Decimal(0), total=price, name="Camiseta básica",
    )  # fmt: skip


def _same(found: object, wanted: object) -> None:
    if found != wanted:
        raise AssertionError(f"{found!r} is not {wanted!r}")
