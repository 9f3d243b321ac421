"""Repairs of findings. Each repair may run twice, and some read the order at VTEX first."""

from __future__ import annotations

from dataclasses import dataclass, replace

from erp.port import ErpError
from foundation.messages import journal as messages
from journal.model import RequestPurged
from journal.orders import NewOrder
from journal.reconciliation import CANCELLATION_REPORTED
from tasks.context import Context
from tasks.intake.orders import canceled_event
from tasks.reconciliation.compare import KIND_TEXTS, Finding, Fix
from vtex import schemas, statuses
from vtex.errors import DocumentInvalid, OrderNotFound
from vtex.operations import start_handling as start_handling_operation


@dataclass(frozen=True, slots=True)
class RepairResult:
    """The result of a repair.

    Attributes:
        text: the repair that was made, or the reason against it.
    """

    done: bool
    text: str


def repair(context: Context, finding: Finding) -> RepairResult:
    """Repair one finding and note it in the order's timeline.

    The workers then do the work, and each step has its own guards.

    Raises:
        VtexUnavailable, ErpUnavailable, JournalUnavailable: the note was not written; retry.
    """
    if context.journal.observes(finding.store):
        return RepairResult(False, messages.STORE_OBSERVED(store=finding.store))
    try:
        result = _repair(context, finding)
    except (OrderNotFound, DocumentInvalid, ErpError, RequestPurged) as error:
        return RepairResult(False, str(error))
    if result.done:
        event = CANCELLATION_REPORTED if finding.fix is Fix.REPORT else "reconciled"
        context.journal.timeline.note(
            finding.store, finding.order_id, event, f"{KIND_TEXTS[finding.kind]}: {result.text}"
        )
    return result


def _repair(context: Context, finding: Finding) -> RepairResult:
    store, order_id, journal = finding.store, finding.order_id, context.journal
    match finding.fix:
        case Fix.RECORD:
            new = journal.orders.record(store, [_listed(finding)])
            return _moved(bool(new), "recorded, it comes in")
        case Fix.BRING_IN:
            journal.orders.record(store, [_listed(finding)])
            return _moved(journal.jobs.take_as_handled(store, order_id), "comes in as handled")
        case Fix.RETRY:
            return _moved(journal.jobs.retry(store, order_id), "its intake tries again")
        case Fix.HANDLE:
            return _moved(
                journal.reconciliations.restart_handling(store, order_id),
                "start-handling goes out again",
            )
        case Fix.RETRY_INVOICE:
            moved = [journal.jobs.retry(store, order_id, job=job) for job in finding.jobs]
            return _moved(any(moved), "its invoice tries again")
        case Fix.REPORT:
            return _report_cancellation(context, store, order_id)
        case _:
            return RepairResult(False, "it needs a person")


def _listed(finding: Finding) -> NewOrder:
    there = finding.there
    return NewOrder(there.order_id, there.created_at, there.value_cents)


def _report_cancellation(context: Context, store: str, order_id: str) -> RepairResult:
    status = schemas.read_order(context.vtex[store].order(order_id)).status
    if status not in statuses.ENDED_CANCELED:
        return RepairResult(False, f"VTEX's list is behind: the order itself is {status!r}")
    reason = f"VTEX shows the order as {status!r}"
    event = canceled_event(
        store, order_id, start_handling_operation.HandlingResult(canceled=True, reason=reason)
    )
    context.erp.report(replace(event, kind=str(status), key=str(status)))
    return RepairResult(True, f"reported to the ERP as {status}")


def _moved(moved: bool, text: str) -> RepairResult:
    return RepairResult(moved, text if moved else "it has moved on meanwhile")
