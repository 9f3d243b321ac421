from __future__ import annotations

from collections.abc import Iterator

import pytest

from journal.model import JOB_KINDS, STAGES, Kind
from tasks.job_kinds import (
    CONTROL_TASKS,
    KIND_TASKS,
    QUEUES,
    REQUEST_QUEUES,
    REQUEST_TASKS,
    ROUTES,
    remaining_tasks,
)
from workers.app import app


@pytest.fixture(scope="module")
def registered() -> Iterator[set[str]]:
    app.loader.import_default_modules()
    yield {name for name in app.tasks if not name.startswith("celery.")}


def test_every_kind_of_job_has_a_task_for_each_stage_but_the_last() -> None:
    assert {kind: len(facts.steps) for kind, facts in KIND_TASKS.items()} == {
        kind: len(stages) - 1 for kind, stages in STAGES.items()
    }


def test_the_erp_requests_the_kinds_that_the_journal_says_it_requests() -> None:
    assert set(REQUEST_TASKS) == {kind for kind, facts in JOB_KINDS.items() if facts.requested}


def test_every_routed_task_is_registered(registered: set[str]) -> None:
    assert set(ROUTES) - registered == set()


def test_every_scheduled_task_is_registered_and_a_control_task(registered: set[str]) -> None:
    scheduled = {entry["task"] for entry in app.conf.beat_schedule.values()}

    assert scheduled <= registered
    assert scheduled <= set(CONTROL_TASKS)


def test_every_task_has_a_route_to_a_queue_that_workers_read(registered: set[str]) -> None:
    assert registered - set(ROUTES) == set()
    routes = {task: app.amqp.router.route({}, task)["queue"].name for task in registered}
    assert routes == ROUTES
    assert set(routes.values()) <= {queue.name for queue in app.conf.task_queues}


def test_the_queues_are_those_that_are_documented() -> None:
    assert set(QUEUES) == {"orders", *REQUEST_QUEUES, "changes", "control"}
    assert REQUEST_QUEUES == ("invoices", "tracking", "cancellations", "denials")


def test_a_job_has_the_tasks_left_that_follow_its_stage() -> None:
    assert remaining_tasks(Kind.INTAKE, "paid") == ["orders.insert", "orders.start_handling"]
    assert remaining_tasks(Kind.INTAKE, "handling") == []
    assert remaining_tasks(Kind.INTAKE, "enriched") == []
