"""The lines of a nota as items of the order."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from erp.nfe.belonging import OrderRecord, SentInvoice
from erp.nfe.invoice import read, request
from erp.nfe.item_matching import NfeMismatch
from erp.nfe.rules import NfeRules
from support.documents import builders
from support.documents.nfe_samples import PERSON, Det, access_key, nfe
from tasks.outbound import request_schemas
from vtex.documents import ChangedItem, Component, Item, ItemsChange, Order

SHIRT = {"sku_id": "310045", "ref_id": "CAM-P", "ean": "7891000100103"}
KIT = builders.item(
    index=1,
    sku_id="900",
    ref_id="KIT",
    components=(Component("31", 1, ref_id="A"), Component("32", 2, ref_id="B")),
)


def order(*items: Item) -> Order:
    return builders.order(items=items or (builders.item(**SHIRT),))


def items(*dets: Det, of: Order | None = None, **more: object) -> list[tuple[str, int, int]]:
    made = request(read(nfe(*dets)), of or order(), NfeRules(**more))["items"]  # type: ignore[arg-type]
    return [(one["sku_id"], one["quantity"], one["price_cents"]) for one in made]


def mismatch(*dets: Det, of: Order | None = None, **more: object) -> str:
    with pytest.raises(NfeMismatch) as caught:
        items(*dets, of=of, **more)
    return str(caught.value)


def test_the_public_task_takes_what_a_nota_asks_for() -> None:
    made = request_schemas.read("invoice", request(read(nfe()), order()))

    assert made.invoice_number == "128841"
    assert made.invoice_key == access_key()
    assert made.issued_at == "2026-03-10T23:40:00-03:00"
    assert made.courier == "Transportadora Rota Nova"
    assert [(one.sku_id, one.quantity, one.price_cents) for one in made.items] == [
        ("310045", 1, 1000)
    ]


@pytest.mark.parametrize(
    "det",
    [
        Det(code="CAM-P"),
        Det(code="X1", ean="7891000100103"),
        Det(code="X1", ean="07891000100103"),
        Det(code="310045"),
    ],
)
def test_a_line_finds_its_item_by_ref_id_ean_or_sku_id(det) -> None:
    assert items(det) == [("310045", 1, 1000)]


def test_a_key_that_is_not_asked_for_finds_nothing() -> None:
    assert "does not match an item of the order by ean" in mismatch(
        Det(code="CAM-P"), match=["ean"]
    )


def test_a_key_that_nobody_knows_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(ValueError, match="ref_id, ean, map, sku_id"):
        items(match=["barcode"])


def test_the_first_key_decides_where_two_items_would_fit() -> None:
    two = order(
        builders.item(**SHIRT),
        builders.item(index=1, sku_id="7", ref_id="OTHER", ean="7891000100110"),
    )
    det = Det(code="CAM-P", ean="7891000100110")

    assert items(det, of=two) == [("310045", 1, 1000)]
    assert items(det, of=two, match=["ean", "ref_id"]) == [("7", 1, 1000)]


def test_a_key_that_fits_two_skus_decides_nothing() -> None:
    twins = order(
        builders.item(**SHIRT),
        builders.item(index=1, sku_id="7", ref_id="CAM-P", ean="7891000100110"),
    )

    assert items(Det(ean="7891000100110"), of=twins) == [("7", 1, 1000)]
    assert "does not match an item" in mismatch(Det(), of=twins)


def test_lines_that_fit_nothing_are_named_beside_what_the_order_has() -> None:
    words = mismatch(Det(), Det(code="CAN-AZ", ean="7891000100999"))

    assert "det[2] (cProd 'CAN-AZ', EAN 7891000100999, 1 'UN') does not match an item" in words
    assert "The order has 1 x SKU 310045 ref id CAM-P EAN 7891000100103" in words
    assert "det[1]" not in words
    assert not any(one in words for one in PERSON)


def test_the_product_map_counts_the_units_of_a_box() -> None:
    boxes = Det(code="CX-12", unit="CX", quantity="2.0000", total="240.00")

    assert items(boxes, product_map={"CX-12": ("310045", Decimal(12))}) == [("310045", 24, 1000)]


def test_a_box_is_a_box_though_its_code_is_the_ref_id() -> None:
    box = Det(code="CAM-P", unit="CX", total="120.00")

    assert items(box, product_map={"CAM-P": ("310045", Decimal(12))}) == [("310045", 12, 1000)]


def test_a_third_of_a_box_with_its_four_decimals_is_a_whole_number() -> None:
    third = Det(code="CX-3", unit="CX", quantity="0.3333")

    assert items(third, product_map={"CX-3": ("310045", Decimal(3))}) == [("310045", 1, 1000)]


def test_a_map_to_an_sku_that_is_not_in_the_order_is_named() -> None:
    assert "the product map says SKU 5" in mismatch(
        Det(code="X"), product_map={"X": ("5", Decimal(1))}
    )


def cheese(units: int, multiplier: str | Decimal = "0.35") -> Order:
    """Return an order of units of a cheese that is sold by weight."""
    changes: dict[str, Any] = {"quantity": units, "unit_multiplier": Decimal(multiplier)}
    return order(builders.item(**SHIRT | changes, measurement_unit="kg"))


def kilograms(weight: Decimal | str, total: str = "30.01") -> Det:
    return Det(unit="KG", quantity=f"{Decimal(weight):.4f}", total=total)


def test_weight_is_counted_in_the_units_that_vtex_sells() -> None:
    assert items(kilograms("1.05"), of=cheese(3)) == [("310045", 3, 1000)]
    assert items(kilograms("0.7"), of=cheese(3)) == [("310045", 2, 1501)]


@pytest.mark.parametrize("weight", ["0.9451", "1.1", "1.1549"])
def test_the_real_weight_counts_as_the_sold_units(weight: str) -> None:
    assert items(kilograms(weight), of=cheese(3)) == [("310045", 3, 1000)]


def test_a_nota_of_some_units_counts_as_the_nearest_number() -> None:
    assert items(kilograms("0.36"), of=cheese(3)) == [("310045", 1, 3001)]


def test_a_weight_that_is_not_near_names_both_weights() -> None:
    words = mismatch(kilograms("1.3"), of=cheese(3))

    assert "weighs 1.3 of SKU 310045, and the order has 1.05 in 3 units" in words
    assert "raise NFE_WEIGHT_TOLERANCE_PERCENT" in words


def test_the_tolerance_is_the_operators() -> None:
    assert items(kilograms("1.3"), of=cheese(3), weight_tolerance_percent=25) == [
        ("310045", 3, 1000)
    ]
    assert "weighs 1.1" in mismatch(kilograms("1.1"), of=cheese(3), weight_tolerance_percent=0)


def test_goods_that_are_not_weighed_have_no_tolerance() -> None:
    assert "makes 1.05 of SKU 310045, which is not a whole" in mismatch(Det(quantity="1.0500"))


MULTIPLIERS = st.decimals("0.05", "40", places=6).filter(lambda multiplier: multiplier != 1)


@given(MULTIPLIERS, st.integers(1, 40), st.decimals("0.9001", "1.0999", places=4))
def test_a_weight_within_the_tolerance_is_the_sold_units(multiplier, units, factor) -> None:
    weight = Decimal(f"{units * multiplier * factor:.4f}")
    # A nota of exactly fewer units is a nota of fewer units.
    assume(abs(weight / multiplier - round(weight / multiplier)) * multiplier > Decimal("0.0001"))

    [(_, matched, _)] = items(kilograms(weight), of=cheese(units, multiplier))

    assert matched == units


@given(
    MULTIPLIERS,
    st.integers(1, 40),
    st.one_of(st.decimals("0.1", "0.88", places=4), st.decimals("1.12", "9", places=4)),
)
def test_a_weight_beyond_the_tolerance_names_both_weights(multiplier, units, factor) -> None:
    # Less than one unit, or more than all of them.
    sold = multiplier if factor < 1 else units * multiplier
    weight = Decimal(f"{sold * factor:.4f}")
    assume(abs(weight / multiplier - round(weight / multiplier)) * multiplier > Decimal("0.0001"))

    words = mismatch(kilograms(weight), of=cheese(units, multiplier))

    assert f"weighs {float(weight):.10g} of SKU 310045" in words
    assert f"the order has {float(units * multiplier):.10g} in {units} units" in words


def test_a_line_that_a_change_removed_does_not_match() -> None:
    gone = builders.item(index=1, sku_id="7", ref_id="CAN-AZ")
    changed = builders.order(
        items=(builders.item(**SHIRT), gone),
        totals=(("Items", 2000), ("Change", -1000)),
        changes=(ItemsChange(removed=(ChangedItem("7", 1),)),),
    )

    assert items(Det(), of=changed) == [("310045", 1, 1000)]
    words = mismatch(Det(), Det(code="CAN-AZ"), of=changed)
    assert "cProd 'CAN-AZ', 1 'UN') does not match an item of the order" in words
    assert words.endswith("The order has 1 x SKU 310045 ref id CAM-P EAN 7891000100103")


def test_a_code_on_two_lines_is_one_item_of_both() -> None:
    assert items(Det(total="10.00"), Det(quantity="2.0000", total="20.01")) == [("310045", 3, 1000)]


def test_two_codes_of_one_sku_are_one_item_so_that_a_return_is_refunded() -> None:
    data = nfe(Det(), Det(code="310045"), purpose=4, direction=0, references=(access_key(7),))
    record = OrderRecord(invoices=(SentInvoice("7", "1", access_key(7)),))

    made = request_schemas.read("invoice", request(read(data), order(), record=record))

    assert made.type == "Input"
    assert [(one.sku_id, one.quantity) for one in made.items] == [("310045", 2)]


def test_a_sku_on_two_lines_of_the_order_is_one_item() -> None:
    split = order(builders.item(**SHIRT), builders.item(**SHIRT | {"index": 1}))

    assert items(Det(quantity="2.0000", total="20.00"), of=split) == [("310045", 2, 1000)]


def test_the_parts_of_a_kit_make_the_kit() -> None:
    dets = (
        Det(code="A", quantity="3.0000", total="30.00"),
        Det(code="B", quantity="6.0000", total="60.00"),
    )

    assert items(*dets, of=order(KIT)) == [("900", 3, 3000)]


@pytest.mark.parametrize("dets", [(Det(code="A"),), (Det(code="A"), Det(code="B"))])
def test_parts_that_make_no_whole_kit_are_refused_with_what_helps(dets) -> None:
    words = mismatch(*dets, of=order(KIT))

    assert "kit SKU 900: its parts do not make whole kits (SKU 31 for 1, SKU 32 for" in words
    assert "map the code of one part to the kit's SKU" in words
    assert "a kit of 1 x SKU 31 ref id A, 2 x SKU 32 ref id B" in words


def test_a_kit_can_be_mapped_by_one_of_its_parts() -> None:
    parts = {"TOP": ("900", Decimal(1)), "LID": ("900", Decimal(0))}
    dets = (Det(code="TOP", total="7.00"), Det(code="LID", total="3.00"))

    assert items(*dets, of=order(KIT), product_map=parts) == [("900", 1, 1000)]
    assert "not a whole number" in mismatch(dets[1], of=order(KIT), product_map=parts)


BOX = Det(code="CX-1", unit="CX", total="120.00", taxable=("7891000100103", "UN", "12.0000"))
UNIT = {"quantity": 12, **SHIRT}


@pytest.mark.parametrize(
    "box",
    [
        BOX,
        replace(BOX, ean="17891000100100"),
        replace(BOX, code="CAM-P"),
        replace(BOX, code="CAM-P", ean="17891000100100"),
    ],
)
def test_a_box_of_12_is_12_units_where_the_taxable_ean_is_the_items(box) -> None:
    assert items(box, of=order(builders.item(**UNIT))) == [("310045", 12, 1000)]


def test_a_box_that_is_sold_as_a_box_is_1() -> None:
    box = Det(code="X", unit="CX", ean="7891000100103", taxable=("7891000100110", "UN", "12.0000"))

    assert items(box) == [("310045", 1, 1000)]


@pytest.mark.parametrize(
    "line",
    [
        Det(unit="CX", quantity="2.0000", taxable=("SEM GTIN", "UN", "24.0000")),
        Det(unit="UN", quantity="2.0000", taxable=("SEM GTIN", "UN", "24.0000")),
        Det(unit="CX", ean="7891000100103", taxable=("7891000100103", "UN", "12.0000")),
    ],
)
def test_two_quantities_of_which_the_file_does_not_decide_are_refused(line) -> None:
    words = mismatch(line, of=order(builders.item(**UNIT)))

    assert "does not show which of the two SKU 310045 counts" in words
    assert "product map" in words
    mapped = {"CAM-P": ("310045", Decimal(12))}
    assert items(line, of=order(builders.item(**UNIT)), product_map=mapped)[0][0] == "310045"


def test_pieces_count_though_their_taxable_unit_is_a_weight() -> None:
    assert items(Det(taxable=("SEM GTIN", "KG", "0.2000"))) == [("310045", 1, 1000)]


def test_a_piece_of_weighed_goods_counts_by_its_taxable_weight() -> None:
    piece = Det(unit="UN", total="10.00", taxable=("SEM GTIN", "KG", "0.3530"))

    assert items(piece, of=cheese(1)) == [("310045", 1, 1000)]


def test_lines_of_one_code_add_up_their_taxable_quantities_too() -> None:
    twice = [replace(BOX, total="60.00", taxable=("7891000100103", "UN", "6.0000"))] * 2

    assert items(*twice, of=order(builders.item(**UNIT))) == [("310045", 12, 1000)]


def test_a_gtin_as_the_code_matches_the_ean() -> None:
    assert items(Det(code="7891000100103")) == [("310045", 1, 1000)]
    assert "does not match" in mismatch(
        Det(code="7891000100104"), of=order(builders.item(**SHIRT | {"ean": "7891000100104"}))
    )


@pytest.mark.parametrize("code", ["cam-p", "00CAM-P", "0310045"])
def test_a_code_that_differs_by_case_or_zeros_is_a_hint_and_no_match(code) -> None:
    assert "differs from its code by case or leading zeros alone" in mismatch(Det(code=code))


def test_a_bought_service_is_in_the_value_and_not_among_the_items() -> None:
    wrap = builders.item(sku_id="55", ref_id="WRAP")
    wrapped = order(builders.item(**SHIRT, services=(wrap,)))

    assert items(Det(), Det(code="WRAP"), of=wrapped) == [("310045", 1, 1000)]
    assert "services only" in mismatch(Det(code="WRAP"), of=wrapped)


@given(st.lists(st.tuples(st.integers(1, 99), st.integers(0, 99_999)), min_size=1, max_size=5))
def test_prices_miss_the_lines_by_half_a_cent_a_unit_at_most(lines) -> None:
    assume(any(cents for _, cents in lines))
    dets = [
        Det(quantity=f"{units}.0000", total=f"{cents // 100}.{cents % 100:02}")
        for units, cents in lines
    ]

    [(_, quantity, price)] = items(*dets)

    assert quantity == sum(units for units, _ in lines)
    assert abs(2 * (quantity * price - sum(cents for _, cents in lines))) <= quantity
