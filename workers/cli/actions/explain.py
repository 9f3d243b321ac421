"""Run ``vtex-erp orders explain``."""

import dataclasses
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click
from rich.table import Column, Table
from rich.text import Text

from erp.mapping.sales_orders import STRICT
from erp.sales_order import SalesOrder
from foundation.foreign_values import rows_at, text_at
from foundation.messages import commands as messages
from tasks.intake.explanation import (
    Check,
    Documents,
    ExplainedLine,
    Explanation,
    Fate,
    Tried,
    explain,
)
from tasks.intake.observation import documents_of
from vtex import schemas
from vtex.errors import DocumentInvalid
from vtex.pricing.readings import Reading
from vtex.statuses import READY
from workers.cli.output import console, money, show_json
from workers.cli.session import chosen_store, reading, store_of_order

VALUE_WIDTH = 20
"""Characters of a field's value in the table. JSON has the whole value."""


@dataclasses.dataclass(frozen=True)
class Subject:
    """The order to explain.

    Attributes:
        source: the origin of its documents, for people.
        reference: the ERP's name of the order, if the ERP has it already.
    """

    order_id: str
    documents: Documents
    source: str
    reference: str | None = None


def explain_order(
    *, order_id: str | None, file: str | None, store: str | None, as_json: bool
) -> None:
    """Explain an order of a store or of a file, without writing anything."""
    if (order_id is None) == (file is None):
        raise click.UsageError(messages.EXPLAIN_ONE())
    subject = _of_file(file, store) if file else _of_store(order_id or "", store)
    explanation = explain(subject.documents)
    if as_json:
        show_json(_as_json(subject, explanation))
    else:
        _print(subject, explanation)
    raise SystemExit(int(explanation.judgement.fate is not Fate.INSERTED))


# --- documents --------------------------------------------------------------------------------


def _of_store(order_id: str, store: str | None) -> Subject:
    with reading() as context:
        name = store_of_order(context.journal, store, order_id) or chosen_store(context.vtex, None)
        row = context.journal.orders.get(name, order_id)
        order, payment = context.journal.documents.get(name, order_id)
        source = "the journal's document"
        if order is None:
            source = "VTEX, read just now"
            order, payment = documents_of(context.vtex[chosen_store(context.vtex, name)], order_id)
        documents = Documents(
            name,
            order,
            payment,
            proof=context.proofs.get(name, STRICT),
            codes=context.codes.get(name),
            also_intake=context.also_intake.get(name),
            as_ready=context.journal.observes(name),
        )
    return Subject(order_id, documents, source, row.erp_reference if row else None)


def _of_file(file: str, store: str | None) -> Subject:
    """Return the order of a file, for which neither settings nor servers are needed."""
    try:
        whole = json.loads(Path(file).read_bytes())
    except (ValueError, RecursionError) as error:
        fault = "nested too deeply" if isinstance(error, RecursionError) else error
        raise click.ClickException(messages.ORDER_NOT_JSON(file=file, error=fault)) from None
    if isinstance(whole, dict) and isinstance(whole.get("documents"), dict):
        whole = whole["documents"]  # as orders show --documents --json prints it
    raw = whole.get("order", whole) if isinstance(whole, dict) else whole
    try:
        order = schemas.read_order(raw)
        payment = _payment_of(whole, order.gateway_transaction_ids)
        for transaction in (payment or {}).get("transactions", ()):
            schemas.read_transaction(transaction)
    except DocumentInvalid as error:
        raise click.ClickException(messages.ORDER_UNREADABLE(file=file, error=error)) from None
    name = store or text_at(raw, "hostname") or "store"
    return Subject(order.order_id, Documents(name, raw, payment, as_ready=True), file)


def _payment_of(whole: Mapping[str, Any], ids: tuple[str, ...]) -> dict[str, Any] | None:
    """Return the gateway's document, in one of the forms that a file may have."""
    if rows := rows_at(whole, "payment", "transactions") or rows_at(whole, "transactions"):
        return {"transactions": rows}
    given = whole.get("gateway_payment")
    payments = given if isinstance(given, list) else [given] if given else []
    if not payments or not ids:
        return None
    return {"transactions": [{"transaction": {"transactionId": ids[0]}, "payments": payments}]}


# --- JSON -------------------------------------------------------------------------------------


def _as_json(subject: Subject, explanation: Explanation) -> dict[str, Any]:
    judgement, shown = explanation.judgement, explanation.shown
    unreached = explanation.unreached
    return {
        "order_id": subject.order_id,
        "store": subject.documents.store,
        "source": subject.source,
        "would": judgement.fate,
        "reason": judgement.reason,
        "erp_reference": subject.reference,
        "sums": [dataclasses.asdict(row) for row in explanation.sums],
        "checks": [dataclasses.asdict(check) for check in explanation.checks],
        "lines": [_line_as_json(line) for line in explanation.lines],
        "nearest": explanation.nearest and dataclasses.asdict(explanation.nearest),
        "flags": [dataclasses.asdict(flag) for flag in explanation.flags],
        "payments": [dataclasses.asdict(part) for part in shown.payments] if shown else [],
        "addresses": [dataclasses.asdict(row) for row in shown.addresses] if shown else [],
        "unreached": None if unreached is None else [dataclasses.asdict(row) for row in unreached],
        "sales_order": _plain(judgement.sales_order),
    }


def _line_as_json(line: ExplainedLine) -> dict[str, Any]:
    return {
        "line": line.line,
        "sku_id": line.sku_id,
        "quantity": line.quantity,
        "is_service": line.is_service,
        **{
            tried.amount: {
                "taken": tried.taken._asdict(),
                "tried": [row._asdict() for row in tried.readings],
            }
            for tried in line.tried
        },
    }


def _plain(mapped: SalesOrder | None) -> dict[str, Any] | None:
    if mapped is None:
        return None
    plain = dataclasses.asdict(dataclasses.replace(mapped, raw_order={}, raw_payment=None))
    del plain["raw_order"], plain["raw_payment"]
    return plain


# --- tables -----------------------------------------------------------------------------------


def _print(subject: Subject, explanation: Explanation) -> None:
    judgement = explanation.judgement
    click.echo(
        f"{subject.documents.store} {subject.order_id} (from {subject.source}): "
        f"would {judgement.fate}; nothing is written"
    )
    if judgement.reason:
        click.echo(f"  {judgement.reason}")
    status = text_at(subject.documents.order, "status") or "no status"
    if subject.documents.as_ready and status != READY:
        click.echo(f"  judged as if it were ready for handling: the document shows {status!r}")
    if subject.reference:
        click.echo(f"  the ERP has it already, as {subject.reference}")
    for flag in explanation.flags:
        click.echo(f"  flag: {flag}")
    for table in _tables(explanation):
        console().print(table)
    if nearest := explanation.nearest:
        click.echo(
            f"nearest: line {nearest.line} by {nearest.reading.name} "
            f"({money(nearest.reading.cents)}) leaves {money(nearest.left_cents)}"
        )
    for line in _repeats(explanation):
        click.echo(line)


def _tables(explanation: Explanation) -> Iterator[Table]:
    if explanation.sums:
        yield _sums_table(explanation)
        yield _checks_table(explanation.checks)
        yield _readings_table(explanation.lines)
    if explanation.shown is not None:
        yield _payments_table(explanation.shown)
        yield _addresses_table(explanation.shown)
    if explanation.unreached:
        yield _unreached_table(explanation)


def _sums_table(explanation: Explanation) -> Table:
    table = Table("sum", _amount("order"), _amount("lines"), "totals of the document")
    for row in explanation.sums:
        table.add_row(
            row.name,
            money(row.cents),
            "" if row.lines_cents is None else money(row.lines_cents),
            Text(", ".join(row.ids)),
        )
    return table


def _checks_table(checks: tuple[Check, ...]) -> Table:
    table = Table("check", "result", Column("doubt", overflow="fold"))
    words = {True: "passed", False: "failed", None: "not checked"}
    for check in checks:
        table.add_row(check.name, words[check.passed], Text("\n".join(check.details)))
    return table


def _readings_table(lines: tuple[ExplainedLine, ...]) -> Table:
    table = Table(
        _amount("line"),
        Column("SKU", overflow="fold"),
        "amount",
        Column("reading", overflow="fold"),
        _amount("value"),
        "",
    )
    for line in lines:
        name = f"{line.sku_id} x {line.quantity}"
        for tried in line.tried:
            for row, is_taken in _marked(tried):
                cells = (row.name, money(row.cents), "taken" if is_taken else "")
                table.add_row(str(line.line), Text(name), tried.amount, *cells)
                name = ""
        table.add_section()
    return table


def _marked(tried: Tried) -> Iterator[tuple[Reading, bool]]:
    """Yield the readings, the taken one marked. It stands apart if a fallback made it."""
    whole = (*tried.readings, tried.taken)
    if tried.amount != "goods" and not any(row.cents for row in whole):
        return
    for row in tried.readings:
        yield row, row.name == tried.taken.name
    if tried.taken.name not in {row.name for row in tried.readings}:
        yield tried.taken, True


def _payments_table(order: SalesOrder) -> Table:
    table = Table(
        _amount("no"),
        Column("payment", overflow="fold"),
        _amount("value"),
        _amount("share"),
        Column("ids", overflow="fold"),
    )
    for part in order.payments:
        name = " ".join(filter(None, (part.system_name or part.system, part.group)))
        ids = "\n".join(filter(None, (part.transaction_id, part.payment_id)))
        table.add_row(str(part.seq), Text(name), _text(part.value), _text(part.share), Text(ids))
    return table


def _addresses_table(order: SalesOrder) -> Table:
    table = Table(
        _amount("no"), "role", Column("address", overflow="fold"), Column("of", overflow="fold")
    )
    for address in order.addresses:
        places = (
            " ".join(filter(None, (address.street, address.number, address.complement))),
            address.neighborhood,
            " ".join(filter(None, (address.postal_code, address.city, address.state))),
            address.country,
        )
        whose = [
            f"line {row.line_no}" for row in order.lines if row.address_no == address.address_no
        ]
        whose += [
            f"payment {part.seq}"
            for part in order.payments
            if part.address_no == address.address_no
        ]
        text = Text(", ".join(filter(None, (address.receiver, *places))))
        table.add_row(str(address.address_no), address.kind, text, ", ".join(whose))
    return table


def _unreached_table(explanation: Explanation) -> Table:
    table = Table(
        Column("reached no column", overflow="fold"),
        _amount("fields"),
        Column("value", overflow="ellipsis", no_wrap=True, max_width=VALUE_WIDTH),
    )
    rows = [row for row in explanation.unreached or () if row.repeats is None]
    counts = Counter(row.outermost for row in rows)
    for name, count in counts.items():
        value = next(str(row.value) for row in rows if row.outermost == name)
        shown = value if count == 1 else ""
        table.add_row(Text(name.removeprefix("order.")), str(count), Text(shown))
    return table


def _repeats(explanation: Explanation) -> Iterator[str]:
    repeats = [row for row in explanation.unreached or () if row.repeats]
    if repeats:
        yield f"{len(repeats)} more fields repeat a value that did: --json lists them"


def _amount(name: str) -> Column:
    return Column(name, justify="right", no_wrap=True)


def _text(amount: Any) -> str:
    return money(int(amount.scaleb(2)))
