"""The command line ``vtex-erp``.

Exit status: 0 done, 1 the answer is no (a check failed, an order is unknown), 2 the call or the
settings are wrong.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import click
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from erp.port import ErpError
from journal.jobs import PATHS, JournalError, JournalUnavailable, Kind, Stage, State
from journal.store import Listed
from tasks import orders as steps
from tasks.base import Team
from tasks.chains import send
from tasks.requests import RequestRefused
from vtex import schemas
from vtex.errors import VtexError
from vtex.simulator import __main__ as simulator
from workers import checks, cli_dead, cli_out, demo, log, views, wiring
from workers.app import app
from workers.options import AS_JSON, STORE, known, store_of
from workers.settings import load


class _Group(click.Group):
    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; what may go wrong in service is one line, not a traceback."""
        try:
            return super().invoke(ctx)
        except JournalUnavailable as error:
            hint = "vtex-erp migrate makes its tables, vtex-erp check tells more"
            raise click.ClickException(f"{error}; {hint}") from error
        except (JournalError, VtexError, ErpError, RequestRefused) as error:
            raise click.ClickException(str(error)) from error
        except (RedisError, OperationalError) as error:
            name = type(error).__name__
            raise click.ClickException(
                f"the broker does not answer ({name}): start it, or mend REDIS_URL; what was "
                "written to the journal goes on by itself once it is back"
            ) from error


@click.group(cls=_Group)
@click.version_option(package_name="vtex-erp-workers")
def main() -> None:
    """Move the paid orders of VTEX stores into the ERP, and see where each one stands."""
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
    """Serve a simulated VTEX store; ``vtex-erp simulate --help`` lists its options."""
    simulator.main(list(options))


@main.command()
@AS_JSON
def check(as_json: bool) -> None:
    """Check settings, broker, clock, beat, journal, ERP, and each store's permissions."""
    verdicts = checks.run(load())
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
@click.argument("order_id", required=False)
@STORE
def sync(order_id: str | None, store: str | None) -> None:
    """List the paid orders now, or bring in exactly one."""
    log.set_up("WARNING")
    team = wiring.equip()
    try:
        if order_id:
            _sync_one(team, store_of(team, store), order_id)
            return
        for name in [store_of(team, store)] if store else _all_stores(team):
            _sync_all(team, name)
    finally:
        wiring.dismiss()


def _all_stores(team: Team) -> list[str]:
    return list(team.vtex) or [store_of(team, None)]


def _sync_all(team: Team, store: str) -> None:
    new = seen = 0
    for page in team.vtex[store].list_orders():
        new += team.journal.record(store, steps.listed(page))
        seen += len(page.orders)
        click.echo(f"{store}: {min(seen, page.total)} of {page.total} listed, {new} new", err=True)
    tickets = team.journal.dispatch(in_flight=team.in_flight, store=store)
    send(team.journal, tickets)
    click.echo(f"{store}: {new} new orders, {len(tickets)} sent to the workers")


def _sync_one(team: Team, store: str, order_id: str) -> None:
    order = schemas.read_order(team.vtex[store].order(order_id))
    team.journal.record(store, [Listed(order.order_id, order.created_at, order.value_cents)])
    tickets = team.journal.dispatch(in_flight=team.in_flight, store=store, order_id=order.order_id)
    send(team.journal, tickets)
    row = team.journal.order(store, order.order_id)
    if tickets:
        click.echo(f"{store} {order.order_id}: sent to the workers")
    elif row is not None:
        click.echo(f"{store} {order.order_id}: {views.standing(row)}")


@main.command("orders")
@STORE
@click.option("--stage", type=click.Choice([one.value for one in PATHS[Kind.INTAKE]]))
@click.option("--state", type=click.Choice([one.value for one in State]))
@click.option("--older-than", type=float, metavar="MINUTES", help="Listed longer ago than this.")
@click.option("--limit", default=100, show_default=True)
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
    """Show where the orders stand."""
    journal = wiring.journal(load())
    try:
        rows = journal.orders(
            store=store,
            stage=Stage(stage) if stage else None,
            state=State(state) if state else None,
            older_than=timedelta(minutes=older_than) if older_than else None,
            limit=limit,
        )
        views.show_orders(rows, journal.counts(), as_json=as_json)
    finally:
        journal.close()


@main.command()
@click.argument("order_id")
@STORE
@click.option(
    "--dry-run", is_flag=True, help="Show the sales order it would become; write nothing."
)
@click.option("--documents", is_flag=True, help="Also VTEX's documents (personal data).")
@AS_JSON
def order(
    order_id: str, store: str | None, dry_run: bool, *, documents: bool, as_json: bool
) -> None:
    """Show an order's whole life, or the sales order that it would become."""
    settings = load()
    team = wiring.team(settings)
    try:
        if dry_run:
            raise SystemExit(_dry_run(team, store, order_id, as_json=as_json))
        row = known(team.journal, store, order_id)
        life = views.Life(
            row,
            team.journal.requests(row.store, order_id),
            team.journal.events(row.store, order_id),
            team.journal.documents(row.store, order_id) if documents else None,
        )
        views.show_order(life, as_json=as_json)
    finally:
        team.journal.close()
        team.erp.close()


def _dry_run(team: Team, store: str | None, order_id: str, *, as_json: bool) -> int:
    name = store or next(iter(team.journal.stores_of(order_id)), None) or store_of(team, None)
    kept, payment = team.journal.documents(name, order_id)
    source = "the journal's document"
    if kept is None:
        source = "VTEX, read just now"
        kept, payment = _documents_of_vtex(team, name, order_id)
    found = views.DryRun(name, order_id, kept, payment, source, lenient=name in team.lenient)
    return views.show_dry_run(found, as_json=as_json)


def _documents_of_vtex(
    team: Team, store: str, order_id: str
) -> tuple[dict[str, Any], dict[str, Any]]:
    client = team.vtex[store_of(team, store)]
    raw = client.order(order_id)
    ids = schemas.read_order(raw).gateway_transaction_ids
    return raw, {"transactions": [client.transaction(one) for one in ids]}


for command in (*cli_out.COMMANDS, *cli_dead.COMMANDS):
    main.add_command(command)


if __name__ == "__main__":
    main()
