"""Options, types of values, and the way to the work, which several commands share."""

import functools
import importlib
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import click

from foundation.local_days import day_bounds
from foundation.messages import commands as messages

_AGO = re.compile(r"(\d+)([mhd])")
_YEARS = range(1970, 2200)
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}


class OrderId(click.ParamType[str]):
    """A VTEX order id, as in 1268540501456-01. The # of a copied id is removed."""

    name = "order"

    def convert(self, value: Any, param: Any, ctx: Any) -> str:
        """Return the id."""
        text = str(value).strip().lstrip("#")
        if not text.isascii() or not text.isprintable() or not text or " " in text:
            self.fail(messages.NOT_AN_ORDER_ID(), param, ctx)
        return text


class Minutes(click.FloatRange):
    """A number of minutes, up to ten years."""

    def __init__(self) -> None:
        super().__init__(0, 5_256_000)

    def convert(self, value: Any, param: Any, ctx: Any) -> float:
        """Return the number. NaN passes the range check of click, so it is refused here."""
        minutes = float(super().convert(value, param, ctx))
        if math.isnan(minutes):
            self.fail(messages.NOT_MINUTES(value=value), param, ctx)
        return minutes


@dataclass(frozen=True, slots=True)
class LocalTime:
    """A day or a time of an option, of which a store's time zone decides the UTC time.

    Attributes:
        local: a day, a time without a zone, or a time with an offset of its own.
        ends: the end of a range, which a day includes whole.
    """

    local: date | datetime
    ends: bool = False

    def at(self, zone: tzinfo) -> datetime:
        """Return the UTC time in a store's time zone."""
        if not isinstance(self.local, datetime):
            start, end = day_bounds(self.local, zone)
            return end - timedelta(microseconds=1) if self.ends else start
        if self.local.tzinfo is not None:
            return self.local.astimezone(UTC)
        # An hour that the clocks repeat is included whole.
        return self.local.replace(tzinfo=zone, fold=int(self.ends)).astimezone(UTC)


class Moment(click.ParamType[LocalTime]):
    """A time of the store, as 2026-03-10T15:04, a day, as 2026-03-10, or an age, as 90m, 2h, 3d.

    Args:
        ends: a day means its end, and not its beginning.
    """

    name = "time"

    def __init__(self, *, ends: bool = False) -> None:
        self.ends = ends

    def convert(self, value: Any, param: Any, ctx: Any) -> LocalTime:
        """Return the day or time."""
        text = str(value).strip()
        try:
            local = _local(text)
        except (ValueError, OverflowError):
            local = date.min
        if local.year not in _YEARS:
            self.fail(messages.NOT_A_TIME(value=value), param, ctx)
        return LocalTime(local, self.ends)


def _local(text: str) -> date | datetime:
    if ago := _AGO.fullmatch(text):
        return datetime.now(UTC) - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
    try:
        return date.fromisoformat(text)
    except ValueError:
        return datetime.fromisoformat(text)


class Reais(click.ParamType[int]):
    """An amount in reais, as in 315.61 or 315,61. The value is in cents."""

    name = "reais"

    def convert(self, value: Any, param: Any, ctx: Any) -> int:
        """Return cents."""
        try:
            cents = Decimal(str(value).replace(",", ".")).scaleb(2)
        except InvalidOperation:
            self.fail(messages.NOT_AN_AMOUNT(value=value), param, ctx)
        if cents != cents.to_integral_value():
            self.fail(messages.CENT_FRACTIONS(value=value), param, ctx)
        return int(cents)


class Line(click.ParamType[dict[str, Any]]):
    """An item as SKU:QUANTITY:UNIT-PRICE."""

    name = "sku:quantity:price"

    def convert(self, value: Any, param: Any, ctx: Any) -> dict[str, Any]:
        """Return the item's fields."""
        parts = str(value).rsplit(":", 2)
        if len(parts) != 3 or not parts[1].isdigit():
            self.fail(messages.NOT_AN_ITEM(value=value), param, ctx)
        price = Reais().convert(parts[2], param, ctx)
        return {"sku_id": parts[0], "quantity": int(parts[1]), "price_cents": price}


INPUT = click.Path(exists=True, dir_okay=False, allow_dash=True)
NFE = click.Path(exists=True, dir_okay=False, path_type=Path)

ORDER_ID = click.argument("order_id", type=OrderId())
JOB = click.argument("job", type=click.IntRange(1, 2**63 - 1))
AS_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
STORE = click.option(
    "--store", metavar="STORE", help="Store (VTEX account name). Default: the only store that fits."
)
ONLY_STORE = click.option("--store", metavar="STORE", help="Only this store.")
DRY_RUN = click.option("--dry-run", is_flag=True, help="Show the effect without making it.")
YES = click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
DISCARD_REASON = click.option(
    "--reason",
    metavar="TEXT",
    required=True,
    help="Reason, kept in the timeline and sent to the ERP.",
)
OLDER_THAN = click.option(
    "--older-than",
    type=Minutes(),
    metavar="MINUTES",
    help="Only those older than this. Default: any age.",
)


def runs_action_in(module: str) -> Callable[[Callable[[], None]], Callable[..., None]]:
    """Let a command run the function of its name in a module of ``workers.cli.actions``.

    The command imports this module when it runs, so that help answers at once.
    """

    def declare(command: Callable[[], None]) -> Callable[..., None]:
        @functools.wraps(command)
        def run(**options: Any) -> None:
            actions = importlib.import_module(f"workers.cli.actions.{module}")
            getattr(actions, command.__name__)(**options)

        return run

    return declare


def runs_action(command: Callable[[], None]) -> Callable[..., None]:
    """Let a command run the function of its name in the module of its group."""
    return runs_action_in(command.__module__.rpartition(".")[2])(command)


def limit(default: int, *, least: int = 1) -> Callable[[Any], Any]:
    """Return the option that limits how many rows a command prints."""
    return click.option(
        "--limit",
        type=click.IntRange(least, 1_000_000),
        default=default,
        show_default=True,
        help="Print at most this many.",
    )


def placed_between(*, required: bool) -> Callable[[Any], Any]:
    """Return the options that name a range of dates in which orders were placed."""
    begin = click.option(
        "--from",
        "since",
        type=Moment(),
        required=required,
        help="Placed at this time of the store or later: 2026-03-10, 2026-03-10T15:04, 7d.",
    )
    end = click.option(
        "--to",
        "until",
        type=Moment(ends=True),
        help="Placed at this time of the store or earlier. A day counts whole. Default: now.",
    )
    return lambda command: begin(end(command))
