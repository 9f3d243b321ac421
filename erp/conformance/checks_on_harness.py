"""Turns checks of an adapter or of an outbox into checks of a harness."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from erp.conformance.checks import OutboxHarness
from erp.conformance.harness import Harness, NotOffered
from erp.port import Erp

LEFT_OVER = 1000
"""Bound of the requests that another test may have left in an outbox, per poll."""


def on_erp(check: Callable[[Erp], None]) -> Callable[[Harness], None]:
    """Return a check of an adapter as a check of a harness."""

    @wraps(check)
    def on_harness(harness: Harness) -> None:
        check(harness.erp)

    return on_harness


def on_outbox(check: Callable[[OutboxHarness], None]) -> Callable[[Harness], None]:
    """Return a check of an outbox as a check of a harness, which empties the outbox first."""

    @wraps(check)
    def on_harness(harness: Any) -> None:
        wanted = [name for name in vars(OutboxHarness) if name[0] != "_"]
        if missing := [name for name in wanted if not hasattr(harness, name)]:
            raise NotOffered(f"the harness offers no OutboxHarness ({', '.join(missing)})")
        for _ in range(LEFT_OVER):
            if not harness.erp.poll_outbox(lambda _: None, LEFT_OVER):
                break
        check(harness)

    return on_harness
