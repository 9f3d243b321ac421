"""The data types of alerts: the names of the rules, the monitored stores and the policy.

``tasks.alerts.rules`` holds the rules themselves.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta, tzinfo
from enum import StrEnum

from foundation.local_days import DEFAULT_ZONE
from journal.monitoring.alerts import AlertTiming


class Rule(StrEnum):
    """The name of an alert rule (docs/alerts.md)."""

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


MAX_GAP = timedelta(minutes=15)
"""Busy workers may evaluate so rarely. A longer gap means that the host slept."""

RECONCILIATION_REPEAT = timedelta(days=1)
"""The findings of a reconciliation stay the same until the next one, a day later."""

RATE_LIMIT_PENDING = timedelta(minutes=10)
"""A backlog may use all calls for this long without an alert."""


@dataclass(frozen=True, slots=True)
class MonitoredStore:
    """A store as the rules see it.

    Attributes:
        zone: time zone of the store's weekly rhythm.
        list_interval: time between two polls of the order list.
        by_feed: true if orders come by a feed.
        missing_orders: the alert fires when so many orders are expected since the last order. 0
            disables it.
        max_wait: time that a job may wait without an alert.
    """

    name: str
    zone: tzinfo = DEFAULT_ZONE
    list_interval: timedelta = timedelta(minutes=1)
    by_feed: bool = False
    missing_orders: float = 15.0
    max_wait: timedelta = timedelta(minutes=30)


@dataclass(frozen=True, slots=True)
class AlertPolicy:
    """The settings of all alerts: stores, times and ignored rules.

    Attributes:
        zone: time zone of the times in messages that concern no store.
        check_interval: time between two evaluations.
        pending: time that a problem must last before the alert fires, for rules without a time of
            their own.
        resolve: time without the problem until the alert is resolved.
        repeat: time between two messages of an alert that fires.
        vtex_silent: time that VTEX may leave a store without an answer.
        ignored: names of the rules that are not evaluated.
    """

    stores: Sequence[MonitoredStore]
    pending: timedelta = timedelta(minutes=2)
    resolve: timedelta = timedelta(minutes=5)
    repeat: timedelta = timedelta(hours=4)
    vtex_silent: timedelta = timedelta(minutes=15)
    ignored: frozenset[str] = frozenset()
    zone: tzinfo = DEFAULT_ZONE
    check_interval: timedelta = timedelta(minutes=1)

    def zone_of(self, store: str | None) -> tzinfo:
        """Return the time zone of a store, or that of the cluster."""
        return next((row.zone for row in self.stores if row.name == store), self.zone)

    @property
    def timing(self) -> AlertTiming:
        """How quickly alerts open and close."""
        # The excluded rules wait for long by themselves, so that their alerts fire at once.
        pending: dict[str, timedelta] = {
            rule: self.pending
            for rule in Rule
            if rule not in (Rule.MISSING_ORDERS, Rule.BEAT_SILENT)
        }
        pending[Rule.RATE_LIMIT_EXHAUSTED] = max(self.pending, RATE_LIMIT_PENDING)
        gap = max(self.resolve, 3 * self.check_interval, MAX_GAP)
        repeat: dict[str, timedelta] = {
            Rule.RECONCILIATION_FINDINGS: max(self.repeat, RECONCILIATION_REPEAT)
        }
        return AlertTiming(pending, self.resolve, self.repeat, repeat, gap)


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
