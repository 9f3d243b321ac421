"""The journal's requests of one invoice: its identity, its number at VTEX, its dispatch."""

import operator
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import NoReturn

from foundation.messages import requests as messages
from foundation.messages import vtex as vtex_messages
from journal.jobs.leased_job import LeasedJob
from journal.journal import Journal
from journal.model import Kind, State
from journal.requests import RequestRow
from tasks.errors import RequestInvalid
from tasks.outbound.request_schemas import is_before
from vtex.errors import Refused
from vtex.operations.invoice_identity import Numbering
from vtex.payloads import Invoice, Tracking, plain_number


def key_of(kind: str, number: str, series: str | None) -> str:
    """Return the idempotency key of an invoice.

    Args:
        kind: ``Output`` or ``Input``.
        number: the ERP's spelling.
    """
    return " ".join(filter(None, (kind, plain_number(number), series)))


def identified(
    journal: Journal, store: str, order_id: str, invoice: Invoice
) -> tuple[Invoice, str]:
    """Return an invoice with its series, as far as known, and its idempotency key.

    An invoice without a series is the only known one of its number. An invoice with a series may
    have been requested without it.

    Raises:
        RequestInvalid: the series is absent, and the order has several of this number.
    """
    number = invoice.invoice_number
    known = {
        row.invoice_series: row
        for row in journal.requests.of_invoice(store, order_id, plain_number(number))
        if row.kind is Kind.INVOICE
        and row.key in _keys_of(invoice.type, number, row.invoice_series)
    }
    alive = [series for series, row in known.items() if row.state is not State.DEAD and series]
    series = invoice.invoice_series
    if series is None and None not in known and alive:
        if len(alive) > 1:
            _refuse_ambiguous(number, alive)
        series = alive[0]
    row = known.get(series) or known.get(None)
    key = row.key if row else key_of(invoice.type, number, series)
    return replace(invoice, invoice_series=series), key


def _keys_of(kind: str, number: str, series: str | None) -> tuple[str, str]:
    return key_of(kind, number, None), key_of(kind, number, series)


def _refuse_ambiguous(number: str, series: list[str]) -> NoReturn:
    listed = ", ".join(sorted(series))
    text = messages.SERIES_AMBIGUOUS(invoice=number, series=listed)
    reason = messages.UNUSABLE(kind="invoice", faults=f"invoice_series: {text}")
    raise RequestInvalid(reason, faults={"invoice_series": text})


def numbering(
    journal: Journal, store: str, order_id: str, number: str, *, of: LeasedJob | None = None
) -> Numbering:
    """Return the numbers at VTEX of an order's invoices of one number.

    Args:
        of: job of the invoice. It stores the number before the call.
    """
    sent = _sent(journal.requests.of_invoice(store, order_id, plain_number(number)))
    if of is None:
        return Numbering(sent)
    return Numbering(sent, partial(operator.setitem, of.result, "sent_as"))


def of_parcel(journal: Journal, store: str, order_id: str, tracking: Tracking) -> Numbering:
    """Return the numbers at VTEX of a parcel's invoice.

    Raises:
        Refused: the series is absent, and the order has several of this number. Or the delivery is
            before the dispatch that an earlier request named.
    """
    rows = journal.requests.of_invoice(store, order_id, plain_number(tracking.invoice_number))
    invoices = [row for row in rows if row.kind is Kind.INVOICE and row.state is not State.DEAD]
    series = sorted({row.invoice_series for row in invoices if row.invoice_series})
    if tracking.invoice_series is None and len(series) > 1:
        number = tracking.invoice_number
        raise Refused(vtex_messages.SERIES_AMBIGUOUS(invoice=number, series=", ".join(series)))
    if tracking.delivered_at and not tracking.dispatched_at:
        _require_dispatched(journal, rows, tracking)
    return Numbering(_sent(rows))


def _sent(rows: Sequence[RequestRow]) -> dict[str, str | None]:
    return {
        str(row.result["sent_as"]): row.invoice_series
        # A known series counts more than an absent one.
        for row in sorted(rows, key=lambda row: row.invoice_series is not None)
        if row.kind is Kind.INVOICE and row.result and "sent_as" in row.result
    }


def _require_dispatched(journal: Journal, rows: Sequence[RequestRow], tracking: Tracking) -> None:
    delivered, series = str(tracking.delivered_at), tracking.invoice_series
    for row in reversed(rows):
        same = series is None or row.invoice_series in (None, series)
        body = journal.requests.body(row.job) if same and row.state is State.DONE else None
        if dispatched := (body or {}).get("dispatched_at"):
            # VTEX keeps the latest dispatch, which may correct an earlier one.
            if is_before(delivered, dispatched):
                text = vtex_messages.DELIVERED_TOO_EARLY
                raise Refused(text(delivered_at=delivered, dispatched_at=dispatched))
            return
