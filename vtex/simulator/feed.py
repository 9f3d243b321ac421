"""The simulated feed: events of status changes, handed out until they are committed."""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol
from uuid import uuid4

MOST = 10
"""Events of one answer; more that are asked for are cut to it."""

_HANDLE_LENGTH = 1000
"""About as long as VTEX's own."""


class ConfigRefused(ValueError):
    """A configuration makes no sense; the message says why."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


class Told(Protocol):
    """An order as the feed sees it."""

    order: dict[str, Any]
    past: list[tuple[datetime, str]]
    fed: int


def _new_id() -> str:
    return uuid4().hex.upper()


@dataclass
class Event:
    """A change of an order's status that waits to be committed."""

    body: dict[str, Any]
    at: datetime
    hidden_until: datetime
    handle: str = ""
    event_id: str = field(default_factory=_new_id)


class Feed:
    """The one feed of the account's key."""

    def __init__(self, seed: int) -> None:
        self._config: dict[str, Any] | None = None
        self._events: list[Event] = []
        self._last: datetime | None = None
        self._random = random.Random(seed)
        self.repeats = 0
        self.shuffles = False

    # --- configuration ------------------------------------------------------------------------

    def configure(self, body: dict[str, Any], orders: Iterable[Told], now: datetime) -> None:
        """Take a configuration; what was queued under the former one stays.

        Raises:
            ConfigRefused: it makes no sense.
        """
        config = _config(body)
        self.gather(orders, now)
        if self._config is None:
            for one in orders:
                one.fed = len(_until(one, now))
        self._config, self._last = config, now

    def forget(self) -> bool:
        """Drop configuration and events; say whether there was one."""
        there = self._config is not None
        self._config = None
        self._events.clear()
        return there

    def shown(self, orders: Iterable[Told], now: datetime) -> dict[str, Any] | None:
        """Return the configuration with what waits; None where there is none."""
        self.gather(orders, now)
        if self._config is None:
            return None
        oldest = min((one.at for one in self._events), default=now)
        return self._config | {
            "quantity": len(self._events),
            "approximateAgeOfOldestMessageInSeconds": int((now - oldest).total_seconds()),
        }

    # --- events -------------------------------------------------------------------------------

    def read(self, most: int, orders: Iterable[Told], now: datetime) -> list[Any] | None:
        """Hand out events, which are hidden for a while then; None without a configuration."""
        self.gather(orders, now)
        if self._config is None:
            return None
        ready = [one for one in self._events if one.hidden_until <= now]
        if self.shuffles:
            self._random.shuffle(ready)
        hidden = timedelta(seconds=self._config["queue"]["visibilityTimeoutInSeconds"])
        found = []
        for one in ready[: max(1, min(most, MOST))]:
            one.hidden_until = now + hidden
            one.handle = (uuid4().hex * (_HANDLE_LENGTH // 32 + 1))[:_HANDLE_LENGTH]
            found.append({"eventId": one.event_id, "handle": one.handle} | one.body)
        return found

    def commit(self, handles: Iterable[str], now: datetime) -> int:
        """Drop events by their handles, as long as they are hidden; the others have no effect."""
        wanted = set(handles)
        kept = [
            one
            for one in self._events
            if one.handle not in wanted or not one.handle or one.hidden_until <= now
        ]
        gone = len(self._events) - len(kept)
        self._events = kept
        return gone

    def add(self, body: dict[str, Any], now: datetime) -> None:
        """Queue an event as it is, be it malformed."""
        for _ in range(1 + self.repeats):
            self._events.append(Event(body, now, now))
        self._last = now

    def gather(self, orders: Iterable[Told], now: datetime) -> None:
        """Queue what has changed since the last look; drop what is too old."""
        if self._config is None:
            return
        wanted = self._config["filter"].get("status")
        for one in orders:
            if one.fed >= len(one.past):
                continue
            for place in range(one.fed, len(_until(one, now))):
                one.fed = place + 1
                if wanted is None or one.past[place][1] in wanted:
                    self.add(_body(one, place), now)
        kept = timedelta(seconds=self._config["queue"]["MessageRetentionPeriodInSeconds"])
        self._events = [one for one in self._events if one.at + kept > now]
        if self._last and self._last + kept <= now:
            # A feed without any event for so long is given up by VTEX.
            self.forget()


def _until(one: Told, now: datetime) -> list[tuple[datetime, str]]:
    return [step for step in one.past if step[0] <= now]


def _body(one: Told, place: int) -> dict[str, Any]:
    since, state = one.past[place]
    before = one.past[place - 1] if place else (since, "window-to-cancel")
    return {
        "domain": "Fulfillment", "state": state, "lastState": before[1],
        "orderId": one.order["orderId"],
        "lastChange": f"{before[0]:%Y-%m-%dT%H:%M:%S.%f}Z",
        "currentChange": f"{since:%Y-%m-%dT%H:%M:%S.%f}7Z",
    }  # fmt: skip


def _config(body: dict[str, Any]) -> dict[str, Any]:
    wanted, queue = body.get("filter") or {"type": "FromWorkflow"}, body.get("queue")
    if not isinstance(wanted, dict) or not isinstance(queue, dict):
        raise ConfigRefused("filter and queue must be objects")
    if wanted.get("status") and wanted.get("expression"):
        raise ConfigRefused("status and expression exclude each other", 409)
    if wanted.get("type") != "FromWorkflow":
        raise ConfigRefused("this stand-in knows filters of type FromWorkflow only")
    numbers = {str(name).lower(): value for name, value in queue.items()}
    found = {}
    for name, least, most in (
        ("visibilityTimeoutInSeconds", 0, 43_200),
        ("MessageRetentionPeriodInSeconds", 345_600, 1_209_600),
    ):
        value = numbers.get(name.lower())
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise ConfigRefused(f"queue.{name} must be from {least} to {most}")
        found[name] = value
    return {"filter": wanted, "queue": found}
