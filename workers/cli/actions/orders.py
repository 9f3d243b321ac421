"""Run the commands of ``vtex-erp orders``, except ``explain`` and ``backfill``."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from datetime import timedelta, tzinfo
from typing import Any

import click
from rich.table import Column, Table

from foundation.messages import commands as messages
from journal.cancel_requests import CancelRequest
from journal.jobs.dead_letters import DeadLetterFilter
from journal.journal import Journal
from journal.model import Kind, Stage, State
from journal.order_changes import ChangeHint
from journal.orders import NewOrder, OrderRow
from journal.requests import RequestRow
from journal.timeline import EventRow
from tasks.context import Context
from tasks.intake import orders as steps
from tasks.order_changes.detection import differs
from tasks.workflow import send
from vtex import schemas, statuses
from vtex.documents import Order
from workers.cli.actions import dead_letters
from workers.cli.output import (
    Pause,
    console,
    counted,
    moment,
    money,
    pause_as_json,
    pause_text,
    progress,
    show_json,
    show_zone,
    standing,
    standing_of_request,
    zoned_moment,
)
from workers.cli.session import (
    chosen_store,
    chosen_stores,
    journal_only,
    known_order,
    sending,
    warn_if_never_listed,
)
from workers.configuration.settings import load

# --- list -----------------------------------------------------------------------------------------


def list_orders(  # a parameter per filter
    *,
    store: str | None,
    stage: str | None,
    state: str | None,
    older_than: float | None,
    limit: int,
    as_json: bool,
) -> None:
    """List orders, and count them by stage and state."""
    with journal_only() as journal:
        rows = _rows(
            journal,
            limit,
            State(state) if state else None,
            store=store,
            stage=Stage(stage) if stage else None,
            older_than=timedelta(minutes=older_than) if older_than else None,
        )
        counts = journal.orders.counts()
        pauses = {
            name: end for name, end in journal.store_pauses.find().items() if store in (None, name)
        }
    if as_json:
        paused = {name: pause_as_json(pause) for name, pause in pauses.items()}
        orders = [dataclasses.asdict(row) for row in rows]
        show_json({"orders": orders, "counts": counts, "paused": paused})
    else:
        _print_table(rows, counts, pauses, load().zone(store))
    warn_if_never_listed(store, counts)


def _rows(journal: Journal, limit: int, state: State | None, **filters: Any) -> list[OrderRow]:
    """Return orders: those that need a person come before those that are done."""
    states: tuple[State | None, ...] = (state,)
    if state is None and filters["stage"] is None:
        states = (State.OPEN,) if filters["older_than"] else (State.OPEN, State.DEAD, None)
    rows: dict[tuple[str, str], OrderRow] = {}
    for wanted in states:
        for row in journal.orders.find(state=wanted, limit=limit, **filters):
            rows.setdefault((row.store, row.order_id), row)
    return list(rows.values())[:limit]


def _print_table(
    rows: Sequence[OrderRow],
    counts: Mapping[str, Mapping[str, int]],
    pauses: Mapping[str, Pause],
    zone: tzinfo,
) -> None:
    value = Column("value", justify="right", no_wrap=True)
    table = Table(
        "store",
        Column("order", no_wrap=True),
        value,
        "stage",
        "state",
        Column("listed", no_wrap=True),
        "ERP",
        Column("reason", overflow="fold"),
    )
    for row in rows:
        table.add_row(
            row.store,
            row.order_id,
            money(row.value_cents),
            str(row.stage),
            str(row.state),
            moment(row.listed_at, zone),
            row.erp_reference or "-",
            _reason(row, pauses.get(row.store)),
        )
    if rows:
        show_zone(zone)
        console().print(table)
    else:
        click.echo("no such orders")
    for store, numbers in counts.items():
        console().print(f"{store}: {counted(numbers)}")
    for store, pause in pauses.items():
        click.echo(f"{store} is paused {pause_text(store, pause, zone)}")


def _reason(row: OrderRow, pause: Pause | None) -> str:
    if pause is not None and row.state is State.OPEN:
        return f"store paused: {pause[1]}"
    return f"waits for {row.waits_for}" if row.waits_for else row.last_error or ""


# --- show -----------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class OrderHistory:
    """Everything that the journal has of an order.

    Attributes:
        documents: VTEX's documents with personal data, if the command asked for them.
        pause: the pause of its store.
        undecided: the cancellation that the ERP must decide on.
    """

    row: OrderRow
    requests: Sequence[RequestRow]
    events: Sequence[EventRow]
    documents: Mapping[str, Any] | None
    pause: Pause | None = None
    undecided: CancelRequest | None = None

    def as_json(self) -> dict[str, Any]:
        """Return the order's life for JSON."""
        whole: dict[str, Any] = {
            "order": dataclasses.asdict(self.row),
            "requests": [dataclasses.asdict(request) for request in self.requests],
            "events": [dataclasses.asdict(event) for event in self.events],
            "paused": pause_as_json(self.pause),
            "undecided": dataclasses.asdict(self.undecided) if self.undecided else None,
        }
        return whole | ({"documents": self.documents} if self.documents else {})

    def end(self) -> str:
        """Return the cancellation or replacement of the order after its intake, as text."""
        if any(
            request.kind is Kind.CANCELLATION and request.state is State.DONE
            for request in self.requests
        ):
            return "; since then canceled at VTEX, as was requested here"
        ends = {"canceled": "canceled at VTEX", "replaced": "replaced at VTEX by another order"}
        for event in reversed(self.events):
            if event.kind is Kind.CHANGE and event.event == Stage.REPORTED and event.detail in ends:
                return f"; since then {ends[event.detail]}, and reported to the ERP"
        return ""


def show_order(*, order_id: str, store: str | None, documents: bool, as_json: bool) -> None:
    """Show an order: its state, its requests and its timeline."""
    with journal_only() as journal:
        row = known_order(journal, store, order_id)
        shown = None
        if documents:
            shown = dict(
                zip(("order", "payment"), journal.documents.get(row.store, order_id), strict=True)
            )
        life = OrderHistory(
            row,
            journal.requests.find(row.store, order_id),
            journal.timeline.events(row.store, order_id),
            shown,
            journal.store_pauses.get(row.store),
            journal.cancel_requests.get(row.store, row.order_id),
        )
    if as_json:
        show_json(life.as_json())
    else:
        _print_life(life, load().zone(row.store))


def _print_life(life: OrderHistory, zone: tzinfo) -> None:
    row = life.row
    click.echo(f"{row.store} {row.order_id}: {standing(row, zone, life.pause)}{life.end()}")
    click.echo(f"value {money(row.value_cents)}, placed {zoned_moment(row.created_at, zone)}")
    if life.undecided:
        click.echo(
            f"a cancellation is pending; VTEX cancels by itself at "
            f"{zoned_moment(life.undecided.decide_by, zone)}: "
            f"vtex-erp requests cancel {row.order_id} --reason … accepts, "
            f"vtex-erp requests deny {row.order_id} --reason … denies"
        )
    for request in life.requests:
        click.echo(f"  {standing_of_request(request)}")
    for event in life.events:
        click.echo(f"  {_line(event, zone)}")
    if not life.events:
        click.echo("  its timeline was purged")
    if life.documents:
        if life.documents["order"] is None:
            click.echo("the journal lacks its documents: never fetched, or purged", err=True)
        show_json(life.documents)


def _line(event: EventRow, zone: tzinfo) -> str:
    stage = f" [{event.stage}]" if event.stage else ""
    kind = "" if event.kind is Kind.INTAKE else f" {event.kind}"
    detail = f": {event.detail}" if event.detail else ""
    return f"{moment(event.at, zone)} {kind} attempt {event.attempt}{stage}  {event.event}{detail}"


# --- sync -----------------------------------------------------------------------------------------


def sync(*, order_id: str | None, store: str | None, as_handled: bool) -> None:
    """List the paid orders at VTEX now, or bring in one order."""
    if as_handled and not order_id:
        raise click.UsageError(messages.HANDLED_WITHOUT_ORDER())
    with sending() as context:
        if order_id:
            name = chosen_store(context.vtex, store)
            _sync_order(context, name, order_id, as_handled=as_handled)
            return
        for name in chosen_stores(context, store):
            _sync_store(context, name)


def _sync_store(context: Context, store: str) -> None:
    new = seen = 0
    with progress(f"{store}: listed") as show:
        for page in context.vtex[store].list_orders():
            new += context.journal.orders.record(store, steps.listed(page))
            seen += len(page.orders)
            show(seen, page.total)
    for page in steps.handled_pages(context, store, context.vtex[store]):
        new += context.journal.orders.record(store, steps.listed(page))
    tickets = context.journal.jobs.dispatch(in_flight=context.in_flight, store=store)
    send(context.journal, tickets)
    click.echo(f"{store}: {new} new orders, {len(tickets)} sent to the workers")


def _sync_order(context: Context, store: str, order_id: str, *, as_handled: bool) -> None:
    raw = context.vtex[store].order(order_id)
    order = schemas.read_order(raw)
    _require_way_in(context, store, order, as_handled=as_handled)
    context.journal.orders.record(
        store, [NewOrder(order.order_id, order.created_at, order.value_cents)]
    )
    taken = as_handled and context.journal.jobs.take_as_handled(store, order.order_id)
    kept, _ = context.journal.documents.get(store, order.order_id)
    if order.status in statuses.CHANGES or differs(kept, raw):
        now = f"{context.journal.now():%Y-%m-%dT%H:%M:%S}"
        context.journal.order_changes.record(
            store, [ChangeHint(order.order_id, f"by hand {now}", "by hand")]
        )
    tickets = context.journal.jobs.dispatch(
        in_flight=context.in_flight, store=store, order_id=order.order_id
    )
    send(context.journal, tickets)
    row = context.journal.orders.get(store, order.order_id)
    if tickets:
        how = ", without start-handling" if taken else ""
        click.echo(f"{store} {order.order_id}: sent to the workers{how}")
    elif row is not None:
        click.echo(f"{store} {order.order_id}: {standing(row, context.zone(store))}")


def _require_way_in(context: Context, store: str, order: Order, *, as_handled: bool) -> None:
    """Refuse an order that would be skipped, or whose handling must be started.

    Raises:
        ClickException: the order stays out. The message names the command that brings it in.
    """
    row = context.journal.orders.get(store, order.order_id)
    if row is not None and (row.erp_reference is not None or row.state is State.OPEN):
        return
    handled = statuses.handling_done(order.status, order.has_packages)
    named = {"order_id": order.order_id, "store": store, "status": order.status}
    also = context.also_intake.get(store)
    by_setting = also and also.include(order.status, order.origin, order.affiliate_id)
    if handled and not (as_handled or by_setting):
        raise click.ClickException(messages.HANDLED_ELSEWHERE(**named))
    if as_handled and statuses.is_canceled(order.status):
        raise click.ClickException(messages.CANCELED_THERE(**named))
    if as_handled and not handled:
        raise click.ClickException(messages.NOT_HANDLED(**named))


# --- retry and discard ----------------------------------------------------------------------------


def retry_order(*, order_id: str, store: str | None) -> None:
    """Retry an order now: its intake and its dead requests."""
    with sending() as context:
        row = known_order(context.journal, store, order_id)
        intake = context.journal.jobs.retry(row.store, order_id)
        requests = sum(
            context.journal.dead_letters.retry(
                context.journal.dead_letters.find(DeadLetterFilter(row.store, order_id))
            )
        )
        if not intake and not requests:
            pause = context.journal.store_pauses.get(row.store)
            stands = standing(row, context.zone(row.store), pause)
            click.echo(f"{row.store} {order_id}: nothing to do, it {stands}")
            return
        tickets = context.journal.jobs.dispatch(
            in_flight=context.in_flight, store=row.store, order_id=order_id
        )
        send(context.journal, tickets)
        begun = ", ".join(f"{ticket.kind} from stage {ticket.stage}" for ticket in tickets)
        click.echo(f"{row.store} {order_id}: retried ({begun or 'when it is due'})")


def discard_order(*, order_id: str, store: str | None, reason: str, yes: bool) -> None:
    """Discard an order's dead letters."""
    dead_letters.discard(DeadLetterFilter(store, order_id), reason, yes=yes)
