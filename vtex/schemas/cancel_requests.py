"""Cancellation requests of the shopper or the marketplace, in the order's document.

Source: ``cancellationRequests`` and ``cancellationData`` of ``GET /api/oms/pvt/orders/{orderId}``,
whose keys have two spellings. VTEX cancels the order itself after 30 days without a decision.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from marshmallow import EXCLUDE, Schema, ValidationError, fields

from vtex.schemas.values import Id, MomentField, TextField

DECIDE_WITHIN = timedelta(days=30)
"""Time after which VTEX cancels the order itself."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A request to cancel an order.

    Attributes:
        request_id: id that a denial names, if VTEX shows it.
        reason: free text of the requester. It may name people.
        by_user: true if the shopper asked. VTEX is sometimes wrong here.
    """

    request_id: str | None = None
    reason: str | None = None
    asked_at: datetime | None = None
    by_user: bool | None = None
    denied: bool = False


class _Request(Schema):
    class Meta:
        unknown = EXCLUDE

    request_id = Id()
    reason = TextField()
    asked_at = MomentField(load_default=None, allow_none=True)
    by_user = fields.Boolean(load_default=None, allow_none=True)
    denied = fields.Boolean(load_default=False, allow_none=True)


_NAMES = {
    "request_id": ("id", "cancellationrequestid"),
    "reason": ("reason",),
    "asked_at": ("cancellationrequestdate", "cancellationdate"),
    "by_user": ("requestedbyuser",),
    "denied": ("deniedbyseller",),
}
_SCHEMA = _Request()


def asked(raw: Mapping[str, Any]) -> Asked | None:
    """Return the last cancellation request in an order's document, or ``None``.

    A malformed field counts as absent, since the request itself matters.
    """
    requests = list(_rows(raw))
    # Of two requests the later one counts. Without dates, the last one listed does.
    dated = [request for request in requests if request.asked_at is not None]
    if dated and len(dated) == len(requests):
        return max(dated, key=lambda request: str(request.asked_at))
    return requests[-1] if requests else None


def _rows(raw: Mapping[str, Any]) -> Iterator[Asked]:
    requests = raw.get("cancellationRequests")
    rows = requests if isinstance(requests, list) and requests else [raw.get("cancellationData")]
    for row in rows:
        if isinstance(row, Mapping) and row:
            yield _read(row)


def _read(row: Mapping[str, Any]) -> Asked:
    lowered = {str(name).lower(): value for name, value in row.items()}
    given = {
        name: next((lowered[key] for key in names if key in lowered), None)
        for name, names in _NAMES.items()
    }
    read: dict[str, Any] = {}
    for name, value in given.items():
        with suppress(ValidationError):
            read |= {name: _SCHEMA.fields[name].deserialize(value)}
    return Asked(**read | {"denied": bool(read.get("denied"))})
