"""How an order differs from what the ERP was given."""

import json
from dataclasses import replace
from decimal import Decimal

from erp import order_diff
from erp.mapping.sales_orders import LENIENT, to_sales_order
from erp.sales_order import SalesOrder
from support.documents import builders
from vtex.documents import Order, SellingPrice


def given(order: Order) -> SalesOrder:
    return to_sales_order("acme", order, [], raw_payment=None, proof=LENIENT)


def two_lines() -> Order:
    """Two lines of one SKU, told apart by their names alone."""
    one = builders.item(unique_id="A")
    other = builders.item(
        index=1, unique_id="B", quantity=2, total_cents=1800, selling_prices=(SellingPrice(900, 2),)
    )
    return builders.order(items=(one, other), value_cents=2800, totals=(("Items", 2800),))


def test_an_order_that_is_the_same_has_no_amendment() -> None:
    order = builders.order_a()

    assert order_diff.difference(given(order), given(order)) is None
    later = replace(order, status="invoiced", note="outra coisa", has_packages=True)
    assert order_diff.difference(given(order), given(later)) is None


def test_places_that_shift_are_no_change() -> None:
    order = two_lines()
    one, other = order.items
    shifted = replace(order, items=(replace(other, index=0), replace(one, index=1)))

    assert order_diff.difference(given(order), given(shifted)) is None


def test_a_weight_that_was_taken_anew_is_a_change_with_all_its_decimals() -> None:
    cheese = builders.item(unit_multiplier=Decimal("0.35"))
    order = builders.order(items=(cheese,))
    weighed = replace(order, items=(replace(cheese, unit_multiplier=Decimal("0.352417")),))

    found = order_diff.difference(given(order), given(weighed))

    assert found is not None
    kept = order_diff.from_json(json.loads(json.dumps(order_diff.as_json(found))))
    (change,) = kept.items
    assert (change.kind, change.quantity) == ("changed", 1)
    assert change.unit_multiplier_before == Decimal("0.35")
    assert change.unit_multiplier == Decimal("0.352417")


def test_of_two_lines_of_one_sku_the_one_that_changed_is_named() -> None:
    order = two_lines()
    fewer = replace(
        order.items[1], quantity=1, total_cents=900, selling_prices=(SellingPrice(900, 1),)
    )
    after = replace(
        order, items=(order.items[0], fewer), value_cents=1900, totals=(("Items", 1900),)
    )

    found = order_diff.difference(given(order), given(after))

    assert found is not None
    (change,) = found.items
    assert (change.kind, change.unique_id) == ("changed", "B")
    assert (change.quantity_before, change.quantity) == (2, 1)
    assert (change.total_before, change.total) == (Decimal("18.00"), Decimal("9.00"))
    assert change.unit_price_before == change.unit_price == Decimal(9)
    assert found.before is not None
    assert (found.before.total, found.after.total) == (Decimal("28.00"), Decimal("19.00"))


def test_a_line_that_stays_with_no_units_is_removed_once() -> None:
    order = given(two_lines())
    first, second = order.lines
    gone = replace(second, quantity=0, total=Decimal(0))
    after = replace(order, lines=(first, gone))

    found = order_diff.difference(order, after)

    assert found is not None
    (change,) = found.items
    assert (change.kind, change.unique_id, change.quantity) == ("removed", "B", 0)
    assert order_diff.difference(after, after) is None
    assert order_diff.difference(replace(order, lines=(first,)), after) is None


def test_a_line_that_split_into_two_prices_counts_as_one_with_the_price_of_a_unit() -> None:
    before = builders.order_a()
    first, second = before.items
    third = replace(
        first,
        quantity=3,
        total_cents=37022,
        selling_prices=(SellingPrice(12340, 1), SellingPrice(12341, 2)),
    )

    found = order_diff.difference(given(before), given(replace(before, items=(third, second))))

    assert found is not None
    (change,) = found.items
    assert (change.quantity_before, change.quantity) == (2, 3)
    assert change.total == Decimal("370.22")
    assert change.unit_price == Decimal("123.4067")


def test_freight_alone_changes_the_totals_and_no_item() -> None:
    order = builders.order(totals=(("Items", 1000), ("Shipping", 0)))
    after = replace(order, value_cents=1500, totals=(("Items", 1000), ("Shipping", 500)))

    found = order_diff.difference(given(order), given(after))

    assert found is not None
    assert found.items == ()
    assert found.after.shipping == Decimal("5.00")


def test_a_change_of_the_old_kind_shows_in_the_other_amounts() -> None:
    order = builders.order()
    after = replace(order, value_cents=800, totals=(*order.totals, ("Change", -200)))

    found = order_diff.difference(given(order), given(after))

    assert found is not None
    assert (found.items, found.after.other, found.after.total) == (
        (),
        Decimal("-2.00"),
        Decimal("8.00"),
    )


def test_an_amendment_is_kept_as_json_and_comes_back_as_it_was() -> None:
    order = two_lines()
    found = order_diff.difference(given(order), given(replace(order, items=order.items[:1])))
    assert found is not None

    kept = json.loads(json.dumps(order_diff.as_json(found) | {"newer": 1}))

    assert order_diff.from_json(kept) == found
    assert order_diff.from_json(kept | {"before": None}) == replace(found, before=None)
