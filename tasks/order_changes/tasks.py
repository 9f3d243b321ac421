"""What changes at VTEX after an order came in: read anew, then told to the ERP, once a change."""

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

LOOK_AGAIN = timedelta(minutes=5)
"""VTEX's list shows a new order after about four."""


@shared_task(base=StepTask, bind=True, name="changes.read")
def read(
    self: StepTask, /, *, store: str, order_id: str, attempt: int, job: int, **_: object
) -> None:
    """Read an order of which something was heard, and keep what the ERP is to be told.

    Source: ``GET /api/oms/pvt/orders/{orderId}``.

    Args:
        job: number of the job.
    """
    with self.step(store, order_id, attempt, to=Stage.READ, job=job) as owned:
        found = _found(self, owned)
        if found.comes_in:
            self.journal.jobs.retry(store, order_id)
        if found.told:
            owned.request_body = {"events": found.told}
            owned.explain(found.words)
        else:
            owned.skip(found.words)
        if found.closes:
            owned.close_others(found.closes)


@shared_task(base=StepTask, bind=True, name="changes.report")
def report(
    self: StepTask, /, *, store: str, order_id: str, attempt: int, job: int, **_: object
) -> None:
    """Tell the ERP what was found; told twice, it is one row there. Arguments as above."""
    with self.step(store, order_id, attempt, to=Stage.REPORTED, calls_vtex=False, job=job) as owned:
        kinds = [_tell(self, owned, kept) for kept in owned.request_body.get("events", ())]
        owned.explain(", ".join(kinds))
    log.info(
        "outcome reported", extra={"store": store, "order_id": order_id, "reason": ", ".join(kinds)}
    )


def _found(task: StepTask, job: LeasedJob) -> detection.DetectedChange:
    row = task.journal.orders.get(job.store, job.order_id)
    in_erp = job.erp_reference is not None
    if not in_erp and (row is None or row.state is not State.SKIPPED):
        return detection.DetectedChange("the ERP does not have the order")
    client = task.vtex(job.store)
    raw = client.order(job.order_id)
    if not in_erp:
        # Skipped because of a request to cancel that is off by now: it comes in as any other.
        ready = schemas.read_order(raw).status == statuses.READY
        words = "its intake tries again" if ready else "the ERP does not have the order"
        return detection.DetectedChange(words, comes_in=ready)
    found = detection.look(task.journal, client, job, raw)
    if found.is_newer:
        # Assigned last: a document that is kept without being told of would hide the difference.
        job.order = raw
        job.revalue(schemas.read_order(raw).value_cents)
    return found


def _tell(task: StepTask, job: LeasedJob, kept: dict[str, object]) -> str:
    event = detection.event_of(job, kept)
    task.erp.report(event)
    if (request := detection.request_of(job, event)) is not None:
        task.journal.cancel_requests.save(request)
    elif event.kind == "cancel_dropped":
        task.journal.cancel_requests.forget(job.store, job.order_id)
    elif event.kind == "replaced" and job.row["key"] != detection.LINK:
        _look_again(task, job, event.new_order_id)
    return event.kind


def _look_again(task: StepTask, job: LeasedJob, new: str | None) -> None:
    """Look later for the order that took a replaced one's place, or whether the ERP has it."""
    row = task.journal.orders.get(job.store, new) if new else None
    if row is None or row.erp_reference is None:
        key = detection.LINK if new else detection.SUCCESSOR
        again = ChangeHint(job.order_id, key, "which order took its place", LOOK_AGAIN)
        task.journal.order_changes.record(job.store, [again])
