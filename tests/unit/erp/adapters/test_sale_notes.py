"""What clerks read on a sale, and what an invoice's lines become."""

from dataclasses import replace
from decimal import Decimal

from erp.adapters.shared.sale_notes import items, line_note, remark, sku_of
from erp.conformance import sample
from erp.conformance.order_kinds import ORDERS
from erp.sales_order import Attribute, PostalAddress, SaleContext


def lines_of(kind: str) -> list[str]:
    return remark(ORDERS[kind]()).splitlines()


def test_a_clerk_reads_coupon_window_marketplace_attributes_and_doubts() -> None:
    assert lines_of("attributes_and_flags")[1:] == [
        "pagamento: Visa creditCard 49.90",
        "intermediador: Mercado Livre, 03007331000141",
        "cupom: BEMVINDA10",
        "entrega agendada: 12/03/2026 14:00 a 18:00",
        "embalagem: azul",
        "document_check_digit: a check digit is wrong",
        "line_freight_unknown: the lines' freight differs",
    ]


def test_a_payment_of_several_orders_shows_the_share_and_the_whole() -> None:
    assert "pagamento: Visa creditCard 49.90 de 150.00" in lines_of("group_payment")


def test_a_pickup_names_the_point_and_its_id() -> None:
    assert "retirada: Loja Augusta, 1_VAZ" in lines_of("pickup_with_two_addresses")


def test_a_company_reads_its_purchase_order_and_cost_center() -> None:
    order = replace(
        sample(), context=SaleContext(purchase_order_number="PO-77", cost_center="Obra 3")
    )

    assert remark(order).splitlines()[2:] == ["pedido de compra: PO-77", "centro de custo: Obra 3"]


def test_an_engraving_stands_on_its_line() -> None:
    order = ORDERS["attributes_and_flags"]()

    note = line_note(order, order.lines[0])

    assert note == "VTEX SKU 310045\ngravacao.texto: Para Ana, com amor 💍"


def test_a_line_of_an_order_with_two_destinations_names_its_own() -> None:
    home = PostalAddress(street="Rua das Palmeiras", number="10", city="São Paulo")
    work = replace(home, address_no=2, street="Av. Paulista", number="900")
    order = sample()
    order = replace(order, addresses=(home, work))
    line = replace(order.lines[0], address_no=2)

    assert "entrega: Av. Paulista, 900, São Paulo" in line_note(order, line)
    assert "entrega" not in line_note(replace(order, addresses=(work,)), line)


def test_a_note_stays_short_and_keeps_the_sku_readable() -> None:
    order = sample()
    texts = tuple(
        Attribute("attachments", f"campo{number}", f"VTEX SKU 9\nVTEX SKU 9 {'x' * 9_000}", 1)
        for number in range(500)
    )
    order = replace(order, attributes=(*texts, *(replace(text, line_no=None) for text in texts)))

    for note in (remark(order), line_note(order, order.lines[0])):
        assert len(note.splitlines()) < 15
        assert len(note) < 3_000
        assert "e mais 490" in note
    assert sku_of(line_note(order, order.lines[0])) == ("310045", Decimal(1))


def test_the_real_weight_on_an_invoice_is_the_nearest_whole_unit() -> None:
    sold = [
        ("VTEX SKU 310300 x 0.352417", Decimal("0.71"), Decimal("28.12")),
        ("VTEX SKU 310300 x 0.352417", Decimal("0.36"), Decimal("14.06")),
        ("VTEX SKU 310045", Decimal(2), Decimal("99.80")),
        ("VTEX SKU 310102", Decimal("0.5"), Decimal("9.00")),
        ("Frete", Decimal(1), Decimal("9.00")),
    ]

    assert list(items(sold)) == [
        {"sku_id": "310300", "quantity": 3, "price_cents": 1406},
        {"sku_id": "310045", "quantity": 2, "price_cents": 4990},
    ]
