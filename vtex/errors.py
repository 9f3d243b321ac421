"""What can go wrong with VTEX, drawn as a tree; the retry policy rests on it.

::

    VtexError
    ├── VtexUnavailable     network, time-out, 5xx, unreadable body: a write may have been done
    │   ├── VtexThrottled   429, 503: stop calling for a while
    │   └── NotYet          nothing failed: the order is not where the call makes sense
    ├── RateLimitReached         no call was made: the store's calls of the next seconds are taken
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

THROTTLED_SECONDS = 60.0
"""Pause after a 429 that names no time; VTEX's own advice."""

LONGEST_PAUSE_SECONDS = 900.0
"""A pause that an answer asks for is cut to this: a typo there must not stop a store for days."""


class VtexError(Exception):
    """An outcome of a call to VTEX that is not the wanted one.

    Attributes:
        method: HTTP method of the request, ``GET``.
        path: path of the request without its query.
        status: HTTP status of the answer; None when there was none.
        code: VTEX's own code, ``OMS007``; None when it sent none.
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
    """No usable answer; a write may have been done all the same."""


class VtexThrottled(VtexUnavailable):
    """VTEX asks for a pause of the whole account.

    Attributes:
        retry_after: seconds that VTEX asks for; None when it said nothing.
    """

    retry_after: float | None = None

    @property
    def pause_seconds(self) -> float:
        """For how long the account is left alone."""
        asked = THROTTLED_SECONDS if self.retry_after is None else self.retry_after
        return min(max(asked, 1.0), LONGEST_PAUSE_SECONDS)


class NotYet(VtexUnavailable):
    """The order is on its way to where this makes sense; nothing failed.

    Attributes:
        patience: how long to wait for it at most; None for as long as it takes.
    """

    patience: timedelta | None = None

    @classmethod
    def within(cls, patience: timedelta, message: str) -> NotYet:
        """Return one whose waiting has an end."""
        error = cls(message)
        error.patience = patience
        return error


class RateLimitReached(VtexError):
    """No call was made: the store has none left for the next seconds, or pauses.

    Attributes:
        seconds: after which it is worth another try.
    """

    seconds: float = 1.0

    @classmethod
    def until(cls, seconds: float) -> RateLimitReached:
        """Return one that says when to try again."""
        error = cls(f"waits for the store's rate limit, some {max(1, round(seconds))} s")
        error.seconds = seconds
        return error


class Refused(VtexError):
    """What was asked for contradicts the order; the message says how, and what to do."""


class VtexForgot(VtexError):
    """VTEX took something, gave a receipt, and does not show it."""


class VtexUnauthorized(VtexError):
    """The credentials are wrong or lack a permission (401, 403)."""


class OrderNotFound(VtexError):
    """VTEX does not know the order, or not in this account."""


class FeedMissing(VtexError):
    """The key has no feed: it was never configured, was deleted, or has expired."""


class OrderConflict(VtexError):
    """The order's status does not allow the call (409, or 400 with OMS003)."""


class VtexRejected(VtexError):
    """VTEX understood the request and refuses it."""


class DocumentInvalid(VtexError):
    """A document breaks its schema.

    Attributes:
        faults: field path to what is wrong with it, ``{"items.0.quantity": "…"}``.
    """

    faults: dict[str, str]

    def __init__(self, message: str, *, faults: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.faults = faults or {}
