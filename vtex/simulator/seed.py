"""Realistic orders of a Brazilian store, the same for the same seed. Every person is invented."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

FIRST = ("Ana", "João", "Márcia", "Pedro", "Luíza", "Antônio", "Beatriz", "Tomás", "Inês", "Caio")
LAST = ("Prado", "da Silva", "Gonçalves", "Araújo", "Müller", "Conceição", "Nakamura", "D'Ávila")
CITIES = (("São Paulo", "SP"), ("Niterói", "RJ"), ("Florianópolis", "SC"), ("Goiânia", "GO"))
PRODUCTS = (
    ("310045", "Camiseta básica", 12990), ("310102", "Caneca azul", 4990),
    ("310230", "Cafeteira italiana", 18990), ("310377", "Tênis de corrida", 45900),
    ("310418", "Jogo de facas", 23950), ("310555", "Mochila 20 L", 15999),
    ("310601", "Luminária de mesa", 9905), ("310777", "Edredom casal", 28933),
)  # fmt: skip

KINDS = (
    "plain", "company", "many", "kit", "repeated", "discount", "pix", "boleto", "instalments",
    "gift_card", "marketplace", "marketplace_bare", "pickup", "weight", "service", "free",
    "freight_discount", "tax",
)  # fmt: skip
"""What an order shows; drawn in turn, so that every batch of 18 has each once."""


@dataclass
class Made:
    """An order with what the payments gateway knows of it."""

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
        self._count = 0

    def order(self, now: datetime, status: str, kind: str | None = None) -> Made:
        """Draw the next order, placed shortly before ``now``."""
        kind = kind or KINDS[self._count % len(KINDS)]
        self._count += 1
        placed = now - timedelta(minutes=35, microseconds=self._random.randrange(10**6))
        sequence = str(70_000_000 + self._count)
        order_id = f"v{sequence}{self.account}-01"
        marketplace = kind.startswith("marketplace")
        if marketplace:
            order_id = f"ABC-88{sequence}-01"
        items = self._items(kind)
        for index, item in enumerate(items):
            item["uniqueId"] = f"{self._random.getrandbits(128):032X}"
            item["seller"] = "1"
            item.setdefault("parentItemIndex", None)
            item["_index"] = index
        logistics = [self._logistics(item, kind, placed) for item in items]
        totals = _totals(items, logistics)
        value = sum(one["value"] for one in totals)
        transaction_id = f"{self._random.getrandbits(128):032X}"
        payments = self._payments(kind, value, placed)
        client = self._client(kind)
        address = self._address(client, kind)
        self._random.shuffle(logistics)
        for item in items:
            del item["_index"]
        order = _envelope(self.account, order_id, sequence, status, placed, value)
        order |= {
            "totals": totals,
            "items": items,
            "marketplaceItems": [],
            "clientProfileData": client,
            "shippingData": {
                "id": "shippingData",
                "address": address,
                "logisticsInfo": logistics,
                "trackingHints": None,
                "selectedAddresses": [address],
                "availableAddresses": [address],
                "contactInformation": [],
            },
            "paymentData": {
                "giftCards": [],
                "transactions": [
                    {
                        "isActive": True,
                        "transactionId": transaction_id,
                        "merchantName": self.account.upper(),
                        "payments": payments,
                    }
                ],
            },
        }
        if marketplace:
            self._to_marketplace(order, kind)
            return Made(order, {})
        if kind == "free":
            order["paymentData"]["transactions"][0]["transactionId"] = "NO-PAYMENT"
            order["paymentData"]["transactions"][0]["payments"] = []
            return Made(order, {})
        gateway = self._gateway(transaction_id, sequence, order, payments)
        return Made(order, {transaction_id: gateway})

    # --- items --------------------------------------------------------------------------------

    def _items(self, kind: str) -> list[dict[str, Any]]:
        count = {"many": 6, "plain": 1, "pix": 2}.get(kind, self._random.randint(1, 3))
        picked = self._random.sample(PRODUCTS, count)
        items = [self._item(*one, quantity=self._random.randint(1, 3)) for one in picked]
        first = items[0]
        if kind == "discount":
            # One cent too many for two equal unit prices, as real promotions leave it.
            _reprice(first, quantity=2, price=first["price"], off=1299)
        elif kind == "repeated":
            twin = self._item(*picked[0], quantity=1)
            _reprice(twin, quantity=1, price=first["price"], off=1000)
            items.append(twin)
        elif kind == "kit":
            first["components"] = [
                {"id": "400001", "quantity": 2, "name": "Peça A", "refId": "PA", "price": 1000},
                {"id": "400002", "quantity": 1, "name": "Peça B", "refId": None, "price": 2000},
            ]
        elif kind == "weight":
            first.update(measurementUnit="kg", unitMultiplier=0.35)
            _reprice(first, quantity=first["quantity"], price=first["price"], off=0)
        elif kind == "service":
            wrap = self._item("500001", "Embalagem para presente", 1500, quantity=1)
            wrap.update(priceDefinition=None, costPrice=None, listPrice=None)
            first["bundleItems"] = [wrap]
        elif kind == "free":
            for item in items:
                item["isGift"] = True
                _reprice(item, quantity=1, price=0, off=0)
        elif kind == "tax":
            first["tax"] = 733
        return items

    def _item(self, sku: str, name: str, price: int, *, quantity: int) -> dict[str, Any]:
        item: dict[str, Any] = {
            "id": sku, "productId": f"9{sku}", "ean": f"789{sku}0001", "lockId": None,
            "itemAttachment": {"content": {}, "name": None}, "attachments": [],
            "quantity": quantity, "name": name, "refId": f"REF-{sku}", "price": price,
            "listPrice": price + 2000, "manualPrice": None, "manualPriceAppliedBy": None,
            "priceTags": [], "imageUrl": f"https://img.example.com/{sku}.jpg",
            "detailUrl": f"/{sku}/p", "components": [], "bundleItems": [], "params": [],
            "offerings": [], "attachmentOfferings": [], "sellerSku": sku,
            "priceValidUntil": None, "commission": 0, "freightCommission": 0, "tax": 0,
            "taxCode": None, "preSaleDate": None,
            "additionalInfo": {
                "brandName": "Marca", "brandId": "2000", "categoriesIds": "/10/22/",
                "categories": [{"id": 22, "name": "Casa"}], "productClusterId": "137",
                "commercialConditionId": "1", "offeringInfo": None, "offeringType": None,
                "offeringTypeId": None,
                "dimension": {
                    "cubicweight": 0.3, "height": 10.0, "length": 20.0, "weight": 450.0,
                    "width": 15.0,
                },
            },
            "measurementUnit": "un", "unitMultiplier": 1.0, "sellingPrice": price,
            "isGift": False, "shippingPrice": None, "rewardValue": 0,
            "parentAssemblyBinding": None, "callCenterOperator": None, "serialNumbers": None,
            "assemblies": [], "costPrice": price // 2,
        }  # fmt: skip
        _reprice(item, quantity=quantity, price=price, off=0)
        return item

    def _logistics(self, item: dict[str, Any], kind: str, placed: datetime) -> dict[str, Any]:
        pickup = kind == "pickup"
        price = 0 if pickup or kind == "free" else self._random.randrange(490, 2990)
        off = 240 if kind == "freight_discount" else 0
        if off:
            item["priceTags"].append(_tag("discount@shipping-9f1#7a", -off))
        estimate = placed + timedelta(days=7)
        return {
            "itemIndex": item["_index"], "itemId": item["id"],
            "selectedDeliveryChannel": "pickup-in-point" if pickup else "delivery",
            "selectedSla": "Retirada" if pickup else "Normal", "lockTTL": "10d",
            "price": price, "listPrice": price, "sellingPrice": price - off,
            "deliveryWindow": None, "deliveryCompany": None if pickup else "Transportes Sul",
            "shippingEstimate": "5bd", "shippingEstimateDate": _stamp(estimate, 7), "slas": [],
            "shipsTo": ["BRA"],
            "deliveryIds": [
                {
                    "courierId": "19f", "courierName": "Transportes Sul", "dockId": "1",
                    "warehouseId": "1_1", "quantity": item["quantity"],
                    "accountCarrierName": self.account, "kitItemDetails": [],
                }
            ],
            "deliveryChannels": [{"id": "delivery", "stockBalance": 12}],
            "deliveryChannel": "pickup-in-point" if pickup else "delivery",
            "pickupStoreInfo": {
                "additionalInfo": None, "address": None, "dockId": None,
                "friendlyName": "Loja Centro" if pickup else None, "isPickupStore": pickup,
            },
            "addressId": "addr-1", "versionId": None, "entityId": None, "polygonName": None,
            "pickupPointId": "1_centro" if pickup else None, "transitTime": "5bd",
        }  # fmt: skip

    # --- people -------------------------------------------------------------------------------

    def _client(self, kind: str) -> dict[str, Any]:
        company = kind == "company"
        digits = f"{self._random.getrandbits(128):032x}"
        return {
            "id": "clientProfileData", "email": f"{digits}@ct.vtex.com.br",
            "firstName": self._random.choice(FIRST), "lastName": self._random.choice(LAST),
            "documentType": "cpf", "document": self._cpf(),
            "phone": f"+55119{self._random.randrange(10**7, 10**8)}",
            "corporateName": "Comércio Exemplo Ltda" if company else None,
            "tradeName": "Exemplo" if company else None,
            "corporateDocument": self._cnpj() if company else None,
            "stateInscription": "110042490114" if company else "",
            "corporatePhone": "+551133334444" if company else None, "isCorporate": company,
            "userProfileId": f"{self._random.getrandbits(64):x}", "userProfileVersion": None,
            "customerClass": None, "customerCode": None,
        }  # fmt: skip

    def _cpf(self) -> str:
        digits = [self._random.randrange(10) for _ in range(9)]
        for length in (9, 10):
            rest = sum(d * (length + 1 - i) for i, d in enumerate(digits)) * 10 % 11
            digits.append(rest % 10)
        return "".join(map(str, digits))

    def _cnpj(self) -> str:
        digits = [self._random.randrange(10) for _ in range(8)] + [0, 0, 0, 1]
        for weights in (
            (5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2),
            (6, 5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2),
        ):
            rest = sum(d * w for d, w in zip(digits, weights, strict=True)) % 11
            digits.append(0 if rest < 2 else 11 - rest)
        text = "".join(map(str, digits))
        return f"{text[:2]}.{text[2:5]}.{text[5:8]}/{text[8:12]}-{text[12:]}"

    def _address(self, client: dict[str, Any], kind: str) -> dict[str, Any]:
        city, state = self._random.choice(CITIES)
        return {
            "addressType": "pickup" if kind == "pickup" else "residential",
            "receiverName": f"{client['firstName']} {client['lastName']}", "addressId": "addr-1",
            "versionId": None, "entityId": None,
            "postalCode": f"{self._random.randrange(1000, 99999):05}-"
            f"{self._random.randrange(1000):03}",
            "city": city, "state": state, "country": "BRA", "street": "Rua das Palmeiras",
            "number": self._random.choice(("12", "450", "S/N", None)), "neighborhood": "Centro",
            "complement": self._random.choice(("", None, "Apto 71")), "reference": None,
            "geoCoordinates": [-46.6, -23.5],
        }  # fmt: skip

    # --- payment ------------------------------------------------------------------------------

    def _payments(self, kind: str, value: int, placed: datetime) -> list[dict[str, Any]]:
        if kind == "pix":
            return [self._payment("125", "Pix", "instantPayment", value)]
        if kind == "boleto":
            bill = self._payment("6", "Boleto Bancário", "bankInvoice", value)
            bill["dueDate"] = (placed + timedelta(days=3)).strftime("%Y-%m-%d")
            bill["bankIssuedInvoiceBarCodeNumber"] = "34195000000000000000000000000000000000000000"
            return [bill]
        if kind == "gift_card":
            part = value // 3
            card = self._payment("16", "Vale", "giftCard", part)
            card.update(giftCardId="gc-1", redemptionCode="XXXX", giftCardProvider="VtexGiftCard")
            return [card, self._card(value - part, 1)]
        if kind == "instalments":
            return [self._card(value, 6, interest=value * 4 // 100)]
        return [self._card(value, self._random.randint(1, 3))]

    def _card(self, value: int, installments: int, interest: int = 0) -> dict[str, Any]:
        card = self._payment("2", "Visa", "creditCard", value + interest)
        card.update(
            referenceValue=value, installments=installments, firstDigits="411122", lastDigits="4321"
        )
        return card

    def _payment(self, system: str, name: str, group: str, value: int) -> dict[str, Any]:
        tid = str(self._random.randrange(10**9, 10**10))
        empty = (
            "cardHolder", "cardNumber", "firstDigits", "lastDigits", "cvv2", "expireMonth",
            "expireYear", "url", "giftCardId", "giftCardName", "giftCardCaption",
            "redemptionCode", "giftCardProvider", "giftCardAsDiscount", "dueDate", "koinUrl",
            "accountId", "parentAccountId", "bankIssuedInvoiceIdentificationNumber",
            "bankIssuedInvoiceIdentificationNumberFormatted", "bankIssuedInvoiceBarCodeNumber",
            "bankIssuedInvoiceBarCodeType", "billingAddress", "paymentOrigin",
        )  # fmt: skip
        return dict.fromkeys(empty) | {
            "id": f"{self._random.getrandbits(128):032X}", "paymentSystem": system,
            "paymentSystemName": name, "value": value, "installments": 1,
            "referenceValue": value, "group": group, "tid": tid,
            "connectorResponses": {
                "Tid": tid, "tid": tid, "ReturnCode": "0", "Message": None, "authId": "551204",
            },
        }  # fmt: skip

    def _gateway(
        self,
        transaction_id: str,
        sequence: str,
        order: dict[str, Any],
        payments: list[dict[str, Any]],
    ) -> dict[str, Any]:
        base = f"/api/pvt/transactions/{transaction_id}"
        rows = [_gateway_payment(base, one) for one in payments]
        if self._random.random() < 0.1:
            blank = dict(rows[0], id=f"{self._random.getrandbits(128):032X}", status="Cancelled")
            rows.append(blank | {"tid": None, "nsu": None, "ConnectorResponses": {}})
        links = (
            "interactions",
            "settlements",
            "payments",
            "refunds",
            "cancellations",
            "capabilities",
        )
        nothing = (
            "receiverUri", "commitmentToken", "commitmentDate", "refundingToken", "refundingDate",
            "cancelationToken", "cancelationDate", "ipAddress", "sessionId", "macId",
            "vtexFingerprint", "chargeback", "whiteSignature", "userAgent", "acceptHeader",
            "antifraudTid", "antifraudResponse", "antifraudReference", "antifraudAffiliationId",
            "urn", "softDescriptor", "buyer",
        )  # fmt: skip
        head = dict.fromkeys(nothing) | {name: {"href": f"{base}/{name}"} for name in links}
        head |= {
            "id": transaction_id, "transactionId": transaction_id, "referenceKey": sequence,
            "timeoutStatus": 0, "totalRefunds": 0, "status": "Approved",
            "value": sum(one["value"] for one in payments),
            "startDate": order["creationDate"][:19], "authorizationToken": "A1",
            "authorizationDate": order["authorizedDate"][:19],
            "fields": [{"name": "channel", "value": self.account}],
            "shopperInteraction": "ecommerce", "owner": self.account,
            "orderId": order["orderGroup"], "channel": self.account, "salesChannel": "1",
            "markedForRecurrence": False,
        }  # fmt: skip
        return {"transaction": head, "payments": rows}

    def _to_marketplace(self, order: dict[str, Any], kind: str) -> None:
        order |= {
            "origin": "Fulfillment", "affiliateId": "ABC", "orderGroup": None,
            "marketplaceOrderId": order["orderId"].removeprefix("ABC-"),
            "marketplaceServicesEndpoint": "https://marketplace.example.com",
        }  # fmt: skip
        if kind == "marketplace_bare":
            order["paymentData"] = None
            return
        paid = order["paymentData"]["transactions"][0]
        paid["transactionId"] = "PAYMENT-FROM-AFFILIATE"
        paid["payments"] = paid["payments"][:1]
        paid["payments"][0].update(
            paymentSystem="0", paymentSystemName="Valor assumido pelo afiliado", id=None, tid=None,
            value=order["value"], group="promissory", connectorResponses={},
        )  # fmt: skip
        order["shippingData"]["trackingHints"] = [
            {
                "trackingId": "T1",
                "courierName": "Correios",
                "trackingUrl": None,
                "trackingLabel": None,
            }
        ]


def _reprice(item: dict[str, Any], *, quantity: int, price: int, off: int) -> None:
    whole = round(price * quantity * item["unitMultiplier"])
    total = whole - off
    unit = total // quantity
    extra = total - unit * quantity
    prices = [{"value": unit, "quantity": quantity - extra}]
    if extra:
        prices.append({"value": unit + 1, "quantity": extra})
    item.update(quantity=quantity, price=price, sellingPrice=unit)
    item["priceTags"] = [_tag("discount@price-3a7#c1", -off)] if off else []
    item["priceDefinition"] = {
        "sellingPrices": prices, "calculatedSellingPrice": unit, "total": total, "reason": None,
    }  # fmt: skip


def _tag(name: str, cents: int) -> dict[str, Any]:
    return {
        "name": name, "value": cents, "isPercentual": False, "identifier": None,
        "rawValue": cents / 100, "rate": None, "jurisCode": None, "jurisType": None,
        "jurisName": None,
    }  # fmt: skip


def _gross(item: dict[str, Any]) -> int:
    gross: int = round(item["price"] * item["quantity"] * item["unitMultiplier"])
    return gross


def _totals(items: list[dict[str, Any]], logistics: list[dict[str, Any]]) -> list[dict[str, Any]]:
    sold = [*items, *(extra for item in items for extra in item["bundleItems"])]
    off = sum(tag["value"] for item in items for tag in item["priceTags"] if "price" in tag["name"])
    return [
        {"id": "Items", "name": "Total dos Itens", "value": sum(_gross(one) for one in sold)},
        {"id": "Discounts", "name": "Total dos Descontos", "value": off},
        {
            "id": "Shipping",
            "name": "Total do Frete",
            "value": sum(one["sellingPrice"] for one in logistics),
        },
        {"id": "Tax", "name": "Total da Taxa", "value": sum(item["tax"] for item in items)},
    ]


def _gateway_payment(base: str, payment: dict[str, Any]) -> dict[str, Any]:
    nothing = (
        "userProfileId", "description", "returnMessage", "connector", "provider", "sheets",
        "originalPaymentId", "isBillingAddressDifferent", "isRegexValid", "isLuhnValid",
    )  # fmt: skip
    return dict.fromkeys(nothing) | {
        "id": payment["id"], "paymentSystem": int(payment["paymentSystem"]),
        "paymentSystemName": payment["paymentSystemName"], "merchantName": "ACME",
        "group": payment["group"], "isCustom": False, "allowInstallments": True,
        "requiresAuthentication": False, "allowIssuer": True, "allowNotification": False,
        "isAvailable": True, "authorizationDate": None,
        "self": {"href": f"{base}/payments/{payment['id']}"}, "tid": payment["tid"],
        "nsu": "778899", "returnCode": "0", "status": "Approved",
        "ConnectorResponses": payment["connectorResponses"], "connectorResponse": {},
        "ShowConnectorResponses": True, "value": payment["value"],
        "installmentsInterestRate": 0.0,
        "installmentsValue": payment["value"] // payment["installments"],
        "referenceValue": payment["referenceValue"], "installments": payment["installments"],
        "currencyCode": "BRL",
        "fields": [
            {"name": "firstDigits", "value": payment["firstDigits"] or ""},
            {"name": "lastDigits", "value": payment["lastDigits"] or ""},
        ],
    }  # fmt: skip


def _envelope(
    account: str, order_id: str, sequence: str, status: str, placed: datetime, value: int
) -> dict[str, Any]:
    nothing = (
        "giftRegistryData", "marketingData", "callCenterOperatorData", "lastMessage",
        "checkedInPickupPointId", "invoicedDate", "cancelReason", "packageAttachment",
        "changesAttachment", "openTextField", "cancellationData", "cancellationRequests",
        "taxData", "subscriptionData", "customData", "commercialConditionData", "invoiceData",
        "statusDescription", "merchantName", "followUpEmail",
    )  # fmt: skip
    return dict.fromkeys(nothing) | {
        "orderId": order_id, "sequence": sequence, "marketplaceOrderId": "",
        "marketplaceServicesEndpoint": None, "sellerOrderId": f"00-{order_id}",
        "origin": "Marketplace", "affiliateId": "", "salesChannel": "1", "status": status,
        "workflowIsInError": False, "value": value, "creationDate": _stamp(placed, 7),
        "lastChange": _stamp(placed + timedelta(minutes=33), 5),
        "orderGroup": order_id.removesuffix("-01"), "hostname": account, "isCompleted": True,
        "roundingError": 0, "orderFormId": f"form{sequence}", "allowCancellation": True,
        "allowEdition": False, "isCheckedIn": False,
        "authorizedDate": _stamp(placed + timedelta(minutes=2), 0),
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


def _stamp(moment: datetime, digits: int) -> str:
    text = moment.strftime("%Y-%m-%dT%H:%M:%S")
    fraction = f"{moment.microsecond:06}7"[:digits]
    return f"{text}.{fraction}+00:00" if digits else f"{text}+00:00"
