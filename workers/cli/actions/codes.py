"""The commands that tell what is mapped to the ERP's codes, and what has none yet."""

from __future__ import annotations

import dataclasses
import sys
from datetime import timedelta

import click
from rich.table import Column, Table

from erp.port import ErpError
from tasks.intake.code_coverage import Coverage, Seen, cover
from workers import log, wiring
from workers.cli import output as views
from workers.cli.actions.choice import AS_JSON, STORE, store_of
from workers.configuration.settings import load

DAYS = click.option(
    "--days",
    type=click.IntRange(1, 3650),
    default=7,
    show_default=True,
    help="Look at the orders that came in within so many; documents that were purged are gone.",
)


@click.command()
@STORE
@DAYS
@click.option("--all", "everything", is_flag=True, help="Also what has its code, or needs none.")
@AS_JSON
def coverage(store: str | None, days: int, *, everything: bool, as_json: bool) -> None:
    """Show payments, carriers, channels, SKUs and the like that have no code in the ERP.

    Looks at the orders of the last days as the journal keeps them; calls VTEX for nothing. Exit
    status: 0 all is covered; 1 something has no code, or an order cannot be mapped at all.
    """
    _look(store, days, everything=everything, as_json=as_json)


@click.command(name="map")
@STORE
@DAYS
@AS_JSON
def show_map(store: str | None, days: int, *, as_json: bool) -> None:
    """Show what things are called in the ERP, and what orders of the last days need.

    All that ERP_CODE_MAP_FILE has, all that orders needed, what has no code first. What an
    order becomes by it: vtex-erp order ID --dry-run. Exit status as of coverage.
    """
    _look(store, days, everything=True, as_json=as_json)


COMMANDS = (coverage, show_map)


def _look(store: str | None, days: int, *, everything: bool, as_json: bool) -> None:
    log.set_up("WARNING")
    context = wiring.context(load())
    try:
        name = store_of(context, store)
        since = context.journal.now() - timedelta(days=days)
        kept = context.journal.documents.each(name, since=since)
        if as_json:
            found = cover(context, name, since, kept)
        else:
            length = context.journal.documents.count(name, since=since)
            with click.progressbar(kept, length=length, label="orders", file=sys.stderr) as shown:
                found = cover(context, name, since, shown)
    except ErpError as error:
        raise click.ClickException(f"the ERP's codes are not known: {error}") from None
    finally:
        context.journal.close()
        context.erp.close()
    _show(found, everything=everything, as_json=as_json)
    raise SystemExit(1 if found.missing or found.unmappable else 0)


def _show(found: Coverage, *, everything: bool, as_json: bool) -> None:
    """Print what the orders of a store need, and what of it has no code."""
    if as_json:
        views.show_json(dataclasses.asdict(found))
        return
    shown = found.seen if everything else found.missing
    if shown:
        table = Table(
            "kind", "VTEX", "name", "ERP", "from", Column("orders", justify="right"),
            Column("first order", no_wrap=True),
        )  # fmt: skip
        for one in shown:
            table.add_row(
                one.need.kind, one.need.code, one.need.name or "", *_called(one),
                str(one.orders), one.first_order or "",
            )  # fmt: skip
        views.console().print(table)
    for reason, ids in found.unmappable.items():
        click.echo(f"{len(ids)} cannot be mapped, such as {ids[0]}: {reason}")
    click.echo(
        f"{found.store}: {len(found.missing)} without a code, {found.orders} orders since "
        f"{views.moment(found.since)}; ERP_CODE_MAP_FILE has codes for {_listed(found.mapped)}, "
        f"the ERP keeps codes for {_listed(found.judged)}"
    )


def _called(one: Seen) -> tuple[str, str]:
    if one.missing:
        return "no code", ""
    return (one.erp_code, one.source or "") if one.erp_code else ("as VTEX has it", "")


def _listed(kinds: tuple[str, ...]) -> str:
    return ", ".join(kinds) or "nothing"
