"""Postal addresses, as orders and payments hold them."""

from __future__ import annotations

from typing import Any

from marshmallow import post_load

from vtex.documents import Address
from vtex.schemas.values import JsonObject, TextField


class AddressSchema(JsonObject):
    """A postal address."""

    address_id = TextField(data_key="addressId")
    receiver_name = TextField(data_key="receiverName")
    postal_code = TextField(data_key="postalCode")
    city = TextField()
    state = TextField()
    country = TextField()
    street = TextField()
    number = TextField()
    neighborhood = TextField()
    complement = TextField()
    reference = TextField()

    @post_load
    def _made(self, data: dict[str, Any], **_: Any) -> Address:
        return Address(**data)
