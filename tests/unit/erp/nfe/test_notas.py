"""Twenty notas with their orders: each is taken as it should be, or refused for the right reason."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from erp.nfe.belonging import OrderRecord, SentInvoice
from erp.nfe.invoice import read, request
from erp.nfe.rules import NfeRules
from erp.nfe.safe_xml import NfeError
from vtex import schemas
from vtex.documents import Order

NOTAS = Path(__file__).parents[3] / "support/documents/notas"
CASES: dict[str, Any] = json.loads((NOTAS / "cases.json").read_text(encoding="utf-8"))
SHIRT = [("500000", 1, 10000)]

TAKEN: dict[str, tuple[int, list[tuple[str, int, int]]]] = {
    "03-icms-deson-deducted": (9300, [("500000", 1, 5580), ("500001", 1, 3720)]),
    "09-gtin-as-code": (10000, SHIRT),
    "10-box-by-trib": (12000, [("500000", 12, 1000)]),
    "12-nota-avulsa": (10000, SHIRT),
    "14-gift-not-in-total": (10000, [*SHIRT, ("500001", 1, 0)]),
    "15-gift-discounted": (10000, [*SHIRT, ("500001", 1, 0)]),
    "16-cent-less": (9999, [("500000", 3, 3333)]),
    "17-cents-more": (10002, [("500000", 3, 3334)]),
    "21-st-ipi": (10000, [("500000", 1, 8000)]),
    "22-leading-newline": (10000, SHIRT),
    "23-utf8-name": (10000, SHIRT),
    "24-prefix": (10000, SHIRT),
    "25-weighed": (2471, [("500000", 1, 2471)]),
    "26-vnftot": (10000, SHIRT),
}
REFUSED = {
    "01-other-recipient": "dest is '***.444.777-**', and the shopper of the order is '***.982.247-**'",
    "05-import-entry": "the nota is an entry, such as a purchase or an import",
    "07-return-to-supplier": "the nota returns goods to a supplier",
    "18-transferencia": "det[1]/prod/CFOP is 5152 (a transfer), which is not a sale",
    "19-remessa-para-conserto": "det[1]/prod/CFOP is 5915 (goods for repair), which is not a sale",
    "28-older-than-the-order": "ide/dhEmi is of 2026-01-10, and the order was placed on 2026-11-29",
}


def order_of(case: str) -> Order:
    written = CASES[case]["order"]
    document = {
        "orderId": "1300000000001-01",
        "creationDate": "2026-11-29T12:00:00.0000000+00:00",
        "status": "handling",
        "clientProfileData": {"document": written["document"], "documentType": "cpf"},
        "packageAttachment": {"packages": written["packages"]},
        **{name: written[name] for name in ("items", "totals", "value")},
    }
    return schemas.read_order(document)


def requested(case: str, rules: NfeRules | None = None) -> dict[str, Any]:
    order = order_of(case)
    rules = rules or NfeRules()
    packages = schemas.read_packages(order.raw)
    record = OrderRecord(
        invoices=tuple(SentInvoice(row.invoice_number, key=row.invoice_key) for row in packages)
    )
    return request(read((NOTAS / f"{case}.xml").read_bytes(), rules), order, rules, record)


def test_every_case_has_its_result() -> None:
    assert sorted(CASES) == sorted([*TAKEN, *REFUSED])


@pytest.mark.parametrize("case", TAKEN)
def test_the_nota_is_taken(case: str) -> None:
    made = requested(case)

    lines = [(line["sku_id"], line["quantity"], line["price_cents"]) for line in made["items"]]
    assert (made["value_cents"], lines) == TAKEN[case]


@pytest.mark.parametrize("case", REFUSED)
def test_the_nota_is_refused(case: str) -> None:
    with pytest.raises(NfeError) as caught:
        requested(case)

    words = str(caught.value)
    assert REFUSED[case] in words
    assert not any(document in words for document in ("11144477735", "52998224725"))


@pytest.mark.parametrize(
    ("case", "skipped"), [("01-other-recipient", "recipient"), ("28-older-than-the-order", "date")]
)
def test_a_setting_lets_the_nota_pass_and_the_refusal_names_it(case: str, skipped: str) -> None:
    with pytest.raises(NfeError, match=rf"\(checks: {skipped}\).*NFE_SKIPPED_CHECKS"):
        requested(case)

    assert requested(case, NfeRules(skipped_checks=(skipped,)))["value_cents"] == 10000


def test_vnftot_counts_from_the_day_of_the_setting() -> None:
    made = requested("26-vnftot", NfeRules(vnftot_from=date(2026, 1, 1)))

    assert made["value_cents"] == 10100
