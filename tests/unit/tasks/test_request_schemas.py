"""What the ERP may ask for, and what it hears when it asks wrongly."""

from __future__ import annotations

import pickle
from datetime import UTC, datetime
from typing import Any

import pytest

from tasks.errors import RequestInvalid
from tasks.outbound import request_schemas
from vtex.payloads import Cancellation, InvoiceItem, key_is_sound, plain_number, written_number

INVOICE: dict[str, Any] = {
    "invoice_number": "128841",
    "value_cents": 5230,
    "issued_at": "2026-03-10T15:04:05-03:00",
    "items": [{"sku_id": "310102", "quantity": 1, "price_cents": 4990}],
    "invoice_key": "35260312345678000190550010001288411987654320",
}


def faults(kind: str, **given: Any) -> dict[str, str]:
    with pytest.raises(RequestInvalid) as caught:
        request_schemas.read(kind, given)
    return caught.value.faults


def test_a_sound_invoice_is_read() -> None:
    invoice = request_schemas.read("invoice", INVOICE)

    assert invoice.items == (InvoiceItem("310102", 1, 4990),)  # type: ignore[union-attr]
    assert invoice.issued_at == "2026-03-10T15:04:05-03:00"  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("invoice_number", "", "is empty"),
        ("invoice_number", "///", "digit or letter"),
        ("invoice_number", "1-x2F-2", "-x2F-"),
        ("value_cents", "5230", "not a whole number"),
        ("value_cents", 52.30, "Not a valid integer"),
        ("value_cents", -1, "must be from 0"),
        ("invoice_number", "/" * 30 + "1", "once its special ones are codes"),
        ("url", "https://[", "is not an address"),
        ("url", "ftp://nf.example.com/1.xml", "is not an address"),
        ("url", "javascript:alert(1)", "is not an address"),
        ("url", "https://nf example.com/1.xml", "is not an address"),
        ("url", "https://nf.example.com/a\nb", "is not an address"),
        ("url", "https://nf.example.com/" + "ç" * 400, "longer than 2000"),
        ("url", "https://a\u2100b", "is not an address"),
        ("issued_at", f"2026-03-10T15:04:05.{'1' * 1000}-03:00", "time with its offset"),
        ("items", [{"sku_id": "1", "quantity": 1, "price_cents": 1}] * 1001, "more than 1000 rows"),
        ("value_cents", True, "not a whole number"),
        ("issued_at", "2026-03-10", "time with its offset"),
        ("issued_at", "2026-03-10T15:04:05", "time with its offset"),
        ("issued_at", 20260310, "time with its offset"),
        ("type", "output", "must be Output or Input"),
        ("items", [{"sku_id": "1", "quantity": 0, "price_cents": 1}], "must be from 1"),
        ("items", [{"quantity": 1, "price_cents": 1}], "Missing data"),
        ("invoice_series", "1a", "1 to 3 digits"),
        ("invoice_series", "1000", "longer than 3"),
        ("invoice_key", INVOICE["invoice_key"][:-2] + "00", "check digit"),
        ("url", "nf.example.com/1.xml", "is not an address"),
        ("valeu_cents", 1, "is not a field"),
        ("tracking_number", "x" * 129, "longer than 128"),
        ("courier", "a\x00b", "NUL"),
    ],
)
def test_a_fault_is_named_by_its_field(field: str, value: object, words: str) -> None:
    found = faults("invoice", **INVOICE | {field: value})

    assert len(found) == 1
    assert next(iter(found)).startswith(field)
    assert words in next(iter(found.values()))
    if field not in ("valeu_cents", "courier") and isinstance(value, str | int | float) and value:
        assert repr(value)[:40] in next(iter(found.values()))


@pytest.mark.parametrize(
    ("given", "series"),
    [({}, "1"), ({"invoice_series": "001"}, "1"), ({"invoice_key": None}, None)],
)
def test_a_series_that_is_absent_is_read_from_the_key(
    given: dict[str, Any], series: str | None
) -> None:
    invoice = request_schemas.read("invoice", INVOICE | given)

    assert invoice.invoice_series == series  # type: ignore[union-attr]


def test_a_series_or_number_other_than_in_the_key_is_refused_with_both() -> None:
    found = faults("invoice", **INVOICE | {"invoice_series": "002", "invoice_number": "128842"})

    assert found == {
        "invoice_series": "'002' is another series than 1 in the invoice_key",
        "invoice_number": "'128842' is another number than 128841 in the invoice_key",
    }


@pytest.mark.parametrize("number", ["000128841", "NF 128/841"])
def test_a_number_is_compared_with_the_key_without_zeros_and_only_if_it_is_one(number: str) -> None:
    invoice = request_schemas.read("invoice", INVOICE | {"invoice_number": number})

    assert invoice.invoice_number == number  # type: ignore[union-attr]


def test_the_key_of_a_coupon_holds_no_series() -> None:
    key = with_check_digit("35260312345678000190" + "59" + "000123456" + "001234" + "123456")
    given = {"invoice_key": key, "invoice_series": "7", "invoice_number": "1234"}

    assert request_schemas.read("invoice", INVOICE | given).invoice_series == "7"  # type: ignore[union-attr]


def with_check_digit(body: str) -> str:
    return next(body + digit for digit in "0123456789" if key_is_sound(body + digit))


@pytest.mark.parametrize(
    ("url", "sent"),
    [
        ("https://x.example.com/a b.pdf", "https://x.example.com/a%20b.pdf"),
        ("https://x.example.com/nota-ção", "https://x.example.com/nota-%C3%A7%C3%A3o"),
        ("https://x.example.com/a%20b?c=d&e=%C3#f", "https://x.example.com/a%20b?c=d&e=%C3#f"),
        ("https://x.example.com/100%?q=ã", "https://x.example.com/100%25?q=%C3%A3"),
        ("https://encomendas.pão.example:81/1", "https://encomendas.xn--po-sia.example:81/1"),
        ('http://x.example.com/<b>"', "http://x.example.com/%3Cb%3E%22"),
    ],
)
def test_an_address_is_percent_encoded(url: str, sent: str) -> None:
    invoice = request_schemas.read("invoice", INVOICE | {"url": url, "tracking_url": url})

    assert (invoice.url, invoice.tracking_url) == (sent, sent)  # type: ignore[union-attr]


NOW = datetime(2026, 3, 12, 12, tzinfo=UTC)


@pytest.mark.parametrize("field", ["dispatched_at", "delivered_at"])
def test_a_time_in_the_future_is_refused_with_both_times(field: str) -> None:
    given = {"invoice_number": "1", "tracking_number": "BR1"}

    with pytest.raises(RequestInvalid) as caught:
        request_schemas.read("tracking", given | {field: "2026-03-12T09:06:00-03:00"}, now=NOW)
    request_schemas.read("tracking", given | {field: "2026-03-12T09:04:00-03:00"}, now=NOW)

    assert caught.value.faults == {
        field: "'2026-03-12T09:06:00-03:00' is later than now, 2026-03-12T12:00:00+00:00"
    }


def test_a_dispatch_in_the_future_is_refused_in_an_invoice_as_well() -> None:
    given = INVOICE | {"dispatched_at": "2026-03-13T09:00:00-03:00"}

    with pytest.raises(RequestInvalid, match="dispatched_at"):
        request_schemas.read("invoice", given, now=NOW)


def test_a_delivery_before_the_dispatch_is_refused_with_both_times() -> None:
    found = faults(
        "tracking",
        invoice_number="1",
        dispatched_at="2026-03-11T10:00:00-03:00",
        delivered_at="2026-03-11T12:59:00+00:00",
    )

    assert found == {
        "delivered_at": "'2026-03-11T12:59:00+00:00' is before dispatched_at, "
        "2026-03-11T10:00:00-03:00"
    }


def test_tracking_by_address_alone_is_enough() -> None:
    tracking = request_schemas.read(
        "tracking", {"invoice_number": "1", "tracking_url": "https://x.example.com/1"}
    )

    assert tracking.tracking_number is None  # type: ignore[union-attr]


def test_tracking_keeps_its_series() -> None:
    fields = {"invoice_number": "1", "invoice_series": "007", "tracking_number": "BR1"}

    tracking = request_schemas.read("tracking", fields)

    assert tracking.invoice_series == "7"  # type: ignore[union-attr]


@pytest.mark.parametrize("blank", ["", " ", "\t\n", None])
def test_an_optional_text_that_is_blank_is_absent(blank: str | None) -> None:
    names = ("invoice_series", "invoice_key", "url", "courier", "tracking_number", "tracking_url")
    item = INVOICE["items"][0] | {"description": blank}

    invoice = request_schemas.read(
        "invoice", INVOICE | dict.fromkeys(names, blank) | {"items": [item]}
    )

    assert [getattr(invoice, name) for name in names] == [None] * len(names)
    assert invoice.items[0].description is None  # type: ignore[union-attr]


def test_all_faults_are_told_at_once() -> None:
    assert set(faults("invoice", invoice_number="", value_cents=-1)) == {
        "invoice_number",
        "value_cents",
        "issued_at",
    }


def test_a_return_takes_each_sku_once() -> None:
    twice = INVOICE["items"] * 2

    assert "twice" in faults("invoice", **INVOICE | {"type": "Input", "items": twice})["items"]
    request_schemas.read("invoice", INVOICE | {"items": twice})


def test_tracking_must_say_something() -> None:
    assert "tracking_number" in faults("tracking", invoice_number="1", courier="Transportes Sul")
    request_schemas.read(
        "tracking", {"invoice_number": "1", "delivered_at": "2026-03-12T10:00:00-03:00"}
    )


def test_a_cancellation_needs_its_reason() -> None:
    assert faults("cancellation", reason=" ") == {"reason": "is empty"}


@pytest.mark.parametrize("number", ["128841", "NF 128/841", "#1", "ç-1", "A-1"])
def test_an_invoice_number_is_made_safe_and_back(number: str) -> None:
    safe = plain_number(number)

    assert not set(safe) & set(" /#ç")
    assert written_number(safe) == number


def test_a_key_with_letters_in_its_cnpj_is_sound() -> None:
    body = "352603" + "12ABC678000190" + "55" + "001" + "000128841" + "1" + "98765432"
    digits = [d for d in "0123456789" if key_is_sound(body + d)]

    assert len(body) == 43
    assert len(digits) == 1


def test_half_of_a_character_is_refused() -> None:
    assert "half of a character" in faults("cancellation", reason="a\ud800")["reason"]


def test_names_of_fields_may_look_like_paths() -> None:
    given = INVOICE | {"items.99": 1, "items.²": 1, "items.0.sku_id": 1, ".": 1}

    assert len(faults("invoice", **given)) == 4


def test_what_is_no_field_is_not_quoted_for_it_may_name_a_person() -> None:
    with pytest.raises(RequestInvalid) as caught:
        request_schemas.read(
            "invoice", INVOICE | {"cliente": "Ana Prado", "courier": "Ana Prado\x00"}
        )

    assert set(caught.value.faults) == {"cliente", "courier"}
    assert "Ana" not in str(caught.value)


def test_of_very_many_faults_the_first_are_told_and_those_of_real_fields_before_all() -> None:
    given = {f"x{n}\n": n for n in range(10_000)} | {"invoice_number": ""}

    with pytest.raises(RequestInvalid, match="number: '' is empty") as caught:
        request_schemas.read("invoice", given)

    assert len(str(caught.value)) < 2500
    assert str(caught.value).isprintable()
    assert "and 9983 more" in str(caught.value)


def test_a_request_that_was_refused_is_read_again_without_its_names() -> None:
    kept = {"store": "acme", "order_id": "o-1", "reference": "r-1", "reason": "sem estoque"}

    assert request_schemas.reread(Cancellation, kept).reason == "sem estoque"


def test_a_refusal_survives_the_way_through_celery() -> None:
    error = pickle.loads(pickle.dumps(RequestInvalid("reason: is empty", faults={"reason": "x"})))

    assert str(error) == "reason: is empty"


@pytest.mark.parametrize("stamp", ["0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59"])
def test_a_time_that_another_zone_moves_out_of_the_calendar_is_refused(stamp: str) -> None:
    with pytest.raises(RequestInvalid, match="delivered_at"):
        request_schemas.read("tracking", {"invoice_number": "1", "delivered_at": stamp})
