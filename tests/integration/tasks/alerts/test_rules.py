"""When each rule opens and closes an alert, over a real journal, at a clock of the test's own."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from foundation.local_days import DEFAULT_ZONE
from journal.feeds import RETRY_INTERVAL
from journal.model import Postponement, Stage
from journal.orders import NewOrder
from journal.reconciliation import Reconciliation
from journal.storage.tables import orders
from support.alert_scenario import MINUTE, AlertScenario, credentials_expire
from tasks.alerts.delivery import Severity
from tasks.alerts.model import RateLimitUsage
from tasks.retry_policy import RetryPolicy

# --- dead jobs ------------------------------------------------------------------------------------


def test_fifty_orders_of_one_cause_are_one_message_with_count_first_order_and_next_step(
    scenario: AlertScenario,
) -> None:
    for number in range(50):
        scenario.bury(f"v{number:03}-01", f"items[0].sku '{number}': the ERP has no such SKU")

    scenario.minutes(10)

    (message,) = [one for name, one in scenario.notifier.got if name == "1 json"]
    assert message.severity is Severity.FIRING
    assert message.title == "acme: 50 dead letters: items[…].sku …: the ERP has no such SKU"
    assert "count: 50, first order v000-01" in message.body
    assert (
        "next step: Run vtex-erp dead-letters list --store acme --matching 'items[…].sku …: the ERP"
        in message.body
    )
    assert "since 2026-03-09 12:00 (America/Sao_Paulo)" in message.body


def test_two_causes_and_two_stores_are_told_apart(scenario: AlertScenario) -> None:
    scenario.bury("a-01", "no such SKU")
    scenario.bury("a-02", "sums differ")
    scenario.bury("b-01", "no such SKU", store="outlet")

    scenario.minutes(4)

    assert sorted(scenario.notifier.titles()) == [
        "acme: 1 dead letter: no such SKU",
        "acme: 1 dead letter: sums differ",
        "outlet: 1 dead letter: no such SKU",
    ]


def test_what_was_retried_is_over_and_whoever_heard_of_it_hears_that_too(
    scenario: AlertScenario,
) -> None:
    scenario.bury("a-01", "no such SKU")
    scenario.minutes(5)
    (job,) = scenario.journal.alert_queries.snapshot(scenario.clock(), waits=MINUTE).dead
    assert job.count == 1

    assert scenario.journal.jobs.retry("acme", "a-01")
    (ticket,) = scenario.journal.jobs.dispatch(in_flight=1)
    scenario.journal.jobs.postpone(
        "acme", "a-01", ticket.attempt, "later", Postponement(lambda _: 9e6)
    )
    scenario.minutes(10)

    assert scenario.notifier.titles() == [
        "acme: 1 dead letter: no such SKU",
        "resolved: acme: 1 dead letter: no such SKU",
    ]
    (closed,) = scenario.journal.alerts.find(since=scenario.clock() - timedelta(days=1))
    assert closed.closed_at is not None


def test_more_causes_than_anybody_reads_are_one_alert_together(scenario: AlertScenario) -> None:
    for number in range(26):
        scenario.bury(f"a-{number:02}", f"no such field {chr(97 + number)}x")

    scenario.minutes(4)

    rows = scenario.journal.alerts.find()
    assert len(rows) == 21
    assert any(one.message == "6 dead letters of further causes" for one in rows)
    (title,) = scenario.notifier.titles()
    assert title == "vtex-erp: 21 alerts"


# --- pauses, the ERP ------------------------------------------------------------------------------


def test_expired_credentials_are_one_alert_however_often_the_pause_is_renewed(
    scenario: AlertScenario,
) -> None:
    scenario.minutes(3)

    credentials_expire(scenario, 20)
    during = scenario.open()
    scenario.minutes(10)

    assert during == [("store_paused", "acme")]
    assert scenario.notifier.titles() == [
        "acme: calls to VTEX are paused: VTEX refuses the credentials (401)",
        "resolved: acme: calls to VTEX are paused: VTEX refuses the credentials (401)",
    ]


def test_a_429_of_seconds_is_no_news(scenario: AlertScenario) -> None:
    scenario.journal.store_pauses.begin("acme", seconds=60, reason="429")

    scenario.minutes(20)

    assert scenario.notifier.got == []


def test_a_pause_by_hand_says_how_it_ends_and_is_reminded_of_after_hours(
    scenario: AlertScenario,
) -> None:
    scenario.journal.store_pauses.begin("acme", seconds=10 * 365 * 86_400, reason="stocktaking")

    scenario.minutes(9 * 60, step=5)

    first, *rest = [one for name, one in scenario.notifier.got if name == "1 json"]
    assert "next step: Run vtex-erp stores resume --store acme" in first.body
    assert [one.title for one in rest] == [f"still firing: {first.title}"] * 2


def test_an_erp_that_is_down_is_told_once_and_what_waits_for_it_is_not(
    scenario: AlertScenario,
) -> None:
    scenario.journal.orders.record("acme", [NewOrder("a-01", scenario.clock(), 1)])
    (ticket,) = scenario.journal.jobs.dispatch(in_flight=1)
    for stage in (Stage.FETCHED, Stage.PAID):
        with scenario.journal.jobs.step("acme", "a-01", ticket.attempt, to=stage):
            pass
    for _ in range(45):
        scenario.journal.jobs.postpone(
            "acme",
            "a-01",
            ticket.attempt,
            "the ERP is down",
            Postponement(RetryPolicy().backoff_seconds, erp_down=True),
        )
        scenario.minutes(1)
        (ticket,) = scenario.journal.jobs.dispatch(in_flight=1)
    during = scenario.open()
    with scenario.journal.jobs.step("acme", "a-01", ticket.attempt, to=Stage.INSERTED):
        pass
    scenario.journal.jobs.postpone(
        "acme", "a-01", ticket.attempt, "more to do", Postponement(lambda _: 60)
    )
    scenario.minutes(20)

    assert during == [("erp_down", "")]
    assert scenario.notifier.titles() == [
        "vtex-erp: the ERP does not accept orders: the ERP is down",
        "resolved: vtex-erp: the ERP does not accept orders: the ERP is down",
    ]


# --- silence --------------------------------------------------------------------------------------


def trade(
    scenario: AlertScenario, count: Callable[[datetime], int], weeks: int = 8, store: str = "acme"
) -> None:
    """Let a store have had so many orders in each hour of its own time, until now."""
    moment, hour = scenario.clock().replace(minute=0) - timedelta(weeks=weeks), timedelta(hours=1)
    rows: list[dict[str, object]] = []
    while moment < scenario.clock():
        some = count(moment.astimezone(DEFAULT_ZONE))
        rows += [
            {"store": store, "order_id": f"o{len(rows) + n}", "listed_at": moment + hour * n / some}
            for n in range(some)
        ]
        moment += hour
    with scenario.journal._database.transaction() as db:
        db.execute(orders.insert(), rows)


def office_hours(hour: datetime) -> int:
    return 6 if hour.weekday() < 5 and 9 <= hour.hour < 18 else 0


def test_intake_that_stops_at_noon_on_a_monday_is_told_when_the_rhythm_says_so(
    scenario: AlertScenario,
) -> None:
    trade(scenario, office_hours, weeks=3)
    begin = scenario.clock()

    while not scenario.open() and scenario.clock() - begin < timedelta(hours=8):
        scenario.minutes(5, step=5)

    lasted = scenario.clock() - begin
    # Six an hour: fifteen are missing after two and a half hours.
    assert timedelta(hours=2, minutes=15) < lasted < timedelta(hours=2, minutes=45)
    (title,) = scenario.notifier.titles()
    assert title == "acme: about 15 orders are missing by the store's usual rate"


def test_a_night_and_a_sunday_are_no_silence_in_a_store_that_never_sells_then(
    scenario: AlertScenario,
) -> None:
    scenario.clock.moment = datetime(2026, 3, 13, 21, tzinfo=UTC)  # Friday, 18:00 in Sao Paulo
    trade(scenario, office_hours, weeks=3)

    for _ in range(61):  # until Monday, 7:00
        scenario.look()
        scenario.clock.pass_by(3600)

    assert scenario.notifier.got == []


def test_a_store_that_is_new_is_told_of_after_three_days_and_not_before(
    scenario: AlertScenario,
) -> None:
    trade(scenario, office_hours, weeks=1)

    scenario.minutes(1)
    scenario.clock.pass_by(70 * 3600)
    scenario.minutes(1)
    before = scenario.open()
    scenario.clock.pass_by(2 * 3600)
    scenario.minutes(1)

    assert before == []
    assert scenario.open() == [("missing_orders", "acme")]


def test_an_order_ends_the_silence(scenario: AlertScenario) -> None:
    trade(scenario, office_hours, weeks=3)
    scenario.minutes(200, step=5)
    assert scenario.open() == [("missing_orders", "acme")]

    scenario.journal.orders.record("acme", [NewOrder("new-01", None, 1)])
    scenario.minutes(8)

    assert scenario.open() == []
    assert scenario.notifier.titles()[-1].startswith("resolved: acme: about")


def test_while_vtex_tells_nothing_that_is_told_and_no_silence_of_the_shoppers(
    scenario: AlertScenario,
) -> None:
    trade(scenario, office_hours, weeks=3)
    scenario.minutes(2)

    scenario.listing = False
    scenario.minutes(240, step=5)
    during = scenario.open()
    scenario.listing = True
    scenario.journal.orders.record("acme", [NewOrder("new-01", None, 1)])
    scenario.minutes(12)

    assert sorted(during) == [("vtex_silent", "acme"), ("vtex_silent", "outlet")]
    assert scenario.open() == []
    # Two stores, each told of once and closed once.
    assert len(scenario.notifier.titles()) == 4


def test_a_store_that_vtex_never_told_of_is_told_as_well(scenario: AlertScenario) -> None:
    scenario.listing = False

    scenario.minutes(14, step=2)
    before = scenario.open()
    scenario.minutes(10, step=2)

    assert before == []
    assert sorted(scenario.open()) == [("vtex_silent", "acme"), ("vtex_silent", "outlet")]


def test_an_hour_asleep_is_no_news(scenario: AlertScenario) -> None:
    trade(scenario, lambda hour: 8, weeks=2)
    scenario.minutes(5)

    scenario.clock.pass_by(3600)  # nothing runs: no list, no look
    scenario.listing = False
    scenario.minutes(1)
    scenario.listing = True
    scenario.journal.orders.record("acme", [NewOrder("new-01", None, 1)])
    scenario.minutes(10)

    assert scenario.notifier.got == []


# --- what waits, feeds, findings, quotas ----------------------------------------------------------


def test_an_order_that_waits_for_long_is_told_and_a_request_that_is_not_due_is_not(
    scenario: AlertScenario,
) -> None:
    scenario.journal.orders.record(
        "acme", [NewOrder("a-01", scenario.clock(), 1), NewOrder("a-02", None, 1)]
    )

    scenario.minutes(40, step=4)

    (message,) = [one for name, one in scenario.notifier.got if name == "1 json"]
    assert message.title == (
        "acme: 2 jobs open for more than 30 minutes, the oldest of kind intake"
    )
    assert "next step: Run vtex-erp orders show a-01" in message.body


def test_a_feed_that_was_lost_is_told_once_though_it_was_restored_at_once(
    scenario: AlertScenario,
) -> None:
    scenario.journal.feeds.set_up(
        "acme", ["ready-for-handling"], hidden_seconds=300, kept_seconds=9
    )
    scenario.minutes(5)

    scenario.journal.feeds.mark_restored("acme", "VTEX had none any more")
    for _ in range(18):
        scenario.journal.feeds.mark_working("acme")
        scenario.minutes(5, step=2)

    assert scenario.notifier.titles() == [
        "acme: the feed was lost and is restored: VTEX had none any more",
        "resolved: acme: the feed was lost and is restored: VTEX had none any more",
    ]


def feed_fails(scenario: AlertScenario, minutes: int) -> None:
    for _ in range(minutes):
        scenario.journal.feeds.mark_failed(
            "acme", "grant 'Feed v3 and Hook Admin' to the key (403)"
        )
        scenario.minutes(1)


def test_a_feed_that_fails_alone_is_told_and_one_that_fails_with_the_list_is_the_outage(
    scenario: AlertScenario,
) -> None:
    assert RETRY_INTERVAL == MINUTE
    scenario.journal.feeds.set_up(
        "acme", ["ready-for-handling"], hidden_seconds=300, kept_seconds=9
    )
    scenario.minutes(2)
    scenario.listing = False
    feed_fails(scenario, 25)
    outage = scenario.open()

    scenario.listing = True
    feed_fails(scenario, 10)

    assert ("feed_broken", "acme") not in outage
    assert ("vtex_silent", "acme") in outage
    assert ("feed_broken", "acme") in scenario.open()


def test_findings_of_a_reconciliation_are_told_by_kind_until_one_finds_none(
    scenario: AlertScenario,
) -> None:
    def compared(**findings: int) -> None:
        kinds = {name.replace("_", "-"): count for name, count in findings.items()}
        now = scenario.clock()
        scenario.journal.reconciliations.save(Reconciliation("acme", now, now, now, 100, kinds))

    compared(unknown_here=3, stuck=1)
    scenario.minutes(9 * 60, step=10)
    compared(stuck=1)
    scenario.minutes(10)
    compared()
    scenario.minutes(10)

    assert sorted(scenario.notifier.titles()[:2]) == [
        "acme: the reconciliation found 1 order: stuck",
        "acme: the reconciliation found 3 orders: unknown-here",
    ]
    assert [one.split(":")[0] for one in scenario.notifier.titles()[2:]] == ["resolved", "resolved"]


def test_a_quota_that_is_used_up_for_long_is_told_and_a_burst_is_not(
    scenario: AlertScenario,
) -> None:
    scenario.minutes(5, {"acme": RateLimitUsage(4700, 4800)})
    scenario.minutes(20, {"acme": RateLimitUsage(100, 4800)})
    burst = list(scenario.notifier.got)

    scenario.minutes(15, {"acme": RateLimitUsage(4700, 4800)})

    assert burst == []
    (title,) = scenario.notifier.titles()
    assert "4700 of 4800 calls in the last minute" in title


def test_a_quota_that_nobody_knows_leaves_its_alert_as_it_is(scenario: AlertScenario) -> None:
    scenario.minutes(15, {"acme": RateLimitUsage(4700, 4800)})

    scenario.minutes(30)

    assert scenario.open() == [("rate_limit_exhausted", "acme")]
