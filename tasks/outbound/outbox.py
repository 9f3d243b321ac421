"""The exchange with the ERP: take requests from its outbox, and report their outcomes."""

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
    """Report outcomes to the ERP at least once, in their sequence within each order."""
    with self.context.lock("outcomes.report") as renew:
        while renew is not None and (outcomes := self.journal.outcomes.due(BATCH)):
            for outcome in outcomes:
                renew()
                _report(self, outcome)


def _report(task: StoreTask, outcome: Outcome) -> None:
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
    """Return the event that reports an outcome to the ERP."""
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
        invoice_series=outcome.invoice_series,
        receipt=outcome.result.get("receipt"),
        order_status=outcome.result.get("order_status"),
        attempts=outcome.attempt,
    )


@shared_task(base=StoreTask, bind=True, name="outbox.relay")
def relay(self: StoreTask, /, **_: object) -> None:
    """Take the rows of the ERP's outbox. Beat calls this every few seconds."""
    context = self.context

    def take(request: Request) -> None:
        arguments = {**request.fields, "reference": request.reference}
        try:
            request_intake.record(context, request.kind, arguments, xml=request.xml, again=True)
        except RequestRefused:
            # The journal keeps the refusal and reports it, so that the row counts as taken.
            return

    taken = context.erp.poll_outbox(take, BATCH)
    if taken:
        log.info("taken from the ERP's outbox", extra={"count": taken})
        dispatch(context)
