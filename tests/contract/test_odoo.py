"""The Odoo adapter against a real Odoo 11 (make test-erp): the suite, and what its people do."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal

import pytest

from erp import conformance
from erp.adapters.odoo.adapter import OdooErp
from erp.conformance import erp_actions, idempotency, sample
from erp.port import Request
from support.odoo.harness import CODES
from support.odoo.server import MISSING, OdooServer, RealOdooHarness

pytestmark = pytest.mark.skipif(MISSING is not None, reason=MISSING or "")

KEY = "352603112223330001815500100000451211234567" + "80"
# An order of 500 lines takes Odoo 11 minutes (docs/erp/odoo.md).
OF_ERP = tuple(
    check for check in conformance.CHECKS if check.__name__ != "an_order_of_many_lines_is_taken"
)
CHECKS = (
    *OF_ERP,
    *idempotency.CHECKS,
    erp_actions.a_cancellation_before_the_erp_confirms_is_seen_there,
    erp_actions.a_cancellation_after_the_erp_confirmed_is_seen_there,
)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, postgres_url: str) -> Iterator[OdooServer]:
    made = OdooServer(tmp_path_factory.mktemp("odoo"), postgres_url, sorted(CODES))
    admin = OdooErp(made.admins_url)
    admin.migrate()
    admin.close()
    yield made
    made.stop()


@pytest.fixture
def harness(server: OdooServer) -> Iterator[RealOdooHarness]:
    made = RealOdooHarness(server)
    yield made
    made.close()


def on_bench(check):
    return check if check in CHECKS[len(OF_ERP) :] else lambda entry: check(entry.erp)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_suite(harness: RealOdooHarness, check) -> None:
    on_bench(check)(harness)


def told(harness: RealOdooHarness, order_id: str) -> list[Request]:
    taken: list[Request] = []
    while harness.erp.poll_outbox(taken.append, 50):
        pass
    return [request for request in taken if request.fields["order_id"] == order_id]


def test_check_names_the_protocol_and_the_invoices(harness: RealOdooHarness) -> None:
    assert harness.erp.check() == "Odoo over JSON-RPC, invoices as account.invoice"


def test_an_order_goes_out_as_invoice_and_tracking_once(harness: RealOdooHarness) -> None:
    order = sample()
    harness.erp.insert(order)
    harness.send(order.order_id, "BR123456789XX")
    assert told(harness, order.order_id) == []  # tracking waits for an invoice

    invoice = harness.post_invoice(order.order_id, f"NF-e {KEY}")

    invoiced, tracked = told(harness, order.order_id)
    assert (invoiced.kind, invoiced.fields["invoice_key"]) == ("invoice", KEY)
    assert (
        invoiced.fields["value_cents"] == 31561 == int(Decimal(str(invoice["amount_total"])) * 100)
    )
    assert "items" not in invoiced.fields
    assert tracked.kind == "tracking"
    assert (
        tracked.fields["invoice_number"]
        == invoiced.fields["invoice_number"]
        == str(int(KEY[25:34]))
    )
    assert tracked.fields["tracking_number"] == "BR123456789XX"
    another = OdooErp(harness.url)
    again: list[Request] = []
    another.poll_outbox(again.append, 50)
    another.close()
    assert again == []


def test_a_canceled_sale_is_asked_to_be_canceled_and_again_when_a_person_says_so(
    harness: RealOdooHarness,
) -> None:
    order = sample()
    harness.erp.insert(order)
    harness.say(order.order_id, "Motivo: acabou o estoque")
    harness.cancel(order.order_id)

    (asked,) = told(harness, order.order_id)
    assert (asked.kind, asked.fields["reason"]) == ("cancellation", "acabou o estoque")
    assert told(harness, order.order_id) == []

    harness.say(order.order_id, "Reenviar")
    (again,) = told(harness, order.order_id)
    assert again == asked
    assert told(harness, order.order_id) == []


def test_a_known_customer_is_left_as_it_is(harness: RealOdooHarness) -> None:
    document = "390.533.447-05"
    partner = harness.admin.call("res.partner", "create", {"name": "Maria", "vat": document})
    order = sample()
    order = replace(
        order, customer=replace(order.customer, document="39053344705", name="M. Silva")
    )

    harness.erp.insert(order)

    assert harness.sale(order.order_id)["partner_id"] == [partner, "Maria"]
