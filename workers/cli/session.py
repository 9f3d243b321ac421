"""Provide a command with journal, ERP and VTEX, the chosen store, and confirmation."""

import sys
from collections.abc import Collection, Iterator
from contextlib import closing, contextmanager

import click

from foundation.messages import commands as messages
from foundation.messages import settings as of_settings
from journal.journal import Journal
from journal.orders import OrderRow
from tasks.context import Context
from workers import log, wiring
from workers.app import app
from workers.configuration.settings import Settings, load


@contextmanager
def journal_only(settings: Settings | None = None) -> Iterator[Journal]:
    """Yield the journal, for a command that needs only this."""
    log.set_up("WARNING")
    with closing(wiring.journal(settings or load())) as journal:
        yield journal


@contextmanager
def reading() -> Iterator[Context]:
    """Yield journal, ERP and VTEX, for a command that does not send messages."""
    log.set_up("WARNING")
    with closing(wiring.context(load())) as context:
        yield context


@contextmanager
def sending() -> Iterator[Context]:
    """Yield journal, ERP and VTEX, for a command that sends messages to the workers."""
    app.set_default()
    log.set_up("WARNING")
    try:
        yield wiring.set_up()
    finally:
        wiring.tear_down()


def chosen_store(names: Collection[str], store: str | None) -> str:
    """Return the configured store for a command.

    Raises:
        UsageError: the store is not configured, or several are and the option is missing.
    """
    if store in names:
        return str(store)
    if store is None and len(names) == 1:
        return next(iter(names))
    configured = ", ".join(names) or "none, set VTEX_ACCOUNT or STORES_FILE"
    if store is not None:
        raise click.UsageError(of_settings.STORE_UNKNOWN(store=store, known=configured))
    raise click.UsageError(messages.STORE_MISSING(known=configured))


def chosen_stores(context: Context, store: str | None) -> list[str]:
    """Return the named store, or all configured stores.

    Raises:
        UsageError: the store is not configured, or the settings name none.
    """
    return (
        list(context.vtex)
        if store is None and context.vtex
        else [chosen_store(context.vtex, store)]
    )


def store_of_order(journal: Journal, store: str | None, order_id: str) -> str | None:
    """Return the named store, or else the store that has the order, if any.

    Raises:
        UsageError: several stores have an order of this id.
    """
    stores = [store] if store else journal.orders.stores_of(order_id)
    if len(stores) > 1:
        raise click.UsageError(
            messages.ORDER_IN_SEVERAL(order_id=order_id, stores=", ".join(stores))
        )
    return next(iter(stores), None)


def warn_if_never_listed(store: str | None, stores: Collection[str]) -> None:
    """Warn if the journal lacks orders of a store: its name may be misspelt."""
    if store is not None and store not in stores:
        listed = ", ".join(stores) or "none"
        click.echo(f"no order of store {store!r} was ever listed (known: {listed})", err=True)


def known_order(journal: Journal, store: str | None, order_id: str) -> OrderRow:
    """Return the state of an order.

    Raises:
        UsageError: several stores have an order of this id.
        ClickException: the order is not in the journal.
    """
    name = store_of_order(journal, store, order_id)
    row = journal.orders.get(name, order_id) if name else None
    if row is None:
        option = f" --store {store}" if store else ""
        others = [other for other in journal.orders.stores_of(order_id) if other != store]
        elsewhere = f" (store {', '.join(others)} has one of this id)" if others else ""
        raise click.ClickException(
            messages.ORDER_ABSENT(order_id=order_id, elsewhere=elsewhere, options=option)
        )
    return row


def confirmed(question: str) -> bool:
    """Ask a question and return the answer, after a note if it is no.

    Raises:
        SystemExit: the command runs without a terminal, or it was closed.
    """
    try:
        yes = click.confirm(question)
    except click.Abort:
        advice = "" if sys.stdin.isatty() else "without a terminal to answer, add --yes; "
        click.echo(f"\n{advice}nothing was changed", err=True)
        raise SystemExit(1) from None
    if not yes:
        click.echo("nothing was changed")
    return yes
