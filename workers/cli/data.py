"""Declare ``vtex-erp data``: old and personal data in the journal."""

from collections.abc import Callable
from typing import Any

import click

from workers.cli.options import AS_JSON, DRY_RUN, ONLY_STORE, YES, OrderId, runs_action


def _age(name: str, setting: str) -> Callable[[Any], Any]:
    return click.option(
        f"--{name}-older-than",
        f"{name}_days",
        type=click.IntRange(1, 36_500),
        metavar="DAYS",
        help=f"Delete {name} of orders closed for longer than this. Default: {setting}.",
    )


@click.group()
def data() -> None:
    """Purge old data, erase personal data (LGPD)."""


@data.command("purge")
@_age("documents", "RETENTION_DOCUMENTS_DAYS")
@_age("timeline", "RETENTION_TIMELINE_DAYS")
@DRY_RUN
@YES
@runs_action
def purge_data() -> None:
    """Delete old data of closed orders.

    Deletes documents and timelines from the journal. The schedule does the same every day. Orders
    stay known, so that each comes in only once. An order with an open or dead job keeps its data.
    The ERP's tables stay as they are.
    """


@data.command("erase")
@click.argument("order_ids", nargs=-1, type=OrderId(), metavar="[ORDER_ID]...")
@click.option(
    "--customer",
    is_flag=True,
    help="All orders of a customer. Prompts for CPF, CNPJ or VTEX's userProfileId, which must "
    "not stand on a command line.",
)
@ONLY_STORE
@DRY_RUN
@YES
@AS_JSON
@runs_action
def erase_data() -> None:
    """Erase a customer's or some orders' data.

    Erases VTEX's documents and the contents of requests, NF-e included. The timeline records it.
    The order ids stay known, so that the workers do not repeat their work. An order with an open
    or dead job keeps its data, and the exit status is 1. Then run it again after the job ends. The
    ERP's tables stay as they are.
    """
