"""The errors of calls to VTEX, as a tree. The retry policy decides by these classes.

::

    VtexError
    ├── VtexUnavailable     network, time-out, 5xx, unreadable body: a write may have been done
    │   ├── VtexThrottled   429, 503: stop calling for a while
    │   └── NotYet          nothing failed: the order is not where the call makes sense
    ├── RateLimitReached         no call was made: the store's calls of the next seconds are taken
    ├── WriteForbidden      no call was made: the store is only observed
    ├── VtexUnauthorized    401, 403: our fault, for all orders of the store
    ├── OrderNotFound       404 for an order or its transaction
    ├── FeedMissing         404 for the feed: this key has none
    ├── OrderConflict       409, or 400 with OMS003: the status is not what we thought
    ├── VtexRejected        other 4xx: understood and refused, with VTEX's own words
    ├── Refused             our own checks refuse what was asked, before VTEX has to
    ├── VtexForgot          VTEX took something and does not show it
    └── DocumentInvalid     an answer that breaks its schema; names the field's path
"""

from __future__ import annotations

from datetime import timedelta

from foundation.messages import vtex as messages

THROTTLED_SECONDS = 60.0
"""Pause after a 429 without ``Retry-After``, as VTEX advises."""

LONGEST_PAUSE_SECONDS = 900.0
"""Upper bound of ``Retry-After``: a typo at VTEX must not stop a store for days."""


class VtexError(Exception):
    """A call to VTEX failed.

    Attributes:
        method: HTTP method of the request, ``GET``.
        path: path of the request without its query.
        status: HTTP status. ``None`` without an answer.
        code: VTEX's own code, such as ``OMS007``, if it sent one.
    """

    def __init__(
        self,
        message: str,
        *,
        method: str = "",
        path: str = "",
        status: int | None = None,
        code: str | None = None,
    ) -> None:
        super().__init__(message)
        self.method = method
        self.path = path
        self.status = status
        self.code = code


class VtexUnavailable(VtexError):
    """VTEX did not give a usable answer. A write may have had its effect."""


class VtexThrottled(VtexUnavailable):
    """VTEX asks for a pause of the whole account.

    Attributes:
        retry_after: seconds that VTEX asks for, if it did.
    """

    retry_after: float | None = None

    @property
    def pause_seconds(self) -> float:
        """For how long the account is left alone."""
        asked = THROTTLED_SECONDS if self.retry_after is None else self.retry_after
        return min(max(asked, 1.0), LONGEST_PAUSE_SECONDS)


class NotYet(VtexUnavailable):
    """The order has not reached the status that the call needs. This is not a failure.

    Attributes:
        patience: longest wait. ``None`` waits without a bound.
    """

    patience: timedelta | None = None

    @classmethod
    def within(cls, patience: timedelta, message: str) -> NotYet:
        """Return an error with a bound of the wait."""
        error = cls(message)
        error.patience = patience
        return error


class RateLimitReached(VtexError):
    """The rate limit refused the call, before it was made.

    Attributes:
        seconds: time until the next try.
    """

    seconds: float = 1.0

    @classmethod
    def until(cls, seconds: float) -> RateLimitReached:
        """Return an error with the time until the next try."""
        error = cls(messages.RATE_LIMITED(seconds=max(1, round(seconds))))
        error.seconds = seconds
        return error


class WriteForbidden(VtexError):
    """The client of this store only reads."""


class Refused(VtexError):
    """The request contradicts the order. The message names the contradiction and the fix."""


class VtexForgot(VtexError):
    """VTEX gave a receipt for a write, and does not show its effect."""


class VtexUnauthorized(VtexError):
    """The credentials are wrong or lack a permission (401, 403)."""


class OrderNotFound(VtexError):
    """VTEX does not know the order, or not in this account."""


class FeedMissing(VtexError):
    """The key's feed was never configured, was deleted, or has expired."""


class OrderConflict(VtexError):
    """The order's status does not allow the call (409, or 400 with ``OMS003``)."""


class VtexRejected(VtexError):
    """VTEX understood the request and refuses it."""


class DocumentInvalid(VtexError):
    """A document breaks its schema.

    Attributes:
        faults: field path to its fault, as in ``{"items.0.quantity": "…"}``.
    """

    faults: dict[str, str]

    def __init__(self, message: str, *, faults: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.faults = faults or {}
