"""Run ``vtex-erp reconcile``."""

import dataclasses
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, tzinfo
from typing import Any

import click
from rich.table import Column

from foundation.messages import commands as messages
from tasks.context import Context
from tasks.reconciliation.compare import (
    FIX_TEXTS,
    KIND_TEXTS,
    Comparison,
    Finding,
    Fix,
    compare_store,
)
from tasks.reconciliation.repair import RepairResult, repair
from workers.cli.actions.backfill import patient_client, time_range
from workers.cli.options import LocalTime
from workers.cli.output import moment, progress, show_json, show_table, zoned_moment
from workers.cli.session import chosen_stores, confirmed, reading


def reconcile(  # a parameter per option
    *,
    store: str | None,
    since: LocalTime | None,
    until: LocalTime | None,
    fix: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Compare VTEX's orders with the journal and the ERP, and fix the fixable findings."""
    if fix and as_json and not yes:
        raise click.UsageError(messages.JSON_CANNOT_ASK(options="--yes"))
    left = 0
    answers: list[dict[str, Any]] = []
    with reading() as context:
        for name in chosen_stores(context, store):
            compared = _compare(context, name, *time_range(context, name, since, until))
            if not as_json:
                _show(compared, context.zone(name))
            fixed = _fix(context, compared.findings, yes=yes) if fix else {}
            rest = [
                finding
                for place, finding in enumerate(compared.findings)
                if not (place in fixed and fixed[place].done)
            ]
            if since is None and until is None:
                kept = dataclasses.replace(compared, findings=rest)
                context.journal.reconciliations.save(kept.summary(context.journal.now()))
            left += len(rest)
            answers.append(_as_json(compared, fixed))
    if as_json:
        show_json({"stores": answers})
    raise SystemExit(1 if left else 0)


def _compare(context: Context, store: str, since: datetime, until: datetime) -> Comparison:
    with progress(f"{store}: read") as show:
        return compare_store(
            context.journal,
            context.erp,
            patient_client(context, store),
            store,
            since,
            until,
            seen=show,
            also_intake=context.also_intake.get(store),
        )


def _fix(context: Context, findings: Sequence[Finding], *, yes: bool) -> dict[int, RepairResult]:
    """Fix the fixable findings, and return the results by the findings' indexes."""
    fixable = [
        (place, finding) for place, finding in enumerate(findings) if finding.fix is not Fix.NOTHING
    ]
    if not fixable:
        return {}
    if not yes:
        for (kind, fix), count in Counter(
            (finding.kind, finding.fix) for _, finding in fixable
        ).items():
            click.echo(f"{count:>7}  {KIND_TEXTS[kind]}: {FIX_TEXTS[fix]}")
        if not confirmed(f"fix {len(fixable)} of {len(findings)} findings?"):
            return {}
    fixed: dict[int, RepairResult] = {}
    try:
        with progress("fixed") as show:
            for place, finding in fixable:
                fixed[place] = repair(context, finding)
                show(len(fixed), len(fixable))
    finally:
        # Also after Ctrl-C: fixed findings stay fixed, and the next call takes the rest.
        for place, result in fixed.items():
            if not result.done:
                click.echo(f"{findings[place].order_id}: not fixed: {result.text}", err=True)
        done = sum(result.done for result in fixed.values())
        click.echo(f"{done} fixed, of {len(fixable)}", err=True)
    return fixed


def _show(compared: Comparison, zone: tzinfo) -> None:
    """Print the findings as a table, and their number by kind."""
    days = f"{moment(compared.since, zone)} to {zoned_moment(compared.until, zone)}"
    young = f", {compared.on_their_way} of them on their way" if compared.on_their_way else ""
    click.echo(
        f"{compared.store}: {compared.orders} orders of {days}{young}, "
        f"{len(compared.findings)} findings"
    )
    if not compared.findings:
        return
    rows = [
        (
            finding.kind,
            finding.order_id,
            finding.there.status or "-",
            f"{finding.here.state} at {finding.here.stage}" if finding.here else "-",
            finding.in_erp.reference if finding.in_erp else "-",
            finding.detail,
            finding.fix,
        )
        for finding in compared.findings
    ]
    show_table(
        (
            "kind",
            Column("order", no_wrap=True),
            "VTEX",
            "journal",
            "ERP",
            Column("difference", overflow="fold"),
            Column("--fix", overflow="fold"),
        ),
        rows,
    )
    for kind, count in Counter(finding.kind for finding in compared.findings).items():
        click.echo(f"{count:>7}  {kind}: {KIND_TEXTS[kind]}")


def _as_json(compared: Comparison, fixed: Mapping[int, RepairResult]) -> dict[str, Any]:
    return {
        "store": compared.store,
        "since": compared.since,
        "until": compared.until,
        "orders": compared.orders,
        "on_their_way": compared.on_their_way,
        "counts": Counter(str(finding.kind) for finding in compared.findings),
        "findings": [
            {
                "kind": finding.kind,
                "order_id": finding.order_id,
                "detail": finding.detail,
                "fix": finding.fix,
                "vtex": dataclasses.asdict(finding.there),
                "journal": dataclasses.asdict(finding.here) if finding.here else None,
                "erp": dataclasses.asdict(finding.in_erp) if finding.in_erp else None,
                "fixed": dataclasses.asdict(fixed[place]) if place in fixed else None,
            }
            for place, finding in enumerate(compared.findings)
        ],
    }
