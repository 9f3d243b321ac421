"""Run the commands of ``vtex-erp alerts``."""

import dataclasses
from collections.abc import Sequence
from datetime import datetime, timedelta, tzinfo

import click

from foundation.messages import checks
from journal.monitoring.alerts import AlertRow
from journal.monitoring.heartbeats import ALERTS_EVALUATED
from tasks.alerts.delivery import AlertMessage, Severity
from workers import log
from workers.cli.options import LocalTime
from workers.cli.output import moment, show_json, show_zone, zoned_moment
from workers.cli.session import journal_only
from workers.configuration.settings import Settings, load
from workers.notifier import AppriseNotifier

ALL = timedelta(days=365)

_TEST = AlertMessage(
    "vtex-erp: a test",
    "Alerts of the orders arrive here. This is only a test: nothing to do.",
    Severity.TEST,
)


def list_alerts(
    *, store: str | None, since: LocalTime | None, everything: bool, as_json: bool
) -> None:
    """List firing alerts: problem, start, next step, notified receivers."""
    settings = load()
    zone = settings.zone(store)
    begin = since.at(zone) if since else None
    with journal_only(settings) as journal:
        now = journal.now()
        rows = journal.alerts.find(store=store, since=now - ALL if everything else begin)
        watched = journal.heartbeats.last(ALERTS_EVALUATED)
    late = watched is None or (now - watched).total_seconds() > settings.alert_beat_silent_seconds
    if as_json:
        show_json({"watched_at": watched, "alerts": [dataclasses.asdict(row) for row in rows]})
    else:
        _show(rows, watched, settings, zone, late=late)
    raise SystemExit(1 if late or any(row.closed_at is None for row in rows) else 0)


def send_test(*, as_json: bool) -> None:
    """Send a test message to each receiver in ALERT_URLS."""
    log.set_up("ERROR")
    notifier = AppriseNotifier(load().alert_urls)
    if not notifier.receivers:
        raise click.UsageError(checks.RECEIVERS_MISSING())
    faults = {}
    for receiver in notifier.receivers:
        faults[receiver] = fault = notifier.send(receiver, _TEST)
        if not as_json:
            reason = f": {fault}" if fault else ""
            click.echo(f"{'FAILED' if fault else 'ok    '}  {receiver}{reason}")
    if as_json:
        receivers = [{"name": name, "fault": fault} for name, fault in faults.items()]
        show_json({"receivers": receivers})
    raise SystemExit(int(any(faults.values())))


def _show(
    rows: Sequence[AlertRow],
    watched: datetime | None,
    settings: Settings,
    zone: tzinfo,
    *,
    late: bool,
) -> None:
    if not rows and not late:
        click.echo(
            f"no alert is firing, as of {zoned_moment(watched, zone)}; a problem becomes an alert "
            f"after {settings.alert_pending_seconds:g} s (ALERT_PENDING_SECONDS)"
        )
    if rows:
        show_zone(zone)
    for row in rows:
        # Lines instead of a table: a reader copies the next step.
        end = f" until {moment(row.closed_at, zone)}" if row.closed_at else ""
        click.echo(f"{row.store or 'all'}  {row.rule}  since {moment(row.since, zone)}{end}")
        order = f" (first order {row.order_id})" if row.order_id else ""
        click.echo(f"    {row.message}{order}")
        if row.closed_at is None:
            click.echo(f"    next: {row.next_step}")
        click.echo(f"    notified: {_notified(row, receivers=bool(settings.alert_urls))}")
    if late:
        when = f"since {zoned_moment(watched, zone)}" if watched else "yet"
        click.echo(
            f"the alert rules have not been evaluated {when}: start celery -A workers beat, and a "
            "worker of the queue control",
            err=True,
        )


def _notified(row: AlertRow, *, receivers: bool) -> str:
    if row.fault:
        return f"failed, retried ({row.failures}): {row.fault}"
    if row.delivered:
        return ", ".join(sorted(row.delivered))
    return "soon" if receivers and row.closed_at is None else "nobody"
