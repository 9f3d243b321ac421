"""Payments in an order's document and in the payments gateway."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from marshmallow import fields, post_load

from foundation.foreign_values import bounded_number
from foundation.redaction import storable
from vtex.documents import Address, OrderTransaction, Payment, Transaction
from vtex.errors import DocumentInvalid
from vtex.schemas.addresses import AddressSchema
from vtex.schemas.values import (
    MOST_UNITS,
    CarriedCents,
    CarriedText,
    Cents,
    JsonObject,
    MomentField,
    RowsField,
    TextField,
    load,
    optional,
)


class _Payment(JsonObject):
    system = TextField(data_key="paymentSystem", required=True)
    payment_id = TextField(data_key="id")
    system_name = CarriedText(data_key="paymentSystemName")
    group = TextField()
    value_cents = optional(Cents, "value", 0)
    reference_value_cents = optional(CarriedCents, "referenceValue")
    installments = fields.Raw(load_default=1, allow_none=True)
    first_digits = CarriedText(data_key="firstDigits")
    last_digits = CarriedText(data_key="lastDigits")
    tid = CarriedText()
    nsu = CarriedText()
    status = TextField()
    due_date = CarriedText(data_key="dueDate")
    url = CarriedText()
    bar_code = CarriedText(data_key="bankIssuedInvoiceBarCodeNumber")
    gift_card_id = CarriedText(data_key="giftCardId")
    billing = fields.Raw(data_key="billingAddress", load_default=None, allow_none=True)
    more = fields.Raw(data_key="fields", load_default=None, allow_none=True)
    oms_connector = fields.Raw(data_key="connectorResponses", load_default=None, allow_none=True)
    connector = fields.Raw(data_key="ConnectorResponses", load_default=None, allow_none=True)

    @post_load
    def _made(self, data: dict[str, Any], **_: Any) -> Payment:
        more = _named(data.pop("more"))
        connector = _lowered(data.pop("oms_connector")) | _lowered(data.pop("connector"))
        billing = _billing(data.pop("billing"))
        if billing is None or billing == Address():
            billing = _billing(more.get("address"))
        data["first_digits"] = data["first_digits"] or more.get("firstDigits")
        data["last_digits"] = data["last_digits"] or more.get("lastDigits")
        data["tid"] = data["tid"] or connector.get("tid")
        data["nsu"] = data["nsu"] or connector.get("nsu")
        data["value_cents"] = data["value_cents"] or 0
        data["installments"] = _installments(data["installments"])
        return Payment(billing_address=billing, connector=connector, **data)


class OrderTransactionSchema(JsonObject):
    """A transaction in an order's document."""

    transaction_id = TextField(data_key="transactionId")
    is_active = optional(fields.Boolean, "isActive", True)
    payments = RowsField(_Payment)

    @post_load
    def _made(self, data: dict[str, Any], **_: Any) -> OrderTransaction:
        data["is_active"] = data["is_active"] is not False
        data["payments"] = tuple(data["payments"] or ())
        return OrderTransaction(**data)


class _Transaction(JsonObject):
    transaction_id = TextField(data_key="transactionId", required=True)
    status = TextField()
    value_cents = optional(Cents, "value", 0)
    authorized_at = optional(MomentField, "authorizationDate")


class _Answer(JsonObject):
    transaction = fields.Nested(_Transaction, required=True)
    payments = fields.List(fields.Nested(_Payment), required=True)


_ANSWER, _ADDRESS = _Answer(), AddressSchema()


def read_transaction(raw: Mapping[str, Any]) -> Transaction:
    """Read ``{"transaction": {…}, "payments": […]}``.

    Raises:
        DocumentInvalid: a required field is missing or malformed.
    """
    data = load(_ANSWER, raw, "the transaction")
    head = data["transaction"]
    head["value_cents"] = head["value_cents"] or 0
    return Transaction(payments=tuple(data["payments"]), raw=raw, **head)


def _named(raw: Any) -> dict[str, str]:
    if not isinstance(raw, list):
        return {}
    return {
        str(row.get("name")): storable(str(row["value"]))
        for row in raw
        if isinstance(row, dict) and row.get("value") not in (None, "")
    }


def _lowered(raw: Any) -> dict[str, str]:
    answers: dict[str, str] = {}
    for key, value in raw.items() if isinstance(raw, dict) else ():
        if value not in (None, "") and not isinstance(value, dict | list):
            answers.setdefault(str(key).lower(), storable(str(value)))
    return answers


def _installments(raw: Any) -> int:
    try:
        number = bounded_number(raw)
    except ValueError:
        return 1
    return int(number) if 1 <= number <= MOST_UNITS else 1


def _billing(raw: Any) -> Address | None:
    """Return an address from an object, or from JSON text as the gateway writes it."""
    if not raw:
        return None
    try:
        document = json.loads(raw) if isinstance(raw, str) else raw
        address: Address = load(_ADDRESS, document, "the billing address")
    except (ValueError, DocumentInvalid, RecursionError):
        # One of three addresses to choose from, so a malformed one counts as absent.
        return None
    return address
