"""Declare ``vtex-erp codes``: the ERP's codes, and the codes that recent orders need."""

import click

from workers.cli.options import AS_JSON, STORE, runs_action

_DAYS = click.option(
    "--days",
    type=click.IntRange(1, 3650),
    default=7,
    show_default=True,
    help="Read the orders of this many days. Orders with purged documents are left out.",
)


@click.group()
def codes() -> None:
    """List the ERP's codes, and those that are missing."""


@codes.command("missing")
@STORE
@_DAYS
@AS_JSON
@runs_action
def list_missing_codes() -> None:
    """List missing codes that recent orders need.

    These are codes of payments, carriers, channels, SKUs and more. Reads the journal's orders of
    the last days, and never calls VTEX. Exit status: 0 every order can be mapped, 1 a code is
    missing or an order cannot be mapped.
    """


@codes.command("list")
@STORE
@_DAYS
@AS_JSON
@runs_action
def list_codes() -> None:
    """List the code map and the codes of recent orders.

    Unmapped codes stand first. Exit status: 0 every order can be mapped, 1 a code is missing or
    an order cannot be mapped.
    """
