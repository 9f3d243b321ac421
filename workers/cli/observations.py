"""Declare ``vtex-erp observations``: the report on stores that are only observed."""

import click

from workers.cli.options import AS_JSON, ONLY_STORE, placed_between, runs_action


@click.group()
def observations() -> None:
    """Report on the orders of observed stores."""


@observations.command("report")
@ONLY_STORE
@placed_between(required=False)
@AS_JSON
@runs_action
def report() -> None:
    """Report the fate that observed orders would have.

    Counts orders by day of the store: would be inserted, held, or skipped. Groups them by cause,
    counts flags and missing codes, and compares totals with the ERP. It only reads. Default: the
    last 7 days.

    Exit status: 0 every order would go in, and totals agree. 1 some would not, or differ.
    """
