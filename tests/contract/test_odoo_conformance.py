"""The Odoo adapter passes the conformance suite by both protocols, against a fake of ours."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import pytest

from erp import conformance
from erp.conformance.order_kinds import ORDERS
from support.odoo.harness import PROTOCOLS, FakeOdooHarness


@pytest.fixture(params=sorted(PROTOCOLS))
def harness(request: pytest.FixtureRequest) -> Iterator[FakeOdooHarness]:
    made = FakeOdooHarness(PROTOCOLS[request.param])
    made.erp.migrate()
    made.erp.migrate()
    yield made
    made.close()


@pytest.mark.parametrize("check", conformance.ALL, ids=lambda check: check.__name__)
def test_odoo(harness: FakeOdooHarness, check) -> None:
    check(harness)


@pytest.mark.parametrize("name", ORDERS)
def test_odoo_adds_up_an_order_of_whole_cents_to_what_vtex_was_paid(
    harness: FakeOdooHarness, name: str
) -> None:
    order = ORDERS[name]()

    harness.erp.insert(order)

    lines = harness.fake.found("sale.order.line", order_id=harness.sale(order.order_id))
    amounts = [round(line["product_uom_qty"] * line["price_unit"], 2) for line in lines]
    assert sum(amounts, Decimal(0)) == order.total
