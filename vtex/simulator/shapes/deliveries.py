"""Pickup points, mixed deliveries and delivery windows."""

from typing import Any

from vtex.simulator.items import pickup
from vtex.simulator.timestamps import moment_of, stamp

POINT: dict[str, Any] = {
    "addressType": "pickup", "receiverName": None, "addressId": "1_centro", "versionId": None,
    "entityId": None, "postalCode": "01310-100", "city": "São Paulo", "state": "SP",
    "country": "BRA", "street": "Avenida Paulista", "number": "900", "neighborhood": "Bela Vista",
    "complement": "Loja", "reference": None, "geoCoordinates": [-46.65, -23.56],
}  # fmt: skip


def pick_up(order: dict[str, Any]) -> None:
    """Let the shopper fetch everything. The order's address is the point's, as at VTEX."""
    shipping = order["shippingData"]
    for row in shipping["logisticsInfo"]:
        row.update(pickup(POINT), addressId=POINT["addressId"])
    shipping.update(
        selectedAddresses=[POINT], availableAddresses=[shipping["address"], POINT], address=POINT
    )


def mix(order: dict[str, Any]) -> None:
    """Let the shopper fetch the first item, and have the others delivered."""
    shipping = order["shippingData"]
    for row in shipping["logisticsInfo"]:
        if row["itemIndex"] == 0:
            row.update(pickup(POINT), addressId=POINT["addressId"])
    both = [shipping["address"], POINT]
    shipping.update(selectedAddresses=both, availableAddresses=both)


def schedule(order: dict[str, Any]) -> None:
    """Give each delivery a window."""
    for row in order["shippingData"]["logisticsInfo"]:
        day = moment_of(row["shippingEstimateDate"])
        if day is not None:
            row["deliveryWindow"] = {
                "startDateUtc": stamp(day.replace(hour=11, minute=0, second=0), 0),
                "endDateUtc": stamp(day.replace(hour=15, minute=0, second=0), 0),
                "price": 0,
                "lisPrice": 0,
                "tax": 0,
            }
