"""The items of each kind of order, their freight, and the totals."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from random import Random
from typing import Any

from vtex.simulator.timestamps import stamp

PRODUCTS = (
    ("310045", "Camiseta básica", 12990),
    ("310102", "Caneca azul", 4990),
    ("310230", "Cafeteira italiana", 18990),
    ("310377", "Tênis de corrida", 45900),
    ("310418", "Jogo de facas", 23950),
    ("310555", "Mochila 20 L", 15999),
    ("310601", "Luminária de mesa", 9905),
    ("310777", "Edredom casal", 28933),
)
COUNTS = {
    "many": 6, "plain": 1, "pix": 2, "gift_tag": 2, "changed": 2, "freight_in_head": 2, "mixed": 3,
}  # fmt: skip
TAGS = {"price": "discount@price-3a7#c1", "shipping": "discount@shipping-9f1#7a"}


def items_of(kind: str, rng: Random) -> list[dict[str, Any]]:
    """Draw the items of an order of this kind."""
    picked = rng.sample(PRODUCTS, COUNTS.get(kind, rng.randint(1, 3)))
    items = [item_of(*product, quantity=rng.randint(1, 3)) for product in picked]
    if kind == "repeated":
        twin = item_of(*picked[0], quantity=1)
        reprice(twin, quantity=1, price=twin["price"], off=1000)
        items.append(twin)
    _shape(kind, items)
    for item in items:
        item["uniqueId"] = f"{rng.getrandbits(128):032X}"
    return items


def _shape(kind: str, items: list[dict[str, Any]]) -> None:
    first = items[0]
    price = first["price"]
    match kind:
        case "discount":
            # One cent too many for two equal unit prices, as in real promotions.
            reprice(first, quantity=2, price=price, off=1299)
        case "kit":
            part = price // 4
            first["components"] = [
                _component("400001", "Peça A", 2, part, "PA"),
                _component("400002", "Peça B", 1, price - 2 * part, None),
            ]
        case "weight":
            first.update(measurementUnit="kg", unitMultiplier=0.35)
            reprice(first, quantity=first["quantity"], price=price, off=0)
        case "service":
            wrap = item_of("500001", "Embalagem para presente", 1500, quantity=1)
            wrap.update(priceDefinition=None, costPrice=None, listPrice=None)
            first["bundleItems"] = [wrap]
        case "free":
            for item in items:
                item["isGift"] = True
                reprice(item, quantity=1, price=0, off=0)
        case "tax":
            first["tax"] = 733


def _component(sku: str, name: str, quantity: int, price: int, ref: str | None) -> dict[str, Any]:
    return {"id": sku, "quantity": quantity, "name": name, "refId": ref, "price": price}


def item_of(sku: str, name: str, price: int, *, quantity: int) -> dict[str, Any]:
    """Return an item of a product, as an order has it."""
    item: dict[str, Any] = {
        "id": sku, "productId": f"9{sku}", "ean": f"789{sku}0001", "lockId": None,
        "itemAttachment": {"content": {}, "name": None}, "attachments": [],
        "quantity": quantity, "name": name, "refId": f"REF-{sku}", "price": price,
        "listPrice": price + 2000, "manualPrice": None, "manualPriceAppliedBy": None,
        "priceTags": [], "imageUrl": f"https://img.example.com/{sku}.jpg",
        "detailUrl": f"/{sku}/p", "components": [], "bundleItems": [], "params": [],
        "offerings": [], "attachmentOfferings": [], "sellerSku": sku, "seller": "1",
        "priceValidUntil": None, "commission": 0, "freightCommission": 0, "tax": 0,
        "taxCode": None, "preSaleDate": None, "uniqueId": None, "parentItemIndex": None,
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
    reprice(item, quantity=quantity, price=price, off=0)
    return item


def reprice(item: dict[str, Any], *, quantity: int, price: int, off: int) -> None:
    """Set an item's quantity, unit price and discount, and the values derived from them."""
    item.update(quantity=quantity, price=price)
    total = gross(item) - off
    unit, extra = divmod(total, quantity)
    prices = [{"value": unit, "quantity": quantity - extra}]
    if extra:
        prices.append({"value": unit + 1, "quantity": extra})
    item["sellingPrice"] = unit
    item["priceTags"] = [tag(TAGS["price"], -off)] if off else []
    item["priceDefinition"] = {
        "sellingPrices": prices,
        "calculatedSellingPrice": unit,
        "total": total,
        "reason": None,
    }


def gross(item: dict[str, Any]) -> int:
    """Return an item's price before discounts."""
    return gross_of(item, item["quantity"])


def gross_of(item: dict[str, Any], quantity: int) -> int:
    """Return the price of some units before discounts."""
    exact = item["price"] * quantity * Decimal(str(item["unitMultiplier"]))
    return int(exact.to_integral_value(ROUND_HALF_UP))


def tag(name: str, value: int, *, is_percentage: bool = False) -> dict[str, Any]:
    """Return a price tag of so many cents, or of so many percent of the line."""
    return {
        "name": name,
        "value": value,
        "isPercentual": is_percentage,
        "identifier": None,
        "rawValue": value if is_percentage else value / 100,
        "rate": None,
        "jurisCode": None,
        "jurisType": None,
        "jurisName": None,
    }


def logistics_of(
    kind: str, items: list[dict[str, Any]], address: dict[str, Any], placed: datetime, rng: Random
) -> list[dict[str, Any]]:
    """Draw each item's freight, shuffled: only ``itemIndex`` joins them."""
    rows = []
    for index, item in enumerate(items):
        price = 0 if kind in ("pickup", "free") else rng.randrange(490, 2990)
        off = 240 if kind == "freight_discount" else 0
        if off:
            item["priceTags"].append(tag(TAGS["shipping"], -off))
        row = delivery_of(index, item, placed)
        row.update(price=price, listPrice=price, sellingPrice=price - off)
        if kind == "pickup":
            row.update(pickup(address))
        rows.append(row)
    rng.shuffle(rows)
    return rows


def delivery_of(index: int, item: dict[str, Any], placed: datetime) -> dict[str, Any]:
    """Return the delivery of an item, free of charge."""
    return {
        "itemIndex": index, "itemId": item["id"], "selectedDeliveryChannel": "delivery",
        "selectedSla": "Normal", "lockTTL": "10d", "deliveryWindow": None,
        "deliveryCompany": "Transportes Sul", "shippingEstimate": "5bd",
        "shippingEstimateDate": stamp(placed + timedelta(days=7), 7), "slas": [],
        "shipsTo": ["BRA"],
        "deliveryIds": [
            {
                "courierId": "19f", "courierName": "Transportes Sul", "dockId": "1",
                "warehouseId": "1_1", "quantity": item["quantity"],
                "accountCarrierName": "Transportes Sul", "kitItemDetails": [],
            }
        ],
        "deliveryChannels": [{"id": "delivery", "stockBalance": 12}],
        "deliveryChannel": "delivery",
        "pickupStoreInfo": {
            "additionalInfo": None, "address": None, "dockId": None, "friendlyName": None,
            "isPickupStore": False,
        },
        "addressId": "addr-1", "versionId": None, "entityId": None, "polygonName": None,
        "pickupPointId": None, "transitTime": "5bd",
    }  # fmt: skip


def pickup(address: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of a delivery that the shopper fetches at this address."""
    channel = "pickup-in-point"
    return {
        "selectedDeliveryChannel": channel,
        "deliveryChannel": channel,
        "selectedSla": "Retirada",
        "deliveryCompany": None,
        "pickupPointId": "1_centro",
        "deliveryChannels": [{"id": channel, "stockBalance": 12}],
        "pickupStoreInfo": {
            "additionalInfo": None,
            "address": address,
            "dockId": "1",
            "friendlyName": "Loja Centro",
            "isPickupStore": True,
        },
    }


def totals_of(items: list[dict[str, Any]], freight: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Add up goods, their discounts, freight after discounts, and tax."""
    sold = [*items, *(extra for item in items for extra in item["bundleItems"])]
    off = sum(
        row["value"] for item in items for row in item["priceTags"] if row["name"] == TAGS["price"]
    )
    shipping = sum(line["sellingPrice"] for line in freight)
    return [
        {"id": "Items", "name": "Total dos Itens", "value": sum(map(gross, sold))},
        {"id": "Discounts", "name": "Total dos Descontos", "value": off},
        {"id": "Shipping", "name": "Total do Frete", "value": shipping},
        {"id": "Tax", "name": "Total da Taxa", "value": sum(item["tax"] for item in items)},
    ]
