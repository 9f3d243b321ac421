"""What the command line prints: tables for people, JSON for machines."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import click
from rich.console import Console
from rich.table import Column, Table

from erp.codes import CodeMap
from erp.port import ErpRejected
from erp.sales_order import SalesOrder
from journal.cancel_requests import CancelRequest
from journal.jobs.dead_letters import DeadLetter
from journal.model import Kind, Stage, State
from journal.orders import OrderRow
from journal.requests import RequestRow
from journal.timeline import EventRow
from tasks.intake.orders import sales_order
from tasks.reconciliation.compare import WORDS, Compared
from tasks.reconciliation.repair import Mended
from vtex import schemas, statuses
from vtex.errors import DocumentInvalid, VtexUnavailable
from vtex.operations.invoice_balance import Balance
from vtex.payloads import written_number
from workers.pauses import Pause, told
from workers.verdict import Verdict


def money(cents: int | None) -> str:
    """Return cents as Brazilians write reais: ``1.234,56``."""
    if cents is None:
        return "-"
    text = f"{Decimal(cents).scaleb(-2):,.2f}"
    return text.translate(str.maketrans(",.", ".,"))


def standing(row: OrderRow, pause: Pause | None = None) -> str:
    """Say in a few words where an order stands; ``pause`` is its store's."""
    if row.state == State.DONE:
        return f"is done: in the ERP as {row.erp_reference}, handling started"
    if row.state == State.SKIPPED:
        return f"was skipped: {row.last_error}"
    if row.state == State.DEAD:
        return f"is dead at {row.stage}: {row.last_error}"
    if row.lease_until and row.lease_until > datetime.now(UTC):
        return f"is under way at {row.stage}, attempt {row.attempt}"
    if pause is not None:
        return f"waits at {row.stage}, {row.store} pauses {told(row.store, pause)}"
    reason = f" ({row.last_error})" if row.last_error else ""
    if row.waits_for:
        return f"waits at {row.stage} for {row.waits_for}"
    return f"waits at {row.stage} until {moment(row.due_at)}{reason}"


def show_verdicts(verdicts: Sequence[Verdict], *, as_json: bool) -> None:
    """Print the verdicts of ``vtex-erp check``."""
    if as_json:
        _json([dataclasses.asdict(one) for one in verdicts])
        return
    words = {True: "ok    ", False: "FAILED", None: "note  "}
    for one in verdicts:
        click.echo(f"{words[one.ok]}  {one.name}: {one.detail}")


def show_orders(
    rows: Sequence[OrderRow],
    counts: Mapping[str, Mapping[str, int]],
    pauses: Mapping[str, Pause],
    *,
    as_json: bool,
) -> None:
    """Print a table of orders, how many there are of each kind, and which stores pause."""
    if as_json:
        paused = {store: _pause(one) for store, one in pauses.items()}
        shown = [dataclasses.asdict(row) for row in rows]
        _json({"orders": shown, "counts": counts, "paused": paused})
        return
    if not rows:
        click.echo("no such orders")
    value = Column("value", justify="right", no_wrap=True)
    table = Table(
        "store", Column("order", no_wrap=True), value, "stage", "state",
        Column("listed", no_wrap=True), "ERP", Column("why", overflow="fold"),
    )  # fmt: skip
    for row in rows:
        table.add_row(
            row.store, row.order_id, money(row.value_cents), str(row.stage), str(row.state),
            moment(row.listed_at), row.erp_reference or "-", _why(row, pauses.get(row.store)),
        )  # fmt: skip
    screen = console()
    if rows:
        screen.print(table)
    for store, numbers in counts.items():
        screen.print(f"{store}: " + ", ".join(f"{n} {name}" for name, n in numbers.items()))
    for store, pause in pauses.items():
        click.echo(f"{store} pauses {told(store, pause)}")


def _why(row: OrderRow, pause: Pause | None) -> str:
    if pause is not None and row.state is State.OPEN:
        return f"store paused: {pause[1]}"
    return f"waits for {row.waits_for}" if row.waits_for else row.last_error or ""


def _pause(pause: Pause | None) -> dict[str, Any] | None:
    return None if pause is None else {"until": pause[0], "reason": pause[1]}


@dataclasses.dataclass(frozen=True)
class Life:
    """All that is known of an order.

    Attributes:
        documents: VTEX's own, where they were asked for; personal data.
        pause: of its store.
        undecided: what the ERP has to decide on.
    """

    row: OrderRow
    requests: Sequence[RequestRow]
    events: Sequence[EventRow]
    documents: tuple[dict[str, Any] | None, dict[str, Any] | None] | None
    pause: Pause | None = None
    undecided: CancelRequest | None = None


def show_order(life: Life, *, as_json: bool) -> None:
    """Print an order's whole life."""
    documents = life.documents
    shown = {"order": documents[0], "payment": documents[1]} if documents else None
    if as_json:
        whole: dict[str, Any] = {
            "order": dataclasses.asdict(life.row),
            "requests": [dataclasses.asdict(one) for one in life.requests],
            "events": [dataclasses.asdict(event) for event in life.events],
            "paused": _pause(life.pause),
            "undecided": dataclasses.asdict(life.undecided) if life.undecided else None,
        }
        _json(whole | ({"documents": shown} if shown else {}))
        return
    row = life.row
    click.echo(f"{row.store} {row.order_id}: {standing(row, life.pause)}{_since(life)}")
    click.echo(f"value {money(row.value_cents)}, placed {moment(row.created_at)}")
    if life.undecided:
        until = moment(life.undecided.decide_by)
        click.echo(
            f"a cancellation is asked for; VTEX cancels by itself at {until}: "
            f"vtex-erp cancel {row.order_id} --reason … accepts, vtex-erp deny {row.order_id} "
            "--reason … denies"
        )
    for one in life.requests:
        click.echo(f"  {standing_of_request(one)}")
    for event in life.events:
        stage = f" [{event.stage}]" if event.stage else ""
        kind = "" if event.kind is Kind.INTAKE else f" {event.kind}"
        detail = f": {event.detail}" if event.detail else ""
        click.echo(
            f"  {moment(event.at)} {kind} attempt {event.attempt}{stage}  {event.what}{detail}"
        )
    if not life.events:
        click.echo("  its timeline was purged")
    if shown and shown["order"] is None:
        click.echo("its documents are not here: never fetched, or purged", err=True)
    if shown:
        _json(shown)


def _since(life: Life) -> str:
    """Say what became of an order after it came in, where that is its end."""
    if any(one.kind is Kind.CANCELLATION and one.state is State.DONE for one in life.requests):
        return "; since then canceled at VTEX, as was asked for here"
    ends = {"canceled": "canceled at VTEX", "replaced": "replaced at VTEX by another order"}
    for one in reversed(life.events):
        if one.kind is Kind.CHANGE and one.what == Stage.REPORTED and one.detail in ends:
            return f"; since then {ends[one.detail]}, and the ERP was told"
    return ""


def show_requests(rows: Sequence[RequestRow], *, as_json: bool) -> None:
    """Print a table of requests, and why they stand where they do."""
    if as_json:
        _json([dataclasses.asdict(one) for one in rows])
        return
    if not rows:
        click.echo("no such requests")
        return
    table = Table(
        "store", Column("order", no_wrap=True), Column("job", justify="right"), "kind", "about",
        "stage", "state", Column("asked", no_wrap=True), Column("why", overflow="fold"),
    )  # fmt: skip
    for one in rows:
        table.add_row(
            one.store, one.order_id, str(one.job), str(one.kind),
            written_number(one.about) if one.about else "-", str(one.stage), str(one.state),
            moment(one.created_at), one.last_error or "",
        )  # fmt: skip
    console().print(table)


def standing_of_request(row: RequestRow) -> str:
    """Say in a few words where a request of the ERP stands."""
    number = f" {written_number(row.about)}" if row.about else ""
    receipt = (row.result or {}).get("receipt")
    proof = f", receipt {receipt}" if receipt else ""
    reason = f": {row.last_error}" if row.last_error else ""
    state = "waits" if row.state is State.OPEN else str(row.state)
    return f"job {row.job}: {row.kind}{number} {state} at {row.stage}{proof}{reason}"


def show_undecided(rows: Sequence[CancelRequest], now: datetime, *, as_json: bool) -> None:
    """Print the requests to cancel that wait for the ERP's word."""
    if as_json:
        _json([dataclasses.asdict(one) for one in rows])
        return
    if not rows:
        click.echo("no cancellation is asked for that waits for a decision")
        return
    table = Table(
        "store", Column("order", no_wrap=True), "asked", Column("VTEX cancels by itself"),
        Column("days left", justify="right"), "request",
    )  # fmt: skip
    for one in rows:
        table.add_row(
            one.store, one.order_id, moment(one.asked_at), moment(one.decide_by),
            str(max(0, (one.decide_by - now).days)), one.request_id or "-",
        )  # fmt: skip
    console().print(table)
    click.echo("vtex-erp cancel ORDER --reason … accepts, vtex-erp deny ORDER --reason … denies")


@dataclasses.dataclass(frozen=True)
class DryRun:
    """Documents that a sales order would be made of, and where they are from.

    Attributes:
        reference: what the ERP calls the order, where it has it already.
    """

    store: str
    order_id: str
    order: dict[str, Any]
    payment: dict[str, Any] | None
    source: str
    allow_sum_mismatch: bool
    codes: CodeMap | None = None
    reference: str | None = None

    def fate(self) -> tuple[str, str | None, SalesOrder | None]:
        """Return what would become of the order, why, and the sales order it makes."""
        would, reason = "be inserted", None
        try:
            order = schemas.read_order(self.order)
            if reason := statuses.reason_to_skip(order):
                would = "be skipped"
            else:
                statuses.require_ready(order)
        except DocumentInvalid as error:
            return "be held", str(error), None
        except VtexUnavailable as error:
            would, reason = "wait", str(error)
        try:
            made = sales_order(
                self.store,
                order,
                self.payment,
                allow_mismatch=self.allow_sum_mismatch,
                codes=self.codes,
            )
        except (DocumentInvalid, ErpRejected) as error:
            return ("be held", str(error), None) if reason is None else (would, reason, None)
        return would, reason, made


def show_dry_run(found: DryRun, *, as_json: bool) -> int:
    """Print the sales order that the documents make, and each doubt; return an exit status."""
    would, reason, mapped = found.fate()
    plain = None
    if mapped is not None:
        plain = dataclasses.asdict(dataclasses.replace(mapped, raw_order={}, raw_payment=None))
        del plain["raw_order"], plain["raw_payment"]
    if as_json:
        told = {"order_id": found.order_id, "would": would, "reason": reason}
        _json(told | {"erp_reference": found.reference, "sales_order": plain})
        return int(would != "be inserted")
    name = f"{found.store} {found.order_id} (from {found.source})"
    click.echo(f"{name}: would {would}; nothing is written")
    if reason:
        click.echo(f"  {reason}")
    if found.reference:
        click.echo(f"  the ERP has it already, as {found.reference}")
    for flag in mapped.flags if mapped else ():
        click.echo(f"  flag: {flag}")
    if plain is not None:
        _json(plain)
    return int(would != "be inserted")


def show_balance(order_id: str, now: Balance, rows: Sequence[RequestRow], *, as_json: bool) -> None:
    """Print what of an order is invoiced and what is open, and what the ERP asked for."""
    if as_json:
        fields = [one.name for one in dataclasses.fields(now)] + ["open_cents", "open"]
        amounts = {name: getattr(now, name) for name in fields}
        _json(
            {"order_id": order_id} | amounts
            | {"requests": [dataclasses.asdict(one) for one in rows]}
        )  # fmt: skip
        return
    click.echo(
        f"{order_id}: {money(now.invoiced_cents)} of {money(now.total_cents)} invoiced, "
        f"{money(now.open_cents)} open, {money(now.returned_cents)} returned"
    )
    table = Table("SKU", "sold", "invoiced", "open", "returned")
    for sku, sold in now.sold.items():
        numbers = (sold, now.invoiced[sku], now.open[sku], now.returned[sku])
        table.add_row(sku, *(str(one) for one in numbers))
    console().print(table)
    for one in rows:
        click.echo(f"  {standing_of_request(one)}")


def show_dead(rows: Sequence[DeadLetter], limit: int, *, as_json: bool) -> None:
    """Print what is dead: causes with their numbers, then jobs one by one."""
    groups = causes_of(rows)
    if as_json:
        jobs = [dataclasses.asdict(row) for row in rows[:limit]]
        _json({"count": len(rows), "causes": [_cause(*one) for one in groups], "jobs": jobs})
        return
    if not rows:
        click.echo("nothing is dead")
        return
    times = [Column(name, no_wrap=True) for name in ("first since", "last since")]
    table = Table("jobs", *times, "tries", "stores", Column("cause", overflow="fold"))
    for cause, found in groups:
        shown = _cause(cause, found)
        table.add_row(
            str(len(found)), moment(found[0].since), moment(found[-1].since),
            str(shown["attempts"]), ", ".join(shown["stores"]), cause,
        )  # fmt: skip
    console().print(table)
    for row in rows[:limit]:
        click.echo(
            f"job {row.job}: {row.store} {row.order_id} {row.kind} at {row.stage}, "
            f"since {moment(row.since)}, attempt {row.attempts}: {row.reason}"
        )
    if len(rows) > limit:
        click.echo(f"and {len(rows) - limit} more: --limit shows them")


def causes_of(rows: Sequence[DeadLetter]) -> list[tuple[str, list[DeadLetter]]]:
    """Return dead jobs by their cause, the most frequent first."""
    causes: dict[str, list[DeadLetter]] = {}
    for row in rows:
        causes.setdefault(row.cause, []).append(row)
    return sorted(causes.items(), key=lambda one: -len(one[1]))


def _cause(cause: str, found: Sequence[DeadLetter]) -> dict[str, Any]:
    return {
        "cause": cause,
        "count": len(found),
        "attempts": sum(one.attempts for one in found),
        "stores": sorted({one.store for one in found}),
        "first": dataclasses.asdict(found[0]),
        "last": dataclasses.asdict(found[-1]),
    }


def show_findings(compared: Compared) -> None:
    """Print what a comparison came to: a table, and how many there are of each kind."""
    days = f"{moment(compared.since)} to {moment(compared.until)}"
    young = f", {compared.on_their_way} of them on their way" if compared.on_their_way else ""
    click.echo(
        f"{compared.store}: {compared.orders} orders of {days}{young}, "
        f"{len(compared.findings)} findings"
    )
    if not compared.findings:
        return
    table = Table(
        "kind", Column("order", no_wrap=True), "VTEX", "journal", "ERP",
        Column("what differs", overflow="fold"), Column("--fix", overflow="fold"),
    )  # fmt: skip
    for one in compared.findings:
        here = f"{one.here.state} at {one.here.stage}" if one.here else "-"
        table.add_row(
            str(one.kind), one.order_id, one.there.status or "-", here,
            one.in_erp.reference if one.in_erp else "-", one.detail, str(one.fix),
        )  # fmt: skip
    console().print(table)
    for kind, count in Counter(one.kind for one in compared.findings).items():
        click.echo(f"{count:>7}  {kind}: {WORDS[kind]}")


def comparison(compared: Compared, mended: Mapping[int, Mended]) -> dict[str, Any]:
    """Return what a comparison came to as JSON has it; ``mended`` is by the findings' places."""
    return {
        "store": compared.store, "since": compared.since, "until": compared.until,
        "orders": compared.orders, "on_their_way": compared.on_their_way,
        "counts": Counter(str(one.kind) for one in compared.findings),
        "findings": [
            {
                "kind": one.kind, "order_id": one.order_id, "detail": one.detail, "fix": one.fix,
                "vtex": dataclasses.asdict(one.there),
                "journal": dataclasses.asdict(one.here) if one.here else None,
                "erp": dataclasses.asdict(one.in_erp) if one.in_erp else None,
                "mended": dataclasses.asdict(mended[place]) if place in mended else None,
            }
            for place, one in enumerate(compared.findings)
        ],
    }  # fmt: skip


def show_json(value: Any) -> None:
    """Print JSON for machines."""
    _json(value)


def console() -> Console:
    """Return where tables go."""
    # A pipe has no width: a line that is folded there cannot be searched.
    return Console() if sys.stdout.isatty() else Console(width=250)


def moment(value: datetime | None) -> str:
    """Return a moment as people here write it."""
    return value.astimezone().strftime("%Y-%m-%d %H:%M:%S") if value else "-"


def _json(value: Any) -> None:
    click.echo(json.dumps(value, indent=2, ensure_ascii=False, default=_plain))


def _plain(value: Any) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
