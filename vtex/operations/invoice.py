"""One invoice to VTEX, once in effect: look, check, send, look again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from vtex import payloads as outgoing
from vtex import schemas, statuses
from vtex.client import VtexClient
from vtex.documents import Order, Package
from vtex.errors import NotYet, Refused, VtexForgot, VtexRejected
from vtex.operations import start_handling as handling
from vtex.operations.invoice_balance import Balance, balance, faults, open_items
from vtex.payloads import OVERTAKING, Invoice, plain_number

LOOKS = 8
"""Looks at an order that does not show a sent invoice, before VTEX is said to have forgotten it."""

STATE_REFUSES = "ORD039"
"""VTEX's code for "this state takes no invoices"."""


@dataclass(frozen=True, slots=True)
class Sent:
    """An invoice that VTEX has taken.

    Attributes:
        receipt: None where VTEX gave none, or had the invoice already.
        order_status: what the order's status becomes by it.
        found: VTEX had it before this call.
    """

    receipt: str | None
    order_status: str
    found: bool = False


def send(
    client: VtexClient,
    order_id: str,
    invoice: Invoice,
    *,
    xml: str | None = None,
    seen: Callable[[Mapping[str, Any]], None] = lambda _: None,
) -> Sent:
    """Send an invoice, unless VTEX has it.

    Source: ``POST /api/oms/pvt/orders/{orderId}/invoice``; VTEX has no idempotency key, so the
    order's packages are read first.

    Args:
        xml: the NF-e as it was received, to be embedded.
        seen: given the order's document, as it is right before, once it could be read.

    Raises:
        Refused: it contradicts the order, or the order takes no invoice any more.
        NotYet: the order is on its way: a cancellation or a change is under way.
        VtexRejected: VTEX refuses it.
        VtexUnavailable: in doubt.
    """
    raw = client.order(order_id)
    order, packages = schemas.read_order(raw), schemas.read_packages(raw)
    seen(raw)
    now = balance(order, packages)
    if known := shown(invoice, packages):
        _require_same(invoice, known)
        return Sent(None, _status_after(order, now), found=True)
    _require_status(client, order, now, invoice)
    ready = prepared(invoice, order, now)
    try:
        receipt = client.send_invoice(order_id, outgoing.invoice_body(ready, ready.items, xml))
    except VtexRejected as error:
        if error.code == STATE_REFUSES:
            raise NotYet(str(error)) from error
        raise
    after = replace(now, invoiced_cents=now.invoiced_cents + _adds(invoice))
    return Sent(receipt, _status_after(order, after))


def confirm(client: VtexClient, order_id: str, invoice: Invoice, *, looks: int) -> str:
    """Return the order's status once VTEX shows the invoice.

    Args:
        looks: how often this was looked for in vain.

    Raises:
        NotYet: VTEX does not show it yet.
        VtexForgot: it has not, for too long.
    """
    raw = client.order(order_id)
    if shown(invoice, schemas.read_packages(raw)):
        return schemas.read_order(raw).status or ""
    if looks < LOOKS:
        raise NotYet(f"VTEX does not show invoice {invoice.invoice_number} yet")
    raise VtexForgot(
        f"VTEX took invoice {invoice.invoice_number} and does not show it after {looks} looks: "
        "look at the order in VTEX, then retry, which looks again and sends it if it is not there"
    )


def prepared(invoice: Invoice, order: Order, now: Balance) -> Invoice:
    """Return the invoice with its items, checked against what is open.

    Raises:
        Refused: with every contradiction.
        NotYet: it names no items, and is not the rest (yet: another part may be on its way).
    """
    sale = invoice.type == "Output"
    if not sale and now.open_cents > 0:
        raise NotYet.within(
            OVERTAKING,
            f"return {invoice.invoice_number} waits until the order is invoiced whole: VTEX "
            f"refunds nothing before; {now.open_cents} cents are open: send the sales invoices",
        )
    if not invoice.items:
        whole = now.open_cents if sale else now.invoiced_cents - now.returned_cents
        if invoice.value_cents < whole:
            raise NotYet.within(
                OVERTAKING,
                f"invoice {invoice.invoice_number} names no items, and its value_cents "
                f"{invoice.value_cents} are not the {whole} that are left: name its items",
            )
        invoice = replace(invoice, items=open_items(order, now, sale=sale))
    if found := faults(invoice, order, now):
        raise Refused(f"invoice {invoice.invoice_number} contradicts the order: {'; '.join(found)}")
    return invoice


def shown(invoice: Invoice, packages: tuple[Package, ...]) -> Package | None:
    """Return VTEX's package of an invoice, by its number and type."""
    number = plain_number(invoice.invoice_number)
    fits = (one for one in packages if (one.invoice_number, one.type) == (number, invoice.type))
    return next(fits, None)


def _require_same(invoice: Invoice, known: Package) -> None:
    if known.value_cents != invoice.value_cents:
        raise Refused(
            f"VTEX has an invoice {invoice.invoice_number} of {known.value_cents} cents already; "
            f"this one is of {invoice.value_cents}: give it a number of its own"
        )


def _require_status(client: VtexClient, order: Order, now: Balance, invoice: Invoice) -> None:
    if invoice.type == "Input":
        # A return has nothing to race with; the balance says whether it is time.
        return
    match statuses.takes_invoice(order.status):
        case statuses.Answer.NO:
            raise Refused(
                f"VTEX shows the order as {order.status!r}: it takes no sales invoice; "
                f"{now.invoiced_cents} of {now.total_cents} cents are invoiced"
            )
        case statuses.Answer.LATER:
            raise NotYet(f"VTEX shows the order as {order.status!r}: the invoice waits")
        case statuses.Answer.AFTER_HANDLING:
            handling.ensure(client, order.order_id, in_doubt=True)
            raise NotYet("handling had not been started; it was, and the invoice follows")
        case _:
            if client.change_under_way(order.order_id):
                raise NotYet("a change of the order is under way: the invoice waits for its end")


def _adds(invoice: Invoice) -> int:
    return invoice.value_cents if invoice.type == "Output" else 0


def _status_after(order: Order, after: Balance) -> str:
    if after.open_cents <= 0:
        return "invoiced"
    return "handling" if order.origin == "Fulfillment" else "payment-approved"
