"""Tracking: send a parcel's number, events and delivery to VTEX, after its invoice."""

from typing import Any

from celery import shared_task

from foundation.messages import requests as messages
from journal.model import Stage
from tasks.base import RequestTask, StepTask
from tasks.outbound import request_intake
from tasks.outbound.invoice_requests import of_parcel
from tasks.outbound.request_schemas import reread
from vtex.operations import tracking
from vtex.payloads import Tracking


@shared_task(base=RequestTask, bind=True, name="tracking.send")
def send(self: RequestTask, /, **arguments: Any) -> None:
    """Take tracking of the ERP. Public API: docs/messages.md."""
    request_intake.take(self.context, "tracking", arguments, again=not self.redelivered)


@shared_task(base=StepTask, bind=True, name="tracking.post")
def post(
    self: StepTask, /, *, store: str, order_id: str, attempt: int, job: int, **_: object
) -> None:
    """Send the news of a parcel to VTEX.

    Sources: ``PATCH …/invoice/{invoiceNumber}``, ``PUT …/invoice/{invoiceNumber}/tracking``.
    Arguments as in ``invoices.post``.
    """
    with self.step(store, order_id, attempt, to=Stage.SENT, job=job) as owned:
        request = reread(Tracking, owned.request_body)
        receipt = tracking.send(
            self.vtex_of(owned),
            order_id,
            request,
            zone=self.context.zone(store),
            numbering=of_parcel(self.journal, store, order_id, request),
        )
        if receipt:
            owned.result["receipt"] = receipt
        else:
            owned.explain(messages.KNOWN_AT_VTEX())
