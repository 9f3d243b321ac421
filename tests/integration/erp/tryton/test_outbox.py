"""What a clerk does in a real Tryton becomes requests (make test-erp)."""

from __future__ import annotations

import sqlite3
from concurrent.futures import ThreadPoolExecutor

import pytest

from erp.adapters.tryton.adapter import TrytonErp
from erp.adapters.tryton.notes import of_claim
from erp.port import Event, Request
from support.tryton.orders import small, taken
from support.tryton.server import MISSING, Clerk, TrytonServer

pytestmark = pytest.mark.skipif(MISSING is not None, reason=MISSING or "")


def test_a_posted_invoice_is_handed_out_once_over_all_workers(
    server: TrytonServer, erp: TrytonErp, clerk: Clerk
) -> None:
    order = small()
    erp.insert(order)
    assert taken(erp, order) == []
    invoice = clerk.post_invoice(order.order_id)
    other = TrytonErp(server.url)

    found = [*taken(erp, order), *taken(erp, order), *taken(other, order)]

    (request,) = found
    assert request.kind == "invoice"
    assert request.reference == f"tryton:invoice:{invoice['id']}"
    issued = request.fields["issued_at"]
    assert dict(request.fields) == {
        "store": "acme",
        "order_id": order.order_id,
        "invoice_number": invoice["number"],
        "value_cents": 11871,
        "issued_at": issued,
    }
    assert issued.endswith("T00:00:00-03:00")
    other.close()


def test_an_access_key_in_the_reference_names_the_invoice(erp: TrytonErp, clerk: Clerk) -> None:
    order = small()
    erp.insert(order)
    number = clerk.sale(order.order_id, "invoices")["invoices"][0]
    key = "35260311444777000161550010001288411123456780"
    clerk.write("account.invoice", number, reference=key)
    clerk.post_invoice(order.order_id)

    (request,) = taken(erp, order)

    assert (request.fields["invoice_number"], request.fields["invoice_key"]) == ("128841", key)


def test_a_part_that_is_invoiced_names_its_items(erp: TrytonErp, clerk: Clerk) -> None:
    order = small()
    erp.insert(order)
    number = clerk.sale(order.order_id, "invoices")["invoices"][0]
    lines = clerk.find("account.invoice.line", [["invoice", "=", number]], "product.code")
    freight = [line["id"] for line in lines if line["product"]["code"] == "VTEX-FREIGHT"]
    clerk.write("account.invoice", number, lines=[["delete", freight]])
    clerk.post_invoice(order.order_id)

    (request,) = taken(erp, order)

    assert request.fields["value_cents"] == 9981
    assert request.fields["items"] == [{"sku_id": "310102", "quantity": 2, "price_cents": 4991}]


def test_tracking_waits_for_its_invoice_and_may_come_later(erp: TrytonErp, clerk: Clerk) -> None:
    order = small()
    erp.insert(order)
    shipment = clerk.ship(order.order_id)
    assert taken(erp, order) == []
    clerk.write("stock.shipment.out", shipment, reference="BR123456789XX")
    assert taken(erp, order) == []
    invoice = clerk.post_invoice(order.order_id)

    found = taken(erp, order)

    assert [entry.kind for entry in found] == ["invoice", "tracking"]
    tracking = dict(found[1].fields)
    assert tracking.pop("dispatched_at").endswith("-03:00")
    assert tracking == {
        "store": "acme",
        "order_id": order.order_id,
        "invoice_number": invoice["number"],
        "tracking_number": "BR123456789XX",
    }
    assert taken(erp, order) == []


def test_a_sale_whose_documents_a_clerk_cancels_asks_vtex_to_cancel(
    erp: TrytonErp, clerk: Clerk
) -> None:
    order = small()
    erp.insert(order)
    sale = clerk.sale(order.order_id, "invoices", "shipments")
    reason = {"message": "Motivo: Falta de estoque"}
    clerk.write("sale.sale", sale["id"], notes=[["create", [reason]]])
    clerk.press("stock.shipment.out", sale["shipments"][0], "cancel")
    clerk.press("account.invoice", sale["invoices"][0], "cancel")

    (request,) = taken(erp, order)

    assert (request.kind, request.fields["reason"]) == ("cancellation", "Falta de estoque")
    assert erp.look_up("acme", [order.order_id])[order.order_id].canceled


def test_an_order_canceled_at_vtex_is_noted_and_not_asked_for_again(
    erp: TrytonErp, clerk: Clerk
) -> None:
    order = small()
    erp.insert(order)
    event = Event("acme", order.order_id, "canceled", "canceled", order.placed_at, "desistiu")
    erp.report(event)
    sale = clerk.sale(order.order_id, "invoices", "shipments", "notes.message")
    clerk.press("stock.shipment.out", sale["shipments"][0], "cancel")
    clerk.press("account.invoice", sale["invoices"][0], "cancel")

    assert taken(erp, order) == []
    assert any("VTEX: canceled\ndesistiu" in note["message"] for note in sale["notes"])
    assert erp.look_up("acme", [order.order_id])[order.order_id].canceled


def test_what_commits_with_an_older_stamp_is_handed_out(
    server: TrytonServer, erp: TrytonErp, clerk: Clerk
) -> None:
    early, late = small(), small()
    for value in (early, late):
        erp.insert(value)
    clerk.post_invoice(late.order_id)
    assert len(taken(erp, late)) == 1
    invoice = clerk.post_invoice(early.order_id)
    with sqlite3.connect(server.folder / "erp.sqlite", timeout=30) as db:
        db.execute(
            "UPDATE account_invoice SET write_date = datetime(write_date, '-2 minutes')"
            " WHERE id = ?",
            (invoice["id"],),
        )

    assert len(taken(erp, early)) == 1


def test_workers_that_race_hand_out_each_request_once(
    server: TrytonServer, erp: TrytonErp, clerk: Clerk
) -> None:
    orders = [small() for _ in range(3)]
    for row in orders:
        erp.insert(row)
        clerk.post_invoice(row.order_id)
    erps = [TrytonErp(server.url) for _ in range(4)]
    found: list[Request] = []

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda entry: entry.poll_outbox(found.append, 100), erps))
    for row in erps:
        # Two that met at a request both leave it to the next time.
        row.poll_outbox(found.append, 100)

    ids = [request.fields["order_id"] for request in found]
    assert sorted(value for value in ids if value in {o.order_id for o in orders}) == sorted(
        order.order_id for order in orders
    )
    for resource in erps:
        resource.close()


def test_the_claim_of_a_worker_that_died_lapses(
    server: TrytonServer, erp: TrytonErp, clerk: Clerk
) -> None:
    order, moment = small(), [0.0]
    erp.insert(order)
    invoice = clerk.post_invoice(order.order_id)
    sale = clerk.sale(order.order_id)
    claim = of_claim("invoice", f"tryton:invoice:{invoice['id']}")
    clerk.write("sale.sale", sale["id"], notes=[["create", [{"message": claim}]]])
    patient = TrytonErp(server.url, clock=lambda: moment[0])
    assert taken(patient, order) == []

    moment[0] += 61

    assert len(taken(patient, order)) == 1
    patient.close()
