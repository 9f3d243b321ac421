"""VTEX's JSON to our documents; whatever breaks a schema is named by its field's path."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from marshmallow import (
    EXCLUDE,
    Schema,
    ValidationError,
    fields,
    post_load,
    pre_load,
    validate,
)

from vtex.documents import (
    Address,
    Client,
    Component,
    FeedBatch,
    FeedConfig,
    FeedEvent,
    Item,
    ListedOrder,
    Logistics,
    Order,
    OrderPage,
    OrderTransaction,
    Package,
    PackageItem,
    Payment,
    PriceTag,
    SellingPrice,
    Transaction,
    UnreadableEvent,
)  # fmt: skip
from vtex.errors import DocumentInvalid
from vtex.reading import reader

_DATE = re.compile(
    r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d(?::\d\d)?)(?:\.(\d+))?\s*(Z|[+-]\d\d:?\d\d)?", re.IGNORECASE
)
MOST_CENTS = 10**15
"""No honest amount comes near; what a 64-bit column takes is not exceeded by sums of it."""

MOST_UNITS = 10**6
"""Of one line, as for invoices; cents times units stay exact and fit an ERP's columns."""

MOST_RECEIPT = 255
MOST_HANDLE = 10_000
LONGEST_ID = 64

_UNFIT = re.compile("[\x00\ud800-\udfff]")


def clean(text: str) -> str:
    """Return text without what no database takes: NUL and halves of surrogate pairs.

    The document itself keeps them.
    """
    return text if text.isprintable() else _UNFIT.sub("\ufffd", text)


_WORD = re.compile(r"[\w.-]{1,64}")

MOST_NUMBER_AS_TEXT = 10**20
"""Ids of digits may come as numbers; those of 44 digits come as text."""


class Text(fields.Field[str | None]):
    """Text; ``""``, null and missing are all None. Numbers are taken as their digits."""

    def __init__(self, *, required: bool = False, **more: Any) -> None:
        if not required:
            more["load_default"] = None
        super().__init__(required=required, allow_none=not required, **more)
        self.needed = required

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> str | None:
        if isinstance(value, int | float) and not abs(value) < MOST_NUMBER_AS_TEXT:
            raise ValidationError("is not text")
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise ValidationError("is not text")
        text = clean(str(value).strip())
        if self.needed and not text:
            raise ValidationError("is empty")
        return text or None


class Id(Text):
    """An order's id, as the journal and the ERP hold it."""

    def _deserialize(self, value: Any, *args: Any, **more: Any) -> str | None:
        text = super()._deserialize(value, *args, **more)
        if text and len(text) > LONGEST_ID:
            raise ValidationError(f"is longer than {LONGEST_ID} characters")
        return text


class Word(Text):
    """A word of VTEX's own, such as a status; messages quote it."""

    def _deserialize(self, value: Any, *args: Any, **more: Any) -> str | None:
        text = super()._deserialize(value, *args, **more)
        if text and not _WORD.fullmatch(text):
            raise ValidationError("is not a word such as ready-for-handling")
        return text


class Cents(fields.Field[int]):
    """Integer cents; ``31561.0`` is taken as well, a fraction of a cent is not."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ValidationError("is not a number of cents")
        if not abs(value) <= MOST_CENTS or value != int(value):
            raise ValidationError("is not a whole number of cents")
        return int(value)


class RoundedCents(Cents):
    """Cents of the order list, which rounds high values to floats."""

    def _deserialize(self, value: Any, *args: Any, **more: Any) -> int:
        if isinstance(value, float) and abs(value) <= MOST_CENTS:
            value = round(value)
        return super()._deserialize(value, *args, **more)


LEAST_FACTOR = Decimal("0.0001")
"""The last place of the ERP's column."""


class Factor(fields.Field[Decimal]):
    """A positive factor such as a unit multiplier; ``1E-999999999`` would be one, to be multiplied
    out for hours.
    """

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> Decimal:
        try:
            factor = Decimal(str(value))
        except InvalidOperation:
            raise ValidationError("is not a number") from None
        if isinstance(value, bool) or not factor.is_finite() or not LEAST_FACTOR <= factor < 10**9:
            raise ValidationError(f"is not a number from {LEAST_FACTOR} on")
        return factor


class Moment(fields.Field[datetime]):
    """A time with 0 to 7 fractional digits and any offset, or none (UTC), as aware UTC.

    Absent are ``""`` and years before 1900: .NET writes year 1 for a time that was never set.
    """

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> datetime | None:  # type: ignore[override]  # "" is absent
        moment = None if value == "" else self._moment(value)
        if moment is None or moment.year < 1900:
            if self.required:
                raise ValidationError("is empty")
            return None
        if moment.year > 2999:
            raise ValidationError("is not a date of this time")
        return moment

    def _moment(self, value: Any) -> datetime:
        match = _DATE.fullmatch(value.strip()) if isinstance(value, str) else None
        if match is None:
            raise ValidationError(
                "is not a date and time such as 2026-03-10T14:22:05.1834217+00:00"
            )
        day, clock, fraction, offset = match.groups()
        zone = "+00:00" if offset in (None, "Z", "z") else offset
        try:
            moment = datetime.fromisoformat(
                f"{day}T{clock}.{(fraction or '0')[:6]:0<6}{zone}"
                if clock.count(":") == 2
                else f"{day}T{clock}{zone}"
            )
            return moment.astimezone(UTC)
        except (ValueError, OverflowError):
            raise ValidationError("is not a date that exists") from None


def _units(key: str, least: int = 1) -> fields.Integer:
    fits = validate.Range(least, MOST_UNITS, error="must be from {min} to {max}")
    return fields.Integer(strict=True, required=True, data_key=key, validate=fits)


class Rows(fields.List[Any]):
    """A list of objects; null and missing are empty."""

    def __init__(self, schema: type[Schema] | Schema) -> None:
        super().__init__(fields.Nested(schema), load_default=list, allow_none=True)


def _optional(kind: type[fields.Field[Any]], key: str, default: Any = None) -> Any:
    return kind(data_key=key, load_default=default, allow_none=True)


class _Document(Schema):
    class Meta:
        unknown = EXCLUDE

    @pre_load
    def _only_objects(self, data: Any, **_: Any) -> Any:
        if not isinstance(data, Mapping):
            raise ValidationError("is not an object")
        return data


class _Address(_Document):
    address_id = Text(data_key="addressId")
    address_type = Text(data_key="addressType")
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


class _PriceTag(_Document):
    name = Text(required=True)
    value_cents = Cents(data_key="value", required=True)

    @post_load
    def _made(self, data: dict[str, Any], **_: Any) -> PriceTag:
        return PriceTag(**data)


class _SellingPrice(_Document):
    value_cents = Cents(data_key="value", required=True)
    quantity = _units("quantity", least=0)

    @post_load
    def _made(self, data: dict[str, Any], **_: Any) -> SellingPrice:
        return SellingPrice(**data)


class _PriceDefinition(_Document):
    selling_prices = Rows(_SellingPrice)
    total = _optional(Cents, "total")

    class Meta:
        unknown = EXCLUDE

    @pre_load
    def _renamed(self, data: Any, **_: Any) -> Any:
        return {"selling_prices": data.get("sellingPrices"), "total": data.get("total")}


class _Component(_Document):
    sku_id = Text(data_key="id", required=True)
    quantity = _units("quantity")
    name = Text()
    ref_id = Text(data_key="refId")
    ean = Text()
    price_cents = _optional(Cents, "price")

    @post_load
    def _made(self, data: dict[str, Any], **_: Any) -> Component:
        return Component(**data)


class _Item(_Document):
    sku_id = Text(data_key="id", required=True)
    quantity = _units("quantity")
    unique_id = Text(data_key="uniqueId")
    product_id = Text(data_key="productId")
    ref_id = Text(data_key="refId")
    ean = Text()
    name = Text()
    seller = Text()
    measurement_unit = Text(data_key="measurementUnit")
    unit_multiplier = _optional(Factor, "unitMultiplier")
    price_cents = _optional(Cents, "price")
    list_price_cents = _optional(Cents, "listPrice")
    selling_price_cents = _optional(Cents, "sellingPrice")
    tax_cents = _optional(Cents, "tax", 0)
    price_tags = fields.List(
        fields.Nested(_PriceTag), data_key="priceTags", load_default=list, allow_none=True
    )
    definition = fields.Nested(
        _PriceDefinition, data_key="priceDefinition", load_default=None, allow_none=True
    )
    definitions = fields.Nested(
        _PriceDefinition, data_key="priceDefinitions", load_default=None, allow_none=True
    )
    is_gift = _optional(fields.Boolean, "isGift", False)
    parent_item_index = fields.Integer(
        data_key="parentItemIndex", load_default=None, allow_none=True
    )
    components = Rows(_Component)
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
                one for one in definition.get("selling_prices") or () if one.quantity
            ),
            total_cents=definition.get("total"),
            **data,
        )


class _Client(_Document):
    first_name = Text(data_key="firstName")
    last_name = Text(data_key="lastName")
    email = Text()
    document_type = Text(data_key="documentType")
    document = Text()
    phone = Text()
    is_corporate = _optional(fields.Boolean, "isCorporate", False)
    corporate_name = Text(data_key="corporateName")
    trade_name = Text(data_key="tradeName")
    corporate_document = Text(data_key="corporateDocument")
    corporate_phone = Text(data_key="corporatePhone")
    state_inscription = Text(data_key="stateInscription")
    user_profile_id = Text(data_key="userProfileId")

    @post_load
    def _made(self, data: dict[str, Any], **_: Any) -> Client:
        data["is_corporate"] = bool(data["is_corporate"])
        return Client(**data)


class _DeliveryId(_Document):
    courier_id = Text(data_key="courierId")
    courier_name = Text(data_key="courierName")
    warehouse_id = Text(data_key="warehouseId")
    dock_id = Text(data_key="dockId")


class _Pickup(_Document):
    friendly_name = Text(data_key="friendlyName")
    address = fields.Nested(_Address, load_default=None, allow_none=True)
    is_pickup = _optional(fields.Boolean, "isPickupStore", False)


class _Logistics(_Document):
    item_index = fields.Integer(strict=True, data_key="itemIndex", required=True)
    selling_price_cents = _optional(Cents, "sellingPrice", 0)
    delivery_channel = Text(data_key="selectedDeliveryChannel")
    older_channel = Text(data_key="deliveryChannel")
    sla = Text(data_key="selectedSla")
    carrier = Text(data_key="deliveryCompany")
    address_id = Text(data_key="addressId")
    shipping_estimate = Text(data_key="shippingEstimate")
    estimated_at = _optional(Moment, "shippingEstimateDate")
    pickup_point_id = Text(data_key="pickupPointId")
    delivery_ids = fields.List(
        fields.Nested(_DeliveryId), data_key="deliveryIds", load_default=list, allow_none=True
    )
    pickup = fields.Nested(_Pickup, data_key="pickupStoreInfo", load_default=None, allow_none=True)

    @post_load
    def _made(self, data: dict[str, Any], **_: Any) -> Logistics:
        first: dict[str, Any] = next(iter(data.pop("delivery_ids") or ()), {})
        pickup = data.pop("pickup") or {}
        data["delivery_channel"] = data["delivery_channel"] or data["older_channel"]
        del data["older_channel"]
        data["selling_price_cents"] = data["selling_price_cents"] or 0
        data["carrier"] = data["carrier"] or first.get("courier_name")
        return Logistics(
            courier_id=first.get("courier_id"),
            warehouse_id=first.get("warehouse_id"),
            dock_id=first.get("dock_id"),
            pickup_name=pickup.get("friendly_name") if pickup.get("is_pickup") else None,
            pickup_address=pickup.get("address") if pickup.get("is_pickup") else None,
            **data,
        )


class _Payment(_Document):
    payment_id = Text(data_key="id")
    system = Text(data_key="paymentSystem", required=True)
    system_name = Text(data_key="paymentSystemName")
    group = Text()
    value_cents = _optional(Cents, "value", 0)
    reference_value_cents = _optional(Cents, "referenceValue")
    installments = fields.Integer(
        load_default=1, allow_none=True, validate=validate.Range(0, MOST_UNITS)
    )
    first_digits = Text(data_key="firstDigits")
    last_digits = Text(data_key="lastDigits")
    card_holder = Text(data_key="cardHolder")
    tid = Text()
    nsu = Text()
    status = Text()
    due_date = Text(data_key="dueDate")
    url = Text()
    bank_invoice = Text(data_key="bankIssuedInvoiceBarCodeNumber")
    gift_card_id = Text(data_key="giftCardId")
    billing = fields.Nested(_Address, data_key="billingAddress", load_default=None, allow_none=True)
    more = fields.Raw(data_key="fields", load_default=None, allow_none=True)
    oms_connector = fields.Raw(data_key="connectorResponses", load_default=None, allow_none=True)
    connector = fields.Raw(data_key="ConnectorResponses", load_default=None, allow_none=True)

    @post_load
    def _made(self, data: dict[str, Any], **_: Any) -> Payment:
        more = _named(data.pop("more"))
        connector = _lowered(data.pop("oms_connector")) | _lowered(data.pop("connector"))
        billing = data.pop("billing")
        if billing is None or billing == Address():
            billing = _billing(more.get("address"))
        for name, key in (("first_digits", "firstDigits"), ("last_digits", "lastDigits")):
            data[name] = data[name] or more.get(key)
        data["card_holder"] = data["card_holder"] or more.get("cardHolder")
        data["tid"] = data["tid"] or connector.get("tid")
        data["nsu"] = data["nsu"] or connector.get("nsu")
        data["value_cents"] = data["value_cents"] or 0
        data["installments"] = data["installments"] or 1
        return Payment(billing_address=billing, connector=connector, **data)


class _OrderTransaction(_Document):
    transaction_id = Text(data_key="transactionId")
    is_active = _optional(fields.Boolean, "isActive", True)
    payments = Rows(_Payment)

    @post_load
    def _made(self, data: dict[str, Any], **_: Any) -> OrderTransaction:
        data["is_active"] = data["is_active"] is not False
        data["payments"] = tuple(data["payments"] or ())
        return OrderTransaction(**data)


class _Total(_Document):
    id = Text(required=True)
    value = Cents(required=True)


class _Shipping(_Document):
    address = fields.Nested(_Address, load_default=None, allow_none=True)
    selected = fields.List(
        fields.Nested(_Address), data_key="selectedAddresses", load_default=list, allow_none=True
    )
    logistics = fields.List(
        fields.Nested(_Logistics), data_key="logisticsInfo", load_default=list, allow_none=True
    )


class _PaymentData(_Document):
    transactions = Rows(_OrderTransaction)


class _Packages(_Document):
    packages = fields.List(fields.Raw(), load_default=list, allow_none=True)


class _PackageItem(_Document):
    item_index = fields.Integer(strict=True, data_key="itemIndex", required=True)
    quantity = _units("quantity")

    @post_load
    def _made(self, data: dict[str, Any], **_: Any) -> PackageItem:
        return PackageItem(**data)


class _CourierEvent(_Document):
    city = Text()
    state = Text()
    description = Text()


class _CourierStatus(_Document):
    finished = _optional(fields.Boolean, "finished", False)
    data = Rows(_CourierEvent)


class _Package(_Document):
    number = Text(data_key="invoiceNumber", required=True)
    type = Text()
    value_cents = Cents(data_key="invoiceValue", required=True)
    items = Rows(_PackageItem)
    key = Text(data_key="invoiceKey")
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


class _Attachment(_Document):
    packages = Rows(_Package)


class _WithPackages(_Document):
    attachment = fields.Nested(
        _Attachment, data_key="packageAttachment", load_default=None, allow_none=True
    )


class _Receipt(_Document):
    receipt = Text()


class _InvoiceData(_Document):
    address = fields.Nested(_Address, load_default=None, allow_none=True)


class _Preferences(_Document):
    currency = Text(data_key="currencyCode")


class _Note(_Document):
    value = Text()


class _Order(_Document):
    order_id = Id(data_key="orderId", required=True)
    value_cents = Cents(data_key="value", required=True)
    created_at = Moment(data_key="creationDate", required=True)
    items = fields.List(fields.Nested(_Item), required=True)
    totals = fields.List(fields.Nested(_Total), required=True)
    client = fields.Nested(_Client, data_key="clientProfileData", required=True)
    sequence = Text()
    status = Word()
    changed_at = _optional(Moment, "lastChange")
    authorized_at = _optional(Moment, "authorizedDate")
    order_group = Text(data_key="orderGroup")
    marketplace_order_id = Text(data_key="marketplaceOrderId")
    seller_order_id = Text(data_key="sellerOrderId")
    affiliate_id = Text(data_key="affiliateId")
    origin = Text()
    sales_channel = Text(data_key="salesChannel")
    rounding_error_cents = _optional(Cents, "roundingError", 0)
    is_completed = _optional(fields.Boolean, "isCompleted", True)
    workflow_is_in_error = _optional(fields.Boolean, "workflowIsInError", False)
    cancel_reason = Text(data_key="cancelReason")
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
    open_text = fields.Nested(_Note, data_key="openTextField", load_default=None, allow_none=True)


class _Row(_Document):
    order_id = Id(data_key="orderId", required=True)
    created_at = _optional(Moment, "creationDate")
    status = Text()
    value_cents = _optional(RoundedCents, "totalValue")
    authorized_at = _optional(Moment, "authorizedDate")

    @post_load
    def _made(self, data: dict[str, Any], **_: Any) -> ListedOrder:
        return ListedOrder(**data)


class _Paging(_Document):
    total = fields.Integer(required=True)
    pages = fields.Integer(required=True)
    page = fields.Integer(data_key="currentPage", required=True)


class _Page(_Document):
    rows = fields.List(fields.Raw(allow_none=True), data_key="list", required=True)
    paging = fields.Nested(_Paging, required=True)


class _Transaction(_Document):
    transaction_id = Text(data_key="transactionId", required=True)
    status = Text()
    value_cents = _optional(Cents, "value", 0)
    authorized_at = _optional(Moment, "authorizationDate")


class _Handle(Text):
    """What commits an event: opaque, given back as it came."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> str | None:
        if not isinstance(value, str):
            raise ValidationError("is not text")
        if not 0 < len(value) <= MOST_HANDLE:
            raise ValidationError(f"is empty, or longer than {MOST_HANDLE} characters")
        return value


class _Event(_Document):
    handle = _Handle(required=True)
    order_id = Id(data_key="orderId", required=True)
    event_id = Word(data_key="eventId")
    state = Word()
    changed_at = _optional(Moment, "currentChange")
    before = Word(data_key="lastState")

    @post_load
    def _made(self, data: dict[str, Any], **_: Any) -> FeedEvent:
        return FeedEvent(**data)


class _Filter(_Document):
    type = Text()
    status = fields.List(Word(required=True), load_default=None, allow_none=True)


class _FeedConfig(_Document):
    filter = fields.Nested(_Filter, load_default=None, allow_none=True)
    queue = fields.Raw(load_default=None, allow_none=True)
    quantity = fields.Integer(load_default=None, allow_none=True)


class _Answer(_Document):
    transaction = fields.Nested(_Transaction, required=True)
    payments = fields.List(fields.Nested(_Payment), required=True)


_ORDER, _PAGE, _ROW, _ANSWER, _ADDRESS = _Order(), _Page(), _Row(), _Answer(), _Address()
_WITH_PACKAGES, _RECEIPT = _WithPackages(), _Receipt()
_EVENT, _FEED_CONFIG = _Event(), _FeedConfig()


def read_page(raw: Any) -> OrderPage:
    """Read one answer of the order list; a row that breaks its schema stops no other.

    Raises:
        DocumentInvalid: it is no page.
    """
    data = _load(_PAGE, raw, "the order list")
    orders, unreadable = [], []
    for place, row in enumerate(data["rows"]):
        try:
            orders.append(_row(row))
        except DocumentInvalid as error:
            unreadable.append(f"list.{place}: {error}")
    return OrderPage(orders=tuple(orders), unreadable=tuple(unreadable), **data["paging"])


def _row(raw: Any) -> ListedOrder:
    try:
        row: ListedOrder = _ROW.load(raw)
    except ValidationError as error:
        # Its id is enough: the order itself says the rest.
        if isinstance(raw, Mapping):
            raw = {k: v for k, v in raw.items() if k == "orderId" or k not in error.messages}
        row = _load(_ROW, raw, "a row")
    return row


def read_feed(raw: Any) -> FeedBatch:
    """Read one answer of the feed; an event that breaks its schema stops no other.

    Its order's id and its handle are enough: the order itself says the rest.

    Raises:
        DocumentInvalid: it is no list of events.
    """
    if not isinstance(raw, list):
        raise DocumentInvalid("the feed answered with no list of events")
    events: list[FeedEvent] = []
    unreadable: list[UnreadableEvent] = []
    for row in raw:
        try:
            events.append(_event(row))
        except DocumentInvalid as error:
            unreadable.append(_unreadable(row, str(error)))
    return FeedBatch(tuple(events), tuple(unreadable))


def _event(raw: Any) -> FeedEvent:
    try:
        event: FeedEvent = _EVENT.load(raw)
    except ValidationError as error:
        wrong = error.messages if isinstance(error.messages, dict) else {}
        sound = {k: v for k, v in raw.items() if k not in wrong} if isinstance(raw, dict) else raw
        event = _load(_EVENT, sound, "an event of the feed")
    return event


def _unreadable(raw: Any, reason: str) -> UnreadableEvent:
    found: dict[str, str | None] = {}
    for name, key in (("handle", "handle"), ("event_id", "eventId"), ("order_id", "orderId")):
        with suppress(ValidationError):
            value = raw.get(key) if isinstance(raw, dict) else None
            found[name] = _EVENT.fields[name].deserialize(value)
    return UnreadableEvent(reason, **found)


def read_feed_config(raw: Any) -> FeedConfig:
    """Read a feed's configuration; its keys are spelled in two ways.

    Raises:
        DocumentInvalid: it is no configuration.
    """
    data = _load(_FEED_CONFIG, raw, "the feed's configuration")
    wanted, queue = data["filter"] or {}, data["queue"]
    numbers = {
        str(name).lower(): value
        for name, value in (*raw.items(), *(queue.items() if isinstance(queue, dict) else ()))
        if isinstance(value, int) and not isinstance(value, bool)
    }
    statuses = wanted.get("status")
    age = "ageofoldestmessageinseconds"
    return FeedConfig(
        statuses=None if statuses is None else tuple(statuses),
        hidden_seconds=numbers.get("visibilitytimeoutinseconds"),
        kept_seconds=numbers.get("messageretentionperiodinseconds"),
        is_workflow=(wanted.get("type") or "FromWorkflow") == "FromWorkflow",
        waiting=data["quantity"],
        oldest_seconds=numbers.get(f"approximate{age}", numbers.get(f"aproximate{age}")),
    )


def read_order(raw: Mapping[str, Any]) -> Order:
    """Read an order's document; ``raw`` is kept whole.

    Raises:
        DocumentInvalid: a field that we need is missing or malformed.
    """
    data = _load(_ORDER, raw, "the order")
    shipping = data.pop("shipping") or {}
    payment = data.pop("payment") or {}
    packages = (data.pop("packages") or {}).get("packages")
    invoice = data.pop("invoice") or {}
    preferences = data.pop("preferences") or {}
    note = data.pop("open_text") or {}
    items = data.pop("items")
    totals = data.pop("totals")
    return Order(
        items=tuple(_numbered(item, index) for index, item in enumerate(items)),
        totals=tuple((one["id"], one["value"]) for one in totals),
        raw=raw,
        rounding_error_cents=data.pop("rounding_error_cents") or 0,
        is_completed=data.pop("is_completed") is not False,
        workflow_is_in_error=bool(data.pop("workflow_is_in_error")),
        has_packages=bool(packages),
        currency=preferences.get("currency") or "BRL",
        shipping_address=shipping.get("address"),
        selected_addresses=tuple(shipping.get("selected") or ()),
        logistics=tuple(shipping.get("logistics") or ()),
        invoice_address=invoice.get("address"),
        transactions=tuple(payment.get("transactions") or ()),
        note=note.get("value"),
        **data,
    )


def read_packages(raw: Mapping[str, Any]) -> tuple[Package, ...]:
    """Read the invoices that an order's document shows, one a number and type.

    Raises:
        DocumentInvalid: one of them cannot be read.
    """
    attachment = _load(_WITH_PACKAGES, raw, "the order")["attachment"] or {}
    found: dict[tuple[str, str], Package] = {}
    for one in attachment.get("packages") or ():
        found[one.number, one.type] = one
    return tuple(found.values())


def read_receipt(raw: Any) -> str | None:
    """Read what VTEX answers to an invoice, to tracking or to a cancellation; it may be null.

    What is no receipt counts as none: VTEX has done what it was asked all the same.
    """
    try:
        receipt: str | None = _load(_RECEIPT, raw, "the receipt")["receipt"]
    except DocumentInvalid:
        return None
    return receipt[:MOST_RECEIPT] if receipt else None


def read_transaction(raw: Mapping[str, Any]) -> Transaction:
    """Read ``{"transaction": {…}, "payments": […]}``.

    Raises:
        DocumentInvalid: a field that we need is missing or malformed.
    """
    data = _load(_ANSWER, raw, "the transaction")
    head = data["transaction"]
    head["value_cents"] = head["value_cents"] or 0
    return Transaction(payments=tuple(data["payments"]), raw=raw, **head)


def _load(schema: Schema, raw: Any, what: str) -> Any:
    try:
        data = _soundly(schema, raw)
    except ValidationError as error:
        faults = dict(_flat(error.normalized_messages()))
        listed = "; ".join(f"{path} {fault}" for path, fault in list(faults.items())[:10])
        raise DocumentInvalid(f"{what} breaks its schema: {listed}", faults=faults) from None
    except (RecursionError, OverflowError):
        raise DocumentInvalid(f"{what} is nested too deeply, or holds a number too large") from None
    return data


def _soundly(schema: Schema, raw: Any) -> Any:
    with suppress(ValidationError):
        return reader(type(schema))(raw)
    return schema.load(raw)


def _flat(messages: Any, path: str = "") -> list[tuple[str, str]]:
    if isinstance(messages, dict):
        found = []
        for key, inner in messages.items():
            inner_path = path if key == "_schema" else f"{path}.{key}" if path else str(key)
            found += _flat(inner, inner_path)
        return found
    words = " ".join(str(one) for one in messages) if isinstance(messages, list) else str(messages)
    return [(path or "document", words)]


def _numbered(item: Item, index: int) -> Item:
    return Item(
        **{name: getattr(item, name) for name in Item.__slots__ if name != "index"}, index=index
    )


def _named(raw: Any) -> dict[str, str]:
    if not isinstance(raw, list):
        return {}
    return {
        str(one.get("name")): clean(str(one["value"]))
        for one in raw
        if isinstance(one, dict) and one.get("value") not in (None, "")
    }


def _lowered(raw: Any) -> dict[str, str]:
    found: dict[str, str] = {}
    for key, value in raw.items() if isinstance(raw, dict) else ():
        if value not in (None, "") and not isinstance(value, dict | list):
            found.setdefault(str(key).lower(), clean(str(value)))
    return found


def _billing(text: str | None) -> Address | None:
    if not text:
        return None
    try:
        address: Address = _ADDRESS.load(json.loads(text))
    except (ValueError, ValidationError, RecursionError):
        # It is one of three addresses to choose from: unreadable counts as absent.
        return None
    return address
