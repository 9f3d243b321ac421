"""Orders become sales in a real Tryton (make test-erp)."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from erp.adapters.tryton.adapter import TrytonErp
from erp.codes import CodeMap
from erp.port import ErpRejected, ErpUnavailable
from erp.sales_order import Customer, PostalAddress
from support.servers import ROOT, deadly
from support.tryton.orders import small, taken
from support.tryton.proxy import FaultyProxy
from support.tryton.server import MISSING, Clerk, TrytonServer

pytestmark = pytest.mark.skipif(MISSING is not None, reason=MISSING or "")


def test_an_order_is_a_confirmed_sale_with_its_lines_to_the_cent(
    erp: TrytonErp, clerk: Clerk
) -> None:
    order = small(note="Sem campainha")

    number = erp.insert(order)

    sale = clerk.sale(
        order.order_id, "number", "state", "reference", "lines.product.code",
        "lines.quantity", "lines.unit_price", "lines.amount", "notes.message",
        "invoice_address.street", "invoice_address.subdivision.code", "total_amount",
    )  # fmt: skip
    assert (sale["number"], sale["reference"]) == (number, "70411223")
    assert sale["state"] in ("confirmed", "processing")
    assert [
        (line["product"]["code"], line["quantity"], Decimal(line["unit_price"]["decimal"]))
        for line in sorted(sale["lines"], key=lambda one: one["id"])
    ] == [("CANECA-01", 2.0, Decimal("49.905")), ("VTEX-FREIGHT", 1.0, Decimal("18.90"))]
    assert sale["total_amount"]["decimal"] == "118.71"
    assert sale["invoice_address"]["street"] == "Rua das Palmeiras"
    assert "Visa creditCard 315.61 3x" in sale["notes"][0]["message"]
    assert "cliente: Sem campainha" in sale["notes"][0]["message"]


def test_a_discount_of_the_freight_and_interest_are_lines_of_their_own(
    erp: TrytonErp, clerk: Clerk
) -> None:
    cheaper = replace(small(), total=Decimal("110.00"))
    dearer = replace(small(), total=Decimal("120.01"))

    for order in (cheaper, dearer):
        erp.insert(order)

    found = [
        [
            (line["product"]["code"], line["amount"]["decimal"])
            for line in sorted(
                clerk.sale(one.order_id, "lines.product.code", "lines.amount")["lines"],
                key=lambda line: line["id"],
            )
        ][2:]
        for one in (cheaper, dearer)
    ]
    assert found == [[("VTEX-DISCOUNT", "-8.71")], [("VTEX-OTHER", "1.30")]]


def test_a_sale_that_tryton_rounds_otherwise_is_refused_with_both_sums_and_leaves_nothing(
    erp: TrytonErp, clerk: Clerk
) -> None:
    if not clerk.find("currency.currency", [["code", "=", "XTS"]]):
        clerk.call(
            "POST",
            "currency.currency",
            {
                "name": "Rounds",
                "code": "XTS",
                "symbol": "X",
                "rounding": {"__class__": "Decimal", "decimal": "0.05"},
            },
        )
    order = small(currency="XTS")

    with pytest.raises(ErpRejected, match=r"total: the sale would come to 118\.70.* 118\.71"):
        erp.insert(order)

    assert clerk.find("sale.sale", [["web_id", "=", order.order_id]]) == []


def test_a_product_that_is_missing_is_named(erp: TrytonErp) -> None:
    order = small()
    strange = replace(order, lines=(replace(order.lines[0], ref_id="NADA-9"),))

    with pytest.raises(ErpRejected, match="a salable product of code NADA-9"):
        erp.insert(strange)

    assert erp.find(order.store, order.order_id) is None


def test_products_and_warehouse_go_by_the_retailers_map(erp: TrytonErp, clerk: Clerk) -> None:
    order = small()
    strange = replace(order, lines=(replace(order.lines[0], ref_id="NADA-9"),))
    tables = {
        "sku": {order.lines[0].sku_id: "CANECA-01"},
        "branch": {"default": "WH"},
        "payment": {"default": "15"},
        "tax": {"consumer": 9},
    }

    erp.insert(CodeMap(tables).resolve(strange))

    sale = clerk.sale(order.order_id, "warehouse.code", "lines.product.code", "notes.message")
    assert sale["warehouse"]["code"] == "WH"
    assert sale["lines"][0]["product"]["code"] == "CANECA-01"
    (note,) = sale["notes"]
    assert "código 15" in note["message"]
    assert "regime fiscal: 9" in note["message"]


def test_a_warehouse_that_is_missing_is_named(erp: TrytonErp) -> None:
    order = CodeMap({"branch": {"default": "F9"}}).resolve(small())

    with pytest.raises(
        ErpRejected,
        match=r"lacks the warehouse of code F9. Create the warehouse, or correct \[branch\]",
    ):
        erp.insert(order)


def test_a_store_without_a_web_shop_is_named(erp: TrytonErp) -> None:
    with pytest.raises(ErpRejected, match="a web shop named 'loja-x'"):
        erp.insert(small(store="loja-x"))


def test_weighed_goods_need_a_unit_that_takes_parts(erp: TrytonErp) -> None:
    order = small()
    line = replace(order.lines[0], unit_multiplier=Decimal("0.25"))

    with pytest.raises(ErpRejected, match=r"product CANECA-01 by a unit of 0 decimals, and 0\.5"):
        erp.insert(replace(order, lines=(line,)))


def test_a_customer_is_found_by_number_and_never_changed(erp: TrytonErp, clerk: Clerk) -> None:
    document = "11144477735"
    party = clerk.call(
        "POST",
        "party.party",
        {
            "name": "Nome do balcão",
            "identifiers": [["create", [{"type": "br_cpf", "code": "111.444.777-35"}]]],
        },
    )
    customer = Customer(kind="F", document=document, name="Nome na loja", email="x@example.test")
    first, second = small(customer=customer), small(customer=customer)

    erp.insert(first)
    erp.insert(second)

    sales = [clerk.sale(one.order_id, "party.name", "party.addresses") for one in (first, second)]
    assert [one["party"]["id"] for one in sales] == [party["id"]] * 2
    assert sales[1]["party"]["name"] == "Nome do balcão"
    assert len(sales[1]["party"]["addresses"]) == 1


def test_a_company_keeps_its_inscription_and_a_delivery_elsewhere_its_receiver(
    erp: TrytonErp, clerk: Clerk
) -> None:
    customer = Customer(
        kind="J",
        document="11444777000161",
        name="Padaria Exemplo Ltda",
        state_registration="110042490114",
        email="nf@example.test",
        phone="+5511999990000",
    )
    home = PostalAddress(street="Rua A", number="1", city="Santos", state="SP", country="BRA")
    away = PostalAddress(
        receiver="João",
        street="Calle 1",
        city="Rosario",
        state="SF",
        country="ARG",
        postal_code="2000",
    )
    order = small(customer=customer, addresses=(away, replace(home, kind="BILL", address_no=2)))

    erp.insert(order)

    sale = clerk.sale(
        order.order_id,
        "party.identifiers.code",
        "party.identifiers.type",
        "invoice_address.city",
        "invoice_address.subdivision.code",
        "shipment_address.city",
        "shipment_address.party_name",
    )
    found = {(one["type"], one["code"]) for one in sale["party"]["identifiers"]}
    assert found == {("br_vat", "11.444.777/0001-61"), (None, "IE 110042490114")}
    assert sale["invoice_address"]["subdivision"]["code"] == "BR-SP"
    assert sale["shipment_address"]["city"] == "Rosario - SF"
    assert sale["shipment_address"]["party_name"] == "João"


def test_racing_orders_of_a_new_customer_make_one_party(server: TrytonServer, clerk: Clerk) -> None:
    customer = Customer(kind="F", document="15350946056", name="Cliente Nova")
    erps = [TrytonErp(server.url) for _ in range(4)]

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda one: one.insert(small(customer=customer)), erps))

    found = clerk.find("party.party", [["identifiers.code_compact", "=", "15350946056"]])
    assert len(found) == 1
    for one in erps:
        one.close()


@pytest.mark.parametrize("button", ["sale.sale", "quote", "confirm"])
def test_an_answer_that_is_lost_after_tryton_did_it_makes_no_second_sale(
    behind: TrytonErp, proxy: FaultyProxy, clerk: Clerk, button: str
) -> None:
    order = small()
    proxy.lose = lambda what: what.startswith("POST") and what.endswith(button)

    with pytest.raises(ErpUnavailable, match="ConnectionError"):
        behind.insert(order)
    number = behind.insert(order)

    assert behind.insert(order) == number
    assert clerk.sale(order.order_id, "number")["number"] == number
    assert clerk.sale(order.order_id, "state")["state"] in ("confirmed", "processing")


def test_a_half_made_sale_that_tryton_cancels_as_abandoned_is_made_after_all(
    behind: TrytonErp, proxy: FaultyProxy, clerk: Clerk
) -> None:
    order = small()
    proxy.lose = lambda what: what.startswith("POST") and what.endswith("sale.sale")
    with pytest.raises(ErpUnavailable):
        behind.insert(order)
    clerk.press("sale.sale", clerk.sale(order.order_id)["id"], "cancel")
    assert behind.find(order.store, order.order_id) is None
    assert taken(behind, order) == []

    number = behind.insert(order)

    sale = clerk.sale(order.order_id, "number", "state")
    assert (sale["number"], sale["state"] in ("confirmed", "processing")) == (number, True)


def test_a_quotation_that_a_clerk_changed_is_never_taken_away(
    behind: TrytonErp, proxy: FaultyProxy, clerk: Clerk
) -> None:
    order = small()
    proxy.lose = lambda what: what.endswith("quote")
    with pytest.raises(ErpUnavailable):
        behind.insert(order)
    sale = clerk.sale(order.order_id, "lines")
    clerk.press("sale.sale", sale["id"], "draft")
    price = {"__class__": "Decimal", "decimal": "40"}
    change = ["write", [min(sale["lines"])], {"unit_price": price}]
    clerk.write("sale.sale", sale["id"], lines=[change])
    clerk.press("sale.sale", sale["id"], "quote")

    behind.insert(order)

    assert clerk.sale(order.order_id, "total_amount")["total_amount"]["decimal"] == "98.90"


@pytest.mark.parametrize("method", ["create", "act"])
def test_a_worker_killed_amid_an_insert_leaves_a_sale_that_the_next_one_completes(
    server: TrytonServer, erp: TrytonErp, clerk: Clerk, tmp_path: Path, method: str
) -> None:
    order = small()
    script = tmp_path / "insert.py"
    script.write_text(
        "import os, sys\n"
        f"sys.path[:0] = [{str(ROOT)!r}, {str(ROOT / 'tests')!r}]\n"
        "from support.tryton.orders import small\n"
        "from erp.adapters.tryton.adapter import TrytonErp\n"
        f"TrytonErp(os.environ['ERP_URL']).insert(small({order.order_id!r}))\n"
    )
    marker, env = deadly(tmp_path, f"erp.adapters.tryton.rest_client TrytonClient {method} after")
    died = subprocess.run(
        [sys.executable, str(script)], env=os.environ | env | {"ERP_URL": server.url}, check=False
    )
    assert (died.returncode, marker.exists()) == (-9, True)

    number = erp.insert(order)

    assert erp.find(order.store, order.order_id) == number
    assert clerk.sale(order.order_id, "state")["state"] in ("confirmed", "processing")


def test_a_tryton_that_is_killed_is_unavailable_and_takes_the_order_after(tmp_path: Path) -> None:
    server = TrytonServer(tmp_path / "tryton")
    server.start()
    erp, order = TrytonErp(server.url), small()
    before = erp.insert(small())
    server.kill()

    with pytest.raises(ErpUnavailable, match="ConnectionError"):
        erp.insert(order)
    server.start()

    assert erp.insert(order) not in ("", before)
    erp.close()
    server.stop()


def test_a_wrong_key_holds_all_orders_and_buries_none(server: TrytonServer) -> None:
    erp = TrytonErp(server.url.replace(server.keys["key"], "wr0ng-key"))

    with pytest.raises(ErpUnavailable, match="refuses the key") as told:
        erp.insert(small())

    assert "wr0ng-key" not in str(told.value)
    erp.close()


@pytest.mark.parametrize(
    ("status", "kind", "body", "words"),
    [
        (500, "text/html", b"<h1>Internal Server Error</h1>", "answered 500"),
        (200, "text/html", b"<h1>Log in</h1>", "is not Tryton's JSON"),
        (200, "application/json", b'{"sale": 1}', "is not a list"),
        (200, "application/json", b'{"__class__": "Decimal", "decimal": "x"}', "not Tryton's JSON"),
        (400, "text/html", b"<h1>Bad Request</h1>", "answered 400"),
        (302, "text/html", b"", "answered 302"),
        (429, "application/json", b"{}", "answered 429"),
    ],
)
def test_what_is_no_answer_of_tryton_is_unavailable(
    behind: TrytonErp, proxy: FaultyProxy, status: int, kind: str, body: bytes, words: str
) -> None:
    proxy.instead = (status, kind, body)

    for call in (lambda: behind.insert(small()), lambda: behind.find("acme", "o-1"), behind.check):
        with pytest.raises(ErpUnavailable, match=words):
            call()


def test_a_tryton_that_is_too_busy_is_asked_again_and_holds_up_nothing(
    behind: TrytonErp, proxy: FaultyProxy
) -> None:
    proxy.busy = 3

    assert behind.insert(small())


def test_trytons_words_reach_the_operator_without_the_customers_data(
    erp: TrytonErp, clerk: Clerk
) -> None:
    customer = Customer(kind="F", document="39053344705", name="Fulana de Tal")
    order = small(customer=customer, currency="BRL")
    # A party whose code is taken, and that is archived: it is neither found nor made.
    party = clerk.call("POST", "party.party", {"name": "x", "code": "VTEX-39053344705"})
    clerk.write("party.party", party["id"], active=False)

    with pytest.raises(ErpRejected, match="must be unique") as told:
        erp.insert(order)

    assert "Fulana" not in str(told.value)
    assert "39053344705" not in str(told.value)


def test_check_says_which_tryton_answers_and_what_it_lacks(
    erp: TrytonErp, server: TrytonServer
) -> None:
    lacking = TrytonErp(server.url_at(server.port, "?freight=FRETE"))

    assert erp.check().startswith("Tryton 8.2.")
    assert "web shops acme, outlet" in erp.check()
    with pytest.raises(ErpRejected, match="the product of code FRETE"):
        lacking.check()

    lacking.close()


def test_an_order_takes_so_many_calls(behind: TrytonErp, proxy: FaultyProxy) -> None:
    customer = Customer(kind="F", document="86288366757", name="Cliente")
    behind.insert(small(customer=customer))
    proxy.seen.clear()

    behind.insert(small(customer=customer))

    # Find, products, party; create, quote, confirm. docs/erp/tryton.md says so.
    assert len(proxy.seen) == 6
