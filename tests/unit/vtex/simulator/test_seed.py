"""The orders that the simulator draws: the same again, realistic, and adding up."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from vtex.simulator.seed import KINDS, PAID_ELSEWHERE, REGULAR, Made, Seed
from vtex.simulator.shapes.countries import COUNTRIES

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
SEEDS = range(1, 9)


def drawn(kind: str, seed: int = 1) -> Made:
    return Seed("acme", seed).order(NOW, "ready-for-handling", kind)


def order_of(kind: str, seed: int = 1) -> dict[str, Any]:
    return drawn(kind, seed).order


def payments_of(order: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = order["paymentData"]["transactions"][0]["payments"]
    return found


def totals_of(order: dict[str, Any]) -> dict[str, int]:
    return {one["id"]: one["value"] for one in order["totals"]}


def line_total(item: dict[str, Any]) -> int:
    """Add up a line by the published rules: its definition, else price and price tags."""
    services = sum(line_total(one) for one in item["bundleItems"])
    definition = item["priceDefinition"]
    if definition:
        return int(definition["total"]) + services
    tags = sum(one["value"] for one in item["priceTags"] if "@price" in one["name"])
    return round(item["price"] * item["quantity"] * item["unitMultiplier"]) + tags + services


def has_valid_digits(number: str, heaviest: int) -> bool:
    """Check the two last digits of a CPF (weights up to 11) or a CNPJ (up to 9, then again)."""
    digits = [int(one) for one in number if one.isdigit()]
    for end in (len(digits) - 2, len(digits) - 1):
        weights = [2 + i % (heaviest - 1) for i in range(end)]
        rest = sum(d * w for d, w in zip(reversed(digits[:end]), weights, strict=True)) % 11
        if digits[end] != (0 if rest < 2 else 11 - rest):
            return False
    return True


# --- the same again ---------------------------------------------------------------------------


def test_the_same_seed_draws_the_same_orders() -> None:
    one, other = Seed("acme", 7), Seed("acme", 7)

    assert [one.order(NOW, "handling") for _ in KINDS] == [
        other.order(NOW, "handling") for _ in KINDS
    ]


def test_another_seed_draws_other_orders_under_other_ids() -> None:
    one, other = Seed("acme", 7), Seed("acme", 8)

    drawn_by_one = [one.order(NOW, "handling").order for _ in KINDS]
    drawn_by_other = [other.order(NOW, "handling").order for _ in KINDS]

    ids = {order["orderId"] for order in drawn_by_one}
    assert ids.isdisjoint(order["orderId"] for order in drawn_by_other)
    assert [o["value"] for o in drawn_by_one] != [o["value"] for o in drawn_by_other]


def test_a_batch_as_long_as_the_kinds_has_each_once() -> None:
    seed = Seed("acme")

    drawn_in_turn = [seed.order(NOW, "handling").order for _ in KINDS]

    assert len({order["orderId"] for order in drawn_in_turn}) == len(KINDS)
    companies = [kind for kind in KINDS if "company" in kind or kind == "b2b"]
    shoppers = [order["clientProfileData"] for order in drawn_in_turn]
    assert sum(client["isCorporate"] for client in shoppers) == len(companies)
    assert all(order["paymentData"] and order["orderGroup"] for order in drawn_in_turn)


def test_an_unknown_kind_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match=r"kind: 'barter' is none of plain, company"):
        drawn("barter")


# --- sums -------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_the_totals_of_every_kind_add_up_to_its_value(kind: str) -> None:
    for seed in SEEDS:
        order = order_of(kind, seed)

        assert sum(totals_of(order).values()) == order["value"]


@pytest.mark.parametrize("kind", REGULAR)
def test_the_lines_of_every_regular_kind_add_up_to_goods_less_discounts(kind: str) -> None:
    for seed in SEEDS:
        order = order_of(kind, seed)
        totals = totals_of(order)

        assert sum(map(line_total, order["items"])) == totals["Items"] + totals["Discounts"]


@pytest.mark.parametrize("kind", REGULAR)
def test_the_prices_of_a_line_cover_its_quantity_and_add_up_to_its_total(kind: str) -> None:
    for seed in SEEDS:
        for item in order_of(kind, seed)["items"]:
            definition = item["priceDefinition"]
            prices = definition["sellingPrices"]

            assert sum(one["quantity"] for one in prices) == item["quantity"]
            assert sum(one["value"] * one["quantity"] for one in prices) == definition["total"]


@pytest.mark.parametrize("kind", REGULAR)
def test_each_item_has_its_freight_and_all_add_up_to_shipping(kind: str) -> None:
    for seed in SEEDS:
        order = order_of(kind, seed)
        rows = order["shippingData"]["logisticsInfo"]

        assert sorted(one["itemIndex"] for one in rows) == list(range(len(order["items"])))
        assert all(order["items"][one["itemIndex"]]["id"] == one["itemId"] for one in rows)
        assert sum(one["sellingPrice"] for one in rows) == totals_of(order)["Shipping"]


def test_freight_stands_in_no_order_of_the_items() -> None:
    orders = [order_of("many", seed) for seed in SEEDS]

    indexes = [[o["itemIndex"] for o in one["shippingData"]["logisticsInfo"]] for one in orders]
    assert any(one != sorted(one) for one in indexes)


@pytest.mark.parametrize("kind", [k for k in REGULAR if k not in ("free", "marketplace_bare")])
def test_what_is_paid_without_interest_is_the_value(kind: str) -> None:
    for seed in SEEDS:
        order = order_of(kind, seed)

        assert sum(one["referenceValue"] for one in payments_of(order)) == order["value"]


# --- kinds ------------------------------------------------------------------------------------


def test_a_natural_person_has_a_valid_cpf_and_no_company() -> None:
    for seed in SEEDS:
        client = order_of("plain", seed)["clientProfileData"]

        assert len(client["document"]) == 11
        assert has_valid_digits(client["document"], 12)
        assert not client["isCorporate"]
        assert client["corporateDocument"] is client["corporateName"] is None


def test_a_company_has_a_valid_cnpj_beside_its_buyers_cpf() -> None:
    for seed in SEEDS:
        client = order_of("company", seed)["clientProfileData"]

        assert has_valid_digits(client["corporateDocument"], 9)
        assert client["isCorporate"]
        assert client["corporateName"]
        assert client["firstName"]


def test_many_items_are_of_different_skus() -> None:
    assert len({item["id"] for item in order_of("many")["items"]}) == 6


def test_a_kits_components_make_up_its_price() -> None:
    for seed in SEEDS:
        kit = order_of("kit", seed)["items"][0]

        assert sum(one["price"] * one["quantity"] for one in kit["components"]) == kit["price"]


def test_a_repeated_sku_stands_on_two_lines_at_different_prices() -> None:
    for seed in SEEDS:
        first, *_, twin = order_of("repeated", seed)["items"]

        assert first["id"] == twin["id"]
        assert first["uniqueId"] != twin["uniqueId"]
        assert first["sellingPrice"] != twin["sellingPrice"]


def test_a_discount_does_not_divide_over_the_units() -> None:
    for seed in SEEDS:
        item = order_of("discount", seed)["items"][0]

        assert item["priceDefinition"]["total"] - item["sellingPrice"] * item["quantity"] == 1
        assert item["priceTags"][0]["value"] == -1299


@pytest.mark.parametrize(
    ("kind", "system", "group"),
    [
        ("pix", "125", "instantPayment"),
        ("boleto", "6", "bankInvoice"),
        ("plain", "2", "creditCard"),
    ],
)
def test_a_means_of_payment_is_named_as_vtex_names_it(kind: str, system: str, group: str) -> None:
    [payment] = payments_of(order_of(kind))

    assert (payment["paymentSystem"], payment["group"]) == (system, group)


def test_a_boleto_has_a_due_date_and_a_bar_code() -> None:
    [payment] = payments_of(order_of("boleto"))

    assert payment["dueDate"] == "2026-03-13"
    assert len(payment["bankIssuedInvoiceBarCodeNumber"]) == 44


def test_instalments_cost_interest_on_top_of_the_value() -> None:
    made = drawn("instalments")

    [payment] = payments_of(made.order)
    [gateway] = made.transactions.values()
    assert payment["installments"] == 6
    assert payment["value"] > payment["referenceValue"] == made.order["value"]
    assert gateway["payments"][0]["installmentsInterestRate"] > 0


def test_a_gift_card_pays_one_part_and_a_card_the_rest() -> None:
    made = drawn("gift_card")

    voucher, card = payments_of(made.order)
    [known] = made.order["paymentData"]["giftCards"]
    [gateway] = made.transactions.values()
    assert [voucher["group"], card["group"]] == ["giftCard", "creditCard"]
    assert voucher["value"] + card["value"] == made.order["value"]
    assert (known["id"], known["value"]) == (voucher["giftCardId"], voucher["value"])
    assert [one["currencyCode"] for one in gateway["payments"][:2]] == [None, "BRL"]


@pytest.mark.parametrize("kind", ["marketplace", "marketplace_bare"])
def test_a_marketplace_order_says_where_it_comes_from(kind: str) -> None:
    made = drawn(kind)

    order = made.order
    assert order["orderId"] == f"{order['affiliateId']}-{order['marketplaceOrderId']}"
    assert order["origin"] == "Fulfillment"
    assert order["orderGroup"]
    assert order["customData"]["customApps"][0]["id"] == "marketplace-integration"
    assert made.transactions == {}


def test_a_marketplace_takes_the_payment_upon_itself_or_says_nothing_of_it() -> None:
    order = order_of("marketplace")

    assert order["paymentData"]["transactions"][0]["transactionId"] == "PAYMENT-FROM-AFFILIATE"
    assert [one["paymentSystem"] for one in payments_of(order)] == ["0"]
    assert order_of("marketplace_bare")["paymentData"] == {"giftCards": [], "transactions": []}


def test_a_pickup_order_names_its_point_and_costs_no_freight() -> None:
    order = order_of("pickup")

    for row in order["shippingData"]["logisticsInfo"]:
        assert row["selectedDeliveryChannel"] == row["deliveryChannel"] == "pickup-in-point"
        assert row["pickupStoreInfo"]["friendlyName"] == "Loja Centro"
        assert row["pickupPointId"]
    assert totals_of(order)["Shipping"] == 0
    assert order["shippingData"]["address"]["addressType"] == "pickup"


def test_a_weighed_item_has_a_broken_multiplier_in_its_total() -> None:
    for seed in SEEDS:
        item = order_of("weight", seed)["items"][0]

        # Half cents go up: no float is near them.
        exact = item["price"] * item["quantity"] * 35
        assert item["priceDefinition"]["total"] == (exact + 50) // 100


def test_a_service_is_bundled_with_its_item_and_sold_apart() -> None:
    [service] = order_of("service")["items"][0]["bundleItems"]

    assert (service["price"], service["priceDefinition"]) == (1500, None)


def test_a_free_order_has_no_payment() -> None:
    made = drawn("free")

    assert made.order["value"] == 0
    assert made.order["paymentData"]["transactions"][0]["transactionId"] == "NO-PAYMENT"
    assert made.transactions == {}


def test_a_freight_discount_lowers_freight_and_not_goods() -> None:
    order = order_of("freight_discount")

    for row in order["shippingData"]["logisticsInfo"]:
        assert row["price"] - row["sellingPrice"] == 240
    assert totals_of(order)["Discounts"] == 0


def test_tax_is_a_total_of_its_own() -> None:
    assert totals_of(order_of("tax"))["Tax"] == 733


# --- peculiarities of real documents --------------------------------------------------------------


def test_two_orders_of_a_group_share_one_transaction() -> None:
    seed = Seed("acme")

    first = seed.order(NOW, "handling", "group_first")
    seed.order(NOW, "handling", "plain")
    second = seed.order(NOW, "ready-for-handling", "group_second")

    assert [made.order["orderId"][-3:] for made in (first, second)] == ["-01", "-02"]
    assert first.order["orderGroup"] == second.order["orderGroup"]
    assert first.transactions == second.transactions
    assert first.order["paymentData"] == second.order["paymentData"]
    [payment] = payments_of(first.order)
    [gateway] = first.transactions.values()
    assert payment["value"] == first.order["value"] + second.order["value"]
    assert gateway["transaction"]["value"] == gateway["payments"][0]["value"] == payment["value"]
    assert second.order["status"] == "ready-for-handling"


def test_the_second_of_a_group_alone_has_the_payment_of_both() -> None:
    order = order_of("group_second")

    assert order["orderId"].endswith("-02")
    assert payments_of(order)[0]["value"] > order["value"]


@pytest.mark.parametrize("kind", COUNTRIES)
def test_an_order_abroad_has_its_countrys_money_address_and_document(kind: str) -> None:
    country = COUNTRIES[kind]
    for seed in SEEDS:
        order = order_of(kind, seed)

        client, shipping = order["clientProfileData"], order["shippingData"]
        assert order["storePreferencesData"]["currencyCode"] == country.currency
        assert shipping["address"]["postalCode"] == country.postal_code
        document = client["corporateDocument"] or client["document"]
        assert country.checked is None or country.checked.is_valid(document)


def test_a_change_lowers_the_value_and_not_the_payment() -> None:
    order = order_of("changed")

    assert order["changesAttachment"]["changesData"][0]["itemsRemoved"]
    assert payments_of(order)[0]["referenceValue"] == order["value"] - totals_of(order)["Change"]


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in PAID_ELSEWHERE])
def test_the_gateway_has_each_payment_of_the_document(kind: str) -> None:
    made = drawn(kind)

    [gateway] = made.transactions.values()
    known = {row["id"]: row["value"] for row in gateway["payments"]}
    assert all(known[row["id"]] == row["value"] for row in payments_of(made.order))


# --- what the gateway knows -------------------------------------------------------------------


def test_the_gateway_knows_the_orders_payments_with_systems_as_numbers() -> None:
    made = drawn("gift_card")

    [(transaction_id, gateway)] = made.transactions.items()
    head, rows = gateway["transaction"], gateway["payments"]
    mine = payments_of(made.order)
    assert made.order["paymentData"]["transactions"][0]["transactionId"] == transaction_id
    assert head["orderId"] == made.order["orderGroup"]
    assert head["value"] == sum(one["value"] for one in mine)
    assert [one["paymentSystem"] for one in rows[:2]] == [16, 2]
    assert [one["id"] for one in rows[:2]] == [one["id"] for one in mine]


def test_some_transactions_hold_a_blank_twin_of_a_payment() -> None:
    orders = [drawn("plain", seed) for seed in range(60)]

    rows = [next(iter(one.transactions.values()))["payments"] for one in orders]
    twins = [one for one in rows if len(one) == 2]
    assert 0 < len(twins) < len(rows)
    for real, blank in twins:
        assert blank["value"] == real["value"]
        assert (blank["status"], blank["tid"]) == ("Cancelled", None)
