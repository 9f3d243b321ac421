"""VTEX's documents as frozen values, with the fields that the workers use.

Money is integer cents. Times are aware UTC. Absent text is ``None``, where VTEX writes ``""``,
null or leaves the key out. ``raw`` holds the whole document from VTEX with its unknown keys.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

NOT_IN_GATEWAY = frozenset({"NO-PAYMENT", "PAYMENT-FROM-AFFILIATE"})
"""Values of ``transactionId`` without a transaction at the payments gateway."""


class Document(dict[str, Any]):
    """A JSON object with the text that it was read from, so that storing it costs less.

    Do not change it: the text would differ.
    """

    __slots__ = ("text",)

    def __init__(self, read: Mapping[str, Any], text: str) -> None:
        super().__init__(read)
        self.text = text


class Rows(list[Any]):
    """A JSON list with the text that it was read from, as in ``Document``."""

    __slots__ = ("text",)

    def __init__(self, read: Iterable[Any], text: str) -> None:
        super().__init__(read)
        self.text = text


def together(parts: Mapping[str, Any]) -> Document:
    """Return one document made of several. Its text is made of theirs."""
    text = ", ".join(f"{json.dumps(name)}: {text_of(part)}" for name, part in parts.items())
    return Document(parts, f"{{{text}}}")


def text_of(value: Any) -> str:
    """Return JSON as text. A document keeps the text that it was read from."""
    text: str | None = getattr(value, "text", None)
    if text is not None:
        return text
    if isinstance(value, list):
        return f"[{', '.join(map(text_of, value))}]"
    return json.dumps(value, ensure_ascii=False)


@dataclass(frozen=True, slots=True)
class ListedOrder:
    """One row of the order list. Its status may be minutes old."""

    order_id: str
    created_at: datetime | None
    status: str | None
    value_cents: int | None
    authorized_at: datetime | None = None
    origin: str | None = None
    affiliate_id: str | None = None


@dataclass(frozen=True, slots=True)
class OrderPage:
    """One page of the order list.

    Attributes:
        total: number of orders that match the filter, also beyond the reachable 3,000.
        unreadable: the fault of each row without an order id.
    """

    orders: tuple[ListedOrder, ...]
    page: int
    pages: int
    total: int
    unreadable: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FeedEvent:
    """A change of an order's status, as the feed delivers it.

    Attributes:
        handle: commits the event. Each delivery has a new one.
        state: the new status. ``None`` if it cannot be read.
        changed_at: time of the change. ``None`` if it cannot be read.
        before: the status before the change.
    """

    handle: str
    order_id: str
    event_id: str | None = None
    state: str | None = None
    changed_at: datetime | None = None
    before: str | None = None


@dataclass(frozen=True, slots=True)
class UnreadableEvent:
    """An event without an order id or without a handle.

    Attributes:
        handle: ``None`` if absent. The feed then repeats the event.
        order_id: ``None`` if absent.
    """

    reason: str
    handle: str | None = None
    event_id: str | None = None
    order_id: str | None = None


@dataclass(frozen=True, slots=True)
class FeedBatch:
    """One response of the feed."""

    events: tuple[FeedEvent, ...]
    unreadable: tuple[UnreadableEvent, ...] = ()

    def __len__(self) -> int:
        return len(self.events) + len(self.unreadable)


@dataclass(frozen=True, slots=True)
class FeedConfig:
    """The configuration of a feed.

    Attributes:
        statuses: the statuses that it reports. ``None`` means all.
        hidden_seconds: time for which the feed hides an event after it was read.
        kept_seconds: VTEX deletes an uncommitted event after this time. It also deletes a feed
            without events for as long.
        is_workflow: true if it follows statuses, false for expressions.
        waiting: number of uncommitted events, as VTEX counts them.
        oldest_seconds: age of the oldest of them.
    """

    statuses: tuple[str, ...] | None
    hidden_seconds: int | None
    kept_seconds: int | None
    is_workflow: bool = True
    waiting: int | None = field(default=None, compare=False)
    oldest_seconds: int | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class PriceTag:
    """A discount or a tax on a line.

    Attributes:
        value: cents for the whole line, negative for a discount. A percentage of the line, with
            either sign, if ``is_percentage``.
    """

    name: str
    value: Decimal
    is_percentage: bool = False


@dataclass(frozen=True, slots=True)
class SellingPrice:
    """So many units of a line at this unit price."""

    value_cents: int
    quantity: int


@dataclass(frozen=True, slots=True)
class Component:
    """A part of a kit."""

    sku_id: str
    quantity: int
    name: str | None = None
    ref_id: str | None = None
    ean: str | None = None
    price_cents: int | None = None


@dataclass(frozen=True, slots=True)
class Item:
    """One line of an order. A SKU may stand on several lines.

    Attributes:
        index: the position that logistics and packages call ``itemIndex``.
        selling_price_cents: unit price after discounts, rounded if they do not divide evenly.
        selling_prices: exact split of the line, from ``priceDefinition``. May be empty.
        total_cents: ``priceDefinition.total``, if present.
        services: bought extras (``bundleItems``) such as gift wrap or warranty.
        quantity: as VTEX writes it. ``vtex.pricing`` subtracts the units that a change removed.
    """

    index: int
    sku_id: str
    quantity: int
    unique_id: str | None = None
    ref_id: str | None = None
    ean: str | None = None
    name: str | None = None
    seller: str | None = None
    measurement_unit: str | None = None
    unit_multiplier: Decimal = Decimal(1)
    price_cents: int | None = None
    list_price_cents: int | None = None
    selling_price_cents: int | None = None
    tax_cents: int = 0
    price_tags: tuple[PriceTag, ...] = ()
    selling_prices: tuple[SellingPrice, ...] = ()
    total_cents: int | None = None
    is_gift: bool = False
    parent_item_index: int | None = None
    components: tuple[Component, ...] = ()
    services: tuple[Item, ...] = ()


@dataclass(frozen=True, slots=True)
class ChangedItem:
    """Units that a change added to an order, or removed from it.

    Attributes:
        price_cents: price of one unit.
    """

    sku_id: str
    quantity: int
    unique_id: str | None = None
    name: str | None = None
    price_cents: int | None = None
    unit_multiplier: Decimal = Decimal(1)


@dataclass(frozen=True, slots=True)
class ItemsChange:
    """One change of an order's items, from ``changesAttachment.changesData``."""

    added: tuple[ChangedItem, ...] = ()
    removed: tuple[ChangedItem, ...] = ()


@dataclass(frozen=True, slots=True)
class Client:
    """The shopper: a natural person, or a company and its buyer.

    Attributes:
        document_type: kind of ``document``, such as ``cpf``, ``DNI``, ``cedulaCOL``.
    """

    first_name: str | None = None
    last_name: str | None = None
    email: str | None = None
    document_type: str | None = None
    document: str | None = None
    phone: str | None = None
    is_corporate: bool = False
    corporate_name: str | None = None
    trade_name: str | None = None
    corporate_document: str | None = None
    corporate_phone: str | None = None
    state_inscription: str | None = None


@dataclass(frozen=True, slots=True)
class Address:
    """A postal address as the shopper or the store wrote it. Every part is optional.

    Attributes:
        address_type: ``residential``, ``pickup`` (the address of a pickup point), and others.
        coordinates: longitude and latitude, in VTEX's order.
    """

    address_id: str | None = None
    address_type: str | None = None
    receiver_name: str | None = None
    postal_code: str | None = None
    city: str | None = None
    state: str | None = None
    country: str | None = None
    street: str | None = None
    number: str | None = None
    neighborhood: str | None = None
    complement: str | None = None
    reference: str | None = None
    coordinates: tuple[Decimal, Decimal] | None = None


@dataclass(frozen=True, slots=True)
class Logistics:
    """The delivery of one line. ``item_index`` joins them, since positions differ.

    Attributes:
        selling_price_cents: freight of the line after freight discounts. May be 0 while
            ``price_cents`` has the freight.
        pickup_name, pickup_address: name and address of the pickup point, for a pickup.
        window_starts_at, window_ends_at: the sold window of a scheduled delivery.
    """

    item_index: int
    selling_price_cents: int = 0
    price_cents: int = 0
    list_price_cents: int | None = None
    delivery_channel: str | None = None
    sla: str | None = None
    carrier: str | None = None
    warehouse_id: str | None = None
    address_id: str | None = None
    estimated_at: datetime | None = None
    pickup_name: str | None = None
    pickup_address: Address | None = None
    pickup_point_id: str | None = None
    window_starts_at: datetime | None = None
    window_ends_at: datetime | None = None

    @property
    def is_pickup(self) -> bool:
        """True if the shopper fetches the line at a pickup point."""
        return (self.delivery_channel or "").lower().startswith("pickup")


@dataclass(frozen=True, slots=True)
class Payment:
    """One payment of a transaction, from the order or from the gateway.

    Attributes:
        value_cents: amount with interest. It may cover the whole order group.
        reference_value_cents: amount without interest.
        payment_id: joins the order's payment with the gateway's.
        first_digits: the card's BIN, six or eight digits.
        status: gateway status, such as ``Approved``. The order's own data do not have it.
        bar_code: digitable line of a boleto.
        connector: the connector's answers with lower-case keys, the first of a doubled key.
    """

    system: str
    system_name: str | None = None
    group: str | None = None
    value_cents: int = 0
    reference_value_cents: int | None = None
    installments: int = 1
    payment_id: str | None = None
    first_digits: str | None = None
    last_digits: str | None = None
    tid: str | None = None
    nsu: str | None = None
    status: str | None = None
    due_date: str | None = None
    url: str | None = None
    bar_code: str | None = None
    gift_card_id: str | None = None
    billing_address: Address | None = None
    connector: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class OrderTransaction:
    """A transaction in the order's document. See ``NOT_IN_GATEWAY`` for special ids."""

    transaction_id: str | None
    is_active: bool = True
    payments: tuple[Payment, ...] = ()


@dataclass(frozen=True, slots=True)
class Transaction:
    """A transaction of the payments gateway, with its payments."""

    transaction_id: str
    status: str | None
    value_cents: int
    authorized_at: datetime | None
    payments: tuple[Payment, ...]
    raw: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True)
class PackageItem:
    """The units of one line in a package. ``item_index`` names the line."""

    item_index: int
    quantity: int


@dataclass(frozen=True, slots=True)
class Package:
    """An invoice that VTEX has, with its tracking.

    Attributes:
        invoice_number: as VTEX knows it.
        type: ``Output`` (sale) or ``Input`` (return).
        events: (city, state, description) of each tracking event.
    """

    invoice_number: str
    type: str
    value_cents: int
    items: tuple[PackageItem, ...] = ()
    invoice_key: str | None = None
    courier: str | None = None
    tracking_number: str | None = None
    tracking_url: str | None = None
    delivered: bool = False
    events: tuple[tuple[str | None, str | None, str | None], ...] = ()


@dataclass(frozen=True, slots=True)
class Order:
    """An order, ``GET /api/oms/pvt/orders/{orderId}``.

    Attributes:
        value_cents: the amount that the shopper owes, as VTEX states it.
        totals: id to cents: Items, Discounts (<= 0), Shipping, Tax, Change, and others. The ids
            are open: ``vtex.pricing`` sorts them.
        changes: the changes of the items after checkout.
        rounding_error_cents: cents lost by rounding item by item.
        is_completed: false if the checkout data are incomplete. Do not integrate such an order.
        country: ISO 3166 alpha-3 code of the store.
        shipping_address: destination. The pickup point's, if the whole order is picked up.
        available_addresses: all addresses of the checkout, in its order.
        invoice_address: the fiscal address, when the shopper gave one.
        has_packages: true if VTEX has an invoice already.
    """

    order_id: str
    sequence: str | None
    status: str | None
    value_cents: int
    created_at: datetime
    items: tuple[Item, ...]
    totals: tuple[tuple[str, int], ...]
    raw: Mapping[str, Any] = field(repr=False)
    changed_at: datetime | None = None
    authorized_at: datetime | None = None
    order_group: str | None = None
    marketplace_order_id: str | None = None
    seller_order_id: str | None = None
    affiliate_id: str | None = None
    origin: str | None = None
    sales_channel: str | None = None
    currency: str = "BRL"
    country: str | None = None
    changes: tuple[ItemsChange, ...] = ()
    rounding_error_cents: int = 0
    is_completed: bool = True
    has_packages: bool = False
    cancel_reason: str | None = None
    client: Client = Client()
    shipping_address: Address | None = None
    selected_addresses: tuple[Address, ...] = ()
    available_addresses: tuple[Address, ...] = ()
    invoice_address: Address | None = None
    logistics: tuple[Logistics, ...] = ()
    transactions: tuple[OrderTransaction, ...] = ()
    note: str | None = None

    @property
    def gateway_transaction_ids(self) -> tuple[str, ...]:
        """Ids of the active transactions that the payments gateway knows."""
        return tuple(
            row.transaction_id
            for row in self.transactions
            if row.is_active and row.transaction_id and row.transaction_id not in NOT_IN_GATEWAY
        )
