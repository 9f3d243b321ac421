from __future__ import annotations

import inspect
from datetime import timedelta
from types import ModuleType

import pytest

import erp.port
import journal.model
import tasks.errors
import vtex.errors
from erp.port import ErpRejected, ErpUnavailable
from journal.model import JobLost, JournalUnavailable, StorePaused
from tasks.errors import ContractNewer, StoreUnknown
from tasks.retry_policy import (
    TABLE,
    Action,
    RetryPolicy,
    TaskOutcome,
    outcome_of,
    reason_of,
    row_of,
)
from vtex.errors import NotYet, RateLimitReached, VtexThrottled, VtexUnauthorized, VtexUnavailable

MODULES = (vtex.errors, erp.port, journal.model, tasks.errors)
POLICY = RetryPolicy()


def errors_of(module: ModuleType) -> list[type[Exception]]:
    return [
        kind
        for _, kind in inspect.getmembers(module, inspect.isclass)
        if issubclass(kind, Exception) and kind.__module__ == module.__name__
    ]


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__)
def test_every_error_class_has_exactly_one_row(module: ModuleType) -> None:
    assert set(errors_of(module)) - set(TABLE) == set()


def test_the_table_has_rows_for_our_own_errors_and_one_for_all_others() -> None:
    ours = {kind for module in MODULES for kind in errors_of(module)}

    assert set(TABLE) - ours == {Exception}


def test_a_subclass_of_an_adapter_has_the_row_of_its_base_class() -> None:
    class RowLocked(ErpUnavailable):
        pass

    assert row_of(RowLocked("")) is TABLE[ErpUnavailable]
    assert reason_of(RowLocked("")) == "erp_unavailable"


def test_an_error_of_others_is_retried_a_few_times_only() -> None:
    error = KeyError("Ana Prado")

    assert row_of(error).action is Action.BOUND
    wait = POLICY.postponement(error, job=None, gives_up=False)
    assert (wait.max_failures, wait.counts) == (POLICY.max_unforeseen_failures, True)
    assert reason_of(error) == "unforeseen"


def test_only_a_failure_of_the_job_itself_counts() -> None:
    def counts(error: Exception) -> bool:
        return POLICY.postponement(error, job=7, gives_up=True).counts

    assert counts(VtexUnavailable(""))
    assert counts(ErpUnavailable(""))
    paused = StorePaused("")
    others = (VtexThrottled(""), VtexUnauthorized(""), StoreUnknown(""), ContractNewer(""), paused)
    assert not any(counts(error) for error in (*others, RateLimitReached.until(7)))


def test_a_job_that_is_early_waits_without_end_or_until_its_age_is_reached() -> None:
    def wait(error: Exception) -> tuple[bool, int | None, timedelta | None]:
        made = POLICY.postponement(error, job=7, gives_up=True)
        return made.waiting, made.max_failures, made.patience

    assert wait(NotYet("")) == (True, None, None)
    assert wait(NotYet.within(timedelta(hours=1), "")) == (True, None, timedelta(hours=1))
    assert wait(ContractNewer("")) == (True, None, timedelta(days=1))
    assert wait(VtexUnavailable("")) == (False, 300, None)


def test_a_job_that_the_workers_began_themselves_never_gives_up() -> None:
    assert POLICY.postponement(VtexUnavailable(""), job=None, gives_up=False).max_failures is None


def test_only_orders_wait_in_line_for_an_erp_that_is_down() -> None:
    assert POLICY.postponement(ErpUnavailable(""), job=None, gives_up=False).erp_down
    assert not POLICY.postponement(ErpUnavailable(""), job=7, gives_up=True).erp_down


def test_a_store_pauses_for_what_vtex_says_of_it_as_a_whole() -> None:
    throttled = VtexThrottled("")
    throttled.retry_after = 33

    assert POLICY.pause_seconds(throttled) == 33
    assert POLICY.pause_seconds(VtexUnauthorized("")) == POLICY.unauthorized_pause_seconds
    assert POLICY.pause_seconds(StoreUnknown("")) is None
    assert POLICY.pause_seconds(VtexUnavailable("")) is None


def test_the_back_off_doubles_up_to_its_cap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("random.random", lambda: 1.0)

    assert [POLICY.backoff_seconds(failures) for failures in (1, 2, 3, 9, 10_000)] == [
        4,
        8,
        16,
        300,
        300,
    ]


def test_jobs_that_the_rate_limit_refused_together_return_apart() -> None:
    wait = POLICY.postponement(RateLimitReached.until(10), job=None, gives_up=False)

    assert 10 <= wait.wait_seconds(1) <= 15
    assert wait.untouched


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (None, TaskOutcome.DONE),
        (ErpRejected(""), TaskOutcome.DEAD_LETTER),
        (JobLost(""), "superseded"),
        (JournalUnavailable(""), TaskOutcome.RETRY),
        (ValueError(), TaskOutcome.UNFORESEEN),
    ],
)
def test_metrics_take_their_label_from_the_table(error: Exception | None, outcome: str) -> None:
    assert outcome_of(error) == outcome
