"""Declare ``vtex-erp feed``: VTEX's order feed of a store."""

import click

from vtex.statuses import CHANGES, FEED_STATUSES, READY
from workers.cli.options import AS_JSON, STORE, YES, runs_action

FEWEST_KEPT, MOST_KEPT = 4, 14
"""Fewest and most days for which VTEX keeps events."""


@click.group()
def feed() -> None:
    """Set up, show and remove a store's order feed.

    The feed brings orders within seconds (docs/feed.md).
    """


@feed.command("setup")
@click.option(
    "--status",
    "statuses",
    multiple=True,
    type=click.Choice(FEED_STATUSES),
    metavar="STATUS",
    help=f"A status besides {READY} and {', '.join(CHANGES)}. You may repeat the option. The "
    "workers use its events only for orders with a requested cancellation.",
)
@click.option(
    "--hidden",
    "hidden_seconds",
    type=click.IntRange(1, 43_200),
    default=300,
    show_default=True,
    metavar="SECONDS",
    help="An event that was read and not committed returns after this time.",
)
@click.option(
    "--kept",
    "kept_days",
    type=click.IntRange(FEWEST_KEPT, MOST_KEPT),
    default=FEWEST_KEPT,
    show_default=True,
    metavar="DAYS",
    help="VTEX keeps events this long, and drops a feed that stays without events for as long.",
)
@click.option("--replace", is_flag=True, help="Take over a feed that another system set up.")
@STORE
@runs_action
def set_up_feed() -> None:
    """Configure a store's feed at VTEX.

    The workers monitor the feed from now on. A key has one feed. If another system reads it, give
    the workers a key of their own.
    """


@feed.command("show")
@STORE
@AS_JSON
@runs_action
def show_feed() -> None:
    """Show the feed's configuration and state."""


@feed.command("remove")
@YES
@STORE
@runs_action
def remove_feed() -> None:
    """Drop the feed at VTEX with its events.

    Orders come in by the list from then on.
    """
