"""Order documents in the form of VTEX's answer, written in a few words each."""

from collections.abc import Sequence
from typing import Any

Json = dict[str, Any]


def address(**changes: Any) -> Json:
    """Return an address in São Paulo."""
    made = {
        "addressType": "residential", "receiverName": "Ana Prado", "addressId": "a1",
        "postalCode": "01001-000", "city": "São Paulo", "state": "SP", "country": "BRA",
        "street": "Rua Um", "number": "1", "neighborhood": "Centro",
    }  # fmt: skip
    return made | changes


POINT = address(addressId="p1", addressType="pickup", street="Avenida Dois")


def item(sku: str, price: int, quantity: int = 1, total: int | None = None, **more: Any) -> Json:
    """Return an item with its price definition.

    Args:
        total: cents of the line after discounts. Without it, the item has no discount.
    """
    cents = price * quantity if total is None else total
    unit, extra = divmod(cents, quantity)
    prices = [{"value": unit, "quantity": quantity - extra}]
    prices += [{"value": unit + 1, "quantity": extra}] if extra else []
    made = {
        "id": sku, "uniqueId": f"U{sku}", "quantity": quantity, "seller": "1",
        "name": f"Item {sku}", "price": price, "listPrice": price, "sellingPrice": unit,
        "priceTags": [], "measurementUnit": "un", "unitMultiplier": 1.0, "tax": 0,
        "isGift": False, "components": [], "bundleItems": [],
        "priceDefinition": {"sellingPrices": prices, "calculatedSellingPrice": unit, "total": cents},
    }  # fmt: skip
    return made | more


def old_item(sku: str, price: int, quantity: int = 1, **more: Any) -> Json:
    """Return an item without a price definition, as documents had them before 2021."""
    return item(sku, price, quantity) | {"priceDefinition": None} | more


def tag(name: str, value: float, *, percent: bool = False) -> Json:
    """Return a price tag of cents, or of a percentage."""
    return {"name": name, "value": value, "isPercentual": percent, "identifier": None}


def delivery(index: int, freight: int = 0, price: int | None = None, **more: Any) -> Json:
    """Return the delivery of an item.

    Args:
        price: freight before discounts. Without it, the same.
    """
    made = {
        "itemIndex": index, "selectedSla": "Normal", "selectedDeliveryChannel": "delivery",
        "price": freight if price is None else price, "listPrice": freight,
        "sellingPrice": freight, "addressId": "a1", "deliveryIds": [],
    }  # fmt: skip
    return made | more


def pickup(index: int, **more: Any) -> Json:
    """Return the pickup of an item."""
    store = {"isPickupStore": True, "friendlyName": "Loja", "address": POINT}
    named = {"pickupPointId": "1_c", "addressId": "p1", "pickupStoreInfo": store}
    return delivery(index, selectedDeliveryChannel="pickup-in-point", **named) | more


def payment(value: int, without_interest: int | None = None, **more: Any) -> Json:
    """Return a card payment."""
    made = {
        "id": f"P{value}", "paymentSystem": "2", "paymentSystemName": "Visa",
        "group": "creditCard", "value": value, "installments": 1, "tid": "1",
        "referenceValue": value if without_interest is None else without_interest,
        "lastDigits": "4321", "connectorResponses": {},
    }  # fmt: skip
    return made | more


def totals(items: int, discounts: int = 0, shipping: int = 0, tax: int = 0, **more: int) -> Json:
    """Return the totals by id."""
    return {"Items": items, "Discounts": discounts, "Shipping": shipping, "Tax": tax} | more


def changed_item(sku: str, quantity: int, price: int) -> Json:
    """Return an item of a change."""
    return {"id": sku, "name": "x", "quantity": quantity, "price": price, "unitMultiplier": "1"}


def changes(*rows: tuple[Sequence[Json], Sequence[Json]]) -> Json:
    """Return the attachment of changes, each by its added and its removed items."""
    data = [
        {"reason": "x", "itemsAdded": [*added], "itemsRemoved": [*removed]}
        for added, removed in rows
    ]
    return {"id": "changeAttachment", "changesData": data}


def order(items: Sequence[Json], by_id: Json, **more: Any) -> Json:
    """Return an order that a card paid.

    Args:
        by_id: the totals.
        more: other top-level fields. An object is merged with what stands there. Also ``value``,
            ``deliveries`` and ``payments``.
    """
    value = more.pop("value", sum(by_id.values()))
    deliveries = more.pop("deliveries", [delivery(place) for place in range(len(items))])
    paid = more.pop("payments", [payment(value)])
    transaction = {"isActive": True, "transactionId": "A" * 32, "payments": paid}
    made: Json = {
        "orderId": "v1acme-01", "sequence": "1", "orderGroup": "v1acme", "origin": "Marketplace",
        "status": "ready-for-handling", "value": value, "creationDate": "2026-03-10T14:20:11Z",
        "roundingError": 0, "isCompleted": True, "hostname": "acme", "items": [*items],
        "totals": [{"id": name, "name": name, "value": cents} for name, cents in by_id.items()],
        "clientProfileData": {
            "email": "x@ct.vtex.com.br", "firstName": "Ana", "lastName": "Prado",
            "documentType": "cpf", "document": "11144477735", "isCorporate": False,
        },
        "shippingData": {
            "address": address(), "logisticsInfo": deliveries, "selectedAddresses": [address()],
        },
        "paymentData": {"transactions": [transaction]},
        "storePreferencesData": {"countryCode": "BRA", "currencyCode": "BRL"},
    }  # fmt: skip
    for name, field in more.items():
        before = made.get(name)
        made[name] = before | field if isinstance(before, dict) else field
    return made
