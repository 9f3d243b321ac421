"""To and from the ERP: what waits in its outbox, and how its requests ended."""

from __future__ import annotations

import logging

from celery import shared_task

from erp.port import ErpRejected, ErpUnavailable, Event, Request
from foundation.messages import log_events
from journal.outcomes import Outcome
from tasks.base import StoreTask
from tasks.errors import RequestRefused
from tasks.outbound import request_intake
from tasks.workflow import dispatch
from vtex.payloads import written_number

log = logging.getLogger(__name__)

BATCH = 200


@shared_task(base=StoreTask, bind=True, name="outcomes.report")
def report(self: StoreTask, /, **_: object) -> None:
    """Tell the ERP how its requests ended: at least once, in order within an order."""
    with self.context.lock("outcomes.report") as renew:
        while renew is not None and (found := self.journal.outcomes.due(BATCH)):
            for outcome in found:
                renew()
                _tell(self, outcome)


def _tell(task: StoreTask, outcome: Outcome) -> None:
    wait = task.context.retries.backoff_seconds(outcome.failures + 1)
    try:
        task.erp.report(event(outcome))
    except ErpUnavailable:
        task.journal.outcomes.postpone(outcome, wait)
        raise
    except ErpRejected as error:
        log_events.REPORT_REFUSED.log(
            log, store=outcome.store, order_id=outcome.order_id, reason=str(error)
        )
        task.journal.outcomes.postpone(outcome, wait)
        return
    task.journal.outcomes.mark_reported(outcome)


def event(outcome: Outcome) -> Event:
    """Return an outcome as the ERP is told of it."""
    return Event(
        store=outcome.store,
        order_id=outcome.order_id,
        kind=outcome.kind,
        key=outcome.key,
        at=outcome.at,
        reason=outcome.reason,
        outcome=outcome.outcome,
        reference=outcome.reference,
        invoice_number=written_number(outcome.invoice_number) if outcome.invoice_number else None,
        receipt=outcome.result.get("receipt"),
        order_status=outcome.result.get("order_status"),
        attempts=outcome.attempt,
    )


@shared_task(base=StoreTask, bind=True, name="outbox.relay")
def relay(self: StoreTask, /, **_: object) -> None:
    """Take what waits in the ERP's outbox; beat calls this every few seconds."""
    context = self.context

    def take(request: Request) -> None:
        given = {**request.fields, "reference": request.reference}
        try:
            request_intake.record(context, request.kind, given, xml=request.xml, again=True)
        except RequestRefused:
            # It is kept, and the ERP will be told: the row is taken all the same.
            return

    taken = context.erp.poll_outbox(take, BATCH)
    if taken:
        log.info("taken from the ERP's outbox", extra={"count": taken})
        dispatch(context)
