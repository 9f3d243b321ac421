"""Notes on sales for the ERP's people, and values read from their documents."""

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime, time, timedelta, timezone
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from erp.port import OUTCOMES, Event, Request
from erp.sales_order import OrderLine, PaymentPart, SalesOrder
from foundation import redaction
from foundation.foreign_values import cents
from foundation.messages.message import Text, code_of, error_text

BRASILIA = timezone(timedelta(hours=-3))
REASON = "Cancelado pelo lojista"
"""Reason of a cancellation without one."""

LONGEST_REASON = 500

_MOST_ATTRIBUTES = 10
_LONGEST_VALUE = 200
"""Bounds of a note: a clerk reads it, and the attributes of an order may be a thousand."""

_ACCESS_KEY = re.compile(r"\b[0-9]{6}[0-9A-Z]{12}[0-9]{26}\b")
_SKU = re.compile(r"^VTEX SKU (\S+)(?: x (\S+))?$", re.MULTILINE)
_WORDS = {
    "carrier": "transportadora",
    "channel": "canal",
    "document": "documento",
    "tax": "regime fiscal",
}
"""Kinds of the code map that notes mention."""


# --- what they read -------------------------------------------------------------------------------


def remark(order: SalesOrder) -> str:
    """Return the facts for clerks that the ERP lacks a field for."""
    lines = [f"VTEX {order.store} {order.order_id}"]
    lines += [f"pagamento: {_paid(order, payment)}" for payment in order.payments]
    for kind, word in _WORDS.items():
        if codes := dict.fromkeys(map(str, order.codes.get(kind, {}).values())):
            lines.append(f"{word}: {', '.join(codes)}")
    context = order.context
    facts = {
        "intermediador": (context.intermediary_name, context.intermediary_document),
        "pagamento no marketplace": (
            context.marketplace_payment_method,
            context.marketplace_payment_brand,
            context.marketplace_payment_acquirer,
            context.marketplace_payment_authorization,
        ),
        "rastreio do marketplace": (
            context.tracking_number,
            context.tracking_courier,
            context.tracking_url,
        ),
        "cupom": (order.marketing.coupon,),
        "pedido de compra": (context.purchase_order_number,),
        "centro de custo": (context.cost_center,),
        "vendedor": (context.seller_operator,),
        "loja": (context.checked_in_pickup_point_id,),
        "assinatura": (context.subscription_id, context.subscription_cycle),
        "lista de presentes": (context.gift_registry_id,),
        "entrega agendada": tuple(dict.fromkeys(map(_window, order.lines_to_deliver))),
        "retirada": (order.pickup_point, order.pickup_point_id),
        "cliente": (order.note,),
    }
    lines += [
        f"{name}: {', '.join(texts)}" for name, given in facts.items() if (texts := _texts(given))
    ]
    return "\n".join([*lines, *_attributes(order, None), *map(str, order.flags)])


def event_lines(event: Event) -> list[str]:
    """Return the lines of a note about a change or an outcome."""
    words = f"VTEX: {event.kind}"
    if event.invoice_number:
        words += f" {event.invoice}"
    if event.outcome is not None:
        words += f": {event.outcome} ({OUTCOMES.get(event.outcome, event.outcome)})"
    receipt = event.receipt and f"receipt {event.receipt}"
    status = event.order_status and f"order {event.order_status}"
    return list(filter(None, (words, event.reason, receipt, status)))


def line_note(order: SalesOrder, line: OrderLine) -> str:
    """Return a line's note, from which ``sku_of`` reads the SKU after the invoice."""
    by = "" if line.unit_multiplier == 1 else f" x {line.unit_multiplier.normalize():f}"
    return "\n".join(filter(None, (f"VTEX SKU {line.sku_id}{by}", line_remark(order, line))))


def line_remark(order: SalesOrder, line: OrderLine) -> str:
    """Return a line's facts for clerks, such as an engraving. Often empty."""
    lines = ["Brinde"] if line.is_gift else []
    if order.delivery_channel == "mixed" and line.pickup_point_id:
        lines.append(f"retirada: {line.pickup_point_id}")
    elif destination := _destination(order, line):
        lines.append(f"entrega: {destination}")
    if line.pre_sale_date:
        lines.append(f"pré-venda: {line.pre_sale_date}")
    return "\n".join([*lines, *_attributes(order, line.line_no)])


def _destination(order: SalesOrder, line: OrderLine) -> str | None:
    """Return the line's address in words, if the order goes to several addresses."""
    destinations = [address for address in order.addresses if address.kind == "SHIP"]
    if len(destinations) < 2:
        return None
    own = (address for address in destinations if address.address_no == line.address_no)
    address = next(own, None)
    if address is None:
        return None
    return ", ".join(_texts((address.street, address.number, address.city, address.postal_code)))


def _paid(order: SalesOrder, payment: PaymentPart) -> str:
    code = order.code("payment", payment.system)
    words = [payment.system_name or payment.system, payment.group, f"{payment.share:.2f}"]
    words += [f"de {payment.value:.2f}"] if payment.value != payment.share else []
    words += [f"código {code}"] if code is not None else []
    words += [f"{payment.installments}x"] if payment.installments > 1 else []
    words += [
        f"{name} {text}" for name, text in (("NSU", payment.nsu), ("TID", payment.tid)) if text
    ]
    return " ".join(filter(None, words))


def _window(line: OrderLine) -> str | None:
    start, end = line.window_starts_at, line.window_ends_at
    if start is None or end is None:
        return None
    return f"{start.astimezone(BRASILIA):%d/%m/%Y %H:%M} a {end.astimezone(BRASILIA):%H:%M}"


def _attributes(order: SalesOrder, line_no: int | None) -> Iterator[str]:
    attributes = order.attributes_of(line_no)
    for attribute in attributes[:_MOST_ATTRIBUTES]:
        value = " ".join(attribute.value.split())
        yield f"{attribute.name}: {value[:_LONGEST_VALUE]}"
    if (more := len(attributes) - _MOST_ATTRIBUTES) > 0:
        yield f"e mais {more}"


def _texts(given: Iterable[str | None]) -> list[str]:
    return [text for text in given if text]


def redacted(error: Exception, order: SalesOrder) -> Text:
    """Return the ERP's error as text without the personal data of the order."""
    words = redaction.redacted(str(error), order.personal_texts, pattern=redaction.TAX_ID)
    return Text(words, code_of(error_text(error)))


# --- what they wrote ------------------------------------------------------------------------------


def sku_of(note: str | None) -> tuple[str, Decimal] | None:
    """Return the SKU id in a line's note, and its sale units per unit."""
    match = _SKU.search(note or "")
    return (match[1], Decimal(match[2] or 1)) if match else None


def reason_in(notes: Iterable[str | None], mark: re.Pattern[str]) -> str | None:
    """Return the first reason that follows a mark at the beginning of a note."""
    for note in notes:
        match = mark.match(note or "")
        if match and (words := " ".join(match[1].split())):
            return words
    return None


def nota_of(*texts: str | None) -> tuple[str, str] | None:
    """Return number and access key of the NF-e in the first text that holds one."""
    for text in texts:
        if match := _ACCESS_KEY.search(text or ""):
            # Digits 26 to 34 of the key are the nota's number.
            return str(int(match[0][25:34])), match[0]
    return None


def items(sold: Iterable[tuple[str | None, Decimal, Decimal]]) -> Iterator[Mapping[str, Any]]:
    """Yield the items of an invoice's lines, one per SKU. Skip services and fractions of a unit.

    Weighed goods have their real weight on the invoice. They count as the nearest whole unit.

    Args:
        sold: note, quantity and amount of each line.
    """
    sums: dict[str, tuple[Decimal, Decimal]] = {}
    weighed: set[str] = set()
    for note, of_sale_units, amount in sold:
        sku = sku_of(note)
        if sku is None:
            continue
        sku_id, each = sku
        quantity, cost = sums.get(sku_id, (Decimal(0), Decimal(0)))
        sums[sku_id] = quantity + of_sale_units / each, cost + amount
        if each != 1:
            weighed.add(sku_id)
    for sku_id, (quantity, cost) in sums.items():
        units = sold_units(quantity) if sku_id in weighed else quantity
        if units >= 1 and units == units.to_integral_value():
            yield {"sku_id": sku_id, "quantity": int(units), "price_cents": cents(cost / units)}


def sold_units(quantity: Decimal) -> Decimal:
    """Return the nearest whole number of units, at least one if there is any."""
    if quantity <= 0:
        return Decimal(0)
    return max(Decimal(1), quantity.quantize(Decimal(1), ROUND_HALF_UP))


def tracking(document: str, code: str, fields: Mapping[str, Any]) -> Request:
    """Return the request for a document's tracking number. A new number makes a new request.

    Args:
        document: name of the document, such as ``odoo:picking:12``.
        fields: fields of the request, without the tracking number.
    """
    digest = hashlib.sha256(code.encode()).hexdigest()[:8]
    return Request("tracking", f"{document}:{digest}", {**fields, "tracking_number": code})


def cancellation(document: str, why: str | None, fields: Mapping[str, Any]) -> Request:
    """Return the request of a canceled sale."""
    return Request("cancellation", document, {**fields, "reason": (why or REASON)[:LONGEST_REASON]})


def midnight(day: date) -> str:
    """Return the start of a day in UTC, which is the same day in Brasília. ERPs store days."""
    return datetime.combine(day, time(), BRASILIA).isoformat()
