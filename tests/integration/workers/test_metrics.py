"""What the metrics tell of real tasks on a real journal, and what they never tell."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from prometheus_client import CollectorRegistry
from sqlalchemy import event, text

from erp.port import ErpRejected
from journal.journal import Journal
from journal.model import Stage
from journal.monitoring.metrics_queries import REASONS
from journal.orders import NewOrder
from support.observed_flow import MetricsText, observed_flow
from support.order_flow import OrderFlow
from support.personal_data import texts_of
from support.query_plans import explained
from support.servers import RedisServer, free_port
from tasks.base import StoreTask
from tasks.retry_policy import TABLE, RetryPolicy, TaskOutcome, outcome_of, reason_of
from vtex.transport.rate_limit import Priority
from workers.app import app
from workers.configuration.settings import Settings, load
from workers.monitoring.cluster_metrics import ClusterMetrics
from workers.monitoring.metrics import WorkMetrics

STORE = {
    "VTEX_ACCOUNT": "acme",
    "VTEX_APP_KEY": "vtexappkey-acme-SIMULA",
    "VTEX_APP_TOKEN": "simulated-token",
}


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
def flow(journal_url: str, registry: CollectorRegistry) -> Iterator[OrderFlow]:
    with observed_flow(journal_url, WorkMetrics(["acme"], registry)) as made:
        yield made


def settings(redis_url: str = "", **more: str) -> Settings:
    return load(STORE | {"REDIS_URL": redis_url or f"redis://127.0.0.1:{free_port()}/0"} | more)


def cluster(journal: Journal, of: Settings) -> MetricsText:
    """Read the cluster's metrics as they are now."""
    registry = CollectorRegistry()
    registry.register(ClusterMetrics(of, journal))
    return MetricsText.of(registry)


def ready(flow: OrderFlow) -> str:
    order_id = flow.order(status="ready-for-handling")
    flow.intake(order_id)
    return order_id


def test_an_order_that_came_in_is_told_by_its_steps_its_calls_and_its_latency(
    flow: OrderFlow, registry: CollectorRegistry
) -> None:
    ready(flow)
    flow.work()

    told = MetricsText.of(registry)

    steps = told.by("vtex_erp_tasks_total", "task", store="acme", outcome="done")
    assert {"orders.fetch", "orders.fetch_payment", "orders.insert"} <= set(steps)
    assert steps["orders.start_handling"] == 1
    calls = told.by("vtex_erp_vtex_calls_total", "endpoint", store="acme")
    assert calls == {"order": 1, "transaction": 1, "payments": 1, "start_handling": 1}
    assert told.one("vtex_erp_payment_to_erp_seconds_count", store="acme") == 1
    assert told.one("vtex_erp_job_attempts_sum", kind="intake") == 1
    assert told.one("vtex_erp_tasks_running") == 0


def test_the_latency_is_counted_from_the_payment(
    flow: OrderFlow, registry: CollectorRegistry
) -> None:
    order_id = ready(flow)
    paid_at = flow.clock() - timedelta(hours=2)
    flow.entry(order_id).order["authorizedDate"] = paid_at.isoformat()
    flow.work()

    assert MetricsText.of(registry).one("vtex_erp_payment_to_erp_seconds_sum", store="acme") == 7200


def test_an_invoice_is_told_from_its_asking_until_vtex_has_it(
    flow: OrderFlow, registry: CollectorRegistry
) -> None:
    flow.invoice(flow.order())
    flow.clock.pass_by(90)
    flow.settle()

    told = MetricsText.of(registry)

    assert told.one("vtex_erp_invoice_to_vtex_seconds_sum", store="acme") == 90
    assert told.one("vtex_erp_job_attempts_count", kind="invoice") == 1


def test_what_vtex_throttles_is_told_as_429_and_as_a_step_that_comes_again(
    flow: OrderFlow, registry: CollectorRegistry
) -> None:
    ready(flow)
    flow.simulator.faults.add(kind="throttle", route="order", times=1)
    flow.work()

    told = MetricsText.of(registry)

    assert told.one("vtex_erp_vtex_calls_total", status="429", endpoint="order") == 1
    assert told.by("vtex_erp_tasks_total", "reason", outcome="retry") == {"vtex_throttled": 1}


@pytest.mark.parametrize(
    ("error", "outcome", "reason"),
    [
        (ErpRejected("no such SKU"), "dead_letter", "erp_rejected"),
        (ZeroDivisionError("Ana Prado, 529.982.247-25"), "unforeseen", "unforeseen"),
    ],
)
def test_what_a_step_ends_with_is_told_in_a_word_of_ours(
    flow: OrderFlow, registry: CollectorRegistry, error: Exception, outcome: str, reason: str
) -> None:
    def refuse(*_: object) -> str:
        raise error

    ready(flow)
    flow.erp.insert = refuse
    flow.work()

    told = MetricsText.of(registry)

    assert told.by("vtex_erp_tasks_total", "reason", outcome=outcome) == {reason: 1}
    assert str(error) not in told.text


def test_new_orders_are_told_once_and_a_counter_is_there_before_the_first(
    flow: OrderFlow, registry: CollectorRegistry
) -> None:
    name, labels = "vtex_erp_orders_discovered_total", {"store": "acme", "task": "orders.list"}
    before = MetricsText.of(registry).one(name, **labels)
    for _ in range(2):
        app.tasks["orders.list"].record("acme", [NewOrder("v1acme-01", flow.clock(), 100)])

    assert (before, MetricsText.of(registry).one(name, **labels)) == (0, 1)


def test_a_store_that_nobody_configured_has_no_name_in_any_label(
    flow: OrderFlow, registry: CollectorRegistry
) -> None:
    flow.ask("invoice", "v1acme-01", invoice_number="")
    strange = {"store": "Ana Prado", "order_id": "v1acme-01", "attempt": 1}
    app.tasks["orders.fetch"].apply(kwargs=strange)
    flow.journal.orders.record("Ana Prado", [NewOrder("v1acme-01", flow.clock(), 100)])

    told = MetricsText.of(registry).text + cluster(flow.journal, settings()).text

    assert "Ana Prado" not in told
    assert 'store="other"' in told


def test_every_outcome_and_reason_of_an_error_is_a_word_of_ours() -> None:
    errors = [kind.__new__(kind) for kind in (*TABLE, ValueError, KeyError)]

    assert {outcome_of(error) for error in errors} | {outcome_of(None)} <= set(TaskOutcome)
    assert all(reason_of(error).replace("_", "").isalpha() for error in errors)


# --- the cluster's --------------------------------------------------------------------------------


def test_the_journal_tells_where_orders_stand_and_for_how_long_the_oldest(flow: OrderFlow) -> None:
    done = ready(flow)
    flow.work()
    flow.clock.pass_by(100)
    ready(flow)
    flow.work_one_step()
    flow.clock.pass_by(30)
    ready(flow)

    told = cluster(flow.journal, settings())

    open_now = told.by("vtex_erp_jobs_open", "stage", store="acme", kind="intake")
    assert open_now == {"listed": 1, "fetched": 1}
    assert told.one("vtex_erp_jobs_open", store="acme", kind="intake", stage="paid") == 0
    assert told.one("vtex_erp_oldest_open_job_age_seconds", store="acme", kind="intake") == 30
    assert told.one("vtex_erp_jobs_leased", store="acme", kind="intake") == 1
    assert told.by("vtex_erp_jobs_finished", "state", kind="intake") == {"done": 1}
    assert told.one("vtex_erp_last_order_timestamp_seconds", store="acme") == (
        flow.clock().timestamp()
    )
    assert done not in told.text


def crash(flow: OrderFlow) -> None:
    ready(flow)
    for _ in range(4):
        for row in flow.journal.jobs.dispatch(in_flight=1):
            flow.journal.jobs._enter(
                row.store, row.order_id, row.attempt, Stage.LISTED, calls_vtex=False, job=None
            )
        flow.clock.pass_by(60)


def fail_unforeseen(flow: OrderFlow) -> None:
    def fall(*_: object) -> str:
        raise ZeroDivisionError

    ready(flow)
    flow.erp.insert = fall
    flow.work(rounds=8, seconds=301)


def refuse_at_erp(flow: OrderFlow) -> None:
    def refuse(*_: object) -> str:
        raise ErpRejected("no such SKU")

    ready(flow)
    flow.erp.insert = refuse
    flow.work()


def break_document(flow: OrderFlow) -> None:
    del flow.entry(ready(flow)).order["value"]
    flow.work()


def be_unknown_to_vtex(flow: OrderFlow) -> None:
    flow.journal.orders.record("acme", [NewOrder("v404acme-01", flow.clock(), 100)])
    flow.work()


def break_contract(flow: OrderFlow) -> None:
    flow.ask("invoice", flow.order(), invoice_number="")


def give_up(flow: OrderFlow) -> None:
    flow.invoice(flow.order())
    flow.simulator.faults.add(kind="unavailable", route="order", times=None)
    StoreTask.process_context = replace(flow.context, retries=RetryPolicy(max_failures=9))
    flow.work(rounds=20, seconds=301)  # a pause of the store takes rounds of its own


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        (crash, "crashed"),
        (fail_unforeseen, "unforeseen"),
        (give_up, "retries_exhausted"),
        (break_document, "invalid_document"),
        (be_unknown_to_vtex, "vtex_rejected"),
        (refuse_at_erp, "erp_rejected"),
        (break_contract, "request_refused"),
    ],
)
def test_a_dead_job_is_told_by_its_reason_in_a_word(
    flow: OrderFlow, how: Callable[[OrderFlow], None], reason: str
) -> None:
    how(flow)

    assert reason in REASONS
    assert cluster(flow.journal, settings()).by("vtex_erp_dead_letters", "reason") == {reason: 1}


def test_a_store_that_pauses_an_erp_that_is_down_and_a_feed_that_is_lost_are_told(
    flow: OrderFlow,
) -> None:
    before = cluster(flow.journal, settings())
    flow.journal.store_pauses.begin("acme", seconds=60, reason="stocktaking")
    flow.journal.feeds.set_up(
        "acme", ["ready-for-handling"], hidden_seconds=60, kept_seconds=345_600
    )
    lost = cluster(flow.journal, settings())
    flow.journal.feeds.mark_failed("acme", "no permission")

    after = cluster(flow.journal, settings())

    assert before.one("vtex_erp_store_paused", store="acme") == 0
    assert after.one("vtex_erp_store_paused", store="acme") == 1
    assert before.one("vtex_erp_erp_down_seconds") == 0
    assert not before.all("vtex_erp_feed_healthy")
    assert lost.one("vtex_erp_feed_healthy", store="acme") == 1
    assert after.one("vtex_erp_feed_healthy", store="acme") == 0
    assert "stocktaking" not in after.text


def test_the_quota_the_beat_and_who_is_away_are_told(
    flow: OrderFlow, redis_server: RedisServer
) -> None:
    of = settings(redis_server.url, VTEX_QUOTA_PER_MINUTE="1000")
    registry = CollectorRegistry()
    metrics = ClusterMetrics(of, flow.journal)
    registry.register(metrics)
    metrics._rate_limiters["acme"].acquire("order", Priority.URGENT)

    told = MetricsText.of(registry)

    assert told.one("vtex_erp_rate_limit_allowed_calls_per_minute", store="acme") == 800
    assert 1 <= told.one("vtex_erp_rate_limit_used_calls_per_minute", store="acme") <= 10
    assert told.one("vtex_erp_beat_active") == 0
    assert (told.one("vtex_erp_up", server="redis"), told.one("vtex_erp_up", server="journal")) == (
        1,
        1,
    )


def test_without_redis_the_journal_is_still_told_and_the_other_way_round(
    flow: OrderFlow, redis_server: RedisServer
) -> None:
    no_redis = cluster(flow.journal, settings())
    away = Journal(f"postgresql://erp:open-sesame-journal@127.0.0.1:{free_port()}/journal")
    no_journal = cluster(away, settings(redis_server.url))

    assert no_redis.by("vtex_erp_up", "server") == {"journal": 1}
    assert no_redis.all("vtex_erp_jobs_open")
    assert no_journal.by("vtex_erp_up", "server") == {"redis": 1}
    assert no_journal.all("vtex_erp_beat_active")
    assert not no_journal.all("vtex_erp_jobs_open"), "what is not known is told as 0"
    assert "open-sesame" not in no_journal.text


def test_however_many_ask_the_journal_is_read_once_in_a_while(flow: OrderFlow) -> None:
    registry = CollectorRegistry()
    registry.register(ClusterMetrics(settings(), flow.journal))
    statements: list[str] = []
    event.listen(
        flow.journal._database.engine,
        "before_cursor_execute",
        lambda _c, _cur, statement, *_: statements.append(statement),
    )
    MetricsText.of(registry)
    first = len(statements)

    for _ in range(20):
        MetricsText.of(registry)

    assert 5 <= first <= 15
    assert len(statements) == first


def test_what_is_read_often_reads_none_of_what_has_ended(flow: OrderFlow) -> None:
    _fill(flow.journal, flow.clock, done=20_000)
    ready(flow)

    with explained(flow.journal) as plans:
        flow.journal.metrics.snapshot(flow.clock())

    assert len(plans) == 2
    assert all("ix_journal_jobs_place" in plan for plan in plans.values()), plans
    assert not [plan for plan in plans.values() if "SCAN journal_jobs" in plan or "Seq" in plan]


def test_nothing_of_a_person_or_a_secret_is_in_any_metric(
    flow: OrderFlow, registry: CollectorRegistry, redis_server: RedisServer
) -> None:
    order_id = ready(flow)
    flow.work()
    flow.invoice(order_id, number="128841")
    flow.settle()
    break_document(flow)

    told = MetricsText.of(registry).text + cluster(flow.journal, settings(redis_server.url)).text

    words = texts_of(flow.entry(order_id)) | {order_id, "128841", *STORE.values()} - {"acme"}
    assert len(words) > 8
    assert not [word for word in words if word in told]


def _fill(journal: Journal, clock: Callable[[], object], *, done: int) -> None:
    numbers = (
        f"SELECT n FROM generate_series(1, {done}) AS n"
        if not journal._database.is_local
        else "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c "
        f"WHERE n < {done}) SELECT n FROM c"
    )
    with journal._database.transaction() as db:
        db.execute(
            text(
                "INSERT INTO journal_jobs (store, order_id, kind, key, stage, state, attempt, "
                "unfinished_starts, crash_suspect, failures, not_ready, due_at, updated_at) SELECT 'acme', 'o' || n, 'intake', "
                "'', 'handling', 'done', 1, 0, 0, 0, 0, :now, :now "
                f"FROM ({numbers}) AS numbers"
            ),
            {"now": clock()},
        )
    with journal._database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as db:
        db.execute(text("ANALYZE"))
