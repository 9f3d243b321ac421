"""Postal addresses, as orders and payments hold them."""

from __future__ import annotations

from typing import Any

from marshmallow import post_load

from vtex.documents import Address
from vtex.schemas.values import JsonObject, Text


class AddressSchema(JsonObject):
    """A postal address."""

    address_id = Text(data_key="addressId")
    receiver_name = Text(data_key="receiverName")
    postal_code = Text(data_key="postalCode")
    city = Text()
    state = Text()
    country = Text()
    street = Text()
    number = Text()
    neighborhood = Text()
    complement = Text()
    reference = Text()

    @post_load
    def _made(self, data: dict[str, Any], **_: Any) -> Address:
        return Address(**data)
