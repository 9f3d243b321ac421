"""What the Tryton adapter makes of an order, of its URL, and of Tryton's documents."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from erp.adapters.shared.sale_notes import redacted, sku_of
from erp.adapters.tryton import notes
from erp.adapters.tryton.adapter import TrytonErp
from erp.adapters.tryton.documents import STREAMS
from erp.adapters.tryton.rest_client import address
from erp.adapters.tryton.sale_mapping import line_values, party_values, sold
from erp.conformance import sample
from erp.port import ErpRejected, Event
from erp.sales_order import Attribute, Customer, PostalAddress, SaleContext
from workers import wiring
from workers.configuration.declaration import SettingsError

URL = "tryton+https://vtex:s3cret@erp.example.com:8443/loja"


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("tryton://vtex:s3cret@erp.example.com/loja", "must begin with tryton"),
        ("tryton+https://vtex:s3cret@erp.example.com", "must name a host and one database"),
        ("tryton+https://vtex:s3cret@erp.example.com/a/b", "must name a host and one database"),
        ("tryton+https://erp.example.com/loja", "lacks a key"),
        (f"{URL}?frete=x", "has the option 'frete': must be one of"),
        (f"{URL}?product=ean", "product that must be one of ref_id, sku_id"),
    ],
)
def test_a_url_that_lacks_something_is_refused_without_its_key(url: str, words: str) -> None:
    with pytest.raises(SettingsError, match="ERP_URL: the value") as told:
        wiring.erp(url)

    assert words in str(told.value)
    assert "s3cret" not in str(told.value)


def test_a_url_says_where_tryton_is_and_shows_no_key() -> None:
    found = address(f"{URL}?freight=FRETE&product=sku_id")

    assert (found.base, found.key) == ("https://erp.example.com:8443/loja", "s3cret")
    assert (found.freight, found.discount, found.product) == ("FRETE", "VTEX-DISCOUNT", "sku_id")
    assert "s3cret" not in repr(found)
    assert isinstance(wiring.erp(URL), TrytonErp)


def test_the_lines_add_up_to_the_orders_total_whatever_the_prices() -> None:
    order = sample()
    third = replace(
        order.lines[0],
        quantity=3,
        unit_price=Decimal("3.3333"),
        total=Decimal("10.00"),
        ref_id="REF",
    )
    heavy = replace(order.lines[1], unit_multiplier=Decimal("0.250"), total=Decimal("7.77"))
    order = replace(order, lines=(third, heavy), total=Decimal("36.66"), shipping=Decimal("18.90"))

    lines = sold(order, address(URL))

    assert sum(one.amount for one in lines) == Decimal("36.66")
    assert [(one.code, one.quantity) for one in lines] == [
        ("REF", 3),
        ("310045", Decimal("0.250")),
        ("VTEX-FREIGHT", 1),
        ("VTEX-DISCOUNT", 1),
    ]
    assert sku_of(lines[1].note) == ("310045", Decimal("0.25"))


def test_no_price_has_more_decimals_than_tryton_takes() -> None:
    order = sample()
    many = replace(order.lines[0], quantity=700, total=Decimal("99.99"))
    lines = sold(replace(order, lines=(many,)), address(URL))
    unit = {"id": 1, "digits": 0}

    values = line_values(lines, {one.code: {"id": 1, "sale_uom": unit} for one in lines})

    assert min(one["unit_price"].as_tuple().exponent for one in values) >= -4
    assert sum(one.amount for one in lines) == order.total


@pytest.mark.parametrize(
    ("document", "kind"),
    [
        ("52998224725", "br_cpf"),
        ("52998224724", None),
        ("11111111111", None),
        ("11444777000161", "br_vat"),
        ("11444777000160", None),
        ("12ABC34501DE35", None),
        ("PASS-99", None),
    ],
)
def test_a_number_gets_a_type_only_where_tryton_would_take_it(document: str, kind: Any) -> None:
    values = party_values(Customer(kind="F", document=document, name="Ana"), "VTEX-1")

    assert values["identifiers"] == [["create", [{"type": kind, "code": document}]]]


@pytest.mark.parametrize("document", ["52998224725", "11444777000161"])
def test_a_foreign_number_is_no_cpf_or_cnpj_whatever_its_length(document: str) -> None:
    customer = Customer(kind="F", document=document, name="Ana", document_type="CUIL")

    values = party_values(customer, "VTEX-1")

    assert values["identifiers"] == [["create", [{"type": None, "code": document}]]]


def test_trytons_words_lose_what_they_say_of_the_customer() -> None:
    order = replace(
        sample(),
        customer=Customer(kind="F", document="52998224725", name="Ana Prado", email="a@b.test"),
        addresses=(PostalAddress(street="Rua das Palmeiras", receiver="Bruno"),),
    )
    words = "Party ANA PRADO, 529.982.247-25, 52998224725, a@b.test, Rua das Palmeiras, Bruno: no"

    assert redacted(ErpRejected(words), order) == "Party …, …, …, …, …, …: no"


def test_an_erps_words_lose_an_engraving_and_who_sold() -> None:
    order = replace(
        sample(),
        context=SaleContext(seller_operator="bia@loja.test"),
        attributes=(Attribute("attachments", "texto", "Para Ana Prado", 1),),
    )
    words = "line 'para ana prado' of bia@loja.test is too long"

    assert redacted(ErpRejected(words), order) == "line '…' of … is too long"


# --- notes and documents --------------------------------------------------------------------------


def noted(*messages: str) -> list[dict[str, Any]]:
    return [{"id": number, "message": one} for number, one in enumerate(messages, 1)]


def ended(outcome: str, key: str) -> str:
    at = datetime(2026, 3, 10, tzinfo=UTC)
    return notes.of_event(
        Event(
            "acme",
            "o-1",
            "invoice",
            key,
            at,
            "razão",
            outcome=outcome,
            reference="r",
            invoice_number="9",
        )
    )


def test_what_vtex_has_is_not_undone_by_a_failure_told_late() -> None:
    taken = notes.of_taken("invoice 9", "r", 0)

    assert notes.ending({"notes": noted(taken)}, "r") is None
    assert notes.ending({"notes": noted(taken, ended("dead", "a"))}, "r") == "dead"
    both = noted(taken, ended("done", "a"), ended("dead", "b"))
    assert notes.ending({"notes": both}, "r") == "done"


def test_an_ending_of_an_earlier_time_is_none_of_this() -> None:
    before = noted(ended("refused", "a"), notes.of_taken("invoice 9", "r", 2))

    assert notes.ending({"notes": before}, "r") is None


def test_a_note_is_for_people_first() -> None:
    assert ended("refused", "a").splitlines()[:2] == [
        "VTEX: invoice 9: refused (it cannot be done as asked; the reason says what to change)",
        "razão",
    ]


def sale(**more: Any) -> dict[str, Any]:
    made = {
        "id": 7,
        "web_id": "o-1",
        "web_shop": {"name": "acme"},
        "number": "12",
        "notes": noted(notes.of_order("VTEX")),
        "total_amount": Decimal("30.00"),
        "lines": [
            {"id": 1, "note": "VTEX SKU 310045"},
            {"id": 2, "note": "VTEX SKU 310102 x 0.5"},
            {"id": 3, "note": None},
        ],
    }
    return made | more


def invoice(*lines: tuple[str, float, str], total: str, sales: Any = None) -> dict[str, Any]:
    return {
        "id": 5,
        "number": "9",
        "reference": None,
        "invoice_date": date(2026, 3, 10),
        "total_amount": Decimal(total),
        "sales": sales or [sale()],
        "lines": [
            {"origin": origin, "quantity": quantity, "amount": Decimal(amount)}
            for origin, quantity, amount in lines
        ],
    }


def asked(model: str, record: dict[str, Any]) -> list[Any]:
    (stream,) = [one for one in STREAMS if one.model == model]
    return [one.request for one in stream.asked(record)]


def test_weighed_goods_come_back_in_the_orders_own_units() -> None:
    part = invoice(("sale.line,2", 1.5, "15.00"), ("sale.line,3", 1.0, "5.00"), total="20.00")

    (request,) = asked("account.invoice", part)

    assert request.fields["items"] == [{"sku_id": "310102", "quantity": 3, "price_cents": 500}]
    assert request.fields["value_cents"] == 2000


def test_an_invoice_of_two_sales_is_shared_among_them() -> None:
    other = sale(id=8, web_id="o-2", lines=[{"id": 9, "note": "VTEX SKU 1"}])
    both = invoice(
        ("sale.line,1", 1.0, "10.00"),
        ("sale.line,9", 2.0, "7.00"),
        total="17.00",
        sales=[sale(), other],
    )

    found = asked("account.invoice", both)

    assert [(one.fields["order_id"], one.fields["value_cents"]) for one in found] == [
        ("o-1", 1000),
        ("o-2", 700),
    ]


@pytest.mark.parametrize("of", [{"web_shop": None}, {"number": None}, {"notes": []}])
def test_what_is_no_order_of_vtex_is_left_alone(of: dict[str, Any]) -> None:
    whole = invoice(("sale.line,1", 1.0, "30.00"), total="30.00", sales=[sale(**of)])
    off = sale(state="cancelled", invoices=[], shipments=[], **of)

    assert asked("account.invoice", whole) == []
    assert asked("sale.sale", off) == []


def test_a_credit_note_asks_for_nothing() -> None:
    assert asked("account.invoice", invoice(("sale.line,1", -1.0, "-30.00"), total="-30.00")) == []
