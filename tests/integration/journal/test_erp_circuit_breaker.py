"""The ERP's pause in the journal, on SQLite and on a real PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from itertools import pairwise

import pytest
from sqlalchemy import event, text

from journal.jobs.leased_job import LeasedJob
from journal.journal import Journal
from journal.model import ErpCircuitOpen, Kind, Policy, Postponement, Stage, State
from journal.orders import NewOrder, OrderRow
from journal.requests import RequestDraft
from support.order_flow import Clock
from tasks.retry_policy import RetryPolicy

PAUSE = Policy().erp_pause_seconds


class Book:
    """A journal at a clock of the test's own, and short words for what workers do with it."""

    def __init__(self, journal: Journal, clock: Clock) -> None:
        self.journal, self.clock = journal, clock
        self.recorded = timedelta(0)

    def record(self, store: str, *names: str) -> None:
        """Record orders, the first one the oldest."""
        self.recorded += timedelta(hours=1)
        old = self.clock() - timedelta(days=9) + self.recorded
        listed = [NewOrder(value, old + timedelta(seconds=n), 100) for n, value in enumerate(names)]
        self.journal.orders.record(store, listed)

    def bring_to_paid(self, *names: str, store: str = "acme") -> None:
        """Record orders and let them wait for their insertion."""
        self.record(store, *names)
        for name in names:
            self.fetch(name, store)
            self.journal.jobs.hand_back(store, name, self.row(name).attempt, job=None)

    def fetch(self, order_id: str, store: str = "acme") -> LeasedJob:
        """Bring a new order to its insertion, as a worker carries it."""
        (ticket,) = self.journal.jobs.dispatch(in_flight=500, store=store, order_id=order_id)
        name = (store, order_id, ticket.attempt)
        with self.journal.jobs.step(*name, to=Stage.FETCHED, goes_on=True) as job:
            pass
        with self.journal.jobs.step(*name, to=Stage.PAID, begun=job, goes_on=True) as job:
            return job

    def claim(self) -> list[str]:
        return [row.order_id for row in self.journal.jobs.dispatch(in_flight=500)]

    def fail(self, order_id: str, reason: str = "the ERP is down") -> None:
        row = self.row(order_id)
        self.journal.jobs.postpone(
            row.store,
            order_id,
            row.attempt,
            reason,
            Postponement(RetryPolicy().backoff_seconds, erp_down=True),
        )

    def insert(self, order_id: str) -> bool:
        """Insert a claimed order; say whether the ERP was thereby found to be back."""
        row = self.row(order_id)
        with self.journal.jobs.step(
            row.store, order_id, row.attempt, to=Stage.INSERTED, calls_vtex=False
        ) as job:
            job.erp_reference = "7"
        return job.erp_recovered

    def row(self, order_id: str) -> OrderRow:
        (store,) = self.journal.orders.stores_of(order_id)
        row = self.journal.orders.get(store, order_id)
        assert row is not None
        return row

    def go_down(self, *names: str) -> None:
        """Let claimed orders find the ERP down."""
        for name in names:
            self.fail(name)


@pytest.fixture
def book(journal_url: str) -> Iterator[Book]:
    clock = Clock()
    journal = Journal(journal_url, now=clock)
    journal.migrate()
    yield Book(journal, clock)
    journal.close()


@pytest.fixture
def down(book: Book) -> Book:
    """A book whose ERP is paused: a and b met it, c, d and e wait."""
    book.bring_to_paid("a", "b", "c", "d", "e")
    assert len(book.claim()) == 5
    book.go_down("a", "b")
    for name in ("c", "d", "e"):
        book.journal.jobs.hand_back("acme", name, book.row(name).attempt, job=None)
    return book


def test_the_first_failure_lets_one_order_try_at_once(book: Book) -> None:
    book.bring_to_paid("a", "b", "c")
    book.claim()
    book.fail("a")
    for name in ("b", "c"):
        book.journal.jobs.hand_back("acme", name, book.row(name).attempt, job=None)

    assert book.claim() == ["b"]
    assert book.claim() == []


def test_a_second_failure_pauses_the_erp_and_then_lets_one_order_try(down: Book) -> None:
    assert down.claim() == []

    down.clock.pass_by(PAUSE)

    assert down.claim() == ["c"]
    assert down.claim() == []


def test_while_the_erp_is_down_all_that_comes_before_it_goes_on(down: Book) -> None:
    down.record("acme", "new")
    down.record("outlet", "other")

    assert sorted(down.claim()) == ["new", "other"]


def test_an_order_that_arrives_at_the_erp_meanwhile_waits_with_its_due_time_unchanged(
    down: Book,
) -> None:
    down.record("acme", "new")
    due_at = down.row("new").due_at

    job = down.fetch("new")

    row = down.row("new")
    assert job.waits_for_erp
    assert (row.stage, row.state, row.failures) == (Stage.PAID, State.OPEN, 0)
    assert (row.due_at, row.lease_until, row.last_error) == (due_at, None, None)


def test_an_order_claimed_before_the_pause_is_not_let_in(book: Book) -> None:
    book.bring_to_paid("a", "b", "c")
    book.claim()
    book.go_down("a", "b")

    with pytest.raises(ErpCircuitOpen, match="the ERP is down"):
        book.insert("c")

    assert book.row("c").failures == 0


def test_the_probe_itself_is_let_in_and_lifts_the_pause(down: Book) -> None:
    down.clock.pass_by(PAUSE)
    (probe,) = down.claim()

    assert down.insert(probe)

    assert down.journal.erp_circuit.current() is None
    assert down.claim() == ["a", "b", "d", "e"]


def test_only_one_of_many_that_get_through_finds_the_erp_back(book: Book) -> None:
    book.bring_to_paid("a", "b", "c")
    book.claim()
    book.fail("a")

    assert [book.insert(name) for name in ("b", "c")] == [True, False]


def test_an_order_that_always_fails_does_not_keep_the_probe(down: Book) -> None:
    probes = []
    for _ in range(5):
        down.clock.pass_by(PAUSE)
        (probe,) = down.claim()
        down.fail(probe)
        probes.append(probe)

    assert all(value != after for value, after in pairwise(probes))


def test_what_fails_while_the_erp_is_known_to_be_down_is_no_failure_of_the_order(
    down: Book,
) -> None:
    assert (down.row("a").failures, down.row("b").failures) == (1, 0)


def test_orders_that_met_the_outage_keep_their_place(down: Book) -> None:
    ages = [down.row(name).created_at for name in ("a", "b")]

    assert [down.row(name).due_at for name in ("a", "b")] == ages


def test_an_order_that_fails_again_without_an_outage_backs_off(book: Book) -> None:
    book.bring_to_paid("poison", "b", "c")
    book.claim()
    book.fail("poison")
    book.insert("b")
    assert book.claim() == ["poison"]

    book.fail("poison")

    row = book.row("poison")
    assert (row.failures, row.due_at > book.clock()) == (2, True)


def test_a_probe_that_is_set_aside_lets_the_next_one_try_at_once(down: Book) -> None:
    down.clock.pass_by(PAUSE)
    (probe,) = down.claim()

    down.journal.jobs.bury("acme", probe, down.row(probe).attempt, "no customer")

    assert down.claim() == ["d"]


def test_a_probe_that_meets_a_bug_lets_the_next_one_try_at_once(down: Book) -> None:
    down.clock.pass_by(PAUSE)
    (probe,) = down.claim()

    down.journal.jobs.postpone(
        "acme", probe, down.row(probe).attempt, "KeyError", Postponement(lambda _: 60)
    )

    assert down.claim() == ["d"]


def test_a_probe_whose_worker_died_does_not_keep_the_others_from_trying(down: Book) -> None:
    down.clock.pass_by(PAUSE)
    assert down.claim() == ["c"]

    down.clock.pass_by(PAUSE)

    assert down.claim() == ["d"]


def test_racing_dispatchers_let_one_order_try(down: Book) -> None:
    down.clock.pass_by(PAUSE)

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: down.claim(), range(8)))

    assert sum(map(len, found)) == 1


def test_the_pause_holds_for_all_stores_and_one_order_of_all_tries(down: Book) -> None:
    down.bring_to_paid("z", store="outlet")

    assert down.claim() == []
    down.clock.pass_by(PAUSE)
    assert len(down.claim()) == 1


def test_a_dispatch_for_one_order_respects_the_pause(down: Book) -> None:
    named = {"in_flight": 500, "store": "acme", "order_id": "e"}

    assert down.journal.jobs.dispatch(**named) == []
    down.clock.pass_by(PAUSE)

    assert [row.order_id for row in down.journal.jobs.dispatch(**named)] == ["e"]


def test_a_dispatch_for_another_order_leaves_the_probe_to_the_next_sweep(down: Book) -> None:
    down.clock.pass_by(PAUSE)

    assert down.journal.jobs.dispatch(in_flight=500, store="acme", order_id="unknown") == []

    assert down.claim() == ["c"]


def test_orders_whose_worker_died_at_the_erp_wait_for_it_too(book: Book) -> None:
    book.bring_to_paid("a", "b", "c", "d")
    book.claim()
    for name in ("a", "b"):
        # Never left: what a killed worker looks like to the journal.
        book.journal.jobs.step(
            "acme", name, book.row(name).attempt, to=Stage.INSERTED, calls_vtex=False
        ).__enter__()
    book.clock.pass_by(2 * Policy().lease_seconds)
    book.go_down("c", "d")

    assert book.claim() == []
    book.clock.pass_by(PAUSE)
    assert len(book.claim()) == 1


def test_a_waiting_order_says_that_it_waits_for_the_erp(down: Book) -> None:
    down.record("acme", "new")

    assert down.row("c").waits_for == "the ERP, which does not answer: the ERP is down"
    assert down.row("new").waits_for is None


def test_the_backlog_drains_in_order_of_age(down: Book) -> None:
    down.bring_to_paid("f", "g")
    down.clock.pass_by(PAUSE)
    (probe,) = down.claim()
    down.fail(probe)
    down.clock.pass_by(PAUSE)
    (probe,) = down.claim()
    down.insert(probe)

    assert [down.claim(), probe] == [["a", "b", "c", "e", "f", "g"], "d"]


def statements(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    seen: list[str] = []
    once = journal._database.once
    monkeypatch.setattr(
        journal._database,
        "once",
        lambda entry, named: seen.append(entry.split()[0]) or once(entry, named),
    )
    event.listen(
        journal._database.engine,
        "before_cursor_execute",
        lambda _c, _cursor, statement, *_: seen.append(statement.split()[0]),
    )
    return seen


def test_in_normal_service_the_pause_costs_an_order_no_statement(
    book: Book, monkeypatch: pytest.MonkeyPatch
) -> None:
    book.record("acme", "a")
    (ticket,) = book.journal.jobs.dispatch(in_flight=500)
    seen = statements(book.journal, monkeypatch)
    left = None

    for stage in (Stage.FETCHED, Stage.PAID, Stage.INSERTED, Stage.HANDLING):
        with book.journal.jobs.step(
            "acme", "a", ticket.attempt, to=stage, begun=left, goes_on=stage != Stage.HANDLING
        ) as left:
            left.order = left.order or {"orderId": "a"}

    if book.journal._database.is_local:
        assert len([value for value in seen if value not in ("BEGIN", "SELECT")]) <= 11
        assert seen.count("SELECT") == 4
    else:
        assert seen == ["UPDATE"] + 4 * ["WITH"]


def plan(journal: Journal, at: datetime) -> str:
    """Return how the database would look for the oldest order that waits for the ERP."""
    query = (
        "SELECT id FROM journal_jobs WHERE state = 'open' AND store = 'acme' AND kind = 'intake' AND stage = 'listed' "
        "AND due_at <= :now ORDER BY due_at, id LIMIT 5"
    )
    with journal._database.transaction() as db:
        lite = db.dialect.name == "sqlite"
        explain = "EXPLAIN QUERY PLAN " if lite else "EXPLAIN "
        return "\n".join(str(row) for row in db.execute(text(explain + query), {"now": at}))


def test_what_is_due_at_a_place_is_found_by_an_index_alone(book: Book) -> None:
    book.record("acme", *(f"o-{n}" for n in range(2000)))

    found = plan(book.journal, book.clock())

    assert "ix_journal_jobs_place" in found
    assert "TEMP B-TREE" not in found


def test_requests_of_the_erp_go_on_while_it_takes_no_orders(down: Book) -> None:
    down.journal.requests.submit(
        RequestDraft("acme", "done before", Kind.INVOICE, "Output 1", {"invoice_number": "1"})
    )

    assert down.claim() == ["done before"]
