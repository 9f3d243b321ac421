"""Run ``vtex-erp orders explain``."""

import dataclasses
from typing import Any

import click

from erp.codes import CodeMap
from erp.mapping.sales_orders import STRICT, Proof
from erp.port import ErpRejected
from erp.sales_order import SalesOrder
from tasks.context import Context
from tasks.intake.orders import sales_order
from vtex import schemas, statuses
from vtex.errors import DocumentInvalid, VtexUnavailable
from vtex.statuses import HandledOrders
from workers.cli.output import show_json
from workers.cli.session import chosen_store, reading, store_of_order


@dataclasses.dataclass(frozen=True)
class Explanation:
    """The documents of a possible sales order, and their source.

    Attributes:
        also_intake: the orders that the store's setting brings in as handled.
        reference: the ERP's name of the order, if the ERP has it already.
    """

    store: str
    order_id: str
    order: dict[str, Any]
    payment: dict[str, Any] | None
    source: str
    proof: Proof
    codes: CodeMap | None = None
    also_intake: HandledOrders | None = None
    reference: str | None = None

    def fate(self) -> tuple[str, str | None, SalesOrder | None]:
        """Return the fate of the order, the reason, and the sales order that it makes."""
        would, reason = "be inserted", None
        try:
            order = schemas.read_order(self.order)
            as_handled = self.also_intake is not None and self.also_intake.include(
                order.status, order.origin, order.affiliate_id
            )
            if reason := statuses.reason_to_skip(order, as_handled=as_handled):
                would = "be skipped"
            else:
                statuses.require_ready(order, as_handled=as_handled)
        except DocumentInvalid as error:
            return "be held", str(error), None
        except VtexUnavailable as error:
            would, reason = "wait", str(error)
        try:
            made = sales_order(self.store, order, self.payment, proof=self.proof, codes=self.codes)
        except (DocumentInvalid, ErpRejected) as error:
            return ("be held", str(error), None) if reason is None else (would, reason, None)
        return would, reason, made


def explain_order(*, order_id: str, store: str | None, as_json: bool) -> None:
    """Show the sales order that an order becomes, without writing it."""
    with reading() as context:
        explanation = _explanation(context, store, order_id)
    would, reason, mapped = explanation.fate()
    plain = _plain(mapped) if mapped else None
    if as_json:
        show_json(
            {
                "order_id": order_id,
                "would": would,
                "reason": reason,
                "erp_reference": explanation.reference,
                "sales_order": plain,
            }
        )
    else:
        click.echo(
            f"{explanation.store} {order_id} (from {explanation.source}): would {would}; "
            "nothing is written"
        )
        if reason:
            click.echo(f"  {reason}")
        if explanation.reference:
            click.echo(f"  the ERP has it already, as {explanation.reference}")
        for flag in mapped.flags if mapped else ():
            click.echo(f"  flag: {flag}")
        if plain:
            show_json(plain)
    raise SystemExit(int(would != "be inserted"))


def _plain(mapped: SalesOrder) -> dict[str, Any]:
    plain = dataclasses.asdict(dataclasses.replace(mapped, raw_order={}, raw_payment=None))
    del plain["raw_order"], plain["raw_payment"]
    return plain


def _explanation(context: Context, store: str | None, order_id: str) -> Explanation:
    name = store_of_order(context.journal, store, order_id) or chosen_store(context.vtex, None)
    row = context.journal.orders.get(name, order_id)
    order, payment = context.journal.documents.get(name, order_id)
    source = "the journal's document"
    if order is None:
        source = "VTEX, read just now"
        order, payment = _documents_of_vtex(context, name, order_id)
    return Explanation(
        name,
        order_id,
        order,
        payment,
        source,
        proof=context.proofs.get(name, STRICT),
        codes=context.codes.get(name),
        also_intake=context.also_intake.get(name),
        reference=row.erp_reference if row else None,
    )


def _documents_of_vtex(
    context: Context, store: str, order_id: str
) -> tuple[dict[str, Any], dict[str, Any] | None]:
    client = context.vtex[chosen_store(context.vtex, store)]
    raw = client.order(order_id)
    try:
        ids = schemas.read_order(raw).gateway_transaction_ids
    except DocumentInvalid:
        # The order would be held because of this error: the command shows it.
        return raw, None
    return raw, {"transactions": [client.transaction(transaction_id) for transaction_id in ids]}
