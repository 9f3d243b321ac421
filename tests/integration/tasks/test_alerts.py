"""Alerts over a real journal, at a clock of the test's own: opened, told, paced, closed, once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from journal.feeds import RETRY_INTERVAL
from journal.journal import Journal
from journal.model import Policy, Stage
from journal.monitoring.alerts import CLAIM_TIMEOUT, Problem
from journal.monitoring.heartbeats import ORDER_LIST_READ
from journal.orders import NewOrder
from journal.reconciliation import Reconciliation
from journal.storage.tables import orders
from support.in_process import Clock
from tasks.alerts.delivery import Message, Severity, tell
from tasks.alerts.model import SAO_PAULO, Facts, Rule, Rules, Watched
from tasks.alerts.rules import evaluate, look, silent_beat

STORE = Watched("acme", by_feed=True)
RULES = Rules((STORE, Watched("outlet")))
MINUTE = timedelta(minutes=1)


@dataclass
class Desk:
    """A notifier that keeps what it gets."""

    receivers: Sequence[str] = ("1 json", "2 slack")
    got: list[tuple[str, Message]] = field(default_factory=list)
    down: set[str] = field(default_factory=set)
    on_send: Callable[[], None] = lambda: None

    def send(self, receiver: str, message: Message) -> str | None:
        self.on_send()
        if receiver in self.down:
            return "it does not answer"
        self.got.append((receiver, message))
        return None

    def titles(self, receiver: str = "1 json") -> list[str]:
        return [one.title for name, one in self.got if name == receiver]


class Town:
    """A journal, a clock, and a look every minute."""

    def __init__(self, url: str) -> None:
        self.clock = Clock()
        self.clock.moment = datetime(2026, 3, 9, 15, tzinfo=UTC)  # a Monday noon in Sao Paulo
        self.journal = Journal(url, policy=Policy(), now=self.clock)
        self.journal.migrate()
        self.desk = Desk()
        self.rules = RULES
        self.listing = True

    def look(self, facts: Facts | None = None) -> None:
        if self.listing:
            for store in self.rules.stores:
                if self.journal.store_pauses.get(store.name) is None:
                    self.journal.heartbeats.record(ORDER_LIST_READ, store.name)
        look(self.journal, self.rules, self.clock(), facts)
        tell(self.journal, self.desk, self.rules, now=self.clock)

    def minutes(self, count: int, facts: Facts | None = None, *, step: int = 1) -> None:
        for _ in range(0, count, step):
            self.look(facts)
            self.clock.pass_by(60 * step)

    def bury(self, order_id: str, reason: str, store: str = "acme") -> None:
        self.journal.orders.record(store, [NewOrder(order_id, self.clock(), 1)])
        (ticket,) = self.journal.jobs.dispatch(in_flight=1000, store=store, order_id=order_id)
        self.journal.jobs.bury(store, order_id, ticket.attempt, reason)

    def open(self) -> list[tuple[str, str]]:
        return [(one.rule, one.store) for one in self.journal.alerts.find()]


@pytest.fixture
def town(journal_url: str) -> Iterator[Town]:
    made = Town(journal_url)
    yield made
    made.journal.close()


# --- dead jobs ------------------------------------------------------------------------------------


def test_fifty_orders_of_one_cause_are_one_message_with_count_first_order_and_next_step(
    town: Town,
) -> None:
    for number in range(50):
        town.bury(f"v{number:03}-01", f"items[0].sku '{number}': the ERP has no such SKU")

    town.minutes(10)

    (message,) = [one for name, one in town.desk.got if name == "1 json"]
    assert message.tone is Severity.WRONG
    assert message.title == "acme: 50 jobs set aside: items[…].sku …: the ERP has no such SKU"
    assert "how many: 50, first the order v000-01" in message.body
    assert "next: vtex-erp dead --store acme --reason 'items[…].sku …: the ERP" in message.body
    assert "since 2026-03-09 12:00 -03" in message.body


def test_two_causes_and_two_stores_are_told_apart(town: Town) -> None:
    town.bury("a-01", "no such SKU")
    town.bury("a-02", "sums differ")
    town.bury("b-01", "no such SKU", store="outlet")

    town.minutes(4)

    assert sorted(town.desk.titles()) == [
        "acme: 1 job set aside: no such SKU",
        "acme: 1 job set aside: sums differ",
        "outlet: 1 job set aside: no such SKU",
    ]


def test_what_was_retried_is_over_and_whoever_heard_of_it_hears_that_too(town: Town) -> None:
    town.bury("a-01", "no such SKU")
    town.minutes(5)
    (job,) = town.journal.alert_queries.snapshot(town.clock(), waits=MINUTE).dead
    assert job.count == 1

    assert town.journal.jobs.retry("acme", "a-01")
    (ticket,) = town.journal.jobs.dispatch(in_flight=1)
    town.journal.jobs.postpone("acme", "a-01", ticket.attempt, "later", after_seconds=9e6)
    town.minutes(10)

    assert town.desk.titles() == [
        "acme: 1 job set aside: no such SKU",
        "over: acme: 1 job set aside: no such SKU",
    ]
    (closed,) = town.journal.alerts.find(since=town.clock() - timedelta(days=1))
    assert closed.closed_at is not None


def test_more_causes_than_anybody_reads_are_one_alert_together(town: Town) -> None:
    for number in range(26):
        town.bury(f"a-{number:02}", f"no such field {chr(97 + number)}x")

    town.minutes(4)

    rows = town.journal.alerts.find()
    assert len(rows) == 21
    assert any(one.message == "6 jobs set aside for other causes" for one in rows)
    (title,) = town.desk.titles()
    assert title == "vtex-erp: 21 alerts"


# --- pauses, the ERP ------------------------------------------------------------------------------


def credentials_expire(town: Town, minutes: int) -> None:
    """Let VTEX answer 401: a pause of a minute, again and again."""
    for _ in range(minutes):
        if town.journal.store_pauses.get("acme") is None:
            town.journal.store_pauses.begin(
                "acme", seconds=60, reason="VTEX refuses the credentials (401)"
            )
        town.minutes(1)


def test_expired_credentials_are_one_alert_however_often_the_pause_is_renewed(town: Town) -> None:
    town.minutes(3)

    credentials_expire(town, 20)
    during = town.open()
    town.minutes(10)

    assert during == [("store_paused", "acme")]
    assert town.desk.titles() == [
        "acme: is paused: VTEX refuses the credentials (401)",
        "over: acme: is paused: VTEX refuses the credentials (401)",
    ]


def test_a_429_of_seconds_is_no_news(town: Town) -> None:
    town.journal.store_pauses.begin("acme", seconds=60, reason="429")

    town.minutes(20)

    assert town.desk.got == []


def test_a_pause_by_hand_says_how_it_ends_and_is_reminded_of_after_hours(town: Town) -> None:
    town.journal.store_pauses.begin("acme", seconds=10 * 365 * 86_400, reason="stocktaking")

    town.minutes(9 * 60, step=5)

    first, *rest = [one for name, one in town.desk.got if name == "1 json"]
    assert "next: vtex-erp resume acme" in first.body
    assert [one.title for one in rest] == [f"still: {first.title}"] * 2


def test_an_erp_that_is_down_is_told_once_and_what_waits_for_it_is_not(town: Town) -> None:
    town.journal.orders.record("acme", [NewOrder("a-01", town.clock(), 1)])
    (ticket,) = town.journal.jobs.dispatch(in_flight=1)
    for stage in (Stage.FETCHED, Stage.PAID):
        with town.journal.jobs.step("acme", "a-01", ticket.attempt, to=stage):
            pass
    for _ in range(45):
        town.journal.jobs.postpone("acme", "a-01", ticket.attempt, "the ERP is down", erp_down=True)
        town.minutes(1)
        (ticket,) = town.journal.jobs.dispatch(in_flight=1)
    during = town.open()
    with town.journal.jobs.step("acme", "a-01", ticket.attempt, to=Stage.INSERTED):
        pass
    town.journal.jobs.postpone("acme", "a-01", ticket.attempt, "more to do", after_seconds=60)
    town.minutes(20)

    assert during == [("erp_down", "")]
    assert town.desk.titles() == [
        "vtex-erp: the ERP takes no orders: the ERP is down",
        "over: vtex-erp: the ERP takes no orders: the ERP is down",
    ]


# --- silence --------------------------------------------------------------------------------------


def trade(
    town: Town, count: Callable[[datetime], int], weeks: int = 8, store: str = "acme"
) -> None:
    """Let a store have had so many orders in each hour of its own time, until now."""
    moment, hour = town.clock().replace(minute=0) - timedelta(weeks=weeks), timedelta(hours=1)
    rows: list[dict[str, object]] = []
    while moment < town.clock():
        some = count(moment.astimezone(SAO_PAULO))
        rows += [
            {"store": store, "order_id": f"o{len(rows) + n}", "listed_at": moment + hour * n / some}
            for n in range(some)
        ]
        moment += hour
    with town.journal._database.transaction() as db:
        db.execute(orders.insert(), rows)


def office_hours(hour: datetime) -> int:
    return 6 if hour.weekday() < 5 and 9 <= hour.hour < 18 else 0


def test_intake_that_stops_at_noon_on_a_monday_is_told_when_the_rhythm_says_so(
    town: Town,
) -> None:
    trade(town, office_hours, weeks=3)
    begin = town.clock()

    while not town.open() and town.clock() - begin < timedelta(hours=8):
        town.minutes(5, step=5)

    lasted = town.clock() - begin
    # Six an hour: fifteen are missing after two and a half hours.
    assert timedelta(hours=2, minutes=15) < lasted < timedelta(hours=2, minutes=45)
    (title,) = town.desk.titles()
    assert title == "acme: no new order, where some 15 were to be expected"


def test_a_night_and_a_sunday_are_no_silence_in_a_store_that_never_sells_then(
    town: Town,
) -> None:
    town.clock.moment = datetime(2026, 3, 13, 21, tzinfo=UTC)  # Friday, 18:00 in Sao Paulo
    trade(town, office_hours, weeks=3)

    for _ in range(61):  # until Monday, 7:00
        town.look()
        town.clock.pass_by(3600)

    assert town.desk.got == []


def test_a_store_that_is_new_is_told_of_after_three_days_and_not_before(town: Town) -> None:
    trade(town, office_hours, weeks=1)

    town.minutes(1)
    town.clock.pass_by(70 * 3600)
    town.minutes(1)
    before = town.open()
    town.clock.pass_by(2 * 3600)
    town.minutes(1)

    assert before == []
    assert town.open() == [("missing_orders", "acme")]


def test_an_order_ends_the_silence(town: Town) -> None:
    trade(town, office_hours, weeks=3)
    town.minutes(200, step=5)
    assert town.open() == [("missing_orders", "acme")]

    town.journal.orders.record("acme", [NewOrder("new-01", None, 1)])
    town.minutes(8)

    assert town.open() == []
    assert town.desk.titles()[-1].startswith("over: acme: no new order")


def test_while_vtex_tells_nothing_that_is_told_and_no_silence_of_the_shoppers(
    town: Town,
) -> None:
    trade(town, office_hours, weeks=3)
    town.minutes(2)

    town.listing = False
    town.minutes(240, step=5)
    during = town.open()
    town.listing = True
    town.journal.orders.record("acme", [NewOrder("new-01", None, 1)])
    town.minutes(12)

    assert sorted(during) == [("vtex_silent", "acme"), ("vtex_silent", "outlet")]
    assert town.open() == []
    # Two stores, each told of once and closed once.
    assert len(town.desk.titles()) == 4


def test_a_store_that_vtex_never_told_of_is_told_as_well(town: Town) -> None:
    town.listing = False

    town.minutes(14, step=2)
    before = town.open()
    town.minutes(10, step=2)

    assert before == []
    assert sorted(town.open()) == [("vtex_silent", "acme"), ("vtex_silent", "outlet")]


def test_an_hour_asleep_is_no_news(town: Town) -> None:
    trade(town, lambda hour: 8, weeks=2)
    town.minutes(5)

    town.clock.pass_by(3600)  # nothing runs: no list, no look
    town.listing = False
    town.minutes(1)
    town.listing = True
    town.journal.orders.record("acme", [NewOrder("new-01", None, 1)])
    town.minutes(10)

    assert town.desk.got == []


# --- what waits, feeds, findings, quotas ----------------------------------------------------------


def test_an_order_that_waits_for_long_is_told_and_a_request_that_is_not_due_is_not(
    town: Town,
) -> None:
    town.journal.orders.record(
        "acme", [NewOrder("a-01", town.clock(), 1), NewOrder("a-02", None, 1)]
    )

    town.minutes(40, step=4)

    (message,) = [one for name, one in town.desk.got if name == "1 json"]
    assert message.title == (
        "acme: 2 jobs known for more than 30 minutes and not done; the oldest is an order's intake"
    )
    assert "next: vtex-erp order a-01 says for what" in message.body


def test_a_feed_that_was_lost_is_told_once_though_it_was_restored_at_once(town: Town) -> None:
    town.journal.feeds.set_up("acme", ["ready-for-handling"], hidden_seconds=300, kept_seconds=9)
    town.minutes(5)

    town.journal.feeds.mark_restored("acme", "VTEX had none any more")
    for _ in range(18):
        town.journal.feeds.mark_working("acme")
        town.minutes(5, step=2)

    assert town.desk.titles() == [
        "acme: the feed was lost, and is restored: VTEX had none any more",
        "over: acme: the feed was lost, and is restored: VTEX had none any more",
    ]


def feed_fails(town: Town, minutes: int) -> None:
    for _ in range(minutes):
        town.journal.feeds.mark_failed("acme", "grant 'Feed v3 and Hook Admin' to the key (403)")
        town.minutes(1)


def test_a_feed_that_fails_alone_is_told_and_one_that_fails_with_the_list_is_the_outage(
    town: Town,
) -> None:
    assert RETRY_INTERVAL == MINUTE
    town.journal.feeds.set_up("acme", ["ready-for-handling"], hidden_seconds=300, kept_seconds=9)
    town.minutes(2)
    town.listing = False
    feed_fails(town, 25)
    outage = town.open()

    town.listing = True
    feed_fails(town, 10)

    assert ("feed_broken", "acme") not in outage
    assert ("vtex_silent", "acme") in outage
    assert ("feed_broken", "acme") in town.open()


def test_findings_of_a_reconciliation_are_told_by_kind_until_one_finds_none(town: Town) -> None:
    def compared(**findings: int) -> None:
        kinds = {name.replace("_", "-"): count for name, count in findings.items()}
        now = town.clock()
        town.journal.reconciliations.save(Reconciliation("acme", now, now, now, 100, kinds))

    compared(unknown_here=3, stuck=1)
    town.minutes(9 * 60, step=10)
    compared(stuck=1)
    town.minutes(10)
    compared()
    town.minutes(10)

    assert sorted(town.desk.titles()[:2]) == [
        "acme: 1 order found by the reconciliation: stuck",
        "acme: 3 orders found by the reconciliation: unknown-here",
    ]
    assert [one.split(":")[0] for one in town.desk.titles()[2:]] == ["over", "over"]


def test_a_quota_that_is_used_up_for_long_is_told_and_a_burst_is_not(town: Town) -> None:
    town.minutes(5, Facts({"acme": (4700, 4800)}))
    town.minutes(20, Facts({"acme": (100, 4800)}))
    burst = list(town.desk.got)

    town.minutes(15, Facts({"acme": (4700, 4800)}))

    assert burst == []
    (title,) = town.desk.titles()
    assert "4700 calls in the last minute of 4800" in title


def test_a_quota_that_nobody_knows_leaves_its_alert_as_it_is(town: Town) -> None:
    town.minutes(15, Facts({"acme": (4700, 4800)}))

    town.minutes(30)

    assert town.open() == [("rate_limit_exhausted", "acme")]


# --- sending --------------------------------------------------------------------------------------


def test_two_that_look_at_once_tell_of_it_once(town: Town) -> None:
    town.bury("a-01", "no such SKU")
    town.minutes(2)
    town.clock.pass_by(60)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: town.look(), range(8)))

    assert len(town.journal.alerts.find()) == 1
    assert sorted(name for name, _ in town.desk.got) == ["1 json", "2 slack"]


def test_two_that_find_it_at_once_make_one_alert_of_it(town: Town) -> None:
    cause = silent_beat(town.clock(), "no beat is at work")

    def find(_: int) -> None:
        town.journal.alerts.observe([cause], {(Rule.BEAT_SILENT, "")}, RULES.pace, now=town.clock())

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(find, range(16)))
    tell(town.journal, town.desk, town.rules, now=town.clock)

    assert town.open() == [("beat_silent", "")]
    assert len(town.desk.titles()) == 1


def test_a_receiver_that_is_down_gets_it_later_and_the_others_get_it_once(town: Town) -> None:
    town.desk.down = {"2 slack"}
    town.bury("a-01", "no such SKU")
    town.minutes(30)
    (row,) = town.journal.alerts.find()
    fault = row.fault

    town.desk.down = set()
    town.minutes(30)

    assert fault == "2 slack: it does not answer"
    assert len(town.desk.titles("1 json")) == len(town.desk.titles("2 slack")) == 1
    (row,) = town.journal.alerts.find()
    assert row.fault is None


def test_a_receiver_that_never_heard_of_it_does_not_hear_that_it_is_over(town: Town) -> None:
    town.desk.down = {"2 slack"}
    credentials_expire(town, 10)
    town.minutes(3)
    town.desk.down = set()

    town.minutes(30)

    assert [one[:5] for one in town.desk.titles("1 json")] == ["acme:", "over:"]
    slack = town.desk.titles("2 slack")
    assert slack == [] or slack[0].startswith("acme:")


def test_whoever_dies_while_sending_is_followed_by_another(town: Town) -> None:
    town.bury("a-01", "no such SKU")

    class Died(Exception):
        pass

    def die() -> None:
        raise Died

    town.desk.on_send = die
    with pytest.raises(Died):
        town.minutes(10)
    town.desk.on_send = lambda: None

    town.look()
    at_once = list(town.desk.got)
    town.clock.pass_by(CLAIM_TIMEOUT.total_seconds() + 1)
    town.look()

    assert at_once == []
    assert len(town.desk.titles()) == 1


def test_no_transaction_is_open_while_a_message_is_sent(town: Town) -> None:
    town.bury("a-01", "no such SKU")
    written: list[int] = []
    town.desk.on_send = lambda: written.append(
        town.journal.orders.record("acme", [NewOrder(f"n-{len(written)}", None, 1)])
    )

    town.minutes(5)

    assert written == [1, 1]


def test_what_comes_and_goes_is_told_less_and_less_often(town: Town) -> None:
    for _ in range(12):  # four hours of ten minutes' failure, ten minutes' calm
        credentials_expire(town, 10)
        town.minutes(10)

    assert 2 <= len(town.desk.titles()) <= 10


def test_without_receivers_alerts_are_kept_and_told_once_there_is_one(town: Town) -> None:
    town.desk.receivers = ()
    town.bury("a-01", "no such SKU")
    town.minutes(10)
    kept = town.open()

    town.desk.receivers = ("1 json",)
    town.minutes(1)

    assert kept == [("dead_letters", "acme")]
    assert len(town.desk.titles()) == 1


def test_a_store_that_is_configured_no_more_keeps_no_alert_open(town: Town) -> None:
    town.journal.store_pauses.begin("outlet", seconds=9e6, reason="stocktaking")
    town.minutes(5)
    assert town.open() == [("store_paused", "outlet")]

    town.rules = replace(RULES, stores=(STORE,))
    town.minutes(70)

    assert town.open() == []


def test_who_looks_seldom_is_believed_as_well(town: Town) -> None:
    town.rules = replace(RULES, every=20 * MINUTE)
    town.bury("a-01", "no such SKU")

    town.minutes(60, step=20)

    assert town.open() == [("dead_letters", "acme")]


def test_what_was_wrong_before_and_after_a_long_gap_did_not_last(town: Town) -> None:
    town.journal.store_pauses.begin("acme", seconds=60, reason="429")
    town.minutes(1)
    town.clock.pass_by(3600)
    town.journal.store_pauses.begin("acme", seconds=60, reason="429")
    town.minutes(1)

    assert town.open() == []


def test_rules_that_are_ignored_are_not_told(town: Town) -> None:
    town.rules = replace(RULES, ignored=frozenset({"store_paused"}))
    town.journal.store_pauses.begin("acme", seconds=9e6, reason="stocktaking")

    town.minutes(5)

    assert town.open() == []


def test_an_evaluation_changes_no_alert_and_asks_no_clock(town: Town) -> None:
    town.bury("a-01", "no such SKU")
    moment = town.clock()
    town.clock.moment = datetime(1990, 1, 1, tzinfo=UTC)

    causes: list[Problem] = evaluate(town.journal, RULES, moment)

    assert [(one.rule, one.count) for one in causes] == [(Rule.DEAD_LETTERS, 1)]
    assert town.journal.alerts.find(since=datetime(1980, 1, 1, tzinfo=UTC)) == []


def test_a_look_reads_neither_all_orders_nor_all_jobs(tmp_path: Path) -> None:
    town = Town(f"sqlite:///{tmp_path}/journal.db")
    asked: list[tuple[str, Any]] = []
    engine = town.journal._database.engine
    event.listen(
        engine, "before_cursor_execute",
        lambda _c, _u, statement, values, *_: asked.append((statement, values)),
    )  # fmt: skip
    town.bury("a-01", "no such SKU")
    town.journal.orders.record("acme", [NewOrder("a-02", None, 1)])
    town.minutes(90, step=5)

    # What reads and what writes alike; a plan is made for the statement as it was asked.
    looks = [one for one in asked if one[0].startswith(("SELECT", "UPDATE", "DELETE"))]
    with engine.connect() as db:
        plans = {
            statement: [
                row[3] for row in db.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)
            ]
            for statement, values in looks
        }
    town.journal.close()

    scans = {
        statement: plan
        for statement, plan in plans.items()
        if any(one.startswith(("SCAN journal_jobs", "SCAN journal_orders")) for one in plan)
    }
    assert any("journal_orders" in one for one in plans)
    assert scans == {}
