"""The payments of an order: the gateway's joined with the order's own, and the order's share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

from erp.mapping.amounts import money
from erp.sales_order import Flag, FlagName, PaymentPart
from foundation.foreign_values import at, rows_at, text_at
from foundation.messages import orders as messages
from vtex.documents import NOT_IN_GATEWAY, Order, Payment, Transaction

_REFUSED = ("cancel", "denied", "refus", "reject", "failed")
"""Beginnings of gateway statuses of payments that brought no money, in lower case."""

_GIVEN_BACK = ("refund",)

_FIELDS = [field.name for field in fields(Payment)]


@dataclass(frozen=True, slots=True)
class PaidPayment:
    """A payment with the id of its transaction."""

    transaction_id: str | None
    payment: Payment


def payments_of(order: Order, transactions: Sequence[Transaction]) -> list[PaidPayment]:
    """Return the payments of an order's active transactions.

    The gateway's payment is joined to the order's by its id: a field that only one of them has
    survives. Transactions that the gateway lacks were paid elsewhere, at a marketplace for one.
    """
    at_gateway = {transaction.transaction_id: transaction for transaction in transactions}
    made: list[PaidPayment] = []
    seen: set[str] = set()
    for row in order.transactions:
        gateway = at_gateway.get(row.transaction_id or "")
        if gateway is not None:
            seen.add(gateway.transaction_id)
        if row.is_active:
            found = _joined(row.payments, gateway.payments) if gateway else row.payments
            made += [PaidPayment(row.transaction_id, payment) for payment in found]
    for transaction in transactions:
        if transaction.transaction_id not in seen:
            found = _joined((), transaction.payments)
            made += [PaidPayment(transaction.transaction_id, payment) for payment in found]
    made = [paid for paid in made if paid.payment.value_cents > 0]
    return _without_stand_ins(made, order.value_cents)


def _without_stand_ins(paid: list[PaidPayment], value: int) -> list[PaidPayment]:
    """Leave out the marketplace's stand-in where the payments themselves come to the value."""
    own = [row for row in paid if row.transaction_id not in NOT_IN_GATEWAY]
    amounts = _without_interest([row.payment for row in own], value)
    return own if own and sum(amounts) == value else paid


def _joined(own: Sequence[Payment], gateway: Sequence[Payment]) -> list[Payment]:
    """Return the gateway's payments, each with the fields that only the order has.

    A payment that only the order has, such as a gift card, stays.
    """
    by_id = {payment.payment_id: payment for payment in own if payment.payment_id}
    # A transaction may hold an empty copy beside an authorised payment.
    blank = {
        id(row) for row in gateway if not row.tid and not row.status and row.payment_id not in by_id
    }
    real = [row for row in gateway if id(row) not in blank] or list(gateway)
    paid = [row for row in real if not _begins(row, _REFUSED)]
    # A payment may be given back and made anew.
    paid = [row for row in paid if not _begins(row, _GIVEN_BACK)] or paid
    joined = []
    for payment in paid:
        same = by_id.get(payment.payment_id or "") or _alike(payment, own, gateway)
        joined.append(_merged(payment, same) if same else payment)
    known = {row.payment_id for row in gateway}
    if by_id.keys() & known or not gateway:
        joined += [row for payment_id, row in by_id.items() if payment_id not in known]
    return joined


def _begins(payment: Payment, beginnings: tuple[str, ...]) -> bool:
    return (payment.status or "").lower().startswith(beginnings)


def _alike(payment: Payment, own: Sequence[Payment], gateway: Sequence[Payment]) -> Payment | None:
    """Return the order's payment of the same system and value, if ids are absent and one fits."""
    if payment.payment_id and any(row.payment_id for row in own):
        return None
    key = (payment.system, payment.value_cents)
    fitting = [row for row in own if (row.system, row.value_cents) == key]
    rivals = [row for row in gateway if (row.system, row.value_cents) == key]
    return fitting[0] if len(fitting) == len(rivals) == 1 else None


def _merged(first: Payment, second: Payment) -> Payment:
    values = {name: getattr(first, name) or getattr(second, name) for name in _FIELDS}
    values["connector"] = {**second.connector, **first.connector}
    return Payment(**values)


# --- the order's share ------------------------------------------------------------------------


def shares_of(order: Order, payments: Sequence[Payment]) -> tuple[list[int], list[Flag]]:
    """Return the order's own part of each payment in cents, and the doubts about their sum.

    A cart of several sellers becomes several orders that share one transaction. The part is the
    payment x the order's value / the transaction's value, rounded so that the parts come to the
    order's value.
    """
    value = order.value_cents
    if not payments:
        missing = value > 0
        text = messages.PAYMENT_MISSING(value=money(value))
        return [], [Flag(FlagName.PAYMENT_MISSING, text, money(value))] if missing else []
    amounts = _without_interest(payments, value)
    paid = sum(amounts)
    if paid == value:
        return amounts, []
    if paid < value:
        text = messages.PAYMENT_SHORT(paid=money(paid), value=money(value))
        return amounts, [Flag(FlagName.PAYMENT_SHORT, text, money(value - paid))]
    return _divided(amounts, value), [_over(order, amounts, paid)]


def _without_interest(payments: Sequence[Payment], value: int) -> list[int]:
    """Return the amounts without interest, by the reading that comes to the value."""
    whole = [payment.value_cents for payment in payments]
    plain = [
        # Some gateways write no value without interest, and some write 0.
        payment.reference_value_cents or payment.value_cents
        for payment in payments
    ]
    return whole if sum(whole) == value else plain


def _over(order: Order, amounts: Sequence[int], paid: int) -> Flag:
    value, difference = order.value_cents, money(paid - order.value_cents)
    numbers = {"paid": money(paid), "value": money(value), "difference": difference}
    before_change = value - sum(cents for name, cents in order.totals if _is_change(name))
    is_doubled = len(amounts) > 1 and amounts.count(value) > 1
    if order.order_group and not is_doubled and paid != before_change:
        return Flag(FlagName.PAYMENT_GROUP, messages.PAYMENT_GROUP(**numbers), difference)
    return Flag(FlagName.PAYMENT_OVER, messages.PAYMENT_OVER(**numbers), difference)


def _is_change(total_id: str) -> bool:
    return total_id.lower().startswith("change")


def _divided(amounts: Sequence[int], value: int) -> list[int]:
    """Divide a value in proportion to the amounts. The largest remainders get the last cents."""
    paid = sum(amounts)
    parts = [divmod(amount * value, paid) for amount in amounts]
    cents = [whole for whole, _ in parts]
    by_remainder = sorted(range(len(parts)), key=lambda place: -parts[place][1])
    for place in by_remainder[: value - sum(cents)]:
        cents[place] += 1
    return cents


# --- rows -------------------------------------------------------------------------------------


def payment_parts(
    order: Order, paid: Sequence[PaidPayment], shares: Sequence[int], addresses: Mapping[int, int]
) -> tuple[PaymentPart, ...]:
    """Return the rows of the payments.

    Args:
        addresses: numbers of the billing addresses by the payment's place.
    """
    parts = [
        _part(place + 1, row, cents, addresses.get(place))
        for place, (row, cents) in enumerate(zip(paid, shares, strict=True))
    ]
    if len(parts) == 1:
        parts[0] = _with_marketplace_data(parts[0], order)
    return tuple(parts)


def _part(seq: int, paid: PaidPayment, share: int, address_no: int | None) -> PaymentPart:
    payment = paid.payment
    reference = payment.reference_value_cents
    connector = payment.connector
    return PaymentPart(
        seq=seq,
        system=payment.system,
        system_name=payment.system_name,
        group=payment.group,
        value=money(payment.value_cents),
        share=money(share),
        transaction_id=paid.transaction_id,
        payment_id=payment.payment_id,
        reference_value=None if reference is None else money(reference),
        installments=payment.installments,
        brand=payment.system_name if _is_card(payment) else None,
        last_digits=payment.last_digits,
        bin=payment.first_digits,
        tid=payment.tid,
        nsu=payment.nsu,
        authorization=connector.get("authid") or connector.get("authorizationcode"),
        acquirer=connector.get("acquirer") or connector.get("acquirername"),
        acquirer_document=connector.get("acquirercnpj"),
        due_date=payment.due_date,
        bar_code=payment.bar_code,
        reference=payment.bar_code or payment.gift_card_id,
        address_no=address_no,
    )


_CARDS = ("card", "cobrand", "privatelabel")


def _is_card(payment: Payment) -> bool:
    """Return whether a card paid. The group ``debit`` has cards, and debits of a bank account."""
    name = (payment.group or "").lower()
    is_named = any(word in name for word in _CARDS)
    return (is_named or bool(payment.last_digits)) and "gift" not in name


_MARKETPLACE = "marketplacePayment"
MARKETPLACE_FIELDS = {
    "method": ("Methods", "Method"),
    "brand": ("CreditCardBrands", "CreditCardBrand"),
    "acquirer_document": ("CnpjAcquirers", "CnpjAcquirer"),
    "authorization": ("AuthorizationCodes", "AuthorizationCode"),
}
"""Our names to the ends of VTEX's, in ``customData.customApps[].fields`` (NT 2025.001).

One connector writes the singular.
"""

_USER_FIELDS: Mapping[str, Sequence[Sequence[str | int]]] = {
    "method": (("paymentMethods", 0), ("paymentMethod",)),
    "brand": (("cardBrand",), ("creditCardBrand",), ("brand",)),
    "acquirer_document": (("acquirerCnpj",), ("cnpjAcquirer",)),
    "authorization": (("authorizationCode",), ("authorization",)),
}
"""The same in ``invoiceData.userPaymentInfo``."""


def marketplace_payment(raw: Mapping[str, Any]) -> dict[str, str]:
    """Return the marketplace's data about the payment for the nota, those that are there."""
    apps = [at(app, "fields") for app in rows_at(raw, "customData", "customApps")]
    user = at(raw, "invoiceData", "userPaymentInfo")
    if not (apps or user):
        return {}
    found: dict[str, str] = {}
    for name, ends in MARKETPLACE_FIELDS.items():
        texts = [text_at(fields, f"{_MARKETPLACE}{end}") for fields in apps for end in ends]
        texts += [text_at(user, *path) for path in _USER_FIELDS[name]]
        if text := next(filter(None, texts), None):
            found[name] = text
    return found


def _with_marketplace_data(part: PaymentPart, order: Order) -> PaymentPart:
    data = marketplace_payment(order.raw)
    if not data:
        return part
    return replace(
        part,
        marketplace_method=data.get("method"),
        brand=part.brand or data.get("brand"),
        acquirer_document=part.acquirer_document or data.get("acquirer_document"),
        authorization=part.authorization or data.get("authorization"),
    )
