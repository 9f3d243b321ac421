"""Cancellations: ask VTEX to cancel an order while its status allows it, then check the result."""

from typing import Any

from celery import shared_task

from journal.model import Stage
from tasks.base import RequestTask, StepTask
from tasks.outbound import request_intake
from tasks.outbound.request_schemas import reread
from vtex.operations import cancellation as cancellation_operation
from vtex.payloads import Cancellation


@shared_task(base=RequestTask, bind=True, name="cancellations.request")
def request(self: RequestTask, /, **arguments: Any) -> None:
    """Take a cancellation of the ERP. Public API: docs/messages.md."""
    request_intake.take(self.context, "cancellation", arguments, again=not self.redelivered)


@shared_task(base=StepTask, bind=True, name="cancellations.post")
def post(
    self: StepTask, /, *, store: str, order_id: str, attempt: int, job: int, **_: object
) -> None:
    """Ask VTEX to cancel an order, unless it is canceled or being canceled.

    Source: ``POST /api/oms/pvt/orders/{orderId}/cancel``. Arguments as in ``invoices.post``.
    """
    with self.step(store, order_id, attempt, to=Stage.SENT, job=job) as owned:
        progress = cancellation_operation.request(
            self.vtex_of(owned), order_id, reread(Cancellation, owned.request_body)
        )
        owned.result |= {"words": progress.words, "order_status": progress.status}
        if progress.receipt:
            owned.result["receipt"] = progress.receipt


@shared_task(base=StepTask, bind=True, name="cancellations.confirm")
def confirm(
    self: StepTask, /, *, store: str, order_id: str, attempt: int, job: int, **_: object
) -> None:
    """Check the result of the cancellation. Arguments as in ``invoices.post``."""
    with self.step(store, order_id, attempt, to=Stage.CONFIRMED, job=job) as owned:
        progress = cancellation_operation.follow(
            self.vtex_of(owned),
            order_id,
            reread(Cancellation, owned.request_body),
            polls=owned.failures,
        )
        owned.result["order_status"] = progress.status
        words = owned.result.get("words")
        owned.explain(words if words == "already canceled" else progress.words)
        owned.close_others("the order was canceled")
