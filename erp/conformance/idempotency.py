"""Checks that the ERP holds one order, whatever happens to the caller or the answer."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from erp.conformance import crash_child
from erp.conformance.checks import RACERS, same, sample
from erp.conformance.harness import (
    CountsOrders,
    DelaysAnswers,
    Harness,
    LosesAnswers,
    NotOffered,
    offered,
)
from erp.port import Erp, ErpUnavailable
from erp.sales_order import SalesOrder

PATIENCE_SECONDS = 60.0


def the_erp_itself_holds_one_order_after_a_race(harness: Harness) -> None:
    """The ERP itself counts, past the adapter."""
    counts, order = offered(harness, CountsOrders), sample()
    with ThreadPoolExecutor(RACERS) as pool:
        references = set(pool.map(lambda _: harness.erp.insert(order), range(RACERS)))
    same((len(references), counts.orders(order.order_id)), (1, 1))


def an_answer_lost_after_the_commit_leaves_one_order(harness: Harness) -> None:
    """The retry gets the reference of the committed order."""
    loses, order = offered(harness, LosesAnswers), sample()
    with loses.losing_answers() as erp, suppress(ErpUnavailable):
        erp.insert(order)
    _is_committed_once(harness, order)


def a_caller_killed_before_it_wrote_down_the_answer_leaves_one_order(harness: Harness) -> None:
    """``kill -9`` between the ERP's commit and the journal's."""
    order = sample()
    if harness.url is None:
        raise NotOffered("this ERP lives and dies with the process")
    died = _child(harness.erp, harness.url, order.order_id, dies=True)
    same(died.wait(PATIENCE_SECONDS), -signal.SIGKILL)
    _is_committed_once(harness, order)


def a_caller_killed_while_it_waits_for_the_answer_leaves_one_order(harness: Harness) -> None:
    """``kill -9`` after the ERP's commit, before its answer."""
    holds, order = offered(harness, DelaysAnswers), sample()
    with holds.holding_answers_back() as url:
        child = _child(harness.erp, url, order.order_id, dies=False)
        counts = offered(harness, CountsOrders)
        try:
            _await(lambda: counts.orders(order.order_id) == 1)
        finally:
            child.kill()
            child.wait(PATIENCE_SECONDS)
    _is_committed_once(harness, order)


CHECKS: tuple[Callable[[Harness], None], ...] = (
    the_erp_itself_holds_one_order_after_a_race,
    an_answer_lost_after_the_commit_leaves_one_order,
    a_caller_killed_before_it_wrote_down_the_answer_leaves_one_order,
    a_caller_killed_while_it_waits_for_the_answer_leaves_one_order,
)


def _child(erp: Erp, url: str, order_id: str, *, dies: bool) -> subprocess.Popen[bytes]:
    """Start a process that inserts an order. The environment hides the secrets of the URL."""
    made = f"{type(erp).__module__}:{type(erp).__qualname__}"
    told = {
        crash_child.ADAPTER: made,
        crash_child.URL: url,
        crash_child.ORDER: order_id,
        crash_child.DIES: "1" if dies else "",
        "PYTHONPATH": os.pathsep.join(sys.path),
    }
    command = [sys.executable, "-c", f"from {crash_child.__name__} import main; main()"]
    return subprocess.Popen(command, env=os.environ | told)  # noqa: S603 - ourselves


def _await(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        if time.monotonic() > deadline:
            raise AssertionError("the ERP did not commit what the child sent")
        time.sleep(0.02)


def _is_committed_once(harness: Harness, order: SalesOrder) -> None:
    committed = harness.erp.find(order.store, order.order_id)
    if committed is None:
        raise AssertionError("the ERP had not committed the order")
    same(harness.erp.insert(order), committed)
    if isinstance(harness, CountsOrders):
        same(harness.orders(order.order_id), 1)
