"""Output that several commands share: JSON, tables, times, amounts, states, progress."""

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from decimal import Decimal
from typing import Any, TypeVar

import click
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from journal.model import Stage, State
from journal.orders import OrderRow
from journal.requests import RequestRow
from vtex.payloads import written_number

FOR_GOOD_SECONDS = 10 * 365 * 86_400.0
"""Length of a pause by hand that lasts until stores resume: ten years."""

Item = TypeVar("Item")

_BY_HAND = timedelta(days=365)

Pause = tuple[datetime, str]
"""End of a store's pause, and its reason."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """One line of the check.

    Attributes:
        ok: True for fine, False for a fault, None for a note.
        detail: the finding, and the fix of a fault.
    """

    name: str
    ok: bool | None
    detail: str


def show_json(value: Any) -> None:
    """Print JSON for machines."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False, default=_plain))


def _plain(value: Any) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def console() -> Console:
    """Return the console on which tables are printed."""
    # A pipe has no width. Folded lines could not be searched with grep.
    return Console() if sys.stdout.isatty() else Console(width=250)


def show_table(columns: Sequence[str | Column], rows: Iterable[Sequence[object]]) -> None:
    """Print rows as a table. Text in brackets is text, and not markup."""
    table = Table(*columns)
    for row in rows:
        table.add_row(*(Text(str(cell)) for cell in row))
    console().print(table)


def moment(value: datetime | None, zone: tzinfo) -> str:
    """Return a time of a zone, which the output names elsewhere (``show_zone``)."""
    return value.astimezone(zone).strftime("%Y-%m-%d %H:%M:%S") if value else "-"


def zoned_moment(value: datetime | None, zone: tzinfo) -> str:
    """Return a time of a zone, with the zone's name."""
    return f"{moment(value, zone)} ({zone})" if value else "-"


def zoned_day(value: datetime, zone: tzinfo) -> str:
    """Return a day of a zone, with the zone's name."""
    return f"{value.astimezone(zone):%Y-%m-%d} ({zone})"


def show_zone(zone: tzinfo) -> None:
    """Print the zone of the times that follow."""
    click.echo(f"times in {zone}")


def money(cents: int | None) -> str:
    """Return cents as Brazilians write reais: ``1.234,56``."""
    if cents is None:
        return "-"
    text = f"{Decimal(cents).scaleb(-2):,.2f}"
    return text.translate(str.maketrans(",.", ".,"))


def counted(numbers: Mapping[str, int]) -> str:
    """Return the number of orders in each state, as in ``3 done, 1 dead``."""
    return ", ".join(f"{number} {name}" for name, number in numbers.items())


def pause_text(store: str, pause: Pause, zone: tzinfo) -> str:
    """Return the end of a store's pause and its reason."""
    until, reason = pause
    if until - datetime.now(UTC) > _BY_HAND:
        return f"until vtex-erp stores resume --store {store}: {reason}"
    return f"until {zoned_moment(until, zone)}, then it resumes by itself: {reason}"


def pause_as_json(pause: Pause | None) -> dict[str, Any] | None:
    """Return a store's pause for JSON."""
    return None if pause is None else {"until": pause[0], "reason": pause[1]}


def standing(row: OrderRow, zone: tzinfo, pause: Pause | None = None) -> str:
    """Return the state of an order as a short text.

    Args:
        zone: the time zone of its store.
        pause: the pause of its store.
    """
    if row.stage is Stage.OBSERVED:
        return "is only observed: vtex-erp orders explain shows its fate"
    if row.state == State.DONE:
        elsewhere = " elsewhere" if row.stage is Stage.INSERTED else ""
        return f"is done: in the ERP as {row.erp_reference}, handling started{elsewhere}"
    error = with_code(row.last_error, row.error_code)
    if row.state == State.SKIPPED:
        return f"was skipped: {error}"
    if row.state == State.DEAD:
        return f"is dead at {row.stage}: {error}"
    if row.lease_until and row.lease_until > datetime.now(UTC):
        return f"is running at {row.stage}, attempt {row.attempt}"
    if pause is not None:
        return f"waits at {row.stage}, {row.store} is paused {pause_text(row.store, pause, zone)}"
    reason = f" ({error})" if error else ""
    if row.waits_for:
        return f"waits at {row.stage} for {row.waits_for}"
    return f"waits at {row.stage} until {zoned_moment(row.due_at, zone)}{reason}"


def with_code(reason: str | None, code: str | None) -> str:
    """Return a reason, followed by its code of the catalogue."""
    return f"{reason or ''} [{code}]" if code else reason or ""


def invoice_name(row: RequestRow) -> str:
    """Return number and series of the invoice that a request names, or a dash."""
    if row.invoice_number is None:
        return "-"
    series = f" (series {row.invoice_series})" if row.invoice_series else ""
    return f"{written_number(row.invoice_number)}{series}"


def standing_of_request(row: RequestRow) -> str:
    """Return the state of a request of the ERP as a short text."""
    number = f" {invoice_name(row)}" if row.invoice_number else ""
    receipt = (row.result or {}).get("receipt")
    proof = f", receipt {receipt}" if receipt else ""
    reason = f": {with_code(row.last_error, row.error_code)}" if row.last_error else ""
    state = "waits" if row.state is State.OPEN else str(row.state)
    return f"job {row.job}: {row.kind}{number} {state} at {row.stage}{proof}{reason}"


@contextmanager
def progress(label: str) -> Iterator[Callable[[int, int], None]]:
    """Show a progress bar on a terminal.

    Yields:
        A function that takes the number done and the total.
    """
    hidden = not sys.stderr.isatty()
    with click.progressbar(
        length=1, label=label, file=sys.stderr, show_pos=True, hidden=hidden
    ) as bar:

        def show(done: int, total: int) -> None:
            bar.length = max(done, total, 1)
            bar.update(done - bar.pos)

        yield show


def with_progress(label: str, items: Iterable[Item], total: int) -> Iterator[Item]:
    """Yield each item under a progress bar."""
    with progress(label) as show:
        for done, item in enumerate(items, start=1):
            yield item
            show(done, total)
