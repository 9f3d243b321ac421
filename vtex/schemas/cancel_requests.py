"""Requests to cancel an order, by the shopper or the marketplace, as the order's document has them.

Source: ``cancellationRequests`` and ``cancellationData`` of ``GET /api/oms/pvt/orders/{orderId}``,
whose keys are spelled in two ways. VTEX cancels by itself what nobody decides on within 30 days.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from marshmallow import EXCLUDE, Schema, ValidationError, fields

from vtex.schemas.values import Id, Moment, Text

DECIDE_WITHIN = timedelta(days=30)
"""VTEX cancels by itself after it."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A request to cancel.

    Attributes:
        request_id: what a denial names; None where VTEX shows none.
        reason: free text of whoever asked; may name people.
        by_user: the shopper asked; VTEX's word on it is not always right.
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
    reason = Text()
    asked_at = Moment(load_default=None, allow_none=True)
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
    """Return the last request to cancel that an order's document shows; None where it has none.

    What is malformed in it counts as absent: that there is one is what matters.
    """
    found = list(_rows(raw))
    # Where two are shown, the later one counts; without a date the one that comes last.
    dated = [one for one in found if one.asked_at is not None]
    if dated and len(dated) == len(found):
        return max(dated, key=lambda one: str(one.asked_at))
    return found[-1] if found else None


def _rows(raw: Mapping[str, Any]) -> Iterator[Asked]:
    requests = raw.get("cancellationRequests")
    rows = requests if isinstance(requests, list) and requests else [raw.get("cancellationData")]
    for row in rows:
        if isinstance(row, Mapping) and row:
            yield _read(row)


def _read(row: Mapping[str, Any]) -> Asked:
    lowered = {str(name).lower(): value for name, value in row.items()}
    given = {
        name: next((lowered[one] for one in names if one in lowered), None)
        for name, names in _NAMES.items()
    }
    read: dict[str, Any] = {}
    for name, value in given.items():
        with suppress(ValidationError):
            read |= {name: _SCHEMA.fields[name].deserialize(value)}
    return Asked(**read | {"denied": bool(read.get("denied"))})
