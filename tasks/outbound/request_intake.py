"""What the ERP asks for, whichever way it came: checked, written down, sent on its way."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Mapping
from dataclasses import asdict
from itertools import islice
from typing import Any

from erp.nfe import invoice as nfe
from erp.nfe.invoice import Nfe
from erp.nfe.safe_xml import NfeError, text_of
from foundation.messages import log_events
from foundation.messages import requests as messages
from journal.journal import Journal
from journal.model import Kind, State
from journal.requests import RequestDraft
from journal.storage.rows import without_empty
from tasks.context import Context
from tasks.errors import RequestInvalid, RequestRefused
from tasks.job_kinds import Payload
from tasks.outbound import request_schemas
from tasks.outbound.request_schemas import NAMES
from tasks.workflow import dispatch
from vtex import schemas
from vtex.documents import Order
from vtex.errors import DocumentInvalid, VtexError
from vtex.payloads import Denial, Invoice, Tracking, plain_number
from vtex.transport.rate_limit import Priority
from vtex.transport.response_body import is_deep

log = logging.getLogger(__name__)

LONGEST_ID = 64
MOST_FIELDS = 100
MOST_KEPT = 2 * 1024 * 1024
"""Characters of a refused request that are kept; an NF-e has half a million."""


def take(
    context: Context,
    kind: str,
    given: Mapping[str, Any],
    *,
    xml: bytes | None = None,
    again: bool = False,
) -> int:
    """Take a request and dispatch it; return the number of its job.

    Args:
        kind: one of ``tasks.job_kinds.REQUEST_TASKS``.
        given: keyword arguments as the ERP wrote them (docs/messages.md).
        xml: an NF-e as it was received; what ``given`` lacks is taken from it.
        again: the ERP explicitly asks anew for what is dead.

    Raises:
        RequestRefused: it breaks the contract, or contradicts an earlier one.
        ContractNewer: it is written for a later one.
        JournalUnavailable: it was not written down; ask again.
    """
    job = record(context, kind, given, xml=xml, again=again)
    store, order_id = str(given["store"]).strip(), str(given["order_id"]).strip()
    dispatch(context, store=store, order_id=order_id)
    return job


def record(
    context: Context,
    kind: str,
    given: Mapping[str, Any],
    *,
    xml: bytes | None = None,
    again: bool = False,
) -> int:
    """Write a request down, once; return the number of its job. Raises as ``take``."""
    fields = dict(given)
    store, order_id = _name(fields, "store"), _name(fields, "order_id")
    reference = _name(fields, "reference") or None
    try:
        _require_names(given)
        request_schemas.require_known(fields)
        if xml is not None:
            read = _of_nfe(context, (store, order_id, reference), xml, fields, again=again)
            if isinstance(read, int):
                return read
            fields = read
        asked = request_schemas.read(kind, fields)
    except (RequestInvalid, NfeError, DocumentInvalid) as error:
        whole = _kept(dict(given) | ({"xml": xml.decode("latin-1")} if xml else {}))
        ask = RequestDraft(
            store, order_id, Kind(kind), f"refused {_digest(whole)}", whole, reference=reference
        )
        _refuse(context.journal, ask, str(error), again=again)
        raise RequestRefused(str(error)) from None
    content = without_empty(json.loads(json.dumps(asdict(asked))))
    if xml is not None and context.nfe.embed:
        content["xml"] = text_of(xml)
    ask = RequestDraft(
        store,
        order_id,
        Kind(kind),
        _named(context, store, order_id, asked, content),
        content,
        invoice_number=_invoice_number(asked),
        reference=reference,
    )
    known = context.journal.requests.submit(ask, again=again)
    if known.request_body is not None:
        reason = _contradiction(content, known.request_body, purged=known.purged)
        other = RequestDraft(
            store,
            order_id,
            ask.kind,
            f"{ask.key} {_digest(content)}",
            content,
            invoice_number=ask.invoice_number,
            reference=reference,
        )
        _refuse(context.journal, other, reason, again=again)
        raise RequestRefused(reason)
    if known.new:
        log.info("request taken", extra={"store": store, "order_id": order_id, "task": kind})
    return known.job


def of_nfe(context: Context, order: Order, note: Nfe) -> dict[str, Any]:
    """Return what an NF-e says as the fields of an invoice.

    Raises:
        NfeMismatch: it is none of this order.
    """
    return nfe.request(note, order, match=context.nfe.match, product_map=context.nfe.product_map)


def _of_nfe(
    context: Context,
    name: tuple[str, str, str | None],
    xml: bytes,
    fields: Mapping[str, Any],
    *,
    again: bool,
) -> dict[str, Any] | int:
    """Return the fields of an NF-e and its request; or the job that was the same, long ago.

    Args:
        name: store, order id, reference.
    """
    order = _kept_order(context, *name[:2])
    note = nfe.read(xml, production=context.nfe.production)
    if order is None:
        sent = (
            None
            if without_empty(fields)
            else context.journal.requests.repeats(_bare(*name, note), again=again)
        )
        if sent is not None:
            return sent
        order = _order_of_vtex(context, *name[:2])
    return of_nfe(context, order, note) | dict(fields)


def _kept_order(context: Context, store: str, order_id: str) -> Order | None:
    raw, _payment = context.journal.documents.get(store, order_id)
    return None if raw is None else schemas.read_order(raw)


def _order_of_vtex(context: Context, store: str, order_id: str) -> Order:
    """Read an order once more whose document was purged: what is made to order is invoiced late."""
    row = context.journal.orders.get(store, order_id)
    if row is None or row.state not in (State.DONE, State.SKIPPED):
        raise RequestInvalid(
            messages.ORDER_UNKNOWN(order_id=order_id), faults={"order_id": "is not in the journal"}
        )
    try:
        return schemas.read_order(
            context.vtex[store].with_priority(Priority.URGENT).order(order_id)
        )
    except (VtexError, KeyError) as error:
        # Whoever comes behind it must not wait for one old order.
        raise RequestInvalid(
            messages.DOCUMENT_PURGED(error=error), faults={"order_id": "its document was purged"}
        ) from error


def _bare(store: str, order_id: str, reference: str | None, note: Nfe) -> RequestDraft:
    """Return an NF-e without its items: enough to know one again whose order was purged."""
    content = {
        "invoice_number": note.invoice_number,
        "invoice_series": note.invoice_series,
        "invoice_key": note.invoice_key,
        "value_cents": note.value_cents,
        "issued_at": note.issued_at,
    }
    key = f"{note.type} {plain_number(note.invoice_number)}"
    return RequestDraft(store, order_id, Kind.INVOICE, key, content, reference=reference)


def _named(
    context: Context, store: str, order_id: str, asked: Payload, content: Mapping[str, Any]
) -> str:
    if not isinstance(asked, Denial):
        return _key(asked, content)
    # A shopper may ask twice, and be refused twice in the same words.
    pending = context.journal.cancel_requests.get(store, order_id)
    request_id = asked.request_id or (pending.request_id if pending else None)
    return f"{_digest(content)} {request_id or ''}".strip()


def _key(asked: Payload, content: Mapping[str, Any]) -> str:
    match asked:
        case Invoice():
            return f"{asked.type} {plain_number(asked.invoice_number)}"
        case Tracking():
            return f"{plain_number(asked.invoice_number)} {_digest(content)}"
        case _:
            return _digest(content)


def _invoice_number(asked: Payload) -> str | None:
    return plain_number(asked.invoice_number) if isinstance(asked, Invoice | Tracking) else None


def _digest(content: Mapping[str, Any]) -> str:
    text = json.dumps(content, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _name(fields: dict[str, Any], name: str) -> str:
    value = fields.pop(name, None)
    text = value.strip()[:LONGEST_ID] if isinstance(value, str) else ""
    # Also what is refused is kept, under a name that every database takes.
    return "".join(one if one.isprintable() else "\ufffd" for one in text)


def _require_names(given: Mapping[str, Any]) -> None:
    faults = {}
    for name in NAMES:
        value = given.get(name)
        if value is None or value == "":
            if name != "reference":
                faults[name] = "Missing data for required field."
        elif not isinstance(value, str):
            faults[name] = "is not text"
        elif len(value.strip()) > LONGEST_ID:
            faults[name] = f"is longer than {LONGEST_ID} characters"
        elif not value.strip().isprintable() or set(value.strip()) <= {"."}:
            faults[name] = "holds characters that no name has"
    if faults:
        words = "; ".join(f"{name}: {text}" for name, text in faults.items())
        raise RequestInvalid(messages.UNUSABLE(kind="request", faults=words), faults=faults)


def _kept(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return a refused request as JSON that the journal can hold; what is cut says so."""
    kept: dict[str, Any] = {}
    left = MOST_KEPT
    for name, value in islice(given.items(), MOST_FIELDS):
        text = "" if is_deep([value]) else json.dumps(value, ensure_ascii=False, default=repr)
        left -= len(text)
        cut = f"cut: {len(text)} characters" if text else "cut: nested too deeply"
        kept[str(name)[:LONGEST_ID]] = json.loads(text) if text and left >= 0 else cut
    if len(given) > MOST_FIELDS:
        kept["cut"] = f"{len(given) - MOST_FIELDS} more fields"
    return kept


def _refuse(journal: Journal, ask: RequestDraft, reason: str, *, again: bool) -> None:
    if journal.requests.refuse(ask, reason, again=again):
        log_events.REQUEST_REFUSED.log(
            log, store=ask.store, order_id=ask.order_id, task=ask.kind, reason=reason
        )


def _contradiction(new: Mapping[str, Any], known: Mapping[str, Any], *, purged: bool) -> str:
    shown = [
        f"{name}: {_difference(name, known.get(name), new.get(name))}"
        for name in sorted({*known} if purged else {*new, *known})
        if new.get(name) != known.get(name)
    ]
    return messages.CONTRADICTS(differences="; ".join(shown) or "in a part that was purged since")


def _difference(name: str, then: Any, now: Any) -> str:
    """Return both values, where they are of those that name nobody."""
    words = [_short(_harmless(value)) for value in (then, now)]
    if name not in {*request_schemas.HARMLESS, "items"} or words[0] == words[1]:
        return "another"
    return f"{words[0]} then, {words[1]} now"


def _harmless(value: Any) -> Any:
    if not isinstance(value, list):
        return value
    return [{name: one[name] for name in one if name in request_schemas.HARMLESS} for one in value]


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    shown = "".join(one if one.isprintable() else "\ufffd" for one in text[:120])
    return shown if len(text) <= 120 else f"{shown}…"
