"""What the retailer calls things in the ERP, found for an order or missed by name."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from erp.codes import KINDS, CodeMap, product_code
from erp.conformance import sample
from erp.port import ErpRejected
from erp.sales_order import Customer, KitPart, SaleContext, SalesOrder

COMPANY = Customer("J", "12345678000195", "Padaria Ltda", state_registration="110.042.490.114")


def order(**changes: Any) -> SalesOrder:
    made = sample()
    first, *others = made.lines
    placed = replace(first, warehouse_id="1_1", carrier="Correios", ref_id="CAM-P", ean="789")
    lines = (placed, *(replace(one, warehouse_id="1_1", carrier="Correios") for one in others))
    return replace(made, **{"lines": lines, "sales_channel": "1"} | changes)


def resolved(made: SalesOrder, **tables: Any) -> SalesOrder:
    return CodeMap(tables).resolve(made)


def test_each_kind_is_found_by_what_vtex_calls_it() -> None:
    made = order()
    payment, line = made.payments[0], made.lines[0]

    found = resolved(
        made,
        payment={payment.system: 15, "default": "OUTROS"},
        carrier={"Correios": "TR-1"},
        channel={"1": "LOJA"},
        sku={line.sku_id: "P-1", "default": "DIVERSOS"},
        branch={"1_1": "MATRIZ"},
        document={"cpf": "PF"},
        tax={"consumer": 9},
        intermediary={"MLB": "03007331000141"},
    )

    assert set(found.codes) == set(KINDS)
    assert found.code("payment", payment.system) == 15
    assert found.code("carrier", "Correios") == "TR-1"
    assert found.code("sku", line.sku_id) == "P-1"
    assert found.code("sku", made.lines[-1].sku_id) == "DIVERSOS"
    single = {kind: found.code(kind) for kind in ("channel", "branch", "document", "tax")}
    assert single == {"channel": "LOJA", "branch": "MATRIZ", "document": "PF", "tax": 9}


def test_the_cnpj_of_a_marketplace_comes_from_the_map_and_is_optional() -> None:
    sold = order(affiliate_id="MLB", context=SaleContext(intermediary_name="Mercado Livre"))

    mapped = resolved(sold, intermediary={"MLB": "03007331000141"})
    unmapped = resolved(sold, intermediary={"AMZ": "15436940000103"})

    assert mapped.context.intermediary_document == "03007331000141"
    assert mapped.context.intermediary_name == "Mercado Livre"
    assert unmapped.context.intermediary_document is None


def test_what_is_not_mapped_stays_as_vtex_has_it() -> None:
    made = order()

    found = resolved(made, channel={"1": "LOJA"})

    assert resolved(made) == made
    assert found.code("payment", made.payments[0].system) is None
    assert product_code(found, made.lines[0], "ref_id") == "CAM-P"
    assert product_code(found, made.lines[0], "sku_id") == made.lines[0].sku_id


def test_all_that_has_no_code_is_named_at_once_with_what_to_add() -> None:
    made = order()

    with pytest.raises(ErpRejected) as caught:
        resolved(made, payment={"999": "X"}, carrier={}, channel={"1": "LOJA"})

    payment = made.payments[0]
    assert str(caught.value) == (
        f"payment '{payment.system}' ({payment.system_name}): [payment] of ERP_CODE_MAP_FILE has no such "
        f'entry: add "{payment.system}" = its code in the ERP, or a default, then retry; '
        "carrier 'Correios': [carrier] of ERP_CODE_MAP_FILE has no such entry: "
        'add "Correios" = its code in the ERP, or a default, then retry'
    )


@pytest.mark.parametrize(
    ("customer", "document", "tax"),
    [
        (Customer("F", "52998224725", "Ana"), "cpf", "consumer"),
        (Customer("F", None, "Ana"), "none", "consumer"),
        (Customer("F", "AB123456", "Ana"), "other", "consumer"),
        (COMPANY, "cnpj", "contributor"),
        (replace(COMPANY, state_registration="ISENTO"), "cnpj", "exempt"),
        (replace(COMPANY, state_registration=" "), "cnpj", "consumer"),
    ],
)
def test_documents_and_tax_regimes_go_by_the_customer(
    customer: Customer, document: str, tax: str
) -> None:
    documents = {one: f"D-{one}" for one in ("cpf", "cnpj", "other", "none")}
    taxes = {one: f"T-{one}" for one in ("contributor", "exempt", "consumer")}

    found = resolved(order(customer=customer), document=documents, tax=taxes)

    assert (found.code("document"), found.code("tax")) == (f"D-{document}", f"T-{tax}")


def test_a_sku_goes_by_its_key_unless_the_table_names_it() -> None:
    made = order()
    first, second = made.lines[0], made.lines[-1]
    book = CodeMap({"sku": {second.sku_id: "P-2", "default": "DIVERSOS"}}, sku_key="ean")

    found = book.resolve(replace(made, lines=(first, second, replace(first, sku_id="7", ean=None))))

    assert [product_code(found, one, "sku_id") for one in found.lines] == ["789", "P-2", "DIVERSOS"]


def test_a_sku_without_its_key_is_refused_and_so_is_a_part_of_a_kit() -> None:
    made = order()
    kit = replace(made.lines[0], parts=(KitPart("55", 2, "PARTE"),))

    with pytest.raises(ErpRejected, match=r"^sku '55' \(PARTE\): .* and the SKU has no ean: add"):
        CodeMap(sku_key="ean").resolve(replace(made, lines=(kit,)))

    found = CodeMap(sku_key="ref_id").resolve(replace(made, lines=(kit,)))
    assert found.code("sku", "55") == "PARTE"


def test_an_order_of_several_branches_is_refused_by_their_names() -> None:
    made = order()
    lines = (made.lines[0], replace(made.lines[1], warehouse_id="2_2"))
    tables = {"branch": {"1_1": "SP", "2_2": "RJ"}}

    with pytest.raises(ErpRejected, match="branch: the order is of several branches, SP, RJ"):
        CodeMap(tables).resolve(replace(made, lines=lines))

    same = {"branch": {"1_1": "SP", "2_2": "SP"}}
    assert CodeMap(same).resolve(replace(made, lines=lines)).code("branch") == "SP"


def test_the_branch_may_go_by_channel_or_seller_and_may_be_of_none() -> None:
    made = order()
    seller = made.lines[0].seller or "none"

    by_channel = CodeMap({"branch": {"1": "ECOM"}}, branch_by="channel").resolve(made)
    by_seller = CodeMap({"branch": {seller: "MKT"}}, branch_by="seller").resolve(
        replace(made, lines=made.lines[:1])
    )
    nowhere = replace(made, lines=(replace(made.lines[0], warehouse_id=None),))

    assert by_channel.code("branch") == "ECOM"
    assert by_seller.code("branch") == "MKT"
    assert resolved(nowhere, branch={"none": "MATRIZ"}).code("branch") == "MATRIZ"
