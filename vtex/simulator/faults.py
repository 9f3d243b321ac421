"""Faults on demand: what can go wrong, where, and how often."""

from __future__ import annotations

import random
from dataclasses import asdict, dataclass
from typing import Any

KINDS = frozenset(
    {
        "throttle", "throttle_silent", "unavailable", "html_error", "html_200", "timeout",
        "timeout_after",
        "lose_answer", "lose_before", "malformed", "half_body", "ignore_effect",
    }
)  # fmt: skip
"""``lose_answer``, ``timeout_after``: the effect is had, the answer is not, or comes too late.
``ignore_effect``: the reverse."""

ROUTES = frozenset(
    {
        "list", "order", "transaction", "payments", "start_handling", "invoice", "set_tracking",
        "add_events", "cancel", "changes", "*",
    }
)  # fmt: skip


@dataclass
class Fault:
    """One thing that goes wrong.

    Attributes:
        route: where, or ``*``.
        order_id: only for this order.
        times: how often yet; None until cleared.
        probability: of each call that it could meet.
        retry_after: seconds that a throttle asks for.
        seconds: how long a time-out hangs.
    """

    kind: str
    route: str = "*"
    order_id: str | None = None
    times: int | None = 1
    probability: float = 1.0
    retry_after: int = 1
    seconds: float = 60.0

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"kind: {self.kind!r} is none of {', '.join(sorted(KINDS))}")
        if self.route not in ROUTES:
            raise ValueError(f"route: {self.route!r} is none of {', '.join(sorted(ROUTES))}")


class Faults:
    """The faults that are switched on."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []

    def add(self, **fault: Any) -> None:
        """Switch one on.

        Raises:
            ValueError, TypeError: the description is wrong; the message says where.
        """
        self._faults.append(Fault(**fault))

    def clear(self) -> None:
        """Switch all off."""
        self._faults.clear()

    def shown(self) -> list[dict[str, Any]]:
        """Return those that are on."""
        return [asdict(one) for one in self._faults]

    def meet(self, route: str, order_id: str | None) -> Fault | None:
        """Return the fault that a call meets, and count it."""
        for fault in self._faults:
            fits = fault.route in ("*", route) and fault.order_id in (None, order_id)
            if not fits or fault.times == 0 or random.random() >= fault.probability:
                continue
            if fault.times is not None:
                fault.times -= 1
            return fault
        return None
