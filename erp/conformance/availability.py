"""Checks with a failing ERP: its orders wait, and every one arrives later."""

import threading
from collections.abc import Callable

from erp.conformance.checks import same, sample
from erp.conformance.harness import TROUBLES, CountsOrders, Harness, SimulatesFailures, offered
from erp.port import Erp, ErpError, ErpUnavailable
from erp.sales_order import SalesOrder

DEADLINE_SECONDS = 60.0
MOST_WORDS = 500
"""Bound of an error's characters, since tables, logs and alerts show it."""

RETRIES = 5


def _withstands(trouble: str, meaning: str) -> Callable[[Harness], None]:
    def check(harness: Harness) -> None:
        before, during = sample(), sample()
        fails = offered(harness, SimulatesFailures)
        with fails.failing(trouble) as erp:
            _is_unavailable(lambda: erp.insert(during), during)
        reference = _inserted(harness.erp, before)
        with fails.failing(trouble) as erp:
            # ``None`` would mean that the order is missing. It would be inserted again elsewhere.
            found = _found(erp, before)
            same(found in (reference, ErpUnavailable), True)
        _inserted(harness.erp, during)
        if isinstance(harness, CountsOrders):
            same([harness.orders(order.order_id) for order in (before, during)], [1, 1])

    check.__name__ = f"orders_wait_for_an_erp_that_is_{trouble.replace(' ', '_')}"
    check.__doc__ = f"Where {meaning}."
    return check


def an_erp_that_is_down_does_not_pass_for_ready(harness: Harness) -> None:
    """``check`` reports it in a few words."""
    with offered(harness, SimulatesFailures).failing("down") as erp:
        try:
            answer = _ended(erp.check)
        except ErpError as error:
            same(0 < len(str(error)) <= MOST_WORDS, True)
        else:
            raise AssertionError(f"it says that it is ready: {answer}")


CHECKS: tuple[Callable[[Harness], None], ...] = (
    *(_withstands(trouble, meaning) for trouble, meaning in TROUBLES.items()),
    an_erp_that_is_down_does_not_pass_for_ready,
)


def _is_unavailable(call: Callable[[], object], order: SalesOrder) -> None:
    try:
        answer = _ended(call)
    except ErpUnavailable as error:
        words = str(error)
        same(0 < len(words) <= MOST_WORDS, True)
        named = (order.customer.name, order.customer.document, "<html", "<HTML")
        same([name for name in named if name and name in words], [])
    else:
        raise AssertionError(f"not unavailable: {answer!r}")


def _found(erp: Erp, order: SalesOrder) -> object:
    try:
        return _ended(lambda: erp.find(order.store, order.order_id))
    except ErpUnavailable:
        return ErpUnavailable


def _inserted(erp: Erp, order: SalesOrder) -> str:
    """Insert as the workers do: retry while a broken connection makes the ERP unavailable."""
    for _ in range(RETRIES):
        try:
            return erp.insert(order)
        except ErpUnavailable:
            continue
    return erp.insert(order)


def _ended(call: Callable[[], object]) -> object:
    """Return the result of a call or raise its error, within a bounded time."""
    came: list[object] = []

    def run() -> None:
        try:
            came.append(call())
        except Exception as error:
            came.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(DEADLINE_SECONDS)
    if thread.is_alive():
        raise AssertionError(f"no end within {DEADLINE_SECONDS:g} s: it needs time-outs")
    if isinstance(came[0], Exception):
        raise came[0]
    return came[0]
