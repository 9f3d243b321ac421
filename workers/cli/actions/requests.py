"""Run the commands of ``vtex-erp requests``."""

import dataclasses
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from typing import Any

import click
from rich.table import Column

from erp.nfe import invoice as nfe_invoice
from erp.nfe.safe_xml import NfeError
from foundation.messages import commands as messages
from journal.cancel_requests import CancelRequest
from journal.jobs.dead_letters import DeadLetterFilter
from journal.model import Kind, State
from journal.requests import RequestRow
from tasks.context import Context
from tasks.errors import RequestInvalid
from tasks.job_kinds import Payload
from tasks.outbound import notas, request_intake, request_schemas
from tasks.outbound.invoice_requests import numbering
from vtex import payloads, schemas, statuses
from vtex.errors import NotYet, Refused
from vtex.operations import cancellation as cancellation_operation
from vtex.operations import cancellation_denial
from vtex.operations import invoice as invoice_operation
from vtex.operations.invoice_balance import Balance, balance
from vtex.operations.invoice_identity import number_at_vtex
from vtex.payloads import Denial, Invoice, Tracking
from vtex.schemas import cancel_requests
from workers.cli.actions import dead_letters
from workers.cli.output import (
    invoice_name,
    moment,
    money,
    show_json,
    show_table,
    show_zone,
    standing_of_request,
    zoned_moment,
)
from workers.cli.session import chosen_store, journal_only, known_order, sending
from workers.configuration.settings import load

# --- list, show, retry, discard -------------------------------------------------------------------


def list_requests(
    *, store: str | None, state: str, older_than: float | None, limit: int, as_json: bool
) -> None:
    """List requests, the oldest first, with the reason why each one waits."""
    age = timedelta(minutes=older_than) if older_than else None
    with journal_only() as journal:
        rows = journal.requests.find(store, state=State(state), older_than=age, limit=limit)
    if as_json:
        show_json([dataclasses.asdict(row) for row in rows])
        return
    if not rows:
        click.echo("no such requests")
        return
    zone = load().zone(store)
    show_zone(zone)
    show_table(
        (
            "store",
            Column("order", no_wrap=True),
            Column("job", justify="right"),
            "kind",
            "invoice",
            "stage",
            "state",
            Column("requested", no_wrap=True),
            Column("reason", overflow="fold"),
        ),
        (
            (
                row.store,
                row.order_id,
                row.job,
                row.kind,
                invoice_name(row),
                row.stage,
                row.state,
                moment(row.created_at, zone),
                row.last_error or "",
            )
            for row in rows
        ),
    )


def show_request(*, job: int, as_json: bool) -> None:
    """Show the request with this job number.

    Raises:
        ClickException: the journal lacks this request.
    """
    with journal_only() as journal:
        row = journal.requests.get(job)
    if row is None:
        raise click.ClickException(messages.NOT_A_REQUEST(job=job))
    if as_json:
        show_json(dataclasses.asdict(row))
        return
    click.echo(f"{row.store} {row.order_id}: {standing_of_request(row)}")
    zone = load().zone(row.store)
    due = f", due {moment(row.due_at, zone)}" if row.state is State.OPEN else ""
    click.echo(
        f"requested {moment(row.created_at, zone)}, last change "
        f"{zoned_moment(row.updated_at, zone)}, attempt {row.attempt}{due}"
    )
    for name, value in (row.result or {}).items():
        click.echo(f"{name}: {value}")


def retry_request(*, job: int, anyway: bool, yes: bool) -> None:
    """Retry the dead request with this job number now."""
    kind = Kind.INVOICE if anyway else None
    dead_letters.retry(DeadLetterFilter(job=job, kind=kind), yes=yes, ignores_change=anyway)


def discard_request(*, job: int, reason: str, yes: bool) -> None:
    """Discard the dead request with this job number."""
    dead_letters.discard(DeadLetterFilter(job=job), reason, yes=yes)


# --- invoices and pending cancellations -----------------------------------------------------------


def show_invoices(*, order_id: str, store: str | None, as_json: bool) -> None:
    """Show the invoiced and the open amounts of an order at VTEX."""
    with sending() as context:
        name = chosen_store(context.vtex, store)
        raw = context.vtex[name].order(order_id)
        now = balance(schemas.read_order(raw), schemas.read_packages(raw))
        rows = context.journal.requests.find(name, order_id)
    if as_json:
        names = [field.name for field in dataclasses.fields(now)] + ["open_cents", "open"]
        amounts = {name: getattr(now, name) for name in names}
        requests = [dataclasses.asdict(row) for row in rows]
        show_json({"order_id": order_id} | amounts | {"requests": requests})
    else:
        _print_balance(order_id, now, rows)


def _print_balance(order_id: str, now: Balance, rows: Sequence[RequestRow]) -> None:
    click.echo(
        f"{order_id}: {money(now.invoiced_cents)} of {money(now.total_cents)} invoiced, "
        f"{money(now.open_cents)} open, {money(now.returned_cents)} returned"
    )
    show_table(
        ("SKU", "sold", "invoiced", "open", "returned"),
        (
            (sku, sold, now.invoiced[sku], now.open[sku], now.returned[sku])
            for sku, sold in now.sold.items()
        ),
    )
    for row in rows:
        click.echo(f"  {standing_of_request(row)}")


def list_pending_cancellations(*, store: str | None, as_json: bool) -> None:
    """List cancellations that wait for the ERP's decision, the most urgent first."""
    with journal_only() as journal:
        rows, now = journal.cancel_requests.find(store), journal.now()
    if as_json:
        show_json([dataclasses.asdict(row) for row in rows])
    elif rows:
        _print_pending(rows, now, load().zone(store))
    else:
        click.echo("no cancellation is pending")


def _print_pending(rows: Sequence[CancelRequest], now: datetime, zone: tzinfo) -> None:
    show_zone(zone)
    show_table(
        (
            "store",
            Column("order", no_wrap=True),
            "requested",
            Column("VTEX cancels by itself"),
            Column("days left", justify="right"),
            "request",
        ),
        (
            (
                row.store,
                row.order_id,
                moment(row.requested_at, zone),
                moment(row.decide_by, zone),
                max(0, (row.decide_by - now).days),
                row.request_id or "-",
            )
            for row in rows
        ),
    )
    click.echo(
        "vtex-erp requests cancel ORDER --reason … accepts, "
        "vtex-erp requests deny ORDER --reason … denies"
    )


# --- requests by hand -----------------------------------------------------------------------------


def send_invoice(*, file: str | None, nfe: Path | None, anyway: bool, **options: Any) -> None:
    """Send an invoice (nota fiscal) of an order to VTEX, whole or partial."""
    xml = nfe.read_bytes() if nfe else None
    _send("invoice", file, options, xml=xml, ignores_change=anyway)


def send_tracking(*, file: str | None, **options: Any) -> None:
    """Send a parcel's tracking to VTEX."""
    _send("tracking", file, options)


def request_cancellation(**options: Any) -> None:
    """Request VTEX to cancel an order."""
    _send("cancellation", None, options)


def deny_cancellation(**options: Any) -> None:
    """Deny the pending cancellation of an order."""
    _send("denial", None, options, unknown=False)


def _send(
    kind: str,
    file: str | None,
    options: dict[str, Any],
    *,
    xml: bytes | None = None,
    unknown: bool = True,
    ignores_change: bool = False,
) -> None:
    """Record a request of any kind on the ERP's behalf, or show it with ``--dry-run``.

    Args:
        unknown: accept an order that the journal does not have.
        ignores_change: send the invoice although a change of the order may be under way.
    """
    order_id, dry_run = options.pop("order_id"), options.pop("dry_run")
    store = options.pop("store")
    fields = _fields(file, options)
    with sending() as context:
        name = chosen_store(context.vtex, store)
        if dry_run:
            raise SystemExit(_show(context, kind, name, order_id, fields, xml))
        if not unknown:
            known_order(context.journal, name, order_id)
        if xml is None:
            _require_valid(kind, fields)
        request = {"store": name, "order_id": order_id, **fields}
        job = request_intake.take(
            context, kind, request, again=True, xml=xml, ignores_change=ignores_change
        )
        click.echo(f"{name} {order_id}: {kind} is job {job}; vtex-erp requests show {job}")


def _fields(file: str | None, options: Mapping[str, Any]) -> dict[str, Any]:
    fields = {name: value for name, value in options.items() if value not in (None, ())}
    if "items" in fields:
        fields["items"] = list(fields["items"])
    if file is None:
        return fields
    try:
        with click.open_file(file, encoding="utf-8") as opened:
            read = json.load(opened)
    except ValueError as error:
        raise click.UsageError(messages.NOT_JSON(file=file, error=error)) from None
    if not isinstance(read, dict):
        raise click.UsageError(messages.NOT_AN_OBJECT(file=file))
    names = {"store", "order_id"}
    return {name: value for name, value in read.items() if name not in names} | fields


def _require_valid(kind: str, fields: Mapping[str, Any]) -> None:
    """Refuse an invalid call here, so that the ERP receives no outcome of a typing error.

    Raises:
        UsageError: the fields do not fit the schema of the request.
    """
    checked = {name: value for name, value in fields.items() if name != "reference"}
    try:
        request_schemas.require_known(checked)
        request_schemas.read(kind, checked, now=datetime.now(UTC))
    except RequestInvalid as error:
        raise click.UsageError(messages.NOT_WRITTEN(error=error)) from None


def _show(
    context: Context,
    kind: str,
    store: str,
    order_id: str,
    fields: dict[str, Any],
    xml: bytes | None,
) -> int:
    fields.pop("reference", None)
    try:
        raw = context.vtex[store].order(order_id)
        if xml is not None:
            note = nfe_invoice.read(xml, context.nfe)
            fields = notas.fields_of_nfe(context, store, schemas.read_order(raw), note) | fields
        request = request_schemas.read(kind, fields, now=datetime.now(UTC))
        body = _body(context, store, raw, request)
    except (RequestInvalid, NfeError, Refused, NotYet) as error:
        click.echo(f"{store} {order_id}: would not be sent\n  {error}")
        return 1
    click.echo(f"{store} {order_id}: would be sent; nothing is")
    click.echo(json.dumps(body, indent=2, ensure_ascii=False))
    return 0


def _body(context: Context, store: str, raw: dict[str, Any], asked: Payload) -> dict[str, Any]:
    order, packages = schemas.read_order(raw), schemas.read_packages(raw)
    now = balance(order, packages)
    shown: dict[str, Any] = {"order_status": order.status}
    match asked:
        case Invoice():
            numbers = numbering(context.journal, store, order.order_id, asked.invoice_number)
            known = invoice_operation.shown(asked, packages, numbers)
            if known:
                invoice_operation.require_same(asked, known, order)
            cents = context.invoice_tolerance_cents
            ready = (
                asked
                if known
                else invoice_operation.prepared(asked, order, now, tolerance_cents=cents)
            )
            number = known.invoice_number if known else number_at_vtex(asked, packages, numbers)
            return shown | {
                "takes_it": statuses.takes_invoice(order.status).name.lower().replace("_", " "),
                "known_to_vtex": known is not None,
                "open_before_cents": now.open_cents,
                "body": payloads.invoice_body(ready, number=number),
            }
        case Tracking():
            return shown | {
                "tracking": payloads.tracking_body(asked),
                "events": payloads.events_body(asked, context.zone(store)),
            }
        case Denial():
            request = cancel_requests.asked(raw)
            request_id = asked.request_id or (request and request.request_id) or "?"
            return shown | {
                "answer": cancellation_denial.verdict(order),
                "body": payloads.denial_body(asked, request_id),
            }
        case _:
            answer = cancellation_operation.verdict(order)
            return shown | {"answer": answer, "body": payloads.cancellation_body(asked)}
