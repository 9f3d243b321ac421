"""The run of an order: its four tasks in one message, and each of them called alone by its name."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from journal.model import STAGES, Kind, Lease, Stage, State
from support.order_flow import OrderFlow, order_flow
from tasks.job_kinds import KIND_TASKS
from tasks.workflow import name_of
from vtex.statuses import READY
from workers.app import app

STEPS = KIND_TASKS[Kind.INTAKE].steps


@pytest.fixture
def flow(tmp_path) -> Iterator[OrderFlow]:
    with order_flow(f"sqlite:///{tmp_path}/journal.db") as made:
        yield made


def leased(flow: OrderFlow) -> Lease:
    flow.intake(flow.order(status=READY))
    (lease,) = flow.journal.jobs.dispatch(in_flight=9)
    return lease


def call(task: str, kwargs: dict[str, Any]) -> str:
    return str(app.tasks[task].apply(kwargs=kwargs).state)


def effects(flow: OrderFlow, order_id: str) -> dict[str, Any]:
    """Return all that an order's steps leave: in the journal, in the ERP and at VTEX."""
    row = flow.journal.orders.get("acme", order_id)
    order, payment = flow.journal.documents.get("acme", order_id)
    return {
        "row": (row.state, row.stage, row.erp_reference is not None),
        "documents": (order is not None, payment is not None),
        "events": [event.event for event in flow.journal.timeline.events("acme", order_id)],
        "in ERP": flow.erp.find("acme", order_id) is not None,
        "at VTEX": flow.status(order_id),
    }


def test_each_of_the_four_tasks_called_alone_does_its_step_and_no_other(flow: OrderFlow) -> None:
    lease = leased(flow)
    stages = []
    for task in STEPS:
        assert call(task, name_of(lease)) == "SUCCESS"
        stages.append(flow.journal.orders.get("acme", lease.order_id).stage)

    assert tuple(stages) == STAGES[Kind.INTAKE][1:]


def test_four_tasks_called_alone_and_one_message_have_the_same_effect(flow: OrderFlow) -> None:
    alone = leased(flow)
    for task in STEPS:
        call(task, name_of(alone))
    together = leased(flow)
    call("orders.run", {"orders": [name_of(together) | {"stage": Stage.LISTED}]})

    assert effects(flow, alone.order_id) == effects(flow, together.order_id)
    assert effects(flow, alone.order_id)["row"] == (State.DONE, Stage.HANDLING, True)


@pytest.mark.parametrize("first", range(len(STEPS)))
def test_a_message_resumes_an_order_at_its_stage(flow: OrderFlow, first: int) -> None:
    lease = leased(flow)
    for task in STEPS[:first]:
        call(task, name_of(lease))

    stage = STAGES[Kind.INTAKE][first]
    call("orders.run", {"orders": [name_of(lease) | {"stage": stage}]})

    assert flow.journal.orders.get("acme", lease.order_id).state is State.DONE


def test_a_task_called_twice_has_its_effect_once(flow: OrderFlow) -> None:
    lease = leased(flow)
    for task in STEPS:
        call(task, name_of(lease))
        before = effects(flow, lease.order_id)
        call(task, name_of(lease))

        assert effects(flow, lease.order_id) == before


def test_a_step_that_fails_ends_the_run_and_leaves_the_rest_to_another_attempt(
    flow: OrderFlow,
) -> None:
    lease = leased(flow)
    flow.simulator.faults.add(kind="unavailable", route="transaction", times=1)

    call("orders.run", {"orders": [name_of(lease) | {"stage": Stage.LISTED}]})

    row = flow.journal.orders.get("acme", lease.order_id)
    assert (row.state, row.stage) == (State.OPEN, Stage.FETCHED)
    assert flow.erp.find("acme", lease.order_id) is None
