"""What is done about a finding: only what may be done twice, and after a look where it matters."""

from __future__ import annotations

from dataclasses import dataclass, replace

from erp.port import ErpError
from journal.model import RequestPurged
from journal.orders import NewOrder
from journal.reconciliation import CANCELLATION_REPORTED
from tasks.context import Context
from tasks.intake.orders import canceled_event
from tasks.reconciliation.compare import WORDS, Finding, Fix
from vtex import schemas, statuses
from vtex.errors import DocumentInvalid, OrderNotFound
from vtex.operations import start_handling as start_handling_operation


@dataclass(frozen=True, slots=True)
class Mended:
    """What came of mending a finding.

    Attributes:
        words: what was done, or why not.
    """

    done: bool
    words: str


def mend(context: Context, one: Finding) -> Mended:
    """Mend one finding and note it in the order's timeline.

    What it sets going is done by the workers, each step with its own guards.

    Raises:
        VtexUnavailable, ErpUnavailable, JournalUnavailable: try again; nothing was noted.
    """
    try:
        mended = _mend(context, one)
    except (OrderNotFound, DocumentInvalid, ErpError, RequestPurged) as error:
        return Mended(False, str(error))
    if mended.done:
        what = CANCELLATION_REPORTED if one.fix is Fix.TELL_ERP else "reconciled"
        context.journal.timeline.note(
            one.store, one.order_id, what, f"{WORDS[one.kind]}: {mended.words}"
        )
    return mended


def _mend(context: Context, one: Finding) -> Mended:
    store, order_id, journal = one.store, one.order_id, context.journal
    match one.fix:
        case Fix.RECORD:
            listed = NewOrder(order_id, one.there.created_at, one.there.value_cents)
            return _moved(bool(journal.orders.record(store, [listed])), "recorded, it comes in")
        case Fix.RETRY:
            return _moved(journal.jobs.retry(store, order_id), "its intake tries again")
        case Fix.HANDLE:
            return _moved(
                journal.reconciliations.restart_handling(store, order_id),
                "start-handling goes out again",
            )
        case Fix.RETRY_INVOICE:
            moved = [journal.jobs.retry(store, order_id, job=job) for job in one.jobs]
            return _moved(any(moved), "its invoice tries again")
        case Fix.TELL_ERP:
            return _tell_erp(context, store, order_id)
        case _:
            return Mended(False, "it needs a person")


def _tell_erp(context: Context, store: str, order_id: str) -> Mended:
    status = schemas.read_order(context.vtex[store].order(order_id)).status
    if status not in statuses.ENDED_CANCELED:
        return Mended(False, f"VTEX's list is behind: the order itself is {status!r}")
    reason = f"VTEX shows the order as {status!r}"
    event = canceled_event(
        store, order_id, start_handling_operation.Outcome(canceled=True, reason=reason)
    )
    context.erp.report(replace(event, kind=str(status), key=str(status)))
    return Mended(True, f"the ERP was told that it is {status}")


def _moved(moved: bool, words: str) -> Mended:
    return Mended(moved, words if moved else "it has moved on meanwhile")
