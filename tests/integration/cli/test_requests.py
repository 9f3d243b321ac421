"""``vtex-erp requests``: requests of the ERP, sent by hand and listed."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta

from journal.cancel_requests import CancelRequest
from journal.jobs.dead_letters import DeadLetterFilter
from journal.model import Kind
from journal.requests import RequestDraft
from support.command_line import NOW, Desk
from support.documents.nfe_samples import access_key
from vtex.payloads import Invoice, InvoiceItem, invoice_body
from vtex.simulator import cancel_requests, fulfillment


def undecided(desk: Desk, order_id: str, days: int) -> None:
    desk.list(order_id)
    until = NOW + timedelta(days=days)
    request = CancelRequest("acme", order_id, "85835AB4", until - timedelta(days=30), until)
    desk.journal.cancel_requests.save(request)


def test_what_waits_for_a_decision_is_shown_by_its_last_day(desk: Desk) -> None:
    assert "no cancellation is pending" in desk.type("requests", "pending-cancellations")
    undecided(desk, "later-01", 20)
    undecided(desk, "sooner-01", 2)

    said = desk.type("requests", "pending-cancellations")

    assert said.index("sooner-01") < said.index("later-01")
    assert "vtex-erp requests deny ORDER" in said
    assert "VTEX cancels by itself at" in desk.type("orders", "show", "sooner-01")
    assert desk.json("orders", "show", "sooner-01")["undecided"]["request_id"] == "85835AB4"
    shown = desk.json("requests", "pending-cancellations")
    assert [one["order_id"] for one in shown] == ["sooner-01", "later-01"]
    assert shown[0]["request_id"] == "85835AB4"
    assert desk.json("requests", "pending-cancellations", "--store", "outlet") == []


def test_a_denial_is_shown_before_it_is_sent(desk: Desk) -> None:
    order_id = desk.paid("handling")
    said = desk.type("requests", "deny", order_id, "--reason", "não", "--dry-run", status=1)
    assert "the order has no open cancellation request: VTEX shows the order as 'handling'" in said
    entry = desk.store.store.entry(order_id)
    assert entry is not None
    request = cancel_requests.ask(desk.store.store, entry, {"reason": "x"})

    said = desk.type("requests", "deny", order_id, "--reason", "não", "--dry-run")

    body = json.loads(said[said.index("{") :])
    assert body["body"] == {"cancellationRequestId": request, "denyReason": "não"}
    assert not entry.calls["deny_calls"]


def test_a_denial_without_a_reason_is_refused_by_its_field(desk: Desk) -> None:
    order_id = desk.paid("handling")

    missing = desk.type("requests", "deny", order_id, status=2)
    empty = desk.type("requests", "deny", order_id, "--reason", " ", status=1)

    assert "Missing option '--reason'" in missing
    assert f"the journal lacks the order {order_id}" in empty
    desk.list(order_id)
    assert "the request was not written" in desk.type(
        "requests", "deny", order_id, "--reason", " ", status=2
    )
    assert desk.journal.requests.find() == []


def test_requests_that_wait_are_listed_with_their_reason(desk: Desk) -> None:
    desk.list("o-01")
    desk.moment = datetime.now(UTC)
    ask = RequestDraft("acme", "o-01", Kind.CANCELLATION, "k", {"reason": "x"})
    number = desk.journal.requests.submit(ask).job

    (shown,) = desk.json("requests", "list")

    assert (shown["order_id"], shown["kind"], shown["job"]) == ("o-01", "cancellation", number)
    assert "cancellation" in desk.type("requests", "list", "--store", "acme")
    assert "no such requests" in desk.type("requests", "list", "--older-than", "5")
    assert "no such requests" in desk.type("requests", "list", "--state", "dead")


def test_a_slip_of_whoever_types_is_no_request_of_the_erp(desk: Desk) -> None:
    desk.list("o-01")

    text = desk.type("requests", "invoice", "o-01", "--invoice-number", "1", status=2)

    assert "value_cents: Missing data for required field." in text
    assert "the request was not written" in text
    assert desk.journal.requests.find() == []


def test_a_request_is_shown_retried_and_discarded_by_its_number(desk: Desk) -> None:
    draft = RequestDraft("acme", "o-01", Kind.CANCELLATION, "k", {"reason": "x"})
    desk.journal.requests.refuse(draft, "no such order")
    job = str(desk.journal.dead_letters.find(DeadLetterFilter())[0].job)

    shown = desk.json("requests", "show", job)
    text = desk.type("requests", "show", job)
    discarded = desk.type("requests", "discard", job, "--reason", "by phone", "--yes")

    assert (shown["state"], shown["last_error"]) == ("dead", "no such order")
    assert f"acme o-01: job {job}: cancellation dead at requested: no such order" in text
    assert "1 jobs discarded" in discarded
    assert "discarded: by phone" in desk.type("requests", "show", job)
    assert "the job 99 is not a request" in desk.type("requests", "show", "99", status=1)


INVOICE = (
    *("--invoice-number", "128841", "--value", "52.30"),
    *("--issued-at", "2026-03-10T15:04:05-03:00"),
)


def ignores_change(desk: Desk, job: int) -> bool:
    with closing(sqlite3.connect(desk.folder / "journal.db")) as journal:
        query = "select ignores_change from journal_jobs where id = ?"
        (shown,) = journal.execute(query, (job,)).fetchone()
    return bool(shown)


def test_an_invoice_that_waits_for_a_change_can_be_sent_anyway(desk: Desk) -> None:
    # Without a broker the command fails once the journal has the request.
    order_id = desk.paid("handling")
    desk.type("requests", "invoice", order_id, *INVOICE, status=1)
    (request,) = desk.journal.requests.find("acme", order_id)
    assert not ignores_change(desk, request.job)

    desk.type("requests", "invoice", order_id, *INVOICE, "--anyway", status=1)

    assert ignores_change(desk, request.job)
    lines = desk.journal.timeline.events("acme", order_id)
    assert (lines[-1].event, lines[-1].detail) == (
        "requested again",
        "although a change of the order may be under way",
    )


def test_a_dead_invoice_can_be_retried_anyway_and_another_request_cannot(desk: Desk) -> None:
    for kind in (Kind.INVOICE, Kind.CANCELLATION):
        draft = RequestDraft("acme", "o-01", kind, "k", {"reason": "x"})
        desk.journal.requests.refuse(draft, "a change is under way")
    jobs = {row.kind: row.job for row in desk.journal.dead_letters.find(DeadLetterFilter())}

    sent = desk.type("requests", "retry", str(jobs[Kind.INVOICE]), "--anyway", "--yes", status=1)
    other = desk.type("requests", "retry", str(jobs[Kind.CANCELLATION]), "--anyway", "--yes")

    assert "1 jobs retried" in sent
    assert ignores_change(desk, jobs[Kind.INVOICE])
    assert "no dead letter fits" in other


ISSUED = ("--issued-at", "2026-03-10T15:04:05-03:00")


def test_an_invoice_of_zero_is_shown_before_it_is_sent(desk: Desk) -> None:
    (order_id,) = desk.store.store.generate(1, "handling", "free")
    named = ("requests", "invoice", order_id, "--invoice-number", "1", "--value", "0")

    said = desk.type(*named, *ISSUED, "--dry-run")

    body = json.loads(said[said.index("{") :])["body"]
    assert (body["invoiceValue"], [item["price"] for item in body["items"]]) == ("0", [0])


def test_the_number_of_a_second_series_is_shown_before_it_is_sent(desk: Desk) -> None:
    (order_id,) = desk.store.store.generate(1, "handling", "many")
    entry = desk.store.store.entry(order_id)
    assert entry is not None
    (first, second) = (item["id"] for item in entry.order["items"][:2])
    sent = Invoice("1", 100, ISSUED[1], items=(InvoiceItem(first, 1, 100),))
    key = access_key(1, series=1)
    fulfillment.invoice(desk.store.store, entry, invoice_body(sent) | {"invoiceKey": key})
    named = ("requests", "invoice", order_id, "--invoice-number", "1", "--value", "1.00")
    item = ("--item", f"{second}:1:1.00")

    other = desk.type(*named, *item, *ISSUED, "--invoice-series", "2", "--dry-run")
    same = desk.type(
        *named, "--item", f"{first}:1:1.00", *ISSUED, "--invoice-series", "1", "--dry-run"
    )
    contradicting = desk.type(
        *named, *item, *ISSUED, "--invoice-series", "1", "--dry-run", status=1
    )
    wrong = desk.type(
        *named, *item, *ISSUED, "--invoice-series", "2", "--invoice-key", key, status=2
    )

    assert json.loads(other[other.index("{") :])["body"]["invoiceNumber"] == "1-2"
    assert json.loads(same[same.index("{") :])["known_to_vtex"] is True
    assert f"items: 1 of SKU {first} at VTEX, 1 of SKU {second} in the request" in contradicting
    assert "invoice_series: '2' is another series than 1 in the invoice_key" in wrong


def test_a_list_of_requests_names_the_series(desk: Desk) -> None:
    desk.list("o-01")
    draft = RequestDraft(
        "acme", "o-01", Kind.INVOICE, "k", {}, invoice_number="128841", invoice_series="2"
    )
    number = str(desk.journal.requests.submit(draft).job)

    assert "128841 (series 2)" in desk.type("requests", "show", number)
    assert desk.json("requests", "list")[0]["invoice_series"] == "2"
