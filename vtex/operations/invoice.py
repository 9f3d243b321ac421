"""Send an invoice to VTEX with one effect: read, check, send, read again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from foundation.messages import vtex as messages
from vtex import payloads, schemas, statuses
from vtex.client import VtexClient
from vtex.documents import Order, Package
from vtex.errors import NotYet, Refused, VtexForgot, VtexRejected
from vtex.operations import start_handling as start_handling_operation
from vtex.operations.invoice_balance import (
    Balance,
    balance,
    closing,
    faults,
    open_after,
    open_items,
)
from vtex.operations.invoice_identity import Numbering, differences, find, number_at_vtex
from vtex.payloads import OVERTAKING, Invoice

MAX_POLLS = 8
"""Polls of an order for a sent invoice. After them VTEX counts as having lost it."""

CHANGE_PATIENCE = timedelta(days=1)
"""Longest wait of an invoice for the end of a change, unless a setting changes it."""

NUMBERING = Numbering()
STATE_REFUSES = "ORD039"
"""VTEX's code for a status that does not accept invoices."""


@dataclass(frozen=True, slots=True)
class Sent:
    """An invoice that VTEX has.

    Attributes:
        receipt: VTEX's receipt, if this call sent the invoice and VTEX gave one.
        number: the invoice's number at VTEX.
        order_status: the order's status after the invoice.
        found: true if VTEX had it before this call.
        value_cents: the sent value. It differs from the nota's within the tolerance.
        open_cents: cents that stay open at VTEX though all units are invoiced.
    """

    receipt: str | None
    number: str
    order_status: str
    found: bool = False
    value_cents: int | None = None
    open_cents: int = 0


def send(  # noqa: PLR0913  # an operation and its settings
    client: VtexClient,
    order_id: str,
    invoice: Invoice,
    *,
    numbering: Numbering = NUMBERING,
    seen: Callable[[Mapping[str, Any]], None] = lambda _: None,
    change_patience: timedelta | None = CHANGE_PATIENCE,
    tolerance_cents: int = 0,
) -> Sent:
    """Send an invoice, unless VTEX has it.

    Source: ``POST /api/oms/pvt/orders/{orderId}/invoice``. VTEX lacks idempotency keys, so
    the order's packages are read first.

    Args:
        numbering: numbers at VTEX of the invoices of this number.
        seen: called with the order's current document before the invoice is sent.
        change_patience: longest wait for the end of a change. ``None`` sends the invoice without
            that check.
        tolerance_cents: as in ``prepared``.

    Raises:
        Refused: the invoice contradicts the order, or comes too late.
        NotYet: a cancellation or a change of the order is under way.
        VtexRejected: VTEX refuses the invoice.
        VtexUnavailable: the effect is in doubt.
    """
    raw = client.order(order_id)
    order, packages = schemas.read_order(raw), schemas.read_packages(raw)
    seen(raw)
    now = balance(order, packages)
    if known := shown(invoice, packages, numbering):
        require_same(invoice, known, order)
        return Sent(None, known.invoice_number, _status_after(order, now), found=True)
    _require_status(client, order, now, invoice)
    if invoice.type == "Output" and change_patience is not None:
        _require_no_change(client, order_id, change_patience)
    ready = prepared(invoice, order, now, tolerance_cents=tolerance_cents)
    number = number_at_vtex(invoice, packages, numbering)
    numbering.choose(number)
    try:
        body = payloads.invoice_body(ready, number=number)
        receipt = client.send_invoice(order_id, body)
    except VtexRejected as error:
        if error.code == STATE_REFUSES:
            raise NotYet(str(error)) from error
        if not ready.value_cents:
            raise Refused(messages.ZERO_REFUSED(error=error)) from error
        raise
    after = replace(now, invoiced_cents=now.invoiced_cents + _adds(ready))
    status = _status_after(order, after)
    return Sent(
        receipt, number, status, value_cents=ready.value_cents, open_cents=open_after(ready, now)
    )


def confirm(client: VtexClient, order_id: str, invoice: Invoice, *, number: str, polls: int) -> str:
    """Return the order's status once VTEX shows the invoice.

    Args:
        number: the invoice's number at VTEX.
        polls: number of polls so far.

    Raises:
        NotYet: VTEX does not show the invoice yet.
        VtexForgot: VTEX did not show it for too long.
    """
    raw = client.order(order_id)
    names = {(package.invoice_number, package.type) for package in schemas.read_packages(raw)}
    if (number, invoice.type) in names:
        return schemas.read_order(raw).status or ""
    if polls < MAX_POLLS:
        raise NotYet(messages.INVOICE_HIDDEN(invoice=invoice.invoice_number))
    raise VtexForgot(messages.INVOICE_FORGOTTEN(invoice=invoice.invoice_number, polls=polls))


def prepared(invoice: Invoice, order: Order, now: Balance, *, tolerance_cents: int = 0) -> Invoice:
    """Return the invoice with its items, checked against the open balance.

    Args:
        tolerance_cents: an invoice of all open units gets the open value, if it is so near.

    Raises:
        Refused: the invoice contradicts the order. The message lists every contradiction.
        NotYet: it lacks items and differs from the rest, so another part may be on its way.
    """
    sale = invoice.type == "Output"
    if not sale and now.open_cents > 0:
        text = messages.RETURN_TOO_EARLY(invoice=invoice.invoice_number, open_cents=now.open_cents)
        raise NotYet.within(OVERTAKING, text)
    invoice = closing(invoice, now, tolerance_cents)
    if not invoice.items:
        whole = now.open_cents if sale else now.invoiced_cents - now.returned_cents
        if invoice.value_cents < whole:
            text = messages.INVOICE_WITHOUT_ITEMS(
                invoice=invoice.invoice_number, value_cents=invoice.value_cents, open_cents=whole
            )
            raise NotYet.within(OVERTAKING, text)
        invoice = replace(
            invoice, items=open_items(now, sale=sale, value_cents=invoice.value_cents)
        )
    if now.total_cents == 0:
        # The notas of a gift have prices, which the order at VTEX lacks.
        free = tuple(replace(item, price_cents=0) for item in invoice.items)
        invoice = replace(invoice, items=free)
    if contradictions := faults(invoice, order, now):
        faults_listed = "; ".join(contradictions)
        raise Refused(
            messages.INVOICE_CONTRADICTS(invoice=invoice.invoice_number, faults=faults_listed)
        )
    return invoice


def shown(invoice: Invoice, packages: tuple[Package, ...], numbering: Numbering) -> Package | None:
    """Return VTEX's package of an invoice, by its type and identity.

    Raises:
        Refused: packages of several series fit.
    """
    same_type = (package for package in packages if package.type == invoice.type)
    number, series = invoice.invoice_number, invoice.invoice_series
    return find(same_type, number, series, numbering, key=invoice.invoice_key)


def require_same(invoice: Invoice, known: Package, order: Order) -> None:
    """Require that VTEX's package of an invoice has its content.

    Raises:
        Refused: the contents differ. The message shows both.
    """
    if contradictions := differences(invoice, known, order):
        raise Refused(
            messages.INVOICE_NUMBER_TAKEN(
                invoice=invoice.invoice_number, differences="; ".join(contradictions)
            )
        )


def _require_status(client: VtexClient, order: Order, now: Balance, invoice: Invoice) -> None:
    if invoice.type == "Input":
        # Nobody else sends returns. The balance decides whether it is time.
        return
    match statuses.takes_invoice(order.status):
        case statuses.Answer.NO:
            raise Refused(
                messages.INVOICE_NOT_ALLOWED(
                    status=order.status,
                    invoiced_cents=now.invoiced_cents,
                    total_cents=now.total_cents,
                )
            )
        case statuses.Answer.LATER:
            raise NotYet(messages.INVOICE_WAITS(status=order.status))
        case statuses.Answer.AFTER_HANDLING:
            start_handling_operation.ensure(client, order.order_id, in_doubt=True)
            raise NotYet(messages.HANDLING_FIRST())
        case _:
            return


def _require_no_change(client: VtexClient, order_id: str, patience: timedelta) -> None:
    # A change can stay unfinished for ever (VTEX's known issue 1219914). VTEX advises to send the
    # invoice as usual then, which is a person's decision.
    if client.change_under_way(order_id):
        raise NotYet.within(patience, messages.CHANGE_FIRST())


def _adds(invoice: Invoice) -> int:
    return invoice.value_cents if invoice.type == "Output" else 0


def _status_after(order: Order, after: Balance) -> str:
    if after.open_cents <= 0:
        return "invoiced"
    return "handling" if order.origin == "Fulfillment" else "payment-approved"
