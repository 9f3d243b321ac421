"""What of an order at VTEX the ERP does not know yet: found out by reading the order, never by what
a feed or a list said.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from erp import mapping, order_diff
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
"""Key of the job that looks for the order which took another one's place."""

LINK = "link"
"""Key of the job that tells of a replaced order once more: the new one may have come in at the very
moment at which it was told."""

LOOK_FOR = timedelta(hours=1)
"""How long it is looked for: VTEX's list lags by minutes."""

CANCELING = timedelta(days=1)
"""How long an order may be on its way to canceled before a person has to look."""


@dataclass(slots=True)
class DetectedChange:
    """What a look at an order brought.

    Attributes:
        told: what the ERP is to be told, as JSON; none: there is nothing to do.
        words: for the timeline, without personal data.
        closes: why the order's waiting requests have become obsolete.
        is_newer: VTEX's document takes the place of the journal's.
        comes_in: the order's intake is to try again.
    """

    words: str
    told: list[dict[str, Any]] = field(default_factory=list)
    closes: str | None = None
    is_newer: bool = False
    comes_in: bool = False


def heard(events: Iterable[FeedEvent]) -> list[ChangeHint]:
    """Return what events of a feed hint at: each its own job, however often it is delivered."""
    return [
        ChangeHint(
            one.order_id,
            # Either may be as long as it likes, and the journal's key is not.
            f"{one.state} {one.changed_at.isoformat() if one.changed_at else one.event_id}"[:128],
            f"{one.state}, by the feed",
        )
        for one in events
        if one.state in statuses.CHANGES or (one.state and one.before in statuses.ASIDE)
    ]


def differs(kept: Mapping[str, Any] | None, read: Mapping[str, Any]) -> bool:
    """Say at a glance whether an order may be another than the one that is kept.

    No more than a hint: of documents that a step has at hand anyway, without reading them.
    """
    if kept is None or (read.get("packageAttachment") or {}).get("packages"):
        return False  # once there is an invoice, the value follows it
    return bool(_glance(kept) != _glance(read))


def look(
    journal: Journal, client: VtexClient, job: LeasedJob, raw: Mapping[str, Any]
) -> DetectedChange:
    """Compare an order that the ERP has with what the ERP knows of it.

    Raises:
        NotYet: VTEX is about to change it.
        DocumentInvalid: it cannot be read.
    """
    order = schemas.read_order(raw)
    if order.status == "canceled":
        return _canceled(journal, job, order)
    if order.status == "replaced":
        return _replaced(client, job, order, journal.now())
    if order.status in ("cancel", statuses.DENIED):
        raise NotYet.within(CANCELING, messages.STATUS_TRANSIENT(status=order.status))
    pending = journal.cancel_requests.get(job.store, job.order_id)
    if order.status in statuses.UNDECIDED:
        return _asked(journal, job, order, pending, asked(raw))
    news = _amended(client, job, order)
    if pending is not None:
        words = f"VTEX shows the order as {order.status!r}: the request to cancel it is off"
        news.told.insert(0, _told(job, order, "cancel_dropped", reason=words))
        news.words = words if len(news.told) == 1 else f"{words}; {news.words}"
    row = journal.orders.get(job.store, job.order_id)
    if order.status == statuses.READY and row is not None and row.state is State.SKIPPED:
        news.comes_in = row.stage is Stage.INSERTED
    return news


def event_of(job: LeasedJob, kept: Mapping[str, Any]) -> Event:
    """Return what the ERP is told, as it was found out."""
    one, amended = dict(kept), kept.get("order_diff")
    decide_by = one.get("decide_by")
    return Event(
        store=job.store,
        order_id=job.order_id,
        kind=one["kind"],
        key=one["key"],
        at=datetime.fromisoformat(one["at"]),
        reason=one.get("reason"),
        order_status=one.get("order_status"),
        request_id=one.get("request_id"),
        requested_by_user=one.get("requested_by_user"),
        decide_by=datetime.fromisoformat(decide_by) if decide_by else None,
        new_order_id=one.get("new_order_id"),
        order_diff=order_diff.from_json(amended) if amended else None,
    )


def request_of(job: LeasedJob, event: Event) -> CancelRequest | None:
    """Return the request to cancel that an event tells of; None where it tells of none."""
    if event.kind != "cancel_requested" or event.decide_by is None:
        return None
    return CancelRequest(job.store, job.order_id, event.request_id, event.at, event.decide_by)


def _glance(raw: Mapping[str, Any]) -> Any:
    items = raw.get("items")
    lines = [
        (one.get("uniqueId"), one.get("id"), one.get("quantity"), one.get("sellingPrice"))
        for one in (items if isinstance(items, list) else ())
        if isinstance(one, Mapping)
    ]
    return raw.get("value"), lines


def _canceled(journal: Journal, job: LeasedJob, order: Order) -> DetectedChange:
    if journal.order_changes.own_cancellation(job.store, job.order_id) in (State.OPEN, State.DONE):
        return DetectedChange("canceled, as the ERP asked")
    reason = order.cancel_reason or f"VTEX shows the order as {order.status!r}"
    told = _told(job, order, "canceled", key="canceled", reason=reason)
    words = "canceled at VTEX"
    return DetectedChange(words, [told], closes=f"the order was {words}", is_newer=True)


def _replaced(client: VtexClient, job: LeasedJob, order: Order, now: datetime) -> DetectedChange:
    found = successor(client, order)
    again = job.row["key"] == SUCCESSOR
    if found is None and job.row["key"] == LINK:
        return DetectedChange("VTEX's list does not show any more which order took its place")
    if found is None and again:
        if now - job.row["created_at"] > LOOK_FOR:
            return DetectedChange("VTEX's list shows no order that took its place")
        raise NotYet(messages.SUCCESSOR_HIDDEN())
    words = "replaced at VTEX" + (f" by {found}" if found else "")
    key = f"replaced-{job.row['id']}" if again else "replaced"
    told = _told(job, order, "replaced", key=key, reason=words, new_order_id=found)
    return DetectedChange(words, [told], closes=f"the order was {words}", is_newer=True)


def _asked(
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
    told = _told(
        job,
        order,
        "cancel_requested",
        reason=request.reason,
        at=at,
        request_id=request.request_id,
        requested_by_user=request.by_user,
        decide_by=until.isoformat(),
    )
    return DetectedChange(f"a cancellation is asked for, to be decided by {until:%Y-%m-%d}", [told])


def _amended(client: VtexClient, job: LeasedJob, order: Order) -> DetectedChange:
    found = _difference(job, order)
    if found is None:
        return DetectedChange("nothing that the ERP does not know")
    if order.has_packages and not found.items:
        # What was weighed is invoiced as it weighs, and VTEX's value follows the invoices.
        return DetectedChange("its value follows its invoices", is_newer=True)
    if client.change_under_way(order.order_id):
        raise NotYet(messages.CHANGE_UNDER_WAY())
    was = "?" if found.before is None else f"{found.before.total}"
    words = f"{len(found.items)} items changed, total {was} then, {found.after.total} now"
    told = _told(job, order, "changed", order_diff=order_diff.as_json(found))
    return DetectedChange(words, [told], is_newer=True)


def _difference(job: LeasedJob, order: Order) -> order_diff.OrderDiff | None:
    transactions = [
        schemas.read_transaction(one) for one in (job.payment or {}).get("transactions", [])
    ]
    now, then = (
        mapping.to_sales_order(
            job.store, one, transactions, raw_payment=job.payment, allow_mismatch=True
        )
        if one is not None
        else None
        for one in (order, schemas.read_order(job.order) if job.order else None)
    )
    assert now is not None  # noqa: S101  # it is mapped, or refused
    if then is not None:
        return order_diff.difference(then, now)
    if job.value_cents == order.value_cents:
        return None
    # What the ERP was given was purged: the order is old, and only what it is worth is known.
    return order_diff.OrderDiff((), None, order_diff.totals(now))


def _told(
    job: LeasedJob,
    order: Order,
    kind: str,
    *,
    key: str | None = None,
    at: datetime | None = None,
    **more: Any,
) -> dict[str, Any]:
    moment = at or order.changed_at or order.created_at
    named = {"kind": kind, "key": key or f"{kind}-{job.row['id']}", "at": moment.isoformat()}
    return named | {"order_status": order.status} | more
