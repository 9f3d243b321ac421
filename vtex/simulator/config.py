"""The behaviour of a simulated store, at its start and while it runs."""

from dataclasses import asdict, dataclass
from typing import Any

CHANGEABLE = (
    "index_lag",
    "handling_delay",
    "latency_ms",
    "arrivals_per_minute",
    "quota",
    "conflict_status",
    "invoice_delay",
    "cancel_delay",
    "cancel_at_once",
    "changed_items",
    "changes_form",
    "refuses_zero_invoice",
)
"""Settings that can change while the store runs."""

CHOICES = {"changed_items": ("kept", "dropped"), "changes_form": ("requests", "list", "bare")}
"""The words of a setting that is a word."""

_SWITCHES = ("cancel_at_once", "refuses_zero_invoice")


@dataclass
class Config:
    """The behaviour of a simulated store.

    Attributes:
        index_lag: seconds that the order list lags behind the orders.
        handling_delay: seconds from start-handling to handling.
        quota: calls a minute. ``None`` sets no limit.
        conflict_status: HTTP status of start-handling in the wrong order status, 409 or 400.
        invoice_delay: seconds from an invoice to the status that follows it.
        cancel_delay: seconds from ``cancel`` to ``canceled``.
        cancel_at_once: the first request cancels an order in handling, instead of the second.
        changed_items: whether a changed order keeps its items, or shows them anew.
        changes_form: form of the list of an order's changes.
        refuses_zero_invoice: refuse an invoice of 0 cents also for an order of 0 cents. VTEX
            publishes that the value must be positive, and not how such an order ends.

    Raises:
        ValueError: a number is out of range. The message names it.
    """

    account: str = "acme"
    app_key: str = "vtexappkey-acme-SIMULA"
    app_token: str = "simulated-token"  # noqa: S105  # of a stand-in
    host: str = "127.0.0.1"
    port: int = 0
    orders: int = 0
    seed: int = 1
    index_lag: float = 240.0
    handling_delay: float = 2.0
    latency_ms: float = 0.0
    arrivals_per_minute: float = 0.0
    quota: int | None = None
    conflict_status: int = 409
    invoice_delay: float = 1.0
    cancel_delay: float = 2.0
    cancel_at_once: bool = False
    changed_items: str = "kept"
    changes_form: str = "requests"
    refuses_zero_invoice: bool = False

    def __post_init__(self) -> None:
        for name in ("orders", *CHANGEABLE):
            value = getattr(self, name)
            if (value is None and name == "quota") or name in (*_SWITCHES, *CHOICES):
                continue
            if isinstance(value, bool) or not isinstance(value, int | float) or not value >= 0:
                raise ValueError(f"{name}: {value!r} is no number from 0 on")
        if self.conflict_status not in (400, 409):
            raise ValueError(f"conflict_status: {self.conflict_status!r} is neither 409 nor 400")
        for name, words in CHOICES.items():
            if getattr(self, name) not in words:
                raise ValueError(f"{name}: {getattr(self, name)!r} is none of {', '.join(words)}")
        for name in _SWITCHES:
            if not isinstance(value := getattr(self, name), bool):
                raise ValueError(f"{name}: {value!r} is neither true nor false")  # noqa: TRY004

    def change(self, **changes: Any) -> None:
        """Change settings of a running store, all of them or, if one is wrong, not any.

        Raises:
            ValueError: a setting is unknown or fixed, or its value is invalid.
        """
        for name in changes:
            if name not in CHANGEABLE:
                raise ValueError(f"{name}: cannot be changed; try {', '.join(CHANGEABLE)}")
        Config(**asdict(self) | changes)
        for name, value in changes.items():
            setattr(self, name, value)
