"""The sales order: an order in the ERP's form, typed, with money as Decimal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, Literal

_MICRO = Decimal("0.000001")
_SHORTEST_PERSONAL = 8


class FlagName(StrEnum):
    """The doubts about an accepted order, a closed list: ``docs/erp-tables.md`` explains them."""

    SUM_MISMATCH = "sum_mismatch"
    WEIGHED_ROUNDING = "weighed_rounding"
    LINE_FREIGHT_UNKNOWN = "line_freight_unknown"
    PAYMENT_MISSING = "payment_missing"
    PAYMENT_SHORT = "payment_short"
    PAYMENT_OVER = "payment_over"
    PAYMENT_GROUP = "payment_group"
    DOCUMENT_CHECK_DIGIT = "document_check_digit"
    ADDRESS_MISSING = "address_missing"
    TEXT_CUT = "text_cut"


@dataclass(frozen=True, slots=True)
class Flag:
    """A doubt about an accepted order.

    Attributes:
        detail: the doubt in words, without personal data.
        difference: the amount in doubt, if there is one.
        line_no: the line in doubt, if it is about one line.
    """

    name: FlagName
    detail: str
    difference: Decimal | None = None
    line_no: int | None = None

    def __str__(self) -> str:
        """Return name and detail."""
        return f"{self.name}: {self.detail}"


@dataclass(frozen=True, slots=True)
class Attribute:
    """A named value of the order that no other field has: an engraving, a custom field.

    Attributes:
        source: the place in VTEX's document, such as ``attachments`` or ``customData``.
        line_no: line that it belongs to. ``None`` for the whole order.
    """

    source: str
    name: str
    value: str
    line_no: int | None = None


@dataclass(frozen=True, slots=True)
class Customer:
    """The customer.

    Attributes:
        kind: ``F`` natural person (pessoa física), ``J`` company (pessoa jurídica).
        document: without punctuation. A CNPJ may hold letters since July 2026.
        document_type: ``cpf``, ``cnpj``, or VTEX's name of a foreign document, in lower case.
        customer_class: VTEX's ``customerClass``, such as a price list for wholesale.
        email: VTEX's alias. It stops working after the invoice or a cancellation.
    """

    kind: Literal["F", "J"]
    document: str | None
    name: str
    trade_name: str | None = None
    state_registration: str | None = None
    email: str | None = None
    phone: str | None = None
    document_type: str | None = None
    customer_class: str | None = None


@dataclass(frozen=True, slots=True)
class PostalAddress:
    """An address.

    Attributes:
        kind: ``SHIP`` a destination, ``PICK`` a pickup point, ``BILL`` for the nota, ``CARD`` the
            payment's own billing address.
        address_no: 1-based number in the order. Lines and payments refer to it.
        postal_code: digits only in Brazil, else as written.
        country: ISO 3166 alpha-3.
        address_id: VTEX's id, unique within the shopper's addresses only.
    """

    kind: Literal["SHIP", "PICK", "BILL", "CARD"] = "SHIP"
    address_no: int = 1
    address_id: str | None = None
    address_type: str | None = None
    receiver: str | None = None
    street: str | None = None
    number: str | None = None
    complement: str | None = None
    neighborhood: str | None = None
    city: str | None = None
    state: str | None = None
    postal_code: str | None = None
    country: str | None = None
    reference: str | None = None
    latitude: Decimal | None = None
    longitude: Decimal | None = None


@dataclass(frozen=True, slots=True)
class KitPart:
    """A component of a kit. ``quantity`` is per kit."""

    sku_id: str
    quantity: int
    ref_id: str | None = None
    name: str | None = None


@dataclass(frozen=True, slots=True)
class OrderLine:
    """One row of the sales order. An item with two unit prices makes two rows.

    Attributes:
        line_no: 1-based, without gaps.
        item_index: VTEX's ``itemIndex`` of the row's item.
        quantity: units to deliver. 0 if a change removed the line: do not ship it.
        removed_quantity: units that changes removed.
        unit_price: exact unit price after discounts.
        discount: discount of this row, zero or more.
        total: the row's share of the order's goods, without tax.
        parent_line: row of the item that a service or an assembly child belongs to.
        reading: the place of VTEX's document that ``total`` was read from.
        list_freight: freight before discounts.
        address_no: destination or pickup point, see ``PostalAddress``.
        window_starts_at, window_ends_at: the sold window of a scheduled delivery.
        seller_sku: the seller's own code, if it differs from ``sku_id``.
        promotions: ids of the promotions that gave the line its discounts.
        commission, freight_commission: as VTEX writes them.
    """

    line_no: int
    item_index: int
    sku_id: str
    quantity: int
    unit_price: Decimal
    discount: Decimal
    total: Decimal
    list_price: Decimal | None = None
    tax: Decimal = Decimal(0)
    freight: Decimal = Decimal(0)
    unique_id: str | None = None
    ref_id: str | None = None
    ean: str | None = None
    name: str | None = None
    measurement_unit: str | None = None
    unit_multiplier: Decimal = Decimal(1)
    seller: str | None = None
    is_gift: bool = False
    parent_line: int | None = None
    parts: tuple[KitPart, ...] = ()
    warehouse_id: str | None = None
    sla: str | None = None
    carrier: str | None = None
    estimated_at: datetime | None = None
    removed_quantity: int = 0
    reading: str | None = None
    list_freight: Decimal | None = None
    delivery_channel: str | None = None
    address_no: int | None = None
    pickup_point_id: str | None = None
    pickup_point: str | None = None
    window_starts_at: datetime | None = None
    window_ends_at: datetime | None = None
    seller_sku: str | None = None
    tax_code: str | None = None
    pre_sale_date: str | None = None
    promotions: tuple[str, ...] = ()
    commission: int | None = None
    freight_commission: int | None = None

    @property
    def measure(self) -> Decimal:
        """The quantity in the measurement unit, such as 1.05 kg for three units of 0.35 kg."""
        return self.quantity * self.unit_multiplier

    @property
    def measure_price(self) -> Decimal:
        """The price of one measurement unit after discounts, with six decimals at most."""
        if self.unit_multiplier == 1 or not self.measure:
            return self.unit_price
        return (self.total / self.measure).quantize(_MICRO)


@dataclass(frozen=True, slots=True)
class PaymentPart:
    """One payment.

    Attributes:
        value: the payment with interest. It may cover several orders of a group.
        share: the order's own part, without interest. The shares add up to the order's total,
            unless a flag says otherwise.
        payment_id, transaction_id: equal in two orders that one payment covers.
        bin: first digits of the card.
        acquirer: name of the acquirer, as the connector answers it.
        bar_code: digitable line of a boleto.
        address_no: the payment's billing address, see ``PostalAddress``.
        marketplace_method: means of payment at the marketplace, for the nota (NT 2025.001).
    """

    seq: int
    system: str
    system_name: str | None
    group: str | None
    value: Decimal
    share: Decimal = Decimal(0)
    transaction_id: str | None = None
    payment_id: str | None = None
    reference_value: Decimal | None = None
    installments: int = 1
    brand: str | None = None
    last_digits: str | None = None
    tid: str | None = None
    nsu: str | None = None
    authorization: str | None = None
    acquirer_document: str | None = None
    due_date: str | None = None
    reference: str | None = None
    bin: str | None = None
    acquirer: str | None = None
    bar_code: str | None = None
    address_no: int | None = None
    marketplace_method: str | None = None


@dataclass(frozen=True, slots=True)
class Marketing:
    """How the shopper came: coupon and campaign."""

    coupon: str | None = None
    utm_source: str | None = None
    utm_medium: str | None = None
    utm_campaign: str | None = None
    utm_partner: str | None = None
    utmi_campaign: str | None = None
    utmi_page: str | None = None
    utmi_part: str | None = None
    marketing_tags: str | None = None


@dataclass(frozen=True, slots=True)
class SaleContext:
    """Where and under which terms the order was sold. All are VTEX's words.

    Attributes:
        intermediary_name, intermediary_document: the marketplace between shop and shopper, for
            the nota (NT 2020.006). The document is known from the code map only.
        tracking_number, tracking_url, tracking_courier: hints of a marketplace's own carrier.
        seller_operator: the call centre's or the shop assistant's user.
        checked_in_pickup_point_id: the shop where an in-store order was placed.
        subscription_id, subscription_cycle: group of the subscription, and the number of the cycle.
        purchase_order_number, cost_center: of a buying company (B2B).
    """

    intermediary_name: str | None = None
    intermediary_document: str | None = None
    marketplace_payment_method: str | None = None
    marketplace_payment_brand: str | None = None
    marketplace_payment_acquirer: str | None = None
    marketplace_payment_authorization: str | None = None
    tracking_number: str | None = None
    tracking_url: str | None = None
    tracking_courier: str | None = None
    seller_operator: str | None = None
    checked_in_pickup_point_id: str | None = None
    subscription_id: str | None = None
    subscription_cycle: str | None = None
    gift_registry_id: str | None = None
    purchase_order_number: str | None = None
    cost_center: str | None = None


@dataclass(frozen=True, slots=True)
class SalesOrder:
    """An order to insert, named by (store, order_id).

    Attributes:
        total: the order's value: items + discounts + shipping + tax + other, to the cent, unless
            ``flags`` names a difference.
        discounts: zero or negative.
        other: changes, interest, rounding and VTEX's other totals.
        addresses: destinations, pickup points, the address for the nota, those of payments.
        pickup_point_id: of the first line that is picked up.
        raw_order, raw_payment: VTEX's whole documents, with personal data.
        codes: the ERP's codes by kind and VTEX's code (``erp.codes``).
    """

    store: str
    order_id: str
    sequence: str | None
    placed_at: datetime
    currency: str
    items_total: Decimal
    discounts: Decimal
    shipping: Decimal
    tax: Decimal
    other: Decimal
    total: Decimal
    customer: Customer
    lines: tuple[OrderLine, ...]
    payments: tuple[PaymentPart, ...]
    raw_order: Mapping[str, Any] = field(repr=False)
    raw_payment: Mapping[str, Any] | None = field(default=None, repr=False)
    addresses: tuple[PostalAddress, ...] = ()
    authorized_at: datetime | None = None
    vtex_status: str | None = None
    origin: str | None = None
    affiliate_id: str | None = None
    marketplace_order_id: str | None = None
    seller_order_id: str | None = None
    order_group: str | None = None
    sales_channel: str | None = None
    delivery_channel: Literal["delivery", "pickup", "mixed", "none"] = "delivery"
    pickup_point: str | None = None
    pickup_point_id: str | None = None
    note: str | None = None
    marketing: Marketing = Marketing()
    context: SaleContext = SaleContext()
    attributes: tuple[Attribute, ...] = ()
    flags: tuple[Flag, ...] = ()
    codes: Mapping[str, Mapping[str, str | int]] = field(default_factory=dict)

    @property
    def shipping_address(self) -> PostalAddress | None:
        """The first destination, or else the first pickup point."""
        return self._first("SHIP") or self._first("PICK")

    @property
    def billing_address(self) -> PostalAddress | None:
        """The address for the nota. Never a pickup point's."""
        return self._first("BILL")

    @property
    def lines_to_deliver(self) -> tuple[OrderLine, ...]:
        """The lines that changes of the order left."""
        return tuple(line for line in self.lines if line.quantity)

    @property
    def customer_address(self) -> PostalAddress | None:
        """The customer's address for the ERP: for the nota, or else the first destination."""
        return self.billing_address or self._first("SHIP")

    @property
    def personal_texts(self) -> tuple[str, ...]:
        """The texts that may identify people. Errors and logs leave them out."""
        customer = self.customer
        texts = [
            customer.name,
            customer.trade_name,
            customer.document,
            customer.email,
            customer.phone,
            self.context.seller_operator,
        ]
        for place in self.addresses:
            texts += [place.receiver, place.street, place.postal_code]
        # An engraving may name somebody. Short values, such as a size, are common words.
        texts += [row.value for row in self.attributes if len(row.value) >= _SHORTEST_PERSONAL]
        return tuple(filter(None, texts))

    def attributes_of(self, line_no: int | None) -> tuple[Attribute, ...]:
        """Return the attributes of a line. ``None``: those of the whole order."""
        return tuple(attribute for attribute in self.attributes if attribute.line_no == line_no)

    def _first(self, kind: str) -> PostalAddress | None:
        return next((address for address in self.addresses if address.kind == kind), None)

    def code(self, kind: str, of: str | None = None) -> str | int | None:
        """Return the ERP's code from the code map. ``None`` if the map leaves out the kind.

        Args:
            kind: a key of ``erp.codes.KINDS``.
            of: VTEX's code, such as a line's ``sku_id``. Leave it out for channel, branch,
                document and tax, since an order has one of each.
        """
        table = self.codes.get(kind)
        if not table:
            return None
        return next(iter(table.values())) if of is None else table.get(of)
