"""The command line ``vtex-erp``.

Exit status: 0 done, 1 the answer is no (a check failed, an order is unknown), 2 the call or the
settings are wrong.
"""

from __future__ import annotations

import traceback
from datetime import timedelta
from pathlib import Path
from typing import Any

import click
from amqp.exceptions import AMQPError
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from erp.port import ErpError, ErpUnavailable
from journal.journal import Journal
from journal.model import STAGES, JournalError, JournalUnavailable, Kind, Stage, State
from journal.order_changes import ChangeHint
from journal.orders import NewOrder, OrderRow
from tasks.context import Context
from tasks.errors import ContractNewer, RequestRefused
from tasks.intake import orders as steps
from tasks.order_changes.detection import differs
from tasks.workflow import send
from vtex import schemas, statuses
from vtex.errors import (
    DocumentInvalid,
    OrderNotFound,
    VtexError,
    VtexUnauthorized,
    VtexUnavailable,
)
from vtex.simulator import __main__ as simulator
from workers import cli_purge, log, wiring
from workers.app import app
from workers.cli import output as views
from workers.cli.actions import alerts as cli_alerts
from workers.cli.actions import check as checks
from workers.cli.actions import codes as cli_codes
from workers.cli.actions import data as cli_erase
from workers.cli.actions import dead_letters as cli_dead
from workers.cli.actions import feed as cli_feed
from workers.cli.actions import metrics as cli_metrics
from workers.cli.actions import reconcile as cli_reconcile
from workers.cli.actions import requests as cli_out
from workers.cli.actions.choice import (
    AS_JSON,
    ORDER_ID,
    STORE,
    Minutes,
    OrderId,
    known,
    store_in,
    store_of,
    tell_if_never_listed,
)
from workers.cli.demo import cluster as demo
from workers.configuration.declaration import SettingsError
from workers.configuration.settings import load
from workers.verdict import Verdict


class _Group(click.Group):
    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; whatever goes wrong is one line, not a traceback."""
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.Abort, click.exceptions.Exit, BrokenPipeError):
            raise
        except Exception as error:
            raise click.ClickException(_in_a_line(error)) from error


def _in_a_line(error: Exception) -> str:
    match error:
        case JournalUnavailable():
            # Where only its tables are missing, the error says how they are made.
            todo = "" if "vtex-erp migrate" in str(error) else ": start it, or mend JOURNAL_URL"
            return f"{error}{todo}; vtex-erp check tells more"
        case OrderNotFound():
            return f"{error}; mind the store, and the -01 at the end of an order id"
        case VtexUnauthorized() | VtexUnavailable() | ErpUnavailable():
            return f"{error}; vtex-erp check tells more"
        case JournalError() | VtexError() | ErpError() | RequestRefused() | ContractNewer():
            return str(error)
        case RedisError() | OperationalError():
            return (
                f"the broker does not answer ({type(error).__name__}): start it, or mend "
                "BROKER_URL, or REDIS_URL where that is unset; what was written to the journal "
                "goes on by itself once it is back"
            )
        case AMQPError():
            return f"the broker refuses us ({type(error).__name__}); vtex-erp check tells more"
        case OSError(strerror=str(reason)):
            return f"{error.filename or type(error).__name__}: {reason}"
        case _:
            # Its message may quote a document.
            frame = traceback.extract_tb(error.__traceback__)[-1]
            place = f"{Path(frame.filename).name}:{frame.lineno}"
            return f"unforeseen {type(error).__name__} at {place}: a bug; please report this line"


@click.group(cls=_Group)
@click.version_option(package_name="vtex-erp-workers")
def main() -> None:
    """Move the paid orders of VTEX stores into the ERP, and see where each one stands.

    To see it work, without any set-up: demo. To start with a store of your own: set the variables
    of .env.example, then migrate, check, sync. Where is an order? order ID.
    """
    app.set_default()


@main.command("demo")
@click.option("--once", is_flag=True, help="End after the first batch.")
@click.option("--orders", default=40, show_default=True, help="Orders of the first batch.")
@click.option("--folder", default="var/demo", show_default=True, help="Where its files go.")
def demo_command(once: bool, orders: int, folder: str) -> None:
    """Run the whole cluster on this machine against a simulated store."""
    raise SystemExit(demo.run(once=once, orders=orders, folder=folder))


@main.command(context_settings={"ignore_unknown_options": True, "help_option_names": []})
@click.argument("options", nargs=-1, type=click.UNPROCESSED)
def simulate(options: tuple[str, ...]) -> None:
    """Serve a simulated VTEX store; simulate --help lists its options."""
    simulator.main(list(options))


@main.command()
@AS_JSON
def check(as_json: bool) -> None:
    """Check all that could stop orders, and say what to do.

    That is: settings, broker, clock, beat, journal, ERP, and each permission of each store's key.
    Nothing is changed, neither here nor at VTEX. Exit status: 0 all is well, 1 something is
    broken, 2 the settings cannot be used.
    """
    try:
        verdicts = checks.run(load())
    except SettingsError as error:
        faults = error.message.splitlines()
        views.show_verdicts([Verdict("settings", False, one) for one in faults], as_json=as_json)
        raise SystemExit(error.exit_code) from None
    views.show_verdicts(verdicts, as_json=as_json)
    raise SystemExit(0 if all(one.ok is not False for one in verdicts) else 1)


@main.command()
def migrate() -> None:
    """Bring the tables of the journal and of the ERP adapter up to date."""
    log.set_up("WARNING")
    settings = load()
    journal = wiring.journal(settings)
    erp = wiring.erp(settings.erp_url)
    try:
        journal.migrate()
        click.echo(f"journal: {journal.check()}")
        erp.migrate()
        click.echo(f"ERP: {erp.check()}")
    finally:
        journal.close()
        erp.close()


@main.command()
@click.argument("order_id", type=OrderId(), required=False)
@STORE
def sync(order_id: str | None, store: str | None) -> None:
    """List the paid orders now, or bring in exactly one, or what changed of it.

    They are written to the journal and sent to the workers, which do the rest.
    """
    log.set_up("WARNING")
    context = wiring.set_up()
    try:
        if order_id:
            _sync_one(context, store_of(context, store), order_id)
            return
        for name in [store_of(context, store)] if store else _all_stores(context):
            _sync_all(context, name)
    finally:
        wiring.tear_down()


def _all_stores(context: Context) -> list[str]:
    return list(context.vtex) or [store_of(context, None)]


def _sync_all(context: Context, store: str) -> None:
    new = seen = 0
    for page in context.vtex[store].list_orders():
        new += context.journal.orders.record(store, steps.listed(page))
        seen += len(page.orders)
        click.echo(f"{store}: {min(seen, page.total)} of {page.total} listed, {new} new", err=True)
    tickets = context.journal.jobs.dispatch(in_flight=context.in_flight, store=store)
    send(context.journal, tickets)
    click.echo(f"{store}: {new} new orders, {len(tickets)} sent to the workers")


def _sync_one(context: Context, store: str, order_id: str) -> None:
    raw = context.vtex[store].order(order_id)
    order = schemas.read_order(raw)
    context.journal.orders.record(
        store, [NewOrder(order.order_id, order.created_at, order.value_cents)]
    )
    kept, _ = context.journal.documents.get(store, order.order_id)
    if order.status in statuses.CHANGES or differs(kept, raw):
        now = f"{context.journal.now():%Y-%m-%dT%H:%M:%S}"
        context.journal.order_changes.record(
            store, [ChangeHint(order.order_id, f"by hand {now}", "by hand")]
        )
    tickets = context.journal.jobs.dispatch(
        in_flight=context.in_flight, store=store, order_id=order.order_id
    )
    send(context.journal, tickets)
    row = context.journal.orders.get(store, order.order_id)
    if tickets:
        click.echo(f"{store} {order.order_id}: sent to the workers")
    elif row is not None:
        click.echo(f"{store} {order.order_id}: {views.standing(row)}")


@main.command("orders")
@STORE
@click.option(
    "--stage", type=click.Choice([one.value for one in STAGES[Kind.INTAKE]]), help="How far it is."
)
@click.option(
    "--state",
    type=click.Choice([one.value for one in State]),
    help="open: waits or is under way; dead: set aside, retry brings it back.",
)
@click.option(
    "--older-than",
    type=Minutes(),
    metavar="MINUTES",
    help="Listed longer ago than this; open ones, unless --state says otherwise.",
)
@click.option(
    "--limit",
    type=click.IntRange(1, 1_000_000),
    default=100,
    show_default=True,
    help="Show so many at most, what is open or dead first, then the longest listed.",
)
@AS_JSON
def orders_command(
    store: str | None,
    stage: str | None,
    state: str | None,
    older_than: float | None,
    *,
    limit: int,
    as_json: bool,
) -> None:
    """Show where the orders stand, and how many there are of each kind."""
    journal = wiring.journal(load())
    try:
        rows = _rows(
            journal, store, Stage(stage) if stage else None, State(state) if state else None,
            timedelta(minutes=older_than) if older_than else None, limit,
        )  # fmt: skip
        counts = journal.orders.counts()
        pauses = {k: v for k, v in journal.store_pauses.find().items() if store in (None, k)}
        views.show_orders(rows, counts, pauses, as_json=as_json)
        tell_if_never_listed(store, counts)
    finally:
        journal.close()


def _rows(  # what narrows orders down
    journal: Journal,
    store: str | None,
    stage: Stage | None,
    state: State | None,
    older_than: timedelta | None,
    limit: int,
) -> list[OrderRow]:
    """Return orders; what needs somebody is not hidden behind what was done long ago."""
    wanted: tuple[State | None, ...] = (state,)
    if state is None and stage is None:
        wanted = (State.OPEN,) if older_than else (State.OPEN, State.DEAD, None)
    found: dict[tuple[str, str], OrderRow] = {}
    for one in wanted:
        rows = journal.orders.find(
            store=store, stage=stage, state=one, older_than=older_than, limit=limit
        )
        for row in rows:
            found.setdefault((row.store, row.order_id), row)
    return list(found.values())[:limit]


@main.command()
@ORDER_ID
@STORE
@click.option(
    "--dry-run", is_flag=True, help="Show the sales order it would become; write nothing."
)
@click.option("--documents", is_flag=True, help="Also VTEX's documents (personal data).")
@AS_JSON
def order(
    order_id: str, store: str | None, dry_run: bool, *, documents: bool, as_json: bool
) -> None:
    """Show an order's whole life, or the sales order that it would become.

    With --dry-run the exit status is 1 where the order would not be inserted.
    """
    settings = load()
    context = wiring.context(settings)
    try:
        if dry_run:
            raise SystemExit(_dry_run(context, store, order_id, as_json=as_json))
        row = known(context.journal, store, order_id)
        life = views.Life(
            row,
            context.journal.requests.find(row.store, order_id),
            context.journal.timeline.events(row.store, order_id),
            context.journal.documents.get(row.store, order_id) if documents else None,
            context.journal.store_pauses.get(row.store),
            context.journal.cancel_requests.get(row.store, row.order_id),
        )
        views.show_order(life, as_json=as_json)
    finally:
        context.journal.close()
        context.erp.close()


def _dry_run(context: Context, store: str | None, order_id: str, *, as_json: bool) -> int:
    name = store_in(context.journal, store, order_id) or store_of(context, None)
    row = context.journal.orders.get(name, order_id)
    kept, payment = context.journal.documents.get(name, order_id)
    source = "the journal's document"
    if kept is None:
        source = "VTEX, read just now"
        kept, payment = _documents_of_vtex(context, name, order_id)
    reference = row.erp_reference if row else None
    found = views.DryRun(
        name, order_id, kept, payment, source,
        allow_sum_mismatch=name in context.allow_sum_mismatch, codes=context.codes.get(name),
        reference=reference,
    )  # fmt: skip
    return views.show_dry_run(found, as_json=as_json)


def _documents_of_vtex(
    context: Context, store: str, order_id: str
) -> tuple[dict[str, Any], dict[str, Any] | None]:
    client = context.vtex[store_of(context, store)]
    raw = client.order(order_id)
    try:
        ids = schemas.read_order(raw).gateway_transaction_ids
    except DocumentInvalid:
        # What the order would be held for; showing it is the dry run's purpose.
        return raw, None
    return raw, {"transactions": [client.transaction(one) for one in ids]}


for module in (
    cli_alerts,
    cli_codes,
    cli_dead,
    cli_erase,
    cli_feed,
    cli_metrics,
    cli_out,
    cli_purge,
    cli_reconcile,
):
    for command in module.COMMANDS:
        main.add_command(command)


if __name__ == "__main__":
    main()
