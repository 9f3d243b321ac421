"""The intake of the ERP's requests from every channel: check, record and dispatch them."""

import hashlib
import json
import logging
from collections.abc import Mapping
from dataclasses import asdict, replace
from itertools import islice
from typing import Any

from erp.nfe.belonging import NfeOfAnotherOrder
from erp.nfe.safe_xml import NfeError, text_of
from foundation.messages import log_events
from foundation.messages import requests as messages
from foundation.messages.message import error_text
from journal.jobs.dead_letters import general_reason
from journal.journal import Journal
from journal.model import Kind
from journal.requests import RequestDraft
from journal.storage.rows import without_empty
from tasks.context import Context
from tasks.errors import RequestInvalid, RequestRefused
from tasks.job_kinds import Payload
from tasks.outbound import invoice_requests, notas, request_schemas
from tasks.outbound.request_schemas import NAMES
from tasks.workflow import dispatch
from vtex.errors import DocumentInvalid
from vtex.payloads import Denial, Invoice, Tracking, plain_number
from vtex.transport.response_body import is_deep

log = logging.getLogger(__name__)

MAX_ID_LENGTH = 64
MAX_FIELDS = 100
MAX_KEPT = 2 * 1024 * 1024
"""Characters that are kept of a refused request. An NF-e has up to half a million."""


def take(
    context: Context,
    kind: str,
    arguments: Mapping[str, Any],
    *,
    xml: bytes | None = None,
    again: bool = False,
    ignores_change: bool = False,
) -> int:
    """Record a request and dispatch it. Return the number of its job.

    Args:
        kind: one of ``tasks.job_kinds.REQUEST_TASKS``.
        arguments: keyword arguments as the ERP wrote them (docs/messages.md).
        xml: an NF-e as it was received. It supplies the fields that ``arguments`` lacks.
        again: true if the ERP explicitly repeats a request, which retries a dead one.
        ignores_change: send the invoice although a change of the order may be under way.

    Raises:
        RequestRefused: the request breaks the contract, or contradicts an earlier request.
        ContractNewer: the request needs a later version of the contract.
        JournalUnavailable: the request was not recorded; repeat it.
    """
    job = record(context, kind, arguments, xml=xml, again=again, ignores_change=ignores_change)
    store, order_id = str(arguments["store"]).strip(), str(arguments["order_id"]).strip()
    dispatch(context, store=store, order_id=order_id)
    return job


def record(
    context: Context,
    kind: str,
    arguments: Mapping[str, Any],
    *,
    xml: bytes | None = None,
    again: bool = False,
    ignores_change: bool = False,
) -> int:
    """Record a request once. Return the number of its job. Raises as ``take``."""
    fields = dict(arguments)
    store, order_id = _name(fields, "store"), _name(fields, "order_id")
    reference = _name(fields, "reference") or None
    try:
        _require_names(arguments)
        if context.journal.observes(store):
            raise RequestInvalid(messages.STORE_OBSERVED(store=store), faults={})
        request_schemas.require_known(fields)
        if xml is not None:
            read = notas.fields_of_xml(
                context, (store, order_id, reference), xml, fields, again=again
            )
            if isinstance(read, int):
                return read
            fields = read
        payload = request_schemas.read(kind, fields, now=context.journal.now())
        key = None
        if isinstance(payload, Invoice):
            payload, key = invoice_requests.identified(context.journal, store, order_id, payload)
    except (RequestInvalid, NfeError, DocumentInvalid) as error:
        whole = _kept(dict(arguments) | ({"xml": xml.decode("latin-1")} if xml else {}))
        draft = RequestDraft(
            store, order_id, Kind(kind), f"refused {_digest(whole)}", whole, reference=reference
        )
        reason = error_text(error)
        _refuse(context.journal, draft, reason, again=again, logged=_logged(error, reason))
        raise RequestRefused(reason) from None
    content = without_empty(json.loads(json.dumps(asdict(payload))))
    if xml is not None and context.nfe.embed:
        content["xml"] = text_of(xml)
    number, series = _invoice_of(payload)
    draft = RequestDraft(
        store,
        order_id,
        Kind(kind),
        key or _idempotency_key(context, store, order_id, payload, content),
        content,
        invoice_number=number,
        invoice_series=series,
        reference=reference,
        ignores_change=ignores_change,
    )
    return _submit(context.journal, draft, again=again)


def _submit(journal: Journal, draft: RequestDraft, *, again: bool) -> int:
    submitted = journal.requests.submit(draft, again=again)
    if submitted.request_body is not None:
        content = draft.request_body
        reason = _contradiction(content, submitted.request_body, purged=submitted.purged)
        other = replace(draft, key=f"{draft.key} {_digest(content)}")
        _refuse(journal, other, reason, again=again)
        raise RequestRefused(reason)
    if submitted.new:
        names = {"store": draft.store, "order_id": draft.order_id, "task": str(draft.kind)}
        log.info("request taken", extra=names)
    return submitted.job


def _idempotency_key(
    context: Context, store: str, order_id: str, payload: Payload, content: Mapping[str, Any]
) -> str:
    if not isinstance(payload, Denial):
        return _key(payload, content)
    # A shopper may request twice, and the ERP may deny twice with the same text.
    pending = context.journal.cancel_requests.get(store, order_id)
    request_id = payload.request_id or (pending.request_id if pending else None)
    return f"{_digest(content)} {request_id or ''}".strip()


def _key(payload: Payload, content: Mapping[str, Any]) -> str:
    digest = _digest(content)
    if isinstance(payload, Tracking):
        return f"{plain_number(payload.invoice_number)} {digest}"
    return digest


def _invoice_of(payload: Payload) -> tuple[str | None, str | None]:
    """Return plain number and series of the invoice that a request names."""
    if isinstance(payload, Invoice | Tracking):
        return plain_number(payload.invoice_number), payload.invoice_series
    return None, None


def _digest(content: Mapping[str, Any]) -> str:
    text = json.dumps(content, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _name(fields: dict[str, Any], name: str) -> str:
    value = fields.pop(name, None)
    text = value.strip()[:MAX_ID_LENGTH] if isinstance(value, str) else ""
    # Refused requests are kept as well, under a name that every database accepts.
    return "".join(char if char.isprintable() else "\ufffd" for char in text)


def _require_names(arguments: Mapping[str, Any]) -> None:
    faults: dict[str, str] = {}
    for name in NAMES:
        value = arguments.get(name)
        if value is None or value == "":
            if name != "reference":
                faults[name] = messages.NAME_MISSING()
        elif not isinstance(value, str):
            faults[name] = messages.NOT_TEXT()
        elif len(value.strip()) > MAX_ID_LENGTH:
            faults[name] = messages.TOO_LONG(longest=MAX_ID_LENGTH)
        elif not value.strip().isprintable() or set(value.strip()) <= {"."}:
            faults[name] = messages.NAME_UNPRINTABLE()
    if faults:
        listed = "; ".join(f"{name}: {text}" for name, text in faults.items())
        raise RequestInvalid(messages.UNUSABLE(kind="request", faults=listed), faults=faults)


def _kept(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return a refused request as JSON of bounded size. A cut value is replaced by a note."""
    kept: dict[str, Any] = {}
    left = MAX_KEPT
    for name, value in islice(arguments.items(), MAX_FIELDS):
        text = "" if is_deep([value]) else json.dumps(value, ensure_ascii=False, default=repr)
        left -= len(text)
        cut = f"cut: {len(text)} characters" if text else "cut: nested too deeply"
        kept[str(name)[:MAX_ID_LENGTH]] = json.loads(text) if text and left >= 0 else cut
    if len(arguments) > MAX_FIELDS:
        kept["cut"] = f"{len(arguments) - MAX_FIELDS} more fields"
    return kept


def _refuse(
    journal: Journal, draft: RequestDraft, reason: str, *, again: bool, logged: str | None = None
) -> None:
    if journal.requests.refuse(draft, reason, again=again):
        log_events.REQUEST_REFUSED.log(
            log,
            store=draft.store,
            order_id=draft.order_id,
            task=draft.kind,
            reason=logged or reason,
        )


def _logged(error: Exception, reason: str) -> str:
    """Return a reason for logs, which do not show persons' documents, even masked."""
    return general_reason(reason) if isinstance(error, NfeOfAnotherOrder) else reason


def _contradiction(new: Mapping[str, Any], known: Mapping[str, Any], *, purged: bool) -> str:
    differences = [
        f"{name}: {_difference(name, known.get(name), new.get(name))}"
        for name in sorted({*known} if purged else {*new, *known})
        if new.get(name) != known.get(name)
    ]
    return messages.CONTRADICTS(
        differences="; ".join(differences) or "in a part that was purged since"
    )


def _difference(name: str, then: Any, now: Any) -> str:
    """Return both values of a field, if the field holds no personal data."""
    texts = [_short(_harmless(value)) for value in (then, now)]
    if name not in {*request_schemas.HARMLESS, "items"} or texts[0] == texts[1]:
        return "another"
    return f"{texts[0]} then, {texts[1]} now"


def _harmless(value: Any) -> Any:
    if not isinstance(value, list):
        return value
    return [{name: row[name] for name in row if name in request_schemas.HARMLESS} for row in value]


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    shown = "".join(char if char.isprintable() else "\ufffd" for char in text[:120])
    return shown if len(text) <= 120 else f"{shown}…"
