"""Declare ``vtex-erp dead-letters``: groups of jobs that are not retried automatically."""

from collections.abc import Callable
from typing import Any

import click

from journal.model import Kind
from workers.cli.options import (
    AS_JSON,
    DISCARD_REASON,
    ONLY_STORE,
    YES,
    Moment,
    OrderId,
    limit,
    runs_action,
)

_FILTERS = (
    click.argument("groups", type=click.IntRange(0), nargs=-1, metavar="[GROUP]..."),
    ONLY_STORE,
    click.option(
        "--order",
        "order_id",
        type=OrderId(),
        metavar="ORDER_ID",
        help="Only the jobs of this order.",
    ),
    click.option(
        "--kind", type=click.Choice([kind.value for kind in Kind]), help="Only jobs of this kind."
    ),
    click.option(
        "--matching", metavar="TEXT", help="Only jobs whose error has this text. … fits any text."
    ),
    click.option(
        "--since",
        type=Moment(),
        help="Died at this time or later: 2026-03-10, 2026-03-10T15:04, 2h.",
    ),
    click.option(
        "--until", type=Moment(ends=True), help="Died at this time or earlier. A day counts whole."
    ),
)
_ALL = click.option("--all", "everything", is_flag=True, help="Every dead letter.")


def _filters(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in reversed(_FILTERS):
        command = option(command)
    return command


@click.group("dead-letters")
def dead_letters() -> None:
    """List, retry and discard dead letters, by cause.

    A group holds the jobs that died of one cause: the error without its numbers and quoted
    words. The GROUP number is computed from the cause alone. It is the same in every store, on
    every day and for every filter, so that you can note it.
    """


@dead_letters.command("list")
@_filters
@limit(20, least=0)
@AS_JSON
@runs_action
def list_dead_letters() -> None:
    """List dead letters, by cause and one by one."""


@dead_letters.command("retry")
@_filters
@_ALL
@YES
@runs_action
def retry_dead_letters() -> None:
    """Retry dead letters now, by group or filter."""


@dead_letters.command("discard")
@_filters
@_ALL
@DISCARD_REASON
@YES
@runs_action
def discard_dead_letters() -> None:
    """Discard dead letters, by group or filter.

    The workers never retry them.
    """
