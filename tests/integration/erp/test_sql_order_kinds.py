"""Orders with the peculiarities of real documents, in the tables of each database."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from erp.conformance.order_kinds import ORDERS
from erp.sales_order import SalesOrder
from support.erp.outboxes import SqlOutbox


def written(
    outbox: SqlOutbox, columns: str, table: str, order: SalesOrder
) -> list[tuple[Any, ...]]:
    outbox.erp.insert(order)
    return [tuple(row) for row in outbox.rows(f"SELECT {columns} FROM {table}")]


def test_a_removed_line_stays_with_a_quantity_of_0(outbox: SqlOutbox) -> None:
    rows = written(
        outbox, "line_no, quantity, removed_quantity", "int_order_item", ORDERS["removed_line"]()
    )

    assert sorted(rows) == [(1, 1, 0), (2, 0, 2)]


def test_a_payment_of_several_orders_has_its_share_its_whole_and_its_ids(outbox: SqlOutbox) -> None:
    order = ORDERS["group_payment"]()
    columns = "value_cents, share_cents, transaction_id, payment_id"

    rows = written(outbox, columns, "int_order_payment", order)

    payment = order.payments[0]
    assert rows == [(15000, 4990, payment.transaction_id, payment.payment_id)]
    doubts = outbox.rows("SELECT name, difference_cents FROM int_order_flag")
    assert [tuple(doubt) for doubt in doubts] == [("payment_group", 10010)]


def test_a_pickup_has_the_point_and_the_address_for_the_nota(outbox: SqlOutbox) -> None:
    order = ORDERS["pickup_with_two_addresses"]()

    rows = written(outbox, "address_no, kind, street", "int_order_address", order)

    assert sorted(rows) == [(1, "PICK", "Rua Augusta"), (2, "BILL", "Rua das Palmeiras")]
    lines = outbox.rows("SELECT address_no, pickup_point_id FROM int_order_item")
    assert [tuple(line) for line in lines] == [(1, "1_VAZ")]


def test_a_foreign_document_has_its_kind_and_its_postal_code(outbox: SqlOutbox) -> None:
    columns = "customer_document, customer_document_type"

    rows = written(outbox, columns, "int_order", ORDERS["foreign_document"]())

    assert rows == [("20123456786", "CUIL")]
    codes = outbox.rows("SELECT DISTINCT postal_code FROM int_order_address")
    assert [tuple(code) for code in codes] == [("C1043AAZ",)]


def test_attributes_and_flags_are_rows_with_their_line(outbox: SqlOutbox) -> None:
    order = ORDERS["attributes_and_flags"]()

    rows = written(outbox, "line_no, source, name, value", "int_order_attribute", order)

    assert sorted(rows, key=str) == [
        (1, "attachments", "gravacao.texto", "Para Ana, com amor 💍"),
        (None, "customApps.loja", "embalagem", "azul"),
    ]
    head = outbox.rows("SELECT coupon, intermediary_document, flags FROM int_order")
    flags = "document_check_digit line_freight_unknown"
    assert [tuple(row) for row in head] == [("BEMVINDA10", "03007331000141", flags)]
    window = outbox.rows("SELECT window_starts_at, window_ends_at FROM int_order_item")
    assert [tuple(row) for row in window] == [("2026-03-12T17:00:00Z", "2026-03-12T21:00:00Z")]


@pytest.mark.parametrize("multiplier", ["0.352417", "0.000001", "12.345678"])
def test_a_multiplier_keeps_its_six_decimals(outbox: SqlOutbox, multiplier: str) -> None:
    order = ORDERS["weighed_to_the_milligram"]()
    line = replace(order.lines[0], unit_multiplier=Decimal(multiplier))

    rows = written(outbox, "unit_multiplier", "int_order_item", replace(order, lines=(line,)))

    assert [Decimal(str(value)).normalize() for (value,) in rows] == [Decimal(multiplier)]
