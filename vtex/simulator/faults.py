"""Refusals of VTEX's rules, and faults on demand: their kinds, routes and frequency."""

import random
from dataclasses import asdict, dataclass, fields
from typing import Any

KINDS = {
    "throttle": "429 with Retry-After in seconds",
    "throttle_date": "429 with Retry-After as a date",
    "throttle_silent": "429 without Retry-After",
    "unavailable": "an error of the server's, 500 unless told, in the shape asked for",
    "refused": "an error of the caller's, 400 unless told, in the shape asked for",
    "html_error": "a proxy's page, 502 unless told",
    "html_200": "a page with status 200",
    "login": "302 to a login page",
    "timeout": "silence for so many seconds, then the connection ends; no effect",
    "timeout_after": "the same, but the effect is had",
    "lose_before": "the connection ends without an answer; no effect",
    "lose_answer": "the same, but the effect is had",
    "malformed": "200 with JSON that breaks off",
    "half_body": "an answer that ends before its Content-Length",
    "ignore_effect": "the answer of a success to a write that does nothing",
}

SHAPES: dict[str, Any] = {
    "envelope": {"error": {"code": "1", "message": "Simulated error", "exception": None}},
    "checkout": {
        "fields": {},
        "error": {"code": "CHK0231", "message": "Simulated error", "exception": None},
        "operationId": "5f0c1d2e",
    },
    "aspnet": {"Message": "Simulated error", "ModelState": {"field": ["Simulated error"]}},
    "problem": {"type": "about:blank", "title": "Simulated error", "traceId": "00-1"},
    "text": "Simulated error",
    "empty": "",
}
"""Error bodies of VTEX's services."""

WRITES = frozenset(
    {"start_handling", "invoice", "set_tracking", "add_events", "cancel", "deny", "commit"}
)
ROUTES = WRITES | {
    "list", "order", "transaction", "payments", "changes", "change", "feed", "feed_config",
    "order_group", "messages", "notes", "payment_transaction", "payment_notification",
    "seller_window", "hook_config", "interactions", "settlements", "refunds", "cancellations",
    "capabilities", "payment_systems", "change_v1", "change_settings", "change_preview",
    "change_summary", "*",
}  # fmt: skip


class Refused(ValueError):
    """A call breaks a rule of VTEX.

    Attributes:
        code: VTEX's own code of the error.
    """

    def __init__(self, message: str, code: str = "FMT0094", status: int = 400) -> None:
        super().__init__(message)
        self.code, self.status = code, status


@dataclass
class Fault:
    """One fault.

    Attributes:
        route: affected route, or ``*``.
        order_id: id in the path of the affected order or transaction.
        times: remaining number of hits. ``None`` lasts until cleared.
        probability: share of matching calls that it hits.
        status: HTTP status, if the kind leaves it open.
        shape: shape of the error's body, if the kind leaves it open.
        retry_after: seconds that a throttle asks for.
        seconds: duration of a time-out.

    Raises:
        ValueError: a field is invalid. The message begins with its name.
    """

    kind: str
    route: str = "*"
    order_id: str | None = None
    times: int | None = 1
    probability: float = 1.0
    status: int | None = None
    shape: str = "envelope"
    retry_after: int = 1
    seconds: float = 60.0

    def __post_init__(self) -> None:
        _one_of("kind", self.kind, KINDS)
        _one_of("route", self.route, ROUTES)
        _one_of("shape", self.shape, SHAPES)
        if self.kind == "ignore_effect" and self.route not in WRITES | {"*"}:
            raise ValueError(f"route: {self.route} has no effect to ignore")
        if self.order_id is not None and not isinstance(self.order_id, str):
            raise ValueError(f"order_id: {self.order_id!r} is no text")
        if self.times is not None:
            _within("times", self.times, int, 0, None)
        _within("probability", self.probability, (int, float), 0, 1)
        _within("retry_after", self.retry_after, int, 0, None)
        _within("seconds", self.seconds, (int, float), 0, None)
        if self.status is not None:
            least = 400 if self.kind == "refused" else 500
            _within("status", self.status, int, least, least + 99)

    def fits(self, route: str, order_id: str | None) -> bool:
        """Return whether a call matches the fault."""
        there = route in WRITES if self.kind == "ignore_effect" else True
        here = self.route in ("*", route) and self.order_id in (None, order_id)
        return there and here and self.times != 0


def _one_of(name: str, value: Any, allowed: Any) -> None:
    if not isinstance(value, str) or value not in allowed:
        raise ValueError(f"{name}: {value!r} is none of {', '.join(sorted(allowed))}")


def _within(name: str, value: Any, kinds: Any, least: int, most: int | None) -> None:
    # Python counts a bool as an int, and every comparison with NaN is false.
    is_number = isinstance(value, kinds) and not isinstance(value, bool)
    if not is_number or not value >= least or (most is not None and not value <= most):
        reach = f"from {least} on" if most is None else f"from {least} to {most}"
        raise ValueError(f"{name}: {value!r} is no {'whole ' * (kinds is int)}number {reach}")


class Faults:
    """The active faults.

    Args:
        seed: the same seed hits the same calls of a sequence.
    """

    def __init__(self, seed: int = 1) -> None:
        self._faults: list[Fault] = []
        self._random = random.Random(seed)

    def add(self, **fault: Any) -> None:
        """Switch a fault on.

        Raises:
            ValueError: the description is invalid. The message begins with the field.
        """
        known = [field.name for field in fields(Fault)]
        for name in fault:
            if name not in known:
                raise ValueError(f"{name}: no field of a fault, which are {', '.join(known)}")
        self._faults.append(Fault(**{"kind": None} | fault))

    def clear(self) -> None:
        """Switch all faults off."""
        self._faults.clear()

    def shown(self) -> list[dict[str, Any]]:
        """Return the active faults."""
        return [asdict(fault) for fault in self._faults if fault.times != 0]

    def meet(self, route: str, order_id: str | None) -> Fault | None:
        """Return the fault that hits a call, and count the hit."""
        for fault in self._faults:
            if not fault.fits(route, order_id) or self._random.random() >= fault.probability:
                continue
            if fault.times is not None:
                fault.times -= 1
            return fault
        return None
