"""A change of items reaches the ERP by line, and the rest is invoiced, in both ways of VTEX."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from support.changed_orders import amend, in_erp, told
from support.order_flow import OrderFlow
from vtex.simulator.config import CHOICES
from workers.app import app

WAYS = pytest.mark.parametrize("way", CHOICES["changed_items"])


@pytest.fixture
def order_id(flow: OrderFlow) -> str:
    """Return an order of several items that the ERP has, with later days to compare."""
    in_erp(flow)
    flow.clock.pass_by(3 * 3600)
    return in_erp(flow, "many")


def reconcile(flow: OrderFlow) -> None:
    flow.clock.pass_by(86_400)
    app.tasks["orders.reconcile"].apply(kwargs={"store": "acme"})
    flow.work(seconds=6)


def change_items(flow: OrderFlow, order_id: str, way: str) -> list[dict[str, Any]]:
    """Remove the first item, change the second, add a product. Return the former items."""
    flow.simulator.store.config.change(changed_items=way)
    items = [dict(item) for item in flow.entry(order_id).order["items"]]
    sku = next(sku for sku in ("310555", "310045", "310102") if sku not in ids(items))
    units = items[1]["quantity"] + 1
    amend(flow, order_id, quantities={"0": 0, "1": units}, add=sku)
    return items


def ids(items: list[dict[str, Any]]) -> set[str]:
    return {str(item["id"]) for item in items}


@WAYS
def test_the_event_names_removed_added_and_changed_lines(
    flow: OrderFlow, order_id: str, way: str
) -> None:
    items = change_items(flow, order_id, way)

    reconcile(flow)

    (event,) = told(flow, order_id)
    assert event.order_diff is not None
    lines = {line.sku_id: line for line in event.order_diff.items}
    removed, changed = lines.pop(items[0]["id"]), lines.pop(items[1]["id"])
    (added,) = lines.values()
    assert (removed.kind, removed.quantity_before) == ("removed", items[0]["quantity"])
    assert (removed.quantity, removed.total) == (0, 0)
    assert (changed.kind, changed.quantity) == ("changed", items[1]["quantity"] + 1)
    assert (added.kind, added.quantity, bool(added.name)) == ("added", 1, True)
    assert event.order_diff.after.total == Decimal(flow.value(order_id)) / 100


@WAYS
def test_a_change_is_reported_once(flow: OrderFlow, order_id: str, way: str) -> None:
    change_items(flow, order_id, way)

    for _ in range(3):
        reconcile(flow)

    assert [event.kind for event in told(flow, order_id)] == ["changed"]


@WAYS
def test_a_whole_invoice_without_items_takes_what_the_change_left(
    flow: OrderFlow, order_id: str, way: str
) -> None:
    change_items(flow, order_id, way)

    flow.invoice(order_id)
    flow.settle()

    assert ("invoice", "done") in flow.outcomes(order_id)
    assert flow.status(order_id) == "invoiced"


@WAYS
def test_an_invoice_of_the_rest_goes_out_and_one_of_a_removed_item_does_not(
    flow: OrderFlow, order_id: str, way: str
) -> None:
    first, *others = change_items(flow, order_id, way)
    gone = {"sku_id": first["id"], "quantity": 1, "price_cents": 100}
    rest = [
        {"sku_id": item["id"], "quantity": item["quantity"], "price_cents": item["sellingPrice"]}
        for item in others
    ]
    value = sum(line["quantity"] * line["price_cents"] for line in rest)

    flow.invoice(order_id, "1", value_cents=100, items=[gone])
    flow.settle()
    flow.invoice(order_id, "2", value_cents=value, items=rest)
    flow.settle()

    outcomes = [outcome for kind, outcome in flow.outcomes(order_id) if kind == "invoice"]
    assert outcomes == ["refused", "done"]


def test_a_change_of_equal_value_is_seen_by_the_invoice(flow: OrderFlow, order_id: str) -> None:
    item = flow.entry(order_id).order["items"][0]
    attachment = {
        "id": "changeAttachment",
        "changesData": [
            {
                "reason": "troca",
                "discountValue": item["priceDefinition"]["total"],
                "incrementValue": item["priceDefinition"]["total"],
                "itemsRemoved": [
                    {
                        "id": item["id"],
                        "name": item["name"],
                        "quantity": item["quantity"],
                        "price": item["sellingPrice"],
                        "unitMultiplier": None,
                    }
                ],
                "itemsAdded": [
                    {
                        "id": "310999",
                        "name": "Outra cor",
                        "quantity": item["quantity"],
                        "price": item["sellingPrice"],
                        "unitMultiplier": None,
                    }
                ],
            }
        ],
    }
    flow.simulator.store.change(flow.entry(order_id), {"changesAttachment": attachment})

    flow.invoice(order_id)
    flow.settle()

    assert ("invoice", "done") in flow.outcomes(order_id)
    (event,) = [event for event in told(flow, order_id) if event.kind == "changed"]
    assert event.order_diff is not None
    kinds = {line.sku_id: line.kind for line in event.order_diff.items}
    assert kinds == {item["id"]: "removed", "310999": "added"}
