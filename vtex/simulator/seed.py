"""Realistic orders of a Brazilian store, the same for the same seed. Every person is invented."""

import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from vtex.simulator.customers import address_of, client_of
from vtex.simulator.items import items_of, logistics_of, totals_of
from vtex.simulator.payments import gateway_of, gift_cards_of, payments_of
from vtex.simulator.shapes import goods, published
from vtex.simulator.shapes.orders import PECULIAR, shape
from vtex.simulator.timestamps import stamp

REGULAR = (
    "plain", "company", "many", "kit", "repeated", "discount", "pix", "boleto", "instalments",
    "gift_card", "marketplace", "marketplace_bare", "pickup", "weight", "service", "free",
    "freight_discount", "tax",
)  # fmt: skip
"""Kinds whose documents follow the published rules."""

KINDS = (*REGULAR, *PECULIAR)
"""Kinds of orders, drawn in turn: every batch as long as this has each kind once."""

PAID_ELSEWHERE = ("free", "marketplace", "marketplace_bare", "marketplace_fiscal")
"""Kinds that the payments gateway does not know."""

FULFILLED = "marketplace_fulfilled"
"""A kind beside ``KINDS``: the marketplace ships and invoices the order, which arrives invoiced."""

PAID_AFTER = timedelta(minutes=33)
"""Time from creation to ready-for-handling: payment, and 30 minutes of grace."""


@dataclass
class Made:
    """An order with its transactions at the payments gateway."""

    order: dict[str, Any]
    transactions: dict[str, dict[str, Any]]


class Seed:
    """Draws orders of one account.

    Args:
        account: account name, part of order ids and addresses.
        seed: the same seed draws the same orders.
    """

    def __init__(self, account: str, seed: int = 1) -> None:
        self.account = account
        self._random = random.Random(seed)  # invented orders, no secrets
        self._sequence = self._random.randrange(10_000_000, 90_000_000)
        self._count = 0
        self._sibling: Made | None = None

    def order(self, now: datetime, status: str, kind: str | None = None) -> Made:
        """Draw the next order, placed in the hour and a half before ``now``.

        Raises:
            ValueError: the kind is unknown.
        """
        if kind == FULFILLED:
            return _fulfilled(self.order(now, "invoiced", "marketplace"))
        kind = kind or KINDS[self._count % len(KINDS)]
        if kind not in KINDS:
            raise ValueError(f"kind: {kind!r} is none of {', '.join(KINDS)}")
        self._count += 1
        if kind.startswith("group"):
            return self._of_group(kind, now, status)
        return self._drawn(kind, now, status)

    def _of_group(self, kind: str, now: datetime, status: str) -> Made:
        """Draw one of the two orders of a cart of two sellers, which share a transaction."""
        pair = (self._drawn(kind, now, status), self._drawn(kind, now, status))
        if kind == "group_second" and self._sibling is not None:
            second, self._sibling = self._sibling, None
            second.order["status"] = status
            return second
        _share(pair[0], pair[1])
        self._sibling = pair[1] if kind == "group_first" else None
        return pair[0] if kind == "group_first" else pair[1]

    def _drawn(self, kind: str, now: datetime, status: str) -> Made:
        rng = self._random
        placed = now - PAID_AFTER - timedelta(microseconds=rng.randrange(3_600_000_000))
        client = client_of(kind, rng)
        address = address_of(kind, f"{client['firstName']} {client['lastName']}", rng)
        items = items_of(kind, rng)
        logistics = logistics_of(kind, items, address, placed, rng)
        more = goods.shape(kind, items, logistics)
        totals = _with(totals_of(items, logistics), more)
        value = sum(total["value"] for total in totals)
        # A change lowers the value, not what was paid before.
        payments = payments_of(kind, value - more.get("Change", 0), placed, rng)
        order = self._envelope(kind, placed) | {
            "status": status,
            "value": value,
            "totals": totals,
            "items": items,
            "clientProfileData": client,
            "shippingData": _shipping(kind, address, logistics),
            "paymentData": self._payment_data(kind, payments),
        }
        shape(kind, order, rng)
        published.complete(order)
        return Made(order, self._gateway(kind, order))

    def _envelope(self, kind: str, placed: datetime) -> dict[str, Any]:
        sequence = str(self._sequence + self._count)
        envelope = _empty_envelope(self.account) | {
            "orderId": f"v{sequence}{self.account}-01",
            "sequence": sequence,
            "sellerOrderId": f"00-v{sequence}{self.account}-01",
            "orderGroup": f"v{sequence}{self.account}",
            "orderFormId": f"form{sequence}",
            "creationDate": stamp(placed, 7),
            "lastChange": stamp(placed + PAID_AFTER, 5),
            "authorizedDate": stamp(placed + timedelta(minutes=2), 0),
        }
        if kind.startswith("marketplace"):
            there = f"88{sequence}-01"
            envelope |= {
                "orderId": f"ABC-{there}",
                "marketplaceOrderId": there,
                "affiliateId": "ABC",
                "sellerOrderId": f"00-ABC-{there}",
                "orderGroup": f"ABC-88{sequence}",
                "origin": "Fulfillment",
                "marketplaceServicesEndpoint": "https://marketplace.example.com",
                "customData": {
                    "customApps": [{"id": "marketplace-integration", "major": 1, "fields": {}}]
                },
            }
        return envelope

    def _payment_data(self, kind: str, payments: list[dict[str, Any]]) -> dict[str, Any]:
        if kind == "marketplace_bare":
            return {"giftCards": [], "transactions": []}
        elsewhere = {"free": "NO-PAYMENT"} | dict.fromkeys(
            ("marketplace", "marketplace_fiscal"), "PAYMENT-FROM-AFFILIATE"
        )
        transaction = {
            "isActive": True,
            "transactionId": elsewhere.get(kind) or f"{self._random.getrandbits(128):032X}",
            "merchantName": self.account.upper(),
            "payments": payments,
        }
        return {"giftCards": gift_cards_of(payments), "transactions": [transaction]}

    def _gateway(self, kind: str, order: dict[str, Any]) -> dict[str, dict[str, Any]]:
        if kind in PAID_ELSEWHERE:
            return {}
        transaction_id = order["paymentData"]["transactions"][0]["transactionId"]
        return {transaction_id: gateway_of(transaction_id, order, self._random)}


def _fulfilled(made: Made) -> Made:
    """Return a marketplace's order with the marketplace's own invoice."""
    order = made.order
    made.order["invoicedDate"] = order["lastChange"]
    package = {
        "items": [
            {"itemIndex": place, "quantity": item["quantity"], "price": item["price"]}
            for place, item in enumerate(order["items"])
        ],
        "courier": None,
        "invoiceNumber": order["sequence"],
        "invoiceValue": order["value"],
        "invoiceUrl": None,
        "issuanceDate": order["lastChange"],
        "trackingNumber": None,
        "invoiceKey": None,
        "trackingUrl": None,
        "embeddedInvoice": None,
        "type": "Output",
        "courierStatus": None,
        "cfop": None,
        "restitutions": {},
        "volumes": 0,
        "EnableInferItems": None,
    }
    made.order["packageAttachment"] = {"packages": [package]}
    return made


def _with(totals: list[dict[str, Any]], more: goods.Totals) -> list[dict[str, Any]]:
    """Add cents to totals by id. New ids come last."""
    left = dict(more)
    summed = [row | {"value": row["value"] + left.pop(row["id"], 0)} for row in totals]
    return summed + [{"id": name, "name": name, "value": cents} for name, cents in left.items()]


def _share(first: Made, second: Made) -> None:
    """Make two orders one group, and the first one's payment that of both."""
    head = first.order
    ids = {"orderId": head["orderId"].replace("-01", "-02")}
    ids["sellerOrderId"] = f"00-{ids['orderId']}"
    same = ("orderGroup", "clientProfileData", "creationDate", "lastChange", "authorizedDate")
    second.order |= ids | {name: head[name] for name in same}
    second.order["sellers"] = _SELLERS
    value = head["value"] + second.order["value"]
    ((transaction_id, gateway),) = first.transactions.items()
    (payment,) = head["paymentData"]["transactions"][0]["payments"]
    for row in (payment, *gateway["payments"]):
        row |= {"value": value, "referenceValue": value}
    gateway["transaction"]["value"] = value
    second.order["paymentData"] = head["paymentData"]
    second.transactions = {transaction_id: gateway}


_SELLERS = [{"id": "parceiro", "name": "Parceiro", "logo": "", "fulfillmentEndpoint": None}]


def _shipping(
    kind: str, address: dict[str, Any], logistics: list[dict[str, Any]]
) -> dict[str, Any]:
    hint = {
        "trackingId": "T1",
        "courierName": "Correios",
        "trackingUrl": None,
        "trackingLabel": None,
    }
    return {
        "id": "shippingData",
        "address": address,
        "logisticsInfo": logistics,
        "trackingHints": [hint] if kind in ("marketplace", "marketplace_fiscal") else None,
        "selectedAddresses": [address],
        "availableAddresses": [address],
        "contactInformation": [],
    }


def _empty_envelope(account: str) -> dict[str, Any]:
    nothing = (
        "giftRegistryData", "marketingData", "callCenterOperatorData", "lastMessage",
        "checkedInPickupPointId", "invoicedDate", "cancelReason", "packageAttachment",
        "changesAttachment", "openTextField", "cancellationData", "cancellationRequests",
        "taxData", "subscriptionData", "purchaseAgentData", "budgetData", "customData",
        "commercialConditionData", "invoiceData", "statusDescription", "merchantName",
        "followUpEmail", "marketplaceServicesEndpoint",
    )  # fmt: skip
    return dict.fromkeys(nothing) | {
        "marketplaceOrderId": "", "origin": "Marketplace", "affiliateId": "", "salesChannel": "1",
        "workflowIsInError": False, "hostname": account, "isCompleted": True, "roundingError": 0,
        "allowCancellation": True, "allowEdition": False, "isCheckedIn": False,
        "marketplaceItems": [],
        "ratesAndBenefitsData": {"id": "ratesAndBenefitsData", "rateAndBenefitsIdentifiers": []},
        "sellers": [{"id": "1", "name": account, "logo": "", "fulfillmentEndpoint": None}],
        "clientPreferencesData": {"locale": "pt-BR", "optinNewsLetter": False},
        "itemMetadata": {"Items": []},
        "marketplace": {
            "baseURL": f"http://{account}.example.com", "isCertified": None, "name": account,
        },
        "storePreferencesData": {
            "countryCode": "BRA", "currencyCode": "BRL", "currencyLocale": 1046,
            "currencySymbol": "R$", "timeZone": "E. South America Standard Time",
            "currencyFormatInfo": {
                "CurrencyDecimalDigits": 2, "CurrencyDecimalSeparator": ",",
                "CurrencyGroupSeparator": ".", "CurrencyGroupSize": 3,
                "StartsWithCurrencySymbol": True,
            },
        },
    }  # fmt: skip
