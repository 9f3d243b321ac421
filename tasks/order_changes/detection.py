"""Detection of changes: compares an order at VTEX with the order that the ERP was given.

The feed and the list only hint at a change. The order's document decides.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from erp import order_diff
from erp.mapping.sales_orders import LENIENT, to_sales_order
from erp.port import Event
from foundation.messages import requests as messages
from journal.cancel_requests import CancelRequest
from journal.jobs.leased_job import LeasedJob
from journal.journal import Journal
from journal.model import Stage, State
from journal.order_changes import ChangeHint
from vtex import schemas, statuses
from vtex.client import VtexClient
from vtex.documents import FeedEvent, Order
from vtex.errors import NotYet
from vtex.operations.replacement_lookup import successor
from vtex.schemas.cancel_requests import DECIDE_WITHIN, Asked, asked

SUCCESSOR = "successor"
"""Key of the job that searches for the new order of a replaced order."""

LINK = "link"
"""Key of the job that reports a replaced order once more. The new order may have come in while the
first report was made."""

SUCCESSOR_PATIENCE = timedelta(hours=1)
"""Time of the search for the new order, since VTEX's list lags by minutes."""

CANCELING_PATIENCE = timedelta(days=1)
"""Time that an order may take to become canceled before a person must act."""


@dataclass(slots=True)
class DetectedChange:
    """The result of reading an order.

    Attributes:
        summary: line for the timeline, without personal data.
        events: events for the ERP, as JSON. An empty list ends the job.
        closes: reason that makes the order's waiting requests obsolete.
        is_newer: true if VTEX's document replaces the journal's.
        comes_in: true to retry the order's intake.
    """

    summary: str
    events: list[dict[str, Any]] = field(default_factory=list)
    closes: str | None = None
    is_newer: bool = False
    comes_in: bool = False


def change_hints(events: Iterable[FeedEvent]) -> list[ChangeHint]:
    """Return a hint for each event that may be a change. A repeated event makes the same job."""
    return [
        ChangeHint(
            event.order_id,
            # VTEX's values have no bound, and the journal's key has one.
            f"{event.state} {event.changed_at.isoformat() if event.changed_at else event.event_id}"[
                :128
            ],
            f"{event.state}, by the feed",
        )
        for event in events
        if event.state in statuses.CHANGES or (event.state and event.before in statuses.ASIDE)
    ]


def differs(kept: Mapping[str, Any] | None, read: Mapping[str, Any]) -> bool:
    """Return whether an order may differ from the kept document.

    The result is only a hint, from raw documents that a step has anyway.
    """
    if kept is None or (read.get("packageAttachment") or {}).get("packages"):
        return False  # after an invoice, the order's value follows the invoice
    return bool(_comparable(kept) != _comparable(read))


def detect(
    journal: Journal,
    client: VtexClient,
    job: LeasedJob,
    raw: Mapping[str, Any],
    *,
    change_patience: timedelta,
) -> DetectedChange:
    """Compare an order at VTEX with the order that the ERP has.

    Args:
        change_patience: longest wait for the end of a change. The ERP then gets the order as VTEX
            shows it.

    Raises:
        NotYet: VTEX is about to change the order.
        DocumentInvalid: the order cannot be read.
    """
    order = schemas.read_order(raw)
    if order.status == "canceled":
        return _canceled(journal, job, order)
    if order.status == "replaced":
        return _replaced(client, job, order, journal.now())
    if order.status in ("cancel", statuses.DENIED):
        raise NotYet.within(CANCELING_PATIENCE, messages.STATUS_TRANSIENT(status=order.status))
    pending = journal.cancel_requests.get(job.store, job.order_id)
    if order.status in statuses.UNDECIDED:
        return _cancel_requested(journal, job, order, pending, asked(raw))
    change = _changed(journal, client, job, order, change_patience)
    if pending is not None:
        reason = f"VTEX shows the order as {order.status!r}: the request to cancel it is off"
        change.events.insert(0, _event(job, order, "cancel_dropped", reason=reason))
        only = len(change.events) == 1
        change.summary = reason if only else f"{reason}; {change.summary}"
    row = journal.orders.get(job.store, job.order_id)
    if order.status == statuses.READY and row is not None and row.state is State.SKIPPED:
        change.comes_in = row.stage is Stage.INSERTED
    return change


def event_of(job: LeasedJob, kept: Mapping[str, Any]) -> Event:
    """Return an event for the ERP from its kept JSON."""
    diff = kept.get("order_diff")
    decide_by = kept.get("decide_by")
    return Event(
        store=job.store,
        order_id=job.order_id,
        kind=kept["kind"],
        key=kept["key"],
        at=datetime.fromisoformat(kept["at"]),
        reason=kept.get("reason"),
        order_status=kept.get("order_status"),
        request_id=kept.get("request_id"),
        requested_by_user=kept.get("requested_by_user"),
        decide_by=datetime.fromisoformat(decide_by) if decide_by else None,
        new_order_id=kept.get("new_order_id"),
        order_diff=order_diff.from_json(diff) if diff else None,
    )


def request_of(job: LeasedJob, event: Event) -> CancelRequest | None:
    """Return the request to cancel in an event, if the event is of that kind."""
    if event.kind != "cancel_requested" or event.decide_by is None:
        return None
    return CancelRequest(job.store, job.order_id, event.request_id, event.at, event.decide_by)


def _comparable(raw: Mapping[str, Any]) -> Any:
    """Return the value, the lines and the changes, which may leave the lines as they were."""
    items = raw.get("items")
    lines = [
        (item.get("uniqueId"), item.get("id"), item.get("quantity"), item.get("sellingPrice"))
        for item in (items if isinstance(items, list) else ())
        if isinstance(item, Mapping)
    ]
    attachment = raw.get("changesAttachment")
    changes = attachment.get("changesData") if isinstance(attachment, Mapping) else None
    return raw.get("value"), lines, changes or []


def _canceled(journal: Journal, job: LeasedJob, order: Order) -> DetectedChange:
    if journal.order_changes.own_cancellation(job.store, job.order_id) in (State.OPEN, State.DONE):
        return DetectedChange("canceled, as the ERP asked")
    reason = order.cancel_reason or f"VTEX shows the order as {order.status!r}"
    event = _event(job, order, "canceled", key="canceled", reason=reason)
    summary = "canceled at VTEX"
    return DetectedChange(summary, [event], closes=f"the order was {summary}", is_newer=True)


def _replaced(client: VtexClient, job: LeasedJob, order: Order, now: datetime) -> DetectedChange:
    new_order_id = successor(client, order)
    is_search = job.row["key"] == SUCCESSOR
    if new_order_id is None and job.row["key"] == LINK:
        return DetectedChange("VTEX's list does not show any more which order took its place")
    if new_order_id is None and is_search:
        if now - job.row["created_at"] > SUCCESSOR_PATIENCE:
            return DetectedChange("VTEX's list shows no order that took its place")
        raise NotYet(messages.SUCCESSOR_HIDDEN())
    summary = "replaced at VTEX" + (f" by {new_order_id}" if new_order_id else "")
    key = f"replaced-{job.row['id']}" if is_search else "replaced"
    event = _event(job, order, "replaced", key=key, reason=summary, new_order_id=new_order_id)
    return DetectedChange(summary, [event], closes=f"the order was {summary}", is_newer=True)


def _cancel_requested(
    journal: Journal,
    job: LeasedJob,
    order: Order,
    pending: CancelRequest | None,
    request: Asked | None,
) -> DetectedChange:
    if journal.order_changes.own_cancellation(job.store, job.order_id) is State.OPEN:
        return DetectedChange("the ERP itself asks for the cancellation")
    request = request or Asked()
    if pending is not None and request.request_id in (None, pending.request_id):
        return DetectedChange("the ERP knows of the request to cancel it")
    at = request.asked_at or order.changed_at or journal.now()
    until = at + DECIDE_WITHIN
    event = _event(
        job,
        order,
        "cancel_requested",
        reason=request.reason,
        at=at,
        request_id=request.request_id,
        requested_by_user=request.by_user,
        decide_by=until.isoformat(),
    )
    return DetectedChange(
        f"a cancellation is asked for, to be decided by {until:%Y-%m-%d}", [event]
    )


def _changed(
    journal: Journal, client: VtexClient, job: LeasedJob, order: Order, patience: timedelta
) -> DetectedChange:
    diff = _difference(job, order)
    if diff is None:
        return DetectedChange("nothing that the ERP does not know")
    if order.has_packages and not diff.items:
        # Weighed goods are invoiced by their weight, and VTEX's value follows the invoices.
        return DetectedChange("its value follows its invoices", is_newer=True)
    since = job.row["retried_at"] or job.row["created_at"]
    if journal.now() - since < patience and client.change_under_way(order.order_id):
        raise NotYet(messages.CHANGE_UNDER_WAY())
    was = "?" if diff.before is None else f"{diff.before.total}"
    summary = f"{len(diff.items)} items changed, total {was} then, {diff.after.total} now"
    event = _event(job, order, "changed", order_diff=order_diff.as_json(diff))
    return DetectedChange(summary, [event], is_newer=True)


def _difference(job: LeasedJob, order: Order) -> order_diff.OrderDiff | None:
    transactions = [
        schemas.read_transaction(transaction)
        for transaction in (job.payment or {}).get("transactions", [])
    ]
    now, then = (
        to_sales_order(job.store, document, transactions, raw_payment=job.payment, proof=LENIENT)
        if document is not None
        else None
        for document in (order, schemas.read_order(job.order) if job.order else None)
    )
    assert now is not None  # noqa: S101  # the mapping returned it, or raised
    if then is not None:
        return order_diff.difference(then, now)
    if job.value_cents == order.value_cents:
        return None
    # The old document was purged, so that only the value of the order is known.
    return order_diff.OrderDiff((), None, order_diff.totals(now))


def _event(
    job: LeasedJob,
    order: Order,
    kind: str,
    *,
    key: str | None = None,
    at: datetime | None = None,
    **fields: Any,
) -> dict[str, Any]:
    moment = at or order.changed_at or order.created_at
    event = {"kind": kind, "key": key or f"{kind}-{job.row['id']}", "at": moment.isoformat()}
    return event | {"order_status": order.status} | fields
