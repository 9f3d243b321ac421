"""The store's feed: set it up, look at it, take it down."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

import click

from journal.feeds import FeedRow
from journal.journal import Journal
from tasks.context import Context
from tasks.intake.feed import PERMISSION, difference
from vtex.documents import FeedConfig
from vtex.errors import VtexUnauthorized
from vtex.statuses import CHANGES, FEED_STATUSES, READY
from workers import log, wiring
from workers.cli.actions.choice import AS_JSON, STORE, agreed, store_of
from workers.configuration.settings import load

FEWEST_KEPT, MOST_KEPT = 4, 14
"""Days for which VTEX keeps events."""


@click.group()
def feed() -> None:
    """Let orders come in by VTEX's feed, within seconds; see docs/feed.md."""


@feed.command()
@click.option(
    "--status",
    "statuses",
    multiple=True,
    type=click.Choice(FEED_STATUSES),
    metavar="STATUS",
    help=f"Besides {READY} and {', '.join(CHANGES)}; what is told of others is committed, and used "
    "where the order had been asked to be canceled. May be repeated.",
)
@click.option(
    "--hidden",
    "hidden_seconds",
    type=click.IntRange(1, 43_200),
    default=300,
    show_default=True,
    metavar="SECONDS",
    help="After these an event that was read and not committed comes again.",
)
@click.option(
    "--kept",
    "kept_days",
    type=click.IntRange(FEWEST_KEPT, MOST_KEPT),
    default=FEWEST_KEPT,
    show_default=True,
    metavar="DAYS",
    help="For so long VTEX keeps events; a feed without any for as long is dropped by VTEX.",
)
@click.option("--replace", is_flag=True, help="Take over a feed that was set up elsewhere.")
@STORE
def setup(
    statuses: tuple[str, ...],
    hidden_seconds: int,
    kept_days: int,
    *,
    replace: bool,
    store: str | None,
) -> None:
    """Configure the feed of the store's key at VTEX, and watch over it from now on.

    A key has one feed: where another system reads it, give the workers a key of their own.
    """
    with _store(store) as (context, name):
        client = context.vtex[name]
        wanted = FeedConfig(
            tuple(dict.fromkeys((READY, *CHANGES, *statuses))), hidden_seconds, kept_days * 86_400
        )
        found = client.feed_config()
        if found not in (None, wanted) and not replace and context.journal.feeds.get(name) is None:
            raise click.ClickException(
                f"{name}: this key has a feed already ({_told(found)}), which another system may "
                "read: use a key of your own, or add --replace"
            )
        client.configure_feed(wanted)
        context.journal.feeds.set_up(
            name, wanted.statuses or (), hidden_seconds=hidden_seconds,
            kept_seconds=kept_days * 86_400,
        )  # fmt: skip
        click.echo(f"{name}: the feed tells of {_told(wanted)}")
        _tell_intake(name)


@feed.command()
@STORE
@AS_JSON
def show(store: str | None, *, as_json: bool) -> None:
    """Show how the feed is set up, what waits in it, and whether it works."""
    with _store(store) as (context, name):
        ours, found = context.journal.feeds.get(name), context.vtex[name].feed_config()
        _show(name, ours, found, context.journal, as_json=as_json)


@feed.command()
@click.option("--yes", is_flag=True, help="Do not ask.")
@STORE
def remove(store: str | None, *, yes: bool) -> None:
    """Drop the feed at VTEX, with the events that wait in it; the list goes on as before."""
    with _store(store) as (context, name):
        if not yes and not agreed(f"drop the feed of {name}, for all who use its key?"):
            return
        # In this order: a worker would restore what it finds deleted.
        context.journal.feeds.forget(name)
        context.vtex[name].remove_feed()
        click.echo(f"{name}: no feed any more; orders come by the list alone")


COMMANDS = (feed,)


@contextmanager
def _store(store: str | None) -> Iterator[tuple[Context, str]]:
    log.set_up("WARNING")
    context = wiring.set_up()
    try:
        yield context, store_of(context, store)
    except VtexUnauthorized as error:
        if error.status != 403:
            raise
        raise click.ClickException(f"grant {PERMISSION!r} to the key ({error})") from error
    finally:
        wiring.tear_down()


def _told(config: FeedConfig) -> str:
    if not config.is_workflow:
        return "orders by an expression"
    return ", ".join(config.statuses) if config.statuses else "all statuses"


def _tell_intake(name: str) -> None:
    if load().store(name).intake == "list":
        click.echo(
            f"{name}: it is not read yet: set VTEX_INTAKE=both, or intake = \"both\" in "
            "STORES_FILE, for workers and beat, and restart them",
            err=True,
        )  # fmt: skip


def _show(
    name: str, ours: FeedRow | None, found: FeedConfig | None, journal: Journal, *, as_json: bool
) -> None:
    differs = difference(ours, found) if ours else None
    if as_json:
        shown: dict[str, Any] = {
            "store": name, "vtex": asdict(found) if found else None,
            "set_up": asdict(ours) if ours else None, "differs": differs,
        }  # fmt: skip
        click.echo(json.dumps(shown, default=str, ensure_ascii=False, indent=2))
        return
    click.echo(f"{name} at VTEX: {_told(found) if found else 'no feed'}")
    if found:
        oldest = f", the oldest for {found.oldest_seconds} s" if found.waiting else ""
        click.echo(
            f"  hidden for {found.hidden_seconds} s once read, kept for {found.kept_seconds} s, "
            f"{found.waiting} events wait{oldest}"
        )
    if ours is None:
        click.echo("  not set up here: vtex-erp feed setup")
        return
    click.echo(f"  set up here: {', '.join(ours.statuses)}{f'; {differs}' if differs else ''}")
    click.echo(f"  {_how_it_goes(ours, journal)}")
    if ours.restored_at:
        click.echo(f"  restored {_when(ours)}: {ours.restored_why}")
    if ours.unreadable:
        click.echo(f"  {ours.unreadable} events named no order, or had no handle (workers' log)")


def _how_it_goes(ours: FeedRow, journal: Journal) -> str:
    if ours.fault:
        return f"does not work: {ours.fault}"
    if load().store(ours.store).intake == "list":
        return f"is not read: the intake of {ours.store} is the list alone"
    return "works" if ours.works(journal.now()) else "is not read: is beat at work?"


def _when(feed: FeedRow) -> str:
    return f"{feed.restored_at.astimezone():%Y-%m-%d %H:%M:%S}" if feed.restored_at else "never"
