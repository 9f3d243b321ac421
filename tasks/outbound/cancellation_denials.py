"""Requests to cancel that the ERP denies: looked up, denied once, followed to their end."""

from __future__ import annotations

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
def request(self: RequestTask, /, **given: Any) -> None:
    """Take the ERP's word against a request to cancel; public API, see docs/messages.md."""
    request_intake.take(self.context, "denial", given, again=not self.redelivered)


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
            # VTEX's seller who denies what it asked for itself leaves the order stuck for good.
            raise Refused(messages.OWN_CANCELLATION())
        found = cancellation_denial.deny(
            self.vtex_of(owned), order_id, reread(Denial, owned.request_body)
        )
        owned.result |= {"words": found.words, "order_status": found.status}


@shared_task(base=StepTask, bind=True, name="denials.confirm")
def confirm(
    self: StepTask, /, *, store: str, order_id: str, attempt: int, job: int, **_: object
) -> None:
    """Look where the order goes on. Arguments as in ``invoices.post``."""
    with self.step(store, order_id, attempt, to=Stage.CONFIRMED, job=job) as owned:
        found = cancellation_denial.follow(self.vtex_of(owned), order_id, polls=owned.failures)
        owned.result["order_status"] = found.status
        owned.explain(str(owned.result.get("words", found.words)))
        self.journal.cancel_requests.forget(store, order_id)
        row = self.journal.orders.get(store, order_id)
        if found.status == statuses.READY and row is not None and row.state is State.SKIPPED:
            # It was on its way in when somebody asked for its cancellation.
            self.journal.jobs.retry(store, order_id)
