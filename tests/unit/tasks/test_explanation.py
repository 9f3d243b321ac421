"""The explanation of an order: sums, checks, readings, and the fields that reached no column."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from foundation.messages import orders as messages
from foundation.messages.message import Message
from support.vtex_openapi import ORDER, example, needed
from tasks.intake import unreached
from tasks.intake.explanation import CHECKS, Documents, Explanation, Fate, explain

DOCUMENTS = sorted((Path(__file__).parents[2] / "support/documents/orders").glob("*.json"))


def of_case(name: str, **changes: Any) -> Explanation:
    (path,) = [path for path in DOCUMENTS if path.stem.startswith(name)]
    raw = json.loads(path.read_text(encoding="utf-8"))["order"] | changes
    return explain(Documents("acme", raw))


def failed(explanation: Explanation) -> list[str]:
    return [check.name for check in explanation.checks if not check.passed]


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.stem)
def test_sums_and_taken_readings_of_every_document_agree(path: Path) -> None:
    raw = json.loads(path.read_text(encoding="utf-8"))["order"]

    explanation = explain(Documents("acme", raw, as_ready=True))

    sums = {row.name: row for row in explanation.sums}
    assert explanation.judgement.fate is Fate.INSERTED
    assert sum(row.cents for name, row in sums.items() if name != "value") == raw["value"]
    assert sums["value"].cents == sums["value"].lines_cents
    assert {name for row in sums.values() for name in row.ids} == {
        total["id"] for total in raw["totals"]
    }
    assert [check.name for check in explanation.checks] == list(CHECKS)
    for line in explanation.lines:
        assert [tried.amount for tried in line.tried] == ["goods", "freight", "tax"]


def test_the_reading_that_was_taken_stands_among_those_that_were_tried() -> None:
    explanation = of_case("05")

    (line,) = explanation.lines
    freight = next(tried for tried in line.tried if tried.amount == "freight")
    assert {row.name: row.cents for row in freight.readings}["sellingPrice"] == 0
    assert freight.taken.name == "price"
    assert freight.taken in freight.readings


def test_a_failed_check_names_its_doubt_and_the_nearest_reading() -> None:
    (path,) = [path for path in DOCUMENTS if path.stem.startswith("03")]
    raw = json.loads(path.read_text(encoding="utf-8"))["order"]
    raw["value"] += 1

    explanation = explain(Documents("acme", raw))

    assert explanation.judgement.fate is Fate.HELD
    assert failed(explanation)[0] == "totals come to the value"
    (doubt,) = explanation.checks[0].details
    assert "difference 0.01" in doubt
    assert explanation.shown is not None  # the columns of a held order are shown, too

    raw["totals"][0]["value"] += 1
    assert explain(Documents("acme", raw)).nearest is not None


def test_a_group_payment_and_a_wrong_check_digit_fail_their_checks() -> None:
    assert failed(of_case("04-group-payment-01")) == ["payments come to the value"]

    raw = json.loads(DOCUMENTS[0].read_text(encoding="utf-8"))["order"]
    raw["clientProfileData"] |= {"document": "12345678900", "documentType": "cpf"}
    assert failed(explain(Documents("acme", raw))) == ["the document's check digits"]


def test_a_text_that_its_column_cuts_fails_a_check() -> None:
    raw = json.loads(DOCUMENTS[0].read_text(encoding="utf-8"))["order"]
    raw["items"][0]["name"] = "x" * 5000

    explanation = explain(Documents("acme", raw))

    assert failed(explanation) == ["texts fit the columns"]
    assert [str(flag.name) for flag in explanation.flags] == ["text_cut"]


def test_an_unreadable_document_is_held_with_its_faults() -> None:
    explanation = explain(Documents("acme", {"orderId": "v1-01"}))

    assert explanation.judgement.fate is Fate.HELD
    assert "items" in str(explanation.judgement.reason)
    assert (explanation.sums, explanation.unreached) == ((), None)


def test_a_masked_document_is_held_and_its_sums_are_shown() -> None:
    raw = json.loads(DOCUMENTS[0].read_text(encoding="utf-8"))["order"]
    raw["clientProfileData"]["firstName"] = "J***"

    explanation = explain(Documents("acme", raw))

    assert "masked" in str(explanation.judgement.reason)
    assert explanation.sums
    assert {check.passed for check in explanation.checks} == {None}
    assert explanation.unreached is None


def paths(explanation: Explanation) -> set[str]:
    return {field.path for field in explanation.unreached or ()}


def test_a_field_that_reached_no_column_is_named_and_others_are_not() -> None:
    raw = json.loads(DOCUMENTS[0].read_text(encoding="utf-8"))["order"]
    raw["items"][0] |= {"sellerSku": "S-77", "costPrice": 520, "colour": "blue"}
    raw["loyalty"] = {"points": 12, "tiers": [{"name": "gold"}]}

    found = explain(Documents("acme", raw))

    assert {"order.items[0].costPrice", "order.items[0].colour"} <= paths(found)
    assert "order.items[0].sellerSku" not in paths(found)
    assert not {"order.items[0].quantity", "order.clientProfileData.firstName"} & paths(found)
    outermost = {field.path: field.outermost for field in found.unreached or ()}
    assert outermost["order.loyalty.tiers[0].name"] == "order.loyalty"
    assert outermost["order.items[0].colour"] == "order.items[].colour"


def test_a_field_of_the_gateway_that_reached_no_column_is_named_as_well() -> None:
    (path,) = [path for path in DOCUMENTS if path.stem.startswith("09")]
    case = json.loads(path.read_text(encoding="utf-8"))
    row = case["gateway_payment"] | {"koinUrl": "https://koin.example", "cvv2": "351"}
    transaction_id = case["order"]["paymentData"]["transactions"][0]["transactionId"]
    head = {"transactionId": transaction_id, "status": "Approved"}
    payment = {"transactions": [{"transaction": head, "payments": [row]}]}

    found = explain(Documents("acme", case["order"], payment))

    base = "payment.transactions[0].payments[0]"
    assert {f"{base}.koinUrl", f"{base}.cvv2"} <= paths(found)
    assert f"{base}.value" not in paths(found)
    assert "351" not in str(found.unreached)


def test_a_field_that_repeats_one_that_had_an_effect_is_marked() -> None:
    raw = json.loads(DOCUMENTS[0].read_text(encoding="utf-8"))["order"]
    raw["notes"] = {"sellerSku": "S-77"}
    raw["items"][0]["sellerSku"] = "S-77"

    fields = {
        field.path: field.repeats for field in explain(Documents("acme", raw)).unreached or ()
    }

    assert fields["order.notes.sellerSku"] == "order.items[0].sellerSku"
    assert fields["order.hostname"] is None


def test_documents_stay_as_they_were() -> None:
    raw = json.loads(DOCUMENTS[0].read_text(encoding="utf-8"))["order"]
    before = copy.deepcopy(raw)

    explain(Documents("acme", raw))

    assert raw == before


def test_rows_of_a_long_document_are_altered_together(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = 0

    def effect(documents: Any) -> object:
        nonlocal calls
        calls += 1
        return [row["kept"] for row in documents["order"]["rows"]]

    rows = [{"kept": number, "lost": number} for number in range(1000)]
    monkeypatch.setattr(unreached, "MOST_SINGLE", 10)

    fields = unreached.fields_without_effect({"order": {"rows": rows}}, effect)

    assert len(fields) == 1000
    assert {field.outermost for field in fields} == {"order.rows[].lost"}
    assert calls < 20


def test_each_doubt_of_the_catalogue_fails_a_check() -> None:
    checked = {message.code for failures in CHECKS.values() for message in failures}
    doubts = {value.code for value in vars(messages).values() if isinstance(value, Message)}

    assert doubts - checked == {messages.OBSERVED.code}


@needed
def test_the_published_example_is_explained() -> None:
    explanation = explain(Documents("acme", example("orders", ORDER), as_ready=True))

    assert explanation.judgement.fate is Fate.HELD
    assert "order.items[0].additionalInfo.brandName" in paths(explanation)
