"""Money and names on their way from VTEX's order to the ERP's."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from erp.mapping.sales_orders import LENIENT, STRICT, SumMismatch, Unmappable, to_sales_order
from journal.jobs.dead_letters import general_reason
from support.documents import builders
from vtex.documents import Client, Component, Order, OrderTransaction, Transaction


def mapped(order: Order, *transactions: Transaction, allow: bool = False):
    return to_sales_order(
        "acme", order, transactions, raw_payment=None, proof=LENIENT if allow else STRICT
    )


def test_a_discount_that_does_not_divide_makes_one_row_a_price() -> None:
    lines = mapped(builders.order_a()).lines

    assert [(one.quantity, one.unit_price) for one in lines] == [
        (1, Decimal("123.40")),
        (1, Decimal("123.41")),
        (1, Decimal("49.90")),
    ]


def test_the_rows_and_the_freight_add_up_to_the_total() -> None:
    order = mapped(builders.order_a())

    assert sum(one.total + one.freight for one in order.lines) == order.total == Decimal("315.61")


def test_freight_finds_its_line_by_item_index_not_by_place() -> None:
    freight = {
        one.item_index: one.freight for one in mapped(builders.order_a()).lines if one.freight
    }

    assert freight == {0: Decimal("16.50"), 1: Decimal("2.40")}


def test_sums_that_miss_the_value_are_spelled_out() -> None:
    order = builders.order(value_cents=1160)

    with pytest.raises(SumMismatch) as caught:
        mapped(order)

    assert "Items 10.00 + Discounts 0.00 + Shipping 0.00 + Tax 0.00 = 10.00" in str(caught.value)
    assert "value is 11.60 (difference 1.60)" in str(caught.value)


def test_a_store_that_allows_it_gets_the_mismatch_as_a_flag() -> None:
    order = mapped(builders.order(value_cents=1160), allow=True)

    assert "difference 1.60" in order.flags[0].detail
    assert order.flags[0].name == "sum_mismatch"
    assert order.other == Decimal("1.60")


def test_a_rounding_error_that_vtex_declares_is_no_mismatch() -> None:
    order = mapped(builders.order(value_cents=1001, rounding_error_cents=-1))

    assert "sum_mismatch" not in [flag.name for flag in order.flags]


def test_changes_and_interest_go_to_other() -> None:
    totals = (("Items", 1000), ("Change", -100), ("Interest", 30))

    assert mapped(builders.order(value_cents=930, totals=totals)).other == Decimal("-0.70")


def test_a_chain_order_is_priced_by_its_tags() -> None:
    first = builders.order_a().items[0]
    order = builders.order(
        origin="Chain",
        items=(first,),
        value_cents=24681,
        totals=(("Items", 25980), ("Discounts", -1299)),
    )

    assert sum(line.total for line in mapped(order).lines) == Decimal("246.81")


def test_a_kit_is_one_row_with_its_parts() -> None:
    kit = builders.item(components=(Component("400001", 2, "Peça A"),))

    (line,) = mapped(builders.order(items=(kit,))).lines

    assert [(one.sku_id, one.quantity) for one in line.parts] == [("400001", 2)]


def test_a_service_is_a_row_under_its_item() -> None:
    wrap = builders.item(index=-1, sku_id="W", price_cents=150, selling_prices=(), total_cents=None)
    order = builders.order(
        items=(builders.item(services=(wrap,)),), value_cents=1150, totals=(("Items", 1150),)
    )

    assert [(one.sku_id, one.parent_line) for one in mapped(order).lines] == [
        ("310045", None),
        ("W", 1),
    ]


def test_payments_come_from_the_gateway_without_what_was_refused() -> None:
    transaction = Transaction(
        "T", "Approved", 1000, None, (builders.payment(), builders.payment(status="Cancelled")), {}
    )

    assert [one.value for one in mapped(builders.order(), transaction).payments] == [Decimal(10)]


def test_an_order_paid_at_a_marketplace_keeps_its_own_payment() -> None:
    paid = OrderTransaction("PAYMENT-FROM-AFFILIATE", payments=(builders.payment(status=None),))

    (part,) = mapped(builders.order(transactions=(paid,))).payments

    assert part.value == Decimal(10)


def test_masked_data_are_held_and_never_quoted() -> None:
    client = Client(first_name="J***", last_name="Prado", document="52998224725")

    with pytest.raises(Unmappable, match=r"clientProfileData\.firstName: is masked") as caught:
        mapped(builders.order(client=client))

    assert "J*" not in str(caught.value)


def test_a_company_is_known_by_its_own_names_and_number() -> None:
    client = Client(
        first_name="Ana",
        is_corporate=True,
        corporate_name="Exemplo Ltda",
        corporate_document="12.ABC.345/01DE-35",
    )

    customer = mapped(builders.order(client=client)).customer

    assert (customer.kind, customer.name, customer.document) == (
        "J",
        "Exemplo Ltda",
        "12ABC34501DE35",
    )


def test_a_line_that_comes_to_more_than_any_order_is_refused() -> None:
    huge = builders.item(price_cents=10**15, quantity=10**6, total_cents=None, selling_prices=())

    with pytest.raises(Unmappable, match=r"^items\.0: comes to more"):
        mapped(builders.order(items=(huge,)), allow=True)


def test_totals_that_are_many_or_no_words_are_not_quoted() -> None:
    totals = tuple((f"52998224725-{n}", 1) for n in range(1000))

    (first, *_) = map(str, mapped(builders.order(totals=totals, value_cents=5), allow=True).flags)

    assert "other 0.01" in first
    assert "52998224725" not in first
    assert len(first) < 400


def test_lines_that_close_by_no_reading_name_the_line_and_the_nearest_reading() -> None:
    dear = builders.item(sku_id="A-7", price_cents=950, selling_price_cents=960, total_cents=800)
    order = builders.order(items=(replace(dear, selling_prices=()),))

    with pytest.raises(
        SumMismatch, match=r"line 1 \(SKU 'A-7'\) by sellingPrice x quantity"
    ) as caught:
        mapped(order)

    assert "still 0.40 apart" in str(caught.value)


@pytest.mark.parametrize("cents", [1, 990, 1010, 5000])
def test_orders_whose_lines_differ_are_one_group_of_dead_letters(cents: int) -> None:
    reasons = set()
    for sku, price in (("310045", 700), ("A-7", 1500)):
        item = builders.item(
            sku_id=sku,
            price_cents=price,
            selling_price_cents=price,
            selling_prices=(),
            total_cents=price,
        )
        with pytest.raises(SumMismatch) as caught:
            mapped(builders.order(items=(item,), value_cents=cents, totals=(("Items", cents),)))
        reasons.add(general_reason(str(caught.value)))

    assert len(reasons) == 1
