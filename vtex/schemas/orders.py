"""An order's document."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from marshmallow import EXCLUDE, ValidationError, fields, post_load, pre_load

from foundation.foreign_values import plain_text, text_at
from vtex.documents import (
    ChangedItem,
    Client,
    Component,
    Item,
    ItemsChange,
    Logistics,
    Order,
    PriceTag,
    SellingPrice,
)
from vtex.schemas.addresses import AddressSchema
from vtex.schemas.payments import OrderTransactionSchema
from vtex.schemas.values import (
    CarriedCents,
    CarriedText,
    Cents,
    Factor,
    Id,
    JsonObject,
    MomentField,
    Number,
    RowsField,
    TextField,
    Word,
    load,
    optional,
    units,
)


class _PriceTag(JsonObject):
    name = TextField()
    value = Number(required=True)
    is_percentage = optional(fields.Raw, "isPercentual")

    @post_load
    def _made(self, data: dict[str, Any], **_: Any) -> PriceTag:
        return PriceTag(data["name"] or "", data["value"], data["is_percentage"] is True)


class _SellingPrice(JsonObject):
    value_cents = Cents(data_key="value", required=True)
    quantity = units("quantity", least=0)

    @post_load
    def _made(self, data: dict[str, Any], **_: Any) -> SellingPrice:
        return SellingPrice(**data)


class _PriceDefinition(JsonObject):
    selling_prices = RowsField(_SellingPrice)
    total = optional(Cents, "total")

    class Meta:
        unknown = EXCLUDE

    @pre_load
    def _renamed(self, data: Any, **_: Any) -> Any:
        return {"selling_prices": data.get("sellingPrices"), "total": data.get("total")}


class _Component(JsonObject):
    sku_id = TextField(data_key="id", required=True)
    quantity = units("quantity")
    name = TextField()
    ref_id = TextField(data_key="refId")
    ean = TextField()
    price_cents = optional(CarriedCents, "price")

    @post_load
    def _made(self, data: dict[str, Any], **_: Any) -> Component:
        return Component(**data)


class _Item(JsonObject):
    sku_id = TextField(data_key="id", required=True)
    # A change may leave an item with no units.
    quantity = units("quantity", least=0)
    unique_id = TextField(data_key="uniqueId")
    ref_id = TextField(data_key="refId")
    ean = TextField()
    name = TextField()
    seller = TextField()
    measurement_unit = CarriedText(data_key="measurementUnit")
    unit_multiplier = optional(Factor, "unitMultiplier")
    price_cents = optional(Cents, "price")
    list_price_cents = optional(CarriedCents, "listPrice")
    selling_price_cents = optional(Cents, "sellingPrice")
    tax_cents = optional(Cents, "tax", 0)
    price_tags = fields.List(
        fields.Nested(_PriceTag), data_key="priceTags", load_default=list, allow_none=True
    )
    definition = fields.Nested(
        _PriceDefinition, data_key="priceDefinition", load_default=None, allow_none=True
    )
    definitions = fields.Nested(
        _PriceDefinition, data_key="priceDefinitions", load_default=None, allow_none=True
    )
    is_gift = optional(fields.Boolean, "isGift", False)
    parent_item_index = fields.Integer(
        data_key="parentItemIndex", load_default=None, allow_none=True
    )
    components = RowsField(_Component)
    services = fields.List(
        fields.Nested(lambda: _Item()),  # noqa: PLW0108  # not defined yet
        data_key="bundleItems",
        load_default=list,
        allow_none=True,  # not yet defined here
    )

    @post_load
    def _made(self, data: dict[str, Any], **_: Any) -> Item:
        definition = data.pop("definition", None) or data.pop("definitions", None) or {}
        data.pop("definitions", None)
        data["unit_multiplier"] = data["unit_multiplier"] or Decimal(1)
        data["tax_cents"] = data["tax_cents"] or 0
        data["is_gift"] = bool(data["is_gift"])
        for name in ("price_tags", "components", "services"):
            data[name] = tuple(data[name] or ())
        return Item(
            index=-1,
            selling_prices=tuple(
                price for price in definition.get("selling_prices") or () if price.quantity
            ),
            total_cents=definition.get("total"),
            **data,
        )


class _Client(JsonObject):
    first_name = TextField(data_key="firstName")
    last_name = TextField(data_key="lastName")
    email = TextField()
    document_type = TextField(data_key="documentType")
    document = TextField()
    phone = CarriedText()
    is_corporate = optional(fields.Boolean, "isCorporate", False)
    corporate_name = TextField(data_key="corporateName")
    trade_name = CarriedText(data_key="tradeName")
    corporate_document = TextField(data_key="corporateDocument")
    corporate_phone = CarriedText(data_key="corporatePhone")
    state_inscription = TextField(data_key="stateInscription")

    @post_load
    def _made(self, data: dict[str, Any], **_: Any) -> Client:
        data["is_corporate"] = bool(data["is_corporate"])
        return Client(**data)


class _DeliveryId(JsonObject):
    courier_name = CarriedText(data_key="courierName")
    warehouse_id = TextField(data_key="warehouseId")


class _Pickup(JsonObject):
    friendly_name = CarriedText(data_key="friendlyName")
    address = fields.Nested(AddressSchema, load_default=None, allow_none=True)
    is_pickup = optional(fields.Boolean, "isPickupStore", False)


class _Window(JsonObject):
    starts_at = optional(MomentField, "startDateUtc")
    ends_at = optional(MomentField, "endDateUtc")


class _Logistics(JsonObject):
    item_index = fields.Integer(strict=True, data_key="itemIndex", required=True)
    selling_price_cents = optional(Cents, "sellingPrice", 0)
    price_cents = optional(Cents, "price", 0)
    list_price_cents = optional(CarriedCents, "listPrice")
    delivery_channel = TextField(data_key="selectedDeliveryChannel")
    older_channel = TextField(data_key="deliveryChannel")
    sla = CarriedText(data_key="selectedSla")
    carrier = CarriedText(data_key="deliveryCompany")
    address_id = TextField(data_key="addressId")
    estimated_at = optional(MomentField, "shippingEstimateDate")
    delivery_ids = fields.List(
        fields.Nested(_DeliveryId), data_key="deliveryIds", load_default=list, allow_none=True
    )
    pickup = fields.Nested(_Pickup, data_key="pickupStoreInfo", load_default=None, allow_none=True)
    pickup_point_id = TextField(data_key="pickupPointId")
    window = fields.Raw(data_key="deliveryWindow", load_default=None, allow_none=True)

    @post_load
    def _made(self, data: dict[str, Any], **_: Any) -> Logistics:
        first: dict[str, Any] = next(iter(data.pop("delivery_ids") or ()), {})
        pickup = data.pop("pickup") or {}
        window = _window(data.pop("window"))
        data["delivery_channel"] = data["delivery_channel"] or data["older_channel"]
        del data["older_channel"]
        data["selling_price_cents"] = data["selling_price_cents"] or 0
        data["price_cents"] = data["price_cents"] or 0
        data["carrier"] = data["carrier"] or first.get("courier_name")
        return Logistics(
            warehouse_id=first.get("warehouse_id"),
            pickup_name=pickup.get("friendly_name") if pickup.get("is_pickup") else None,
            pickup_address=pickup.get("address") if pickup.get("is_pickup") else None,
            window_starts_at=window.get("starts_at"),
            window_ends_at=window.get("ends_at"),
            **data,
        )


_WINDOW = _Window()


def _window(raw: Any) -> dict[str, Any]:
    # VTEX publishes it as text and writes an object: only the object has the window.
    try:
        return dict(_WINDOW.load(raw)) if isinstance(raw, dict) else {}
    except ValidationError:
        return {}


class _ChangedItem(JsonObject):
    sku_id = TextField(data_key="id", required=True)
    quantity = units("quantity", least=0)
    unique_id = TextField(data_key="uniqueId")
    name = TextField()
    price_cents = optional(Cents, "price")
    unit_multiplier = optional(Factor, "unitMultiplier")

    @post_load
    def _made(self, data: dict[str, Any], **_: Any) -> ChangedItem:
        data["unit_multiplier"] = data["unit_multiplier"] or Decimal(1)
        return ChangedItem(**data)


class _ItemsChange(JsonObject):
    added = RowsField(_ChangedItem, "itemsAdded")
    removed = RowsField(_ChangedItem, "itemsRemoved")

    @post_load
    def _made(self, data: dict[str, Any], **_: Any) -> ItemsChange:
        return ItemsChange(tuple(data["added"] or ()), tuple(data["removed"] or ()))


class _Changes(JsonObject):
    changes = RowsField(_ItemsChange, "changesData")


class _Total(JsonObject):
    id = TextField(required=True)
    value = Cents(required=True)


class _Shipping(JsonObject):
    address = fields.Nested(AddressSchema, load_default=None, allow_none=True)
    selected = fields.List(
        fields.Nested(AddressSchema),
        data_key="selectedAddresses",
        load_default=list,
        allow_none=True,
    )
    available = fields.List(
        fields.Nested(AddressSchema),
        data_key="availableAddresses",
        load_default=list,
        allow_none=True,
    )
    logistics = fields.List(
        fields.Nested(_Logistics), data_key="logisticsInfo", load_default=list, allow_none=True
    )


class _PaymentData(JsonObject):
    transactions = RowsField(OrderTransactionSchema)


class _Packages(JsonObject):
    packages = fields.List(fields.Raw(), load_default=list, allow_none=True)


class _InvoiceData(JsonObject):
    address = fields.Nested(AddressSchema, load_default=None, allow_none=True)


class _Preferences(JsonObject):
    currency = TextField(data_key="currencyCode")
    country = TextField(data_key="countryCode")


class _Order(JsonObject):
    order_id = Id(data_key="orderId", required=True)
    value_cents = Cents(data_key="value", required=True)
    created_at = MomentField(data_key="creationDate", required=True)
    items = fields.List(fields.Nested(_Item), required=True)
    totals = fields.List(fields.Nested(_Total), required=True)
    client = fields.Nested(_Client, data_key="clientProfileData", required=True)
    sequence = TextField()
    status = Word()
    changed_at = optional(MomentField, "lastChange")
    authorized_at = optional(MomentField, "authorizedDate")
    order_group = TextField(data_key="orderGroup")
    marketplace_order_id = TextField(data_key="marketplaceOrderId")
    seller_order_id = TextField(data_key="sellerOrderId")
    affiliate_id = TextField(data_key="affiliateId")
    origin = TextField()
    sales_channel = TextField(data_key="salesChannel")
    rounding_error_cents = optional(Cents, "roundingError", 0)
    is_completed = optional(fields.Boolean, "isCompleted", True)
    cancel_reason = CarriedText(data_key="cancelReason")
    shipping = fields.Nested(_Shipping, data_key="shippingData", load_default=None, allow_none=True)
    payment = fields.Nested(
        _PaymentData, data_key="paymentData", load_default=None, allow_none=True
    )
    packages = fields.Nested(
        _Packages, data_key="packageAttachment", load_default=None, allow_none=True
    )
    invoice = fields.Nested(
        _InvoiceData, data_key="invoiceData", load_default=None, allow_none=True
    )
    preferences = fields.Nested(
        _Preferences, data_key="storePreferencesData", load_default=None, allow_none=True
    )
    open_text = fields.Raw(data_key="openTextField", load_default=None, allow_none=True)
    changes = fields.Nested(
        _Changes, data_key="changesAttachment", load_default=None, allow_none=True
    )


ORDER = _Order()


def read_order(raw: Mapping[str, Any]) -> Order:
    """Read an order's document. ``raw`` keeps it whole.

    Raises:
        DocumentInvalid: a required field is missing or malformed.
    """
    data = load(ORDER, raw, "the order")
    shipping = data.pop("shipping") or {}
    payment = data.pop("payment") or {}
    packages = (data.pop("packages") or {}).get("packages")
    invoice = data.pop("invoice") or {}
    preferences = data.pop("preferences") or {}
    open_text = data.pop("open_text")
    changes = data.pop("changes") or {}
    items = data.pop("items")
    totals = data.pop("totals")
    return Order(
        items=tuple(_numbered(item, index) for index, item in enumerate(items)),
        totals=tuple((total["id"], total["value"]) for total in totals),
        raw=raw,
        rounding_error_cents=data.pop("rounding_error_cents") or 0,
        is_completed=data.pop("is_completed") is not False,
        has_packages=bool(packages),
        currency=preferences.get("currency") or "BRL",
        country=preferences.get("country"),
        changes=tuple(changes.get("changes") or ()),
        shipping_address=shipping.get("address"),
        selected_addresses=tuple(shipping.get("selected") or ()),
        available_addresses=tuple(shipping.get("available") or ()),
        logistics=tuple(shipping.get("logistics") or ()),
        invoice_address=invoice.get("address"),
        transactions=tuple(payment.get("transactions") or ()),
        note=text_at(open_text, "value") or plain_text(open_text),
        **data,
    )


def _numbered(item: Item, index: int) -> Item:
    return Item(
        **{name: getattr(item, name) for name in Item.__slots__ if name != "index"}, index=index
    )
