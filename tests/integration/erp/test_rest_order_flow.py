"""An order's whole way with a profile between: VTEX to Bling, and Bling's invoice to VTEX."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from support.erp.rest_harness import FAKES, RestHarness
from support.order_flow import OrderFlow, order_flow
from tasks.base import StoreTask
from workers.app import app


@pytest.fixture
def at_desk(tmp_path: Path) -> Iterator[OrderFlow]:
    with order_flow(f"sqlite:///{tmp_path}/journal.db", orders=0) as made:
        yield made


@pytest.mark.parametrize("profile", sorted(FAKES))
def test_an_order_comes_in_and_its_invoice_and_tracking_go_out(
    at_desk: OrderFlow, tmp_path: Path, profile: str
) -> None:
    harness = RestHarness(tmp_path, profile)
    harness.erp.migrate()
    StoreTask.process_context = replace(at_desk.context, erp=harness.erp)
    order_id = at_desk.order("plain", "ready-for-handling")
    value = Decimal(at_desk.value(order_id)).scaleb(-2)

    at_desk.intake(order_id)
    at_desk.work(3, seconds=1)
    assert (harness.orders(order_id), at_desk.status(order_id)) == (1, "handling")
    assert harness.fake.total(harness.fake.orders[harness.number(order_id)]) == value

    harness.invoice(order_id, "128841", value, [], datetime.now(UTC))
    harness.track(order_id, "128841", "BR123456789XX")
    for _ in range(3):
        app.tasks["outbox.relay"].apply()
    at_desk.settle()

    (package,) = at_desk.packages(order_id)
    assert (package["invoiceNumber"], package["trackingNumber"]) == ("128841", "BR123456789XX")
    assert at_desk.status(order_id) == "invoiced"
    states = harness.tables.rows("SELECT kind, status FROM int_outbox ORDER BY id")
    assert states == [("INVOICE", "SENT"), ("TRACKING", "SENT")]
    harness.close()
