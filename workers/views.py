"""What the command line prints: tables for people, JSON for machines."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from erp.port import ErpRejected
from journal.jobs import State
from journal.readings import EventRow, OrderRow
from tasks.orders import sales_order
from vtex.errors import DocumentInvalid
from workers.checks import Verdict


def money(cents: int | None) -> str:
    """Return cents as Brazilians write reais: ``1.234,56``."""
    if cents is None:
        return "-"
    text = f"{Decimal(cents).scaleb(-2):,.2f}"
    return text.translate(str.maketrans(",.", ".,"))


def standing(row: OrderRow) -> str:
    """Say in a few words where an order stands."""
    if row.state == State.DONE:
        return f"is done: in the ERP as {row.erp_reference}, handling started"
    if row.state == State.SKIPPED:
        return f"was skipped: {row.last_error}"
    if row.state == State.DEAD:
        return f"is dead at {row.stage}: {row.last_error}"
    if row.lease_until and row.lease_until > datetime.now(UTC):
        return f"is under way at {row.stage}, attempt {row.attempt}"
    reason = f" ({row.last_error})" if row.last_error else ""
    return f"waits at {row.stage} until {_time(row.due_at)}{reason}"


def show_verdicts(verdicts: Sequence[Verdict], *, as_json: bool) -> None:
    """Print the verdicts of ``vtex-erp check``."""
    if as_json:
        _json([dataclasses.asdict(one) for one in verdicts])
        return
    words = {True: "ok    ", False: "FAILED", None: "note  "}
    for one in verdicts:
        click.echo(f"{words[one.ok]}  {one.name}: {one.detail}")


def show_orders(
    rows: Sequence[OrderRow], counts: Mapping[str, Mapping[str, int]], *, as_json: bool
) -> None:
    """Print a table of orders, and how many there are of each kind."""
    if as_json:
        _json({"orders": [dataclasses.asdict(row) for row in rows], "counts": counts})
        return
    table = Table("store", "order", "value", "stage", "state", "listed", "ERP", "why")
    for row in rows:
        table.add_row(
            row.store, row.order_id, money(row.value_cents), str(row.stage), str(row.state),
            _time(row.listed_at), row.erp_reference or "-", row.last_error or "",
        )  # fmt: skip
    console = Console()
    console.print(table)
    for store, numbers in counts.items():
        console.print(f"{store}: " + ", ".join(f"{n} {name}" for name, n in numbers.items()))


def show_order(
    row: OrderRow,
    events: Sequence[EventRow],
    documents: tuple[dict[str, Any] | None, dict[str, Any] | None] | None,
    *,
    as_json: bool,
) -> None:
    """Print an order's whole life."""
    if as_json:
        life: dict[str, Any] = {
            "order": dataclasses.asdict(row),
            "events": [dataclasses.asdict(event) for event in events],
        }
        if documents is not None:
            life["documents"] = {"order": documents[0], "payment": documents[1]}
        _json(life)
        return
    click.echo(f"{row.store} {row.order_id}: {standing(row)}")
    click.echo(f"value {money(row.value_cents)}, placed {_time(row.created_at)}")
    for event in events:
        stage = f" [{event.stage}]" if event.stage else ""
        detail = f": {event.detail}" if event.detail else ""
        click.echo(f"  {_time(event.at)}  attempt {event.attempt}{stage}  {event.what}{detail}")
    if documents is not None:
        _json({"order": documents[0], "payment": documents[1]})


def show_dry_run(
    store: str,
    order_id: str,
    order: dict[str, Any],
    payment: dict[str, Any] | None,
    *sources: str,
    lenient: bool,
    as_json: bool,
) -> int:
    """Print the sales order that the documents make, and each doubt; return an exit status."""
    try:
        mapped = sales_order(store, order, payment, allow_mismatch=lenient)
    except (DocumentInvalid, ErpRejected) as error:
        if as_json:
            _json({"order_id": order_id, "would": "be held", "reason": str(error)})
        else:
            click.echo(f"{store} {order_id} (from {sources[0]}): would be held\n  {error}")
        return 1
    plain = dataclasses.asdict(dataclasses.replace(mapped, raw_order={}, raw_payment=None))
    del plain["raw_order"], plain["raw_payment"]
    if not as_json:
        click.echo(f"{store} {order_id} (from {sources[0]}): would be inserted; nothing is written")
        for flag in mapped.flags:
            click.echo(f"  flag: {flag}")
    _json(
        {"order_id": order_id, "would": "be inserted", "sales_order": plain} if as_json else plain
    )
    return 0


def _time(value: datetime | None) -> str:
    return value.astimezone().strftime("%Y-%m-%d %H:%M:%S") if value else "-"


def _json(value: Any) -> None:
    click.echo(json.dumps(value, indent=2, ensure_ascii=False, default=_plain))


def _plain(value: Any) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
