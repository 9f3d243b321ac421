"""Invoices in an order's document, and the receipts of VTEX for writes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from marshmallow import fields, post_load

from vtex.documents import Package, PackageItem
from vtex.errors import DocumentInvalid
from vtex.schemas.values import Cents, JsonObject, RowsField, TextField, load, optional, units


class _PackageItem(JsonObject):
    item_index = fields.Integer(strict=True, data_key="itemIndex", required=True)
    quantity = units("quantity")

    @post_load
    def _made(self, data: dict[str, Any], **_: Any) -> PackageItem:
        return PackageItem(**data)


class _CourierEvent(JsonObject):
    city = TextField()
    state = TextField()
    description = TextField()


class _CourierStatus(JsonObject):
    finished = optional(fields.Boolean, "finished", False)
    data = RowsField(_CourierEvent)


class _Package(JsonObject):
    invoice_number = TextField(data_key="invoiceNumber", required=True)
    type = TextField()
    value_cents = Cents(data_key="invoiceValue", required=True)
    items = RowsField(_PackageItem)
    invoice_key = TextField(data_key="invoiceKey")
    courier = TextField()
    tracking_number = TextField(data_key="trackingNumber")
    tracking_url = TextField(data_key="trackingUrl")
    status = fields.Nested(
        _CourierStatus, data_key="courierStatus", load_default=None, allow_none=True
    )

    @post_load
    def _made(self, data: dict[str, Any], **_: Any) -> Package:
        status = data.pop("status") or {}
        data["type"] = data["type"] or "Output"
        data["items"] = tuple(data["items"] or ())
        events = tuple(
            (event["city"], event["state"], event["description"])
            for event in status.get("data") or ()
        )
        return Package(delivered=bool(status.get("finished")), events=events, **data)


class _Attachment(JsonObject):
    packages = RowsField(_Package)


class _WithPackages(JsonObject):
    attachment = fields.Nested(
        _Attachment, data_key="packageAttachment", load_default=None, allow_none=True
    )


class _Receipt(JsonObject):
    receipt = TextField()


MOST_RECEIPT = 255


_WITH_PACKAGES, _RECEIPT = _WithPackages(), _Receipt()


def read_packages(raw: Mapping[str, Any]) -> tuple[Package, ...]:
    """Read the invoices in an order's document, one for each number and type.

    Raises:
        DocumentInvalid: an invoice is malformed.
    """
    attachment = load(_WITH_PACKAGES, raw, "the order")["attachment"] or {}
    packages: Sequence[Package] = attachment.get("packages") or ()
    return tuple({(row.invoice_number, row.type): row for row in packages}.values())


def read_receipt(raw: Any) -> str | None:
    """Read VTEX's receipt for an invoice, tracking or a cancellation. It may be null.

    A malformed receipt counts as absent, since the write had its effect.
    """
    try:
        receipt: str | None = load(_RECEIPT, raw, "the receipt")["receipt"]
    except DocumentInvalid:
        return None
    return receipt[:MOST_RECEIPT] if receipt else None
