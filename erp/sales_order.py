"""The sales order: an order in the ERP's form, typed, with money as Decimal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class Customer:
    """The customer.

    Attributes:
        kind: ``F`` natural person (pessoa física), ``J`` company (pessoa jurídica).
        document: CPF or CNPJ without punctuation. A CNPJ may hold letters since July 2026.
        email: VTEX's alias. It stops working after the invoice or a cancellation.
    """

    kind: Literal["F", "J"]
    document: str | None
    name: str
    trade_name: str | None = None
    state_registration: str | None = None
    email: str | None = None
    phone: str | None = None


@dataclass(frozen=True, slots=True)
class PostalAddress:
    """An address. ``postal_code`` has digits only, ``country`` is ISO 3166 alpha-3."""

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
        unit_price: exact unit price after discounts.
        discount: discount of this row, zero or more.
        total: the row's share of the order's goods, without tax.
        parent_line: row of the item that a service or an assembly child belongs to.
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


@dataclass(frozen=True, slots=True)
class PaymentPart:
    """One payment. ``value`` includes interest."""

    seq: int
    system: str
    system_name: str | None
    group: str | None
    value: Decimal
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


@dataclass(frozen=True, slots=True)
class SalesOrder:
    """An order to insert, named by (store, order_id).

    Attributes:
        total: the order's value: items + discounts + shipping + tax + other, to the cent, unless
            ``flags`` names a difference.
        discounts: zero or negative.
        other: changes, interest, rounding and VTEX's other totals.
        flags: doubts about an accepted order, in words.
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
    shipping_address: PostalAddress | None
    billing_address: PostalAddress | None
    raw_order: Mapping[str, Any] = field(repr=False)
    raw_payment: Mapping[str, Any] | None = field(default=None, repr=False)
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
    note: str | None = None
    flags: tuple[str, ...] = ()
    codes: Mapping[str, Mapping[str, str | int]] = field(default_factory=dict)

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
