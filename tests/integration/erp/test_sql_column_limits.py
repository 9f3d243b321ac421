"""Orders that are too large for the ERP's tables, or hold what no database takes."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from erp import conformance
from erp.codes import KINDS, CodeMap
from erp.port import ErpRejected
from erp.sales_order import Flag, FlagName, PostalAddress, SalesOrder
from support.erp.outboxes import SqlOutbox


def order(**changes: Any) -> SalesOrder:
    return replace(conformance.sample(), **changes)


def line(**changes: Any) -> SalesOrder:
    made = conformance.sample()
    return replace(made, lines=(replace(made.lines[0], **changes),))


def test_words_for_people_are_cut_and_the_order_says_so(outbox: SqlOutbox) -> None:
    made = line(name="á" * 600)
    customer = replace(made.customer, name="🦜" * 300)
    place = PostalAddress(complement="x" * 10_000)

    doubt = Flag(FlagName.PAYMENT_SHORT, "doubt", Decimal("1.50"))
    outbox.erp.insert(replace(made, customer=customer, addresses=(place,), flags=(doubt,)))

    ((name, flags),) = outbox.rows("SELECT customer_name, flags FROM int_order")
    assert name == "🦜" * 255
    assert flags == "payment_short text_cut"
    rows = outbox.rows("SELECT name, line_no, difference_cents, detail FROM int_order_flag")
    assert set(rows) == {
        ("payment_short", None, 150, "doubt"),
        ("text_cut", None, None, "int_order.customer_name: cut to 255 characters"),
        ("text_cut", 1, None, "int_order_item.name: cut to 512 characters"),
        ("text_cut", None, None, "int_order_address.complement: cut to 255 characters"),
    }


def test_what_only_rides_along_with_a_payment_or_an_address_never_holds_an_order(
    outbox: SqlOutbox,
) -> None:
    made, long = conformance.sample(), "9" * 10_000
    due = "2026-11-30T23:59:59.0000000+00:00"
    payment = replace(
        made.payments[0], due_date=due, last_digits=long, authorization=long, acquirer_document=long,
        tid=long, nsu=long,
    )  # fmt: skip
    customer = replace(made.customer, phone=long, state_registration=long)
    place = PostalAddress(country="Argentina", state=long, postal_code=long)

    outbox.erp.insert(
        replace(made, payments=(payment,), customer=customer, addresses=(place,), flags=())
    )

    assert outbox.rows("SELECT due_date, last_digits FROM int_order_payment") == [(due, "9" * 8)]
    assert outbox.rows("SELECT country FROM int_order_address") == [("Argentina",)]
    assert outbox.rows("SELECT flags FROM int_order") == [("text_cut",)]


@pytest.mark.parametrize(
    ("made", "column"),
    [
        (order(currency="REAL"), "int_order.currency"),
        (order(sequence="9" * 33), "int_order.sequence"),
        (order(total=Decimal(10**20)), "int_order.total_cents"),
        (order(discounts=Decimal(-(10**20))), "int_order.discounts_cents"),
        (line(sku_id="9" * 65), "int_order_item.sku_id"),
        (line(quantity=2**31), "int_order_item.quantity"),
        (line(unit_price=Decimal(10**11)), "int_order_item.unit_price"),
    ],
    ids=lambda one: one if isinstance(one, str) else "",
)
def test_what_would_be_another_if_cut_is_refused_by_its_column(
    outbox: SqlOutbox, made: SalesOrder, column: str
) -> None:
    with pytest.raises(ErpRejected, match=f"^{column} holds"):
        outbox.erp.insert(made)

    assert outbox.rows("SELECT id FROM int_order") == []


def test_the_document_is_written_whole_whatever_its_characters(outbox: SqlOutbox) -> None:
    raw = {"note": "Conceição a\x00b\ud800\udfff🦜", "\udfff": 1}

    outbox.erp.insert(order(raw_order=raw, raw_payment=raw))

    ((kept, payment),) = outbox.rows("SELECT order_document, payment_document FROM int_order_raw")
    assert json.loads(kept) == json.loads(payment) == json.loads(json.dumps(raw))


def test_the_codes_of_the_retailers_map_stand_beside_what_vtex_calls_it(outbox: SqlOutbox) -> None:
    made = conformance.sample()
    line, payment = made.lines[0], made.payments[0]
    tables = {kind: {"default": f"E-{kind}"} for kind in KINDS} | {"tax": {"default": 9}}
    placed = replace(made, lines=(replace(line, carrier="Correios"), *made.lines[1:]))
    sold = CodeMap({**tables, "sku": {line.sku_id: "P-1", "default": "P"}}).resolve(placed)

    outbox.erp.insert(replace(sold, sales_channel="1"))

    assert outbox.rows("SELECT branch_code, document_code, tax_code FROM int_order") == [
        ("E-branch", "E-document", "9")
    ]
    assert outbox.rows(
        f"SELECT sku_id, sku_code, carrier_code FROM int_order_item WHERE line_no = {line.line_no}"
    ) == [(line.sku_id, "P-1", "E-carrier")]
    assert outbox.rows("SELECT payment_system, payment_code FROM int_order_payment ORDER BY seq")[
        0
    ] == (payment.system, "E-payment")


def test_without_a_map_the_codes_are_empty(outbox: SqlOutbox) -> None:
    outbox.erp.insert(order())

    assert outbox.rows("SELECT DISTINCT sku_code FROM int_order_item") == [(None,)]
    assert outbox.rows("SELECT tax_code, channel_code FROM int_order") == [(None, None)]
