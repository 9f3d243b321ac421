"""Orders of the simulator that changed, in both ways of VTEX: what the ERP and an invoice get."""

from __future__ import annotations

from collections import Counter
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from erp import order_diff
from erp.mapping.sales_orders import to_sales_order
from erp.sales_order import SalesOrder
from vtex import schemas
from vtex.operations.invoice import prepared
from vtex.operations.invoice_balance import balance
from vtex.payloads import Invoice
from vtex.simulator import order_changes
from vtex.simulator.config import CHOICES, Config
from vtex.simulator.seed import REGULAR
from vtex.simulator.state import Entry, Store

CHANGES = st.lists(
    st.fixed_dictionaries(
        {"quantities": st.dictionaries(st.integers(0, 5), st.integers(0, 4), max_size=4)},
        optional={"add": st.sampled_from(["310555", "310045"])},
    ),
    min_size=1,
    max_size=3,
)


def mapped(entry: Entry) -> SalesOrder:
    """Map an order, with its sums proven."""
    return to_sales_order("acme", schemas.read_order(entry.order), [], raw_payment=None)


def units_of(order: SalesOrder) -> Counter[str]:
    units = Counter[str]()
    for line in order.lines:
        if line.parent_line is None:
            units[line.sku_id] += line.quantity
    return +units


def amended(store: Store, entry: Entry, changes: list[dict[str, Any]]) -> Counter[str] | None:
    """Change an order. Return the units that it has then, or ``None`` if it is unchanged."""
    original = entry.order["items"]
    units = {item["uniqueId"]: (item["id"], item["quantity"]) for item in original}
    added = Counter[str]()
    done = False
    for change in changes:
        places = entry.order["items"]
        wanted = {
            str(place): quantity
            for place, quantity in change["quantities"].items()
            if place < len(places)
        }
        body: dict[str, Any] = {"quantities": wanted}
        # Of one SKU at two prices, VTEX's document does not show which one was removed.
        if "add" in change and change["add"] not in {item["id"] for item in original}:
            body["add"] = change["add"]
        try:
            order_changes.amend(store, entry, body)
        except order_changes.ChangeRefused:
            continue
        done = True
        for place, quantity in wanted.items():
            item = places[int(place)]
            units[item["uniqueId"]] = (item["id"], quantity)
        if "add" in body and store.config.changed_items == "kept":
            added[body["add"]] += 1
        elif "add" in body:
            item = entry.order["items"][-1]
            units[item["uniqueId"]] = (item["id"], 1)
    for sku, quantity in units.values():
        added[sku] += quantity
    return +added if done else None


@given(
    kind=st.sampled_from(REGULAR),
    way=st.sampled_from(CHOICES["changed_items"]),
    seed=st.integers(0, 50),
    changes=CHANGES,
)
def test_a_changed_order_has_the_units_that_are_left_and_can_be_invoiced_whole(
    kind: str, way: str, seed: int, changes: list[dict[str, Any]]
) -> None:
    store = Store(Config(seed=seed, changed_items=way))
    (order_id,) = store.generate(1, "handling", kind)
    entry = store.entry(order_id)
    assert entry is not None
    before = mapped(entry)
    expected = amended(store, entry, changes)
    if expected is None:
        return

    after = mapped(entry)

    assert units_of(after) == expected
    order = schemas.read_order(entry.order)
    now = balance(order, ())
    whole = Invoice("1", now.total_cents, "2026-03-10T15:04:05-03:00")
    if now.total_cents:
        invoiced = Counter[str]()
        for item in prepared(whole, order, now).items:
            invoiced[item.sku_id] += item.quantity
        assert invoiced == expected
    difference = order_diff.difference(before, after)
    moved = Counter[str]()
    for change in difference.items if difference else ():
        moved[change.sku_id] += change.quantity - change.quantity_before
    services = {line.sku_id for line in before.lines if line.parent_line is not None}
    wanted = Counter(units_of(after))
    wanted.subtract(units_of(before))
    assert {sku: n for sku, n in moved.items() if n and sku not in services} == {
        sku: n for sku, n in wanted.items() if n
    }
