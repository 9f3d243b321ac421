"""The cluster's metrics, told once for all of it: from the journal, and from Redis.

Whoever scrapes, however often and how many they are, each reading is taken at most every few
seconds, and takes no more than a small part of one core, however much the journal holds.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from itertools import product
from typing import Any

import redis
from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from journal.feeds import FeedRow
from journal.journal import Journal
from journal.model import STAGES, JournalError, Kind, State
from journal.monitoring.metrics_queries import JobCount
from journal.monitoring.metrics_queries import JournalSnapshot as JournalStanding
from journal.storage.clock import utc_now
from workers import rate_limiter, wiring
from workers.configuration.settings import Settings
from workers.locks import BEAT_LOCK
from workers.monitoring.cached_reading import CachedReading, NotInTime
from workers.monitoring.metrics import OTHER, SKEW
from workers.rate_limiter import Standing

KEPT_SECONDS = 5.0
SHARE = 0.02
"""Of the time, for reading what is open or dead: 0.3 s, for 100,000 orders, are kept for 15."""

SHARE_OF_ENDED = 0.01
"""Of the time, for counting all that ever ended: a million jobs, 0.4 s, are counted each 40."""

Labels = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Redis:
    """What Redis tells.

    Attributes:
        beat: whether one is at work.
    """

    beat: bool
    rate_limiters: Mapping[str, Standing]


class ClusterMetrics(Collector):
    """Collects what is the same whichever process tells it."""

    def __init__(self, settings: Settings, journal: Journal) -> None:
        self._stores = tuple(one.name for one in settings.stores)
        self._journal = journal
        self._connection = rate_limiter.connect(settings.redis_url)
        self._rate_limiters = wiring.rate_limiters(settings)
        self._latest: dict[str, datetime] = {}
        self._standing = CachedReading(
            lambda: journal.metrics.snapshot(utc_now()), seconds=KEPT_SECONDS, share=SHARE
        )
        self._ended = CachedReading(
            journal.metrics.ended_jobs, seconds=KEPT_SECONDS, share=SHARE_OF_ENDED
        )
        self._redis = CachedReading(self._read_redis, seconds=KEPT_SECONDS, share=SHARE)

    def describe(self) -> Iterable[Metric]:
        """Describe nothing: registering must not read the journal."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics; those of a server that does not answer are left out."""
        up: dict[Labels, float] = {("journal",): 1, ("redis",): 1}
        try:
            yield from self._of_journal(self._standing())
        except (JournalError, NotInTime):
            up["journal",] = 0
        # What takes too long is there for the next scrape.
        with suppress(JournalError, NotInTime):
            yield self._jobs_ended(self._ended())
        try:
            yield from self._of_redis(self._redis())
        except (redis.RedisError, NotInTime):
            up["redis",] = 0
        yield _gauge("vtex_erp_up", "1 where the server answers", ["server"], up)
        took = {
            ("journal",): self._standing.took,
            ("finished",): self._ended.took,
            ("redis",): self._redis.took,
        }
        yield _gauge(
            "vtex_erp_collector_duration_seconds",
            "How long the last query of a source took",
            ["source"],
            took,
        )

    # --- the journal --------------------------------------------------------------------------

    def _of_journal(self, found: JournalStanding) -> Iterator[Metric]:
        yield self._jobs_open(found.open)
        yield from self._waiting(found)
        dead: Counter[Labels] = Counter()
        for one in found.dead:
            dead[self._known(one.store), one.kind, one.reason] += one.count
        yield _gauge(
            "vtex_erp_dead_letters",
            "Jobs that were set aside and wait for a person, by reason",
            ["store", "kind", "reason"],
            dead,
        )
        unreported = {(one.kind,): one for one in found.unreported}
        yield _gauge(
            "vtex_erp_outcomes_unreported",
            "Outcomes of requests that the ERP has not heard yet",
            ["kind"],
            {(kind,): getattr(unreported.get((kind,)), "count", 0) for kind in _ASKED},
        )
        yield _gauge(
            "vtex_erp_store_paused",
            "1 where no call to VTEX is made for the store, else 0",
            ["store"],
            {(one,): one in found.paused for one in self._stores},
        )
        down = found.erp_down_since
        yield _gauge(
            "vtex_erp_erp_down_seconds",
            "For how long the ERP has taken no order; 0: it answers",
            [],
            {(): (found.now - down).total_seconds() if down else 0},
        )
        yield from self._feeds(found.feeds, found.now)
        yield from self._reconciled(found)
        for name, at in found.latest.items():
            store = self._known(name)
            self._latest[store] = max(at, self._latest.get(store, at))
        yield _gauge(
            "vtex_erp_last_order_timestamp_seconds",
            "When the journal heard of the last order that it did not know",
            ["store"],
            {(name,): at.timestamp() for name, at in self._latest.items()},
        )
        yield _gauge("vtex_erp_clock_skew_seconds", SKEW, [], {(): found.skew.total_seconds()})

    def _jobs_open(self, places: Iterable[JobCount]) -> Metric:
        counts: Counter[Labels] = Counter()
        for store, (kind, path) in product(self._stores, STAGES.items()):
            counts.update({(store, str(kind), str(stage)): 0 for stage in path[:-1]})
        for one in places:
            counts[self._known(one.store), one.kind, one.stage] += one.count
        return _gauge(
            "vtex_erp_jobs_open",
            "Jobs that still try, by their stage",
            ["store", "kind", "stage"],
            counts,
        )

    def _jobs_ended(self, places: Iterable[JobCount]) -> Metric:
        counts: Counter[Labels] = Counter()
        counts.update(dict.fromkeys(product(self._stores, map(str, STAGES), map(str, _ENDS)), 0))
        for one in places:
            counts[self._known(one.store), one.kind, one.state] += one.count
        return _gauge(
            "vtex_erp_jobs_finished",
            "Jobs that are done, or that there was nothing to do for",
            ["store", "kind", "state"],
            counts,
        )

    def _waiting(self, found: JournalStanding) -> Iterator[Metric]:
        ages: dict[Labels, float] = {}
        leased: Counter[Labels] = Counter()
        failing: Counter[Labels] = Counter()
        for store in self._stores:
            for kind in STAGES:
                ages[store, kind] = leased[store, kind] = failing[store, kind] = 0
        for one in found.open:
            key = (self._known(one.store), one.kind)
            age = (found.now - one.oldest).total_seconds() if one.oldest else 0
            ages[key] = max(ages.get(key, 0), age)
            leased[key] += one.leased
            failing[key] += one.failing
        labels = ["store", "kind"]
        yield _gauge(
            "vtex_erp_oldest_open_job_age_seconds",
            "For how long the journal has had the oldest job that still tries; 0: there is none",
            labels,
            ages,
        )
        yield _gauge("vtex_erp_jobs_leased", "Jobs that a worker has now", labels, leased)
        yield _gauge("vtex_erp_jobs_failing", "Open jobs whose last try failed", labels, failing)

    def _feeds(self, feeds: Iterable[FeedRow], now: datetime) -> Iterator[Metric]:
        works = {(one.store,): one.is_working(now) for one in feeds if one.store in self._stores}
        yield _gauge(
            "vtex_erp_feed_healthy",
            "1 where the store's feed brings orders, 0 where it is lost",
            ["store"],
            works,
        )

    def _reconciled(self, found: JournalStanding) -> Iterator[Metric]:
        ours = [one for one in found.reconciliations if one.store in self._stores]
        yield _gauge(
            "vtex_erp_last_reconciliation_timestamp_seconds",
            "When the store was last compared with VTEX",
            ["store"],
            {(one.store,): one.at.timestamp() for one in ours},
        )
        yield _gauge(
            "vtex_erp_reconciliation_findings",
            "What that comparison found",
            ["store", "finding"],
            {(one.store, kind): count for one in ours for kind, count in one.findings.items()},
        )

    # --- Redis --------------------------------------------------------------------------------

    def _read_redis(self) -> _Redis:
        beat = bool(self._connection.exists(BEAT_LOCK))
        return _Redis(beat, {name: one.standing() for name, one in self._rate_limiters.items()})

    def _of_redis(self, found: _Redis) -> Iterator[Metric]:
        yield _gauge(
            "vtex_erp_beat_active",
            "1 where a beat is at work, 0 where none is",
            [],
            {(): found.beat},
        )
        told = (
            ("allowed_calls_per_minute", "Calls a minute that the workers may make", "allowed"),
            ("used_calls_per_minute", "Calls that the workers booked in the last minute", "used"),
            (
                "pace_ratio",
                "Part of the full pace at which calls are granted; below 1 after a 429",
                "pace",
            ),
            (
                "pause_remaining_seconds",
                "Until VTEX's pause after a 429 ends; 0: calls are granted",
                "paused_seconds",
            ),
        )
        for name, help_, field in told:
            values = {(store,): getattr(one, field) for store, one in found.rate_limiters.items()}
            yield _gauge(f"vtex_erp_rate_limit_{name}", help_, ["store"], values)

    def _known(self, store: str) -> str:
        return store if store in self._stores else OTHER


_ENDS = (State.DONE, State.SKIPPED)
_ASKED = [str(one) for one in Kind if one is not Kind.INTAKE]


def _gauge(
    name: str, help_: str, labels: list[str], values: Mapping[Any, float]
) -> GaugeMetricFamily:
    made = GaugeMetricFamily(name, help_, labels=labels)
    for label, value in values.items():
        made.add_metric([str(one) for one in label], float(value))
    return made


def add_cluster(settings: Settings, into: CollectorRegistry) -> None:
    """Add the cluster's metrics to a registry; nothing is connected to before a scrape."""
    into.register(ClusterMetrics(settings, wiring.journal(settings)))
