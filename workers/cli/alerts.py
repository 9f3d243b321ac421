"""Declare ``vtex-erp alerts``: open problems, and a test of the receivers."""

import click

from workers.cli.options import AS_JSON, Moment, runs_action


@click.group()
def alerts() -> None:
    """List alerts, and test their receivers."""


@alerts.command("list")
@click.option("--store", metavar="STORE", help="Only this store's alerts and the cluster's.")
@click.option("--all", "everything", is_flag=True, help="Also resolved alerts.")
@click.option(
    "--since", type=Moment(), help="Also alerts resolved at this time or later: 2h, 7d, 2026-03-10."
)
@AS_JSON
@runs_action
def list_alerts() -> None:
    """List firing alerts with their next steps.

    Exit status: 1 if an alert is firing or the rules are not evaluated, else 0.
    """


@alerts.command("test")
@AS_JSON
@runs_action
def send_test() -> None:
    """Send a test to each receiver in ALERT_URLS.

    Exit status: 0 every receiver accepted it, 1 a receiver did not.
    """
