"""The steps of a change job: read the order at VTEX again, then report its changes to the ERP."""

from __future__ import annotations

import logging
from datetime import timedelta

from celery import shared_task

from journal.jobs.leased_job import LeasedJob
from journal.model import Stage, State
from journal.order_changes import ChangeHint
from tasks.base import StepTask
from tasks.order_changes import detection
from vtex import schemas, statuses

log = logging.getLogger(__name__)

SEARCH_DELAY = timedelta(minutes=5)
"""Wait before the search for a new order. VTEX's list shows it after about four minutes."""


@shared_task(base=StepTask, bind=True, name="changes.read")
def read(
    self: StepTask, /, *, store: str, order_id: str, attempt: int, job: int, **_: object
) -> None:
    """Read an order that may have changed, and keep the events for the ERP.

    Source: ``GET /api/oms/pvt/orders/{orderId}``.

    Args:
        job: number of the job.
    """
    with self.step(store, order_id, attempt, to=Stage.READ, job=job) as owned:
        change = _detect(self, owned)
        if change.comes_in:
            self.journal.jobs.retry(store, order_id)
        if change.events:
            owned.request_body = {"events": change.events}
            owned.explain(change.summary)
        else:
            owned.skip(change.summary)
        if change.closes:
            owned.close_others(change.closes)


@shared_task(base=StepTask, bind=True, name="changes.report")
def report(
    self: StepTask, /, *, store: str, order_id: str, attempt: int, job: int, **_: object
) -> None:
    """Report the events to the ERP, which keeps one row of a repeated event.

    Arguments as in ``changes.read``.
    """
    with self.step(store, order_id, attempt, to=Stage.REPORTED, calls_vtex=False, job=job) as owned:
        kinds = [_report(self, owned, kept) for kept in owned.request_body.get("events", ())]
        owned.explain(", ".join(kinds))
    log.info(
        "outcome reported", extra={"store": store, "order_id": order_id, "reason": ", ".join(kinds)}
    )


def _detect(task: StepTask, job: LeasedJob) -> detection.DetectedChange:
    row = task.journal.orders.get(job.store, job.order_id)
    in_erp = job.erp_reference is not None
    if not in_erp and (row is None or row.state is not State.SKIPPED):
        return detection.DetectedChange("the ERP does not have the order")
    client = task.vtex(job.store)
    raw = client.order(job.order_id)
    if not in_erp:
        # The order was skipped for a request to cancel. If that is withdrawn, it comes in.
        ready = schemas.read_order(raw).status == statuses.READY
        summary = "its intake tries again" if ready else "the ERP does not have the order"
        return detection.DetectedChange(summary, comes_in=ready)
    patience = task.context.retries.change_patience
    change = detection.detect(task.journal, client, job, raw, change_patience=patience)
    if change.is_newer:
        # Assign the document last: without the report of its events, it would hide the change.
        job.order = raw
        job.revalue(schemas.read_order(raw).value_cents)
    return change


def _report(task: StepTask, job: LeasedJob, kept: dict[str, object]) -> str:
    event = detection.event_of(job, kept)
    task.erp.report(event)
    if (request := detection.request_of(job, event)) is not None:
        task.journal.cancel_requests.save(request)
    elif event.kind == "cancel_dropped":
        task.journal.cancel_requests.forget(job.store, job.order_id)
    elif event.kind == "replaced" and job.row["key"] != detection.LINK:
        _search_later(task, job, event.new_order_id)
    return event.kind


def _search_later(task: StepTask, job: LeasedJob, new: str | None) -> None:
    """Plan a later search for the new order of a replaced order, until the ERP has it."""
    row = task.journal.orders.get(job.store, new) if new else None
    if row is None or row.erp_reference is None:
        key = detection.LINK if new else detection.SUCCESSOR
        hint = ChangeHint(job.order_id, key, "which order took its place", SEARCH_DELAY)
        task.journal.order_changes.record(job.store, [hint])
