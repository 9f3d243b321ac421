"""The ERP's own side, for the checks: each ability is a small protocol that a harness may offer."""

from __future__ import annotations

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
"""What can be the matter with an ERP; each passes, and no order is at fault."""


class NotOffered(SkipTest):
    """A harness cannot do what a check needs: the check is skipped, for this reason."""


class Harness(Protocol):
    """An adapter on an ERP of the tests.

    Attributes:
        erp: the adapter.
        url: from which another process can make it; None where the ERP lives in this one alone.
    """

    erp: Erp
    url: str | None


@runtime_checkable
class CountsOrders(Protocol):
    """Looks into the ERP itself, past the adapter."""

    def orders(self, order_id: str) -> int:
        """Return how many orders the ERP holds of one of store ``acme``."""
        ...


@runtime_checkable
class LosesAnswers(Protocol):
    """Breaks what carries the answers."""

    def losing_answers(self) -> AbstractContextManager[Erp]:
        """Yield an adapter whose inserts the ERP commits, and whose answers get lost."""
        ...


@runtime_checkable
class DelaysAnswers(Protocol):
    """Keeps a caller waiting."""

    def holding_answers_back(self) -> AbstractContextManager[str]:
        """Yield the URL of an ERP that commits what it is given and leaves the caller waiting."""
        ...


@runtime_checkable
class SimulatesFailures(Protocol):
    """Has troubles when told to."""

    def failing(self, trouble: str) -> AbstractContextManager[Erp]:
        """Yield an adapter whose ERP has one of TROUBLES until the context ends.

        Within a minute each of its calls must have come to an end: give it short time-outs.

        Raises:
            NotOffered: it cannot have this one.
        """
        ...


@runtime_checkable
class ConfirmsOrders(Protocol):
    """Does what the ERP's people do with an order before it is invoiced."""

    def confirm(self, order_id: str) -> None:
        """Take an order of store ``acme`` into work, as the ERP does."""
        ...

    def sees_canceled(self, order_id: str) -> bool:
        """Say whether the ERP's people can see that it was canceled at VTEX."""
        ...


@runtime_checkable
class FulfillsOrders(Protocol):
    """Invoices, ships and cancels in the ERP, so that ``poll_outbox`` has something to tell."""

    def invoice(
        self, order_id: str, number: str, value: Decimal, skus: Sequence[str], at: datetime
    ) -> None:
        """Post an invoice of one unit each of some SKUs of an order of store ``acme``.

        Args:
            number: the invoice's; posted a second time it is the same invoice, posted twice.
            at: when the ERP says that it was done; may lie before what it has told already.
        """
        ...

    def track(self, order_id: str, number: str, tracking_number: str) -> None:
        """Give the parcel of a posted invoice its tracking number."""
        ...

    def cancel(self, order_id: str) -> None:
        """Cancel an order in the ERP."""
        ...


@runtime_checkable
class SetsClock(Protocol):
    """Sets the ERP's clock."""

    def clock_off_by(self, apart: timedelta) -> AbstractContextManager[None]:
        """Let the ERP's clock go before ours, or after it, until the context ends."""
        ...


Ability = TypeVar("Ability")


def offered(harness: Harness, ability: type[Ability]) -> Ability:
    """Return a harness as one that has an ability.

    Raises:
        NotOffered: it has not.
    """
    if not isinstance(harness, ability):
        wanted = ", ".join(name for name in vars(ability) if not name.startswith("_"))
        raise NotOffered(f"the harness offers no {ability.__name__} ({wanted})")
    return harness
