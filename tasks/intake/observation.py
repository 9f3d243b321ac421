"""The observation of orders: reads an order as its intake would, and keeps its fate.

The one step of an observation reads VTEX and writes to the journal alone. A store that is only
observed has observations in place of intakes (``Policy.observed``).
"""

from collections.abc import Mapping
from typing import Any

from celery import shared_task

from erp.mapping.sales_orders import STRICT
from foundation.messages import orders as messages
from foundation.messages.message import code_of
from journal.model import Stage
from tasks.base import StepTask
from tasks.context import Context
from tasks.intake.explanation import Documents, flags_of, judge
from vtex import schemas
from vtex.client import VtexClient
from vtex.documents import together
from vtex.errors import DocumentInvalid

LONGEST_REASON = 1000
"""Characters of a reason that are kept."""


@shared_task(base=StepTask, bind=True, name="observations.observe")
def observe(
    self: StepTask, /, *, store: str, order_id: str, attempt: int, job: int, **_: object
) -> None:
    """Keep the fate that the intake of an order would have. Insert nothing, write nothing to VTEX.

    Source: the same as of ``orders.fetch`` and ``orders.fetch_payment``.

    Args:
        job: number of the observation. The other arguments as in ``orders.fetch``.
    """
    with self.step(store, order_id, attempt, to=Stage.OBSERVED, job=job) as owned:
        owned.order, owned.payment = documents_of(self.vtex(store), order_id)
        documents = observed_documents(self.context, store, owned.order, owned.payment)
        owned.result |= fate_of(documents)
        if placed := _placed(owned.order):
            owned.place(*placed)
        owned.explain(messages.OBSERVED(fate=owned.result["fate"]))


def documents_of(client: VtexClient, order_id: str) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """Read an order and its transactions at VTEX. An unreadable order has no transactions."""
    raw = client.order(order_id)
    try:
        ids = schemas.read_order(raw).gateway_transaction_ids
    except DocumentInvalid:
        return raw, None
    return raw, together(
        {"transactions": [client.transaction(transaction_id) for transaction_id in ids]}
    )


def observed_documents(
    context: Context, store: str, order: Mapping[str, Any], payment: Mapping[str, Any] | None
) -> Documents:
    """Return the documents of an order that another integration may have moved on."""
    proof, codes = context.proofs.get(store, STRICT), context.codes.get(store)
    return Documents(store, order, payment, proof, codes, as_ready=True)


def fate_of(documents: Documents) -> dict[str, Any]:
    """Return the fate of an order as JSON, without personal data."""
    judgement = judge(documents)
    order = judgement.sales_order
    flags, refusal = flags_of(order)
    return {
        "fate": str(judgement.fate),
        "reason": (judgement.reason or "")[:LONGEST_REASON] or None,
        "error_code": code_of(judgement.reason) or None,
        "flags": sorted({str(flag.name) for flag in flags}),
        "refusal": refusal,
        "total_cents": None if order is None else int(order.total.scaleb(2)),
    }


def _placed(raw: Mapping[str, Any]) -> Any:
    try:
        order = schemas.read_order(raw)
    except DocumentInvalid:
        return None
    return order.created_at, order.value_cents
