"""A month of a store, hour by hour at a clock of its own: what breaks is told once, and all comes in.

Real journal, real tasks, the simulated store on a real socket. What the schedule runs is run here at
each step of the clock; an operator looks in each morning.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from erp.mapping.sales_orders import LENIENT
from support.order_flow import OrderFlow, order_flow
from tasks.alerts.delivery import AlertMessage, notify
from tasks.alerts.evaluation import update_alerts
from tasks.alerts.model import AlertPolicy, MonitoredStore
from tasks.base import StoreTask
from tasks.intake.orders import sales_order
from tasks.reconciliation.compare import DAYS, Finding, compare_store
from tasks.reconciliation.repair import repair
from vtex import schemas
from vtex.documents import FeedConfig
from vtex.statuses import READY
from workers.app import app

ZONE = ZoneInfo("America/Sao_Paulo")
START = datetime(2026, 3, 2, 3, tzinfo=UTC)
"""A Monday, midnight in São Paulo."""

MONTH = timedelta(days=30)
STEP, NIGHTLY = timedelta(minutes=15), timedelta(minutes=30)
PACE = timedelta(minutes=10)
OPENS, CLOSES = 8, 23
AN_HOUR = {False: 3.0, True: 1.5}
"""New orders of an open hour, on weekdays and at weekends."""

MORNING = 9
KEPT = 345_600


@dataclass
class Inbox:
    """Whoever is told."""

    receivers: Sequence[str] = ("1 json",)
    titles: list[str] = field(default_factory=list)

    def send(self, _receiver: str, message: AlertMessage) -> str | None:
        self.titles.append(message.title)
        return None

    def told(self) -> list[str]:
        """What was told first; neither reminders nor that it is over."""
        return [one for one in self.titles if not one.startswith(("still firing: ", "resolved: "))]


@dataclass(frozen=True)
class Planted:
    """Something that breaks.

    Attributes:
        begins: after the month's first midnight.
        alert: what is to be told, once: its rule, and its key where the rule has several.
    """

    name: str
    begins: timedelta
    lasts: timedelta
    alert: tuple[str, str]
    breaks: Callable[[Month], None]
    mends: Callable[[Month], None] = lambda _: None


class Month:
    """A store that is open by day, its cluster, and an operator."""

    def __init__(self, flow: OrderFlow) -> None:
        self.flow, self.store = flow, flow.simulator.store
        self.journal = flow.journal
        self.random = random.Random(1)
        self.inbox = Inbox()
        self.policy = AlertPolicy(
            (MonitoredStore("acme", ZONE, by_feed=True),), check_interval=NIGHTLY
        )
        self.missed: list[str] = []
        self.findings: list[Finding] = []
        flow.clock.moment = START

    @property
    def now(self) -> datetime:
        return self.flow.clock()

    def live(self, planted: Sequence[Planted]) -> None:
        """Let the month pass."""
        self.flow.client.configure_feed(FeedConfig((READY,), 300, KEPT))
        self.journal.feeds.set_up("acme", (READY,), hidden_seconds=300, kept_seconds=KEPT)
        for one in planted:
            assert one.begins + one.lasts < MONTH
        while (passed := self.now - START) < MONTH:
            for one in planted:
                if one.begins <= passed < one.begins + STEP:
                    one.breaks(self)
                elif one.begins + one.lasts <= passed < one.begins + one.lasts + STEP:
                    one.mends(self)
            self.shop()
            self.schedule()
            local = self.now.astimezone(ZONE)
            if (local.hour, local.minute) == (MORNING, 0):
                self.operate()
            step = STEP if OPENS <= local.hour < CLOSES else NIGHTLY
            self.flow.clock.pass_by(step.total_seconds())

    def shop(self) -> None:
        """Shoppers buy, while the shop is open."""
        local = self.now.astimezone(ZONE)
        if OPENS <= local.hour < CLOSES:
            share = AN_HOUR[local.weekday() >= 5] * (STEP / timedelta(hours=1))
            count = int(share) + (self.random.random() < share % 1)
            self.store.generate(count, READY)

    def schedule(self) -> None:
        """Run what beat runs."""
        hourly = ("orders.reconcile",) if self.now.minute == 0 else ()
        for name in ("orders.list", "orders.read_feed", *hourly):
            app.tasks[name].apply(kwargs={"store": "acme"})
        self.flow.work()
        update_alerts(self.journal, self.policy, self.now)
        notify(self.journal, self.inbox, self.policy, now=self.flow.clock)

    def operate(self) -> None:
        """Do each morning what the alerts say: reconcile, mend what can be, enter the rest by hand."""
        if not any(one.rule == "reconciliation_findings" for one in self.open_alerts()):
            return
        compared = self.compare(timedelta(days=DAYS))
        left = [one for one in compared if not repair(self.flow.context, one).done]
        for one in left:
            if one.kind == "moved-on-absent":
                self.enter_by_hand(one.order_id)
        self.findings += compared
        rest = compare_store(
            self.journal,
            self.flow.erp,
            self.flow.client,
            "acme",
            self.now - timedelta(days=DAYS),
            self.now,
        )
        self.journal.reconciliations.save(rest.summary(self.now))

    def compare(self, age: timedelta) -> list[Finding]:
        """Return where VTEX, journal and ERP differ."""
        client, since = self.flow.client, self.now - age
        erp = self.flow.erp
        return compare_store(self.journal, erp, client, "acme", since, self.now).findings

    def enter_by_hand(self, order_id: str) -> None:
        """Enter an order into the ERP, as a clerk does who reads it in VTEX's admin."""
        order = schemas.read_order(self.flow.client.order(order_id))
        self.flow.erp.insert(sales_order("acme", order, None, proof=LENIENT))

    def open_alerts(self) -> list[object]:
        return [one for one in self.journal.alerts.find() if one.closed_at is None]


# --- what breaks ----------------------------------------------------------------------------------


def stop_index(month: Month) -> None:
    month.store.config.change(index_lag=12 * 3600.0)


def start_index(month: Month) -> None:
    month.store.config.change(index_lag=240.0)


def miss_some(month: Month) -> None:
    month.missed = month.store.generate(3, "approve-payment")
    month.store.freeze_index(month.missed, frozen=True)
    month.flow.clock.pass_by(1)
    for one in month.missed:
        set_status(month, one, READY)


def index_anew(month: Month) -> None:
    month.store.freeze_index(month.missed, frozen=False)


def lose_feed(month: Month) -> None:
    month.store.feed.forget()


def take_feed_away(month: Month) -> None:
    lose_feed(month)
    month.store.permissions -= {"Feed v3 and Hook Admin", "Feed v3 and Hook view only"}


def give_feed_back(month: Month) -> None:
    month.store.permissions |= {"Feed v3 and Hook Admin", "Feed v3 and Hook view only"}


def move_on_by_hand(month: Month) -> None:
    # Paid and handled in VTEX's admin within a minute, before anybody here has heard of it.
    (order_id,) = month.store.generate(1, READY)
    set_status(month, order_id, "handling")


def cancel_by_hand(month: Month) -> None:
    day = [one for one in month.store.entries() if month.store.status(one) == "handling"]
    set_status(month, str(day[-1].order["orderId"]), "canceled")


def set_status(month: Month, order_id: str, status: str) -> None:
    month.store.change(month.flow.entry(order_id), {"status": status})


def stop_vtex(month: Month) -> None:
    month.flow.simulator.faults.add(kind="unavailable", times=None)


def start_vtex(month: Month) -> None:
    month.flow.simulator.faults.clear()


def stop_erp(month: Month) -> None:
    month.flow.erp.is_down = True


def start_erp(month: Month) -> None:
    month.flow.erp.is_down = False


def expire_key(month: Month) -> None:
    month.store.tokens.clear()


def renew_key(month: Month) -> None:
    month.store.tokens.add(month.store.config.app_token)


def at(day: int, hour: float) -> timedelta:
    return timedelta(days=day - 1, hours=hour)


def hours(number: float) -> timedelta:
    return timedelta(hours=number)


PLANTED = (
    Planted("the feed's configuration is lost", at(3, 11), STEP, ("feed_broken", ""), lose_feed),
    Planted("the ERP is down", at(5, 14), hours(5), ("erp_down", ""), stop_erp, start_erp),
    Planted(
        "the list misses orders", at(8, 10), hours(60), ("reconciliation_findings", "stuck"), miss_some, index_anew
    ),
    Planted(
        "an order is moved on by hand", at(12, 15), STEP, ("reconciliation_findings", "moved-on-absent"),
        move_on_by_hand,
    ),
    Planted(
        "an order is canceled by hand", at(14, 15), STEP, ("reconciliation_findings", "canceled-alive"),
        cancel_by_hand,
    ),
    Planted("VTEX is down", at(17, 10), hours(3), ("vtex_silent", ""), stop_vtex, start_vtex),
    Planted("the key expires", at(20, 13), hours(4), ("store_paused", ""), expire_key, renew_key),
    Planted(
        "the feed is taken away", at(24, 9), hours(13), ("feed_broken", ""), take_feed_away, give_feed_back
    ),
    Planted("the list stands still", at(24, 9), hours(13), ("missing_orders", ""), stop_index, start_index),
)  # fmt: skip


@pytest.fixture
def month(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Month]:
    settings = {"index_lag": 240, "handling_delay": 2, "cancel_delay": 2}
    with order_flow(f"sqlite:///{tmp_path}/journal.db", **settings) as flow:
        # There is no broker here: what would be sent is worked at once.
        monkeypatch.setattr("tasks.workflow.send", lambda _, tickets: flow.run(tickets))
        flow.context = StoreTask.process_context = replace(
            flow.context, list_intervals={"acme": PACE}
        )
        yield Month(flow)


@pytest.mark.slow
def test_a_month_with_all_that_breaks_ends_with_every_order_in_and_each_fault_told_once(
    month: Month,
) -> None:
    month.live(PLANTED)

    assert month.compare(MONTH) == []
    shown = month.store.shown()["orders"]
    paid = {one for one in shown if shown[one]["status"] not in ("approve-payment",)}
    in_erp = {order_id for _, order_id in month.flow.erp.orders}
    assert in_erp == paid
    assert len(paid) > 900
    alerts = month.journal.alerts.find(since=START)
    told = Counter((one.rule, one.key) for one in alerts if one.notified_at is not None)
    assert told == Counter(one.alert for one in PLANTED)
    assert len(month.inbox.told()) == len(PLANTED)
    assert not month.open_alerts()
