"""What is looked for, in which stores, how patiently; the rules themselves are in ``looking``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta, tzinfo
from enum import StrEnum
from zoneinfo import ZoneInfo

from journal.monitoring.alerts import AlertTiming


class Rule(StrEnum):
    """What is looked for; see docs/alerts.md."""

    MISSING_ORDERS = "missing_orders"
    VTEX_SILENT = "vtex_silent"
    JOBS_WAITING = "jobs_waiting"
    DEAD_LETTERS = "dead_letters"
    STORE_PAUSED = "store_paused"
    ERP_DOWN = "erp_down"
    RATE_LIMIT_EXHAUSTED = "rate_limit_exhausted"
    FEED_BROKEN = "feed_broken"
    RECONCILIATION_FINDINGS = "reconciliation_findings"
    BEAT_SILENT = "beat_silent"
    CLOCK_SKEW = "clock_skew"


SAO_PAULO = ZoneInfo("America/Sao_Paulo")

LONGEST_GAP = timedelta(minutes=15)
"""Looks may be so far apart where workers are busy; a host that sleeps does so for longer."""

COMPARED = timedelta(days=1)
"""What a reconciliation found does not change before the next one."""

QUOTA_LASTS = timedelta(minutes=10)
"""A backlog that takes all calls for less than this is no news."""


@dataclass(frozen=True, slots=True)
class MonitoredStore:
    """A store as the rules see it.

    Attributes:
        zone: its own time, in which its week runs.
        list_interval: between two listings.
        by_feed: whether orders come by a feed.
        missing_orders: orders that its rhythm must have brought since the last one; 0: never told.
        max_wait: how long a job may wait.
    """

    name: str
    zone: tzinfo = SAO_PAULO
    list_interval: timedelta = timedelta(minutes=1)
    by_feed: bool = False
    missing_orders: float = 15.0
    max_wait: timedelta = timedelta(minutes=30)


@dataclass(frozen=True, slots=True)
class AlertPolicy:
    """What is looked for, where, and how patiently.

    Attributes:
        zone: in which messages tell the time.
        check_interval: time between two looks.
        pending: how long a cause has to last before it is told, where its rule has no time of its
            own.
        vtex_silent: for how long a store may not be listed.
        ignored: rules that are not looked at.
    """

    stores: Sequence[MonitoredStore]
    pending: timedelta = timedelta(minutes=2)
    resolve: timedelta = timedelta(minutes=5)
    repeat: timedelta = timedelta(hours=4)
    vtex_silent: timedelta = timedelta(minutes=15)
    ignored: frozenset[str] = frozenset()
    zone: tzinfo = SAO_PAULO
    check_interval: timedelta = timedelta(minutes=1)

    @property
    def timing(self) -> AlertTiming:
        """How quickly alerts open and close."""
        # Those that wait for long by themselves are told at once.
        patient: dict[str, timedelta] = {
            one: self.pending for one in Rule if one not in (Rule.MISSING_ORDERS, Rule.BEAT_SILENT)
        }
        patient[Rule.RATE_LIMIT_EXHAUSTED] = max(self.pending, QUOTA_LASTS)
        gap = max(self.resolve, 3 * self.check_interval, LONGEST_GAP)
        seldom: dict[str, timedelta] = {Rule.RECONCILIATION_FINDINGS: max(self.repeat, COMPARED)}
        return AlertTiming(patient, self.resolve, self.repeat, seldom, gap)


@dataclass(frozen=True, slots=True)
class RateLimitUsage:
    """Use of a store's rate limit.

    Attributes:
        used: calls of the last minute.
        allowed: calls a minute that the workers may make.
    """

    used: int
    allowed: int


Usage = Mapping[str, RateLimitUsage]
"""Store to the use of its rate limit. A store is missing while Redis does not answer."""
