"""Payments, in the order's document and in the payments gateway."""

import json
from datetime import datetime, timedelta
from random import Random
from typing import Any

from vtex.simulator.shapes.published import connector_responses

LINKS = ("interactions", "settlements", "payments", "refunds", "cancellations", "capabilities")
MONTHLY_RATE = 1.13
"""Interest in percent. Six instalments cost some 4 % more."""


def payments_of(kind: str, value: int, placed: datetime, rng: Random) -> list[dict[str, Any]]:
    """Draw the payments that cover an order's value, interest on top."""
    match kind:
        case "pix":
            return [_payment("125", "Pix", "instantPayment", value, rng)]
        case "boleto":
            bill = _payment("6", "Boleto Bancário", "bankInvoice", value, rng)
            bill["dueDate"] = (placed + timedelta(days=3)).strftime("%Y-%m-%d")
            bill["bankIssuedInvoiceBarCodeNumber"] = "34195" + "0" * 39
            return [bill]
        case "gift_card":
            part = value // 3
            voucher = _payment("16", "Vale", "giftCard", part, rng)
            voucher.update(
                giftCardId="gc-1", redemptionCode="XXXX", giftCardProvider="VtexGiftCard"
            )
            return [voucher, _card(value - part, 1, rng)]
        case "instalments":
            return [_card(value, 6, rng, interest=value * 4 // 100)]
        case "paid_twice":
            return [_card(value, 1, rng), _card(value, 1, rng)]
        case "marketplace" | "marketplace_fiscal":
            assumed = _payment("0", "Valor assumido pelo afiliado", "promissory", value, rng)
            return [assumed | {"tid": None, "connectorResponses": {}}]
        case "free" | "marketplace_bare":
            return []
        case _:
            return [_card(value, rng.randint(1, 3), rng)]


def gift_cards_of(payments: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the gift cards behind the payments. Their balance has fractions of cents."""
    return [
        {
            "id": card["giftCardId"],
            "redemptionCode": card["redemptionCode"],
            "name": "Vale",
            "caption": "Vale-presente",
            "value": card["value"],
            "balance": card["value"] / 100,
            "provider": card["giftCardProvider"],
            "groupName": None,
            "inUse": True,
            "isSpecialCard": False,
        }
        for card in payments
        if card["giftCardId"]
    ]


def _card(value: int, installments: int, rng: Random, *, interest: int = 0) -> dict[str, Any]:
    card = _payment("2", "Visa", "creditCard", value + interest, rng)
    card.update(
        referenceValue=value, installments=installments, firstDigits="411122", lastDigits="4321"
    )
    return card


def _payment(system: str, name: str, group: str, value: int, rng: Random) -> dict[str, Any]:
    tid = str(rng.randrange(10**9, 10**10))
    empty = (
        "cardHolder", "cardNumber", "firstDigits", "lastDigits", "cvv2", "expireMonth",
        "expireYear", "url", "giftCardId", "giftCardName", "giftCardCaption",
        "redemptionCode", "giftCardProvider", "giftCardAsDiscount", "dueDate", "koinUrl",
        "accountId", "parentAccountId", "bankIssuedInvoiceIdentificationNumber",
        "bankIssuedInvoiceIdentificationNumberFormatted", "bankIssuedInvoiceBarCodeNumber",
        "bankIssuedInvoiceBarCodeType", "billingAddress", "paymentOrigin",
    )  # fmt: skip
    payment = dict.fromkeys(empty) | {
        "id": f"{rng.getrandbits(128):032X}", "paymentSystem": system,
        "paymentSystemName": name, "value": value, "installments": 1,
        "referenceValue": value, "group": group, "tid": tid,
    }  # fmt: skip
    return payment | {"connectorResponses": connector_responses(payment)}


def gateway_of(transaction_id: str, order: dict[str, Any], rng: Random) -> dict[str, Any]:
    """Return ``{"transaction": …, "payments": …}`` of an order that the gateway was paid for."""
    base = f"/api/pvt/transactions/{transaction_id}"
    payments = order["paymentData"]["transactions"][0]["payments"]
    address = json.dumps(order["shippingData"]["address"], ensure_ascii=False)
    account, currency = order["hostname"], order["storePreferencesData"]["currencyCode"]
    rows = [_gateway_payment(base, payment, account, currency, address) for payment in payments]
    if rng.random() < 0.1:
        # Seen in real transactions: a blank copy of a payment, of equal value.
        blank = dict(rows[0], id=f"{rng.getrandbits(128):032X}", status="Cancelled")
        rows.append(blank | {"tid": None, "nsu": None, "ConnectorResponses": {}})
    nothing = (
        "receiverUri", "commitmentToken", "commitmentDate", "refundingToken", "refundingDate",
        "cancelationToken", "cancelationDate", "ipAddress", "sessionId",
        "vtexFingerprint", "chargeback", "whiteSignature",
        "antifraudTid", "antifraudResponse", "antifraudReference", "antifraudAffiliationId",
        "urn", "softDescriptor", "buyer",
    )  # fmt: skip
    head = dict.fromkeys(nothing) | {name: {"href": f"{base}/{name}"} for name in LINKS}
    head |= {
        "id": transaction_id,
        "transactionId": transaction_id,
        "referenceKey": order["sequence"],
        "timeoutStatus": 0,
        "totalRefunds": 0,
        "status": "Approved",
        "value": sum(payment["value"] for payment in payments),
        "startDate": order["creationDate"][:19],
        "authorizationToken": "A1",
        "authorizationDate": order["authorizedDate"][:19],
        "fields": [{"name": "channel", "value": order["hostname"]}],
        "shopperInteraction": "ecommerce",
        "owner": order["hostname"],
        "orderId": order["orderGroup"],
        "channel": order["hostname"],
        "salesChannel": "1",
        "macId": "",
        "userAgent": "Mozilla/5.0",
        "acceptHeader": "*/*",
        "markedForRecurrence": False,
    }
    return {"transaction": head, "payments": rows}


def _gateway_payment(
    base: str, payment: dict[str, Any], account: str, currency: str, address: str
) -> dict[str, Any]:
    nothing = (
        "userProfileId",
        "description",
        "returnMessage",
        "connector",
        "provider",
        "sheets",
        "originalPaymentId",
        "isBillingAddressDifferent",
        "isRegexValid",
        "isLuhnValid",
    )
    fields = {
        "firstDigits": payment["firstDigits"] or "",
        "lastDigits": payment["lastDigits"] or "",
    }
    if payment["group"] == "creditCard":
        fields["address"] = address
    has_interest = payment["value"] != payment["referenceValue"]
    return dict.fromkeys(nothing) | {
        "id": payment["id"], "paymentSystem": int(payment["paymentSystem"]),
        "paymentSystemName": payment["paymentSystemName"], "merchantName": account.upper(),
        "group": payment["group"], "isCustom": False, "allowInstallments": True,
        "requiresAuthentication": False, "allowIssuer": True, "allowNotification": False,
        "isAvailable": True, "authorizationDate": None,
        "self": {"href": f"{base}/payments/{payment['id']}"}, "tid": payment["tid"],
        "nsu": payment["connectorResponses"].get("nsu"), "returnCode": "0", "status": "Approved",
        "ConnectorResponses": payment["connectorResponses"],
        "connectorResponse": payment["connectorResponses"],
        "ShowConnectorResponses": True, "value": payment["value"],
        "installmentsInterestRate": MONTHLY_RATE if has_interest else 0.0,
        "installmentsValue": payment["value"] // payment["installments"],
        "referenceValue": payment["referenceValue"], "installments": payment["installments"],
        "currencyCode": None if payment["group"] == "giftCard" else currency,
        "fields": [{"name": name, "value": value} for name, value in fields.items()],
    }  # fmt: skip
