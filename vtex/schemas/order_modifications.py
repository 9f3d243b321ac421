"""Modifications of an order ("changes"), in every shape that VTEX publishes.

Source: ``GET /api/order-system/orders/{orderId}/changes``. The OpenAPI document shows
``{"requests": […], "actions": […]}``, a history whose rows lack a status. A help page shows
``{"list": […]}``, whose rows have ``status`` and ``finished``, also a canceled change with
``finished: false``. The status of a single change stands in ``…/changes/{requestId}``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import quote

RUNNING = frozenset({"preparing", "waiting-acknowledgement", "waiting-confirmation"})
"""Published statuses of a change that is under way. An unknown status is not: VTEX's examples also
show the status of the order there."""

FINAL = frozenset({"done", "canceled"})

_LISTS = ("requests", "list")

Row = Mapping[str, Any]


def read(raw: Any) -> list[Row] | None:
    """Return the rows of an answer, or ``None`` for an answer of another form."""
    if isinstance(raw, Mapping):
        raw = next((raw[name] for name in _LISTS if name in raw), [raw])
    if raw is None:
        return []
    return [row for row in raw if isinstance(row, Mapping)] if isinstance(raw, list) else None


def under_way(path: str, rows_of: Callable[[str], Sequence[Row]]) -> bool:
    """Return whether a change is under way.

    The newest change is read by itself if its row does not decide and no other row does. An order
    without changes costs one call.

    Args:
        path: of the order's changes.
        rows_of: reads a path.
    """
    rows = rows_of(path)
    if any(map(_is_running, rows)):
        return True
    request_id = _undecided(rows)
    return bool(request_id) and any(
        map(_is_running, rows_of(f"{path}/{quote(request_id, safe='')}"))
    )


def _is_running(row: Row) -> bool:
    return _status(row) in RUNNING


def _undecided(rows: Sequence[Row]) -> str:
    """Return the request id of the newest change, unless its row shows that it is over."""
    newest: Row = max(reversed(rows), key=lambda row: str(row.get("date") or ""), default={})
    request_id = newest.get("requestId")
    return request_id if isinstance(request_id, str) and _status(newest) not in FINAL else ""


def _status(row: Row) -> str:
    """Return the status. It decides, whatever ``finished`` says."""
    return str(row.get("status") or "").strip().lower()
