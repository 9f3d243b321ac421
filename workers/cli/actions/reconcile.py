"""What VTEX has against what is here: show it, mend it; and bring in a range of dates."""

from __future__ import annotations

import dataclasses
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import click

from journal.model import State
from journal.orders import NewOrder
from tasks.context import Context
from tasks.reconciliation import repair
from tasks.reconciliation.compare import DAYS, FIXES, WORDS, Compared, Finding, Fix, compare_store
from tasks.reconciliation.repair import Mended
from vtex.client import READABLE, VtexClient
from vtex.statuses import READY
from vtex.transport.rate_limit import Priority
from workers import log, wiring
from workers.cli import output as views
from workers.cli.actions.choice import AS_JSON, STORE, agreed, store_of
from workers.cli.actions.dead_letters import Moment
from workers.configuration.settings import load

TOLD_SECONDS = 5.0
"""Shorter waits for calls are not told of."""

_FROM: dict[str, Any] = {
    "type": Moment(),
    "help": "Placed then or later: 2026-03-10, 2026-03-10T15:04, 7d.",
}
_TO: dict[str, Any] = {
    "type": Moment(whole_day=True),
    "help": "Placed then or earlier; a day counts whole.",
}


@click.command()
@STORE
@click.option("--from", "since", **_FROM)
@click.option("--to", "until", **_TO)
@click.option("--fix", is_flag=True, help="Mend what can safely be mended; asks first.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@AS_JSON
def reconcile(
    store: str | None,
    since: datetime | None,
    until: datetime | None,
    *,
    fix: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Compare what VTEX has with the journal and the ERP, of the last 7 days or a range.

    Reads all orders of VTEX's list, whatever their status, with calls that let all others go
    first. Exit status: 0 nothing was found, or all that was is mended; 1 findings are left.
    """
    if fix and as_json and not yes:
        raise click.UsageError("--json --fix asks nobody: add --yes")
    log.set_up("WARNING")
    with _team() as context:
        left = 0
        answers: list[dict[str, Any]] = []
        for name in _stores(context, store):
            compared = _compare(context, name, *_range(context, since, until, timedelta(days=DAYS)))
            if not as_json:
                views.show_findings(compared)
            mended = _fix(context, compared.findings, yes=yes) if fix else {}
            rest = [
                one
                for place, one in enumerate(compared.findings)
                if not (place in mended and mended[place].done)
            ]
            if since is None and until is None:
                kept = dataclasses.replace(compared, findings=rest)
                context.journal.reconciliations.save(kept.summary(context.journal.now()))
            left += len(rest)
            answers.append(views.comparison(compared, mended))
        if as_json:
            views.show_json({"stores": answers})
    raise SystemExit(1 if left else 0)


@click.command()
@STORE
@click.option("--from", "since", required=True, **_FROM)
@click.option("--to", "until", **_TO)
def backfill(store: str | None, since: datetime, until: datetime | None) -> None:
    """Bring in every paid order (ready-for-handling) that was placed in a range of dates.

    They are written to the journal, where the workers find them. Called again it goes through
    the same orders and changes nothing about those that are known.
    """
    log.set_up("WARNING")
    with _team() as context:
        for name in _stores(context, store):
            _backfill(context, name, *_range(context, since, until, READABLE))


COMMANDS = (reconcile, backfill)


@contextmanager
def _team() -> Iterator[Context]:
    context = wiring.context(load())
    try:
        yield context
    finally:
        context.journal.close()
        context.erp.close()


def _stores(context: Context, store: str | None) -> Sequence[str]:
    return [store_of(context, store)] if store else list(context.vtex) or [store_of(context, None)]


def _range(
    context: Context, since: datetime | None, until: datetime | None, default: timedelta
) -> tuple[datetime, datetime]:
    until = until or context.journal.now()
    since = since or until - default
    if since >= until:
        raise click.UsageError("--from is not earlier than --to: no order was placed between them")
    return since, until


def _client(context: Context, store: str) -> VtexClient:
    """Return a client whose calls come after all others, and come in the end."""

    def wait(seconds: float) -> None:
        # A small rate limit has a call every second or so; that is no news.
        if seconds >= TOLD_SECONDS:
            click.echo(f"\nwaits {seconds:.0f} s for VTEX's quota: others go first", err=True)
        time.sleep(seconds)

    return context.vtex[store].with_priority(Priority.LISTING, wait=wait)


def _compare(context: Context, store: str, since: datetime, until: datetime) -> Compared:
    with _progress(f"{store}: read") as seen:
        return compare_store(
            context.journal, context.erp, _client(context, store), store, since, until, seen=seen
        )


@contextmanager
def _progress(label: str) -> Iterator[Callable[[int, int], None]]:
    hidden = not sys.stderr.isatty()
    with click.progressbar(
        length=1, label=label, file=sys.stderr, show_pos=True, hidden=hidden
    ) as bar:

        def seen(read: int, total: int) -> None:
            bar.length = max(read, total, 1)
            bar.update(read - bar.pos)

        yield seen


def _fix(context: Context, findings: Sequence[Finding], *, yes: bool) -> dict[int, Mended]:
    """Mend what can be; return what came of it, by the findings' places."""
    able = [(place, one) for place, one in enumerate(findings) if one.fix is not Fix.NOTHING]
    if not able:
        return {}
    if not yes:
        for (kind, fix), count in Counter((one.kind, one.fix) for _, one in able).items():
            click.echo(f"{count:>7}  {WORDS[kind]}: {FIXES[fix]}")
        if not agreed(f"mend {len(able)} of {len(findings)} findings?"):
            return {}
    mended: dict[int, Mended] = {}
    try:
        hidden = not sys.stderr.isatty()
        with click.progressbar(able, label="mended", file=sys.stderr, hidden=hidden) as bar:
            for place, one in bar:
                mended[place] = repair.mend(context, one)
    finally:
        # Also where it was cut off: what was mended stays so, and the next call finds the rest.
        for place, came in mended.items():
            if not came.done:
                click.echo(f"{findings[place].order_id}: not mended: {came.words}", err=True)
        done = sum(one.done for one in mended.values())
        click.echo(f"{done} mended, of {len(able)}", err=True)
    return mended


def _backfill(context: Context, store: str, since: datetime, until: datetime) -> None:
    read = new = skipped = 0
    through: datetime | None = None
    try:
        with _progress(f"{store}: brought in") as seen:
            for part in _client(context, store).created(since, until, status=READY):
                known = context.journal.reconciliations.orders(
                    store, [one.order_id for one in part.orders]
                )
                new += context.journal.orders.record(
                    store,
                    [
                        NewOrder(one.order_id, one.created_at, one.value_cents)
                        for one in part.orders
                    ],
                )
                skipped += sum(one.state is State.SKIPPED for one in known.values())
                read += len(part.orders)
                through = part.through or through
                for reason in part.unreadable:
                    click.echo(f"\na row of the list names no order: {reason}", err=True)
                seen(read, part.total)
    finally:
        click.echo(f"{store}: {new} new, {read - new} known, {skipped} of these skipped here")
        if through is None or through < until:
            begin = (through or since).astimezone().isoformat(timespec="seconds")
            click.echo(f"{store}: it ended early; go on with --from {begin}", err=True)
