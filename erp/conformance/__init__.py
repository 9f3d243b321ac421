"""The definition of a working adapter: checks that run against any adapter.

From a shell (docs/erp/conformance.md)::

    python -m erp.conformance my-erp://test.internal --harness my_erp_tests:MyBench

In an adapter's own tests::

    @pytest.mark.parametrize("check", conformance.ALL, ids=lambda check: check.__name__)
    def test_my_erp(check):
        check(MyBench(url))

Each of ``CHECKS`` takes an adapter whose ``migrate`` was called, and raises AssertionError. Each of
``OUTBOX_CHECKS`` takes an ``OutboxHarness``, through which the check acts as the ERP. Each of
``HARNESS_CHECKS`` takes a ``Harness``. If the harness lacks an ability, the check raises
``NotOffered``, which pytest reports as skipped. ``ALL`` holds all of them, each on a harness.
"""

from collections.abc import Callable

from erp.conformance.availability import CHECKS as FAULTS
from erp.conformance.checks import CHECKS as BASIC_CHECKS
from erp.conformance.checks import OUTBOX_CHECKS, OutboxHarness, sample
from erp.conformance.checks_on_harness import on_erp, on_outbox
from erp.conformance.erp_actions import CHECKS as DOINGS
from erp.conformance.harness import (
    TROUBLES,
    ConfirmsOrders,
    CountsOrders,
    DelaysAnswers,
    FulfillsOrders,
    Harness,
    LosesAnswers,
    NotOffered,
    SetsClock,
    SimulatesFailures,
)
from erp.conformance.idempotency import CHECKS as ONCE
from erp.conformance.order_kinds import CHECKS as KINDS_OF_ORDERS

CHECKS = (*BASIC_CHECKS, *KINDS_OF_ORDERS)
HARNESS_CHECKS = (*ONCE, *FAULTS, *DOINGS)
ALL: tuple[Callable[[Harness], None], ...] = (
    *map(on_erp, CHECKS),
    *map(on_outbox, OUTBOX_CHECKS),
    *HARNESS_CHECKS,
)

__all__ = [
    "ALL",
    "CHECKS",
    "HARNESS_CHECKS",
    "OUTBOX_CHECKS",
    "TROUBLES",
    "ConfirmsOrders",
    "CountsOrders",
    "DelaysAnswers",
    "FulfillsOrders",
    "Harness",
    "LosesAnswers",
    "NotOffered",
    "OutboxHarness",
    "SetsClock",
    "SimulatesFailures",
    "sample",
]
