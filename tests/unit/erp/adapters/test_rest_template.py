"""The mapping language of profiles."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from erp.adapters.rest.template import Formats, NoCode, Renderer, TemplateError, dumped, found
from erp.conformance import sample

FORMATS = Formats({"date": "%d/%m/%Y", "hour": "%H:%M:%S", "zone": "-03:00"})
CODES = {"payment": {"2": 15}, "carrier": {"default": "PAC"}}
KNOWN = {
    "order": replace(sample(), note="olá"),
    "total": Decimal("315.605"),
    "at": datetime(2026, 3, 11, 1, 30, tzinfo=UTC),
    "empty": "",
    "lines": sample().lines,
}


def render(template: Any) -> Any:
    return Renderer(FORMATS, CODES).render(template, KNOWN)


@pytest.mark.parametrize(
    ("template", "made"),
    [
        ("text", "text"),
        (7, 7),
        ("$order.customer.document", "52998224725"),
        ("$order.lines.1.sku_id", "310045"),
        ("$order.lines.9.sku_id", None),
        ("$nothing.at.all", None),
        ("$order.customer.name | cut 9 | upper", "CONCEIÇÃO"),
        ("$at | date", "10/03/2026"),
        ("$at | hour", "22:30:00"),
        ("$total | positive | number", Decimal("315.605")),
        ("$total | negative", Decimal(0)),
        ("$order.discounts | negative | money", Decimal("12.99")),
        ("$empty | integer", None),
        ({"a": "$nothing", "b": {"c": "$empty"}}, None),
        ({"join": ["VTEX ", "$order.note"]}, "VTEX olá"),
        ({"if": "$order.note", "then": 1, "else": 2}, 1),
        ({"if": "$nothing", "then": 1, "else": 2}, 2),
        ({"if": "$nothing", "then": 1}, None),
        ({"if": "$order.customer.kind", "is": "J", "then": 1, "else": 2}, 2),
        ({"if": "$order.customer.kind", "is": ["J", "F"], "then": 1}, 1),
        ({"code": "payment", "of": "2"}, 15),
        ({"code": "payment", "of": "9", "else": "$order.note"}, "olá"),
        ({"code": "carrier", "of": "Correios"}, "PAC"),
        ({"each": "$nothing", "item": "$.sku_id"}, []),
        (
            {"each": "$lines", "item": {"n": "$.line_no", "note": "$order.note"}},
            [{"n": 1, "note": "olá"}, {"n": 2, "note": "olá"}, {"n": 3, "note": "olá"}],
        ),
        ({"json": {"t": "$order.total | money"}}, '{"t": 315.61}'),
    ],
)
def test_a_template_becomes(template: Any, made: Any) -> None:
    assert render(template) == made


def test_money_goes_out_with_the_digits_that_it_has() -> None:
    cents = [Decimal(one).scaleb(-2) for one in (1, 10, 435, 11561, 10**12 + 1)]

    assert dumped(cents) == "[0.01, 0.1, 4.35, 115.61, 10000000000.01]"


@pytest.mark.parametrize(
    ("template", "words"),
    [
        ("$total | shout", "the filter shout is unknown"),
        ("$at | week", r"\[formats\] lacks week"),
        ({"json": {"at": "$at"}}, "a datetime needs a filter"),
    ],
)
def test_a_template_that_cannot_be_read_says_why(template: Any, words: str) -> None:
    with pytest.raises(TemplateError, match=words):
        render(template)


def test_a_zone_is_an_offset() -> None:
    with pytest.raises(TemplateError, match="must be an offset, as in -03:00"):
        Formats({"zone": "America/Sao_Paulo"})


def test_a_code_that_is_missing_names_its_table_and_itself() -> None:
    with pytest.raises(NoCode, match=r"\[codes\.payment\] of the ERP's settings lacks '201'"):
        render({"code": "payment", "of": "201"})


def test_moments_are_read_in_the_zone_of_the_erp() -> None:
    assert FORMATS.read("10/03/2026", "date").isoformat() == "2026-03-10T00:00:00-03:00"
    assert FORMATS.read("2026-03-10T12:00:00Z", "date").isoformat() == "2026-03-10T12:00:00+00:00"
    with pytest.raises(ValueError, match="ontem"):
        FORMATS.read("ontem", "date")


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("a.*.b", [1, 2]),
        (["x", "a.0.b"], 1),
        ("a.5.b", None),
        ("a.b", None),
        ("", {"a": [{"b": 1}, {"b": 2}]}),
    ],
)
def test_paths_lead_into_what_the_erp_answers(path: Any, value: Any) -> None:
    assert found({"a": [{"b": 1}, {"b": 2}]}, path) == value


def test_the_retailers_map_goes_before_the_codes_of_the_settings() -> None:
    renderer = Renderer(FORMATS, CODES)
    known = KNOWN | {"codes": {"payment": {"2": "CARTAO"}, "tax": {"consumer": 9}}}

    made = renderer.render(
        {
            "payment": {"code": "payment", "of": "2"},
            "carrier": {"code": "carrier", "of": "Correios"},
            "tax": "$codes.tax.consumer",
        },
        known,
    )

    assert made == {"payment": "CARTAO", "carrier": "PAC", "tax": 9}
