"""Declare ``vtex-erp stores``: the configured stores, and pauses by hand."""

from typing import Any

import click

from workers.cli.options import AS_JSON, STORE, Minutes


@click.group()
def stores() -> None:
    """List, pause and resume stores."""


@stores.command("list")
@AS_JSON
def list_stores(**options: Any) -> None:
    """List stores with intake, pause and orders."""
    from workers.cli.actions import stores as actions

    actions.list_stores(**options)


@stores.command("pause")
@STORE
@click.option(
    "--minutes",
    type=Minutes(),
    metavar="MINUTES",
    help="Length of the pause. Default: until stores resume.",
)
@click.option(
    "--reason", default="by hand", show_default=True, help="Reason, shown by vtex-erp check."
)
def pause_store(**options: Any) -> None:
    """Stop every call of a store to VTEX.

    Its orders wait in the journal.
    """
    from workers.cli.actions import stores as actions

    actions.pause_store(**options)


@stores.command("resume")
@STORE
def resume_store(**options: Any) -> None:
    """End a store's pause.

    This also ends a pause that VTEX requested.
    """
    from workers.cli.actions import stores as actions

    actions.resume_store(**options)
