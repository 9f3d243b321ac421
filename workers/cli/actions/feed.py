"""Run the commands of ``vtex-erp feed``."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict

import click

from foundation.messages import checks
from foundation.messages import commands as messages
from journal.feeds import FeedRow
from journal.journal import Journal
from tasks.context import Context
from tasks.intake.feed import PERMISSION, difference
from vtex.documents import FeedConfig
from vtex.errors import VtexUnauthorized
from vtex.statuses import CHANGES, READY
from workers.cli.output import show_json, zoned_moment
from workers.cli.session import chosen_store, confirmed, reading
from workers.configuration.settings import load


def set_up_feed(
    *,
    statuses: tuple[str, ...],
    hidden_seconds: int,
    kept_days: int,
    replace: bool,
    store: str | None,
) -> None:
    """Configure the feed of the store's key at VTEX, and monitor it from now on."""
    with _store(store) as (context, name):
        client = context.vtex[name]
        also = context.also_intake.get(name)
        handled = sorted(also.statuses) if also else ()
        followed = tuple(dict.fromkeys((READY, *CHANGES, *handled, *statuses)))
        wanted = FeedConfig(followed, hidden_seconds, kept_days * 86_400)
        current = client.feed_config()
        if (
            current not in (None, wanted)
            and not replace
            and context.journal.feeds.get(name) is None
        ):
            raise click.ClickException(messages.FEED_TAKEN(store=name, statuses=_statuses(current)))
        client.configure_feed(wanted)
        context.journal.feeds.set_up(
            name,
            wanted.statuses or (),
            hidden_seconds=hidden_seconds,
            kept_seconds=kept_days * 86_400,
        )
        click.echo(f"{name}: the feed reports {_statuses(wanted)}")
        _warn_if_unread(name)


def show_feed(*, store: str | None, as_json: bool) -> None:
    """Show the feed's configuration, its waiting events and its state."""
    with _store(store) as (context, name):
        ours, current = context.journal.feeds.get(name), context.vtex[name].feed_config()
        differs = difference(ours, current) if ours else None
        if as_json:
            show_json(
                {
                    "store": name,
                    "vtex": asdict(current) if current else None,
                    "set_up": asdict(ours) if ours else None,
                    "differs": differs,
                }
            )
            return
        _print_config(name, current)
        if ours is None:
            click.echo("  not set up here: vtex-erp feed setup")
        else:
            _print_standing(ours, differs, context)


def remove_feed(*, store: str | None, yes: bool) -> None:
    """Drop the feed at VTEX with its waiting events."""
    with _store(store) as (context, name):
        if not yes and not confirmed(f"drop the feed of {name}, for every user of its key?"):
            return
        # In this order: a worker restores a feed that it finds deleted.
        context.journal.feeds.forget(name)
        context.vtex[name].remove_feed()
        click.echo(f"{name}: the feed is removed; orders come in by the list alone")


@contextmanager
def _store(store: str | None) -> Iterator[tuple[Context, str]]:
    with reading() as context:
        try:
            yield context, chosen_store(context.vtex, store)
        except VtexUnauthorized as error:
            if error.status != 403:
                raise
            fault = checks.PERMISSION_MISSING(permission=PERMISSION, error=error)
            raise click.ClickException(fault) from error


def _statuses(config: FeedConfig | None) -> str:
    if config is None:
        return "no feed"
    if not config.is_workflow:
        return "orders by an expression"
    return ", ".join(config.statuses) if config.statuses else "all statuses"


def _warn_if_unread(name: str) -> None:
    if load().store(name).intake == "list":
        click.echo(
            f'{name}: the workers do not read it yet: set VTEX_INTAKE=both, or intake = "both" in '
            "STORES_FILE, for workers and beat, and restart them",
            err=True,
        )


def _print_config(name: str, current: FeedConfig | None) -> None:
    click.echo(f"{name} at VTEX: {_statuses(current)}")
    if current:
        oldest = f", the oldest for {current.oldest_seconds} s" if current.waiting else ""
        click.echo(
            f"  hidden for {current.hidden_seconds} s once read, kept for "
            f"{current.kept_seconds} s, {current.waiting} events wait{oldest}"
        )


def _print_standing(ours: FeedRow, differs: str | None, context: Context) -> None:
    click.echo(f"  set up here: {', '.join(ours.statuses)}{f'; {differs}' if differs else ''}")
    click.echo(f"  {_state(ours, context.journal)}")
    if ours.restored_at:
        when = zoned_moment(ours.restored_at, context.zone(ours.store))
        click.echo(f"  restored {when}: {ours.restored_reason}")
    if ours.unreadable:
        click.echo(f"  {ours.unreadable} events named no order, or had no handle (workers' log)")


def _state(ours: FeedRow, journal: Journal) -> str:
    if ours.fault:
        return f"does not work: {ours.fault}"
    if load().store(ours.store).intake == "list":
        return f"is not read: the intake of {ours.store} is the list alone"
    return (
        "works" if ours.is_working(journal.now()) else "is not read: start celery -A workers beat"
    )
