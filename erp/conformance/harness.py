"""The ERP's side of the checks: each ability is a small protocol of a harness."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Protocol, TypeVar, runtime_checkable
from unittest import SkipTest

from erp.port import Erp

TROUBLES = {
    "down": "nobody listens where the ERP was",
    "slow": "it takes calls and answers none of them in time",
    "broken": "it answers HTTP 500 with a page of HTML",
    "locked": "it does not know our key any more",
    "full": "it takes nothing more: disk, quota or licence",
}
"""Troubles of an ERP. Each one passes, and the orders are sound."""


class NotOffered(SkipTest):
    """The harness lacks an ability that the check needs, so the check is skipped."""


class Harness(Protocol):
    """An adapter on an ERP for tests.

    Attributes:
        erp: the adapter.
        url: URL by which another process makes the adapter. ``None`` if the ERP lives in this one.
    """

    erp: Erp
    url: str | None


@runtime_checkable
class CountsOrders(Protocol):
    """Reads the ERP itself, past the adapter."""

    def orders(self, order_id: str) -> int:
        """Return the number of orders that the ERP holds for one of store ``acme``."""


@runtime_checkable
class LosesAnswers(Protocol):
    """Breaks the connection that carries the answers."""

    def losing_answers(self) -> AbstractContextManager[Erp]:
        """Yield an adapter whose inserts are committed and whose answers get lost."""


@runtime_checkable
class DelaysAnswers(Protocol):
    """Keeps a caller waiting."""

    def holding_answers_back(self) -> AbstractContextManager[str]:
        """Yield the URL of an ERP that commits inserts and never answers."""


@runtime_checkable
class SimulatesFailures(Protocol):
    """Simulates troubles."""

    def failing(self, trouble: str) -> AbstractContextManager[Erp]:
        """Yield an adapter whose ERP has one of TROUBLES until the context ends.

        Each of its calls must end within a minute, so it needs short time-outs.

        Raises:
            NotOffered: it cannot simulate this trouble.
        """


@runtime_checkable
class ConfirmsOrders(Protocol):
    """Acts as the ERP's people do before they invoice an order."""

    def confirm(self, order_id: str) -> None:
        """Confirm an order of store ``acme``, as the ERP does."""

    def sees_canceled(self, order_id: str) -> bool:
        """Return whether the ERP's people can see the cancellation at VTEX."""


@runtime_checkable
class FulfillsOrders(Protocol):
    """Invoices, ships and cancels in the ERP, so that ``poll_outbox`` returns requests."""

    def invoice(
        self, order_id: str, number: str, value: Decimal, skus: Sequence[str], at: datetime
    ) -> None:
        """Post an invoice with one unit of each SKU, for an order of store ``acme``.

        Args:
            number: invoice number. The same number again posts the same invoice twice.
            at: time of the invoice in the ERP. It may be older than reported changes.
        """

    def track(self, order_id: str, number: str, tracking_number: str) -> None:
        """Set the tracking number of a posted invoice's parcel."""

    def cancel(self, order_id: str) -> None:
        """Cancel an order in the ERP."""


@runtime_checkable
class SetsClock(Protocol):
    """Shifts the ERP's clock."""

    def clock_off_by(self, apart: timedelta) -> AbstractContextManager[None]:
        """Shift the ERP's clock until the context ends."""


Ability = TypeVar("Ability")


def offered(harness: Harness, ability: type[Ability]) -> Ability:
    """Return a harness with an ability.

    Raises:
        NotOffered: the harness lacks the ability.
    """
    if not isinstance(harness, ability):
        wanted = ", ".join(name for name in vars(ability) if not name.startswith("_"))
        raise NotOffered(f"the harness offers no {ability.__name__} ({wanted})")
    return harness
