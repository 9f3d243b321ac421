"""What the commands share: their options, and which store is meant."""

from __future__ import annotations

import click

from journal.readings import OrderRow
from journal.store import Journal
from tasks.base import Team

AS_JSON = click.option("--json", "as_json", is_flag=True, help="JSON for machines.")
STORE = click.option("--store", help="Account name; needed only where it is not clear.")


def store_of(team: Team, store: str | None) -> str:
    """Return the store that is meant.

    Raises:
        UsageError: it is not configured, or it is not clear which one.
    """
    names = list(team.vtex)
    if store in names:
        return str(store)
    if store is None and len(names) == 1:
        return names[0]
    known = ", ".join(names) or "none; set VTEX_ACCOUNT or STORES_FILE"
    if store is not None:
        raise click.UsageError(f"no store {store!r} is configured (configured: {known})")
    raise click.UsageError(f"which store? add --store (configured: {known})")


def known(journal: Journal, store: str | None, order_id: str) -> OrderRow:
    """Return where an order stands.

    Raises:
        UsageError: several stores have one of this id.
        ClickException: it is not known here.
    """
    stores = [store] if store else journal.stores_of(order_id)
    if len(stores) > 1:
        raise click.UsageError(
            f"{order_id} is in several stores ({', '.join(stores)}): add --store"
        )
    row = journal.order(stores[0], order_id) if stores else None
    if row is None:
        raise click.ClickException(
            f"no order {order_id} in the journal; vtex-erp sync {order_id} brings it in"
        )
    return row
