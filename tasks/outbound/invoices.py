"""Invoices: send a nota fiscal to VTEX, whole or partial, for a sale or a return.

VTEX is checked before and after.
"""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from celery import shared_task

from foundation.messages import requests as messages
from journal.jobs.leased_job import LeasedJob
from journal.model import Stage
from journal.order_changes import ChangeHint
from tasks.base import RequestTask, StepTask
from tasks.order_changes.detection import differs
from tasks.outbound import request_intake
from tasks.outbound.invoice_requests import numbering
from tasks.outbound.request_schemas import reread
from vtex.operations import invoice as invoice_operation
from vtex.payloads import Invoice, plain_number


@shared_task(base=RequestTask, bind=True, name="invoices.send")
def send(self: RequestTask, /, **arguments: Any) -> None:
    """Take an invoice of the ERP. Public API: docs/messages.md."""
    request_intake.take(self.context, "invoice", arguments, again=not self.redelivered)


@shared_task(base=StepTask, bind=True, name="invoices.post")
def post(
    self: StepTask, /, *, store: str, order_id: str, attempt: int, job: int, **_: object
) -> None:
    """Send an invoice to VTEX, unless VTEX has it.

    Source: ``POST /api/oms/pvt/orders/{orderId}/invoice``.

    Args:
        job: number of the job that holds the invoice.
    """
    with self.step(store, order_id, attempt, to=Stage.SENT, job=job) as owned:
        invoice = invoice_of(owned)
        sent = invoice_operation.send(
            self.vtex_of(owned),
            order_id,
            invoice,
            numbering=numbering(self.journal, store, order_id, invoice.invoice_number, of=owned),
            seen=partial(hint_at_changes, self, owned),
            change_patience=None if owned.ignores_change else self.context.retries.change_patience,
            tolerance_cents=self.context.invoice_tolerance_cents,
        )
        owned.result |= {"order_status": sent.order_status, "sent_as": sent.number}
        if sent.receipt:
            owned.result["receipt"] = sent.receipt
        note_cents(owned, invoice, sent)
        if sent.found:
            owned.note(messages.KNOWN_AT_VTEX())
        elif owned.ignores_change:
            owned.note(messages.SENT_UNCHECKED())


@shared_task(base=StepTask, bind=True, name="invoices.confirm")
def confirm(
    self: StepTask, /, *, store: str, order_id: str, attempt: int, job: int, **_: object
) -> None:
    """Check that VTEX shows the invoice. Arguments as in ``invoices.post``."""
    with self.step(store, order_id, attempt, to=Stage.CONFIRMED, job=job) as owned:
        invoice = invoice_of(owned)
        plain = plain_number(invoice.invoice_number)
        number = owned.result.get("sent_as", plain)
        owned.result["seen_as"] = invoice_operation.confirm(
            self.vtex(store), order_id, invoice, number=number, polls=owned.failures
        )
        name = "" if number == plain else f" as {number!r}"
        status = owned.result["order_status"]
        if open_cents := owned.result.get("open_cents"):
            text = messages.SHOWN_WITH_CENTS_OPEN
            owned.explain(text(name=name, status=status, open_cents=open_cents))
        else:
            owned.explain(messages.SHOWN_AT_VTEX(name=name, status=status))


def note_cents(job: LeasedJob, invoice: Invoice, sent: invoice_operation.Sent) -> None:
    """Write into the timeline that cents of the order stay open, or that others were sent."""
    if sent.value_cents not in (None, invoice.value_cents):
        job.note(
            messages.OPEN_VALUE_SENT(nota_cents=invoice.value_cents, sent_cents=sent.value_cents)
        )
    if sent.open_cents:
        job.result["open_cents"] = sent.open_cents
        job.note(messages.CENTS_OPEN(open_cents=sent.open_cents))


def hint_at_changes(task: StepTask, job: LeasedJob, raw: Mapping[str, Any]) -> None:
    """Record a hint if the order may differ from the order that the ERP was given.

    It is recorded even if VTEX refuses the invoice: the change explains the refusal to the ERP.
    """
    if differs(job.order, raw):
        key = f"value {raw.get('value')} invoice {job.row['id']}"[:128]
        task.journal.order_changes.record(
            job.store, [ChangeHint(job.order_id, key, "by its invoice")]
        )


def invoice_of(job: LeasedJob) -> Invoice:
    """Return the invoice of a job, with the NF-e to embed."""
    content = dict(job.request_body)
    xml: str | None = content.pop("xml", None)
    return replace(reread(Invoice, content), xml=xml)
