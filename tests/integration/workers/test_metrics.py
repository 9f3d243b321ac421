"""What the metrics tell of real tasks on a real journal, and what they never tell."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from prometheus_client import CollectorRegistry
from sqlalchemy import event, text

from erp.port import ErpRejected
from journal.journal import Journal
from journal.model import Stage
from journal.monitoring.metrics_queries import REASONS
from journal.orders import NewOrder
from support.in_process import Desk
from support.observed_tasks import Read, watched, words_of
from support.query_plans import explained
from support.servers import RedisServer, free_port
from tasks.base import DEAD, LATER
from tasks.retry_policy import OUTCOMES, outcome_of, reason_of
from vtex.transport.rate_limit import Priority
from workers.app import app
from workers.configuration.settings import Settings, load
from workers.monitoring.cluster_metrics import ClusterMetrics
from workers.monitoring.metrics import WorkMetrics

STORE = {
    "VTEX_ACCOUNT": "acme", "VTEX_APP_KEY": "vtexappkey-acme-SIMULA",
    "VTEX_APP_TOKEN": "simulated-token",
}  # fmt: skip


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
def counter(journal_url: str, registry: CollectorRegistry) -> Iterator[Desk]:
    with watched(journal_url, WorkMetrics(["acme"], registry)) as made:
        yield made


def settings(redis_url: str = "", **more: str) -> Settings:
    return load(STORE | {"REDIS_URL": redis_url or f"redis://127.0.0.1:{free_port()}/0"} | more)


def cluster(journal: Journal, of: Settings) -> Read:
    """Read the cluster's metrics as they are now."""
    registry = CollectorRegistry()
    registry.register(ClusterMetrics(of, journal))
    return Read.of(registry)


def ready(counter: Desk) -> str:
    order_id = counter.order(status="ready-for-handling")
    counter.intake(order_id)
    return order_id


def test_an_order_that_came_in_is_told_by_its_steps_its_calls_and_its_latency(
    counter: Desk, registry: CollectorRegistry
) -> None:
    ready(counter)
    counter.work()

    told = Read.of(registry)

    steps = told.by("vtex_erp_tasks_total", "task", store="acme", outcome="done")
    assert {"orders.fetch", "orders.fetch_payment", "orders.insert"} <= set(steps)
    assert steps["orders.start_handling"] == 1
    calls = told.by("vtex_erp_vtex_calls_total", "endpoint", store="acme")
    assert calls == {"order": 1, "transaction": 1, "payments": 1, "start_handling": 1}
    assert told.one("vtex_erp_payment_to_erp_seconds_count", store="acme") == 1
    assert told.one("vtex_erp_job_attempts_sum", kind="intake") == 1
    assert told.one("vtex_erp_tasks_running") == 0


def test_the_latency_is_counted_from_the_payment(
    counter: Desk, registry: CollectorRegistry
) -> None:
    order_id = ready(counter)
    paid_at = counter.clock() - timedelta(hours=2)
    counter.entry(order_id).order["authorizedDate"] = paid_at.isoformat()
    counter.work()

    assert Read.of(registry).one("vtex_erp_payment_to_erp_seconds_sum", store="acme") == 7200


def test_an_invoice_is_told_from_its_asking_until_vtex_has_it(
    counter: Desk, registry: CollectorRegistry
) -> None:
    counter.invoice(counter.order())
    counter.clock.pass_by(90)
    counter.settle()

    told = Read.of(registry)

    assert told.one("vtex_erp_invoice_to_vtex_seconds_sum", store="acme") == 90
    assert told.one("vtex_erp_job_attempts_count", kind="invoice") == 1


def test_what_vtex_throttles_is_told_as_429_and_as_a_step_that_comes_again(
    counter: Desk, registry: CollectorRegistry
) -> None:
    ready(counter)
    counter.simulator.faults.add(kind="throttle", route="order", times=1)
    counter.work()

    told = Read.of(registry)

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
    counter: Desk, registry: CollectorRegistry, error: Exception, outcome: str, reason: str
) -> None:
    def refuse(*_: object) -> str:
        raise error

    ready(counter)
    counter.erp.insert = refuse
    counter.work()

    told = Read.of(registry)

    assert told.by("vtex_erp_tasks_total", "reason", outcome=outcome) == {reason: 1}
    assert str(error) not in told.text


def test_new_orders_are_told_once_and_a_counter_is_there_before_the_first(
    counter: Desk, registry: CollectorRegistry
) -> None:
    name, labels = "vtex_erp_orders_discovered_total", {"store": "acme", "task": "orders.list"}
    before = Read.of(registry).one(name, **labels)
    for _ in range(2):
        app.tasks["orders.list"].record("acme", [NewOrder("v1acme-01", counter.clock(), 100)])

    assert (before, Read.of(registry).one(name, **labels)) == (0, 1)


def test_a_store_that_nobody_configured_has_no_name_in_any_label(
    counter: Desk, registry: CollectorRegistry
) -> None:
    counter.ask("invoice", "v1acme-01", invoice_number="")
    strange = {"store": "Ana Prado", "order_id": "v1acme-01", "attempt": 1}
    app.tasks["orders.fetch"].apply(kwargs=strange)
    counter.journal.orders.record("Ana Prado", [NewOrder("v1acme-01", counter.clock(), 100)])

    told = Read.of(registry).text + cluster(counter.journal, settings()).text

    assert "Ana Prado" not in told
    assert 'store="other"' in told


def test_every_outcome_and_reason_of_an_error_is_a_word_of_ours() -> None:
    errors = [kind.__new__(kind) for kind in (*LATER, *DEAD, ValueError, KeyError)]

    assert {outcome_of(one) for one in errors} | {outcome_of(None)} <= set(OUTCOMES)
    assert all(reason_of(one).replace("_", "").isalpha() for one in errors)


# --- the cluster's --------------------------------------------------------------------------------


def test_the_journal_tells_where_orders_stand_and_for_how_long_the_oldest(counter: Desk) -> None:
    done = ready(counter)
    counter.work()
    counter.clock.pass_by(100)
    ready(counter)
    counter.work_one_step()
    counter.clock.pass_by(30)
    ready(counter)

    told = cluster(counter.journal, settings())

    open_now = told.by("vtex_erp_jobs_open", "stage", store="acme", kind="intake")
    assert open_now == {"listed": 1, "fetched": 1}
    assert told.one("vtex_erp_jobs_open", store="acme", kind="intake", stage="paid") == 0
    assert told.one("vtex_erp_oldest_open_job_age_seconds", store="acme", kind="intake") == 30
    assert told.one("vtex_erp_jobs_leased", store="acme", kind="intake") == 1
    assert told.by("vtex_erp_jobs_finished", "state", kind="intake") == {"done": 1}
    assert told.one("vtex_erp_last_order_timestamp_seconds", store="acme") == (
        counter.clock().timestamp()
    )
    assert done not in told.text


def crash(counter: Desk) -> None:
    ready(counter)
    for _ in range(4):
        for one in counter.journal.jobs.dispatch(in_flight=1):
            counter.journal.jobs._enter(
                one.store, one.order_id, one.attempt, Stage.LISTED, calls_vtex=False, job=None
            )
        counter.clock.pass_by(60)


def fail_unforeseen(counter: Desk) -> None:
    def fall(*_: object) -> str:
        raise ZeroDivisionError

    ready(counter)
    counter.erp.insert = fall
    counter.work(rounds=8, seconds=301)


def refuse_at_erp(counter: Desk) -> None:
    def refuse(*_: object) -> str:
        raise ErpRejected("no such SKU")

    ready(counter)
    counter.erp.insert = refuse
    counter.work()


def break_document(counter: Desk) -> None:
    del counter.entry(ready(counter)).order["value"]
    counter.work()


def be_unknown_to_vtex(counter: Desk) -> None:
    counter.journal.orders.record("acme", [NewOrder("v404acme-01", counter.clock(), 100)])
    counter.work()


def break_contract(counter: Desk) -> None:
    counter.ask("invoice", counter.order(), invoice_number="")


def give_up(counter: Desk) -> None:
    counter.invoice(counter.order())
    counter.simulator.faults.add(kind="unavailable", route="order", times=None)
    counter.work(rounds=301, seconds=301)


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        (crash, "crashed"), (fail_unforeseen, "unforeseen"), (give_up, "retries_exhausted"),
        (break_document, "invalid_document"),
        (be_unknown_to_vtex, "vtex_rejected"), (refuse_at_erp, "erp_rejected"),
        (break_contract, "request_refused"),
    ],
)  # fmt: skip
def test_a_dead_job_is_told_by_its_reason_in_a_word(
    counter: Desk, how: Callable[[Desk], None], reason: str
) -> None:
    how(counter)

    assert reason in REASONS
    assert cluster(counter.journal, settings()).by("vtex_erp_dead_letters", "reason") == {reason: 1}


def test_a_store_that_pauses_an_erp_that_is_down_and_a_feed_that_is_lost_are_told(
    counter: Desk,
) -> None:
    before = cluster(counter.journal, settings())
    counter.journal.store_pauses.begin("acme", seconds=60, reason="stocktaking")
    counter.journal.feeds.set_up(
        "acme", ["ready-for-handling"], hidden_seconds=60, kept_seconds=345_600
    )
    lost = cluster(counter.journal, settings())
    counter.journal.feeds.mark_failed("acme", "no permission")

    after = cluster(counter.journal, settings())

    assert before.one("vtex_erp_store_paused", store="acme") == 0
    assert after.one("vtex_erp_store_paused", store="acme") == 1
    assert before.one("vtex_erp_erp_down_seconds") == 0
    assert not before.all("vtex_erp_feed_healthy")
    assert lost.one("vtex_erp_feed_healthy", store="acme") == 1
    assert after.one("vtex_erp_feed_healthy", store="acme") == 0
    assert "stocktaking" not in after.text


def test_the_quota_the_beat_and_who_is_away_are_told(
    counter: Desk, redis_server: RedisServer
) -> None:
    of = settings(redis_server.url, VTEX_QUOTA_PER_MINUTE="1000")
    registry = CollectorRegistry()
    metrics = ClusterMetrics(of, counter.journal)
    registry.register(metrics)
    metrics._rate_limiters["acme"].acquire("order", Priority.URGENT)

    told = Read.of(registry)

    assert told.one("vtex_erp_rate_limit_allowed_calls_per_minute", store="acme") == 800
    assert 1 <= told.one("vtex_erp_rate_limit_used_calls_per_minute", store="acme") <= 10
    assert told.one("vtex_erp_beat_active") == 0
    assert (told.one("vtex_erp_up", server="redis"), told.one("vtex_erp_up", server="journal")) == (
        1, 1,
    )  # fmt: skip


def test_without_redis_the_journal_is_still_told_and_the_other_way_round(
    counter: Desk, redis_server: RedisServer
) -> None:
    no_redis = cluster(counter.journal, settings())
    away = Journal(f"postgresql://erp:open-sesame-journal@127.0.0.1:{free_port()}/journal")
    no_journal = cluster(away, settings(redis_server.url))

    assert no_redis.by("vtex_erp_up", "server") == {"journal": 1}
    assert no_redis.all("vtex_erp_jobs_open")
    assert no_journal.by("vtex_erp_up", "server") == {"redis": 1}
    assert no_journal.all("vtex_erp_beat_active")
    assert not no_journal.all("vtex_erp_jobs_open"), "what is not known is told as 0"
    assert "open-sesame" not in no_journal.text


def test_however_many_ask_the_journal_is_read_once_in_a_while(counter: Desk) -> None:
    registry = CollectorRegistry()
    registry.register(ClusterMetrics(settings(), counter.journal))
    statements: list[str] = []
    event.listen(
        counter.journal._database.engine, "before_cursor_execute",
        lambda _c, _cur, statement, *_: statements.append(statement),
    )  # fmt: skip
    Read.of(registry)
    first = len(statements)

    for _ in range(20):
        Read.of(registry)

    assert 5 <= first <= 15
    assert len(statements) == first


def test_what_is_read_often_reads_none_of_what_has_ended(counter: Desk) -> None:
    _fill(counter.journal, counter.clock, done=20_000)
    ready(counter)

    with explained(counter.journal) as plans:
        counter.journal.metrics.snapshot(counter.clock())

    assert len(plans) == 2
    assert all("ix_journal_jobs_place" in plan for plan in plans.values()), plans
    assert not [plan for plan in plans.values() if "SCAN journal_jobs" in plan or "Seq" in plan]


def test_nothing_of_a_person_or_a_secret_is_in_any_metric(
    counter: Desk, registry: CollectorRegistry, redis_server: RedisServer
) -> None:
    order_id = ready(counter)
    counter.work()
    counter.invoice(order_id, number="128841")
    counter.settle()
    break_document(counter)

    told = Read.of(registry).text + cluster(counter.journal, settings(redis_server.url)).text

    words = words_of(counter.entry(order_id)) | {order_id, "128841", *STORE.values()} - {"acme"}
    assert len(words) > 8
    assert not [one for one in words if one in told]


def _fill(journal: Journal, clock: Callable[[], object], *, done: int) -> None:
    numbers = (
        f"SELECT n FROM generate_series(1, {done}) AS n"
        if not journal._database.is_local
        else "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c "
        f"WHERE n < {done}) SELECT n FROM c"
    )
    with journal._database.transaction() as db:
        db.execute(text(
            "INSERT INTO journal_jobs (store, order_id, kind, key, stage, state, attempt, starts, "
            "suspect, failures, waiting, due_at, updated_at) SELECT 'acme', 'o' || n, 'intake', "
            "'', 'handling', 'done', 1, 0, 0, 0, 0, :now, :now "
            f"FROM ({numbers}) AS numbers"
        ), {"now": clock()})  # fmt: skip
    with journal._database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as db:
        db.execute(text("ANALYZE"))
