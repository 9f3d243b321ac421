"""The journal's promises, on SQLite and on a real PostgreSQL."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from datetime import datetime, timedelta
from threading import Barrier, Event

import pytest
from sqlalchemy import Connection, NullPool, create_engine, make_url, text

from foundation.messages import erp
from journal.jobs.dead_letters import DeadLetterFilter
from journal.jobs.leasing import LeaseQuery
from journal.journal import Journal
from journal.model import (
    STAGES,
    JobLost,
    Kind,
    Lease,
    Policy,
    Postponement,
    Stage,
    State,
    StorePaused,
)
from journal.orders import NewOrder
from journal.requests import RequestDraft
from journal.storage.clock import utc_now
from journal.storage.tables import MAX_TEXT_LENGTH
from support.servers import eventually


def listed(count: int = 1) -> list[NewOrder]:
    return [NewOrder(f"o-{n:04}", utc_now() + timedelta(seconds=n), 100) for n in range(count)]


def test_migrating_twice_changes_nothing(journal: Journal) -> None:
    journal.migrate()

    assert "schema 0100" in journal.check()


def test_an_order_listed_twice_is_recorded_once(journal: Journal) -> None:
    assert journal.orders.record("acme", listed(3)) == 3

    assert journal.orders.record("acme", listed(4)) == 1


def test_racing_dispatchers_claim_each_job_once(journal: Journal) -> None:
    journal.orders.record("acme", listed(400))

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: journal.jobs.dispatch(in_flight=400), range(8)))

    claimed = [ticket.order_id for tickets in found for ticket in tickets]
    assert sorted(claimed) == sorted({one.order_id for one in listed(400)})


def test_no_more_than_the_allowed_number_is_in_flight(journal: Journal) -> None:
    journal.orders.record("acme", listed(9))

    assert len(journal.jobs.dispatch(in_flight=5)) == 5
    assert journal.jobs.dispatch(in_flight=5) == []


def test_the_oldest_order_goes_first(journal: Journal) -> None:
    journal.orders.record("acme", reversed(listed(5)))

    tickets = journal.jobs.dispatch(in_flight=2)

    assert [one.order_id for one in tickets] == ["o-0000", "o-0001"]


def test_a_job_walks_its_stages_and_its_timeline_tells(journal: Journal) -> None:
    journal.orders.record("acme", listed())
    (ticket,) = journal.jobs.dispatch(in_flight=9)

    for stage in STAGES[Kind.INTAKE][1:]:
        with journal.jobs.step("acme", "o-0000", ticket.attempt, to=stage) as job:
            job.order = {"n": 1}
            job.erp_reference = "77"

    row = journal.orders.get("acme", "o-0000")
    assert row is not None
    assert (row.state, row.erp_reference) == (State.DONE, "77")
    assert [one.event for one in journal.timeline.events("acme", "o-0000")] == list(
        STAGES[Kind.INTAKE]
    )
    assert journal.documents.get("acme", "o-0000") == ({"n": 1}, None)


def test_a_step_begins_once_an_attempt_however_often_its_message_comes(journal: Journal) -> None:
    journal.orders.record("acme", listed())
    (ticket,) = journal.jobs.dispatch(in_flight=9)

    others_are_gone = Event()

    def deliver() -> bool:
        try:
            with journal.jobs.step("acme", "o-0000", ticket.attempt, to=Stage.FETCHED):
                return others_are_gone.wait(30)
        except JobLost:
            return False

    with ThreadPoolExecutor(8) as pool:
        tries = [pool.submit(deliver) for _ in range(8)]
        eventually(lambda: sum(one.done() for one in tries) == 7, 20)
        others_are_gone.set()

    assert sorted(one.result() for one in tries) == [False] * 7 + [True]
    row = journal.orders.get("acme", "o-0000")
    assert row is not None
    assert row.stage == Stage.FETCHED


def test_a_job_whose_step_never_ended_is_begun_once_by_its_next_attempt(journal_url: str) -> None:
    with closing(Journal(journal_url, policy=Policy(lease_seconds=-1, max_crashes=3))) as journal:
        journal.migrate()
        journal.orders.record("acme", listed())
        for _ in range(3):
            (ticket,) = journal.jobs.dispatch(in_flight=9)
            name = ("acme", "o-0000", ticket.attempt)
            journal.jobs.step(*name, to=Stage.FETCHED).__enter__()  # and its worker dies

            with pytest.raises(JobLost), journal.jobs.step(*name, to=Stage.FETCHED):
                pytest.fail("begun a second time")

        assert journal.jobs.dispatch(in_flight=9) == []
        row = journal.orders.get("acme", "o-0000")
    assert row is not None
    assert row.state == State.DEAD


def test_a_message_of_an_older_attempt_does_nothing(journal_url: str) -> None:
    journal = Journal(journal_url, policy=Policy(lease_seconds=-1))
    journal.migrate()
    journal.orders.record("acme", listed())
    (old,) = journal.jobs.dispatch(in_flight=9)
    (new,) = journal.jobs.dispatch(in_flight=9)

    with pytest.raises(JobLost), journal.jobs.step("acme", "o-0000", old.attempt, to=Stage.FETCHED):
        pytest.fail("the older attempt was let in")

    assert new.attempt == old.attempt + 1
    journal.close()


def test_a_step_that_lost_its_job_meanwhile_moves_nothing(journal_url: str) -> None:
    journal = Journal(journal_url, policy=Policy(lease_seconds=-1))
    journal.migrate()
    journal.orders.record("acme", listed())
    (ticket,) = journal.jobs.dispatch(in_flight=9)

    with (
        pytest.raises(JobLost),
        journal.jobs.step("acme", "o-0000", ticket.attempt, to=Stage.FETCHED) as job,
    ):
        job.order = {}
        journal.jobs.dispatch(in_flight=9)

    row = journal.orders.get("acme", "o-0000")
    assert row is not None
    assert row.stage == Stage.LISTED
    journal.close()


def test_a_step_begun_twice_and_never_ended_is_set_aside(journal_url: str) -> None:
    journal = Journal(journal_url, policy=Policy(lease_seconds=-1, max_crashes=2))
    journal.migrate()
    journal.orders.record("acme", listed(2))
    for _ in range(2):
        ticket = next(one for one in journal.jobs.dispatch(in_flight=9) if one.order_id == "o-0000")
        # Never left: what a killed worker looks like to the journal.
        journal.jobs.step("acme", "o-0000", ticket.attempt, to=Stage.FETCHED).__enter__()

    left = journal.jobs.dispatch(in_flight=9)

    row = journal.orders.get("acme", "o-0000")
    assert row is not None
    assert row.state == State.DEAD
    assert "began 2 times" in (row.last_error or "")
    assert [one.order_id for one in left] == ["o-0001"]
    journal.close()


def test_what_was_near_a_death_goes_on_together_and_alone_before_it_is_set_aside(
    journal_url: str,
) -> None:
    # A lease that has lapsed at once, and steps never left: what killed workers look like.
    with (
        closing(Journal(journal_url, policy=Policy(lease_seconds=-1, max_crashes=3))) as dying,
        closing(Journal(journal_url, policy=Policy(max_crashes=3))) as journal,
    ):
        journal.migrate()
        journal.orders.record("acme", listed(3))

        def die() -> set[str]:
            begun = dying.jobs.dispatch(in_flight=9)
            for one in begun:
                dying.jobs.step("acme", one.order_id, one.attempt, to=Stage.FETCHED).__enter__()
            return {one.order_id for one in begun}

        assert die() == die() == {"o-0000", "o-0001", "o-0002"}

        (first,) = journal.jobs.dispatch(in_flight=9)
        assert journal.jobs.dispatch(in_flight=9) == []
        with journal.jobs.step("acme", first.order_id, first.attempt, to=Stage.FETCHED) as alone:
            assert alone.isolated
            assert journal.jobs.dispatch(in_flight=9) == []
        (second,) = journal.jobs.dispatch(in_flight=9)
        assert second.order_id != first.order_id


def test_a_document_fetched_before_a_failure_is_kept(journal: Journal) -> None:
    journal.orders.record("acme", listed())
    (ticket,) = journal.jobs.dispatch(in_flight=9)

    with (
        pytest.raises(ValueError, match="broken"),
        journal.jobs.step("acme", "o-0000", ticket.attempt, to=Stage.FETCHED) as job,
    ):
        job.order = {"orderId": "o-0000"}
        raise ValueError("broken")

    assert journal.documents.get("acme", "o-0000")[0] == {"orderId": "o-0000"}


def test_a_postponed_job_is_not_dispatched_before_it_is_due(journal: Journal) -> None:
    journal.orders.record("acme", listed())
    (ticket,) = journal.jobs.dispatch(in_flight=9)

    journal.jobs.postpone("acme", "o-0000", ticket.attempt, "no answer", Postponement(lambda _: 60))

    assert journal.jobs.dispatch(in_flight=9) == []
    row = journal.orders.get("acme", "o-0000")
    assert row is not None
    assert row.last_error == "no answer"


def test_a_job_keeps_the_code_of_its_error_until_it_is_retried(journal: Journal) -> None:
    journal.orders.record("acme", listed())
    (ticket,) = journal.jobs.dispatch(in_flight=9)
    unfit = erp.ITEMS_MISSING()

    journal.jobs.postpone("acme", "o-0000", ticket.attempt, unfit, Postponement(lambda _: 0))
    waiting = journal.orders.get("acme", "o-0000")
    (ticket,) = journal.jobs.dispatch(in_flight=9)
    journal.jobs.bury("acme", "o-0000", ticket.attempt, unfit)
    (dead,) = journal.dead_letters.find(DeadLetterFilter())
    journal.jobs.retry("acme", "o-0000")
    again = journal.orders.get("acme", "o-0000")

    assert waiting is not None
    assert again is not None
    assert (waiting.error_code, dead.error_code, again.error_code) == ("VE-2008", "VE-2008", None)


def test_a_dead_job_tries_again_only_by_hand(journal: Journal) -> None:
    journal.orders.record("acme", listed())
    (ticket,) = journal.jobs.dispatch(in_flight=9)
    journal.jobs.bury("acme", "o-0000", ticket.attempt, "no customer")

    assert journal.jobs.dispatch(in_flight=9) == []
    assert journal.jobs.retry("acme", "o-0000")

    assert [one.order_id for one in journal.jobs.dispatch(in_flight=9)] == ["o-0000"]


def test_a_paused_store_is_left_alone_and_others_go_on(journal: Journal) -> None:
    journal.orders.record("acme", listed())
    journal.orders.record("outlet", listed())
    (ticket, _) = sorted(journal.jobs.dispatch(in_flight=9), key=lambda one: one.store)
    journal.jobs.release([ticket])

    journal.store_pauses.begin("acme", seconds=60, reason="401")

    assert journal.jobs.dispatch(in_flight=9) == []
    with (
        pytest.raises(StorePaused),
        journal.jobs.step("acme", "o-0000", ticket.attempt, to=Stage.FETCHED),
    ):
        pytest.fail("a paused store was called")
    journal.store_pauses.end("acme")
    assert [one.store for one in journal.jobs.dispatch(in_flight=9)] == ["acme"]


def test_the_journal_goes_by_its_databases_clock(
    postgres_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = Journal(postgres_database)
    made.migrate()
    with connected(postgres_database) as db:
        true = db.execute(text("SELECT clock_timestamp()")).scalar_one()

    monkeypatch.setattr("journal.storage.clock.utc_now", lambda: true + timedelta(minutes=10))

    assert timedelta(0) <= made.now() - true < timedelta(minutes=1)
    made.close()


def test_a_worker_that_stands_still_holding_a_row_does_not_stop_the_others(
    postgres_database: str,
) -> None:
    made = Journal(postgres_database, policy=Policy(lease_seconds=0.01, max_crashes=1))
    made.migrate()
    made.orders.record("acme", listed(2))
    first, second = made.jobs.dispatch(in_flight=2)
    with suppress(JobLost), made.jobs.step("acme", first.order_id, 1, to=Stage.FETCHED):
        raise JobLost
    with connected(postgres_database) as still:
        still.execute(
            text("SELECT id FROM journal_jobs WHERE order_id = :o FOR UPDATE"),
            {"o": first.order_id},
        )
        eventually(lambda: made.now() > first_lapse(made, first.order_id))

        found = made.jobs.dispatch(in_flight=2)

    assert [one.order_id for one in found] == [second.order_id]
    made.close()


def connected(url: str) -> Connection:
    driver = make_url(url).set(drivername="postgresql+psycopg")
    return create_engine(driver, poolclass=NullPool).connect()


def first_lapse(journal: Journal, order_id: str) -> datetime:
    row = journal.orders.get("acme", order_id)
    assert row is not None
    assert row.lease_until is not None
    return row.lease_until


def outbound(journal: Journal, kind: Kind, count: int, of: str = "q") -> None:
    for place in range(count):
        journal.requests.submit(
            RequestDraft("acme", f"{of}-{kind}-{place}", kind, "key", {"n": place})
        )


def kinds(tickets: list[Lease]) -> list[Kind]:
    return [one.kind for one in tickets]


def test_while_the_more_urgent_fill_what_may_be_under_way_the_others_wait(journal: Journal) -> None:
    journal.orders.record("acme", listed(5))
    for kind in (Kind.TRACKING, Kind.INVOICE, Kind.CANCELLATION):
        outbound(journal, kind, 2)

    first = journal.jobs.dispatch(in_flight=5)
    journal.jobs.release(first[:4])
    second = journal.jobs.dispatch(in_flight=5)

    urgent = [Kind.CANCELLATION, Kind.INVOICE]
    assert sorted(kinds(first)) == sorted([*urgent * 2, Kind.TRACKING])
    assert sorted(kinds(second)) == sorted(urgent * 2)


def test_new_orders_under_way_do_not_keep_an_invoice_waiting(journal: Journal) -> None:
    journal.orders.record("acme", listed(9))
    assert len(journal.jobs.dispatch(in_flight=3)) == 3
    outbound(journal, Kind.INVOICE, 5)

    assert kinds(journal.jobs.dispatch(in_flight=3)) == [Kind.INVOICE] * 3
    assert journal.jobs.dispatch(in_flight=3) == []


def test_each_store_has_its_own_number_in_flight(journal: Journal) -> None:
    for store in ("acme", "outlet"):
        journal.orders.record(store, listed(9))

    tickets = journal.jobs.dispatch(in_flight={"acme": 2, "outlet": 5}.__getitem__)

    assert Counter(one.store for one in tickets) == {"acme": 2, "outlet": 5}


def test_a_step_that_called_nothing_is_in_no_doubt_and_leaves_no_line(journal: Journal) -> None:
    journal.orders.record("acme", listed())
    (ticket,) = journal.jobs.dispatch(in_flight=9)
    with pytest.raises(LookupError), journal.jobs.step("acme", "o-0000", 1, to=Stage.FETCHED):
        raise LookupError

    journal.jobs.postpone(
        "acme", "o-0000", 1, "waits", Postponement(lambda _: 0, counts=False, untouched=True)
    )

    (ticket,) = journal.jobs.dispatch(in_flight=9)
    with journal.jobs.step("acme", "o-0000", ticket.attempt, to=Stage.FETCHED) as job:
        assert not job.in_doubt
    assert [one.event for one in journal.timeline.events("acme", "o-0000")] == ["listed", "fetched"]


def test_the_doubt_of_an_earlier_try_outlives_one_that_called_nothing(journal: Journal) -> None:
    journal.orders.record("acme", listed())
    journal.jobs.dispatch(in_flight=9)
    with pytest.raises(LookupError), journal.jobs.step("acme", "o-0000", 1, to=Stage.FETCHED):
        raise LookupError
    journal.jobs.postpone("acme", "o-0000", 1, "no answer", Postponement(lambda _: 0))

    (ticket,) = journal.jobs.dispatch(in_flight=9)
    journal.jobs.postpone(
        "acme",
        "o-0000",
        ticket.attempt,
        "waits",
        Postponement(lambda _: 0, counts=False, untouched=True),
    )

    (ticket,) = journal.jobs.dispatch(in_flight=9)
    with journal.jobs.step("acme", "o-0000", ticket.attempt, to=Stage.FETCHED) as job:
        assert job.in_doubt


def test_a_document_is_kept_to_the_last_half_of_a_character(journal: Journal) -> None:
    document = {"note": "a\x00b\ud800\ud83d\ude00🦜\u202e\ufffd", "\udfff": [10**400, 5e-324, None]}
    journal.orders.record("acme", listed())
    (ticket,) = journal.jobs.dispatch(in_flight=9)

    with journal.jobs.step("acme", "o-0000", ticket.attempt, to=Stage.FETCHED) as job:
        job.order = document

    assert journal.documents.get("acme", "o-0000")[0] == document


def test_a_reason_of_any_length_and_character_sets_a_job_aside(journal: Journal) -> None:
    journal.orders.record("acme", listed())
    (ticket,) = journal.jobs.dispatch(in_flight=9)

    journal.jobs.bury("acme", "o-0000", ticket.attempt, "a\x00b\ud800c" + "🦜" * 20_000)

    row = journal.orders.get("acme", "o-0000")
    assert row is not None
    assert row.state is State.DEAD
    assert str(row.last_error).startswith("a\ufffdb\ufffdc🦜")
    assert len(str(row.last_error)) == MAX_TEXT_LENGTH + 1


def asked(journal: Journal, *names: tuple[str, str]) -> None:
    for order_id, number in names:
        journal.requests.submit(
            RequestDraft(
                "acme",
                order_id,
                Kind.INVOICE,
                number,
                {"invoice_number": number},
                invoice_number=number,
            )
        )


@contextmanager
def claiming(journal: Journal, order_id: str) -> Iterator[list[Lease]]:
    """Claim what is due of an order, and be a moment from having done so."""
    with journal._database.transaction() as db:
        sweep = LeaseQuery(db, Policy(), utc_now() + timedelta(seconds=1))
        yield sweep.tickets(in_flight=9, store="acme", order_id=order_id)


def waiting(url: str) -> int:
    with connected(url) as db:
        held = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
        return int(db.execute(text(held)).scalar_one())


def test_a_request_waits_for_no_claim_of_another_order(postgres_database: str) -> None:
    with closing(Journal(postgres_database)) as made:
        made.migrate()
        asked(made, ("o-1", "1"), ("o-2", "2"))

        with claiming(made, "o-1") as first:
            second = made.jobs.dispatch(in_flight=9, store="acme", order_id="o-2")

    assert [one.order_id for one in [*first, *second]] == ["o-1", "o-2"]


@pytest.mark.parametrize("order_id", ["o-1", None])
def test_a_claim_waits_for_the_one_that_decides_about_the_same_order(
    postgres_database: str, order_id: str | None
) -> None:
    with closing(Journal(postgres_database)) as made, ThreadPoolExecutor(1) as pool:
        made.migrate()
        asked(made, ("o-1", "1"), ("o-1", "2"), ("o-2", "3"))

        with claiming(made, "o-1") as first:
            others = pool.submit(made.jobs.dispatch, in_flight=9, store="acme", order_id=order_id)
            eventually(lambda: waiting(postgres_database) == 1, 5)

        claimed = [one.order_id for one in others.result()]
    assert [one.order_id for one in first] == ["o-1"]
    assert claimed == ([] if order_id else ["o-2"])


def test_a_worker_has_no_more_connections_than_threads(postgres_database: str) -> None:
    threads = 6
    together = Barrier(threads)
    with closing(Journal(postgres_database)) as made, ThreadPoolExecutor(threads) as pool:
        made.migrate()
        made.orders.record("acme", listed(threads))
        tickets = made.jobs.dispatch(in_flight=threads)

        def carry(ticket: Lease) -> None:
            for stage in (Stage.FETCHED, Stage.PAID):
                together.wait(30)
                with made.jobs.step("acme", ticket.order_id, ticket.attempt, to=stage):
                    together.wait(30)
                made.orders.get("acme", "o-none")  # and by the other way through the driver

        list(pool.map(carry, tickets))
        with connected(postgres_database) as db:
            count = (  # PostgreSQL's own vacuum may be there as well
                "SELECT count(*) FROM pg_stat_activity"
                " WHERE datname = current_database() AND backend_type = 'client backend'"
            )
            seen = db.execute(text(count)).scalar_one() - 1

    assert 1 <= seen <= threads
