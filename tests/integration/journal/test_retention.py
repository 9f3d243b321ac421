"""What the journal forgets and what it must not: seen by whoever asks again, looks, or retries."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path

import pytest
from sqlalchemy import text

from journal.jobs.dead_letters import DeadLetterFilter
from journal.journal import Journal
from journal.model import STAGES, JobLost, Kind, RequestPurged, State
from journal.orders import NewOrder
from journal.privacy import retention
from journal.privacy.retention import PurgeCount, RetentionPolicy
from journal.storage.rows import compress, event_row, job_row
from journal.storage.tables import documents, events, jobs, orders
from support.order_flow import OrderFlow, order_flow
from workers.app import app

DAY = 86_400
RULES = RetentionPolicy(timedelta(days=30), timedelta(days=365))
FOR_EVER = RetentionPolicy(None, None)


@pytest.fixture(params=["sqlite", "postgresql"])
def flow(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[OrderFlow]:
    url = f"sqlite:///{tmp_path}/journal.db"
    if request.param == "postgresql":
        url = request.getfixturevalue("postgres_database")
    with order_flow(url) as made:
        yield made


def purge(journal: Journal, rules: RetentionPolicy = RULES, **how: object) -> PurgeCount:
    return sum(journal.retention.purge(rules, **how), PurgeCount())  # type: ignore[arg-type]


def later(flow: OrderFlow, days: float) -> PurgeCount:
    """Let days pass, then purge."""
    flow.clock.pass_by(days * DAY)
    return purge(flow.journal)


def taken_in(flow: OrderFlow) -> str:
    """Return an order that is in the ERP and handled."""
    order_id = flow.order(status="ready-for-handling")
    flow.intake(order_id)
    flow.work()
    row = flow.journal.orders.get("acme", order_id)
    assert row is not None
    assert row.state is State.DONE
    return order_id


def document(flow: OrderFlow, order_id: str) -> object:
    return flow.journal.documents.get("acme", order_id)[0]


def reasons(flow: OrderFlow, order_id: str) -> list[str]:
    return [entry.reason or "" for entry in flow.told(order_id) if entry.outcome == "refused"]


# --- documents ------------------------------------------------------------------------------------


def test_documents_of_a_done_order_go_at_their_age_and_the_order_stays_known(
    flow: OrderFlow,
) -> None:
    order_id = taken_in(flow)

    young = later(flow, 29)
    there = document(flow, order_id)
    old = later(flow, 2)

    assert (young, old) == (PurgeCount(), PurgeCount(documents=1))
    assert there
    assert document(flow, order_id) is None
    assert flow.journal.orders.record("acme", [NewOrder(order_id, flow.clock(), 1)]) == 0
    assert [entry.event for entry in flow.journal.timeline.events("acme", order_id)] == [
        *STAGES[Kind.INTAKE]
    ]


def test_a_skipped_order_is_closed_as_well_and_a_retry_reads_it_afresh(flow: OrderFlow) -> None:
    order_id = flow.order(status="canceled")
    flow.keep_document(order_id)

    assert later(flow, 31).documents == 1
    assert flow.journal.jobs.retry("acme", order_id)
    flow.work()

    assert document(flow, order_id)


def test_what_is_dead_or_open_keeps_its_documents_and_its_timeline(flow: OrderFlow) -> None:
    dead, waits = (flow.order(status="ready-for-handling") for _ in range(2))
    flow.entry(dead).order["value"] += 1
    closed = taken_in(flow)
    flow.intake(dead)
    flow.work()
    flow.erp.is_down = True
    flow.intake(waits)
    flow.work()

    purged = later(flow, 400)

    assert (purged.documents, purged.waits) == (1, 2)
    assert document(flow, dead)
    assert document(flow, waits)
    assert flow.journal.timeline.events("acme", dead)
    assert flow.journal.timeline.events("acme", waits)
    assert flow.journal.timeline.events("acme", closed) == []


def test_a_request_that_is_dead_keeps_its_orders_documents_until_it_is_given_up(
    flow: OrderFlow,
) -> None:
    order_id = taken_in(flow)
    flow.invoice(order_id, value_cents=flow.value(order_id) + 1)
    flow.settle()

    kept = later(flow, 60)
    list(
        flow.journal.dead_letters.discard(
            flow.journal.dead_letters.find(DeadLetterFilter()), "sent by hand"
        )
    )
    given_up = later(flow, 31)

    assert (kept, given_up) == (PurgeCount(waits=1), PurgeCount(documents=1, request_bodies=1))


def test_the_age_runs_from_the_end_of_the_last_job(flow: OrderFlow) -> None:
    order_id = taken_in(flow)
    flow.clock.pass_by(29 * DAY)
    flow.invoice(order_id)
    flow.settle()

    assert later(flow, 5) == PurgeCount(waits=1)
    assert later(flow, 26) == PurgeCount(documents=1, request_bodies=1)


# --- what is asked again --------------------------------------------------------------------------


def purged_invoice(flow: OrderFlow, **fields: object) -> str:
    order_id = flow.order()
    flow.invoice(order_id, reference="row-1", **fields)
    flow.settle()
    assert later(flow, 31).request_bodies == 1
    return order_id


def test_a_repeat_of_a_purged_invoice_is_a_repeat_and_is_told_the_same(flow: OrderFlow) -> None:
    order_id = purged_invoice(flow, courier="Ana Prado Transportes", url="https://nf.example/1")

    flow.invoice(
        order_id,
        reference="row-2",
        again=True,
        courier="Ana Prado Transportes",
        url="https://nf.example/1",
    )
    flow.settle()

    assert flow.entry(order_id).calls["invoice_effects"] == 1
    assert len(flow.journal.requests.find("acme", order_id)) == 1
    assert [(entry.reference, entry.outcome) for entry in flow.told(order_id)] == [
        ("row-1", "done"),
        ("row-2", "done"),
    ]


def test_what_a_purged_request_asked_for_is_gone_but_for_what_tells_it(flow: OrderFlow) -> None:
    order_id = purged_invoice(flow, courier="Ana Prado Transportes", url="https://nf.example/1")

    (row,) = flow.journal.requests.find("acme", order_id)
    content = flow.journal.requests.body(row.job)

    assert content == {
        "invoice_number": "128841",
        "type": "Output",
        "value_cents": flow.value(order_id),
        "issued_at": "2026-03-10T15:04:05-03:00",
    }


@pytest.mark.parametrize(
    ("field", "words"),
    [
        ({"value_cents": 1}, "then, 1 now"),
        ({"courier": "another"}, "another content: in a part that was purged since. Send"),
    ],
)
def test_another_invoice_under_a_purged_number_is_refused_and_says_why(
    flow: OrderFlow, field: dict[str, object], words: str
) -> None:
    order_id = purged_invoice(flow, courier="Transportes Sul")

    flow.invoice(order_id, **{"courier": "Transportes Sul"} | field)
    flow.settle()

    assert words in " ".join(reasons(flow, order_id))
    assert flow.entry(order_id).calls["invoice_effects"] == 1


def test_tracking_and_cancellations_are_known_again_too(flow: OrderFlow) -> None:
    order_id, canceled = flow.order(), flow.order()
    tracking = {"invoice_number": "128841", "tracking_number": "BR123456789XX"}
    flow.invoice(order_id)
    flow.ask("tracking", order_id, **tracking)
    flow.ask("cancellation", canceled, reason="Falta de estoque")
    flow.settle()
    assert later(flow, 31).request_bodies == 3

    flow.ask("tracking", order_id, **tracking)
    flow.ask("cancellation", canceled, reason="Falta de estoque")

    assert len(flow.journal.requests.find()) == 3
    assert {request.state for request in flow.journal.requests.find()} == {State.DONE}
    for job in (2, 3):
        assert "BR123456789XX" not in str(flow.journal.requests.body(job))
        assert "estoque" not in str(flow.journal.requests.body(job))


def test_a_purged_request_cannot_be_retried_and_says_what_to_do(flow: OrderFlow) -> None:
    order_id = flow.order()
    flow.invoice(order_id)
    flow.ask("cancellation", order_id, reason="Falta de estoque")
    flow.settle()
    (skipped,) = [
        request for request in flow.journal.requests.find() if request.state is State.SKIPPED
    ]
    later(flow, 31)

    with pytest.raises(
        RequestPurged, match=r"ended at 2026-03-10.*purged since. Send the request again"
    ):
        flow.journal.jobs.retry("acme", order_id, job=skipped.job)

    assert flow.journal.jobs.dispatch(in_flight=9) == []


# --- an NF-e after its order was purged -----------------------------------------------------------


def test_an_nfe_that_comes_again_is_known_without_the_order_and_without_vtex(
    flow: OrderFlow,
) -> None:
    order_id = flow.order()
    flow.keep_document(order_id)
    xml = flow.nota(order_id)
    flow.ask("invoice", order_id, xml=xml, reference="row-1")
    flow.settle()
    assert later(flow, 31) == PurgeCount(documents=1, request_bodies=1)
    flow.simulator.faults.add(kind="unavailable", route="order", times=None)

    flow.ask("invoice", order_id, xml=xml, reference="row-2")
    flow.work()

    assert [(entry.reference, entry.outcome) for entry in flow.told(order_id)] == [
        ("row-1", "done"),
        ("row-2", "done"),
    ]
    assert flow.entry(order_id).calls["invoice_effects"] == 1


def test_an_nfe_with_more_beside_it_is_known_again_by_all_of_it(flow: OrderFlow) -> None:
    order_id = flow.order()
    flow.keep_document(order_id)
    xml = flow.nota(order_id)
    flow.ask("invoice", order_id, xml=xml, tracking_number="BR123456789XX")
    flow.settle()
    assert later(flow, 31) == PurgeCount(documents=1, request_bodies=1)

    flow.ask("invoice", order_id, xml=xml, tracking_number="BR123456789XX", reference="same")
    flow.ask("invoice", order_id, xml=xml, tracking_number="BR000000000XX", reference="other")
    flow.work()

    told = {entry.reference: entry.outcome for entry in flow.told(order_id)}
    assert (told["same"], told["other"]) == ("done", "refused")
    assert flow.entry(order_id).calls["invoice_effects"] == 1


def test_a_first_nfe_of_a_purged_order_finds_its_items_at_vtex(flow: OrderFlow) -> None:
    order_id = taken_in(flow)
    assert later(flow, 60).documents == 1

    flow.ask("invoice", order_id, xml=flow.nota(order_id))
    flow.settle()

    assert flow.outcomes(order_id) == [("invoice", "done")]
    assert flow.status(order_id) == "invoiced"


def test_a_first_nfe_of_a_purged_order_says_where_vtex_does_not_help(flow: OrderFlow) -> None:
    order_id = taken_in(flow)
    later(flow, 60)
    flow.simulator.faults.add(kind="unavailable", route="order", times=None)

    flow.ask("invoice", order_id, xml=flow.nota(order_id))
    flow.work()

    (reason,) = reasons(flow, order_id)
    assert "document was purged" in reason
    assert "Send the request again later" in reason


# --- timelines ------------------------------------------------------------------------------------


def test_a_timeline_goes_at_its_own_age_and_the_order_still_says_where_it_stands(
    flow: OrderFlow,
) -> None:
    order_id = taken_in(flow)

    purged = [later(flow, 31), later(flow, 330), later(flow, 5)]

    assert purged == [PurgeCount(documents=1), PurgeCount(), PurgeCount(events=5)]
    assert flow.journal.timeline.events("acme", order_id) == []
    row = flow.journal.orders.get("acme", order_id)
    assert row is not None
    assert (row.state, row.erp_reference is not None) == (State.DONE, True)


def test_what_is_kept_for_ever_is(flow: OrderFlow) -> None:
    order_id = taken_in(flow)
    flow.clock.pass_by(4000 * DAY)

    assert purge(flow.journal, FOR_EVER) == PurgeCount()

    assert document(flow, order_id)


# --- many -----------------------------------------------------------------------------------------

AT = datetime.fromisoformat("2026-01-01T00:00:00+00:00")
NOW = AT + timedelta(days=1000)


@pytest.fixture
def years_on(journal_url: str) -> Iterator[Callable[[], Journal]]:
    """Make journals of one database, a thousand days after its orders."""
    made: list[Journal] = []

    def make() -> Journal:
        made.append(Journal(journal_url, now=lambda: NOW))
        return made[-1]

    make().migrate()
    yield make
    for resource in made:
        resource.close()


def fill(journal: Journal, count: int, state: State = State.DONE, name: str = "o") -> None:
    """Put orders of three stores in the journal, all of one moment, one request each."""
    names = [{"store": f"s{n % 3}", "order_id": f"{name}-{n:05}"} for n in range(count)]
    job = job_row("", "", Kind.INTAKE, "", AT) | {"state": state, "request_body": None}
    invoice = job | {
        "kind": Kind.INVOICE,
        "key": "Output 1",
        "request_body": compress({"invoice_number": "1"}),
    }
    told = event_row("", "", AT, 1, "listed")
    with journal._database.transaction() as db:
        for table, row in (
            (orders, {"listed_at": AT}),
            (documents, {"order_document": b"x", "stored_at": AT}),
            (jobs, job),
            (jobs, invoice),
            (events, told),
            (events, told),
        ):
            db.execute(table.insert(), [row | name for name in names])


def test_thousands_that_must_stay_are_in_nobodys_way(years_on: Callable[[], Journal]) -> None:
    journal = years_on()
    fill(journal, 1500, State.DEAD, "a")
    fill(journal, 1500, State.DONE, "b")

    counted = purge(journal, dry_run=True)
    purged = purge(journal)
    again = purge(journal)

    assert counted == purged == PurgeCount(1500, 1500, 3000, waits=1500)
    assert again == PurgeCount(waits=1500)


def test_several_purges_and_workers_at_once_do_each_thing_once(
    years_on: Callable[[], Journal],
) -> None:
    journals = [years_on() for _ in range(4)]
    fill(journals[0], 3000)

    def work(journal: Journal) -> int:
        done = 0
        for n in range(40):
            done += journal.orders.record("s1", [NewOrder(f"new-{n}", NOW, 1)])
        for ticket in journal.jobs.dispatch(in_flight=100):
            try:
                for stage in STAGES[Kind.INTAKE][1:]:
                    name = (ticket.store, ticket.order_id, ticket.attempt)
                    with journal.jobs.step(*name, to=stage) as job:
                        job.order = {"n": 1}
            except JobLost:
                continue
        return done

    with ThreadPoolExecutor(5) as pool:
        working = pool.submit(work, years_on())
        purging = [pool.submit(purge, value) for value in journals]
        purged = sum((entry.result(120) for entry in purging), PurgeCount())

        assert working.result(120) == 40
    assert (purged.documents, purged.request_bodies, purged.events) == (3000, 3000, 6000)
    counts = journals[0].orders.counts()
    assert {count: counts[count]["done"] for count in counts} == {
        "s0": 1000,
        "s1": 1040,
        "s2": 1000,
    }


def test_a_purge_that_is_cut_off_is_taken_up_by_the_next(years_on: Callable[[], Journal]) -> None:
    journal = years_on()
    fill(journal, 1200)

    first = sum(islice(journal.retention.purge(RULES), 3), PurgeCount())
    bounded = purge(journal, seconds=0.0)
    rest = purge(journal)

    assert (first.request_bodies, bounded.request_bodies) == (300, 100)
    assert first + bounded + rest == PurgeCount(1200, 1200, 2400)


@pytest.mark.parametrize(
    ("shelf", "index"),
    [
        (retention._CONTENTS, "ix_journal_jobs_body"),
        (retention._DOCUMENTS, "ix_journal_documents_stored"),
        (retention._TIMELINES, "journal_events_pkey"),
    ],
)
def test_what_is_old_is_found_by_an_index(
    years_on: Callable[[], Journal], shelf: retention._Category, index: str
) -> None:
    with years_on()._database.transaction() as db:
        query = str(shelf.page(AT, None).compile(db, compile_kwargs={"literal_binds": True}))
        if db.dialect.name == "sqlite":
            plan = db.execute(text(f"EXPLAIN QUERY PLAN {query}")).all()
        else:
            # Of empty tables it would read all.
            db.execute(text("SET LOCAL enable_seqscan = off"))
            plan = db.execute(text(f"EXPLAIN {query}")).all()

    # In SQLite the number of a row is its place: no index is named.
    assert index in str(plan) or "SCAN journal_events'" in str(plan)


def test_the_schedule_purges_by_the_settings(flow: OrderFlow) -> None:
    order_id = taken_in(flow)
    flow.clock.pass_by(31 * DAY)

    assert app.tasks["journal.purge"].apply().state == "SUCCESS"

    assert document(flow, order_id) is None
    entry = app.conf.beat_schedule["journal.purge"]
    assert (entry["schedule"], entry["task"]) == (6 * 3600, "journal.purge")
