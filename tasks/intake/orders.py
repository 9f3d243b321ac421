"""The intake of orders: list, fetch, fetch payment, insert, start handling. Each step is a task.

The names and keyword arguments of these tasks are public. ``**_`` lets an older worker accept the
new arguments of a newer version.
"""

import logging
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

from celery import shared_task

from erp.codes import CodeMap
from erp.mapping import sales_orders
from erp.mapping.sales_orders import STRICT, Proof
from erp.port import Event
from erp.sales_order import SalesOrder
from foundation.local_days import days_ago
from foundation.messages import log_events
from journal.jobs.leased_job import LeasedJob
from journal.model import Kind, Stage
from journal.order_changes import ChangeHint
from journal.orders import NewOrder
from journal.reconciliation import CANCELLATION_REQUESTED
from tasks.base import StepTask, StoreTask, hand_back
from tasks.context import Context
from tasks.intake import list_schedule
from tasks.job_kinds import remaining_tasks
from tasks.local_executor import OrderRun, local_queue
from tasks.workflow import dispatch
from vtex import schemas, statuses
from vtex.client import VtexClient
from vtex.documents import Order, OrderPage, together
from vtex.operations import intake as intake_operation
from vtex.operations import start_handling as start_handling_operation

log = logging.getLogger(__name__)

HANDLED_DAYS = 7
"""Days of the store, before today, whose handled orders the list brings in (``also_intake``)."""


@shared_task(base=StoreTask, bind=True, name="orders.list")
def list_orders(self: StoreTask, /, *, store: str, **_: object) -> None:
    """Record the paid orders that the journal does not know yet, and dispatch them.

    Source: ``GET /api/oms/pvt/orders``, ``f_status=ready-for-handling``.

    Args:
        store: VTEX account name, as in the settings.
    """
    if self.journal.store_pauses.get(store) or not list_schedule.is_due(self, store):
        return
    with self.context.lock(f"orders.list:{store}") as renew:
        if renew is None:
            return
        new = 0
        for page in self.vtex(store).list_orders():
            renew()
            count = self.record(store, listed(page))
            for reason in page.unreadable:
                log_events.LIST_ROW_UNUSABLE.log(log, store=store, reason=reason)
            if count:
                # A page without new orders leaves them to the periodic sweep, which batches them.
                dispatch(self.context, store=store)
            new += count
        if list_schedule.is_handled_due(self, store):
            for page in handled_pages(self.context, store, self.vtex(store)):
                renew()
                new += self.record(store, listed(page))
            list_schedule.record_handled_read(self, store)
        list_schedule.record_read(self, store)
    log.info("listed", extra={"store": store, "count": new})


@shared_task(base=StoreTask, bind=True, name="orders.run")
def run(self: StoreTask, /, *, orders: list[dict[str, Any]], **_: object) -> None:
    """Take the orders of a message into this process, and run the remaining steps of each.

    Args:
        orders: for each order, the arguments of its steps and its ``stage``.
    """
    local_queue.take([run_of(self, order) for order in orders])


@shared_task(base=StepTask, bind=True, name="orders.fetch")
def fetch(self: StepTask, /, *, store: str, order_id: str, attempt: int, **_: object) -> None:
    """Fetch an order and keep its document. Skip an order that the ERP does not need.

    Source: ``GET /api/oms/pvt/orders/{orderId}``.

    Args:
        store: VTEX account name.
        order_id: VTEX order id, as in ``1268540501456-01``.
        attempt: attempt of this message. A message of an older attempt has no effect.
    """
    with self.step(store, order_id, attempt, to=Stage.FETCHED) as job:
        job.order = self.vtex(store).order(order_id)
        admission = intake_operation.admit(
            job.order, by_hand=job.as_handled, also_intake=self.context.also_intake.get(store)
        )
        if order := admission.order:
            job.read = order
            job.place(order.created_at, order.value_cents)
        if admission.skip:
            job.skip(admission.skip)
        elif admission.note:
            job.note(admission.note)


@shared_task(base=StepTask, bind=True, name="orders.fetch_payment")
def fetch_payment(
    self: StepTask, /, *, store: str, order_id: str, attempt: int, **_: object
) -> None:
    """Fetch the order's transactions. An order that was paid elsewhere lacks them.

    Source: ``GET /api/pvt/transactions/{transactionId}`` and its ``/payments``.
    Arguments as in ``orders.fetch``.
    """
    with self.step(store, order_id, attempt, to=Stage.PAID) as job:
        ids = order_of(job).gateway_transaction_ids
        client = self.vtex(store) if ids else None
        transactions = (
            [client.transaction(transaction_id) for transaction_id in ids] if client else []
        )
        job.payment = together({"transactions": transactions})


@shared_task(base=StepTask, bind=True, name="orders.insert")
def insert(self: StepTask, /, *, store: str, order_id: str, attempt: int, **_: object) -> None:
    """Insert the order into the ERP once, and keep the ERP's reference.

    Arguments as in ``orders.fetch``.

    Raises:
        ErpRejected: the ERP or the mapping refuses the order, which becomes a dead letter.
    """
    context = self.context
    proof, codes = context.proofs.get(store, STRICT), context.codes.get(store)
    with self.step(store, order_id, attempt, to=Stage.INSERTED, calls_vtex=False) as job:
        order = sales_order(store, order_of(job), job.payment, proof=proof, codes=codes)
        job.erp_reference = self.erp.insert(order)
        for flag in order.flags:
            job.note(str(flag))
        if reason := statuses.handled_elsewhere(order_of(job)):
            job.end(reason)


@shared_task(base=StepTask, bind=True, name="orders.start_handling")
def start_handling(
    self: StepTask, /, *, store: str, order_id: str, attempt: int, **_: object
) -> None:
    """Inform VTEX once that handling has started. Report a canceled order to the ERP.

    Source: ``POST /api/oms/pvt/orders/{orderId}/start-handling``.
    Arguments as in ``orders.fetch``.
    """
    with self.step(store, order_id, attempt, to=Stage.HANDLING) as job:
        outcome = start_handling_operation.ensure(self.vtex(store), order_id, in_doubt=job.in_doubt)
        if outcome.canceled:
            self.erp.report(canceled_event(store, order_id, outcome))
            job.skip(outcome.reason)
        elif outcome.asked or outcome.replaced:
            # A change job informs the ERP. If the order becomes ready again, its intake continues.
            hint = ChangeHint(order_id, f"start-handling {attempt}", outcome.reason)
            self.journal.order_changes.record(store, [hint])
            job.skip(
                f"{CANCELLATION_REQUESTED}: {outcome.reason}" if outcome.asked else outcome.reason
            )
        elif outcome.reason:
            job.note(outcome.reason)
    log.info("order done", extra={"store": store, "order_id": order_id, "stage": job.stage})


def run_of(task: StoreTask, order: Mapping[str, Any]) -> OrderRun:
    """Return the run of an order of a message, at its stage."""
    name = {key: value for key, value in order.items() if key != "stage"}
    # A stage of a newer version has no task here, so that the run hands the order back.
    names = remaining_tasks(Kind.INTAKE, order["stage"]) or [""]
    steps = [{"task": step, "kwargs": name} for step in reversed(names)]
    return OrderRun(task.app, task.request.id, steps, partial(hand_back, task.journal))


def handled_pages(context: Context, store: str, client: VtexClient) -> Iterator[OrderPage]:
    """Yield the pages of the recent orders that come in as handled by the store's setting."""
    wanted = context.also_intake.get(store)
    if wanted is None:
        return
    since = days_ago(HANDLED_DAYS, context.journal.now(), context.zone(store))
    for page in client.list_orders(status=",".join(sorted(wanted.statuses)), created_from=since):
        rows = (
            order
            for order in page.orders
            if wanted.include(order.status, order.origin, order.affiliate_id)
        )
        yield replace(page, orders=tuple(rows))


def listed(page: OrderPage) -> list[NewOrder]:
    """Return the orders of a page of VTEX's list, as the journal records them."""
    return [NewOrder(order.order_id, order.created_at, order.value_cents) for order in page.orders]


def order_of(job: LeasedJob) -> Order:
    """Return a job's order, read from its document once for all steps in this process."""
    if job.read is None:
        job.read = schemas.read_order(job.order or {})
    order: Order = job.read
    return order


def sales_order(
    store: str,
    order: Order,
    payment: Mapping[str, Any] | None,
    *,
    proof: Proof = STRICT,
    codes: CodeMap | None = None,
) -> SalesOrder:
    """Map an order and its payment document to the sales order for the ERP.

    Args:
        proof: the store's rules for doubtful orders.
        codes: code map of the store.

    Raises:
        DocumentInvalid: a document breaks its schema.
        ErpRejected: the sales order would be invalid, or a code is missing.
    """
    transactions = (payment or {}).get("transactions", [])
    mapped = sales_orders.to_sales_order(
        store,
        order,
        [schemas.read_transaction(transaction) for transaction in transactions],
        raw_payment=payment,
        proof=proof,
    )
    return mapped if codes is None else codes.resolve(mapped)


def canceled_event(
    store: str, order_id: str, outcome: start_handling_operation.HandlingResult
) -> Event:
    """Return the event for the ERP about an order that was canceled after its insert."""
    return Event(
        store=store,
        order_id=order_id,
        kind="canceled",
        key="canceled",
        at=datetime.now(UTC),
        reason=outcome.reason,
    )
