"""Whether an order at VTEX may differ from the order that the journal keeps."""

from __future__ import annotations

from typing import Any

import pytest

from tasks.order_changes.detection import differs

ITEM = {"id": "1", "uniqueId": "U1", "quantity": 1, "sellingPrice": 1000}
REMOVED = {"itemsAdded": [], "itemsRemoved": [{"id": "1", "quantity": 1, "price": 1000}]}


def order(**more: Any) -> dict[str, Any]:
    return {"value": 1000, "items": [ITEM]} | more


def test_the_same_order_does_not_differ() -> None:
    assert not differs(order(), order(status="handling", changesAttachment=None))
    assert not differs(order(), order(changesAttachment={"changesData": []}))


def test_a_change_of_equal_value_that_keeps_the_items_differs() -> None:
    changed = order(changesAttachment={"id": "changeAttachment", "changesData": [REMOVED]})

    assert differs(order(), changed)
    assert not differs(changed, changed)


@pytest.mark.parametrize(
    "more", [{"value": 900}, {"items": []}, {"items": [ITEM | {"quantity": 2}]}]
)
def test_another_value_or_line_differs(more: dict[str, Any]) -> None:
    assert differs(order(), order(**more))


@pytest.mark.parametrize("broken", [5, "x", [], {"changesData": 5}, {"changesData": ["x"]}])
def test_a_broken_attachment_is_no_error(broken: Any) -> None:
    assert isinstance(differs(order(), order(changesAttachment=broken)), bool)


def test_after_an_invoice_the_value_follows_the_invoices() -> None:
    invoiced = order(value=900, packageAttachment={"packages": [{"invoiceNumber": "1"}]})

    assert not differs(order(), invoiced)
    assert not differs(None, order())
