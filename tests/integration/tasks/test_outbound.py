"""Invoices, tracking and cancellations: from the ERP's wish to what VTEX shows and the ERP hears."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from journal.model import Policy
from support import nfe_samples
from support.in_process import Desk, desk
from tasks.base import StoreTask
from tasks.context import NfeRules
from vtex.client import VtexClient
from vtex.errors import VtexRejected


@pytest.fixture(params=["sqlite", "postgresql"])
def office(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Desk]:
    url = f"sqlite:///{tmp_path}/journal.db"
    if request.param == "postgresql":
        url = request.getfixturevalue("postgres_database")
    with desk(url) as made:
        yield made


def reasons(office: Desk, order_id: str) -> str:
    return " ".join(one.reason or "" for one in office.told(order_id))


def test_a_whole_invoice_makes_the_order_invoiced_and_the_erp_hears_the_receipt(
    office: Desk,
) -> None:
    order_id = office.order()

    office.invoice(order_id)
    office.settle()

    (told,) = office.told(order_id)
    assert (told.outcome, told.invoice_number, told.order_status) == ("done", "128841", "invoiced")
    assert told.receipt
    assert office.status(order_id) == "invoiced"
    assert office.entry(order_id).calls["invoice_effects"] == 1


def test_partial_invoices_close_the_order_to_the_cent(office: Desk) -> None:
    order_id = office.order("discount")
    value = office.value(order_id)

    office.part(order_id, "1")
    office.work(3, seconds=5)
    first = office.status(order_id)
    office.invoice(order_id, "2", value_cents=value - 1000)
    office.settle()

    assert first == "payment-approved"
    assert office.status(order_id) == "invoiced"
    assert office.outcomes(order_id) == [("invoice", "done")] * 2


def test_an_invoice_above_what_is_open_never_reaches_vtex(office: Desk) -> None:
    order_id = office.order()

    office.invoice(order_id, value_cents=office.value(order_id) + 1)
    office.settle()

    assert office.outcomes(order_id) == [("invoice", "refused")]
    assert "value_cents" in reasons(office, order_id)
    assert office.entry(order_id).calls["invoice_calls"] == 0


def test_a_part_must_name_its_items(office: Desk) -> None:
    order_id = office.order()

    office.invoice(order_id, value_cents=100)
    office.settle()

    assert "name its items" in reasons(office, order_id)


def test_items_that_the_order_does_not_have_are_named(office: Desk) -> None:
    order_id = office.order("kit")

    office.invoice(order_id, "1", items=[{"sku_id": "999", "quantity": 1, "price_cents": 1}])
    office.invoice(order_id, "2", items=[{"sku_id": "400001", "quantity": 1, "price_cents": 1}])
    office.settle()

    assert "SKU '999' is not in the order" in reasons(office, order_id)
    assert "is a part of the kit" in reasons(office, order_id)


@pytest.mark.parametrize(
    "fault", ["lose_answer", "lose_before", "unavailable", "half_body", "html_error"]
)
def test_one_invoice_whatever_becomes_of_the_answer(office: Desk, fault: str) -> None:
    order_id = office.order()
    office.simulator.faults.add(kind=fault, route="invoice", times=2)

    office.invoice(order_id)
    office.settle()

    assert office.outcomes(order_id) == [("invoice", "done")]
    assert len(office.packages(order_id)) == 1
    assert office.entry(order_id).calls["invoice_effects"] == 1


def test_an_invoice_that_vtex_took_and_forgot_is_reported(office: Desk) -> None:
    order_id = office.order()
    office.simulator.faults.add(kind="ignore_effect", route="invoice", times=1)

    office.invoice(order_id)
    office.settle()

    assert office.outcomes(order_id) == [("invoice", "dead")]
    assert "does not show it" in reasons(office, order_id)
    (request,) = office.journal.requests.find("acme", order_id)
    assert office.journal.jobs.retry("acme", order_id, job=request.job)
    office.settle()
    assert office.outcomes(order_id) == [("invoice", "dead"), ("invoice", "done")]


def test_the_same_message_twice_is_one_invoice(office: Desk) -> None:
    order_id = office.order()

    office.invoice(order_id)
    office.invoice(order_id)
    office.settle()
    office.invoice(order_id)
    office.settle()

    assert office.outcomes(order_id) == [("invoice", "done")]
    assert office.entry(order_id).calls["invoice_effects"] == 1


def test_whoever_asks_for_the_same_by_another_name_hears_of_its_end_too(office: Desk) -> None:
    order_id = office.order()

    office.invoice(order_id, reference="row-1")
    office.invoice(order_id, reference="row-2")
    office.settle()
    office.invoice(order_id, reference="row-3")
    office.settle()

    told = {one.reference: (one.outcome, one.receipt) for one in office.told(order_id)}
    assert set(told) == {"row-1", "row-2", "row-3"}
    assert len(set(told.values())) == 1


def test_what_is_asked_anew_and_still_wrong_is_refused_anew(office: Desk) -> None:
    order_id = office.order()

    for _ in range(2):
        office.ask("invoice", order_id, again=True, invoice_number="1", reference="row-1")
        office.settle()

    assert office.outcomes(order_id) == [("invoice", "refused")] * 2


def test_the_same_number_with_another_content_is_refused_with_both_shown(office: Desk) -> None:
    order_id = office.order("many")

    office.part(order_id, "1", 1000)
    office.part(order_id, "1", 2000)
    office.settle()

    assert sorted(office.outcomes(order_id)) == [("invoice", "done"), ("invoice", "refused")]
    assert "value_cents: 1000 then, 2000 now" in reasons(office, order_id)


def test_a_refused_invoice_is_mended_under_its_own_number(office: Desk) -> None:
    order_id = office.order()
    office.invoice(order_id, value_cents=office.value(order_id) + 1)
    office.settle()

    office.invoice(order_id)
    office.settle()

    assert office.outcomes(order_id) == [("invoice", "refused"), ("invoice", "done")]


def test_bad_input_is_reported_and_never_reaches_vtex(office: Desk) -> None:
    order_id = office.order()
    before = dict(office.simulator.store.calls)

    office.ask("invoice", order_id, invoice_number="1", value_cents="12,00", reference="row-7")
    office.settle()

    (told,) = office.told(order_id)
    assert (told.outcome, told.reference) == ("refused", "row-7")
    assert "value_cents: '12,00'" in str(told.reason)
    assert "issued_at" in str(told.reason)
    assert dict(office.simulator.store.calls) == before


def test_a_request_without_an_order_id_is_kept_and_reported(office: Desk) -> None:
    office.ask(
        "invoice", "", invoice_number="1", value_cents=1, issued_at="2026-03-10T15:04:05-03:00"
    )
    office.settle()

    assert "order_id" in reasons(office, "")


def test_an_invoice_number_with_a_slash_is_made_safe_in_every_call(office: Desk) -> None:
    order_id = office.order()

    office.invoice(order_id, "128/841")
    office.ask("tracking", order_id, invoice_number="128/841", tracking_number="BR1")
    office.settle()

    assert office.packages(order_id)[0]["invoiceNumber"] == "128-x2F-841"
    assert office.packages(order_id)[0]["trackingNumber"] == "BR1"
    assert {one.invoice_number for one in office.told(order_id)} == {"128/841"}
    assert office.status(order_id) == "invoiced"


@pytest.mark.parametrize(
    "status", ["cancellation-requested", "request-cancel", "cancel", "invoice"]
)
def test_an_invoice_waits_while_the_order_is_between_two_states(office: Desk, status: str) -> None:
    order_id = office.order(status=status)

    office.invoice(order_id)
    office.work(3, seconds=60)
    held = office.entry(order_id).calls["invoice_calls"]
    office.simulator.store.change(office.entry(order_id), {"status": "handling"})
    office.settle()

    assert held == 0
    assert office.outcomes(order_id) == [("invoice", "done")]


def test_an_invoice_waits_for_the_end_of_a_change(office: Desk) -> None:
    order_id = office.order()
    office.entry(order_id).order["changeRunning"] = True

    office.invoice(order_id)
    office.work(2, seconds=60)
    held = office.entry(order_id).calls["invoice_calls"]
    office.entry(order_id).order["changeRunning"] = False
    office.settle()

    assert held == 0
    assert office.outcomes(order_id) == [("invoice", "done")]


def test_an_order_whose_handling_nobody_started_is_handled_before_its_invoice(
    office: Desk,
) -> None:
    order_id = office.order(status="ready-for-handling")

    office.invoice(order_id)
    office.settle()

    assert office.entry(order_id).calls["start_handling_effects"] == 1
    assert office.outcomes(order_id) == [("invoice", "done")]


def test_an_open_start_handling_goes_before_the_invoice(office: Desk) -> None:
    order_id = office.order(status="ready-for-handling")
    office.intake(order_id)

    office.invoice(order_id)
    tickets = office.journal.jobs.dispatch(in_flight=9)

    assert [one.kind for one in tickets] == ["intake"]


def test_a_return_comes_after_the_order_is_invoiced_whole(office: Desk) -> None:
    order_id = office.order("repeated")
    value = office.value(order_id)

    office.invoice(order_id, "9", type="Input", value_cents=500)
    office.settle()
    office.invoice(order_id, "1")
    office.settle()
    office.invoice(order_id, "10", type="Input", value_cents=value)
    office.invoice(order_id, "11", type="Input", value_cents=1)
    office.settle()

    assert office.outcomes(order_id) == [
        ("invoice", "refused"), ("invoice", "done"), ("invoice", "done"), ("invoice", "refused"),
    ]  # fmt: skip
    assert [one["type"] for one in office.packages(order_id)] == ["Output", "Input"]


def test_tracking_that_comes_first_waits_for_its_invoice(office: Desk) -> None:
    order_id = office.order()
    event = {"city": "Niterói", "state": "RJ", "description": "Em trânsito", "date": "2026-03-11"}

    office.ask("tracking", order_id, invoice_number="1", tracking_number="BR1", events=[event])
    office.work(3, seconds=60)
    before = office.told(order_id)
    office.invoice(order_id, "1")
    office.settle()

    assert before == []
    (package,) = office.packages(order_id)
    assert package["trackingNumber"] == "BR1"
    assert [one["description"] for one in package["courierStatus"]["data"]] == ["Em trânsito"]
    assert office.outcomes(order_id) == [("invoice", "done"), ("tracking", "done")]


def test_events_are_sent_in_order_and_once_and_the_delivery_once(office: Desk) -> None:
    order_id = office.order()
    office.invoice(order_id, "1", tracking_number="BR1")
    days = ["2026-03-11", "2026-03-12", "2026-03-13"]
    for day in days:
        event = {"city": "Niterói", "state": "RJ", "description": f"dia {day}", "date": day}
        office.ask("tracking", order_id, invoice_number="1", events=[event])
    office.simulator.faults.add(kind="lose_answer", route="add_events", times=1)
    for _ in range(2):
        office.ask(
            "tracking", order_id, invoice_number="1", delivered_at="2026-03-14T10:00:00-03:00"
        )
    office.settle()

    (package,) = office.packages(order_id)
    shown = [one["description"] for one in package["courierStatus"]["data"]]
    assert shown == [f"dia {day}" for day in days]
    assert package["courierStatus"]["deliveredDate"] == "2026-03-14 10:00"
    assert office.entry(order_id).calls["delivered_effects"] == 1


def test_what_waits_for_another_invoice_goes_on_as_soon_as_that_is_sent(office: Desk) -> None:
    order_id = office.order()
    office.simulator.faults.add(kind="unavailable", times=6)
    office.invoice(order_id, "2", value_cents=office.value(order_id) - 1000)
    office.work(6, seconds=70)
    office.work()  # it waits now, after so many failures for a minute or two
    assert office.outcomes(order_id) == []

    office.part(order_id, "1", 1000)
    office.work(4, seconds=4)

    assert sorted(office.outcomes(order_id)) == [("invoice", "done"), ("invoice", "done")]


def test_parts_that_overtake_each_other_both_arrive(office: Desk) -> None:
    order_id = office.order("many")

    office.invoice(order_id, "2", value_cents=office.value(order_id) - 100)
    office.work()
    office.part(order_id, "1", 100)
    office.settle()

    assert office.outcomes(order_id) == [("invoice", "done")] * 2
    assert office.status(order_id) == "invoiced"


def test_events_without_a_tracking_number_are_refused(office: Desk) -> None:
    order_id = office.order()
    office.invoice(order_id, "1")
    office.ask("tracking", order_id, invoice_number="1", delivered_at="2026-03-14T10:00:00-03:00")
    office.settle()

    assert office.outcomes(order_id) == [("invoice", "done"), ("tracking", "refused")]
    assert "tracking_number" in reasons(office, order_id)


CANCELLATIONS = {
    "payment-pending": ("done", "canceled"),
    "window-to-cancel": ("done", "canceled"),
    "ready-for-handling": ("done", "canceled"),
    "handling": ("done", "canceled"),
    "cancellation-requested": ("done", "canceled"),
    "canceled": ("done", "already canceled"),
    "invoiced": ("refused", "too late: invoiced"),
    "invoice": ("refused", "too late: invoiced"),
    "replaced": ("refused", "replaced by another one"),
}


@pytest.mark.parametrize("status", CANCELLATIONS)
def test_a_cancellation_ends_as_the_status_says(office: Desk, status: str) -> None:
    order_id = office.order(status=status)

    office.ask("cancellation", order_id, reason="Falta de estoque")
    office.settle()

    (told,) = office.told(order_id)
    outcome, words = CANCELLATIONS[status]
    assert told.outcome == outcome
    assert words in str(told.reason)
    if outcome == "done":
        assert office.status(order_id) == "canceled"
        assert office.entry(order_id).calls["cancel_effects"] == (status != "canceled")


def test_a_partly_invoiced_order_is_not_canceled(office: Desk) -> None:
    order_id = office.order()
    office.part(order_id, "1")
    office.settle()

    office.ask("cancellation", order_id, reason="Falta de estoque")
    office.settle()

    assert office.outcomes(order_id)[-1] == ("cancellation", "refused")
    assert "send a return" in reasons(office, order_id)


def test_a_cancellation_goes_ahead_and_makes_waiting_jobs_pointless(office: Desk) -> None:
    order_id = office.order()

    office.invoice(order_id, "1")
    office.ask("tracking", order_id, invoice_number="1", tracking_number="BR1")
    office.ask("cancellation", order_id, reason="Falta de estoque")
    office.settle()

    assert office.packages(order_id) == []
    assert sorted(office.outcomes(order_id)) == [
        ("cancellation", "done"), ("invoice", "obsolete"), ("tracking", "obsolete"),
    ]  # fmt: skip


def test_a_worker_that_wakes_after_another_has_sent_its_invoice_sends_it_no_second_time(
    office: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    order_id = office.order()
    look = VtexClient.order

    def slowly(client: VtexClient, one: str) -> dict[str, Any]:
        """Look, and stand still until another worker has done it all."""
        monkeypatch.undo()
        seen = look(client, one)
        office.clock.pass_by(Policy().lease_seconds + 1)
        with ThreadPoolExecutor(1) as other:
            other.submit(office.work, 2, 60).result()
        return seen

    monkeypatch.setattr(VtexClient, "order", slowly)

    office.invoice(order_id)
    office.settle()

    assert office.outcomes(order_id) == [("invoice", "done")]
    assert office.entry(order_id).calls["invoice_effects"] == 1


def test_an_order_that_moves_on_while_it_is_to_be_canceled_is_looked_at_again(
    office: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    order_id = office.order(status="ready-for-handling")
    cancel = VtexClient.cancel

    def too_late(client: VtexClient, one: str, body: Mapping[str, Any]) -> str | None:
        monkeypatch.undo()
        client.start_handling(one)
        return cancel(client, one, body)

    monkeypatch.setattr(VtexClient, "cancel", too_late)

    office.ask("cancellation", order_id, reason="Falta de estoque")
    office.settle()

    assert office.outcomes(order_id) == [("cancellation", "done")]
    assert office.status(order_id) == "canceled"


def test_a_denied_cancellation_is_told_in_the_end_and_the_invoice_goes_on(office: Desk) -> None:
    order_id = office.order()
    office.simulator.faults.add(kind="ignore_effect", route="cancel", times=99)

    office.ask("cancellation", order_id, reason="Falta de estoque")
    office.invoice(order_id, "1")
    office.settle()

    assert office.outcomes(order_id) == [("cancellation", "refused"), ("invoice", "done")]


def test_the_erp_that_is_down_hears_every_outcome_later_in_order(office: Desk) -> None:
    order_id = office.order("many")
    office.erp.is_down = True
    office.part(order_id, "1", 100)
    office.invoice(order_id, "2", value_cents=office.value(order_id) - 100)
    office.settle()
    office.work(3, seconds=120)

    office.erp.is_down = False
    office.work(3, seconds=301)

    assert [one.invoice_number for one in office.told(order_id)] == ["1", "2"]


def test_no_more_tries_than_are_allowed(office: Desk) -> None:
    order_id = office.order()
    office.simulator.faults.add(kind="unavailable", route="order", times=None)
    office.invoice(order_id)

    office.work(320, seconds=301)

    assert office.outcomes(order_id) == [("invoice", "dead")]
    assert "tried 300 times" in reasons(office, order_id)


def test_an_nfe_alone_is_an_invoice_and_is_embedded_as_received(office: Desk) -> None:
    order_id = office.order()
    xml = nota_of(office, order_id)
    office.context = replace(office.context, nfe=NfeRules(embed=True))
    StoreTask.process_context = office.context

    office.ask("invoice", order_id, xml=xml)
    office.settle()

    (package,) = office.packages(order_id)
    assert package["embeddedInvoice"] == xml.decode()
    assert (package["invoiceNumber"], package["invoiceValue"]) == ("128841", office.value(order_id))
    assert package["invoiceKey"] == nfe_samples.access_key()
    assert office.status(order_id) == "invoiced"


def test_an_nfe_of_another_order_is_refused_and_kept(office: Desk) -> None:
    order_id = office.order()
    office.keep_document(order_id)

    office.ask("invoice", order_id, xml=nfe_samples.nfe(), reference="row-1")
    office.ask("invoice", order_id, xml=b"<html>", reference="row-2")
    office.settle()

    assert office.outcomes(order_id) == [("invoice", "refused")] * 2
    assert office.packages(order_id) == []
    assert "CAM-P" in reasons(office, order_id)


def nota_of(office: Desk, order_id: str) -> bytes:
    office.keep_document(order_id)
    items = office.entry(order_id).order["items"]
    dets = [
        nfe_samples.Det(
            code=one["refId"], quantity=f"{one['quantity']}.0000",
            total=f"{Decimal(one['priceDefinition']['total']) / 100:.2f}",
        )
        for one in items
    ]  # fmt: skip
    return nfe_samples.nfe(*dets, value=f"{Decimal(office.value(order_id)) / 100:.2f}")


def test_the_store_refuses_an_invoice_line_that_lacks_something(office: Desk) -> None:
    order_id = office.order()
    body = {
        "type": "Output", "invoiceNumber": "1", "invoiceValue": 1,
        "issuanceDate": "2026-03-10T15:04:05-03:00", "items": [{"id": "1", "price": 1}],
    }  # fmt: skip

    with pytest.raises(VtexRejected, match=r"items\.0\.quantity is required"):
        office.client.send_invoice(order_id, body)
