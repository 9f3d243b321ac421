"""The command that shows what is wrong, and tries whether those who are told get it."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import click

from journal.monitoring.alerts import AlertRow
from journal.monitoring.heartbeats import ALERTS_EVALUATED
from tasks.alerts.delivery import Message, Severity
from workers import log, wiring
from workers.cli import output as views
from workers.cli.actions.choice import AS_JSON
from workers.cli.actions.dead_letters import Moment
from workers.configuration.settings import Settings, load
from workers.notifier import AppriseNotifier

ALL = timedelta(days=365)

_TEST = Message(
    "vtex-erp: a test", "Alerts of the orders come here. Nothing is wrong, and nothing to do.",
    Severity.TEST,
)  # fmt: skip


@click.command("alerts")
@click.option("--store", metavar="ACCOUNT", help="This store's, and the cluster's.")
@click.option("--all", "everything", is_flag=True, help="Also those that are over.")
@click.option("--since", type=Moment(), help="Also those that were over then or later: 2h, 7d.")
@click.option("--test", is_flag=True, help="Send one to each of ALERT_URLS.")
@AS_JSON
def alerts_command(
    store: str | None, since: datetime | None, *, everything: bool, test: bool, as_json: bool
) -> None:
    """Show what is wrong, since when, what to do next, and who was told.

    Exit status: 0 nothing is open, 1 something is; with --test 0 if all have taken it.
    """
    log.set_up("ERROR")
    settings = load()
    if test:
        raise SystemExit(_test(settings, as_json=as_json))
    journal = wiring.journal(settings)
    try:
        now = journal.now()
        rows = journal.alerts.find(store=store, since=now - ALL if everything else since)
        watched = journal.heartbeats.last(ALERTS_EVALUATED)
    finally:
        journal.close()
    late = watched is None or (now - watched).total_seconds() > settings.alert_beat_silent_seconds
    if as_json:
        views.show_json({"watched_at": watched, "alerts": [_plain(one) for one in rows]})
    else:
        _show(rows, watched, settings, late=late)
    raise SystemExit(1 if late or any(one.closed_at is None for one in rows) else 0)


COMMANDS = (alerts_command,)


def _test(settings: Settings, *, as_json: bool) -> int:
    notifier = AppriseNotifier(settings.alert_urls)
    if not notifier.receivers:
        raise click.UsageError("nobody is to be told: set ALERT_URLS (docs/alerts.md)")
    faults = {}
    for one in notifier.receivers:
        faults[one] = fault = notifier.send(one, _TEST)
        if not as_json:
            click.echo(f"{'FAILED' if fault else 'ok    '}  {one}{f': {fault}' if fault else ''}")
    if as_json:
        views.show_json({"receivers": [{"name": k, "fault": v} for k, v in faults.items()]})
    return int(any(faults.values()))


def _show(
    rows: Sequence[AlertRow], watched: datetime | None, settings: Settings, *, late: bool
) -> None:
    if not rows and not late:
        click.echo(
            f"nothing is wrong, as of {views.moment(watched)}; what is younger than "
            f"{settings.alert_pending_seconds:g} s is no news yet (ALERT_PENDING_SECONDS)"
        )
    for one in rows:
        # No table: the next step is there to be copied.
        over = f" until {views.moment(one.closed_at)}" if one.closed_at else ""
        click.echo(f"{one.store or 'all'}  {one.rule}  since {views.moment(one.since)}{over}")
        click.echo(f"    {_what(one)}")
        if one.closed_at is None:
            click.echo(f"    next: {one.todo}")
        click.echo(f"    told: {_told(one, told=bool(settings.alert_urls))}")
    if late:
        when = f"since {views.moment(watched)}" if watched else "yet"
        click.echo(
            f"nobody has looked for alerts {when}: start celery -A workers beat, and a worker of "
            "the queue control",
            err=True,
        )


def _what(one: AlertRow) -> str:
    return f"{one.words} (first order {one.order_id})" if one.order_id else one.words


def _told(one: AlertRow, *, told: bool) -> str:
    if one.fault:
        return f"not taken, tried again ({one.failures}): {one.fault}"
    if one.delivered:
        return ", ".join(sorted(one.delivered))
    return "soon" if told and one.closed_at is None else "nobody"


def _plain(one: AlertRow) -> dict[str, Any]:
    return dataclasses.asdict(one)
