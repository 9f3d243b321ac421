"""Changes of orders at the simulated store, and what the ERP received of them."""

from __future__ import annotations

from typing import Any

from erp.port import Event
from journal.model import Kind, State
from support.in_process import Desk
from vtex.simulator import cancel_requests, order_changes
from vtex.statuses import READY
from workers.app import app

ASKED = {"reason": "Comprei errado, Ana Prado", "requestedByUser": True}


def in_erp(counter: Desk, kind: str = "plain") -> str:
    """Let an order come in, to its end; return its id."""
    order_id = counter.order(kind, READY)
    hear(counter)
    counter.clock.pass_by(5)
    assert counter.journal.orders.get("acme", order_id).state is State.DONE
    return order_id


def hear(counter: Desk, *, rounds: int = 1) -> None:
    """Read the feed, and work off what it tells of."""
    for _ in range(rounds):
        app.tasks["orders.read_feed"].apply(kwargs={"store": "acme"})
        counter.work(seconds=6)


def watch(counter: Desk, *, ended: bool = False) -> None:
    """Let the schedule look into the list, and work off what it shows."""
    app.tasks["orders.poll_cancellations"].apply(kwargs={"store": "acme", "ended": ended})
    counter.work(seconds=6)


def ask(counter: Desk, order_id: str, **more: Any) -> str:
    return cancel_requests.ask(counter.simulator.store, counter.entry(order_id), ASKED | more)


def cancel(counter: Desk, order_id: str) -> None:
    """Cancel an order at VTEX, to its end."""
    cancel_requests.cancel(counter.simulator.store, counter.entry(order_id), {"reason": "fraude"})
    counter.clock.pass_by(5)


def amend(counter: Desk, order_id: str, **body: Any) -> None:
    order_changes.amend(counter.simulator.store, counter.entry(order_id), body)


def told(counter: Desk, order_id: str) -> list[Event]:
    return [one for one in counter.told(order_id) if one.outcome is None]


def kinds(counter: Desk, order_id: str) -> list[str]:
    return [one.kind for one in told(counter, order_id)]


def changes(counter: Desk, order_id: str) -> list[tuple[str, State]]:
    rows = counter.journal.requests.find("acme", order_id)
    return [(str(one.stage), one.state) for one in rows if one.kind is Kind.CHANGE]


def gets(counter: Desk) -> int:
    return counter.simulator.store.calls["order"]
