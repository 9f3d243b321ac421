"""What the commands share: their options, and which store is meant."""

from __future__ import annotations

import click

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
