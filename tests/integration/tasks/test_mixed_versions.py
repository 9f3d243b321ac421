"""Two versions at work at once: what the older meets of the newer harms nothing and waits."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy import text

from journal.journal import Journal
from journal.model import Kind, State
from journal.orders import NewOrder
from journal.requests import RequestDraft
from support.order_flow import OrderFlow, order_flow
from tasks.errors import ContractNewer
from tasks.job_kinds import REQUEST_TASKS
from tasks.local_executor import OrderRun
from tasks.outbound import request_intake
from workers.app import app

ASKED = {"store": "acme", "reason": "Falta de estoque"}


@pytest.fixture
def flow(tmp_path) -> Iterator[OrderFlow]:
    with order_flow(f"sqlite:///{tmp_path}/journal.db") as made:
        yield made


def run(name: str, **kwargs: object) -> str:
    return str(app.tasks[name].apply(kwargs=kwargs).state)


@pytest.mark.parametrize("new", ["kind = 'return', stage = 'asked'", "stage = 'enriched'"])
def test_a_job_at_what_only_a_newer_version_knows_is_left_to_it(journal: Journal, new: str) -> None:
    journal.orders.record("acme", [NewOrder(one, None, 1) for one in ("o-1", "o-2")])
    with journal._database.transaction() as db:
        db.execute(text(f"UPDATE journal_jobs SET {new} WHERE order_id = 'o-1'"))

    assert [one.order_id for one in journal.jobs.dispatch(in_flight=9)] == ["o-2"]


def test_a_step_that_is_not_known_here_is_handed_back_and_not_begun(journal: Journal) -> None:
    kwargs = {"store": "acme", "order_id": "o-1", "attempt": 1, "channel": "web"}
    chain = [
        {"task": "orders.insert", "kwargs": kwargs},
        {"task": "orders.enrich", "kwargs": kwargs},
    ]
    back: list[object] = []

    OrderRun(app, "1", chain, back.append).work()

    assert back == [kwargs]


def test_an_order_at_a_stage_that_is_not_known_here_is_handed_back_by_the_batch(
    flow: OrderFlow,
) -> None:
    flow.journal.orders.record("acme", [NewOrder("o-1", None, 1)])
    (ticket,) = flow.journal.jobs.dispatch(in_flight=9)
    order = {"store": "acme", "order_id": "o-1", "attempt": ticket.attempt, "stage": "enriched"}

    assert run("orders.run", orders=[order]) == "SUCCESS"

    assert flow.journal.timeline.events("acme", "o-1")[-1].event == "handed back"


def test_a_job_that_is_handed_back_says_so_and_goes_on_at_once(journal: Journal) -> None:
    journal.orders.record("acme", [NewOrder("o-1", None, 1)])
    (ticket,) = journal.jobs.dispatch(in_flight=9)

    journal.jobs.hand_back("acme", "o-1", ticket.attempt, job=None)

    assert [one.event for one in journal.timeline.events("acme", "o-1")] == [
        "listed",
        "handed back",
    ]
    (again,) = journal.jobs.dispatch(in_flight=9)
    assert again.attempt == 2


def test_a_request_written_for_a_later_contract_stays_in_the_queue(flow: OrderFlow) -> None:
    asked = {**ASKED, "order_id": flow.order(), "channel": "web", "contract": 2}

    with pytest.raises(ContractNewer, match="this worker knows 1"):
        request_intake.record(flow.context, "cancellation", asked)

    assert flow.journal.requests.find() == []


@pytest.mark.parametrize("name", REQUEST_TASKS.values())
def test_a_request_goes_back_to_the_queue_as_often_as_it_takes(name: str) -> None:
    app.loader.import_default_modules()
    # Celery takes a max_retries of None in retry() for "as the task says": three by default.
    assert app.tasks[name].max_retries is None


def test_a_misspelt_field_is_refused_as_before_and_so_is_a_version_that_is_none(
    flow: OrderFlow,
) -> None:
    for more in ({"chanel": "web"}, {"contract": "two"}, {"contract": 0}):
        run("cancellations.request", **ASKED, **more, order_id=flow.order())

    assert {one.state for one in flow.journal.requests.find()} == {State.DEAD}
    assert "contract: is not a version" in str(flow.journal.requests.find()[1].last_error)


def test_a_request_may_name_the_contract_that_is_known(flow: OrderFlow) -> None:
    run("cancellations.request", **ASKED, order_id=flow.order(), contract=1)

    assert [one.state for one in flow.journal.requests.find()] == [State.OPEN]


def newer(flow: OrderFlow, **field: object) -> str:
    """Write a request as a newer version does; return its order."""
    order_id = flow.order()
    flow.keep_document(order_id)
    content = {"reason": "Falta de estoque"} | field
    flow.journal.requests.submit(RequestDraft("acme", order_id, Kind.CANCELLATION, "k", content))
    return order_id


def test_what_a_newer_version_took_waits_for_it_and_is_not_dead(flow: OrderFlow) -> None:
    order_id = newer(flow, channel="web")

    flow.work(rounds=20, seconds=60)

    (row,) = flow.journal.requests.find("acme", order_id)
    assert row.state is State.OPEN
    assert "only a newer version knows it" in str(row.last_error)


def test_what_no_newer_version_takes_within_a_day_is_refused(flow: OrderFlow) -> None:
    order_id = newer(flow, channel="web")

    flow.work(rounds=2, seconds=timedelta(days=1, minutes=1).total_seconds())

    assert flow.outcomes(order_id) == [("cancellation", "refused")]


def test_the_same_request_taken_by_both_versions_is_one(flow: OrderFlow) -> None:
    order_id = flow.order()
    flow.ask("cancellation", order_id, reason="x")
    (row,) = flow.journal.requests.find("acme", order_id)
    kept = flow.journal.requests.body(row.job) or {}

    assert kept == {"reason": "x"}
    again = flow.journal.requests.submit(
        RequestDraft(
            "acme", order_id, Kind.CANCELLATION, _key(flow, row.job), kept | {"channel": None}
        )
    )
    assert (again.new, again.request_body) == (False, None)


def _key(flow: OrderFlow, job: int) -> str:
    with flow.journal._database.transaction() as db:
        return str(db.execute(text(f"SELECT key FROM journal_jobs WHERE id = {job}")).scalar_one())


def test_a_store_that_only_other_processes_know_waits_for_them_and_is_not_paused(
    flow: OrderFlow,
) -> None:
    flow.journal.orders.record("outlet", [NewOrder("o-1", None, 1)])

    flow.work()

    row = flow.journal.orders.get("outlet", "o-1")
    assert row is not None
    assert row.state is State.OPEN
    assert "no credentials of store 'outlet'" in str(row.last_error)
    assert flow.journal.store_pauses.get("outlet") is None
    assert row.due_at - flow.clock() == timedelta(seconds=5)
