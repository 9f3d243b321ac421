"""Postal addresses, as orders and payments hold them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from marshmallow import fields, post_load

from foundation import foreign_values
from vtex.documents import Address
from vtex.schemas.values import CarriedText, JsonObject, TextField


class AddressSchema(JsonObject):
    """A postal address."""

    address_id = TextField(data_key="addressId")
    address_type = TextField(data_key="addressType")
    receiver_name = TextField(data_key="receiverName")
    postal_code = TextField(data_key="postalCode")
    city = TextField()
    state = TextField()
    country = TextField()
    street = TextField()
    number = TextField()
    neighborhood = TextField()
    complement = CarriedText()
    reference = CarriedText()
    coordinates = fields.Raw(data_key="geoCoordinates", load_default=None, allow_none=True)

    @post_load
    def _made(self, data: dict[str, Any], **_: Any) -> Address:
        data["coordinates"] = _coordinates(data["coordinates"])
        return Address(**data)


def _coordinates(raw: Any) -> tuple[Decimal, Decimal] | None:
    if not isinstance(raw, list) or len(raw) != 2:
        return None
    try:
        longitude, latitude = (foreign_values.bounded_number(number) for number in raw)
    except ValueError:
        return None
    is_on_earth = abs(longitude) <= 180 and abs(latitude) <= 90 and (longitude or latitude)
    return (longitude, latitude) if is_on_earth else None
