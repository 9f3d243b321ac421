"""Whether a nota is of its order: persons, order numbers, times and references."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest

from erp.nfe.belonging import NfeOfAnotherOrder, OrderRecord, SentInvoice
from erp.nfe.invoice import read, request
from support.documents import builders
from support.documents.nfe_samples import PERSON, Det, access_key, changed, nfe
from vtex.documents import Client, Order

PASSPORT = "AB123456789012"


def order_of(document: str = PERSON[1], placed: datetime | None = None, units: int = 1) -> Order:
    return builders.order(
        items=(builders.item(quantity=units, ref_id="CAM-P"),),
        client=Client(document=document),
        sequence="501234",
        marketplace_order_id="LU-1234567890",
        created_at=placed or datetime(2026, 3, 10, tzinfo=UTC),
    )


def refusal(data: bytes, order: Order, record: OrderRecord | None = None) -> str:
    with pytest.raises(NfeOfAnotherOrder) as caught:
        request(read(data), order, record=record or OrderRecord())
    return str(caught.value)


def without_recipient(data: bytes) -> bytes:
    return re.sub(rb"<dest>.*</dest>", b"", data)


def test_a_consumers_nota_may_lack_its_recipient_and_another_may_not() -> None:
    key = access_key(model="65")
    consumer = changed(nfe(), access_key(), key, count=2)
    consumer = changed(consumer, "<mod>55", "<mod>65")

    assert request(read(without_recipient(consumer)), order_of())
    assert "dest is none" in refusal(without_recipient(nfe()), order_of())
    assert "dest is" in refusal(consumer, order_of("11144477735"))


@pytest.mark.parametrize("document", [PASSPORT, f"000{PERSON[1]}"])
def test_a_document_as_long_as_a_cnpj_is_masked(document: str) -> None:
    words = refusal(
        nfe(recipient=f"<idEstrangeiro>{PASSPORT[::-1]}</idEstrangeiro>"), order_of(document)
    )

    assert f"the shopper of the order is '***{document[-3:]}'" in words
    assert PASSPORT[::-1] not in words


def test_a_cpf_with_zeros_before_it_is_the_shoppers() -> None:
    assert request(read(nfe()), order_of(f"000{PERSON[1]}"))


@pytest.mark.parametrize("hint", ["Pedido 501234", "PED:501234", "# 501234", "1234567890"])
def test_words_before_an_order_number_do_not_count(hint: str) -> None:
    assert request(read(nfe(order=hint)), order_of())


def test_every_line_with_an_order_number_names_the_order() -> None:
    mixed = nfe(Det(order="501234"), Det(order="501299"))

    assert "xPed is '501234', '501299', and the order is" in refusal(mixed, order_of(units=2))
    assert request(read(nfe(Det(order="501234"), Det())), order_of(units=2))
    of_head = nfe(Det(order="PO-1"), Det(order="PO-2"), order="501234")
    assert request(read(of_head), order_of(units=2))


def test_a_cpf_in_place_of_an_order_number_is_masked() -> None:
    words = refusal(nfe(order="11144477735"), order_of())

    assert "xPed is '***.444.777-**'" in words


def test_clocks_may_differ_by_minutes_at_midnight() -> None:
    # Midnight in the store is 3 o'clock in UTC.
    order = order_of(placed=datetime(2026, 3, 11, 3, 5, tzinfo=UTC))
    assert request(read(nfe(issued_at="2026-03-10T23:50:00-03:00")), order)

    early = nfe(issued_at="2026-03-10T23:40:00-03:00")
    assert "2026-03-10, and the order was placed on 2026-03-11" in refusal(early, order)


def test_each_reference_of_a_return_is_an_invoice_of_the_order() -> None:
    own, other = access_key(7), access_key(8)
    record = OrderRecord(invoices=(SentInvoice("7", "1", own),))
    mixed = nfe(purpose=4, direction=0, references=(own, other))

    assert f"refNFe is {own}, {other}" in refusal(mixed, order_of(), record)
    both = OrderRecord(invoices=(*record.invoices, SentInvoice("8", "1", other)))
    assert request(read(mixed), order_of(), record=both)["type"] == "Input"


def test_an_invoice_without_a_key_is_a_nota_of_the_same_company() -> None:
    record = OrderRecord(invoices=(SentInvoice("7", "1"),))
    of_shop = nfe(purpose=4, direction=0, references=(access_key(7, cnpj="11222333000262"),))
    of_other = nfe(purpose=4, direction=0, references=(access_key(7, cnpj="11444777000161"),))

    assert request(read(of_shop), order_of(), record=record)["type"] == "Input"
    assert "refNFe is" in refusal(of_other, order_of(), record)


def test_a_company_names_the_order_by_its_purchase_order() -> None:
    data = nfe(Det(order="4500012345"))

    assert request(read(data), order_of(), record=OrderRecord(purchase_order="4500012345"))
    assert "xPed is '4500012345'" in refusal(data, order_of())
