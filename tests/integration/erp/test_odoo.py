"""The Odoo adapter over real sockets, against a fake of both protocols and all three shapes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from erp.adapters.odoo.adapter import OdooErp
from erp.codes import CodeMap
from erp.conformance import sample
from erp.conformance.order_kinds import ORDERS
from erp.order_diff import ItemChange, OrderDiff, totals
from erp.port import ErpRejected, ErpUnavailable, Event, Request
from erp.sales_order import SaleContext
from support.documents.nfe_samples import access_key
from support.fakes.odoo import Refused
from support.odoo.harness import FakeOdooHarness

NOW = datetime.now(UTC)


@pytest.fixture(params=[11, 13, 19], ids=lambda one: f"as-{one}")
def harness(request: pytest.FixtureRequest) -> Iterator[FakeOdooHarness]:
    made = FakeOdooHarness(request.param)
    made.erp.migrate()
    yield made
    made.close()


def told(harness: FakeOdooHarness) -> list[Request]:
    taken: list[Request] = []
    harness.erp.poll_outbox(taken.append, 50)
    return taken


def lines(harness: FakeOdooHarness, order_id: str) -> int:
    return len(harness.fake.found("sale.order.line", order_id=harness.sale(order_id)))


def test_check_names_the_protocol_and_the_invoices(harness: FakeOdooHarness) -> None:
    protocol = "JSON-2" if harness.fake.version >= 19 else "JSON-RPC"
    model = "account.invoice" if harness.fake.version < 13 else "account.move"
    assert harness.erp.check() == f"Odoo over {protocol}, invoices as {model}"


def test_an_answer_lost_after_the_sale_was_made_leaves_its_lines_once(
    harness: FakeOdooHarness,
) -> None:
    order = sample()
    harness.fake.confirming = "client_order_ref"
    with harness.losing_answers() as erp, suppress(ErpUnavailable):
        erp.insert(order)
    assert harness.erp.find("acme", order.order_id) is None  # half made
    assert lines(harness, order.order_id) == 4

    reference = harness.erp.insert(order)

    assert harness.erp.find("acme", order.order_id) == reference
    assert lines(harness, order.order_id) == 4


def test_a_sale_made_between_look_up_and_load_keeps_its_lines(
    harness: FakeOdooHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    order, other = sample(), OdooErp(harness.url)
    reference = harness.erp.insert(order)
    row, looks = other._sales.row, []
    monkeypatch.setattr(other._sales, "row", lambda *of: row(*of) if looks else looks.append(of))

    assert other.insert(order) == reference

    other.close()
    assert lines(harness, order.order_id) == 4


def test_a_draft_that_a_person_made_of_a_sale_is_left_alone(harness: FakeOdooHarness) -> None:
    order = sample()
    reference = harness.erp.insert(order)
    harness.fake.put("sale.order", harness.sale(order.order_id), state="draft")

    assert harness.erp.insert(order) == reference
    assert harness.sales(order.order_id)[0]["state"] == "draft"


def test_an_order_of_another_currency_is_refused_and_its_sale_taken_away(
    harness: FakeOdooHarness,
) -> None:
    order = replace(sample(), currency="USD")

    with pytest.raises(ErpRejected, match=r"315\.61 BRL, the order to 315\.61 USD"):
        harness.erp.insert(order)

    assert harness.sales(order.order_id) == []
    assert harness.fake.found("ir.model.data", model="sale.order") == []


def test_a_product_that_is_missing_is_named(harness: FakeOdooHarness) -> None:
    order = sample()
    order = replace(order, lines=(replace(order.lines[0], ref_id="NADA-1"), *order.lines[1:]))

    with pytest.raises(ErpRejected, match=r"reference NADA-1. Create the product.*retry"):
        harness.erp.insert(order)

    assert harness.sales(order.order_id) == []


def test_products_team_and_warehouse_go_by_the_retailers_map(harness: FakeOdooHarness) -> None:
    b2b = harness.fake.add("crm.team", name="B2B")
    filial = harness.fake.add("stock.warehouse", name="Filial", code="F2")
    order = sample()
    last = order.lines[-1]
    harness.fake.add(
        "product.product", name="Outro", default_code="P-9", sale_ok=True, type="consu"
    )
    skus = {one.sku_id: one.ref_id or one.sku_id for one in order.lines}
    tables = {
        "sku": skus | {last.sku_id: "P-9"},
        "channel": {"default": "B2B"},
        "branch": {"default": "F2"},
        "payment": {"default": "15"},
    }
    mapped = CodeMap(tables).resolve(replace(order, sales_channel="1"))

    harness.erp.insert(mapped)

    (sale,) = harness.sales(order.order_id)
    assert (sale["team_id"], sale["warehouse_id"]) == (b2b, filial)
    (other,) = harness.fake.found("product.product", default_code="P-9")
    sold = harness.fake.found("sale.order.line", order_id=sale["id"], product_id=other["id"])
    assert len(sold) == 1
    assert any("código 15" in one["body"] for one in harness.fake.found("mail.message"))


def test_a_warehouse_that_is_missing_is_named(harness: FakeOdooHarness) -> None:
    order = CodeMap({"branch": {"default": "F9"}}).resolve(sample())

    with pytest.raises(
        ErpRejected,
        match=r"lacks the warehouse of code F9. Create the warehouse, or correct \[branch\]",
    ):
        harness.erp.insert(order)


@pytest.mark.parametrize(
    ("kind", "raised"),
    [
        ("odoo.exceptions.UserError", ErpRejected),
        ("odoo.exceptions.ValidationError", ErpRejected),
        ("odoo.exceptions.AccessError", ErpUnavailable),
        ("psycopg2.OperationalError", ErpUnavailable),
        ("builtins.KeyError", ErpUnavailable),
    ],
)
def test_what_odoo_says_is_told_without_the_customer(
    harness: FakeOdooHarness, kind: str, raised: type[Exception]
) -> None:
    order = sample()
    words = f"{order.customer.name.upper()} (529.982.247-25) is blocked"
    harness.fake.breaks = Refused(kind, words)

    with pytest.raises(raised) as caught:
        harness.erp.insert(order)

    assert ("is blocked" in str(caught.value)) == (raised is ErpRejected)
    assert "CONCEI" not in str(caught.value).upper()
    assert "529" not in str(caught.value)


def test_a_wrong_key_makes_all_orders_wait_and_is_not_said(harness: FakeOdooHarness) -> None:
    wrong = OdooErp(harness.url.replace(":key@", ":s3cret@"))

    with pytest.raises(ErpUnavailable, match="refuses the key") as caught:
        wrong.insert(sample())

    wrong.close()
    assert "s3cret" not in str(caught.value)


def test_a_document_that_odoo_refuses_becomes_the_customers_reference(
    harness: FakeOdooHarness,
) -> None:
    harness.fake.checks_vat = True
    order, another = sample(), sample()

    harness.erp.insert(order)
    harness.erp.insert(another)

    (partner,) = harness.fake.found("res.partner", parent_id=False)
    assert (partner["vat"], partner["ref"]) == (False, "52998224725")


def test_a_known_customer_keeps_its_name_and_gets_the_new_address(harness: FakeOdooHarness) -> None:
    made = harness.fake.add("res.partner", name="Padaria", vat="12.ABC.345/01DE-35")
    order = ORDERS["company_with_state_registration"]()

    harness.erp.insert(order)

    (sale,) = harness.sales(order.order_id)
    (child,) = harness.fake.found("res.partner", parent_id=made)
    assert sale["partner_id"] == made
    assert sale["partner_shipping_id"] == sale["partner_invoice_id"] == child["id"]
    assert child["street"] == "Av. Brasil, S/N"
    assert harness.fake.tables["res.partner"][made]["name"] == "Padaria"


def partner(harness: FakeOdooHarness, number: object) -> dict[str, object]:
    return harness.fake.tables["res.partner"][int(str(number))]


def test_the_customer_of_a_pickup_gets_the_address_for_the_nota(harness: FakeOdooHarness) -> None:
    order = ORDERS["pickup_with_two_addresses"]()

    harness.erp.insert(order)

    (sale,) = harness.sales(order.order_id)
    assert partner(harness, sale["partner_id"])["street"] == "Rua das Palmeiras, 10"
    assert partner(harness, sale["partner_invoice_id"])["street"] == "Rua das Palmeiras, 10"
    assert partner(harness, sale["partner_shipping_id"])["street"] == "Rua Augusta, 1500"


def test_a_pickup_without_an_address_for_the_nota_makes_a_customer_without_one(
    harness: FakeOdooHarness,
) -> None:
    order = ORDERS["pickup_with_two_addresses"]()

    harness.erp.insert(replace(order, addresses=order.addresses[:1]))

    (sale,) = harness.sales(order.order_id)
    assert not partner(harness, sale["partner_id"])["street"]
    assert sale["partner_invoice_id"] == sale["partner_id"]


def test_a_removed_line_is_not_sold(harness: FakeOdooHarness) -> None:
    order = ORDERS["removed_line"]()

    harness.erp.insert(order)

    lines = harness.fake.found("sale.order.line", order_id=harness.sale(order.order_id))
    assert ["310045" in str(line["name"]) for line in lines] == [True]


def test_a_foreign_number_is_not_spelled_as_a_cpf(harness: FakeOdooHarness) -> None:
    brazilian = harness.fake.add("res.partner", name="Ana", vat="201.234.567-86")
    known = harness.fake.add("res.partner", name="Martín", vat="AR20123456786")
    order = ORDERS["foreign_document"]()

    harness.erp.insert(order)

    (sale,) = harness.sales(order.order_id)
    assert sale["partner_id"] == known != brazilian


def test_a_purchase_order_is_the_customers_reference(harness: FakeOdooHarness) -> None:
    order = replace(sample(), context=SaleContext(purchase_order_number="PO-77"))

    harness.erp.insert(order)

    (sale,) = harness.fake.found("sale.order", client_order_ref="PO-77")
    assert sale["origin"] == f"VTEX acme {order.order_id}"


def test_a_weight_that_was_taken_anew_is_noted_on_the_sale(harness: FakeOdooHarness) -> None:
    order = sample()
    harness.erp.insert(order)
    price = Decimal("123.40")
    weighed = ItemChange(
        "310045", None, None, None, 1, 1, price, price, price, price,
        Decimal("0.35"), Decimal("0.352417"),
    )  # fmt: skip
    diff = OrderDiff((weighed,), None, totals(order))
    at = datetime(2026, 3, 11, tzinfo=UTC)

    harness.erp.report(Event("acme", order.order_id, "changed", "c-1", at, order_diff=diff))

    notes = str(harness.fake.found("mail.message", res_id=harness.sale(order.order_id)))
    assert "SKU 310045: 0.35 -&gt; 0.352417 a unit" in notes


def test_a_partial_invoice_names_its_items(harness: FakeOdooHarness) -> None:
    order = sample()
    harness.erp.insert(order)
    harness.invoice(order.order_id, "INV/1", Decimal("49.90"), ["310102"], NOW)

    (asked,) = told(harness)

    items = [{"sku_id": "310102", "quantity": 1, "price_cents": 4990}]
    assert asked.fields == {
        "store": "acme",
        "order_id": order.order_id,
        "invoice_number": "INV/1",
        "value_cents": 4990,
        "issued_at": f"{NOW:%Y-%m-%d}T00:00:00-03:00",
        "items": items,
    }


def test_tracking_waits_for_an_invoice(harness: FakeOdooHarness) -> None:
    order = sample()
    harness.erp.insert(order)
    harness.track(order.order_id, "", "BR123456789XX")
    assert told(harness) == []

    harness.invoice(order.order_id, "INV/1", order.total, ["310045"], NOW)

    assert [one.kind for one in told(harness)] == ["invoice", "tracking"]
    assert told(harness) == []


def test_tracking_names_the_series_in_the_key_of_its_invoice(harness: FakeOdooHarness) -> None:
    order = sample()
    harness.erp.insert(order)
    harness.invoice(order.order_id, "INV/1", order.total, ["310045"], NOW)
    model = "account.invoice" if harness.fake.version < 13 else "account.move"
    for invoice_row in harness.fake.tables[model].values():
        invoice_row["reference" if harness.fake.version < 13 else "ref"] = access_key(series=2)
    harness.track(order.order_id, "", "BR123456789XX")

    invoice, tracking = told(harness)

    assert invoice.fields["invoice_key"] == access_key(series=2)
    assert (tracking.fields["invoice_number"], tracking.fields["invoice_series"]) == ("128841", "2")


def test_a_claim_of_a_dead_worker_lapses(harness: FakeOdooHarness) -> None:
    harness.put("o-1-01")
    other = OdooErp(harness.url)
    with pytest.raises(KeyboardInterrupt):
        other.poll_outbox(_killed(other), 1)
    assert told(harness) == []

    harness.let_claims_lapse()

    assert [one.fields["order_id"] for one in told(harness)] == ["o-1-01"]
    other.close()


def _killed(erp: OdooErp):
    def take(_: Request) -> None:
        # It has no time to give its claim back.
        erp._sales.unnote = lambda _: None  # type: ignore[method-assign]
        raise KeyboardInterrupt

    return take


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("odoo://vtex:s3cret@erp.test/db", "must begin with odoo"),
        ("odoo+https://vtex:s3cret@erp.test", "one database"),
        ("odoo+https://vtex@erp.test/db", "lacks a key"),
        ("odoo+https://:s3cret@erp.test/db", "lacks a user"),
        ("odoo+https://vtex:s3cret@erp.test/db?colour=red", "option 'colour'"),
        ("odoo+https://vtex:s3cret@erp.test/db?api=soap", "api that must be one of auto, jsonrpc"),
    ],
)
def test_a_url_that_lacks_something_is_refused_without_it(url: str, words: str) -> None:
    with pytest.raises(ValueError, match=words) as caught:
        OdooErp(url)
    assert "s3cret" not in str(caught.value)
