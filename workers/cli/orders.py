"""Declare ``vtex-erp orders``: list, follow, retry and bring in orders."""

from __future__ import annotations

from typing import Any

import click

from journal.model import STAGES, Kind, State
from workers.cli.options import (
    AS_JSON,
    DISCARD_REASON,
    OLDER_THAN,
    ONLY_STORE,
    ORDER_ID,
    STORE,
    YES,
    OrderId,
    limit,
    placed_between,
)


@click.group()
def orders() -> None:
    """List, follow and move orders."""


@orders.command("list")
@ONLY_STORE
@click.option(
    "--stage",
    type=click.Choice([stage.value for stage in STAGES[Kind.INTAKE]]),
    help="Only orders at this stage.",
)
@click.option(
    "--state",
    type=click.Choice([state.value for state in State]),
    help="Only orders in this state. An open order waits or runs, a dead one is a dead letter.",
)
@OLDER_THAN
@limit(100)
@AS_JSON
def list_orders(**options: Any) -> None:
    """List orders, and count them.

    Open orders come first, then dead ones, then the others. Within each, the longest listed come
    first. With --older-than the list holds open orders, unless --state names another state.
    """
    from workers.cli.actions import orders as actions

    actions.list_orders(**options)


@orders.command("show")
@ORDER_ID
@STORE
@click.option(
    "--documents", is_flag=True, help="Also print VTEX's documents. They hold personal data."
)
@AS_JSON
def show_order(**options: Any) -> None:
    """Show an order, its requests and its timeline."""
    from workers.cli.actions import orders as actions

    actions.show_order(**options)


@orders.command("explain")
@click.argument("order_id", type=OrderId(), required=False)
@click.option(
    "--file",
    type=click.Path(exists=True, dir_okay=False),
    help="Explain the order in this JSON file instead. Needs no settings and no server.",
)
@STORE
@AS_JSON
def explain_order(**options: Any) -> None:
    """Explain the sales order that an order becomes.

    Shows each sum and check, the readings of each line, flags, payments, addresses, and the fields
    that reached no column. It only reads: the journal's documents, or VTEX if the journal lacks
    them. It prints names and addresses.

    A file holds the answer of VTEX, or an object with the keys order and transactions. Its order is
    judged as if it were ready for handling.

    Exit status: 0 the order would be inserted, 1 it would be skipped, held or postponed.
    """
    from workers.cli.actions import explain as actions

    actions.explain_order(**options)


@orders.command("sync")
@click.argument("order_id", type=OrderId(), required=False)
@STORE
@click.option(
    "--as-handled",
    is_flag=True,
    help="Bring in ORDER_ID although its handling started elsewhere, without start-handling.",
)
def sync(**options: Any) -> None:
    """Bring in the paid orders now, or one order.

    Lists them at VTEX, writes them to the journal and sends them to the workers. Without ORDER_ID
    and --store it lists every store. With ORDER_ID it also records a change of a known order.
    An order that a marketplace fulfills, or that a person moved on, needs --as-handled. Exit
    status: 1 if ORDER_ID stays out.
    """
    from workers.cli.actions import orders as actions

    actions.sync(**options)


@orders.command("retry")
@ORDER_ID
@STORE
def retry_order(**options: Any) -> None:
    """Retry an order and its dead requests now."""
    from workers.cli.actions import orders as actions

    actions.retry_order(**options)


@orders.command("discard")
@ORDER_ID
@STORE
@DISCARD_REASON
@YES
def discard_order(**options: Any) -> None:
    """Discard an order's dead letters.

    The workers never retry them.
    """
    from workers.cli.actions import orders as actions

    actions.discard_order(**options)


@orders.command("backfill")
@ONLY_STORE
@placed_between(required=True)
def backfill(**options: Any) -> None:
    """Bring in the paid orders of a range of dates.

    Paid orders are those in the status ready-for-handling. Writes them to the journal, from which
    the workers take them. You may run it again: known orders stay as they are.
    """
    from workers.cli.actions import backfill as actions

    actions.backfill(**options)
