"""Notas fiscais of the ERP: which order, which invoice, and the fields of the request."""

from collections.abc import Mapping
from typing import Any

from erp.mapping import details
from erp.nfe import invoice as nfe
from erp.nfe.belonging import OrderRecord, SentInvoice, refers_to
from erp.nfe.nota import Nfe
from foundation.messages import requests as messages
from journal.model import Kind, State
from journal.requests import RequestDraft
from journal.storage.rows import without_empty
from tasks.context import Context
from tasks.errors import RequestInvalid
from tasks.outbound import invoice_requests
from vtex import schemas
from vtex.documents import Order
from vtex.errors import RateLimitReached, VtexError, VtexUnauthorized, VtexUnavailable
from vtex.payloads import plain_number
from vtex.transport.rate_limit import Priority

MOST_INVOICES = 1000
"""Requests of one order that are searched for the invoice of a return."""


def fields_of_xml(
    context: Context,
    name: tuple[str, str, str | None],
    xml: bytes,
    fields: Mapping[str, Any],
    *,
    again: bool,
) -> dict[str, Any] | int:
    """Return the fields of an NF-e and its request, or the old job of the same NF-e.

    Args:
        name: store, order id and reference.

    Raises:
        NfeError: the file is not a sale or a return of this order.
    """
    store, order_id, _ = name
    order = _kept_order(context, store, order_id)
    note = nfe.read(xml, context.nfe)
    if order is None:
        sent = (
            None
            if without_empty(fields)
            else context.journal.requests.repeats(_without_items(*name, note), again=again)
        )
        if sent is not None:
            return sent
        order = _order_of_vtex(context, store, order_id)
    content = fields_of_nfe(context, store, order, note)
    if note.is_altered:
        context.journal.timeline.note(store, order_id, "flagged", messages.NFE_ALTERED())
    return content | dict(fields)


def fields_of_nfe(context: Context, store: str, order: Order, note: Nfe) -> dict[str, Any]:
    """Return the fields of an invoice from an NF-e.

    Raises:
        NfeOfAnotherOrder: the NF-e does not belong to this order.
        NfeMismatch: its lines differ from the order's items.
    """
    row = context.journal.orders.get(store, order.order_id)
    record = OrderRecord(
        zone=context.zone(store),
        cnpjs=context.cnpjs.get(store, ()),
        erp_reference=row.erp_reference if row else None,
        purchase_order=details.context_of(order).purchase_order_number,
        invoices=_invoices(context, store, order, note),
    )
    return nfe.request(note, order, context.nfe, record)


def _invoices(context: Context, store: str, order: Order, note: Nfe) -> tuple[SentInvoice, ...]:
    """Return the order's sales invoices, as far as the references of a nota need them.

    Raises:
        VtexUnavailable, VtexUnauthorized, RateLimitReached: VTEX may know a reference; retry.
    """
    if not note.references:
        return ()
    known = (*_of_journal(context, store, order.order_id), *_of_document(order.raw))
    if refers_to(note, known):
        return known
    # Another system may have sent the invoice.
    try:
        raw = context.vtex[store].with_priority(Priority.URGENT).order(order.order_id)
    except (VtexUnavailable, VtexUnauthorized, RateLimitReached):
        raise
    except (VtexError, KeyError):
        return known
    return (*known, *_of_document(raw))


def _of_journal(context: Context, store: str, order_id: str) -> list[SentInvoice]:
    requests = context.journal.requests
    return [
        SentInvoice(row.invoice_number, row.invoice_series, _key_of(requests.body(row.job)))
        for row in requests.find(store, order_id, limit=MOST_INVOICES)
        if row.kind is Kind.INVOICE
        and row.state is not State.DEAD
        and row.invoice_number
        and row.key.startswith("Output")
    ]


def _key_of(body: Mapping[str, Any] | None) -> str | None:
    return (body or {}).get("invoice_key")


def _of_document(raw: Mapping[str, Any]) -> list[SentInvoice]:
    return [
        SentInvoice(plain_number(package.invoice_number), key=package.invoice_key)
        for package in schemas.read_packages(raw)
        if package.type == "Output"
    ]


def _kept_order(context: Context, store: str, order_id: str) -> Order | None:
    raw, _payment = context.journal.documents.get(store, order_id)
    return None if raw is None else schemas.read_order(raw)


def _order_of_vtex(context: Context, store: str, order_id: str) -> Order:
    """Fetch an order again after its purge, since goods made to order are invoiced late."""
    row = context.journal.orders.get(store, order_id)
    if row is None or row.state not in (State.DONE, State.SKIPPED):
        raise RequestInvalid(
            messages.ORDER_UNKNOWN(order_id=order_id),
            faults={"order_id": messages.ORDER_NOT_IN_JOURNAL()},
        )
    try:
        return schemas.read_order(
            context.vtex[store].with_priority(Priority.URGENT).order(order_id)
        )
    except (VtexError, KeyError) as error:
        # Refuse it, so that later requests do not wait for one old order.
        raise RequestInvalid(
            messages.DOCUMENT_PURGED(error=error),
            faults={"order_id": messages.ITS_DOCUMENT_PURGED()},
        ) from error


def _without_items(store: str, order_id: str, reference: str | None, note: Nfe) -> RequestDraft:
    """Return an NF-e without its items, to recognise a repeated NF-e of a purged order."""
    content = {
        "invoice_number": note.invoice_number,
        "invoice_series": note.invoice_series,
        "invoice_key": note.invoice_key,
        "value_cents": note.value_cents,
        "issued_at": note.issued_at,
    }
    key = invoice_requests.key_of(note.type, note.invoice_number, note.invoice_series)
    return RequestDraft(store, order_id, Kind.INVOICE, key, content, reference=reference)
