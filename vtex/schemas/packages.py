"""Invoices that VTEX has, and the receipts of what was sent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from marshmallow import fields, post_load

from vtex.documents import Package, PackageItem
from vtex.errors import DocumentInvalid
from vtex.schemas.values import Cents, JsonObject, Rows, Text, load, optional, units


class _PackageItem(JsonObject):
    item_index = fields.Integer(strict=True, data_key="itemIndex", required=True)
    quantity = units("quantity")

    @post_load
    def _made(self, data: dict[str, Any], **_: Any) -> PackageItem:
        return PackageItem(**data)


class _CourierEvent(JsonObject):
    city = Text()
    state = Text()
    description = Text()


class _CourierStatus(JsonObject):
    finished = optional(fields.Boolean, "finished", False)
    data = Rows(_CourierEvent)


class _Package(JsonObject):
    invoice_number = Text(data_key="invoiceNumber", required=True)
    type = Text()
    value_cents = Cents(data_key="invoiceValue", required=True)
    items = Rows(_PackageItem)
    invoice_key = Text(data_key="invoiceKey")
    courier = Text()
    tracking_number = Text(data_key="trackingNumber")
    tracking_url = Text(data_key="trackingUrl")
    status = fields.Nested(
        _CourierStatus, data_key="courierStatus", load_default=None, allow_none=True
    )

    @post_load
    def _made(self, data: dict[str, Any], **_: Any) -> Package:
        status = data.pop("status") or {}
        data["type"] = data["type"] or "Output"
        data["items"] = tuple(data["items"] or ())
        events = tuple(
            (one["city"], one["state"], one["description"]) for one in status.get("data") or ()
        )
        return Package(delivered=bool(status.get("finished")), events=events, **data)


class _Attachment(JsonObject):
    packages = Rows(_Package)


class _WithPackages(JsonObject):
    attachment = fields.Nested(
        _Attachment, data_key="packageAttachment", load_default=None, allow_none=True
    )


class _Receipt(JsonObject):
    receipt = Text()


MOST_RECEIPT = 255


_WITH_PACKAGES, _RECEIPT = _WithPackages(), _Receipt()


def read_packages(raw: Mapping[str, Any]) -> tuple[Package, ...]:
    """Read the invoices that an order's document shows, one a number and type.

    Raises:
        DocumentInvalid: one of them cannot be read.
    """
    attachment = load(_WITH_PACKAGES, raw, "the order")["attachment"] or {}
    found: dict[tuple[str, str], Package] = {}
    for one in attachment.get("packages") or ():
        found[one.invoice_number, one.type] = one
    return tuple(found.values())


def read_receipt(raw: Any) -> str | None:
    """Read what VTEX answers to an invoice, to tracking or to a cancellation; it may be null.

    What is no receipt counts as none: VTEX has done what it was asked all the same.
    """
    try:
        receipt: str | None = load(_RECEIPT, raw, "the receipt")["receipt"]
    except DocumentInvalid:
        return None
    return receipt[:MOST_RECEIPT] if receipt else None
