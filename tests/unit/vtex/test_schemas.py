"""VTEX's documents as they really come."""

from __future__ import annotations

import contextlib
import copy
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from marshmallow import ValidationError

from vtex import schemas
from vtex.errors import DocumentInvalid
from vtex.reading import reader
from vtex.simulator.seed import KINDS, Seed

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
ORDERS = [Seed("acme", 7).order(NOW, "ready-for-handling", kind).order for kind in KINDS]


def order(**changes: Any) -> dict[str, Any]:
    return copy.deepcopy(ORDERS[0]) | changes


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-03-10T14:22:05.1834217+00:00", datetime(2026, 3, 10, 14, 22, 5, 183421, UTC)),
        ("2026-03-10T14:22:05Z", datetime(2026, 3, 10, 14, 22, 5, 0, UTC)),
        ("2026-03-10T14:22:05.1-0300", datetime(2026, 3, 10, 17, 22, 5, 100000, UTC)),
        ("2026-03-10T14:22:05", datetime(2026, 3, 10, 14, 22, 5, 0, UTC)),
    ],
)
def test_a_date_of_any_shape_is_aware_utc(text: str, moment: datetime) -> None:
    assert schemas.read_order(order(creationDate=text)).created_at == moment


@pytest.mark.parametrize("absent", ["", None])
def test_absent_text_is_none_however_vtex_writes_it(absent: str | None) -> None:
    assert schemas.read_order(order(affiliateId=absent)).affiliate_id is None


def test_unknown_keys_are_kept_in_the_raw_document() -> None:
    raw = order(brandNew={"x": 1})

    assert schemas.read_order(raw).raw["brandNew"] == {"x": 1}


def test_an_order_without_payment_data_is_read() -> None:
    assert schemas.read_order(order(paymentData=None)).gateway_transaction_ids == ()


@pytest.mark.parametrize("name", ["NO-PAYMENT", "PAYMENT-FROM-AFFILIATE"])
def test_no_transaction_is_asked_for_where_none_exists(name: str) -> None:
    raw = order()
    raw["paymentData"]["transactions"][0]["transactionId"] = name

    assert schemas.read_order(raw).gateway_transaction_ids == ()


def test_the_plural_price_definition_is_read_as_well() -> None:
    raw = order()
    raw["items"][0]["priceDefinitions"] = raw["items"][0].pop("priceDefinition")

    assert schemas.read_order(raw).items[0].total_cents is not None


def test_connector_answers_are_read_whatever_their_case() -> None:
    raw = order()
    raw["paymentData"]["transactions"][0]["payments"][0].update(
        tid=None, connectorResponses={"TID": "9", "tid": "8"}
    )

    assert schemas.read_order(raw).transactions[0].payments[0].tid == "9"


def test_faults_are_named_by_their_paths() -> None:
    raw = order(value=None)
    raw["items"][0]["quantity"] = "three"

    with pytest.raises(DocumentInvalid) as caught:
        schemas.read_order(raw)

    assert set(caught.value.faults) == {"value", "items.0.quantity"}


def test_the_list_may_round_its_values() -> None:
    raw = {
        "list": [{"orderId": "o-1", "totalValue": 31561.0}],
        "paging": {"total": 1, "pages": 1, "currentPage": 1},
    }

    assert schemas.read_page(raw).orders[0].value_cents == 31561


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=6,
)


def paths(value: Any, way: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value)
    found = []
    for key, one in inner:
        found.append((*way, key))
        if isinstance(one, dict | list):
            found += paths(one, (*way, key))
    return found


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_junk_anywhere_in_an_order_is_read_or_named_but_never_crashes(data: st.DataObject) -> None:
    raw = copy.deepcopy(data.draw(st.sampled_from(ORDERS)))
    way = data.draw(st.sampled_from(paths(raw)))
    target = raw
    for step in way[:-1]:
        target = target[step]
    target[way[-1]] = data.draw(JUNK)

    # Anything but DocumentInvalid fails the test.
    with contextlib.suppress(DocumentInvalid):
        schemas.read_order(raw)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_the_short_way_reads_what_marshmallow_reads_or_leaves_it_to_it(data: st.DataObject) -> None:
    raw = copy.deepcopy(data.draw(st.sampled_from(ORDERS)))
    way = data.draw(st.sampled_from(paths(raw)))
    target = raw
    for step in way[:-1]:
        target = target[step]
    target[way[-1]] = data.draw(JUNK)

    try:
        quick = reader(type(schemas._ORDER))(raw)
    except ValidationError:
        return

    assert repr(quick) == repr(schemas._ORDER.load(raw))


@pytest.mark.parametrize("raw", ORDERS)
def test_a_sound_order_takes_the_short_way(raw: dict[str, Any]) -> None:
    assert reader(type(schemas._ORDER))(raw) == schemas._ORDER.load(raw)
