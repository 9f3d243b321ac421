"""The command that finds what has no code in the ERP before an order is refused for it."""

from __future__ import annotations

import dataclasses
import sys
from datetime import timedelta

import click
from rich.table import Column, Table

from erp.port import ErpError
from tasks.coverage import Coverage, cover
from workers import log, views, wiring
from workers.options import AS_JSON, STORE, store_of
from workers.settings import load


@click.command()
@STORE
@click.option(
    "--days",
    type=click.IntRange(1, 3650),
    default=7,
    show_default=True,
    help="Look at the orders that came in within so many; documents that were purged are gone.",
)
@click.option("--all", "everything", is_flag=True, help="Also what has its code, or needs none.")
@AS_JSON
def coverage(store: str | None, days: int, *, everything: bool, as_json: bool) -> None:
    """Show payments, carriers, channels, SKUs and documents that the ERP has no code for.

    Looks at the orders of the last days as the journal keeps them; calls VTEX for nothing. Exit
    status: 0 all is covered; 1 something has no code, or an order cannot be mapped at all.
    """
    log.set_up("WARNING")
    team = wiring.team(load())
    try:
        name = store_of(team, store)
        since = team.journal.now() - timedelta(days=days)
        kept = team.journal.kept_documents(name, since=since)
        if as_json:
            found = cover(team, name, since, kept)
        else:
            length = team.journal.count_documents(name, since=since)
            with click.progressbar(kept, length=length, label="orders", file=sys.stderr) as shown:
                found = cover(team, name, since, shown)
    except ErpError as error:
        raise click.ClickException(f"the ERP's codes are not known: {error}") from None
    finally:
        team.journal.close()
        team.erp.close()
    _show(found, everything=everything, as_json=as_json)
    raise SystemExit(1 if found.missing or found.unmappable else 0)


COMMANDS = (coverage,)


def _show(found: Coverage, *, everything: bool, as_json: bool) -> None:
    """Print what the orders of a store need, and what the ERP has no code for."""
    if as_json:
        views.show_json(dataclasses.asdict(found))
        return
    shown = found.seen if everything else found.missing
    if shown:
        table = Table(
            "kind", "VTEX", "name", Column("orders", justify="right"),
            Column("first order", no_wrap=True), "ERP",
        )  # fmt: skip
        for one in shown:
            code = one.erp_code or ("no code" if one.missing else "-")
            need = one.need
            table.add_row(
                need.kind, need.code, need.name or "", str(one.orders), one.first_order, code
            )
        views.console().print(table)
    for reason, ids in found.unmappable.items():
        click.echo(f"{len(ids)} cannot be mapped, such as {ids[0]}: {reason}")
    judged = ", ".join(found.judged) or "nothing"
    click.echo(
        f"{found.store}: {len(found.missing)} without a code, {found.orders} orders since "
        f"{views.moment(found.since)}; the ERP keeps codes for {judged}"
    )
