"""The commands that ask on the ERP's behalf: invoice, track, cancel, and what is invoiced."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import click

from erp.nfe import invoice as nfe
from erp.nfe.safe_xml import NfeError
from journal.model import State
from tasks.context import Context
from tasks.errors import RequestInvalid
from tasks.outbound import request_intake, request_schemas
from vtex import payloads, schemas, statuses
from vtex.errors import NotYet, Refused
from vtex.operations import cancellation as cancellation_operation
from vtex.operations import cancellation_denial
from vtex.operations import invoice as invoice_operation
from vtex.operations.invoice_balance import balance
from vtex.payloads import Denial, Invoice, Tracking
from vtex.schemas import cancel_requests
from workers import log, wiring
from workers.cli import output as views
from workers.cli.actions.choice import AS_JSON, ORDER_ID, STORE, Minutes, known, store_of
from workers.configuration.settings import load

DRY_RUN = click.option("--dry-run", is_flag=True, help="Show what would be sent; send nothing.")
FROM_JSON = click.option(
    "--json", "path", type=click.Path(exists=True, dir_okay=False, allow_dash=True),
    help="The fields as a JSON file (docs/messages.md); - for standard input.",
)  # fmt: skip


class Reais(click.ParamType[int]):
    """An amount in reais, as in 315.61 or 315,61; cents inside."""

    name = "reais"

    def convert(self, value: Any, param: Any, ctx: Any) -> int:
        """Return cents."""
        try:
            cents = Decimal(str(value).replace(",", ".")).scaleb(2)
        except InvalidOperation:
            self.fail(f"{value!r} is no amount such as 315.61", param, ctx)
        if cents != cents.to_integral_value():
            self.fail(f"{value!r} has fractions of a cent", param, ctx)
        return int(cents)


class Line(click.ParamType[dict[str, Any]]):
    """An item as SKU:QUANTITY:UNIT-PRICE."""

    name = "sku:quantity:price"

    def convert(self, value: Any, param: Any, ctx: Any) -> dict[str, Any]:
        """Return the item's fields."""
        parts = str(value).rsplit(":", 2)
        if len(parts) != 3 or not parts[1].isdigit():
            self.fail(f"{value!r} is no item such as 310102:1:49.90", param, ctx)
        price = Reais().convert(parts[2], param, ctx)
        return {"sku_id": parts[0], "quantity": int(parts[1]), "price_cents": price}


@click.command()
@ORDER_ID
@click.option("--invoice-number", help="Number of the nota fiscal.")
@click.option("--invoice-series", help="Its series; default: the one in the access key.")
@click.option("--value", "value_cents", type=Reais(), help="Its value, with freight and tax.")
@click.option("--issued-at", help="With its offset, as 2026-03-10T15:04:05-03:00.")
@click.option("--type", type=click.Choice(["Output", "Input"]), help="Sale, or return.")
@click.option("--item", "items", type=Line(), multiple=True, help="None: all that is open.")
@click.option("--invoice-key", help="NF-e access key.")
@click.option("--url", help="Where the invoice can be seen.")
@click.option("--courier", help="Who carries the parcel.")
@click.option("--tracking-number", help="The parcel's number at the courier.")
@click.option("--tracking-url", help="Where the parcel can be followed.")
@FROM_JSON
@click.option(
    "--nfe", type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="An authorised NF-e (XML); what is not given otherwise is taken from it.",
)  # fmt: skip
@DRY_RUN
@STORE
def invoice(
    order_id: str, path: str | None, store: str | None, *, dry_run: bool, **given: Any
) -> None:
    """Send an invoice (nota fiscal) of an order to VTEX, whole or partial."""
    file = given.pop("nfe")
    xml = file.read_bytes() if file else None
    _ask("invoice", order_id, store, _fields(path, given), dry_run=dry_run, xml=xml)


@click.command()
@ORDER_ID
@click.option("--invoice-number", help="Number of the invoice that the parcel belongs to.")
@click.option("--invoice-series", help="Its series.")
@click.option("--tracking-number", help="The parcel's number at the courier.")
@click.option("--tracking-url", help="Where the parcel can be followed.")
@click.option("--courier", help="Who carries the parcel.")
@click.option("--dispatched-at", help="With its offset, as 2026-03-11T09:00:00-03:00.")
@click.option("--delivered-at", help="Marks the parcel as delivered.")
@FROM_JSON
@DRY_RUN
@STORE
def track(
    order_id: str, path: str | None, store: str | None, *, dry_run: bool, **given: Any
) -> None:
    """Send a parcel's tracking to VTEX; events come by --json."""
    _ask("tracking", order_id, store, _fields(path, given), dry_run=dry_run)


@click.command()
@ORDER_ID
@click.option("--reason", required=True, help="Why; the shopper may read it.")
@DRY_RUN
@STORE
def cancel(order_id: str, reason: str, store: str | None, *, dry_run: bool) -> None:
    """Ask VTEX to cancel an order."""
    _ask("cancellation", order_id, store, {"reason": reason}, dry_run=dry_run)


@click.command()
@ORDER_ID
@click.option("--reason", required=True, help="Why; the marketplace and the shopper may read it.")
@click.option("--request", "request_id", help="Deny this very request, as undecided shows it.")
@DRY_RUN
@STORE
def deny(
    order_id: str, reason: str, request_id: str | None, store: str | None, *, dry_run: bool
) -> None:
    """Deny the shopper's or the marketplace's request to cancel an order; cancel accepts it."""
    given = {"reason": reason, "request_id": request_id}
    _ask("denial", order_id, store, _fields(None, given), dry_run=dry_run, unheard=False)


@click.command()
@click.option("--store", help="Only this store's.")
@AS_JSON
def undecided(store: str | None, *, as_json: bool) -> None:
    """Show which cancellations are asked for and wait for the ERP's word, the most urgent first."""
    journal = wiring.journal(load())
    try:
        views.show_undecided(journal.cancel_requests.find(store), journal.now(), as_json=as_json)
    finally:
        journal.close()


@click.command()
@ORDER_ID
@STORE
@AS_JSON
def invoices(order_id: str, store: str | None, *, as_json: bool) -> None:
    """Show what of an order is invoiced at VTEX, and what is open."""
    log.set_up("WARNING")
    context = wiring.set_up()
    try:
        name = store_of(context, store)
        raw = context.vtex[name].order(order_id)
        now = balance(schemas.read_order(raw), schemas.read_packages(raw))
        views.show_balance(
            order_id, now, context.journal.requests.find(name, order_id), as_json=as_json
        )
    finally:
        wiring.tear_down()


@click.command("requests")
@click.option("--store", metavar="ACCOUNT", help="Only this store's.")
@click.option(
    "--state", type=click.Choice([one.value for one in State]), default=State.OPEN.value,
    show_default=True, help="open: waits or is under way; dead: set aside.",
)  # fmt: skip
@click.option("--older-than", type=Minutes(), metavar="MINUTES", help="Asked longer ago.")
@click.option(
    "--limit", type=click.IntRange(1, 1_000_000), default=100, show_default=True,
    help="Show so many at most, the longest asked first.",
)  # fmt: skip
@AS_JSON
def requests_command(
    store: str | None, state: str, older_than: float | None, *, limit: int, as_json: bool
) -> None:
    """Show what the ERP asked for and what changed at VTEX: what waits, and for what."""
    journal = wiring.journal(load())
    try:
        age = timedelta(minutes=older_than) if older_than else None
        rows = journal.requests.find(store, state=State(state), older_than=age, limit=limit)
        views.show_requests(rows, as_json=as_json)
    finally:
        journal.close()


COMMANDS = (invoice, track, cancel, deny, undecided, invoices, requests_command)


def _fields(path: str | None, given: Mapping[str, Any]) -> dict[str, Any]:
    fields = {name: value for name, value in given.items() if value not in (None, ())}
    if "items" in fields:
        fields["items"] = list(fields["items"])
    if path is None:
        return fields
    try:
        with click.open_file(path, encoding="utf-8") as file:
            read = json.load(file)
    except ValueError as error:
        raise click.UsageError(f"{path} is not JSON: {error}") from None
    if not isinstance(read, dict):
        raise click.UsageError(f"{path} holds no JSON object")
    return read | fields


def _ask(  # noqa: PLR0913  # what a request is made of
    kind: str,
    order_id: str,
    store: str | None,
    fields: dict[str, Any],
    *,
    dry_run: bool,
    xml: bytes | None = None,
    unheard: bool = True,
) -> None:
    """Ask for something.

    Args:
        unheard: also of an order that the journal does not know.
    """
    log.set_up("WARNING")
    context = wiring.set_up()
    try:
        name = store_of(context, store)
        fields.pop("store", None)
        fields.pop("order_id", None)
        if not unheard and not dry_run:
            known(context.journal, name, order_id)
        if dry_run:
            raise SystemExit(_show(context, kind, name, order_id, fields, xml))
        if xml is None:
            _require_sound(kind, fields)
        given = {"store": name, "order_id": order_id, **fields}
        job = request_intake.take(context, kind, given, again=True, xml=xml)
        click.echo(f"{name} {order_id}: {kind} is job {job}; vtex-erp order {order_id} follows it")
    finally:
        wiring.tear_down()


def _require_sound(kind: str, fields: Mapping[str, Any]) -> None:
    """Refuse a wrong call here: the ERP need not hear of a slip of whoever types.

    Raises:
        UsageError: the fields break the contract.
    """
    given = {name: value for name, value in fields.items() if name != "reference"}
    try:
        request_schemas.require_known(given)
        request_schemas.read(kind, given)
    except RequestInvalid as error:
        raise click.UsageError(f"{error}; nothing was written") from None


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
            note = nfe.read(xml, production=context.nfe.production)
            fields = request_intake.of_nfe(context, schemas.read_order(raw), note) | fields
        body = _body(raw, request_schemas.read(kind, fields))
    except (RequestInvalid, NfeError, Refused, NotYet) as error:
        click.echo(f"{store} {order_id}: would not be sent\n  {error}")
        return 1
    click.echo(f"{store} {order_id}: would be sent; nothing is")
    click.echo(json.dumps(body, indent=2, ensure_ascii=False))
    return 0


def _body(raw: dict[str, Any], asked: request_schemas.Asked) -> dict[str, Any]:
    order, packages = schemas.read_order(raw), schemas.read_packages(raw)
    now = balance(order, packages)
    shown: dict[str, Any] = {"order_status": order.status}
    match asked:
        case Invoice():
            known = invoice_operation.shown(asked, packages)
            ready = asked if known else invoice_operation.prepared(asked, order, now)
            return shown | {
                "takes_it": statuses.takes_invoice(order.status).name.lower().replace("_", " "),
                "known_to_vtex": known is not None,
                "open_before_cents": now.open_cents,
                "body": payloads.invoice_body(ready, ready.items, None),
            }
        case Tracking():
            return shown | {
                "tracking": payloads.tracking_body(asked),
                "events": payloads.events_body(asked),
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
