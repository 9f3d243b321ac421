"""Notas as invoices: from the ERP's file to VTEX, the timeline and the ERP's outcome."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from erp.nfe.rules import NfeRules
from support.documents import nfe_samples
from support.order_flow import OrderFlow, order_flow
from tasks.base import StoreTask
from vtex.errors import VtexUnavailable


@pytest.fixture(params=["sqlite", "postgresql"])
def flow(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[OrderFlow]:
    url = f"sqlite:///{tmp_path}/journal.db"
    if request.param == "postgresql":
        url = request.getfixturevalue("postgres_database")
    with order_flow(url) as made:
        yield made


def reasons(flow: OrderFlow, order_id: str) -> str:
    return " ".join(event.reason or "" for event in flow.told(order_id))


def test_an_nfe_alone_is_an_invoice_and_is_embedded_as_received(flow: OrderFlow) -> None:
    order_id = flow.order()
    xml = nota_of(flow, order_id)
    flow.context = replace(flow.context, nfe=NfeRules(embed=True))
    StoreTask.process_context = flow.context

    flow.ask("invoice", order_id, xml=xml)
    flow.settle()

    (package,) = flow.packages(order_id)
    assert package["embeddedInvoice"] == xml.decode()
    assert (package["invoiceNumber"], package["invoiceValue"]) == ("128841", flow.value(order_id))
    assert package["invoiceKey"] == nfe_samples.access_key()
    assert flow.status(order_id) == "invoiced"


def test_an_nfe_of_other_goods_is_refused_and_kept(flow: OrderFlow) -> None:
    order_id = flow.order()
    flow.keep_document(order_id)
    recipient = nfe_samples.recipient_of(flow.entry(order_id).order)

    flow.ask("invoice", order_id, xml=nfe_samples.nfe(recipient=recipient), reference="row-1")
    flow.ask("invoice", order_id, xml=b"<html>", reference="row-2")
    flow.settle()

    assert flow.outcomes(order_id) == [("invoice", "refused")] * 2
    assert flow.packages(order_id) == []
    assert "CAM-P" in reasons(flow, order_id)


def test_an_nfe_for_another_person_is_refused_with_both_documents_masked_and_none_in_the_log(
    flow: OrderFlow, caplog: pytest.LogCaptureFixture
) -> None:
    order_id = flow.order()
    flow.keep_document(order_id)

    flow.ask("invoice", order_id, xml=nfe_samples.nfe())
    flow.settle()

    assert flow.outcomes(order_id) == [("invoice", "refused")]
    assert "dest is '***.982.247-**', and the shopper of the order is '***." in reasons(
        flow, order_id
    )
    logged = [str(record.__dict__) for record in caplog.records]
    assert any("dest is …" in line for line in logged)
    assert not any("***" in line for line in logged)


def nota_off_by(flow: OrderFlow, order_id: str, cents: int) -> bytes:
    """Return an NF-e of all that the order has, with some cents more or less."""
    flow.keep_document(order_id)
    return nfe_samples.nfe(
        *dets_of(flow, order_id),
        value=f"{Decimal(flow.value(order_id) + cents) / 100:.2f}",
        recipient=nfe_samples.recipient_of(flow.entry(order_id).order),
    )


def test_a_cent_that_stays_open_is_named_in_the_timeline_and_to_the_erp(flow: OrderFlow) -> None:
    order_id = flow.order()

    flow.ask("invoice", order_id, xml=nota_off_by(flow, order_id, -1))
    flow.settle()

    assert flow.status(order_id) != "invoiced"
    (event,) = flow.told(order_id)
    assert "1 cents stay open" in str(event.reason)
    lines = [str(line.detail) for line in flow.journal.timeline.events("acme", order_id)]
    assert any("1 cents stay open" in line for line in lines)


def test_cents_more_are_refused_with_the_ways_out(flow: OrderFlow) -> None:
    order_id = flow.order()

    flow.ask("invoice", order_id, xml=nota_off_by(flow, order_id, 2))
    flow.settle()

    assert "set INVOICE_TOLERANCE_CENTS" in reasons(flow, order_id)
    assert "--value beside --nfe" in reasons(flow, order_id)


@pytest.mark.parametrize("cents", [-2, 2])
def test_a_tolerance_sends_the_open_value_and_names_the_notas_own(
    flow: OrderFlow, cents: int
) -> None:
    order_id = flow.order()
    flow.context = replace(flow.context, invoice_tolerance_cents=2)
    StoreTask.process_context = flow.context

    flow.ask("invoice", order_id, xml=nota_off_by(flow, order_id, cents))
    flow.settle()

    value = flow.value(order_id)
    assert flow.status(order_id) == "invoiced"
    assert flow.packages(order_id)[0]["invoiceValue"] == value
    lines = [str(line.detail) for line in flow.journal.timeline.events("acme", order_id)]
    assert any(
        f"the nota has {value + cents} cents, and the order's open {value}" in line
        for line in lines
    )


def test_a_tolerance_is_not_for_a_larger_difference(flow: OrderFlow) -> None:
    order_id = flow.order()
    flow.context = replace(flow.context, invoice_tolerance_cents=2)
    StoreTask.process_context = flow.context

    flow.ask("invoice", order_id, xml=nota_off_by(flow, order_id, -3))
    flow.settle()

    assert flow.packages(order_id)[0]["invoiceValue"] == flow.value(order_id) - 3


def test_a_return_names_an_invoice_of_its_order_or_is_refused(flow: OrderFlow) -> None:
    order_id = flow.order()
    flow.ask("invoice", order_id, xml=nota_of(flow, order_id))
    flow.settle()
    stranger = return_of(flow, order_id, nfe_samples.access_key(7))
    own = return_of(flow, order_id, nfe_samples.access_key())

    flow.ask("invoice", order_id, xml=stranger)
    flow.settle()
    words = reasons(flow, order_id)
    flow.ask("invoice", order_id, xml=own)
    flow.settle()

    assert f"refNFe is {nfe_samples.access_key(7)}" in words
    assert f"the invoices of the order are {nfe_samples.access_key()}" in words
    assert [package["type"] for package in flow.packages(order_id)] == ["Output", "Input"]


def test_a_return_of_an_invoice_that_another_system_sent_is_found_at_vtex(flow: OrderFlow) -> None:
    order_id = flow.order()
    flow.keep_document(order_id)
    body = {
        "type": "Output",
        "invoiceNumber": "128841",
        "invoiceValue": str(flow.value(order_id)),
        "issuanceDate": "2026-03-10T15:04:05-03:00",
        "invoiceKey": nfe_samples.access_key(),
        "items": [
            {
                "id": item["id"],
                "quantity": item["quantity"],
                "price": item["priceDefinition"]["total"] // item["quantity"],
            }
            for item in flow.entry(order_id).order["items"]
        ],
    }
    flow.client.send_invoice(order_id, body)

    flow.ask("invoice", order_id, xml=return_of(flow, order_id, nfe_samples.access_key()))
    flow.settle()

    assert [package["type"] for package in flow.packages(order_id)] == ["Output", "Input"]


def test_the_order_of_a_nota_may_be_named_by_the_companys_purchase_order(flow: OrderFlow) -> None:
    order_id = flow.order()
    fields = {"purchaseOrderNumber": "4500012345"}
    app = {"id": "b2b", "major": 1, "fields": fields}
    flow.simulator.store.change(flow.entry(order_id), {"customData": {"customApps": [app]}})
    xml = nota_of(flow, order_id)
    named = nfe_samples.changed(
        xml, "</infNFe>", "<compra><xPed>4500012345</xPed></compra></infNFe>"
    )

    flow.ask("invoice", order_id, xml=named)
    flow.settle()

    assert flow.outcomes(order_id) == [("invoice", "done")], reasons(flow, order_id)


def test_a_return_waits_while_vtex_that_may_know_its_invoice_is_away(flow: OrderFlow) -> None:
    order_id = flow.order()
    flow.keep_document(order_id)
    flow.simulator.faults.add(kind="unavailable", times=None)

    with pytest.raises(VtexUnavailable):
        flow.ask("invoice", order_id, xml=return_of(flow, order_id, nfe_samples.access_key()))

    assert flow.told(order_id) == []


def test_an_nfe_of_value_0_ends_an_order_of_value_0(flow: OrderFlow) -> None:
    order_id = flow.order("free")
    flow.keep_document(order_id)
    gifts = [replace(det, total="10.00", discount="10.00") for det in dets_of(flow, order_id)]
    recipient = nfe_samples.recipient_of(flow.entry(order_id).order)

    flow.ask("invoice", order_id, xml=nfe_samples.nfe(*gifts, recipient=recipient))
    flow.settle()

    assert flow.outcomes(order_id) == [("invoice", "done")], reasons(flow, order_id)
    assert flow.status(order_id) == "invoiced"


def return_of(flow: OrderFlow, order_id: str, key: str) -> bytes:
    return nfe_samples.nfe(
        *dets_of(flow, order_id),
        number=128842,
        purpose=4,
        direction=0,
        references=(key,),
        value=f"{Decimal(flow.value(order_id)) / 100:.2f}",
        recipient=nfe_samples.recipient_of(flow.entry(order_id).order),
    )


def nota_of(flow: OrderFlow, order_id: str) -> bytes:
    flow.keep_document(order_id)
    return flow.nota(order_id)


def dets_of(flow: OrderFlow, order_id: str) -> list[nfe_samples.Det]:
    return [
        nfe_samples.Det(
            code=item["refId"],
            quantity=f"{item['quantity']}.0000",
            total=f"{Decimal(item['priceDefinition']['total']) / 100:.2f}",
        )
        for item in flow.entry(order_id).order["items"]
    ]


def test_a_content_that_differs_from_its_digest_is_flagged_and_sent(flow: OrderFlow) -> None:
    order_id = flow.order()
    flow.keep_document(order_id)
    signature = (
        '</infNFe><Signature xmlns="http://www.w3.org/2000/09/xmldsig#"><SignedInfo><Reference>'
        "<DigestValue>AAAA</DigestValue></Reference></SignedInfo></Signature>"
    )

    flow.ask(
        "invoice", order_id, xml=nfe_samples.changed(flow.nota(order_id), "</infNFe>", signature)
    )
    flow.settle()

    assert flow.outcomes(order_id) == [("invoice", "done")]
    lines = flow.journal.timeline.events("acme", order_id)
    [flagged] = [line for line in lines if line.event == "flagged"]
    assert "does not match the digest in its own signature" in str(flagged.detail)


NOTAS = Path(__file__).parents[2] / "support/documents/notas"
CASES: dict[str, Any] = json.loads((NOTAS / "cases.json").read_text(encoding="utf-8"))
REFUSED = {
    "01-other-recipient",
    "05-import-entry",
    "07-return-to-supplier",
    "17-cents-more",
    "18-transferencia",
    "19-remessa-para-conserto",
    "28-older-than-the-order",
}
OPEN_CENTS = {"16-cent-less": 1, "26-vnftot": 100}


def written_order(flow: OrderFlow, case: str) -> str:
    """Let an order of a case come in, placed on 2026-11-29."""
    written = CASES[case]["order"]
    flow.clock.moment = datetime(2026, 11, 30, 14, tzinfo=UTC)
    order_id = flow.order()
    order = flow.entry(order_id).order
    template = order["items"][0]
    client = order["clientProfileData"] | {"document": written["document"], "documentType": "cpf"}
    changes = {
        "creationDate": "2026-11-29T12:00:00.0000000+00:00",
        "items": [template | item | {"uniqueId": item["id"]} for item in written["items"]],
        "totals": written["totals"],
        "value": written["value"],
        "clientProfileData": client,
    }
    flow.simulator.store.change(flow.entry(order_id), changes)
    flow.keep_document(order_id)
    return order_id


@pytest.mark.parametrize("case", CASES)
def test_a_case_becomes_an_invoice_or_is_refused(flow: OrderFlow, case: str) -> None:
    order_id = written_order(flow, case)

    flow.ask("invoice", order_id, xml=(NOTAS / f"{case}.xml").read_bytes())
    flow.settle()

    if case in REFUSED:
        assert flow.outcomes(order_id) == [("invoice", "refused")]
        assert flow.packages(order_id) == []
        return
    assert flow.outcomes(order_id) == [("invoice", "done")], reasons(flow, order_id)
    [package] = flow.packages(order_id)
    open_cents = OPEN_CENTS.get(case, 0)
    assert package["invoiceValue"] == CASES[case]["order"]["value"] - open_cents
    assert (flow.status(order_id) == "invoiced") is not bool(open_cents)
    assert (f"{open_cents} cents stay open" in reasons(flow, order_id)) is bool(open_cents)
