"""VTEX's documents as they really come."""

from __future__ import annotations

import copy
from datetime import UTC, datetime
from typing import Any

import pytest

from vtex import schemas
from vtex.errors import DocumentInvalid
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


def named(**changes: Any) -> set[str]:
    """Return the paths of what is wrong with an order."""
    with pytest.raises(DocumentInvalid) as caught:
        schemas.read_order(order(**changes))
    return set(caught.value.faults)


def of_item(**changes: Any) -> dict[str, Any]:
    return {"items": [copy.deepcopy(ORDERS[0])["items"][0] | changes]}


@pytest.mark.parametrize("text", ["", "0001-01-01T00:00:00+00:00"])
def test_a_time_that_was_never_set_is_absent_and_a_needed_one_is_missed(text: str) -> None:
    assert schemas.read_order(order(authorizedDate=text)).authorized_at is None
    assert named(creationDate=text) == {"creationDate"}


@pytest.mark.parametrize("text", ["9999-12-31T23:59:59-12:00", "3000-01-01T00:00:00Z"])
def test_a_time_that_no_calendar_of_ours_has_is_refused(text: str) -> None:
    assert named(lastChange=text) == {"lastChange"}


def test_what_no_database_takes_is_replaced_in_texts_and_kept_in_the_document() -> None:
    raw = order(sequence="1\x002\ud8003\u202e")
    raw["paymentData"]["transactions"][0]["payments"][0]["connectorResponses"] = {"a": "\x00"}

    read = schemas.read_order(raw)

    assert read.sequence == "1\ufffd2\ufffd3\u202e"
    assert read.transactions[0].payments[0].connector["a"] == "\ufffd"
    assert read.raw["sequence"] == "1\x002\ud8003\u202e"


@pytest.mark.parametrize("status", ["Ana Prado, 529.982.247-25", "x" * 65])
def test_a_status_that_is_no_word_is_refused_for_messages_quote_it(status: str) -> None:
    assert named(status=status) == {"status"}


@pytest.mark.parametrize("number", [10**400, float("inf"), float("nan"), 1e300])
def test_a_number_that_is_no_id_is_no_text(number: float) -> None:
    assert named(sequence=number) == {"sequence"}


@pytest.mark.parametrize("quantity", [-1, 10**6 + 1, 10**400])
def test_a_quantity_that_no_order_has_is_refused(quantity: int) -> None:
    assert named(**of_item(quantity=quantity)) == {"items.0.quantity"}


def test_a_unit_price_of_no_unit_counts_as_none() -> None:
    prices = [{"value": 5, "quantity": 0}, {"value": 50, "quantity": 2}]

    (item,) = schemas.read_order(
        order(**of_item(quantity=2, priceDefinition={"total": 100, "sellingPrices": prices}))
    ).items

    assert [one.quantity for one in item.selling_prices] == [2]


@pytest.mark.parametrize("factor", ["1E-999999999", "1E+999999999", 0.0000001, 5e-324])
def test_a_unit_multiplier_that_no_unit_has_is_refused(factor: float | str) -> None:
    assert named(**of_item(unitMultiplier=factor)) == {"items.0.unitMultiplier"}


CARRIED = (
    ("openTextField",),
    ("items", 0, "listPrice"),
    ("items", 0, "measurementUnit"),
    ("clientProfileData", "phone"),
    ("shippingData", "address", "complement"),
    ("shippingData", "address", "reference"),
    ("shippingData", "logisticsInfo", 0, "listPrice"),
    ("shippingData", "logisticsInfo", 0, "selectedSla"),
    ("shippingData", "logisticsInfo", 0, "deliveryCompany"),
    ("shippingData", "logisticsInfo", 0, "deliveryWindow"),
    *(
        ("paymentData", "transactions", 0, "payments", 0, name)
        for name in (
            "paymentSystemName", "installments", "firstDigits", "lastDigits", "tid", "dueDate",
            "bankIssuedInvoiceBarCodeNumber", "giftCardId", "billingAddress", "connectorResponses",
        )
    ),
)  # fmt: skip
"""Fields that no sum and no identity depends on."""


@pytest.mark.parametrize("value", [{"a": [1]}, [[1], None], True, -1, 1.5, 10**30, "--5", "x\x00"])
@pytest.mark.parametrize("path", CARRIED, ids=lambda path: str(path[-1]))
def test_what_only_rides_along_is_read_or_absent_and_holds_no_order(
    path: tuple[str | int, ...], value: Any
) -> None:
    raw = order()
    at: Any = raw
    for step in path[:-1]:
        at = at[step]
    at[path[-1]] = value

    read = schemas.read_order(raw)

    assert read.transactions[0].payments[0].installments >= 1


def test_a_billing_address_and_a_note_may_be_plain_text() -> None:
    raw = order(openTextField="Ring twice")
    raw["paymentData"]["transactions"][0]["payments"][0]["billingAddress"] = '{"street": "Rua Um"}'

    read = schemas.read_order(raw)

    assert read.note == "Ring twice"
    address = read.transactions[0].payments[0].billing_address
    assert address is not None
    assert address.street == "Rua Um"


ROW = {"orderId": "o-2", "totalValue": 31561.0}


def page(*rows: Any) -> dict[str, Any]:
    return {"list": [ROW, *rows], "paging": {"total": 1, "pages": 1, "currentPage": 1}}


@pytest.mark.parametrize("row", [None, 5, {}, {"orderId": "x" * 65}, {"orderId": ["o-1"]}])
def test_a_row_of_the_list_that_names_no_order_hides_no_other(row: Any) -> None:
    read = schemas.read_page(page(row))

    assert [one.order_id for one in read.orders] == ["o-2"]
    assert len(read.unreadable) == 1
    assert read.unreadable[0].startswith("list.1: ")


def test_a_row_of_the_list_that_names_an_order_lists_it_whatever_else_is_wrong() -> None:
    read = schemas.read_page(page({"orderId": "o-1", "creationDate": "soon", "totalValue": []}))

    assert [one.order_id for one in read.orders] == ["o-2", "o-1"]
    assert read.orders[1].created_at is None


@pytest.mark.parametrize("raw", [[], "r-1", 5, {"receipt": {}}, {"receipt": None}, {}])
def test_what_is_no_receipt_counts_as_none_for_vtex_has_done_it(raw: Any) -> None:
    assert schemas.read_receipt(raw) is None


def test_a_receipt_is_cut_to_what_the_erp_can_hold() -> None:
    assert schemas.read_receipt({"receipt": "r" * 1000}) == "r" * 255


def test_a_field_of_a_row_that_cannot_be_read_spoils_no_other():
    row = {"orderId": "o-1", "totalValue": 100, "authorizedDate": "soon", "status": "handling"}

    page = schemas.read_page({"list": [row], "paging": {"total": 1, "pages": 1, "currentPage": 1}})

    (order,) = page.orders
    assert (order.value_cents, order.status, order.authorized_at) == (100, "handling", None)
