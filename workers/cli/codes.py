"""Declare ``vtex-erp codes``: the ERP's codes, and the codes that recent orders need."""

from typing import Any

import click

from workers.cli.options import AS_JSON, STORE

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
def list_missing_codes(**options: Any) -> None:
    """List missing codes that recent orders need.

    These are codes of payments, carriers, channels, SKUs and more. Reads the journal's orders of
    the last days, and never calls VTEX. Exit status: 0 every order can be mapped, 1 a code is
    missing or an order cannot be mapped.
    """
    from workers.cli.actions import codes as actions

    actions.list_missing_codes(**options)


@codes.command("list")
@STORE
@_DAYS
@AS_JSON
def list_codes(**options: Any) -> None:
    """List the code map and the codes of recent orders.

    Unmapped codes stand first. Exit status: 0 every order can be mapped, 1 a code is missing or
    an order cannot be mapped.
    """
    from workers.cli.actions import codes as actions

    actions.list_codes(**options)
