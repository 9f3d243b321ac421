"""Maps VTEX's documents to a sales order. Pure functions, with money in cents."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Literal

from erp.port import ErpRejected
from erp.sales_order import Customer, KitPart, OrderLine, PaymentPart, PostalAddress, SalesOrder
from foundation.messages import erp as messages
from vtex.documents import Address, Client, Item, Logistics, Order, Payment, Transaction

CENT = Decimal("0.01")
REFUSED = frozenset({"canceled", "cancelled", "denied", "cancelling", "canceling"})
"""Gateway statuses of failed payments, in lower case."""

MASK = re.compile(r"\*{3,}|\w\*{2,}")
MOST_CENTS = 10**15
"""Bound of a line's amount. Prices and quantities have bounds, and their product needs one."""

MOST_NAMED = 10
NAMED_TOTALS = ("Items", "Discounts", "Shipping", "Tax")


class Unmappable(ErpRejected):
    """The documents do not make a sales order. The message names each fault by its path."""


class SumMismatch(Unmappable):
    """The order's sums do not add up. The message names the difference."""


def to_sales_order(
    store: str,
    order: Order,
    transactions: Sequence[Transaction],
    *,
    raw_payment: Mapping[str, Any] | None,
    allow_mismatch: bool = False,
) -> SalesOrder:
    """Map an order and its transactions to a sales order.

    Args:
        transactions: the payments gateway's transactions. Empty for orders paid elsewhere.
        allow_mismatch: turn sums that do not add up into flags.

    Raises:
        Unmappable: data that a fiscal document needs are masked or missing.
        SumMismatch: items, discounts, freight, tax and rounding miss the order's value.
    """
    _require_sound(order)
    lines = _lines(order)
    doubts = _sum_doubts(order, lines)
    if doubts and not allow_mismatch:
        raise SumMismatch(messages.SUMS_DIFFER(faults="; ".join(doubts)))
    totals = _totals(order)
    named = {name: totals.get(name, 0) for name in NAMED_TOTALS}
    payments = _payments(order, transactions)
    return SalesOrder(
        store=store,
        order_id=order.order_id,
        sequence=order.sequence,
        placed_at=order.created_at,
        authorized_at=order.authorized_at,
        currency=order.currency,
        items_total=_money(named["Items"]),
        discounts=_money(named["Discounts"]),
        shipping=_money(named["Shipping"]),
        tax=_money(named["Tax"]),
        other=_money(order.value_cents - sum(named.values())),
        total=_money(order.value_cents),
        customer=_customer(order.client),
        lines=lines,
        payments=tuple(_payment_part(seq, payment) for seq, payment in enumerate(payments, 1)),
        shipping_address=_shipping_address(order),
        billing_address=_billing_address(order, payments),
        raw_order=order.raw,
        raw_payment=raw_payment,
        vtex_status=order.status,
        origin=order.origin,
        affiliate_id=order.affiliate_id,
        marketplace_order_id=order.marketplace_order_id,
        seller_order_id=order.seller_order_id,
        order_group=order.order_group,
        sales_channel=order.sales_channel,
        delivery_channel=_delivery_channel(order),
        pickup_point=next((row.pickup_name for row in order.logistics if row.pickup_name), None),
        note=order.note,
        flags=tuple(doubts),
    )


# --- data of the fiscal document --------------------------------------------------------------


def _require_sound(order: Order) -> None:
    faults = []
    if not order.items:
        faults.append(messages.ITEMS_MISSING())
    if order.value_cents < 0:
        faults.append(messages.NEGATIVE_VALUE(cents=order.value_cents))
    client = order.client
    for path, text in (
        ("clientProfileData.firstName", client.first_name),
        ("clientProfileData.lastName", client.last_name),
        ("clientProfileData.document", client.document),
        ("clientProfileData.corporateName", client.corporate_name),
        ("clientProfileData.corporateDocument", client.corporate_document),
        *_address_texts("shippingData.address", order.shipping_address),
        *_address_texts("invoiceData.address", order.invoice_address),
    ):
        if text and MASK.search(text):
            faults.append(messages.MASKED(path=path))
    if client.is_corporate and not client.corporate_document:
        faults.append(messages.COMPANY_DOCUMENT_MISSING())
    if not _customer_name(client):
        faults.append(messages.CUSTOMER_NAME_MISSING())
    if faults:
        raise Unmappable(messages.NOT_MAPPABLE(faults="; ".join(faults)))


def _address_texts(path: str, address: Address | None) -> list[tuple[str, str | None]]:
    if address is None:
        return []
    names = {
        "receiverName": address.receiver_name,
        "street": address.street,
        "city": address.city,
        "number": address.number,
        "postalCode": address.postal_code,
    }
    return [(f"{path}.{name}", text) for name, text in names.items()]


# --- sums -------------------------------------------------------------------------------------


def _totals(order: Order) -> dict[str, int]:
    totals: dict[str, int] = {}
    for name, cents in order.totals:
        totals[name] = totals.get(name, 0) + cents
    return totals


def _sum_doubts(order: Order, lines: Sequence[OrderLine]) -> list[str]:
    totals = _totals(order)
    doubts: list[str] = []
    apart = order.value_cents - sum(totals.values())
    # VTEX writes the cents lost by rounding with either sign.
    if apart not in (0, order.rounding_error_cents, -order.rounding_error_cents):
        terms = " + ".join(_named_totals(totals)) or "none"
        doubts.append(
            messages.TOTALS_DIFFER(
                terms=terms,
                sum=_money(sum(totals.values())),
                value=_money(order.value_cents),
                difference=_money(apart),
            )
        )
    goods = totals.get("Items", 0) + totals.get("Discounts", 0)
    sold = _cents(sum((line.total for line in lines), Decimal(0)))
    freight = sum(row.selling_price_cents for row in order.logistics)
    # Discounts may include freight discounts while Shipping is gross. Then their sum adds up.
    both = sold + freight == goods + totals.get("Shipping", 0)
    if abs(goods - sold) > abs(order.rounding_error_cents) and not both:
        doubts.append(
            messages.LINES_DIFFER(
                lines=_money(sold), goods=_money(goods), difference=_money(goods - sold)
            )
        )
    return doubts


def _named_totals(totals: Mapping[str, int]) -> list[str]:
    # Only VTEX's own ids of totals are quoted.
    named = [
        f"{name if name.isascii() and name.isalpha() else 'other'} {_money(cents)}"
        for name, cents in totals.items()
    ]
    more = len(named) - MOST_NAMED
    return [*named[:MOST_NAMED], f"{more} more"] if more > 0 else named


# --- lines ------------------------------------------------------------------------------------


def _lines(order: Order) -> tuple[OrderLine, ...]:
    logistics = {row.item_index: row for row in order.logistics}
    lines: list[OrderLine] = []
    first_of: dict[int, int] = {}
    for item in order.items:
        first_of[item.index] = len(lines) + 1
        parent = (
            first_of.get(item.parent_item_index) if item.parent_item_index is not None else None
        )
        lines += _item_lines(
            item, logistics.get(item.index), len(lines) + 1, parent, chain=order.origin == "Chain"
        )
        for service in item.services:
            lines += _item_lines(
                service, None, len(lines) + 1, first_of[item.index], chain=False, index=item.index
            )
    return tuple(lines)


def _item_lines(
    item: Item,
    logistics: Logistics | None,
    number: int,
    parent: int | None,
    *,
    chain: bool,
    index: int | None = None,
) -> list[OrderLine]:
    splits = _splits(item, chain=chain)
    place = item.index if index is None else index
    made = []
    for offset, (quantity, total) in enumerate(splits):
        list_total = _gross(item, quantity)
        if max(abs(total), abs(list_total)) > MOST_CENTS:
            raise Unmappable(messages.LINE_TOO_HIGH(place=place))
        made.append(
            OrderLine(
                line_no=number + offset,
                item_index=place,
                sku_id=item.sku_id,
                quantity=quantity,
                unit_price=_unit(total, quantity),
                discount=max(Decimal(0), _money(list_total - total)),
                total=_money(total),
                list_price=None if item.list_price_cents is None else _money(item.list_price_cents),
                # The first row holds the amounts of the whole item.
                tax=_money(item.tax_cents if offset == 0 else 0),
                freight=_money(logistics.selling_price_cents if logistics and offset == 0 else 0),
                unique_id=item.unique_id,
                ref_id=item.ref_id,
                ean=item.ean,
                name=item.name,
                measurement_unit=item.measurement_unit,
                unit_multiplier=item.unit_multiplier,
                seller=item.seller,
                is_gift=item.is_gift,
                parent_line=parent,
                parts=tuple(
                    KitPart(part.sku_id, part.quantity, part.ref_id, part.name)
                    for part in item.components
                ),
                warehouse_id=logistics.warehouse_id if logistics else None,
                sla=logistics.sla if logistics else None,
                carrier=logistics.carrier if logistics else None,
                estimated_at=logistics.estimated_at if logistics else None,
            )
        )
    return made


def _splits(item: Item, *, chain: bool) -> list[tuple[int, int]]:
    """Return (quantity, total in cents) for each row of an item."""
    # A chain order's priceDefinition follows the price before discounts.
    if chain or (item.total_cents is None and not item.selling_prices):
        return [(item.quantity, _total_of_tags(item))]
    prices = item.selling_prices
    total = item.total_cents
    plain = sum(price.value_cents * price.quantity for price in prices)
    if total is None:
        total = plain
    whole = sum(price.quantity for price in prices) == item.quantity
    if len(prices) > 1 and whole and plain == total:
        return [(price.quantity, price.value_cents * price.quantity) for price in prices]
    return [(item.quantity, total)]


def _total_of_tags(item: Item) -> int:
    goods = [
        tag.value_cents
        for tag in item.price_tags
        if not tag.name.lower().startswith("discount@shipping") and "tax" not in tag.name.lower()
    ]
    return _gross(item, item.quantity) + sum(goods)


def _gross(item: Item, quantity: int) -> int:
    price = item.price_cents if item.price_cents is not None else item.selling_price_cents or 0
    exact = price * quantity * item.unit_multiplier
    return int(exact.to_integral_value(ROUND_HALF_UP))


def _unit(total_cents: int, quantity: int) -> Decimal:
    exact = Decimal(total_cents).scaleb(-2) / quantity
    return (
        exact.quantize(CENT) if exact == exact.quantize(CENT) else exact.quantize(Decimal("0.0001"))
    )


# --- payments ---------------------------------------------------------------------------------


def _payments(order: Order, transactions: Sequence[Transaction]) -> list[Payment]:
    gateway = [
        payment
        for transaction in transactions
        for payment in transaction.payments
        if payment.value_cents > 0 and (payment.status or "").lower() not in REFUSED
    ]
    if gateway:
        return _without_blanks(gateway)
    return [
        payment
        for transaction in order.transactions
        if transaction.is_active
        for payment in transaction.payments
        if payment.value_cents > 0
    ]


def _without_blanks(payments: list[Payment]) -> list[Payment]:
    """Drop the empty copy that a transaction may hold beside an authorised payment."""
    real = [payment for payment in payments if payment.tid or payment.status]
    return real or payments


def _payment_part(seq: int, payment: Payment) -> PaymentPart:
    reference = payment.reference_value_cents
    return PaymentPart(
        seq=seq,
        system=payment.system,
        system_name=payment.system_name,
        group=payment.group,
        value=_money(payment.value_cents),
        reference_value=None if reference is None else _money(reference),
        installments=payment.installments,
        brand=payment.system_name if "ard" in (payment.group or "") else None,
        last_digits=payment.last_digits,
        tid=payment.tid,
        nsu=payment.nsu,
        authorization=payment.connector.get("authid"),
        acquirer_document=payment.connector.get("acquirercnpj"),
        due_date=payment.due_date,
        reference=payment.bank_invoice or payment.gift_card_id,
    )


# --- people and places ------------------------------------------------------------------------


def _customer(client: Client) -> Customer:
    return Customer(
        kind="J" if client.is_corporate else "F",
        document=_document(client.corporate_document if client.is_corporate else client.document),
        name=_customer_name(client),
        trade_name=client.trade_name if client.is_corporate else None,
        state_registration=client.state_inscription if client.is_corporate else None,
        email=client.email,
        phone=(client.corporate_phone if client.is_corporate else None) or client.phone,
    )


def _customer_name(client: Client) -> str:
    person = " ".join(filter(None, (client.first_name, client.last_name)))
    if client.is_corporate:
        return client.corporate_name or client.trade_name or person
    return person


def _document(text: str | None) -> str | None:
    # A CNPJ may hold letters since July 2026, so only punctuation is removed.
    return re.sub(r"[^0-9A-Za-z]", "", text).upper() or None if text else None


def _shipping_address(order: Order) -> PostalAddress | None:
    if order.shipping_address is not None:
        return _address(order.shipping_address)
    wanted = {row.address_id for row in order.logistics if row.address_id}
    for address in order.selected_addresses:
        if address.address_id in wanted:
            return _address(address)
    return None


def _billing_address(order: Order, payments: Sequence[Payment]) -> PostalAddress | None:
    # Invoice data may be incomplete. A fiscal address needs a street.
    if order.invoice_address is not None and order.invoice_address.street:
        return _address(order.invoice_address)
    for payment in payments:
        if payment.billing_address is not None and payment.billing_address.street:
            return _address(payment.billing_address)
    return _shipping_address(order)


def _address(address: Address) -> PostalAddress:
    return PostalAddress(
        receiver=address.receiver_name,
        street=address.street,
        number=address.number,
        complement=address.complement,
        neighborhood=address.neighborhood,
        city=address.city,
        state=address.state,
        postal_code=re.sub(r"\D", "", address.postal_code or "") or None,
        country=address.country,
        reference=address.reference,
    )


def _delivery_channel(order: Order) -> Literal["delivery", "pickup", "mixed", "none"]:
    channels = {
        "pickup" if row.delivery_channel == "pickup-in-point" else "delivery"
        for row in order.logistics
    }
    if not channels:
        return "none"
    if len(channels) > 1:
        return "mixed"
    return "pickup" if "pickup" in channels else "delivery"


def _money(cents: int) -> Decimal:
    return Decimal(cents).scaleb(-2)


def _cents(money: Decimal) -> int:
    return int(money.scaleb(2))
