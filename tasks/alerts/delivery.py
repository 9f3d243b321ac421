"""Alerts become messages: what each one says, and who has got it."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from journal.journal import Journal
from journal.monitoring.alerts import AlertRow
from tasks.alerts.model import AlertPolicy

log = logging.getLogger(__name__)

TOGETHER = 5
"""More alerts than these for a receiver at once are one message: a thousand stores that VTEX does
not answer are one piece of news."""

SHOWN = 10
"""Of those the first ones are named."""

SECONDS = 30.0
"""One run's share of a worker's thread; what it leaves, the next one sends."""


class Severity(StrEnum):
    """What kind of news a message is."""

    FIRING = "firing"
    RESOLVED = "resolved"
    TEST = "test"


@dataclass(frozen=True, slots=True)
class Message:
    """What is sent: identifiers, numbers and times; nobody's data, no secret."""

    title: str
    body: str
    severity: Severity


class Notifier(Protocol):
    """Sends messages to receivers, each of which takes it or does not."""

    @property
    def receivers(self) -> Sequence[str]:
        """Their names; they tell no secret."""

    def send(self, receiver: str, message: Message) -> str | None:
        """Send to one receiver, within seconds; return why it did not get it, or None."""


def message_of(one: AlertRow, policy: AlertPolicy) -> Message:
    """Return what an alert says: that it begins, goes on, or is over."""
    begin = _time(one.since, policy)
    title = f"{one.store or 'vtex-erp'}: {one.words}"
    if one.closed_at is not None:
        lasted = f"lasted from {begin} until {_time(one.closed_at, policy)}"
        return Message(f"over: {title}", f"{one.words}\n{lasted}", Severity.RESOLVED)
    lines = [one.words, f"since {begin}"]
    if one.count:
        first = f", first the order {one.order_id}" if one.order_id else ""
        lines.append(f"how many: {one.count}{first}")
    lines.append(f"next: {one.todo}")
    still = "still: " if one.round > 1 else ""
    return Message(still + title, "\n".join(lines), Severity.FIRING)


def digest_of(rows: Sequence[AlertRow], policy: AlertPolicy) -> Message:
    """Return one message of many alerts."""
    lines = [message_of(one, policy).title for one in rows[:SHOWN]]
    if len(rows) > SHOWN:
        lines.append(f"and {len(rows) - SHOWN} more")
    over = sum(one.closed_at is not None for one in rows)
    title = f"vtex-erp: {len(rows) - over} alerts" + (f", {over} are over" if over else "")
    severity = Severity.RESOLVED if over == len(rows) else Severity.FIRING
    return Message(title, "\n".join([*lines, "next: vtex-erp alerts shows all"]), severity)


def notify(
    journal: Journal,
    notifier: Notifier,
    policy: AlertPolicy,
    *,
    now: Callable[[], datetime],
    seconds: float = SECONDS,
) -> int:
    """Send what is due; return how many alerts reached everybody.

    No transaction is open while anything is sent. What could not be sent stays due, later each
    time; who died while sending is followed by another, and a message may come twice then.
    """
    until, done = time.monotonic() + seconds, 0
    while notifier.receivers and time.monotonic() < until:
        rows = journal.alerts.claim(policy.timing, now=now())
        if not rows:
            break
        for some in [rows] if len(rows) > TOGETHER else [[one] for one in rows]:
            done += _send(journal, notifier, policy, some, now=now, until=until)
    return done


def _send(
    journal: Journal,
    notifier: Notifier,
    policy: AlertPolicy,
    rows: Sequence[AlertRow],
    *,
    now: Callable[[], datetime],
    until: float,
) -> int:
    faults: dict[int, dict[str, str | None]] = {one.id: {} for one in rows}
    for receiver in notifier.receivers:
        lacking = [one for one in rows if one.lacks(receiver)]
        for message, some in _messages(lacking, policy):
            late = time.monotonic() > until
            fault = "no time was left" if late else notifier.send(receiver, message)
            for one in some:
                faults[one.id][receiver] = fault
    for one in rows:
        journal.alerts.settle(one, faults[one.id], policy.timing, now=now())
    return sum(_logged(one, [fault for fault in faults[one.id].values() if fault]) for one in rows)


def _messages(
    rows: Sequence[AlertRow], policy: AlertPolicy
) -> Sequence[tuple[Message, Sequence[AlertRow]]]:
    if len(rows) > TOGETHER:
        return [(digest_of(rows, policy), rows)]
    return [(message_of(one, policy), [one]) for one in rows]


def _logged(one: AlertRow, faults: Sequence[str]) -> bool:
    mark = {"store": one.store, "reason": f"{one.rule}: {one.words}"}
    if faults:
        log.error("an alert was not taken", extra=mark | {"count": len(faults)})
    else:
        log.warning("alert over" if one.closed_at else "alert", extra=mark)
    return not faults


def _time(moment: datetime, policy: AlertPolicy) -> str:
    return f"{moment.astimezone(policy.zone):%Y-%m-%d %H:%M %Z}"
