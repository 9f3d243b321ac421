"""Declare ``vtex-erp stores``: the configured stores, and pauses by hand."""

import click

from workers.cli.options import AS_JSON, STORE, Minutes, runs_action


@click.group()
def stores() -> None:
    """List, pause and resume stores."""


@stores.command("list")
@AS_JSON
@runs_action
def list_stores() -> None:
    """List stores with intake, pause and orders."""


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
@runs_action
def pause_store() -> None:
    """Stop every call of a store to VTEX.

    Its orders wait in the journal.
    """


@stores.command("resume")
@STORE
@runs_action
def resume_store() -> None:
    """End a store's pause.

    This also ends a pause that VTEX requested.
    """
