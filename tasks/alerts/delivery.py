"""Delivery of alerts: the text of their messages, and sending them to each receiver."""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from enum import StrEnum
from typing import Protocol

from foundation.messages import alerts as messages
from foundation.messages import log_events
from journal.journal import Journal
from journal.monitoring.alerts import AlertRow
from tasks.alerts.model import AlertPolicy

log = logging.getLogger(__name__)

DIGEST_ABOVE = 5
"""More alerts than this for one receiver become one message. If VTEX does not answer a thousand
stores, they have one cause."""

DIGEST_TITLES = 10
"""Maximum number of titles in a digest."""

SEND_SECONDS = 30.0
"""Share of a worker's thread for one run. The next run sends the rest."""


class Severity(StrEnum):
    """The kind of a message."""

    FIRING = "firing"
    RESOLVED = "resolved"
    TEST = "test"


@dataclass(frozen=True, slots=True)
class AlertMessage:
    """A message to a receiver: identifiers, numbers and times, without personal data or secrets."""

    title: str
    body: str
    severity: Severity


class Notifier(Protocol):
    """Sends messages to receivers. Each receiver may accept a message or fail."""

    @property
    def receivers(self) -> Sequence[str]:
        """The names of the receivers, without secrets."""

    def send(self, receiver: str, message: AlertMessage) -> str | None:
        """Send to one receiver within seconds. Return the reason of a failure, if it failed."""


def message_of(alert: AlertRow, policy: AlertPolicy) -> AlertMessage:
    """Return the message of an alert that fires, still fires, or is resolved."""
    zone = policy.zone_of(alert.store)
    begin = _time(alert.since, zone)
    title = f"{alert.store or 'vtex-erp'}: {alert.message}"
    if alert.closed_at is not None:
        lasted = f"from {begin} until {_time(alert.closed_at, zone)}"
        return AlertMessage(f"resolved: {title}", f"{alert.message}\n{lasted}", Severity.RESOLVED)
    lines = [alert.message, f"since {begin}"]
    if alert.count:
        first = f", first order {alert.order_id}" if alert.order_id else ""
        lines.append(f"count: {alert.count}{first}")
    lines.append(f"next step: {alert.next_step}")
    still = "still firing: " if alert.notification_no > 1 else ""
    return AlertMessage(still + title, "\n".join(lines), Severity.FIRING)


def digest_of(alerts: Sequence[AlertRow], policy: AlertPolicy) -> AlertMessage:
    """Return one message of many alerts."""
    lines = [message_of(alert, policy).title for alert in alerts[:DIGEST_TITLES]]
    if len(alerts) > DIGEST_TITLES:
        lines.append(f"and {len(alerts) - DIGEST_TITLES} more")
    resolved = sum(alert.closed_at is not None for alert in alerts)
    firing = len(alerts) - resolved
    text = messages.MANY_ALERTS(count=firing)
    if resolved:
        text = messages.MANY_ALERTS_SOME_RESOLVED(count=firing, resolved=resolved)
    severity = Severity.FIRING if firing else Severity.RESOLVED
    body = "\n".join([*lines, f"next step: {text.next_step}"])
    return AlertMessage(f"vtex-erp: {text.words}", body, severity)


def notify(
    journal: Journal,
    notifier: Notifier,
    policy: AlertPolicy,
    *,
    now: Callable[[], datetime],
    seconds: float = SEND_SECONDS,
) -> int:
    """Send the messages that are due. Return the number of alerts that reached all receivers.

    Each message is sent outside a transaction. A message that failed stays due, later each time.
    Another worker takes over from one that died while sending, so a message may come twice.
    """
    deadline, delivered = time.monotonic() + seconds, 0
    while notifier.receivers and time.monotonic() < deadline:
        alerts = journal.alerts.claim(policy.timing, now=now())
        if not alerts:
            break
        for batch in [alerts] if len(alerts) > DIGEST_ABOVE else [[alert] for alert in alerts]:
            delivered += _send(journal, notifier, policy, batch, now=now, deadline=deadline)
    return delivered


def _send(
    journal: Journal,
    notifier: Notifier,
    policy: AlertPolicy,
    batch: Sequence[AlertRow],
    *,
    now: Callable[[], datetime],
    deadline: float,
) -> int:
    faults: dict[int, dict[str, str | None]] = {alert.id: {} for alert in batch}
    for receiver in notifier.receivers:
        due = [alert for alert in batch if alert.lacks(receiver)]
        for message, alerts in _messages(due, policy):
            late = time.monotonic() > deadline
            fault = "no time was left" if late else notifier.send(receiver, message)
            for alert in alerts:
                faults[alert.id][receiver] = fault
    for alert in batch:
        journal.alerts.settle(alert, faults[alert.id], policy.timing, now=now())
    return sum(_logged(alert, [*filter(None, faults[alert.id].values())]) for alert in batch)


def _messages(
    alerts: Sequence[AlertRow], policy: AlertPolicy
) -> Sequence[tuple[AlertMessage, Sequence[AlertRow]]]:
    if len(alerts) > DIGEST_ABOVE:
        return [(digest_of(alerts, policy), alerts)]
    return [(message_of(alert, policy), [alert]) for alert in alerts]


def _logged(alert: AlertRow, faults: Sequence[str]) -> bool:
    facts = {"store": alert.store, "reason": f"{alert.rule}: {alert.message}"}
    if faults:
        log_events.ALERT_UNDELIVERED.log(log, **facts, count=len(faults))
    else:
        log.warning("alert resolved" if alert.closed_at else "alert firing", extra=facts)
    return not faults


def _time(moment: datetime, zone: tzinfo) -> str:
    return f"{moment.astimezone(zone):%Y-%m-%d %H:%M} ({zone})"
