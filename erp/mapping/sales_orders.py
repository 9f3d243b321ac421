"""Maps an order and its payments to a sales order, and proves it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from erp.mapping.addresses import addresses_of
from erp.mapping.amounts import money
from erp.mapping.customers import customer_of, document_flags, is_brazilian, name_of
from erp.mapping.details import attributes_of, context_of, marketing_of
from erp.mapping.lines import rows_of
from erp.mapping.payments import payment_parts, payments_of, shares_of
from erp.port import ErpRejected
from erp.sales_order import Flag, FlagName, SalesOrder
from foundation.messages import erp as erp_messages
from foundation.messages import orders as messages
from foundation.messages.message import Text
from vtex.documents import Address, Order, Transaction
from vtex.pricing.prices import OrderPrices, is_weighed, price_lines
from vtex.pricing.totals import undeclared_cents

MASK = re.compile(r"\*{3,}|\w\*{2,}")
MOST_CENTS = 10**15
"""Bound of a line's amount. Prices and quantities have bounds, and their product needs one."""

MOST_NAMED = 10


class Unmappable(ErpRejected):
    """The documents do not make a sales order. The message names each fault by its path."""


class SumMismatch(Unmappable):
    """The order's sums do not add up. The message names the difference."""


class PaymentMismatch(Unmappable):
    """The payments do not come to the order's value, and the store holds such orders."""


@dataclass(frozen=True, slots=True)
class Proof:
    """A store's rules for doubtful orders.

    Attributes:
        allow_sum_mismatch: insert an order whose sums do not add up, with a flag.
        hold_payment_doubts: hold an order whose payments miss its value.
    """

    allow_sum_mismatch: bool = False
    hold_payment_doubts: bool = False


STRICT = Proof()
LENIENT = Proof(allow_sum_mismatch=True)
"""For orders that are compared or shown, not inserted."""


def to_sales_order(
    store: str,
    order: Order,
    transactions: Sequence[Transaction],
    *,
    raw_payment: Mapping[str, Any] | None,
    proof: Proof = STRICT,
) -> SalesOrder:
    """Map an order and its transactions to a sales order.

    Args:
        transactions: the payments gateway's transactions. Empty for orders paid elsewhere.

    Raises:
        Unmappable: data that a fiscal document needs are masked or missing.
        SumMismatch: items, discounts, freight, tax and rounding miss the order's value.
        PaymentMismatch: the payments do, and the store holds such orders.
    """
    _require_sound(order)
    prices = price_lines(order)
    _require_bounded(prices)
    flags = _sum_flags(order, prices, allow=proof.allow_sum_mismatch)
    paid = payments_of(order, transactions)
    payments = [row.payment for row in paid]
    shares, payment_flags = shares_of(order, payments)
    if proof.hold_payment_doubts and (doubt := _payment_doubt(payment_flags)):
        raise PaymentMismatch(doubt)
    book = addresses_of(order, payments)
    lines, line_numbers = rows_of(order, prices.lines, book.number_of)
    customer = customer_of(order)
    totals = prices.totals
    # Cents of weighed goods between head and lines go to other, so that the lines add up.
    items = totals.items - prices.weighed_cents
    return SalesOrder(
        store=store,
        order_id=order.order_id,
        sequence=order.sequence,
        placed_at=order.created_at,
        authorized_at=order.authorized_at,
        currency=order.currency,
        items_total=money(items),
        discounts=money(totals.discounts),
        shipping=money(totals.shipping),
        tax=money(totals.tax),
        other=money(order.value_cents - items - totals.discounts - totals.shipping - totals.tax),
        total=money(order.value_cents),
        customer=customer,
        lines=lines,
        payments=payment_parts(order, paid, shares, book.of_payment),
        addresses=tuple(book.addresses),
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
        pickup_point=_first(row.pickup_name for row in order.logistics),
        pickup_point_id=_first(row.pickup_point_id for row in order.logistics if row.is_pickup),
        note=order.note,
        marketing=marketing_of(order),
        context=context_of(order),
        attributes=tuple(attributes_of(order, line_numbers)),
        flags=(*flags, *payment_flags, *document_flags(order, customer), *book.flags),
    )


def _first(texts: Iterable[str | None]) -> str | None:
    return next(filter(None, texts), None)


# --- data of the fiscal document --------------------------------------------------------------


def _require_sound(order: Order) -> None:
    faults = []
    if not order.items:
        faults.append(erp_messages.ITEMS_MISSING())
    if order.value_cents < 0:
        faults.append(erp_messages.NEGATIVE_VALUE(cents=order.value_cents))
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
            faults.append(erp_messages.MASKED(path=path))
    if client.is_corporate and not client.corporate_document and is_brazilian(order):
        faults.append(erp_messages.COMPANY_DOCUMENT_MISSING())
    if not name_of(client):
        faults.append(erp_messages.CUSTOMER_NAME_MISSING())
    if faults:
        raise Unmappable(erp_messages.NOT_MAPPABLE(faults="; ".join(faults)))


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


def _require_bounded(prices: OrderPrices) -> None:
    for line in prices.lines:
        if max(abs(line.total_cents), abs(line.gross_cents)) > MOST_CENTS:
            raise Unmappable(erp_messages.LINE_TOO_HIGH(place=line.index))


def _sum_flags(order: Order, prices: OrderPrices, *, allow: bool) -> list[Flag]:
    """Return the doubts about sums that let the order in.

    Raises:
        SumMismatch: a doubt holds the order.
    """
    doubts = [doubt for doubt in (_head_doubt(order, prices), _lines_doubt(prices)) if doubt]
    if doubts and not allow:
        joined = erp_messages.SUMS_DIFFER(faults="; ".join(text.words for text, _ in doubts))
        raise SumMismatch(doubts[0][0] if len(doubts) == 1 else joined)
    flags = [Flag(FlagName.SUM_MISMATCH, words, money(cents)) for words, cents in doubts]
    weighed = prices.weighed_cents or (
        0 if doubts else undeclared_cents(order, prices.totals, order.value_cents)
    )
    if weighed:
        text = messages.WEIGHED_ROUNDING(difference=money(weighed))
        flags.append(Flag(FlagName.WEIGHED_ROUNDING, text, money(weighed)))
    if prices.change_cents:
        difference = money(prices.change_cents)
        text = messages.CHANGE_WITHOUT_LINE(difference=difference)
        flags.append(Flag(FlagName.SUM_MISMATCH, text, difference))
    if not prices.freight.closes:
        difference = money(prices.freight.difference)
        text = messages.LINE_FREIGHT_UNKNOWN(
            lines=money(prices.freight.cents),
            shipping=money(prices.totals.shipping),
            difference=difference,
        )
        flags.append(Flag(FlagName.LINE_FREIGHT_UNKNOWN, text, difference))
    return flags


def _head_doubt(order: Order, prices: OrderPrices) -> tuple[Text, int] | None:
    apart = undeclared_cents(order, prices.totals, order.value_cents)
    if apart == 0 or (is_weighed(order) and abs(apart) <= len(prices.lines)):
        return None
    text = erp_messages.TOTALS_DIFFER(
        terms=" + ".join(_named_totals(order)) or "none",
        sum=money(prices.totals.sum),
        value=money(order.value_cents),
        difference=money(apart),
    )
    return text, apart


def _lines_doubt(prices: OrderPrices) -> tuple[Text, int] | None:
    goods = prices.goods
    if goods.closes:
        return None
    numbers = {
        "lines": money(goods.cents),
        "goods": money(goods.cents + goods.difference),
        "difference": money(goods.difference),
    }
    if goods.nearest is None:
        return erp_messages.LINES_MISSING(**numbers), goods.difference
    place, reading, left = goods.nearest
    text = erp_messages.LINES_DIFFER(
        **numbers,
        line=place + 1,
        sku=prices.lines[place].item.sku_id,
        reading=reading.name,
        left=money(left),
    )
    return text, goods.difference


def _named_totals(order: Order) -> list[str]:
    # Only VTEX's own ids of totals are quoted.
    totals: dict[str, int] = {}
    for name, cents in order.totals:
        totals[name] = totals.get(name, 0) + cents
    named = [
        f"{name if name.isascii() and name.isalpha() else 'other'} {money(cents)}"
        for name, cents in totals.items()
    ]
    more = len(named) - MOST_NAMED
    return [*named[:MOST_NAMED], f"{more} more"] if more > 0 else named


def _payment_doubt(flags: Sequence[Flag]) -> str | None:
    # A group's payment is proven: each order has its share of it.
    held = (flag.detail for flag in flags if flag.name is not FlagName.PAYMENT_GROUP)
    return next(held, None)


def _delivery_channel(order: Order) -> Literal["delivery", "pickup", "mixed", "none"]:
    channels = {row.is_pickup for row in order.logistics}
    if not channels:
        return "none"
    if len(channels) > 1:
        return "mixed"
    return "pickup" if True in channels else "delivery"
