"""Changes of orders at the simulated store, and what the ERP received of them."""

from __future__ import annotations

from typing import Any

from erp.port import Event
from journal.model import Kind, State
from support.order_flow import OrderFlow
from vtex.simulator import cancel_requests, order_changes
from vtex.statuses import READY
from workers.app import app

ASKED = {"reason": "Comprei errado, Ana Prado", "requestedByUser": True}


def in_erp(flow: OrderFlow, kind: str = "plain") -> str:
    """Let an order come in, to its end; return its id."""
    order_id = flow.order(kind, READY)
    hear(flow)
    flow.clock.pass_by(5)
    assert flow.journal.orders.get("acme", order_id).state is State.DONE
    return order_id


def hear(flow: OrderFlow, *, rounds: int = 1) -> None:
    """Read the feed, and work off what it tells of."""
    for _ in range(rounds):
        app.tasks["orders.read_feed"].apply(kwargs={"store": "acme"})
        flow.work(seconds=6)


def watch(flow: OrderFlow, *, ended: bool = False) -> None:
    """Let the schedule look into the list, and work off what it shows."""
    app.tasks["orders.poll_cancellations"].apply(kwargs={"store": "acme", "ended": ended})
    flow.work(seconds=6)


def ask(flow: OrderFlow, order_id: str, **more: Any) -> str:
    return cancel_requests.ask(flow.simulator.store, flow.entry(order_id), ASKED | more)


def cancel(flow: OrderFlow, order_id: str) -> None:
    """Cancel an order at VTEX, to its end."""
    cancel_requests.cancel(flow.simulator.store, flow.entry(order_id), {"reason": "fraude"})
    flow.clock.pass_by(5)


def amend(flow: OrderFlow, order_id: str, **body: Any) -> None:
    order_changes.amend(flow.simulator.store, flow.entry(order_id), body)


def told(flow: OrderFlow, order_id: str) -> list[Event]:
    return [entry for entry in flow.told(order_id) if entry.outcome is None]


def kinds(flow: OrderFlow, order_id: str) -> list[str]:
    return [entry.kind for entry in told(flow, order_id)]


def changes(flow: OrderFlow, order_id: str) -> list[tuple[str, State]]:
    rows = flow.journal.requests.find("acme", order_id)
    return [(str(row.stage), row.state) for row in rows if row.kind is Kind.CHANGE]


def gets(flow: OrderFlow) -> int:
    return flow.simulator.store.calls["order"]
