"""What the commands share: their options, and which store is meant."""

from __future__ import annotations

import math
import sys
from collections.abc import Collection
from typing import Any

import click

from journal.journal import Journal
from journal.orders import OrderRow
from tasks.context import Context


class OrderId(click.ParamType[str]):
    """A VTEX order id, as in 1268540501456-01, with what a copy from a page adds taken off."""

    name = "order"

    def convert(self, value: Any, param: Any, ctx: Any) -> str:
        """Return the id."""
        text = str(value).strip().lstrip("#")
        if not text.isascii() or not text.isprintable() or not text or " " in text:
            self.fail("that is no order id such as 1268540501456-01", param, ctx)
        return text


class Minutes(click.FloatRange):
    """Some minutes, up to ten years."""

    def __init__(self) -> None:
        super().__init__(0, 5_256_000)

    def convert(self, value: Any, param: Any, ctx: Any) -> float:
        """Return the number; one that is none compares as neither too small nor too large."""
        minutes = float(super().convert(value, param, ctx))
        if math.isnan(minutes):
            self.fail(f"{value!r} is no number", param, ctx)
        return minutes


AS_JSON = click.option("--json", "as_json", is_flag=True, help="JSON for machines.")
STORE = click.option(
    "--store", metavar="ACCOUNT", help="Account name; needed only where it is not clear."
)
ORDER_ID = click.argument("order_id", type=OrderId())


def store_of(context: Context, store: str | None) -> str:
    """Return the store that is meant.

    Raises:
        UsageError: it is not configured, or it is not clear which one.
    """
    names = list(context.vtex)
    if store in names:
        return str(store)
    if store is None and len(names) == 1:
        return names[0]
    known = ", ".join(names) or "none; set VTEX_ACCOUNT or STORES_FILE"
    if store is not None:
        raise click.UsageError(f"no store {store!r} is configured (configured: {known})")
    raise click.UsageError(f"which store? add --store (configured: {known})")


def store_in(journal: Journal, store: str | None, order_id: str) -> str | None:
    """Return the store that is meant, or that has the order; None where none has it.

    Raises:
        UsageError: several stores have one of this id.
    """
    stores = [store] if store else journal.orders.stores_of(order_id)
    if len(stores) > 1:
        raise click.UsageError(
            f"{order_id} is in several stores ({', '.join(stores)}): add --store"
        )
    return next(iter(stores), None)


def tell_if_never_listed(store: str | None, stores: Collection[str]) -> None:
    """Say that no order of a store is known, where that is so: its name may be misspelt."""
    if store is not None and store not in stores:
        listed = ", ".join(stores) or "none"
        click.echo(f"no order of store {store!r} was ever listed (known: {listed})", err=True)


def known(journal: Journal, store: str | None, order_id: str) -> OrderRow:
    """Return where an order stands.

    Raises:
        UsageError: several stores have one of this id.
        ClickException: it is not known here.
    """
    name = store_in(journal, store, order_id)
    row = journal.orders.get(name, order_id) if name else None
    if row is None:
        option = f" --store {store}" if store else ""
        others = [one for one in journal.orders.stores_of(order_id) if one != store]
        elsewhere = f" (store {', '.join(others)} has one of this id)" if others else ""
        raise click.ClickException(
            f"no order {order_id} in the journal{elsewhere}; VTEX's list may lag by minutes: "
            f"vtex-erp sync {order_id}{option} brings it in"
        )
    return row


def agreed(question: str) -> bool:
    """Ask, and say what no means: nothing was changed.

    Raises:
        SystemExit: nobody answers.
    """
    try:
        yes = click.confirm(question)
    except click.Abort:
        advice = "" if sys.stdin.isatty() else "nobody answers here: --yes goes without asking; "
        click.echo(f"\n{advice}nothing was changed", err=True)
        raise SystemExit(1) from None
    if not yes:
        click.echo("nothing was changed")
    return yes
