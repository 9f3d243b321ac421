"""Notas of every purpose, direction, CFOP, person, unit, term and cents against docs/nfe.md."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from erp.nfe import cfop
from erp.nfe.belonging import OrderRecord, SentInvoice
from erp.nfe.cfop import Group
from erp.nfe.invoice import read, request
from erp.nfe.rules import NfeRules
from erp.nfe.safe_xml import NfeError
from support.documents import builders
from support.documents.nfe_samples import PERSON, Det, access_key, changed, nfe
from vtex.documents import Client
from vtex.operations.invoice_balance import balance, closing, open_after
from vtex.payloads import Invoice, InvoiceItem

PAGE = (Path(__file__).parents[4] / "docs/nfe.md").read_text(encoding="utf-8")
SOLD = access_key(7)
RECORD = OrderRecord(invoices=(SentInvoice("7", "1", SOLD),))
BUYER, SHOP, STRANGER = "11444777000161", "11222333000181", "11144477735"


def table(title: str) -> list[list[str]]:
    """Return the rows of the table of a section of the page that begins with a header's cell."""
    lines = PAGE[PAGE.index(title) :].splitlines()[2:]
    rows = []
    for line in lines:
        if not line.startswith("|"):
            break
        rows.append([cell.strip() for cell in line.strip("|").split("|")])
    return rows


def codes(cell: str) -> set[str]:
    """Return the CFOPs of a cell, as in ``5101 to 5123, 5551``."""
    found: set[str] = set()
    for first, last in re.findall(r"(\d{4})(?: to (\d{4}))?", cell):
        found |= {str(code) for code in range(int(first), int(last or first) + 1)}
    return found


CFOPS = {row[0]: codes(row[1]) for row in table("| group | CFOP |")}
PURPOSES = table("| `finNFe` | `tpNF` | `CFOP` | result |")
GROUPS = {
    "sale": Group.SALE,
    "beside a sale": Group.BESIDE_A_SALE,
    "return of a sale": Group.RETURN,
    "return by the buyer": Group.RETURN,
}


def directions_of(code: str) -> Iterator[str]:
    """Yield the codes of an operation inside the state, to another state and abroad."""
    if code[0] == "7":
        yield code
        return
    yield from (digit + code[1:] for digit in ("567" if code[0] in "567" else "123"))


@pytest.mark.parametrize("group", GROUPS)
def test_the_pages_cfops_are_those_of_the_table(group: str) -> None:
    assert CFOPS[group]
    for code in CFOPS[group]:
        assert {cfop.group_of(made) for made in directions_of(code)} == {GROUPS[group]}


def test_every_other_cfop_is_another_operation() -> None:
    named = {made for group in GROUPS for code in CFOPS[group] for made in directions_of(code)}
    others = {f"{first}{rest:03}" for first in "123567" for rest in range(100, 1000)} - named

    assert {cfop.group_of(code) for code in others} == {Group.OTHER}


@dataclass(frozen=True)
class Nota:
    """The choices that make a nota."""

    purpose: int
    direction: int
    group: str
    recipient: str
    references: tuple[str, ...]
    unit: str
    term: str
    cents_off: int


DETS = {
    "piece": Det(quantity="2.0000", total="20.00"),
    "box by GTIN": Det(
        code="X", unit="CX", total="20.00", taxable=("7891000100103", "UN", "2.0000")
    ),
    "box without GTIN": Det(unit="CX", total="20.00", taxable=("SEM GTIN", "UN", "2.0000")),
}
EXAMPLES = {"sale": "102", "gift": "910", "return": "202", "transfer": "152", "repair": "915"}
TERMS = {
    "none": ("", "", 0),
    "ipi": ("<IPI><IPITrib><vIPI>1.00</vIPI></IPITrib></IPI>", "<vIPI>1.00</vIPI>", 100),
    "exempted": (
        "<ICMS><ICMS40><vICMSDeson>1.00</vICMSDeson><indDeduzDeson>1</indDeduzDeson></ICMS40></ICMS>",
        "<vICMSDeson>1.00</vICMSDeson>",
        -100,
    ),
}
NOTAS = st.builds(
    Nota,
    purpose=st.sampled_from([1, 1, 1, 2, 3, 4, 4, 4, 5, 6]),
    direction=st.sampled_from([0, 1]),
    group=st.sampled_from(["sale", "return", *EXAMPLES]),
    recipient=st.sampled_from([PERSON[1], PERSON[1], BUYER, STRANGER, "idEstrangeiro", "none"]),
    references=st.sampled_from([(), (SOLD,), (SOLD,), (access_key(8),)]),
    unit=st.sampled_from(sorted(DETS)),
    term=st.sampled_from(sorted(TERMS)),
    cents_off=st.sampled_from([0, 0, 0, -1, 1]),
)


def file_of(nota: Nota) -> bytes:
    taxes, head, cents = TERMS[nota.term]
    code = f"{'5' if nota.direction else '1'}{EXAMPLES[nota.group]}"
    det = DETS[nota.unit]
    line = Det(**{**vars(det), "cfop": code, "taxes": taxes})
    element = {
        "none": "",
        "idEstrangeiro": "<idEstrangeiro>AB123</idEstrangeiro>",
        BUYER: f"<CNPJ>{BUYER}</CNPJ>",
    }.get(nota.recipient, f"<CPF>{nota.recipient}</CPF>")
    data = nfe(
        line,
        purpose=nota.purpose,
        direction=nota.direction,
        recipient=element,
        references=nota.references,
        head=head,
    )
    total = Decimal(2000 + cents + nota.cents_off) / 100
    return changed(data, "<vNF>20.00", f"<vNF>{total:.2f}")


def expected(nota: Nota) -> str | None:
    """Return the type of the invoice by the page's tables, or ``None`` for a refusal."""
    results = {
        (purpose.strip(), direction, "return" if "returns" in groups else groups.split(",")[0]): to
        for purposes, directions, groups, to in PURPOSES
        for purpose in purposes.split(",")
        for direction in ("01" if directions == "any" else directions)
        if "Input" in to or "Output" in to
    }
    group = "a sale" if nota.group == "sale" else nota.group
    result = results.get((str(nota.purpose), str(nota.direction), group), "refused")
    known = SOLD in nota.references
    if (
        nota.cents_off
        or nota.unit == "box without GTIN"
        or result == "refused"
        or (nota.references and not known)
    ):
        return None
    if "Output" in result:
        return "Output" if nota.recipient in (PERSON[1], BUYER) else None
    # The shop issues each of these notas, so a return that leaves it goes to a supplier.
    is_of_shopper = nota.direction == 0 and nota.recipient in (PERSON[1], BUYER)
    return "Input" if is_of_shopper and known else None


def requested(nota: Nota) -> dict[str, Any]:
    order = builders.order(
        items=(builders.item(quantity=2, ref_id="CAM-P", ean="7891000100103"),),
        client=Client(document=PERSON[1], corporate_document=BUYER),
    )
    return request(read(file_of(nota)), order, NfeRules(), RECORD)


@settings(max_examples=600, deadline=None)
@given(NOTAS)
def test_a_nota_is_taken_or_refused_by_the_rules_of_the_page(nota: Nota) -> None:
    type_, words = None, ""
    try:
        made = requested(nota)
        type_ = made["type"]
    except NfeError as error:
        words = str(error)

    assert type_ == expected(nota), (nota, words)
    assert not any(document in words for document in (PERSON[1], STRANGER))
    if type_:
        cents = 2000 + TERMS[nota.term][2]
        assert made["value_cents"] == cents
        [item] = made["items"]
        assert (item["quantity"], item["price_cents"]) == (2, cents // 2)


@pytest.mark.parametrize("issuer", [BUYER, SHOP])
def test_a_return_that_leaves_its_issuer_is_the_buyers_own(issuer: str) -> None:
    order = builders.order(client=Client(document=PERSON[1], corporate_document=BUYER))
    order = builders.order(items=(builders.item(ref_id="CAM-P"),), client=order.client)
    data = nfe(
        purpose=4, direction=1, cnpj=issuer, recipient=f"<CNPJ>{SHOP}</CNPJ>", references=(SOLD,)
    )
    try:
        made = request(read(data), order, NfeRules(), RECORD)["type"]
    except NfeError as error:
        made = str(error)

    assert (made == "Input") is (issuer == BUYER)
    assert issuer == BUYER or "to a supplier" in made


CHECKED = builders.order(
    items=(builders.item(ref_id="CAM-P"),), sequence="501234", marketplace_order_id="MKT-9"
)


@pytest.mark.parametrize(
    ("hint", "passes"),
    [
        ("501234", True),
        ("0501234", True),
        ("mkt-9", True),
        ("v1acme-01", True),
        ("ERP-77", True),
        ("501235", False),
        ("5012", False),
    ],
)
def test_the_order_number_of_a_nota_is_one_of_the_orders(hint: str, passes: bool) -> None:
    record = OrderRecord(erp_reference="ERP77")
    data = nfe(order=hint)
    if passes:
        assert request(read(data), CHECKED, NfeRules(), record)
        return
    with pytest.raises(NfeError, match=f"xPed is '{hint}', and the order is v1acme-01, 501234"):
        request(read(data), CHECKED, NfeRules(), record)
    assert request(read(data), CHECKED, NfeRules(skipped_checks=("order",)), record)


def test_a_cut_order_id_is_enough_from_12_characters_on() -> None:
    order = builders.order(items=CHECKED.items, order_id="1357924680123-01")

    assert request(read(nfe(order="1357924680123-0")), order)
    assert request(read(nfe(order="1357924680123")), order)
    with pytest.raises(NfeError, match="xPed"):
        request(read(nfe(order="13579")), order)


@pytest.mark.parametrize(("cnpjs", "passes"), [((), True), ((SHOP,), True), ((BUYER,), False)])
def test_the_issuer_is_one_of_the_stores_own(cnpjs: tuple[str, ...], passes: bool) -> None:
    record = OrderRecord(cnpjs=cnpjs)
    if passes:
        assert request(read(nfe()), CHECKED, NfeRules(), record)
        return
    with pytest.raises(NfeError, match=f"emit is '{SHOP}', and the store issues as '{BUYER}'"):
        request(read(nfe()), CHECKED, NfeRules(), record)


@given(st.integers(-10, 10), st.integers(0, 10), st.integers(1, 3))
def test_cents_within_the_tolerance_close_the_order_and_others_are_counted(
    off: int, tolerance: int, units: int
) -> None:
    order = builders.order(
        items=(builders.item(quantity=3, total_cents=3000, selling_prices=()),),
        value_cents=3000,
        totals=(("Items", 3000),),
    )
    now = balance(order, ())
    lines = (InvoiceItem("310045", units, 1000),)
    invoice = Invoice("1", 3000 + off, "2026-03-11T10:00:00-03:00", items=lines)

    made = closing(invoice, now, tolerance)

    is_last = units == 3
    assert made.value_cents == (3000 if is_last and abs(off) <= tolerance else 3000 + off)
    assert open_after(made, now) == (max(0, 3000 - made.value_cents) if is_last else 0)
