"""The operator's handles: what is dead, trying it again, giving it up; pausing a store."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import click
from redis.exceptions import RedisError

from journal.jobs.dead_letters import DeadLetter, DeadLetterFilter
from journal.journal import Journal
from journal.model import Kind
from tasks.context import Context
from tasks.workflow import send
from workers import log, wiring
from workers.cli import output as views
from workers.cli.actions.choice import (
    AS_JSON,
    STORE,
    Minutes,
    OrderId,
    agreed,
    known,
    tell_if_never_listed,
)
from workers.configuration.settings import load
from workers.pauses import FOR_GOOD_SECONDS, told

MOST = 100_000
"""Jobs that one call takes, so that they fit into memory; the next one takes the rest."""

CAUSES = 5
"""Causes that a question names; dead shows them all."""

_AGO = re.compile(r"(\d+)([mhd])")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}


class Moment(click.ParamType[datetime]):
    """A time of this machine's clock, as 2026-03-10T15:04, or how long ago, as 90m, 2h, 3d.

    A day alone, as 2026-03-10, is its beginning; where ``whole_day`` is set, its end.
    """

    name = "time"

    def __init__(self, *, whole_day: bool = False) -> None:
        self.whole_day = whole_day

    def convert(self, value: Any, param: Any, ctx: Any) -> datetime:
        """Return an aware time."""
        text = str(value).strip()
        try:
            if ago := _AGO.fullmatch(text):
                return datetime.now(UTC) - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
            moment = datetime.fromisoformat(text)
            if self.whole_day and _DAY.fullmatch(text):
                moment += timedelta(days=1, microseconds=-1)
            return moment.astimezone(UTC)
        except (ValueError, OverflowError):
            self.fail(f"{value!r} is no time such as 2026-03-10T15:04, 90m, 2h or 3d", param, ctx)


def _filters(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in (
        STORE,
        click.option(
            "--kind", type=click.Choice([one.value for one in Kind]), help="What was to be done."
        ),
        click.option(
            "--reason", metavar="TEXT", help="A part of the reason, or a cause as dead shows it."
        ),
        click.option(
            "--since", type=Moment(), help="Died then or later: 2026-03-10, 2026-03-10T15:04, 2h."
        ),
        click.option(
            "--until", type=Moment(whole_day=True), help="Died then or earlier; a day counts whole."
        ),
        click.option(
            "--job",
            type=click.IntRange(1, 2**63 - 1),
            metavar="NUMBER",
            help="One job, by the number that dead or order ID shows.",
        ),
    ):
        command = option(command)
    return command


def _which(order_id: str | None, kind: str | None, given: dict[str, Any]) -> DeadLetterFilter:
    if given["since"] and given["until"] and given["since"] > given["until"]:
        raise click.UsageError("--since is later than --until: no time is between them")
    return DeadLetterFilter(order_id=order_id, kind=Kind(kind) if kind else None, **given)


def _find(journal: Journal, which: DeadLetterFilter) -> list[DeadLetter]:
    rows = journal.dead_letters.find(which, limit=MOST)
    if not rows:
        tell_if_never_listed(which.store, journal.orders.counts())
        _tell_if_not_dead(journal, which.job)
    if len(rows) == MOST:
        click.echo(f"these are the {MOST} that are dead for the longest, not all", err=True)
    return rows


def _tell_if_not_dead(journal: Journal, job: int | None) -> None:
    row = journal.requests.get(job) if job is not None else None
    if row is not None:
        click.echo(views.standing_of_request(row), err=True)
        if row.purged:
            click.echo(
                "what it asked for was purged, so it cannot be tried again: ask for it anew, "
                "for an invoice under another number",
                err=True,
            )


@click.command("dead")
@click.argument("order_id", type=OrderId(), required=False)
@_filters
@click.option(
    "--limit", type=click.IntRange(0), default=20, show_default=True, help="Jobs shown one by one."
)
@AS_JSON
def dead_command(
    order_id: str | None, kind: str | None, limit: int, *, as_json: bool, **given: Any
) -> None:
    """Show what was set aside, grouped by its cause."""
    which = _which(order_id, kind, given)
    journal = wiring.journal(load())
    try:
        views.show_dead(_find(journal, which), limit, as_json=as_json)
    finally:
        journal.close()


@click.command()
@click.argument("order_id", type=OrderId(), required=False)
@_filters
@click.option("--all", "everything", is_flag=True, help="All that is dead.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def retry(
    order_id: str | None, kind: str | None, *, everything: bool, yes: bool, **given: Any
) -> None:
    """Let an order, or all dead jobs that fit the filters, try again now."""
    log.set_up("WARNING")
    context = wiring.set_up()
    try:
        if order_id and not any(value for name, value in given.items() if name != "store"):
            _retry_order(context, order_id, given["store"])
            return
        _require_some(order_id, kind, given, everything=everything)
        rows = _find(context.journal, _which(order_id, kind, given))
        if _confirmed(rows, "try again", yes=yes):
            _with_progress(context.journal.dead_letters.retry(rows), len(rows), "tried again")
            send(context.journal, context.journal.jobs.dispatch(in_flight=context.in_flight))
    finally:
        wiring.tear_down()


@click.command()
@click.argument("order_id", type=OrderId(), required=False)
@_filters
@click.option("--all", "everything", is_flag=True, help="All that is dead.")
@click.option("--why", required=True, help="Kept in the timeline; the ERP hears it.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def discard(
    order_id: str | None, kind: str | None, why: str, *, everything: bool, yes: bool, **given: Any
) -> None:
    """Give up dead jobs for good, with a reason."""
    _require_some(order_id, kind, given, everything=everything)
    which = _which(order_id, kind, given)
    if not why.strip():
        raise click.UsageError("--why is empty: the timeline and the ERP are to know a reason")
    journal = wiring.journal(load())
    try:
        rows = _find(journal, which)
        if _confirmed(rows, "give up for good", yes=yes):
            _with_progress(journal.dead_letters.discard(rows, why), len(rows), "given up")
    finally:
        journal.close()


@click.command()
@click.argument("store")
@click.option("--minutes", type=Minutes(), help="Without it: until vtex-erp resume.")
@click.option("--why", default="by hand", show_default=True, help="What check tells of it.")
def pause(store: str, minutes: float | None, why: str) -> None:
    """Let nothing of a store call VTEX; its orders wait in the journal."""
    if minutes == 0:
        raise click.UsageError("--minutes 0 is no pause; without --minutes it lasts until resume")
    with _journal_of(store) as journal:
        before = journal.store_pauses.get(store)
        seconds = FOR_GOOD_SECONDS if minutes is None else minutes * 60
        journal.store_pauses.begin(store, seconds=seconds, reason=why)
        if before is not None and journal.store_pauses.get(store) == before:
            click.echo(
                f"{store} pauses already, {told(store, before)}; that is longer and stays, "
                f"vtex-erp resume {store} ends it"
            )
            return
        until = f"for {minutes:g} minutes" if minutes else f"until vtex-erp resume {store}"
        click.echo(f"{store} pauses {until}; its orders wait in the journal")


@click.command()
@click.argument("store")
def resume(store: str) -> None:
    """End a store's pause, whoever began it."""
    with _journal_of(store) as journal:
        was = journal.store_pauses.get(store)
        journal.store_pauses.end(store)
        _resume_rate_limit(store)
        click.echo(f"{store} goes on" if was else f"{store} did not pause")


def _resume_rate_limit(store: str) -> None:
    rate_limiter = wiring.rate_limiters(load()).get(store)
    if rate_limiter is None:
        return
    try:
        rate_limiter.resume()
    except RedisError as error:
        click.echo(
            f"Redis does not answer ({type(error).__name__}): if VTEX asked for the pause, calls "
            "go on only after it",
            err=True,
        )


COMMANDS = (dead_command, retry, discard, pause, resume)


@contextmanager
def _journal_of(store: str) -> Iterator[Journal]:
    settings = load()
    settings.store(store)
    journal = wiring.journal(settings)
    try:
        yield journal
    finally:
        journal.close()


def _retry_order(context: Context, order_id: str, store: str | None) -> None:
    row = known(context.journal, store, order_id)
    its_intake = context.journal.jobs.retry(row.store, order_id)
    requests = sum(
        context.journal.dead_letters.retry(
            context.journal.dead_letters.find(DeadLetterFilter(row.store, order_id))
        )
    )
    if not its_intake and not requests:
        stands = views.standing(row, context.journal.store_pauses.get(row.store))
        click.echo(f"{row.store} {order_id}: nothing to do, it {stands}")
        return
    tickets = context.journal.jobs.dispatch(
        in_flight=context.in_flight, store=row.store, order_id=order_id
    )
    send(context.journal, tickets)
    begun = ", ".join(f"{one.kind} from stage {one.stage}" for one in tickets)
    click.echo(f"{row.store} {order_id}: tried again ({begun or 'when it is due'})")


def _require_some(
    order_id: str | None, kind: str | None, given: dict[str, Any], *, everything: bool
) -> None:
    if not (order_id or kind or everything or any(given.values())):
        raise click.UsageError("which ones? name an order or a filter, or say --all")


def _confirmed(rows: Sequence[DeadLetter], what: str, *, yes: bool) -> bool:
    if not rows:
        click.echo("no dead job fits")
        return False
    orders = len({(one.store, one.order_id) for one in rows})
    if yes:
        return True
    causes = views.causes_of(rows)
    for cause, found in causes[:CAUSES]:
        click.echo(f"{len(found):>7}  {cause}")
    if len(causes) > CAUSES:
        click.echo(f"and {len(causes) - CAUSES} causes more: vtex-erp dead shows them")
    return agreed(f"{what}: {len(rows)} jobs of {orders} orders?")


def _with_progress(moved: Iterator[int], count: int, what: str) -> None:
    done = 0
    try:
        with click.progressbar(length=count, label=what, file=sys.stderr) as bar:
            for batch in moved:
                done += batch
                bar.update(batch)
    finally:
        # Also where it was cut off: what was moved stays moved, and the next call takes the rest.
        click.echo(f"{done} jobs {what}" + (f", of {count}" if done < count else ""))
