"""The checks of an adapter and of an outbox, as checks of a bench that has them."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from erp.conformance.checks import Outbox
from erp.conformance.harness import Bench, NotOffered
from erp.port import Erp

LEFT_OVER = 1000
"""Requests that an outbox of another test may hold, each time it is asked."""


def on_erp(check: Callable[[Erp], None]) -> Callable[[Bench], None]:
    """Return a check of an adapter as one of a bench."""

    @wraps(check)
    def on_bench(bench: Bench) -> None:
        check(bench.erp)

    return on_bench


def on_outbox(check: Callable[[Outbox], None]) -> Callable[[Bench], None]:
    """Return a check of an outbox as one of a bench; what others left waiting is taken before."""

    @wraps(check)
    def on_bench(bench: Any) -> None:
        wanted = [name for name in vars(Outbox) if name[0] != "_"]
        if missing := [name for name in wanted if not hasattr(bench, name)]:
            raise NotOffered(f"the bench offers no Outbox ({', '.join(missing)})")
        for _ in range(LEFT_OVER):
            if not bench.erp.poll_outbox(lambda _: None, LEFT_OVER):
                break
        check(bench)

    return on_bench
