"""What the profiles send of orders with the peculiarities of real documents."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from erp.adapters.rest.adapter import RestErp
from erp.adapters.rest.profile import PROFILES
from erp.conformance import sample
from erp.conformance.order_kinds import ORDERS
from erp.port import ErpRejected, Request
from erp.sales_order import SaleContext, SalesOrder
from support.erp.rest_harness import FAKES, RestHarness


def harness_of(folder: Path, profile: str) -> RestHarness:
    made = RestHarness(folder, profile)
    made.erp.migrate()
    return made


@pytest.fixture(params=sorted(FAKES))
def harness(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[RestHarness]:
    made = harness_of(tmp_path, request.param)
    yield made
    made.close()


@pytest.fixture
def bling(tmp_path: Path) -> Iterator[RestHarness]:
    made = harness_of(tmp_path, "bling")
    yield made
    made.close()


@pytest.fixture
def tiny(tmp_path: Path) -> Iterator[RestHarness]:
    made = harness_of(tmp_path, "tiny")
    yield made
    made.close()


@pytest.fixture
def omie(tmp_path: Path) -> Iterator[RestHarness]:
    made = harness_of(tmp_path, "omie")
    yield made
    made.close()


def sent(harness: RestHarness, order: SalesOrder) -> dict[str, Any]:
    found: dict[str, Any] = harness.fake.orders[int(harness.erp.insert(order))]["sent"]
    return found


def taken(harness: RestHarness) -> list[Request]:
    found: list[Request] = []
    harness.erp.poll_outbox(found.append, 100)
    return found


def test_a_line_that_a_change_removed_is_never_sent(harness: RestHarness) -> None:
    content = str(sent(harness, ORDERS["removed_line"]()))

    assert "310045" in content
    assert "310102" not in content


def test_the_customer_of_a_pickup_gets_the_address_for_the_nota(harness: RestHarness) -> None:
    order = sent(harness, ORDERS["pickup_with_two_addresses"]())

    customer = str(order.get("cliente") or [*harness.fake.customers.values()])
    assert "Rua das Palmeiras" in customer
    assert "Rua Augusta" not in customer


def test_the_label_of_a_pickup_names_the_pickup_point(bling: RestHarness) -> None:
    order = ORDERS["pickup_with_two_addresses"]()

    assert sent(bling, order)["transporte"]["etiqueta"]["endereco"] == "Rua Augusta"


def test_a_pickup_without_an_address_for_the_nota_makes_a_customer_without_one(
    bling: RestHarness,
) -> None:
    order = ORDERS["pickup_with_two_addresses"]()

    sent(bling, replace(order, addresses=order.addresses[:1]))

    (customer,) = bling.fake.customers.values()
    assert "endereco" not in customer


def test_instalments_of_bling_are_the_orders_share(bling: RestHarness) -> None:
    order = ORDERS["group_payment"]()

    assert [row["valor"] for row in sent(bling, order)["parcelas"]] == [49.9]


def test_instalments_of_tiny_are_the_orders_share(tiny: RestHarness) -> None:
    order = ORDERS["group_payment"]()

    assert [row["parcela"]["valor"] for row in sent(tiny, order)["parcelas"]] == [49.9]


@pytest.mark.parametrize("profile", ["bling", "tiny"])
def test_payments_that_miss_the_total_make_no_instalments(tmp_path: Path, profile: str) -> None:
    harness = harness_of(tmp_path, profile)
    order = sample()
    short = replace(order.payments[0], share=Decimal("300.00"))

    assert not sent(harness, replace(order, payments=(short,))).get("parcelas")
    harness.close()


def test_a_foreign_document_is_none_of_brazil(harness: RestHarness) -> None:
    order = sent(harness, ORDERS["foreign_document"]())

    customer = order.get("cliente") or next(iter(harness.fake.customers.values()))
    kind = customer.get("tipo") or customer.get("tipo_pessoa") or customer["exterior"]
    assert kind in ("E", "S")
    if "exterior" in customer:
        assert customer["documento_exterior"] == "20123456786"
        assert "cnpj_cpf" not in customer


def test_a_cpf_is_a_cpf_wherever_its_holder_lives(tiny: RestHarness) -> None:
    order = ORDERS["foreign_document"]()
    customer = replace(order.customer, document="52998224725", document_type="cpf")

    assert sent(tiny, replace(order, customer=customer))["cliente"]["tipo_pessoa"] == "F"


def test_weighed_goods_are_sent_by_weight_with_all_six_decimals(harness: RestHarness) -> None:
    order = sent(harness, ORDERS["weighed_to_the_milligram"]())

    rows = order.get("itens") or order["det"]
    row = rows[0].get("item") or rows[0].get("produto") or rows[0]
    assert row["quantidade"] == 0.704834
    assert row.get("valor", row.get("valor_unitario")) == 39.895919


def test_a_nota_of_the_real_weight_names_the_sold_units(bling: RestHarness) -> None:
    order = ORDERS["weighed_to_the_milligram"]()
    number = int(bling.erp.insert(order))
    now = datetime.now(UTC)
    bling.fake.invoice(number, "77", Decimal("27.00"), ["310300"], now)
    nota = next(iter(bling.fake.notas.values()))
    nota["itens"] = [{"codigo": "310300", "quantidade": 0.69, "valor": 39.13}]

    (request,) = taken(bling)

    assert request.fields["items"] == [{"sku_id": "310300", "quantity": 2, "price_cents": 1350}]


def test_a_clerk_finds_coupon_engraving_and_doubts_in_the_erp(harness: RestHarness) -> None:
    content = str(sent(harness, ORDERS["attributes_and_flags"]()))

    assert "cupom: BEMVINDA10" in content
    assert "Para Ana, com amor" in content
    assert "document_check_digit" in content
    assert "12/03/2026" in content or "2026-03-12" in content


def test_bling_gets_the_marketplace_the_purchase_order_and_the_window(bling: RestHarness) -> None:
    order = ORDERS["attributes_and_flags"]()
    order = replace(order, context=replace(order.context, purchase_order_number="PO-77"))

    made = sent(bling, order)

    assert made["intermediador"] == {"cnpj": "03007331000141", "nomeUsuario": "acme"}
    assert made["numeroPedidoCompra"] == "PO-77"
    assert made["dataPrevista"] == "2026-03-12"
    assert made["itens"][0]["descricaoDetalhada"] == "gravacao.texto: Para Ana, com amor 💍"


def test_tiny_gets_the_marketplace_the_purchase_order_and_the_window(tiny: RestHarness) -> None:
    order = ORDERS["attributes_and_flags"]()
    order = replace(order, context=replace(order.context, purchase_order_number="PO-77"))

    made = sent(tiny, order)

    assert made["intermediador"] == {"nome": "Mercado Livre", "cnpj": "03007331000141"}
    assert made["numero_ordem_compra"] == "PO-77"
    assert made["data_prevista"] == "12/03/2026"


def test_omie_gets_the_purchase_order_the_window_and_the_engraving(omie: RestHarness) -> None:
    order = ORDERS["attributes_and_flags"]()
    order = replace(order, context=replace(order.context, purchase_order_number="PO-77"))

    made = sent(omie, order)

    assert made["informacoes_adicionais"]["numero_contrato"] == "PO-77"
    assert made["frete"]["previsao_entrega"] == "12/03/2026"
    item = made["det"][0]["inf_adic"]
    assert item["dados_adicionais_item"] == "gravacao.texto: Para Ana, com amor 💍"


def test_a_marketplace_whose_cnpj_is_unknown_is_left_to_the_note(bling: RestHarness) -> None:
    order = replace(sample(), context=SaleContext(intermediary_name="Mercado Livre"))

    made = sent(bling, order)

    assert "intermediador" not in made
    assert "intermediador: Mercado Livre" in made["observacoesInternas"]


# --- any path of VTEX's document --------------------------------------------------------------


def with_note(bling: RestHarness, template: str) -> RestErp:
    """Return an adapter with a profile of its own, whose orders have this note."""
    profile = (PROFILES / "bling.toml").read_text()
    line = 'observacoes = "$note | cut 500"\n'
    assert line in profile
    folder = bling.path.parent
    (folder / "own.toml").write_text(profile.replace(line, f"observacoes = {template}\n"))
    own = folder / "own-settings.toml"
    own.write_text(bling.path.read_text().replace('profile = "bling"', 'profile = "own.toml"'))
    return RestErp(f"rest://{own}")


RAW = {
    "items": [{"name": "Caneca"}, {"name": "Camiseta", "weight": 0.35}],
    "customData": {"customApps": [{"fields": {"cor": "azul"}}]},
    "text": "á" * 70_000,
    "half": "meia \ud83d",
    "huge": 10**400,
}


@pytest.mark.parametrize(
    ("template", "note"),
    [
        ('"$raw.order.items.1.name"', "Camiseta"),
        ('"$raw.order.items.1.weight"', 0.35),
        ('"$raw.order.customData.customApps.0.fields.cor | upper"', "AZUL"),
        ('{ json = "$raw.order.customData" }', '{"customApps": [{"fields": {"cor": "azul"}}]}'),
        ('"$raw.payment.transactions.0.payments.0.tid"', "T-1"),
        ('"$raw.order.half"', "meia \ufffd"),
        ('"$raw.order.items.9.name"', None),
        ('"$raw.order.items.-1.name"', None),
        ('"$raw.order.items.²"', None),
        ('"$raw.order.nothing.0.at.all"', None),
        ('"$raw.order.text.upper"', None),
        ('"$raw.order.huge"', None),
    ],
)
def test_a_profile_reaches_any_path_of_vtexs_document(
    bling: RestHarness, template: str, note: object
) -> None:
    erp = with_note(bling, template)
    payment = {"transactions": [{"payments": [{"tid": "T-1"}]}]}

    number = int(erp.insert(replace(sample(), raw_order=RAW, raw_payment=payment)))

    assert bling.fake.orders[number]["sent"].get("observacoes") == note
    erp.close()


def test_a_long_text_of_vtexs_document_is_bounded(bling: RestHarness) -> None:
    erp = with_note(bling, '"$raw.order.text"')

    number = int(erp.insert(replace(sample(), raw_order=RAW)))

    assert len(bling.fake.orders[number]["sent"]["observacoes"]) == 20_000
    erp.close()


def test_a_value_of_another_form_refuses_the_order_and_is_not_quoted(bling: RestHarness) -> None:
    erp = with_note(bling, '"$raw.order.items.0.name | money"')

    with pytest.raises(ErpRejected, match=r"raw\.order\.items\.0\.name of the order") as caught:
        erp.insert(replace(sample(), raw_order=RAW))

    assert "Caneca" not in str(caught.value)
    erp.close()
