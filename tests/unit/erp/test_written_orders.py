"""Orders as stores of Brazil and its neighbours write them, each with what is right for it."""

from typing import Any

import pytest

from erp.mapping.sales_orders import Unmappable
from erp.sales_order import SalesOrder
from support.documents.written import (
    POINT,
    address,
    changed_item,
    changes,
    delivery,
    item,
    old_item,
    order,
    payment,
    pickup,
    tag,
    totals,
)
from tasks.intake.orders import sales_order
from vtex import schemas
from vtex.operations.invoice import prepared
from vtex.operations.invoice_balance import balance
from vtex.payloads import Invoice

Json = dict[str, Any]
COLOMBIA = {"countryCode": "COL", "currencyCode": "COP"}
CHILE = {"countryCode": "CHL", "currencyCode": "CLP"}
ARGENTINA = {"countryCode": "ARG", "currencyCode": "ARS"}
USA = {"countryCode": "USA", "currencyCode": "USD"}

CASES: dict[str, tuple[Json, Json]] = {
    # --- tags -------------------------------------------------------------------------------------
    "a tax as a percentage of the gross price": (
        order([item("1", 10000, 2, priceTags=[tag("TAX@IVA", 21, percent=True)])],
              totals(20000, 0, 0, 4200)),
        {"lines": [20000], "tax": [4200]},
    ),
    "a tax as a percentage after discounts": (
        order([item("1", 10000, 1, 9000, priceTags=[
            tag("discount@price-1#2", -1000), tag("TAXHUB@ICMS", 10, percent=True)])],
            totals(10000, -1000, CustomTax=900)),
        {"lines": [9000], "tax": [900]},
    ),
    "a tax on freight is tax": (
        order([item("1", 10000, priceTags=[
            tag("tax@shipping-iva#1", 160), tag("tax@price-iva#2", 1600)])],
            totals(10000, 0, 1000, 1760), deliveries=[delivery(0, 1000)]),
        {"lines": [10000], "tax": [1760], "freight": [1000]},
    ),
    "a sales tax with fractions of a percent": (
        order([item("1", 10000, priceTags=[tag("STATE TAX@hub", 6.25, percent=True)])],
              totals(10000, 0, 0, 625)),
        {"tax": [625]},
    ),
    "a tax total that no line shows, of one line": (
        order([item("1", 10000)], totals(10000, 0, 0, 300)),
        {"tax": [300]},
    ),
    "a tax by unit": (
        order([item("1", 10000, 3, tax=100)], totals(30000, 0, 0, 300)),
        {"tax": [300]},
    ),
    "a percentage in hundredths": (
        order([old_item("1", 10000, priceTags=[tag("discount@price-9#1", -1000, percent=True)]),
               item("2", 5000)], totals(15000, -1000)),
        {"lines": [9000, 5000]},
    ),
    "a percentage that VTEX rounds by unit": (
        order([old_item("1", 333, 3, sellingPrice=300,
                        priceTags=[tag("discount@price-9#1", -10, percent=True)])],
              totals(999, -99)),
        {"lines": [900]},
    ),
    "a discount of more than the whole price": (
        order([item("1", 10000, 1, 0, priceTags=[tag("discount@price", -150, percent=True)]),
               item("2", 5000)], totals(15000, -10000)),
        {"lines": [0, 5000]},
    ),
    "a discount of more cents than the price has": (
        order([old_item("1", 10000, sellingPrice=0, priceTags=[tag("discount@price", -12000)]),
               item("2", 5000)], totals(15000, -10000)),
        {"lines": [0, 5000]},
    ),
    "a marketplace's discount that the definition lacks": (
        order([item("1", 10000, priceTags=[tag("DISCOUNT@MARKETPLACE", -2000)]), item("2", 5000)],
              totals(15000, -2000), origin="Fulfillment"),
        {"lines": [8000, 5000]},
    ),
    "a chain order": (
        order([item("1", 10000, priceTags=[tag("DISCOUNT@MARKETPLACE", -2000)])],
              totals(10000, -2000), origin="Chain"),
        {"lines": [8000]},
    ),
    "interest that a marketplace spread over the items": (
        order([item("1", 10000, 1, 10430)], totals(10430)),
        {"lines": [10430]},
    ),
    # --- changes ----------------------------------------------------------------------------------
    "a removed item that stays with no units and its price definition": (
        order([item("1", 10000), item("2", 5000) | {"quantity": 0}], totals(10000)),
        {"lines": [10000, 0]},
    ),
    "a change removes the cheaper of two lines of one SKU": (
        order([item("1", 10000), item("1", 10000, 1, 8000, uniqueId="U9")],
              totals(20000, -2000, Change=-8000), payments=[payment(10000)],
              changesAttachment=changes(([], [changed_item("1", 1, 8000)]))),
        {"lines": [10000, 0]},
    ),
    "a change with a discount and no items": (
        order([item("1", 10000)], totals(10000, Change=-1500), payments=[payment(8500)],
              changesAttachment=changes(([], []))),
        {"lines": [10000], "flags": {"sum_mismatch"}},
    ),
    "a change for a dearer item": (
        order([item("1", 10000), item("2", 5000)], totals(15000, Change=2000),
              payments=[payment(17000)],
              changesAttachment=changes(([changed_item("3", 1, 7000)],
                                         [changed_item("2", 1, 5000)]))),
        {"lines": [10000, 0, 7000]},
    ),
    "an item that was removed and came back": (
        order([item("1", 10000), item("2", 5000)], totals(15000, Change=0),
              changesAttachment=changes(([], [changed_item("2", 1, 5000)]),
                                        ([changed_item("2", 1, 5000)], []))),
        {"lines": [10000, 5000]},
    ),
    "some units of a discounted line removed": (
        order([item("1", 5000, 4, 18000)], totals(20000, -2000, Change=-4500),
              payments=[payment(18000)],
              changesAttachment=changes(([], [changed_item("1", 1, 4500)]))),
        {"lines": [13500], "flags": {"payment_over"}},
    ),
    "a weighed item whose weight a change corrected": (
        order([item("16", 530, 1, 265, unitMultiplier=0.5), item("2", 1000)],
              totals(1265, Change=133), payments=[payment(1398)],
              changesAttachment=changes((
                  [changed_item("16", 1, 530) | {"unitMultiplier": "0.75"}],
                  [changed_item("16", 1, 530) | {"unitMultiplier": "0.5"}]))),
        {"lines": [398, 1000], "weights": ["0.75", "1"]},
    ),
    # --- lines ------------------------------------------------------------------------------------
    "a service with a discount": (
        order([item("1", 10000, bundleItems=[
            old_item("W", 1500, priceTags=[tag("discount@price-w", -500)])])],
            totals(11500, -500)),
        {"lines": [10000, 1000], "parents": [None, 1]},
    ),
    "a service whose discount stands in its selling price": (
        order([item("1", 10000, 2, bundleItems=[old_item("G", 2000, 2, sellingPrice=1500)])],
              totals(24000, -1000)),
        {"lines": [20000, 3000]},
    ),
    "an assembly with a free part": (
        order([item("1", 20000), item("2", 0, parentItemIndex=0), item("3", 3000, parentItemIndex=0)],
              totals(23000)),
        {"lines": [20000, 0, 3000], "parents": [None, 1, 1]},
    ),
    "a weighed item at a price of a kilogram": (
        order([old_item("1", 3990, 2, unitMultiplier=0.35)], totals(2793)),
        {"lines": [2793]},
    ),
    "a weighed item whose units are rounded first": (
        order([old_item("1", 3333, 3, unitMultiplier=0.333333)], totals(3333)),
        {"lines": [3333]},
    ),
    "a weighed item at the price of its unit": (
        order([old_item("1", 1397, 2, unitMultiplier=0.35)], totals(2794)),
        {"lines": [2794]},
    ),
    "a weighed item whose units have two prices": (
        order([item("1", 199, 3, 179, unitMultiplier=0.3, sellingPrice=59)], totals(179)),
        {"lines": [59, 120]},
    ),
    "a weighed item whose selling price is that of a unit": (
        order([old_item("1", 200, 3, unitMultiplier=0.3, sellingPrice=59)], totals(180, -3)),
        {"lines": [177]},
    ),
    "a box at two prices": (
        order([item("1", 1000, 3, 7499, unitMultiplier=2.5)], totals(7500, -1)),
        {"lines": [2499, 5000]},
    ),
    "a price of no units": (
        order([item("1", 10000) | {"priceDefinition": {"total": 10000, "sellingPrices": [
            {"value": 9000, "quantity": 0}, {"value": 10000, "quantity": 1}]}}], totals(10000)),
        {"lines": [10000]},
    ),
    # --- totals -----------------------------------------------------------------------------------
    "interest beside the value": (
        order([item("1", 10000)], totals(10000, Interest=430), value=10000,
              payments=[payment(10430, 10000)]),
        {"lines": [10000], "other": 0},
    ),
    "interest as part of the value": (
        order([item("1", 10000)], totals(10000, Interest=430)),
        {"lines": [10000], "other": 430},
    ),
    "of two unknown totals one counts": (
        order([item("1", 10000)], totals(10000, Surcharge=300, LoyaltyPoints=77), value=10300),
        {"lines": [10000], "other": 300},
    ),
    "a cent lost by rounding": (
        order([item("1", 3333, 3)], totals(9999), value=10000, roundingError=1),
        {"lines": [9999], "other": 1},
    ),
    "a cent won by rounding": (
        order([item("1", 3333, 3)], totals(9999), value=9998, roundingError=1),
        {"lines": [9999], "other": -1},
    ),
    "two totals of discounts": (
        order([item("1", 10000, 1, 8000)], totals(10000, -1000, Discounts_clube=-1000)),
        {"lines": [8000], "other": 0},
    ),
    # --- freight ----------------------------------------------------------------------------------
    "a freight discount among the discounts": (
        order([item("1", 10000)], totals(10000, -500, 1500), deliveries=[delivery(0, 1000, 1500)]),
        {"lines": [10000], "freight": [1000]},
    ),
    "a freight discount as a percentage": (
        order([item("1", 10000, priceTags=[tag("discount@shipping-f", -50, percent=True)]),
               item("2", 5000)], totals(15000, 0, 1750),
              deliveries=[delivery(0, 0, 1500), delivery(1, 0, 1000)]),
        {"freight": [750, 1000]},
    ),
    "freight of the one item that is not picked up": (
        order([item("1", 10000), item("2", 5000)], totals(15000, 0, 990),
              deliveries=[pickup(0), delivery(1)]),
        {"freight": [0, 990]},
    ),
    # --- payments ---------------------------------------------------------------------------------
    "a gift card pays all": (
        order([item("1", 10000)], totals(10000),
              payments=[payment(10000, group="giftCard", giftCardId="g"), payment(0)]),
        {"shares": [10000], "brand": None},
    ),
    "a group's payment without a reference value": (
        order([item("1", 10000)], totals(10000), payments=[payment(15000, 0)]),
        {"shares": [10000], "flags": {"payment_group"}},
    ),
    "a debit card": (
        order([item("1", 10000)], totals(10000), payments=[
            payment(10000, group="debit", paymentSystemName="Visa Electron")]),
        {"brand": "Visa Electron"},
    ),
    "a debit of a bank account": (
        order([item("1", 10000)], totals(10000), payments=[
            payment(10000, group="debit", paymentSystemName="Débito Itau", lastDigits=None)]),
        {"brand": None},
    ),
    "a marketplace's payment in VTEX's own form": (
        order([item("1", 100000)], totals(100000), affiliateId="MLB", marketplaceOrderId="2000",
              paymentData={"transactions": [{
                  "isActive": True, "transactionId": "PAYMENT-FROM-AFFILIATE", "payments": [
                      {"paymentSystem": "21", "paymentSystemName": "JCB", "value": 100000,
                       "installments": 1, "referenceValue": 100000, "group": "creditCard",
                       "connectorResponses": {"acquirerCnpj": "01425787000104", "authId": "01"}}]}]}),
        {"brand": "JCB", "acquirer": "01425787000104", "authorization": "01"},
    ),
    "a store's own card": (
        order([item("1", 10000)], totals(10000), payments=[
            payment(10000, group="cobranded", paymentSystemName="Cartão da Loja")]),
        {"brand": "Cartão da Loja"},
    ),
    "an older transaction that is not active": (
        order([item("1", 10000)], totals(10000), paymentData={"transactions": [
            {"isActive": False, "transactionId": "B" * 32, "payments": [payment(10000)]},
            {"isActive": True, "transactionId": "A" * 32, "payments": [payment(10000)]}]}),
        {"shares": [10000]},
    ),
    "a pix that was paid twice": (
        order([item("1", 10000)], totals(10000), paymentData={"transactions": [
            {"isActive": True, "transactionId": name * 32, "payments": [payment(10000)]}
            for name in "AB"]}),
        {"flags": {"payment_over"}},
    ),
    "a marketplace's means of payment in the invoice data": (
        order([item("1", 10000)], totals(10000), affiliateId="MLB", marketplaceOrderId="2000",
              invoiceData={"address": None, "userPaymentInfo": {"paymentMethods": ["03"]}}),
        {"marketplace_method": "03"},
    ),
    "a marketplace's means of payment in the singular": (
        order([item("1", 10000)], totals(10000), customData={"customApps": [
            {"id": "x", "major": 1, "fields": {"marketplacePaymentMethod": "pix"}}]}),
        {"marketplace_method": "pix"},
    ),
    # --- people and places ------------------------------------------------------------------------
    "a pickup whose point is the order's address": (
        order([item("1", 10000)], totals(10000), deliveries=[pickup(0)],
              shippingData={"address": POINT, "availableAddresses": [address(), POINT],
                            "selectedAddresses": [POINT]}),
        {"billing": "Rua Um"},
    ),
    "an address id that no address has": (
        order([item("1", 10000)], totals(10000), deliveries=[delivery(0, addressId="zz")]),
        {"billing": "Rua Um"},
    ),
    "a postal code with letters": (
        order([item("1", 10000)], totals(10000),
              shippingData={"address": address(country="GBR", postalCode="sw1a 1aa"),
                            "selectedAddresses": []},
              storePreferencesData={"countryCode": "GBR", "currencyCode": "GBP"}),
        {"postal_code": "SW1A 1AA"},
    ),
    "a Chilean document with a letter": (
        order([item("1", 10000)], totals(10000), storePreferencesData=CHILE,
              clientProfileData={"document": "10.000.013-K", "documentType": "rut"}),
        {"document": "10000013K"},
    ),
    "an Argentine document with dashes": (
        order([item("1", 10000)], totals(10000), storePreferencesData=ARGENTINA,
              clientProfileData={"document": "20-12345678-6", "documentType": "CUIT"}),
        {"document": "20123456786"},
    ),
    "a Colombian company whose document stands at its buyer's place": (
        order([item("1", 10000)], totals(10000), storePreferencesData=COLOMBIA,
              clientProfileData={"isCorporate": True, "corporateName": "Comercio SAS",
                                 "document": "9001234568", "documentType": "NIT"}),
        {"document": "9001234568"},
    ),
    "a company in the United States has no document": (
        order([item("1", 10000)], totals(10000), storePreferencesData=USA,
              clientProfileData={"isCorporate": True, "corporateName": "Acme Inc",
                                 "document": None, "documentType": None}),
        {"document": None},
    ),
}  # fmt: skip

HELD: dict[str, tuple[Json, str]] = {
    "a Brazilian company without its CNPJ": (
        order([item("1", 10000)], totals(10000),
              clientProfileData={"isCorporate": True, "corporateName": "Acme"}),
        "clientProfileData.corporateDocument",
    ),
    "a masked name": (
        order([item("1", 10000)], totals(10000), clientProfileData={"firstName": "A***"}),
        "clientProfileData.firstName",
    ),
    "no name": (
        order([item("1", 10000)], totals(10000),
              clientProfileData={"firstName": None, "lastName": None}),
        "clientProfileData",
    ),
    "a discount that no line shows": (
        order([item("1", 10000), item("2", 5000)], totals(15000, -1500)),
        "difference -15.00",
    ),
}  # fmt: skip


def cents(amounts: Any) -> list[int]:
    return [int(amount * 100) for amount in amounts]


def facts(made: SalesOrder) -> Json:
    part = made.payments[0]
    billing = made.billing_address
    return {
        "lines": cents(line.total for line in made.lines),
        "tax": cents(line.tax for line in made.lines),
        "freight": cents(line.freight for line in made.lines),
        "weights": [str(line.unit_multiplier.normalize()) for line in made.lines],
        "parents": [line.parent_line for line in made.lines],
        "shares": cents(payment.share for payment in made.payments),
        "other": cents([made.other])[0],
        "flags": {str(flag.name) for flag in made.flags},
        "brand": part.brand,
        "acquirer": part.acquirer_document,
        "authorization": part.authorization,
        "marketplace_method": made.context.marketplace_payment_method,
        "document": made.customer.document,
        "billing": billing and billing.street,
        "postal_code": made.addresses[0].postal_code,
    }


@pytest.mark.parametrize("name", CASES)
def test_an_order_has_what_is_right_for_it(name: str) -> None:
    document, right = CASES[name]

    made = sales_order("acme", schemas.read_order(document), None)

    wanted = {"flags": set[str]()} | right
    assert {fact: value for fact, value in facts(made).items() if fact in wanted} == wanted
    amounts = (made.items_total, made.discounts, made.shipping, made.tax, made.other)
    assert sum(amounts) == made.total


@pytest.mark.parametrize("name", CASES)
def test_a_whole_invoice_without_items_fits_it(name: str) -> None:
    read = schemas.read_order(CASES[name][0])
    invoice = Invoice("1", read.value_cents, "2026-03-11T10:00:00-03:00")

    ready = prepared(invoice, read, balance(read, ()))

    assert 0 < sum(line.price_cents * line.quantity for line in ready.items) <= read.value_cents


@pytest.mark.parametrize("name", HELD)
def test_an_order_that_an_erp_cannot_take_is_held_with_the_reason(name: str) -> None:
    document, reason = HELD[name]

    with pytest.raises(Unmappable, match=reason):
        sales_order("acme", schemas.read_order(document), None)


def test_a_field_of_the_cart_belongs_to_no_line_even_if_items_lack_ids() -> None:
    cart = {"linkedEntity": {"type": "cart", "id": None}, "fields": [{"name": "a", "value": "b"}]}
    gift = {"linkedEntity": {"type": "item", "id": "U2"}, "fields": [{"name": "c", "value": "d"}]}
    document = order(
        [item("1", 10000, uniqueId=None), item("2", 5000)],
        totals(15000),
        customData={"customFields": [cart, gift]},
    )

    made = sales_order("acme", schemas.read_order(document), None)

    lines = {attribute.name: attribute.line_no for attribute in made.attributes}
    assert lines == {"a": None, "c": 2}
