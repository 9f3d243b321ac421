"""Run the commands of ``vtex-erp codes``."""

import dataclasses
from collections.abc import Sequence
from datetime import tzinfo

import click
from rich.table import Column

from erp.port import ErpError
from foundation.local_days import days_ago
from foundation.messages import commands as messages
from tasks.intake.code_coverage import Coverage, Seen, cover
from workers.cli.output import show_json, show_table, with_progress, zoned_moment
from workers.cli.session import chosen_store, reading


def list_missing_codes(*, store: str | None, days: int, as_json: bool) -> None:
    """List payments, carriers, channels and SKUs without a code in the ERP."""
    coverage, zone = _coverage(store, days)
    _show(coverage, coverage.missing, zone, as_json=as_json)


def list_codes(*, store: str | None, days: int, as_json: bool) -> None:
    """List the code map and every code that recent orders needed, unmapped first."""
    coverage, zone = _coverage(store, days)
    _show(coverage, coverage.seen, zone, as_json=as_json)


def _coverage(store: str | None, days: int) -> tuple[Coverage, tzinfo]:
    with reading() as context:
        name = chosen_store(context.vtex, store)
        zone = context.zone(name)
        since = days_ago(days, context.journal.now(), zone)
        kept = context.journal.documents.each(name, since=since)
        length = context.journal.documents.count(name, since=since)
        try:
            return cover(context, name, since, with_progress("orders", kept, length)), zone
        except ErpError as error:
            raise click.ClickException(messages.CODES_UNREADABLE(error=error)) from None


def _show(coverage: Coverage, shown: Sequence[Seen], zone: tzinfo, *, as_json: bool) -> None:
    if as_json:
        show_json(dataclasses.asdict(coverage))
    else:
        _print_table(coverage, shown, zone)
    raise SystemExit(1 if coverage.missing or coverage.unmappable else 0)


def _print_table(coverage: Coverage, shown: Sequence[Seen], zone: tzinfo) -> None:
    if shown:
        show_table(
            (
                "kind",
                "VTEX",
                "name",
                "ERP",
                "from",
                Column("orders", justify="right"),
                Column("first order", no_wrap=True),
            ),
            (
                (
                    seen.need.kind,
                    seen.need.code,
                    seen.need.name or "",
                    *_code(seen),
                    seen.orders,
                    seen.first_order or "",
                )
                for seen in shown
            ),
        )
    for reason, ids in coverage.unmappable.items():
        click.echo(f"{len(ids)} cannot be mapped, such as {ids[0]}: {reason}")
    click.echo(
        f"{coverage.store}: {len(coverage.missing)} without a code, {coverage.orders} orders since "
        f"{zoned_moment(coverage.since, zone)}; ERP_CODE_MAP_FILE has codes for "
        f"{_listed(coverage.mapped)}, the ERP keeps codes for {_listed(coverage.judged)}"
    )


def _code(seen: Seen) -> tuple[str, str]:
    if seen.missing:
        return "no code", ""
    return (seen.erp_code, seen.source or "") if seen.erp_code else ("as VTEX has it", "")


def _listed(kinds: tuple[str, ...]) -> str:
    return ", ".join(kinds) or "nothing"
