"""Invoices, tracking and cancellations: from the ERP's wish to what VTEX shows and the ERP hears."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from journal.model import Policy
from support.changed_orders import amend
from support.order_flow import OrderFlow, order_flow
from vtex.client import VtexClient
from vtex.errors import VtexRejected
from vtex.simulator import order_changes


@pytest.fixture(params=["sqlite", "postgresql"])
def flow(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[OrderFlow]:
    url = f"sqlite:///{tmp_path}/journal.db"
    if request.param == "postgresql":
        url = request.getfixturevalue("postgres_database")
    with order_flow(url) as made:
        yield made


def reasons(flow: OrderFlow, order_id: str) -> str:
    return " ".join(one.reason or "" for one in flow.told(order_id))


def test_a_whole_invoice_makes_the_order_invoiced_and_the_erp_hears_the_receipt(
    flow: OrderFlow,
) -> None:
    order_id = flow.order()

    flow.invoice(order_id)
    flow.settle()

    (told,) = flow.told(order_id)
    assert (told.outcome, told.invoice_number, told.order_status) == ("done", "128841", "invoiced")
    assert told.receipt
    assert flow.status(order_id) == "invoiced"
    assert flow.entry(order_id).calls["invoice_effects"] == 1


def test_partial_invoices_close_the_order_to_the_cent(flow: OrderFlow) -> None:
    order_id = flow.order("discount")
    value = flow.value(order_id)

    flow.part(order_id, "1")
    flow.work(3, seconds=5)
    first = flow.status(order_id)
    flow.invoice(order_id, "2", value_cents=value - 1000)
    flow.settle()

    assert first == "payment-approved"
    assert flow.status(order_id) == "invoiced"
    assert flow.outcomes(order_id) == [("invoice", "done")] * 2


def test_the_journal_names_the_series_of_an_invoice(flow: OrderFlow) -> None:
    order_id = flow.order()

    flow.invoice(order_id, invoice_series="007")
    flow.settle()

    (request,) = flow.journal.requests.find("acme", order_id)
    assert request.invoice_series == "7"


def test_an_invoice_above_what_is_open_never_reaches_vtex(flow: OrderFlow) -> None:
    order_id = flow.order()

    flow.invoice(order_id, value_cents=flow.value(order_id) + 1)
    flow.settle()

    assert flow.outcomes(order_id) == [("invoice", "refused")]
    assert "value_cents" in reasons(flow, order_id)
    assert flow.entry(order_id).calls["invoice_calls"] == 0


def test_a_part_must_name_its_items(flow: OrderFlow) -> None:
    order_id = flow.order()

    flow.invoice(order_id, value_cents=100)
    flow.settle()

    assert "Send the invoice with its items" in reasons(flow, order_id)


def test_items_that_the_order_does_not_have_are_named(flow: OrderFlow) -> None:
    order_id = flow.order("kit")

    flow.invoice(order_id, "1", items=[{"sku_id": "999", "quantity": 1, "price_cents": 1}])
    flow.invoice(order_id, "2", items=[{"sku_id": "400001", "quantity": 1, "price_cents": 1}])
    flow.settle()

    assert "SKU '999' is not in the order" in reasons(flow, order_id)
    assert "is a part of the kit" in reasons(flow, order_id)


@pytest.mark.parametrize(
    "fault", ["lose_answer", "lose_before", "unavailable", "half_body", "html_error"]
)
def test_one_invoice_whatever_becomes_of_the_answer(flow: OrderFlow, fault: str) -> None:
    order_id = flow.order()
    flow.simulator.faults.add(kind=fault, route="invoice", times=2)

    flow.invoice(order_id)
    flow.settle()

    assert flow.outcomes(order_id) == [("invoice", "done")]
    assert len(flow.packages(order_id)) == 1
    assert flow.entry(order_id).calls["invoice_effects"] == 1


def test_an_invoice_that_vtex_took_and_forgot_is_reported(flow: OrderFlow) -> None:
    order_id = flow.order()
    flow.simulator.faults.add(kind="ignore_effect", route="invoice", times=1)

    flow.invoice(order_id)
    flow.settle()

    assert flow.outcomes(order_id) == [("invoice", "dead")]
    assert "did not show it" in reasons(flow, order_id)
    (request,) = flow.journal.requests.find("acme", order_id)
    assert flow.journal.jobs.retry("acme", order_id, job=request.job)
    flow.settle()
    assert flow.outcomes(order_id) == [("invoice", "dead"), ("invoice", "done")]


def test_the_same_message_twice_is_one_invoice(flow: OrderFlow) -> None:
    order_id = flow.order()

    flow.invoice(order_id)
    flow.invoice(order_id)
    flow.settle()
    flow.invoice(order_id)
    flow.settle()

    assert flow.outcomes(order_id) == [("invoice", "done")]
    assert flow.entry(order_id).calls["invoice_effects"] == 1


def test_whoever_asks_for_the_same_by_another_name_hears_of_its_end_too(flow: OrderFlow) -> None:
    order_id = flow.order()

    flow.invoice(order_id, reference="row-1")
    flow.invoice(order_id, reference="row-2")
    flow.settle()
    flow.invoice(order_id, reference="row-3")
    flow.settle()

    told = {one.reference: (one.outcome, one.receipt) for one in flow.told(order_id)}
    assert set(told) == {"row-1", "row-2", "row-3"}
    assert len(set(told.values())) == 1


def test_what_is_asked_anew_and_still_wrong_is_refused_anew(flow: OrderFlow) -> None:
    order_id = flow.order()

    for _ in range(2):
        flow.ask("invoice", order_id, again=True, invoice_number="1", reference="row-1")
        flow.settle()

    assert flow.outcomes(order_id) == [("invoice", "refused")] * 2


def test_the_same_number_with_another_content_is_refused_with_both_shown(flow: OrderFlow) -> None:
    order_id = flow.order("many")

    flow.part(order_id, "1", 1000)
    flow.part(order_id, "1", 2000)
    flow.settle()

    assert sorted(flow.outcomes(order_id)) == [("invoice", "done"), ("invoice", "refused")]
    assert "value_cents: 1000 then, 2000 now" in reasons(flow, order_id)


def test_a_refused_invoice_is_mended_under_its_own_number(flow: OrderFlow) -> None:
    order_id = flow.order()
    flow.invoice(order_id, value_cents=flow.value(order_id) + 1)
    flow.settle()

    flow.invoice(order_id)
    flow.settle()

    assert flow.outcomes(order_id) == [("invoice", "refused"), ("invoice", "done")]


def test_bad_input_is_reported_and_never_reaches_vtex(flow: OrderFlow) -> None:
    order_id = flow.order()
    before = dict(flow.simulator.store.calls)

    flow.ask("invoice", order_id, invoice_number="1", value_cents="12,00", reference="row-7")
    flow.settle()

    (told,) = flow.told(order_id)
    assert (told.outcome, told.reference) == ("refused", "row-7")
    assert "value_cents: '12,00'" in str(told.reason)
    assert "issued_at" in str(told.reason)
    assert dict(flow.simulator.store.calls) == before


def test_a_request_without_an_order_id_is_kept_and_reported(flow: OrderFlow) -> None:
    flow.ask(
        "invoice", "", invoice_number="1", value_cents=1, issued_at="2026-03-10T15:04:05-03:00"
    )
    flow.settle()

    assert "order_id" in reasons(flow, "")


def test_an_invoice_number_with_a_slash_is_made_safe_in_every_call(flow: OrderFlow) -> None:
    order_id = flow.order()

    flow.invoice(order_id, "128/841")
    flow.ask("tracking", order_id, invoice_number="128/841", tracking_number="BR1")
    flow.settle()

    assert flow.packages(order_id)[0]["invoiceNumber"] == "128-x2F-841"
    assert flow.packages(order_id)[0]["trackingNumber"] == "BR1"
    assert {one.invoice_number for one in flow.told(order_id)} == {"128/841"}
    assert flow.status(order_id) == "invoiced"


@pytest.mark.parametrize(
    "status", ["cancellation-requested", "request-cancel", "cancel", "invoice"]
)
def test_an_invoice_waits_while_the_order_is_between_two_states(
    flow: OrderFlow, status: str
) -> None:
    order_id = flow.order(status=status)

    flow.invoice(order_id)
    flow.work(3, seconds=60)
    held = flow.entry(order_id).calls["invoice_calls"]
    flow.simulator.store.change(flow.entry(order_id), {"status": "handling"})
    flow.settle()

    assert held == 0
    assert flow.outcomes(order_id) == [("invoice", "done")]


def test_an_invoice_waits_for_the_end_of_a_change(flow: OrderFlow) -> None:
    order_id = flow.order()
    amend(flow, order_id, add="310555", running=True)

    flow.invoice(order_id)
    flow.work(2, seconds=60)
    held = flow.entry(order_id).calls["invoice_calls"]
    order_changes.end(flow.entry(order_id))
    flow.settle()

    assert held == 0
    assert flow.outcomes(order_id) == [("invoice", "done")]


def test_an_order_whose_handling_nobody_started_is_handled_before_its_invoice(
    flow: OrderFlow,
) -> None:
    order_id = flow.order(status="ready-for-handling")

    flow.invoice(order_id)
    flow.settle()

    assert flow.entry(order_id).calls["start_handling_effects"] == 1
    assert flow.outcomes(order_id) == [("invoice", "done")]


def test_an_open_start_handling_goes_before_the_invoice(flow: OrderFlow) -> None:
    order_id = flow.order(status="ready-for-handling")
    flow.intake(order_id)

    flow.invoice(order_id)
    tickets = flow.journal.jobs.dispatch(in_flight=9)

    assert [one.kind for one in tickets] == ["intake"]


def test_a_return_comes_after_the_order_is_invoiced_whole(flow: OrderFlow) -> None:
    order_id = flow.order("repeated")
    value = flow.value(order_id)

    flow.invoice(order_id, "9", type="Input", value_cents=500)
    flow.settle()
    flow.invoice(order_id, "1")
    flow.settle()
    flow.invoice(order_id, "10", type="Input", value_cents=value)
    flow.invoice(order_id, "11", type="Input", value_cents=1)
    flow.settle()

    assert flow.outcomes(order_id) == [
        ("invoice", "refused"),
        ("invoice", "done"),
        ("invoice", "done"),
        ("invoice", "refused"),
    ]
    assert [one["type"] for one in flow.packages(order_id)] == ["Output", "Input"]


def test_tracking_that_comes_first_waits_for_its_invoice(flow: OrderFlow) -> None:
    order_id = flow.order()
    event = {"city": "Niterói", "state": "RJ", "description": "Em trânsito", "date": "2026-03-11"}

    flow.ask("tracking", order_id, invoice_number="1", tracking_number="BR1", events=[event])
    flow.work(3, seconds=60)
    before = flow.told(order_id)
    flow.invoice(order_id, "1")
    flow.settle()

    assert before == []
    (package,) = flow.packages(order_id)
    assert package["trackingNumber"] == "BR1"
    assert [one["description"] for one in package["courierStatus"]["data"]] == ["Em trânsito"]
    assert flow.outcomes(order_id) == [("invoice", "done"), ("tracking", "done")]


def test_events_are_sent_in_order_and_once_and_the_delivery_once(flow: OrderFlow) -> None:
    order_id = flow.order()
    flow.invoice(order_id, "1", tracking_number="BR1")
    days = ["2026-03-11", "2026-03-12", "2026-03-13"]
    for day in days:
        event = {"city": "Niterói", "state": "RJ", "description": f"dia {day}", "date": day}
        flow.ask("tracking", order_id, invoice_number="1", events=[event])
    flow.simulator.faults.add(kind="lose_answer", route="add_events", times=1)
    for _ in range(2):
        flow.ask("tracking", order_id, invoice_number="1", delivered_at="2026-03-10T08:30:00-03:00")
    flow.settle()

    (package,) = flow.packages(order_id)
    shown = [one["description"] for one in package["courierStatus"]["data"]]
    assert shown == [f"dia {day}" for day in days]
    assert package["courierStatus"]["deliveredDate"] == "2026-03-10 08:30"
    assert flow.entry(order_id).calls["delivered_effects"] == 1


def test_what_waits_for_another_invoice_goes_on_as_soon_as_that_is_sent(flow: OrderFlow) -> None:
    order_id = flow.order()
    flow.simulator.faults.add(kind="unavailable", times=6)
    flow.invoice(order_id, "2", value_cents=flow.value(order_id) - 1000)
    flow.work(6, seconds=70)
    flow.work()  # it waits now, after so many failures for a minute or two
    assert flow.outcomes(order_id) == []

    flow.part(order_id, "1", 1000)
    flow.work(4, seconds=4)

    assert sorted(flow.outcomes(order_id)) == [("invoice", "done"), ("invoice", "done")]


def test_parts_that_overtake_each_other_both_arrive(flow: OrderFlow) -> None:
    order_id = flow.order("many")

    flow.invoice(order_id, "2", value_cents=flow.value(order_id) - 100)
    flow.work()
    flow.part(order_id, "1", 100)
    flow.settle()

    assert flow.outcomes(order_id) == [("invoice", "done")] * 2
    assert flow.status(order_id) == "invoiced"


def test_events_without_a_tracking_number_are_refused(flow: OrderFlow) -> None:
    order_id = flow.order()
    flow.invoice(order_id, "1")
    flow.ask("tracking", order_id, invoice_number="1", delivered_at="2026-03-10T08:30:00-03:00")
    flow.settle()

    assert flow.outcomes(order_id) == [("invoice", "done"), ("tracking", "refused")]
    assert "tracking_number" in reasons(flow, order_id)


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
def test_a_cancellation_ends_as_the_status_says(flow: OrderFlow, status: str) -> None:
    order_id = flow.order(status=status)

    flow.ask("cancellation", order_id, reason="Falta de estoque")
    flow.settle()

    (told,) = flow.told(order_id)
    outcome, words = CANCELLATIONS[status]
    assert told.outcome == outcome
    assert words in str(told.reason)
    if outcome == "done":
        assert flow.status(order_id) == "canceled"
        assert flow.entry(order_id).calls["cancel_effects"] == (status != "canceled")


def test_a_partly_invoiced_order_is_not_canceled(flow: OrderFlow) -> None:
    order_id = flow.order()
    flow.part(order_id, "1")
    flow.settle()

    flow.ask("cancellation", order_id, reason="Falta de estoque")
    flow.settle()

    assert flow.outcomes(order_id)[-1] == ("cancellation", "refused")
    assert "Send a return" in reasons(flow, order_id)


def test_a_cancellation_goes_ahead_and_makes_waiting_jobs_pointless(flow: OrderFlow) -> None:
    order_id = flow.order()

    flow.invoice(order_id, "1")
    flow.ask("tracking", order_id, invoice_number="1", tracking_number="BR1")
    flow.ask("cancellation", order_id, reason="Falta de estoque")
    flow.settle()

    assert flow.packages(order_id) == []
    assert sorted(flow.outcomes(order_id)) == [
        ("cancellation", "done"),
        ("invoice", "obsolete"),
        ("tracking", "obsolete"),
    ]


def test_a_worker_that_wakes_after_another_has_sent_its_invoice_sends_it_no_second_time(
    flow: OrderFlow, monkeypatch: pytest.MonkeyPatch
) -> None:
    order_id = flow.order()
    look = VtexClient.order

    def slowly(client: VtexClient, one: str) -> dict[str, Any]:
        """Look, and stand still until another worker has done it all."""
        monkeypatch.undo()
        seen = look(client, one)
        flow.clock.pass_by(Policy().lease_seconds + 1)
        with ThreadPoolExecutor(1) as other:
            other.submit(flow.work, 2, 60).result()
        return seen

    monkeypatch.setattr(VtexClient, "order", slowly)

    flow.invoice(order_id)
    flow.settle()

    assert flow.outcomes(order_id) == [("invoice", "done")]
    assert flow.entry(order_id).calls["invoice_effects"] == 1


def test_an_order_that_moves_on_while_it_is_to_be_canceled_is_looked_at_again(
    flow: OrderFlow, monkeypatch: pytest.MonkeyPatch
) -> None:
    order_id = flow.order(status="ready-for-handling")
    cancel = VtexClient.cancel

    def too_late(client: VtexClient, one: str, body: Mapping[str, Any]) -> str | None:
        monkeypatch.undo()
        client.start_handling(one)
        return cancel(client, one, body)

    monkeypatch.setattr(VtexClient, "cancel", too_late)

    flow.ask("cancellation", order_id, reason="Falta de estoque")
    flow.settle()

    assert flow.outcomes(order_id) == [("cancellation", "done")]
    assert flow.status(order_id) == "canceled"


def test_a_denied_cancellation_is_told_in_the_end_and_the_invoice_goes_on(flow: OrderFlow) -> None:
    order_id = flow.order()
    flow.simulator.faults.add(kind="ignore_effect", route="cancel", times=99)

    flow.ask("cancellation", order_id, reason="Falta de estoque")
    flow.invoice(order_id, "1")
    flow.settle()

    assert flow.outcomes(order_id) == [("cancellation", "refused"), ("invoice", "done")]


def test_the_erp_that_is_down_hears_every_outcome_later_in_order(flow: OrderFlow) -> None:
    order_id = flow.order("many")
    flow.erp.is_down = True
    flow.part(order_id, "1", 100)
    flow.invoice(order_id, "2", value_cents=flow.value(order_id) - 100)
    flow.settle()
    flow.work(3, seconds=120)

    flow.erp.is_down = False
    flow.work(3, seconds=301)

    assert [one.invoice_number for one in flow.told(order_id)] == ["1", "2"]


def test_no_more_tries_than_are_allowed(flow: OrderFlow) -> None:
    order_id = flow.order()
    flow.simulator.faults.add(kind="unavailable", route="order", times=None)
    flow.invoice(order_id)

    flow.work(320, seconds=301)

    assert flow.outcomes(order_id) == [("invoice", "dead")]
    assert "tried 300 times" in reasons(flow, order_id)


def test_the_store_refuses_an_invoice_line_that_lacks_something(flow: OrderFlow) -> None:
    order_id = flow.order()
    body = {
        "type": "Output",
        "invoiceNumber": "1",
        "invoiceValue": "1",
        "issuanceDate": "2026-03-10T15:04:05-03:00",
        "items": [{"id": "1", "price": 1}],
    }

    with pytest.raises(VtexRejected, match=r"items\.0\.quantity is required"):
        flow.client.send_invoice(order_id, body)
