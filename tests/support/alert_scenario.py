"""A journal, a clock and a notifier, for tests of alerts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from journal.journal import Journal
from journal.model import Policy
from journal.monitoring.heartbeats import ORDER_LIST_READ
from journal.orders import NewOrder
from support.order_flow import Clock
from tasks.alerts.delivery import AlertMessage, notify
from tasks.alerts.evaluation import update_alerts
from tasks.alerts.model import AlertPolicy, MonitoredStore, Usage

STORE = MonitoredStore("acme", by_feed=True)
POLICY = AlertPolicy((STORE, MonitoredStore("outlet")))
MINUTE = timedelta(minutes=1)


@dataclass
class RecordingNotifier:
    """A notifier that keeps what it gets."""

    receivers: Sequence[str] = ("1 json", "2 slack")
    got: list[tuple[str, AlertMessage]] = field(default_factory=list)
    down: set[str] = field(default_factory=set)
    on_send: Callable[[], None] = lambda: None

    def send(self, receiver: str, message: AlertMessage) -> str | None:
        self.on_send()
        if receiver in self.down:
            return "it does not answer"
        self.got.append((receiver, message))
        return None

    def titles(self, receiver: str = "1 json") -> list[str]:
        return [one.title for name, one in self.got if name == receiver]


class AlertScenario:
    """A journal, a clock, and a look every minute."""

    def __init__(self, url: str) -> None:
        self.clock = Clock()
        self.clock.moment = datetime(2026, 3, 9, 15, tzinfo=UTC)  # a Monday noon in Sao Paulo
        self.journal = Journal(url, policy=Policy(), now=self.clock)
        self.journal.migrate()
        self.notifier = RecordingNotifier()
        self.policy = POLICY
        self.listing = True

    def look(self, usage: Usage | None = None) -> None:
        if self.listing:
            for store in self.policy.stores:
                if self.journal.store_pauses.get(store.name) is None:
                    self.journal.heartbeats.record(ORDER_LIST_READ, store.name)
        update_alerts(self.journal, self.policy, self.clock(), usage)
        notify(self.journal, self.notifier, self.policy, now=self.clock)

    def minutes(self, count: int, usage: Usage | None = None, *, step: int = 1) -> None:
        for _ in range(0, count, step):
            self.look(usage)
            self.clock.pass_by(60 * step)

    def bury(self, order_id: str, reason: str, store: str = "acme") -> None:
        self.journal.orders.record(store, [NewOrder(order_id, self.clock(), 1)])
        (ticket,) = self.journal.jobs.dispatch(in_flight=1000, store=store, order_id=order_id)
        self.journal.jobs.bury(store, order_id, ticket.attempt, reason)

    def open(self) -> list[tuple[str, str]]:
        return [(one.rule, one.store) for one in self.journal.alerts.find()]


def credentials_expire(scenario: AlertScenario, minutes: int) -> None:
    """Let VTEX answer 401: a pause of a minute, again and again."""
    for _ in range(minutes):
        if scenario.journal.store_pauses.get("acme") is None:
            scenario.journal.store_pauses.begin(
                "acme", seconds=60, reason="VTEX refuses the credentials (401)"
            )
        scenario.minutes(1)
