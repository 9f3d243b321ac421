"""Expressions that filter orders mean the same as in JSONata."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vtex.simulator.expressions import LONGEST, matches, parse
from vtex.simulator.faults import Refused

ORDER = {
    "orderId": "v1acme-01",
    "status": "handling",
    "value": 31561,
    "isCompleted": True,
    "packageAttachment": None,
    "items": [
        {"id": "310045", "quantity": 2, "priceTags": []},
        {"id": "310102", "quantity": 1, "priceTags": [{"name": "discount"}]},
    ],
    "sellers": [{"id": "1", "name": "Acme"}],
}


@pytest.mark.parametrize(
    ("expression", "wanted"),
    [
        ('status = "handling"', True),
        ("status = 'invoiced'", False),
        ("value >= 31561 and value < 40000", True),
        ('status = "canceled" or isCompleted = true', True),
        ("isCompleted = 1", False),
        ("`orderId` != 'v1acme-01'", False),
        ('status in ["handling", "invoiced"]', True),
        ('"310102" in items.id', True),
        ("$count(items) = 2", True),
        ("$sum(items.quantity) = 3", True),
        ('items[id = "310102"].quantity = 1', True),
        ("items[0].quantity = 2", True),
        ("items[-1].quantity = 1", True),
        ("items[5].quantity = 1", False),
        ('items.priceTags.name = "discount"', True),
        ('sellers.name = "Acme"', True),
        ("$exists(marketingData)", False),
        ("$not($exists(marketingData.utmSource))", True),
        ("marketingData.utmSource != 'x'", False),
        ("$exists(packageAttachment)", True),
        ("packageAttachment.packages.type = 'Input'", False),
        ("packageAttachment = null", True),
        ('$contains(orderId, "acme")', True),
        ("(status = 'handling') and (value > 5 or value < 2)", True),
        ("value > 'a'", False),
        ("isCompleted", True),
        ("$boolean(items.priceTags)", True),
    ],
)
def test_an_expression_is_true_for_the_orders_that_it_describes(
    expression: str, wanted: bool
) -> None:
    assert matches(parse(expression), ORDER) is wanted


@pytest.mark.parametrize(
    "expression",
    [None, 3, "", "  ", "value >", "(value", "items[0", "value ~> $f", "$uppercase(status) = 'A'",
     "$count(items, 1)", "a b", "'open", "a.'b'", "[1", "(" * LONGEST, "a" * (LONGEST + 1)],
)  # fmt: skip
def test_an_expression_that_the_simulator_does_not_know_is_refused(expression: object) -> None:
    with pytest.raises(Refused, match=r"^filter\.expression"):
        parse(expression)


@given(st.text(alphabet="ab.[]()=<>!\"'$, 1-`or and in", max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        expression = parse(text)
    except Refused:
        return
    assert matches(expression, ORDER) in (True, False)
