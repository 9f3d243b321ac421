"""The command that makes the journal forget what is old."""

from __future__ import annotations

import sys
from datetime import timedelta

import click

from journal.journal import Journal
from journal.privacy.retention import PurgeCount, RetentionPolicy
from workers import log, wiring
from workers.cli.actions.choice import agreed
from workers.configuration.settings import load

_DAYS = click.IntRange(1, 36_500)


@click.command()
@click.option(
    "--documents-older-than",
    "documents_days",
    type=_DAYS,
    metavar="DAYS",
    help="Without it: RETENTION_DOCUMENTS_DAYS.",
)
@click.option(
    "--timeline-older-than",
    "timeline_days",
    type=_DAYS,
    metavar="DAYS",
    help="Without it: RETENTION_TIMELINE_DAYS.",
)
@click.option("--dry-run", is_flag=True, help="Show how much it is; delete nothing.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def purge(
    documents_days: int | None, timeline_days: int | None, *, dry_run: bool, yes: bool
) -> None:
    """Delete old documents and timelines of orders that are closed from the journal.

    The schedule does the same by itself. Orders stay known, so that none comes in twice; of those
    with an open or dead job all stays. The ERP's tables are not touched.
    """
    log.set_up("WARNING")
    settings = load()
    retention = wiring.retention(settings, documents_days, timeline_days)
    journal = wiring.journal(settings)
    try:
        found = sum(journal.retention.purge(retention, dry_run=True), PurgeCount())
        _show(found, retention)
        if dry_run or not found.any:
            return
        if yes or agreed("delete them for good?"):
            _purge(journal, retention, found)
    finally:
        journal.close()


COMMANDS = (purge,)


def _show(found: PurgeCount, retention: RetentionPolicy) -> None:
    old, older = (_age(one) for one in (retention.documents, retention.timeline))
    click.echo(f"{found.documents:>9}  orders' documents, closed {old}")
    click.echo(f"{found.request_bodies:>9}  contents of requests, ended {old}")
    click.echo(f"{found.events:>9}  lines of timelines, closed {older}")
    if found.waits:
        click.echo(
            f"{found.waits:>9}  old documents stay: their orders are open, dead, or closed since; "
            "vtex-erp dead, vtex-erp orders --state open"
        )


def _age(age: timedelta | None) -> str:
    return "at any time: kept for ever" if age is None else f"more than {age.days} days ago"


def _purge(journal: Journal, retention: RetentionPolicy, found: PurgeCount) -> None:
    done = PurgeCount()
    rows = found.documents + found.request_bodies + found.events
    try:
        with click.progressbar(length=rows, label="purged", file=sys.stderr) as bar:
            for batch in journal.retention.purge(retention):
                done += batch
                bar.update(batch.documents + batch.request_bodies + batch.events)
    finally:
        # Also where it was cut off: the next call takes the rest.
        click.echo(f"purged: {done}")
