"""An invoice is number and series: from the ERP's wish to the package at VTEX."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from support.documents.nfe_samples import access_key
from support.order_flow import OrderFlow, order_flow
from tasks.base import StoreTask
from vtex.errors import OrderNotFound, VtexRejected
from vtex.payloads import Invoice, InvoiceItem, Tracking, invoice_body, tracking_body
from vtex.simulator import fulfillment

URL = "https://rastreio.example.com/1"


@pytest.fixture
def flow(tmp_path: Path) -> Iterator[OrderFlow]:
    with order_flow(f"sqlite:///{tmp_path}/journal.db") as made:
        yield made


def part(flow: OrderFlow, order_id: str, line: int = 0, **fields: Any) -> None:
    """Ask for an invoice 128841 of one unit of a line, over 10.00."""
    sku = flow.entry(order_id).order["items"][line]["id"]
    items = [{"sku_id": sku, "quantity": 1, "price_cents": 1000}]
    flow.invoice(order_id, "128841", **{"value_cents": 1000, "items": items} | fields)


def numbers(flow: OrderFlow, order_id: str) -> list[str]:
    return [package["invoiceNumber"] for package in flow.packages(order_id)]


def reasons(flow: OrderFlow, order_id: str) -> str:
    return " ".join(event.reason or "" for event in flow.told(order_id))


def store_has(flow: OrderFlow, order_id: str, **changes: Any) -> None:
    """Let another integration have sent a part as 128841."""
    entry = flow.entry(order_id)
    body = {
        "type": "Output",
        "invoiceNumber": "128841",
        "invoiceValue": "1000",
        "issuanceDate": "2026-03-10T15:04:05-03:00",
        "items": [{"id": entry.order["items"][0]["id"], "price": 1000, "quantity": 1}],
    }
    status, _ = fulfillment.invoice(flow.simulator.store, entry, body | changes)
    assert status == 200
    flow.clock.pass_by(5)


@pytest.mark.parametrize("keys", [False, True])
@pytest.mark.parametrize("fault", [None, "lose_answer", "lose_before"])
def test_two_series_of_one_number_and_value_are_two_invoices(
    flow: OrderFlow, fault: str | None, *, keys: bool
) -> None:
    order_id = flow.order("many")
    named = [
        {"invoice_key": access_key(series=n)} if keys else {"invoice_series": str(n)}
        for n in (1, 2)
    ]

    part(flow, order_id, reference="row-1", **named[0])
    part(flow, order_id, reference="row-2", **named[1])
    if fault:
        flow.simulator.faults.add(kind=fault, route="invoice", times=2)
    flow.settle()

    assert numbers(flow, order_id) == ["128841", "128841-2"]
    assert flow.outcomes(order_id) == [("invoice", "done")] * 2
    assert flow.entry(order_id).calls["invoice_effects"] == 2
    assert [event.invoice_series for event in flow.told(order_id)] == ["1", "2"]
    assert "VTEX shows it as '128841-2'" in reasons(flow, order_id)


def test_the_same_number_and_series_is_one_invoice_by_key_or_by_name(flow: OrderFlow) -> None:
    order_id = flow.order("many")
    key = access_key()

    part(flow, order_id, invoice_key=key)
    part(flow, order_id, invoice_key=key, invoice_series="001")
    flow.settle()

    assert flow.outcomes(order_id) == [("invoice", "done")]
    assert flow.entry(order_id).calls["invoice_effects"] == 1


def test_an_invoice_without_a_series_is_the_only_one_of_its_number(flow: OrderFlow) -> None:
    order_id = flow.order("many")
    part(flow, order_id, invoice_series="1")
    flow.settle()

    part(flow, order_id, reference="row-2")
    part(flow, order_id, value_cents=2000, reference="row-3")
    flow.settle()

    told = {event.reference: event.outcome for event in flow.told(order_id)}
    assert told == {None: "done", "row-2": "done", "row-3": "refused"}
    assert "value_cents: 1000 then, 2000 now" in reasons(flow, order_id)
    assert numbers(flow, order_id) == ["128841"]


def test_a_series_that_the_first_request_lacked_is_a_contradiction(flow: OrderFlow) -> None:
    order_id = flow.order("many")
    part(flow, order_id)
    flow.settle()

    part(flow, order_id, invoice_series="2")
    flow.settle()

    assert 'invoice_series: null then, "2" now' in reasons(flow, order_id)
    assert numbers(flow, order_id) == ["128841"]


def test_an_invoice_without_a_series_is_refused_where_several_fit(flow: OrderFlow) -> None:
    order_id = flow.order("many")
    for series in ("1", "2"):
        part(flow, order_id, invoice_series=series)
    flow.settle()

    part(flow, order_id)
    flow.settle()

    assert flow.outcomes(order_id)[-1] == ("invoice", "refused")
    assert "the order has invoice 128841 in the series 1, 2" in reasons(flow, order_id)


def test_tracking_finds_its_invoice_by_series(flow: OrderFlow) -> None:
    order_id = flow.order("many")
    for series in ("1", "2"):
        part(flow, order_id, invoice_series=series)

    for series, number in (("2", "BR2"), ("1", "BR1")):
        flow.ask(
            "tracking",
            order_id,
            invoice_number="128841",
            invoice_series=series,
            tracking_number=number,
        )
    flow.settle()

    shown = {row["invoiceNumber"]: row["trackingNumber"] for row in flow.packages(order_id)}
    assert shown == {"128841": "BR1", "128841-2": "BR2"}


def test_tracking_without_a_series_is_refused_where_several_fit(flow: OrderFlow) -> None:
    order_id = flow.order("many")
    part(flow, order_id, invoice_series="1")
    flow.settle()
    flow.simulator.faults.add(kind="unavailable", route="invoice", times=2)
    part(flow, order_id, invoice_series="2")

    flow.ask("tracking", order_id, invoice_number="128841", tracking_number="BR1")
    flow.settle()

    assert flow.outcomes(order_id)[-1] == ("tracking", "refused")
    assert "the order has invoice 128841 in the series 1, 2" in reasons(flow, order_id)
    assert {row["trackingNumber"] for row in flow.packages(order_id)} == {None}


def test_tracking_of_other_integrations_invoices_is_refused_where_several_fit(
    flow: OrderFlow,
) -> None:
    order_id = flow.order("many")
    store_has(flow, order_id, invoiceKey=access_key(series=1))
    store_has(flow, order_id, invoiceNumber="128841-2", invoiceKey=access_key(series=2))

    flow.ask("tracking", order_id, invoice_number="128841", tracking_number="BR1")
    flow.ask(
        "tracking", order_id, invoice_number="128841", invoice_series="2", tracking_number="BR2"
    )
    flow.settle()

    assert sorted(flow.outcomes(order_id)) == [("tracking", "done"), ("tracking", "refused")]
    assert [row["trackingNumber"] for row in flow.packages(order_id)] == [None, "BR2"]


def test_tracking_of_one_series_does_not_wait_for_another(flow: OrderFlow) -> None:
    order_id = flow.order("many")
    part(flow, order_id, invoice_series="1")
    flow.settle()
    flow.simulator.faults.add(kind="unavailable", route="invoice", times=None)
    part(flow, order_id, invoice_series="2")
    flow.work()
    fields = {"invoice_number": "128841", "invoice_series": "1", "tracking_number": "BR1"}

    flow.ask("tracking", order_id, **fields)
    flow.work(2, seconds=1)

    assert flow.outcomes(order_id) == [("invoice", "done"), ("tracking", "done")]


def test_a_number_that_another_series_has_at_vtex_is_not_overwritten(flow: OrderFlow) -> None:
    order_id = flow.order("many")
    store_has(flow, order_id, invoiceKey=access_key(series=7))

    part(flow, order_id, invoice_key=access_key(series=1))
    flow.settle()

    assert numbers(flow, order_id) == ["128841", "128841-1"]
    assert flow.outcomes(order_id) == [("invoice", "done")]


def test_vtex_had_it_already_by_its_key_whatever_its_number(flow: OrderFlow) -> None:
    order_id = flow.order("many")
    store_has(flow, order_id, invoiceNumber="000128841", invoiceKey=access_key())

    part(flow, order_id, invoice_key=access_key())
    flow.settle()

    assert numbers(flow, order_id) == ["000128841"]
    assert flow.outcomes(order_id) == [("invoice", "done")]


def test_another_key_at_vtex_is_refused_with_both(flow: OrderFlow) -> None:
    order_id = flow.order("many")
    known, given = access_key(month="2602"), access_key()
    store_has(flow, order_id, invoiceKey=known)

    part(flow, order_id, invoice_key=given)
    flow.settle()

    assert flow.outcomes(order_id) == [("invoice", "refused")]
    assert f"invoice_key: {known} at VTEX, {given} in the request" in reasons(flow, order_id)


def test_other_items_at_vtex_are_refused_with_both(flow: OrderFlow) -> None:
    order_id = flow.order("many")
    first, second, *_ = (item["id"] for item in flow.entry(order_id).order["items"])
    store_has(flow, order_id)

    part(flow, order_id, line=1)
    flow.settle()

    assert flow.outcomes(order_id) == [("invoice", "refused")]
    text = f"items: 1 of SKU {first} at VTEX, 1 of SKU {second} in the request"
    assert text in reasons(flow, order_id)


def test_vtex_had_it_already_with_the_same_value_and_items(flow: OrderFlow) -> None:
    order_id = flow.order("many")
    store_has(flow, order_id)

    part(flow, order_id, invoice_key=access_key())
    flow.settle()

    assert flow.outcomes(order_id) == [("invoice", "done")]
    assert numbers(flow, order_id) == ["128841"]


def test_an_order_of_value_zero_ends_by_an_invoice_of_zero(flow: OrderFlow) -> None:
    order_id = flow.order("free")

    flow.invoice(order_id, value_cents=0)
    flow.settle()

    assert flow.outcomes(order_id) == [("invoice", "done")]
    assert flow.status(order_id) == "invoiced"
    assert flow.packages(order_id)[0]["items"]


def test_other_ways_do_not_end_an_order_of_value_zero(flow: OrderFlow) -> None:
    order_id = flow.order("free")
    sku = flow.entry(order_id).order["items"][0]["id"]
    item = InvoiceItem(sku, 1, 1)
    cent = Invoice("1", 1, "2026-03-10T15:04:05-03:00", items=(item,))

    with pytest.raises(VtexRejected, match="exceed the order's value"):
        flow.client.send_invoice(order_id, invoice_body(cent))
    with pytest.raises(OrderNotFound):
        flow.client.set_tracking(order_id, "1", tracking_body(Tracking("1", tracking_url=URL)))

    assert flow.status(order_id) == "handling"
    assert flow.packages(order_id) == []


def test_the_prices_of_a_gift_are_not_sent(flow: OrderFlow) -> None:
    order_id = flow.order("free")
    sku = flow.entry(order_id).order["items"][0]["id"]

    flow.invoice(
        order_id, value_cents=0, items=[{"sku_id": sku, "quantity": 1, "price_cents": 4990}]
    )
    flow.settle()

    assert [row["price"] for row in flow.packages(order_id)[0]["items"]] == [0]


def test_an_order_of_value_zero_takes_no_value(flow: OrderFlow) -> None:
    order_id = flow.order("free")

    flow.invoice(order_id, value_cents=4990)
    flow.settle()

    assert flow.outcomes(order_id) == [("invoice", "refused")]
    assert "the order's total is 0. Send value_cents 0" in reasons(flow, order_id)


def test_an_invoice_of_zero_needs_an_order_of_zero(flow: OrderFlow) -> None:
    order_id = flow.order("many")

    part(flow, order_id, value_cents=0)
    flow.settle()

    assert flow.outcomes(order_id) == [("invoice", "refused")]
    assert "Add its items to an invoice with a value" in reasons(flow, order_id)
    assert flow.entry(order_id).calls["invoice_calls"] == 0


def test_a_store_that_refuses_an_invoice_of_zero_is_named_with_the_way_out(flow: OrderFlow) -> None:
    order_id = flow.order("free")
    flow.simulator.store.config.change(refuses_zero_invoice=True)

    flow.invoice(order_id, value_cents=0)
    flow.settle()

    assert flow.outcomes(order_id) == [("invoice", "refused")]
    assert "Invoice the order in VTEX's Admin" in reasons(flow, order_id)


def test_a_delivery_is_shown_in_the_time_of_the_store(flow: OrderFlow) -> None:
    flow.context = replace(flow.context, zones={"acme": ZoneInfo("America/Manaus")})
    StoreTask.process_context = flow.context
    order_id = flow.order()
    flow.invoice(order_id, "1", tracking_number="BR1")

    flow.ask("tracking", order_id, invoice_number="1", delivered_at="2026-03-10T03:30:00+00:00")
    flow.settle()

    (package,) = flow.packages(order_id)
    assert package["courierStatus"]["deliveredDate"] == "2026-03-09 23:30"


@pytest.mark.parametrize("field", ["delivered_at", "dispatched_at"])
def test_a_delivery_in_the_future_is_refused_with_both_times(flow: OrderFlow, field: str) -> None:
    order_id = flow.order()

    flow.ask(
        "tracking",
        order_id,
        invoice_number="1",
        tracking_number="BR1",
        **{field: "2026-03-10T09:06:00-03:00"},
    )
    flow.settle()

    text = f"{field}: '2026-03-10T09:06:00-03:00' is later than now, 2026-03-10T12:00:00+00:00"
    assert text in reasons(flow, order_id)


def test_a_delivery_before_the_dispatch_of_an_earlier_request_is_refused(flow: OrderFlow) -> None:
    order_id = flow.order()
    flow.invoice(order_id, "1", tracking_number="BR1", dispatched_at="2026-03-10T08:00:00-03:00")
    flow.settle()

    flow.ask("tracking", order_id, invoice_number="1", delivered_at="2026-03-10T07:59:00-03:00")
    flow.settle()

    assert flow.outcomes(order_id)[-1] == ("tracking", "refused")
    text = "delivered_at 2026-03-10T07:59:00-03:00 is before dispatched_at 2026-03-10T08:00:00"
    assert text in reasons(flow, order_id)


def test_a_corrected_dispatch_counts(flow: OrderFlow) -> None:
    order_id = flow.order()
    flow.invoice(order_id, "1", dispatched_at="2026-03-10T08:00:00-03:00")
    corrected = "2026-03-10T07:00:00-03:00"
    flow.ask(
        "tracking", order_id, invoice_number="1", tracking_number="BR1", dispatched_at=corrected
    )
    flow.settle()

    flow.ask("tracking", order_id, invoice_number="1", delivered_at="2026-03-10T07:30:00-03:00")
    flow.settle()

    assert flow.outcomes(order_id)[-1] == ("tracking", "done")


def test_a_parcel_is_tracked_by_its_address_alone(flow: OrderFlow) -> None:
    order_id = flow.order()
    flow.invoice(order_id, "1")

    flow.ask("tracking", order_id, invoice_number="1", tracking_url="https://x.example.com/ção 1")
    flow.settle()

    (package,) = flow.packages(order_id)
    assert package["trackingUrl"] == "https://x.example.com/%C3%A7%C3%A3o%201"
    assert flow.outcomes(order_id) == [("invoice", "done"), ("tracking", "done")]


def test_tracking_leaves_what_it_does_not_name(flow: OrderFlow) -> None:
    order_id = flow.order()
    flow.invoice(order_id, "1", tracking_number="BR1", courier="Transportes Sul")

    flow.ask("tracking", order_id, invoice_number="1", tracking_url=URL)
    flow.settle()

    (package,) = flow.packages(order_id)
    shown = (package["trackingNumber"], package["trackingUrl"], package["courier"])
    assert shown == ("BR1", URL, "Transportes Sul")
