"""Run the commands of ``vtex-erp stores``."""

from collections.abc import Iterator
from contextlib import contextmanager

import click
from redis.exceptions import RedisError
from rich.table import Column

from foundation.messages import commands as messages
from journal.journal import Journal
from workers import wiring
from workers.cli.output import (
    FOR_GOOD_SECONDS,
    counted,
    pause_as_json,
    pause_text,
    show_json,
    show_table,
)
from workers.cli.session import chosen_store, journal_only
from workers.configuration.settings import load


def list_stores(*, as_json: bool) -> None:
    """List the configured stores: intake, pause, orders by state."""
    settings = load()
    with journal_only(settings) as journal:
        counts, pauses = journal.orders.counts(), journal.store_pauses.find()
    if as_json:
        show_json(
            [
                {
                    "store": store.name,
                    "intake": store.intake,
                    "observe": store.observe,
                    "paused": pause_as_json(pauses.get(store.name)),
                    "counts": counts.get(store.name, {}),
                }
                for store in settings.stores
            ]
        )
        return
    rows = [
        (
            store.name,
            "list, only observed" if store.observe else store.intake,
            pause_text(store.name, pauses[store.name], settings.zone())
            if store.name in pauses
            else "-",
            counted(counts.get(store.name, {})) or "-",
        )
        for store in settings.stores
    ]
    show_table(("store", "intake", Column("paused", overflow="fold"), "orders"), rows)


def pause_store(*, store: str | None, minutes: float | None, reason: str) -> None:
    """Stop every call of a store to VTEX, for some minutes or until it is resumed."""
    if minutes == 0:
        raise click.UsageError(messages.PAUSE_EMPTY())
    with _journal_and_store(store) as (journal, name):
        before = journal.store_pauses.get(name)
        seconds = FOR_GOOD_SECONDS if minutes is None else minutes * 60
        journal.store_pauses.begin(name, seconds=seconds, reason=reason)
        resume = f"vtex-erp stores resume --store {name}"
        if before is not None and journal.store_pauses.get(name) == before:
            paused = pause_text(name, before, load().zone(name))
            click.echo(
                f"{name} is already paused {paused}; the longer pause stays, {resume} ends it"
            )
            return
        until = f"for {minutes:g} minutes" if minutes else f"until {resume}"
        click.echo(f"{name} is paused {until}; its orders wait in the journal")


def resume_store(*, store: str | None) -> None:
    """End a store's pause, also one that VTEX requested."""
    with _journal_and_store(store) as (journal, name):
        was = journal.store_pauses.get(name)
        journal.store_pauses.end(name)
        _resume_rate_limit(name)
        click.echo(f"{name} is resumed" if was else f"{name} was not paused")


@contextmanager
def _journal_and_store(store: str | None) -> Iterator[tuple[Journal, str]]:
    settings = load()
    name = chosen_store([store.name for store in settings.stores], store)
    with journal_only(settings) as journal:
        yield journal, name


def _resume_rate_limit(store: str) -> None:
    rate_limiter = wiring.rate_limiters(load()).get(store)
    if rate_limiter is None:
        return
    try:
        rate_limiter.resume()
    except RedisError as error:
        click.echo(
            f"Redis does not answer ({type(error).__name__}): a pause that VTEX requested lasts "
            "until its end",
            err=True,
        )
