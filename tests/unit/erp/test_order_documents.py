"""Orders as real shops write them, reduced to their peculiarity, with invented persons."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from erp.adapters.sql.order_rows import rows_of
from erp.mapping.sales_orders import LENIENT, PaymentMismatch, Proof, to_sales_order
from erp.sales_order import SalesOrder
from tasks.intake.orders import sales_order
from vtex import schemas
from vtex.operations.invoice import prepared
from vtex.operations.invoice_balance import balance
from vtex.payloads import Invoice

DOCUMENTS = Path(__file__).parents[2] / "support/documents/orders"


def document(name: str) -> dict[str, Any]:
    (path,) = DOCUMENTS.glob(f"{name}*.json")
    return json.loads(path.read_text(encoding="utf-8"))  # type: ignore[no-any-return]


def mapped(name: str, *, with_gateway: bool = False, proof: Proof | None = None) -> SalesOrder:
    case = document(name)
    order = schemas.read_order(case["order"])
    payment = None
    if with_gateway:
        (transaction_id,) = order.gateway_transaction_ids
        head = {"transactionId": transaction_id, "status": "Approved"}
        payments = [case["gateway_payment"]]
        payment = {"transactions": [{"transaction": head, "payments": payments}]}
    return sales_order("acme", order, payment, proof=proof or Proof())


def flags(order: SalesOrder) -> list[str]:
    return [str(flag.name) for flag in order.flags]


@pytest.mark.parametrize("path", sorted(DOCUMENTS.glob("*.json")), ids=lambda path: path.stem)
def test_every_document_goes_in_with_sums_that_agree(path: Path) -> None:
    order = mapped(path.stem)

    assert order.total == (
        order.items_total + order.discounts + order.shipping + order.tax + order.other
    )
    goods = sum(line.total for line in order.lines)
    assert goods + order.shipping + order.tax == order.total
    assert sum(line.freight for line in order.lines) == order.shipping
    assert sum(line.tax for line in order.lines) == order.tax
    assert sum(payment.share for payment in order.payments) == order.total
    assert "sum_mismatch" not in flags(order)


@pytest.mark.parametrize("path", sorted(DOCUMENTS.glob("*.json")), ids=lambda path: path.stem)
def test_a_whole_invoice_without_items_fits_every_document(path: Path) -> None:
    order = schemas.read_order(json.loads(path.read_text(encoding="utf-8"))["order"])
    now = balance(order, ())
    invoice = Invoice("1", order.value_cents, "2026-03-11T10:00:00-03:00")

    ready = prepared(invoice, order, now)

    assert sum(item.price_cents * item.quantity for item in ready.items) <= order.value_cents


def test_a_gift_by_a_tag_of_100_percent_costs_nothing() -> None:
    assert [line.total for line in mapped("01").lines] == [Decimal("119.00"), Decimal(0)]


def test_the_discount_of_a_programme_is_a_discount() -> None:
    order = mapped("03")

    assert (order.discounts, order.other) == (Decimal("-8.50"), Decimal(0))


def test_two_orders_of_a_group_book_their_one_payment_once() -> None:
    first, second = mapped("04-group-payment-01"), mapped("04-group-payment-02")

    assert first.payments[0].share + second.payments[0].share == Decimal("842.00")
    assert {first.payments[0].value, second.payments[0].value} == {Decimal("842.00")}
    assert first.payments[0].payment_id == second.payments[0].payment_id
    assert flags(first) == flags(second) == ["payment_group"]


def test_the_tax_of_an_external_engine_is_tax_on_head_and_line() -> None:
    order = mapped("06")

    assert (order.tax, order.lines[0].tax) == (Decimal("100.00"), Decimal("100.00"))


def test_a_scheduled_delivery_has_its_window() -> None:
    (line,) = mapped("07").lines

    assert f"{line.window_starts_at:%d %H}-{line.window_ends_at:%H}" == "18 08-12"


def test_a_pickup_names_its_point_and_bills_the_shopper() -> None:
    order = mapped("08")

    assert (order.pickup_point_id, order.lines[0].pickup_point_id) == ("1_5887", "1_5887")
    assert order.billing_address is not None
    assert order.billing_address.street == "Rua Um"
    assert flags(order) == []


def test_a_boleto_keeps_its_due_date_and_bar_code_that_the_gateway_lacks() -> None:
    (payment,) = mapped("09", with_gateway=True).payments

    assert payment.due_date == "2026-03-13"
    assert payment.bar_code


def test_a_foreign_document_has_its_kind() -> None:
    assert mapped("11").customer.document_type == "cedulaCOL"


def test_an_item_that_a_change_removed_is_not_shipped() -> None:
    order = mapped("13")

    kept, removed = order.lines
    assert (kept.quantity, removed.quantity, removed.removed_quantity) == (1, 0, 1)
    assert order.lines_to_deliver == (kept,)


def test_who_sold_reaches_the_erp() -> None:
    order = mapped("15")

    assert order.marketing.coupon == "welcome"
    assert order.marketing.utmi_campaign == "codigodavendedora"
    assert order.marketing.marketing_tags == "app_ios"
    assert order.note == "T796"


def test_a_chain_order_is_invoiced_at_the_price_of_its_tags() -> None:
    order = schemas.read_order(document("19")["order"])

    ready = prepared(Invoice("1", 8000, "2026-03-11T10:00:00-03:00"), order, balance(order, ()))

    assert [item.price_cents for item in ready.items] == [8000]


@pytest.mark.parametrize("multiplier", [0.352417, 0.000001, 12.345678])
def test_a_weight_keeps_its_six_decimals_on_the_way_to_the_erp(multiplier: float) -> None:
    order = document("15-seller-code")["order"]
    order["items"][0] |= {"unitMultiplier": multiplier, "measurementUnit": "kg"}

    (line, *_) = to_sales_order(
        "acme", schemas.read_order(order), [], raw_payment=None, proof=LENIENT
    ).lines

    assert line.unit_multiplier == Decimal(str(multiplier))
    assert line.measure == line.quantity * Decimal(str(multiplier))


@pytest.mark.parametrize(
    ("commission", "known"),
    [
        (1650, 1650),
        (16.0, 16),
        ("1650", 1650),
        ("--5", None),
        (3_000_000_000, None),
        (12.5, None),
        ("x" * 10_000, None),
        ({"value": 1}, None),
        (True, None),
    ],
)
def test_a_commission_reaches_its_column_or_none_and_never_holds_an_order(
    commission: object, known: int | None
) -> None:
    order = document("15-seller-code")["order"]
    order["items"][0]["commission"] = commission

    made = sales_order("acme", schemas.read_order(order), None)
    rows_of(made)

    assert made.lines[0].commission == known


def test_custom_data_of_any_form_never_holds_an_order() -> None:
    order = document("15-seller-code")["order"]
    deep: object = "bottom"
    for _ in range(3000):
        deep = {"level": deep}
    order["customData"] = {
        "customApps": [{"id": "a", "fields": {"a\x00b": "x", "\ud800": "y", "": "z", "deep": deep}}]
    }
    order["purchaseAgentData"] = {"\x00": ["v", {"w": True}]}

    made = sales_order("acme", schemas.read_order(order), None)

    pairs = {attribute.name: attribute.value for attribute in made.attributes}
    assert pairs == {
        "a\ufffdb": "x",
        "\ufffd": "y",
        "value": "z",
        "\ufffd.0": "v",
        "\ufffd.1.w": "true",
    }


def bought_by(country: str, **client: Any) -> SalesOrder:
    order = document("11-document-type")["order"]
    order["storePreferencesData"]["countryCode"] = country
    order["clientProfileData"] |= {"documentType": None, "corporateName": "Firm"} | client
    return sales_order("acme", schemas.read_order(order), None)


@pytest.mark.parametrize(
    ("country", "client", "kind", "number"),
    [
        # Letters beyond A to Z belong to a Mexican company's document.
        ("MEX", {"documentType": "RFC", "document": "G&M-010203-AB1"}, "RFC", "G&M010203AB1"),
        ("MEX", {"documentType": "RFC", "document": "ñan010203ab1"}, "RFC", "ÑAN010203AB1"),
        # A company's number is often written without its check digit.
        ("COL", {"documentType": "NIT", "document": "900.373.913"}, "NIT", "900373913"),
        ("COL", {"documentType": "NIT", "document": "900.373.913-4"}, "NIT", "9003739134"),
        # A company without a document of its own is known by its buyer's.
        ("ARG", {"documentType": "DNI", "document": "12345678", "isCorporate": True},
         "DNI", "12345678"),
        ("COL", {"documentType": "cedulaCOL", "document": "1020304050", "isCorporate": True},
         "cedulaCOL", "1020304050"),
        ("PER", {"documentType": "DNI", "document": "10117410", "isCorporate": True},
         "DNI", "10117410"),
        ("ARG", {"documentType": "DNI", "document": "12345678", "isCorporate": True,
                 "corporateDocument": "20-05536168-2"}, "cuit", "20055361682"),
    ],
)  # fmt: skip
def test_a_right_document_from_abroad_is_kept_whole_and_without_a_flag(
    country: str, client: dict[str, Any], kind: str, number: str
) -> None:
    order = bought_by(country, **client)

    assert (order.customer.document_type, order.customer.document) == (kind, number)
    assert "document_check_digit" not in flags(order)


def test_a_flag_quotes_nothing_that_stands_beside_the_kind_of_document() -> None:
    order = bought_by("BRA", documentType="CPF 11144477736", document="111.444.777-36")

    (detail,) = [flag.detail for flag in order.flags if flag.name == "document_check_digit"]
    assert str(detail) == "clientProfileData.document: the check digits of the cpf are wrong"


def paid(value: int, payment_id: str, **more: Any) -> dict[str, Any]:
    return {
        "id": payment_id,
        "paymentSystem": "2",
        "group": "creditCard",
        "value": value,
        "referenceValue": value,
        "tid": "1",
    } | more


CARD, GIFT = paid(5000, "C"), paid(1450, "G", group="giftCard", paymentSystem="16", tid=None)
WHOLE = paid(6450, "W")


@pytest.mark.parametrize(
    ("own", "at_gateway", "expected"),
    [
        ([CARD, GIFT], [GIFT | {"status": "Approved"}, CARD], ["G", "C"]),
        ([CARD, GIFT], [CARD | {"status": "Approved"}], ["C", "G"]),
        ([CARD, GIFT], [CARD | {"status": "Approved"}, GIFT], ["C", "G"]),
        ([WHOLE], [], ["W"]),
        ([WHOLE], [WHOLE | {"id": "R", "status": "Refunded"}, WHOLE], ["W"]),
        ([WHOLE], [WHOLE | {"id": "R", "status": "Cancelled"}, WHOLE], ["W"]),
    ],
    ids=["other order", "gift card in the order alone", "gift card without a status",
         "nothing at the gateway", "given back and made anew", "cancelled and made anew"],
)  # fmt: skip
def test_gateway_and_order_together_have_each_payment_once(
    own: list[dict[str, Any]], at_gateway: list[dict[str, Any]], expected: list[str]
) -> None:
    raw = document("04-group-payment-02")["order"]
    raw["paymentData"]["transactions"] = [{"transactionId": "T", "payments": own}]
    answer = {"transaction": {"transactionId": "T"}, "payments": at_gateway}

    order = sales_order("acme", schemas.read_order(raw), {"transactions": [answer]})

    assert [payment.payment_id for payment in order.payments] == expected
    assert sum(payment.share for payment in order.payments) == order.total
    assert flags(order) == []


def test_a_marketplaces_stand_in_is_no_second_payment() -> None:
    raw = document("04-group-payment-02")["order"]
    raw["paymentData"]["transactions"] = [
        {"transactionId": "PAYMENT-FROM-AFFILIATE", "payments": [WHOLE | {"id": None}]},
        {"transactionId": "T", "payments": [WHOLE]},
    ]

    order = sales_order("acme", schemas.read_order(raw), None)

    assert [payment.payment_id for payment in order.payments] == ["W"]
    assert flags(order) == []


def place(address_id: str, street: str) -> dict[str, Any]:
    return {
        "addressId": address_id,
        "addressType": "residential",
        "street": street,
        "number": "1",
        "postalCode": "01001-000",
        "country": "Brasil",
    }


HOME, WORK, SHOP = place("a1", "Rua Um"), place("a2", "Rua Dois"), place("p1", "Rua da Loja")
FETCHED = {
    "selectedDeliveryChannel": "pickup-in-point",
    "pickupStoreInfo": {"isPickupStore": True, "friendlyName": "Loja", "address": SHOP},
}


def delivered(items: int, rows: list[dict[str, Any]], **shipping: Any) -> SalesOrder:
    raw = document("04-group-payment-02")["order"]
    (item,) = raw["items"]
    raw["items"] = [item | {"uniqueId": f"U{index}"} for index in range(items)]
    raw["totals"], raw["value"] = [{"id": "Items", "value": 5950 * items}], 5950 * items
    raw["paymentData"]["transactions"][0]["payments"] = [paid(5950 * items, "W")]
    raw["shippingData"] = {"logisticsInfo": rows} | shipping
    return sales_order("acme", schemas.read_order(raw), None)


def streets(order: SalesOrder) -> list[str | None]:
    by_number = {address.address_no: address.street for address in order.addresses}
    return [by_number[line.address_no] if line.address_no else None for line in order.lines]


@pytest.mark.parametrize(
    ("rows", "shipping", "expected", "missing"),
    [
        ([(0, "a1"), (1, "a2")], {"selectedAddresses": [HOME, WORK]}, ["Rua Um", "Rua Dois"], 0),
        ([(0, "a1"), (1, "a9")], {"selectedAddresses": [HOME, WORK]}, ["Rua Um", None], 1),
        ([(0, "a9"), (1, "a9")], {"address": HOME, "availableAddresses": [HOME, WORK]},
         ["Rua Um", "Rua Um"], 0),
        ([(0, None), (1, None)], {"address": HOME}, ["Rua Um", "Rua Um"], 0),
        ([(0, "a1")], {"address": HOME}, ["Rua Um", "Rua Um"], 0),
        ([], {"address": HOME}, ["Rua Um", "Rua Um"], 0),
    ],
    ids=["two", "an unknown one", "known by another id", "without ids", "a line without a row",
         "no rows"],
)  # fmt: skip
def test_a_line_goes_to_its_own_address_or_says_that_it_has_none(
    rows: list[tuple[int, str | None]],
    shipping: dict[str, Any],
    expected: list[str | None],
    missing: int,
) -> None:
    infos = [{"itemIndex": index, "addressId": address_id} for index, address_id in rows]

    order = delivered(2, infos, **shipping)

    assert streets(order) == expected
    assert flags(order) == ["address_missing"] * missing
    assert {address.postal_code for address in order.addresses} == {"01001000"}


def test_a_pickup_that_names_the_shoppers_address_bills_it() -> None:
    order = delivered(1, [FETCHED | {"itemIndex": 0, "addressId": "a1"}], address=HOME)

    assert streets(order) == ["Rua da Loja"]
    assert order.billing_address is not None
    assert order.billing_address.street == "Rua Um"
    assert flags(order) == []


def test_a_part_stands_under_its_parent_wherever_the_parent_stands() -> None:
    raw = document("04-group-payment-02")["order"]
    (item,) = raw["items"]
    part = item | {"price": 0, "sellingPrice": 0, "parentItemIndex": 1, "priceDefinition": None}
    raw["items"] = [part, item, part]
    raw["shippingData"]["logisticsInfo"][0]["itemIndex"] = 1

    order = sales_order("acme", schemas.read_order(raw), None)

    assert [line.parent_line for line in order.lines] == [2, None, 2]


def priced(
    items: list[dict[str, Any]], totals: dict[str, int], changes: list[dict[str, Any]] | None
) -> SalesOrder:
    raw = document("04-group-payment-02")["order"]
    (item,) = raw["items"]
    raw["items"] = [
        item | {"priceDefinition": None, "sellingPrice": part["price"], "uniqueId": None} | part
        for part in items
    ]
    raw["totals"] = [{"id": name, "value": cents} for name, cents in totals.items()]
    raw["value"] = sum(totals.values())
    raw["paymentData"]["transactions"][0]["payments"] = [paid(raw["value"], "W")]
    raw["shippingData"]["logisticsInfo"] = []
    raw["changesAttachment"] = None if changes is None else {"changesData": changes}
    return sales_order("acme", schemas.read_order(raw), None)


@pytest.mark.parametrize("changes", [None, [], [{"itemsAdded": [], "itemsRemoved": []}]])
def test_a_change_of_the_value_that_no_line_shows_is_flagged(
    changes: list[dict[str, Any]] | None,
) -> None:
    order = priced([{"price": 1000}], {"Items": 1000, "Change": -100}, changes)

    assert [(str(flag.name), flag.difference) for flag in order.flags] == [
        ("sum_mismatch", Decimal("-1.00"))
    ]


@pytest.mark.parametrize(("written", "left"), [(3, 1), (2, 1), (1, 1)])
def test_of_two_changes_those_count_that_the_items_lack(written: int, left: int) -> None:
    gone = [{"id": "9", "quantity": 1, "price": 1000}]
    totals = {"Items": 1000 * written, "Change": 1000 * (left - written)}

    order = priced([{"price": 1000, "quantity": written}], totals, [{"itemsRemoved": gone}] * 2)

    assert [line.quantity for line in order.lines] == [left]
    assert flags(order) == []


def test_a_store_may_hold_orders_whose_payments_miss_their_value() -> None:
    proof = Proof(hold_payment_doubts=True)
    for name, payments in (("missing", []), ("short", [CARD]), ("doubled", [WHOLE, WHOLE])):
        raw = document("04-group-payment-02")["order"]
        raw["paymentData"]["transactions"][0]["payments"] = payments
        order = schemas.read_order(raw)

        with pytest.raises(PaymentMismatch, match=r"^payments: "):
            sales_order("acme", order, None, proof=proof)
        assert flags(sales_order("acme", order, None)) != [], name

    # The payment of a group is proven by the order's share.
    assert flags(mapped("04-group-payment-02", proof=proof)) == ["payment_group"]


@pytest.mark.parametrize(
    "number", ["9" * 31, "9" * 10_000, "²³¹" * 4, "١٢٣٤٥٦٧٨٩٠١", "Ñ&" * 6, "A"]
)
@pytest.mark.parametrize(
    ("country", "kind"),
    [
        ("BRA", "cpf"), ("BRA", "cnpj"), ("ARG", "CUIT"), ("ARG", "DNI"), ("CHL", "RUT"),
        ("URY", "RUT"), ("PER", "RUC"), ("ECU", "RUC"), ("ECU", "ci"), ("PRY", "RUC"),
        ("COL", "NIT"), ("GTM", "NIT"), ("MEX", "RFC"), ("MEX", "CURP"), ("PRT", "NIF"),
        ("ESP", "NIF"), ("ROU", "CNP"), ("ROU", "CUI"),
    ],
)  # fmt: skip
def test_a_document_of_any_characters_is_flagged_and_stops_nothing(
    country: str, kind: str, number: str
) -> None:
    order = bought_by(country, documentType=kind, document=number)

    assert "document_check_digit" in flags(order)
