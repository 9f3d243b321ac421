"""Order statuses and the calls that each one allows. Source: VTEX's table of statuses."""

from dataclasses import dataclass
from enum import Enum, auto

from foundation.messages import vtex as messages
from vtex.documents import Order
from vtex.errors import VtexUnavailable

READY = "ready-for-handling"

FEED_STATUSES = (
    "order-created", "on-order-completed", "on-order-completed-ffm", "payment-pending",
    "waiting-for-order-authorization", "approve-payment", "payment-approved", "request-cancel",
    "waiting-for-seller-decision", "waiting-ffmt-authorization", "waiting-for-authorization",
    "waiting-for-manual-authorization", "authorize-fulfillment", "order-create-error",
    "order-creation-error", "window-to-cancel", "window-to-change-seller",
    "waiting-for-mkt-authorization", "waiting-seller-handling", READY, "start-handling",
    "handling", "invoice-after-cancellation-deny", "order-accepted", "invoice", "invoiced",
    "replaced", "cancellation-requested", "cancel", "canceled",
)  # fmt: skip
"""The statuses that a feed can report. VTEX accepts a misspelt one, and then stays silent."""

CANCELED = frozenset(
    {
        "canceled",
        "cancel",
        "cancellation-requested",
        "request-cancel",
        "waiting-for-seller-decision",
        "replaced",
    }
)
"""Canceled, being canceled, or replaced by another order: do not ship."""

ENDED_CANCELED = frozenset({"canceled", "replaced"})
"""Canceled for good."""

HANDLED = frozenset({"start-handling", "handling", "ready-for-invoicing", "invoice", "invoiced"})
"""Handling has started, by the workers or by hand."""


TRANSIENT = frozenset(
    {
        "order-created",
        "on-order-completed",
        "on-order-completed-ffm",
        "approve-payment",
        "start-handling",
        "invoice",
        "cancel",
        "request-cancel",
        "cancellation-request-denied-ffm",
        "detail.state.null",
    }
)
"""VTEX passes through these by itself. An order that stays in one is stuck."""

ASKED_ONCE = "cancellation-requested"
"""A cancellation waits for the seller's decision. A second request confirms it."""


ASKED_THERE = ("request-cancel", "waiting-for-seller-decision")
"""The marketplace's order while its seller decides on a cancellation request."""

UNDECIDED = frozenset({ASKED_ONCE, *ASKED_THERE})
"""A cancellation request waits for a decision."""

DENIABLE = (ASKED_ONCE, "waiting-for-seller-decision")
"""VTEX accepts a denial in these statuses: the seller's and the marketplace's."""

DENIED = "cancellation-request-denied-ffm"
"""VTEX processes a denial. Then the order continues."""

ASIDE = UNDECIDED | {DENIED}
"""From these statuses an order continues as before, or is canceled."""

CHANGES = (ASKED_ONCE, *ASKED_THERE, "canceled", "replaced")
"""Changes that an ERP with the order must learn soon."""


@dataclass(frozen=True, slots=True)
class HandledOrders:
    """Orders to bring in as handled: they never were ready, or were moved on by another hand.

    A marketplace that fulfills orders itself makes such orders. Their handling is never started.

    Attributes:
        statuses: statuses of ``HANDLED``.
        origins: origins at VTEX, such as ``Fulfillment``. Empty stands for all.
        affiliates: ids of affiliates. Empty stands for all.
    """

    statuses: frozenset[str]
    origins: frozenset[str] = frozenset()
    affiliates: frozenset[str] = frozenset()

    def include(self, status: str | None, origin: str | None, affiliate_id: str | None) -> bool:
        """Return whether an order comes in as handled."""
        return (
            status in self.statuses
            and (not self.origins or origin in self.origins)
            and (not self.affiliates or affiliate_id in self.affiliates)
        )


class Answer(Enum):
    """Whether a status allows a request."""

    YES = auto()
    NO = auto()
    LATER = auto()
    AFTER_HANDLING = auto()
    UNDER_WAY = auto()
    DONE = auto()


_TAKES_INVOICE = {
    READY: Answer.AFTER_HANDLING,
    "handling": Answer.YES,
    "ready-for-invoicing": Answer.YES,
    "payment-approved": Answer.YES,
    "invoiced": Answer.NO,
    "canceled": Answer.NO,
    "replaced": Answer.NO,
}

_MAY_CANCEL = {
    "canceled": Answer.DONE,
    "cancel": Answer.UNDER_WAY,
    "request-cancel": Answer.UNDER_WAY,
    "waiting-for-seller-decision": Answer.UNDER_WAY,
    ASKED_ONCE: Answer.YES,
    READY: Answer.YES,
    "handling": Answer.YES,
    "ready-for-invoicing": Answer.YES,
    "window-to-cancel": Answer.YES,
    "payment-pending": Answer.YES,
    "payment-approved": Answer.YES,
    "payment-denied": Answer.YES,
    "waiting-for-authorization": Answer.YES,
    "waiting-ffmt-authorization": Answer.YES,
    "waiting-for-fulfillment": Answer.YES,
    "waiting-for-manual-authorization": Answer.YES,
    "window-to-change-payment": Answer.YES,
    "window-to-change-seller": Answer.YES,
    "invoice": Answer.NO,
    "invoiced": Answer.NO,
    "replaced": Answer.NO,
    "order-create-error": Answer.NO,
    "order-creation-error": Answer.NO,
}


def takes_invoice(status: str | None) -> Answer:
    """Return whether a status accepts a sales invoice."""
    return _TAKES_INVOICE.get(status or "", Answer.LATER)


def may_cancel(status: str | None, has_packages: bool) -> Answer:
    """Return whether an order can be canceled."""
    answer = _MAY_CANCEL.get(status or "", Answer.LATER)
    return Answer.NO if has_packages and answer is Answer.YES else answer


def is_canceled(status: str | None) -> bool:
    """Return whether the order is canceled or about to be."""
    return status in CANCELED


def handling_done(status: str | None, has_packages: bool) -> bool:
    """Return whether handling has started.

    A partial invoice sets the status back to ``payment-approved``.
    """
    return status in HANDLED or (status == "payment-approved" and has_packages)


def handled_elsewhere(order: Order) -> str | None:
    """Return the reason not to start the handling of an order, if it has started already."""
    if handling_done(order.status, order.has_packages):
        return messages.HANDLED_ELSEWHERE(status=order.status)
    return None


def reason_to_skip(order: Order, *, as_handled: bool = False) -> str | None:
    """Return the reason to skip an order that was listed as ready, or ``None``.

    The list may be minutes old, so the order's own status decides.

    Args:
        as_handled: the order also comes in if its handling started elsewhere.
    """
    if is_canceled(order.status):
        return messages.CANCELED_BEFORE(status=order.status)
    return None if as_handled else handled_elsewhere(order)


def require_ready(order: Order, *, as_handled: bool = False) -> None:
    """Raise unless the order can be integrated now.

    Args:
        as_handled: the order also comes in if its handling started elsewhere.

    Raises:
        VtexUnavailable: the order is incomplete or not ready yet. Retry later.
    """
    if not order.is_completed:
        raise VtexUnavailable(messages.INCOMPLETE())
    if as_handled and handling_done(order.status, order.has_packages):
        return
    if order.status != READY:
        raise VtexUnavailable(messages.NOT_READY(status=order.status or "no status", ready=READY))
