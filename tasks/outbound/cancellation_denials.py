"""Denials: send the ERP's denial of a request to cancel to VTEX once, then check the order."""

from typing import Any

from celery import shared_task

from foundation.messages import requests as messages
from journal.model import Stage, State
from tasks.base import RequestTask, StepTask
from tasks.outbound import request_intake
from tasks.outbound.request_schemas import reread
from vtex import statuses
from vtex.errors import Refused
from vtex.operations import cancellation_denial
from vtex.payloads import Denial


@shared_task(base=RequestTask, bind=True, name="cancellations.deny")
def request(self: RequestTask, /, **arguments: Any) -> None:
    """Take the ERP's denial of a request to cancel. Public API: docs/messages.md."""
    request_intake.take(self.context, "denial", arguments, again=not self.redelivered)


@shared_task(base=StepTask, bind=True, name="denials.post")
def post(
    self: StepTask, /, *, store: str, order_id: str, attempt: int, job: int, **_: object
) -> None:
    """Deny the open request to cancel an order, unless VTEX has the denial.

    Source: ``POST /api/orders/pvt/document/{orderId}/deny-cancellation-request``. Arguments as in
    ``invoices.post``.
    """
    with self.step(store, order_id, attempt, to=Stage.SENT, job=job) as owned:
        if self.journal.order_changes.own_cancellation(store, order_id) in (State.OPEN, State.DEAD):
            # A seller that denies its own request leaves the order stuck at VTEX for good.
            raise Refused(messages.OWN_CANCELLATION())
        denial = cancellation_denial.deny(
            self.vtex_of(owned), order_id, reread(Denial, owned.request_body)
        )
        owned.result |= {"words": denial.words, "order_status": denial.status}


@shared_task(base=StepTask, bind=True, name="denials.confirm")
def confirm(
    self: StepTask, /, *, store: str, order_id: str, attempt: int, job: int, **_: object
) -> None:
    """Check that the order continues at VTEX. Arguments as in ``invoices.post``."""
    with self.step(store, order_id, attempt, to=Stage.CONFIRMED, job=job) as owned:
        denial = cancellation_denial.follow(self.vtex_of(owned), order_id, polls=owned.failures)
        owned.result["order_status"] = denial.status
        owned.explain(str(owned.result.get("words", denial.words)))
        self.journal.cancel_requests.forget(store, order_id)
        row = self.journal.orders.get(store, order_id)
        if denial.status == statuses.READY and row is not None and row.state is State.SKIPPED:
            # The request to cancel came during the intake, which skipped the order.
            self.journal.jobs.retry(store, order_id)
