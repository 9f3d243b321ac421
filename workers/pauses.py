"""How a store's pause is told: until when, why, and how it ends."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

FOR_GOOD_SECONDS = 10 * 365 * 86_400.0
"""Seconds that a pause by hand lasts unless it is ended: ten years."""

_BY_HAND = timedelta(days=365)

Pause = tuple[datetime, str]
"""Until when a store pauses, and why."""


def told(store: str, pause: Pause) -> str:
    """Say until when a store pauses, and why."""
    until, reason = pause
    if until - datetime.now(UTC) > _BY_HAND:
        return f"until vtex-erp resume {store}: {reason}"
    return f"until {until.astimezone():%Y-%m-%d %H:%M:%S}, then it goes on by itself: {reason}"
