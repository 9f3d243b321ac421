"""The order as an ERP wants it: typed, complete, with its money in Decimal (currency units)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class Customer:
    """Who buys.

    Attributes:
        kind: ``F`` natural person (pessoa física), ``J`` company (pessoa jurídica).
        document: CPF or CNPJ without punctuation; a CNPJ may hold letters since July 2026.
        email: VTEX's alias; stops working once the order is invoiced or canceled.
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
    """An address; ``postal_code`` is digits only, ``country`` ISO 3166 alpha-3."""

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
    """A component of a kit; ``quantity`` is per kit."""

    sku_id: str
    quantity: int
    ref_id: str | None = None
    name: str | None = None


@dataclass(frozen=True, slots=True)
class OrderLine:
    """One row to sell: a line of the order, split where the unit price does.

    Attributes:
        line_no: 1-based, without gaps.
        item_index: VTEX's ``itemIndex`` of the line that this row comes from.
        unit_price: exact unit price after discounts.
        discount: what the discounts took off this row; zero or more.
        total: what this row adds to the order's goods, tax excluded.
        parent_line: row that a service or an assembly child belongs to.
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
    """One means of payment; ``value`` includes interest."""

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
        total: the order's value; items + discounts + shipping + tax + other = total, to the cent,
            unless ``flags`` says otherwise.
        discounts: zero or negative.
        other: changes, interest and whatever else VTEX adds, rounding included.
        flags: doubts that an operator let pass, in words; empty for a clean order.
        raw_order, raw_payment: VTEX's documents, whole; personal data.
        codes: what the retailer's map has for it, by kind and VTEX's code (erp/codes.py).
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
        """Return the ERP's code by the retailer's map; None where it leaves a kind as VTEX has it.

        Args:
            kind: one of ``erp.codes.KINDS``.
            of: VTEX's code, as a line's ``sku_id``; left out for what an order has one of, its
                channel, branch, document and tax.
        """
        table = self.codes.get(kind)
        if not table:
            return None
        return next(iter(table.values())) if of is None else table.get(of)
