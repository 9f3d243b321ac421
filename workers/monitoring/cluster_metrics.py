"""Export the metrics of the whole cluster, read from the journal and from Redis.

Each reading is cached for seconds, so that its cost is a small part of one core. The number of
scrapers and the size of the journal do not change that.
"""

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
from journal.model import OF_ORDERS, STAGES, JournalError, Kind, State
from journal.monitoring.metrics_queries import JobCount, JournalSnapshot
from journal.storage.clock import utc_now
from workers import rate_limiter, wiring
from workers.configuration.settings import Settings
from workers.locks import BEAT_LOCK
from workers.monitoring.cached_reading import CachedReading, NotInTime
from workers.monitoring.metrics import OTHER, SKEW
from workers.rate_limiter import Standing

KEPT_SECONDS = 5.0
SHARE = 0.02
"""Part of the time that reading open and dead jobs may take.

For 100,000 orders it takes 0.3 s, and is kept for 15 s."""

SHARE_OF_ENDED = 0.01
"""Part of the time that counting all ended jobs may take.

For a million jobs it takes 0.4 s, and is kept for 40 s."""

Labels = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Redis:
    """The values that are read from Redis.

    Attributes:
        beat: a beat is at work.
    """

    beat: bool
    rate_limiters: Mapping[str, Standing]


class ClusterMetrics(Collector):
    """Collects the metrics that are the same in every process."""

    def __init__(self, settings: Settings, journal: Journal) -> None:
        self._stores = tuple(store.name for store in settings.stores)
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
        """Return an empty description: registering must not read the journal."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics. Those of a server that does not answer are left out."""
        up: dict[Labels, float] = {("journal",): 1, ("redis",): 1}
        try:
            yield from self._of_journal(self._standing())
        except (JournalError, NotInTime):
            up["journal",] = 0
        # A reading that takes too long serves the next scrape.
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
            "Seconds that the last query of a source took",
            ["source"],
            took,
        )

    # --- the journal --------------------------------------------------------------------------

    def _of_journal(self, snapshot: JournalSnapshot) -> Iterator[Metric]:
        yield self._jobs_open(snapshot.open)
        yield from self._waiting(snapshot)
        dead: Counter[Labels] = Counter()
        for row in snapshot.dead:
            dead[self._known(row.store), row.kind, row.reason] += row.count
        yield _gauge(
            "vtex_erp_dead_letters",
            "Dead letters that wait for a person, by reason",
            ["store", "kind", "reason"],
            dead,
        )
        yield _gauge(
            "vtex_erp_outcomes_unreported",
            "Outcomes of requests that were not reported to the ERP yet",
            ["kind"],
            {(kind,): snapshot.unreported.get(kind, 0) for kind in _REQUEST_KINDS},
        )
        yield _gauge(
            "vtex_erp_store_paused",
            "1 while the store is paused: the workers make no call to VTEX for it, else 0",
            ["store"],
            {(store,): store in snapshot.paused for store in self._stores},
        )
        down = snapshot.erp_down_since
        yield _gauge(
            "vtex_erp_erp_down_seconds",
            "Seconds since the ERP stopped responding, 0 while it responds",
            [],
            {(): (snapshot.now - down).total_seconds() if down else 0},
        )
        yield from self._feeds(snapshot.feeds, snapshot.now)
        yield from self._reconciled(snapshot)
        for name, at in snapshot.latest.items():
            store = self._known(name)
            self._latest[store] = max(at, self._latest.get(store, at))
        yield _gauge(
            "vtex_erp_last_order_timestamp_seconds",
            "Time at which the last new order came into the journal",
            ["store"],
            {(name,): at.timestamp() for name, at in self._latest.items()},
        )
        yield _gauge("vtex_erp_clock_skew_seconds", SKEW, [], {(): snapshot.skew.total_seconds()})

    def _jobs_open(self, places: Iterable[JobCount]) -> Metric:
        counts: Counter[Labels] = Counter()
        for store, (kind, path) in product(self._stores, STAGES.items()):
            counts.update({(store, str(kind), str(stage)): 0 for stage in path[:-1]})
        for row in places:
            counts[self._known(row.store), row.kind, row.stage] += row.count
        return _gauge(
            "vtex_erp_jobs_open", "Open jobs, by their stage", ["store", "kind", "stage"], counts
        )

    def _jobs_ended(self, places: Iterable[JobCount]) -> Metric:
        counts: Counter[Labels] = Counter()
        counts.update(dict.fromkeys(product(self._stores, map(str, STAGES), map(str, _ENDS)), 0))
        for row in places:
            counts[self._known(row.store), row.kind, row.state] += row.count
        return _gauge(
            "vtex_erp_jobs_finished",
            "Jobs that are done or skipped",
            ["store", "kind", "state"],
            counts,
        )

    def _waiting(self, snapshot: JournalSnapshot) -> Iterator[Metric]:
        ages: dict[Labels, float] = {}
        leased: Counter[Labels] = Counter()
        failing: Counter[Labels] = Counter()
        for store in self._stores:
            for kind in STAGES:
                ages[store, kind] = leased[store, kind] = failing[store, kind] = 0
        for row in snapshot.open:
            key = (self._known(row.store), row.kind)
            age = (snapshot.now - row.oldest).total_seconds() if row.oldest else 0
            ages[key] = max(ages.get(key, 0), age)
            leased[key] += row.leased
            failing[key] += row.failing
        labels = ["store", "kind"]
        yield _gauge(
            "vtex_erp_oldest_open_job_age_seconds",
            "Age of the oldest open job in the journal, 0 without open jobs",
            labels,
            ages,
        )
        yield _gauge("vtex_erp_jobs_leased", "Jobs that a worker has leased now", labels, leased)
        yield _gauge(
            "vtex_erp_jobs_failing", "Open jobs whose last attempt failed", labels, failing
        )

    def _feeds(self, feeds: Iterable[FeedRow], now: datetime) -> Iterator[Metric]:
        works = {
            (feed.store,): feed.is_working(now) for feed in feeds if feed.store in self._stores
        }
        yield _gauge(
            "vtex_erp_feed_healthy",
            "1 where the store's feed brings orders, 0 where the feed is lost",
            ["store"],
            works,
        )

    def _reconciled(self, snapshot: JournalSnapshot) -> Iterator[Metric]:
        rows = [row for row in snapshot.reconciliations if row.store in self._stores]
        yield _gauge(
            "vtex_erp_last_reconciliation_timestamp_seconds",
            "Time of the store's last reconciliation",
            ["store"],
            {(row.store,): row.at.timestamp() for row in rows},
        )
        yield _gauge(
            "vtex_erp_reconciliation_findings",
            "Findings of that reconciliation",
            ["store", "finding"],
            {(row.store, kind): count for row in rows for kind, count in row.findings.items()},
        )

    # --- Redis --------------------------------------------------------------------------------

    def _read_redis(self) -> _Redis:
        beat = bool(self._connection.exists(BEAT_LOCK))
        return _Redis(
            beat, {name: limiter.standing() for name, limiter in self._rate_limiters.items()}
        )

    def _of_redis(self, reading: _Redis) -> Iterator[Metric]:
        yield _gauge(
            "vtex_erp_beat_active", "1 while a beat is at work, else 0", [], {(): reading.beat}
        )
        fields = (
            (
                "vtex_erp_rate_limit_allowed_calls_per_minute",
                "Calls a minute that the workers may make",
                "allowed",
            ),
            (
                "vtex_erp_rate_limit_used_calls_per_minute",
                "Calls that the workers booked in the last minute",
                "used",
            ),
            (
                "vtex_erp_rate_limit_pace_ratio",
                "Part of the full pace at which calls are granted, below 1 after a 429",
                "pace",
            ),
            (
                "vtex_erp_rate_limit_pause_remaining_seconds",
                "Seconds until VTEX's pause after a 429 ends, 0 while calls are granted",
                "paused_seconds",
            ),
        )
        for name, help_, field in fields:
            values = {
                (store,): getattr(standing, field)
                for store, standing in reading.rate_limiters.items()
            }
            yield _gauge(name, help_, ["store"], values)

    def _known(self, store: str) -> str:
        return store if store in self._stores else OTHER


_ENDS = (State.DONE, State.SKIPPED)
_REQUEST_KINDS = [str(kind) for kind in Kind if kind not in OF_ORDERS]


def _gauge(
    name: str, help_: str, labels: list[str], values: Mapping[Any, float]
) -> GaugeMetricFamily:
    gauge = GaugeMetricFamily(name, help_, labels=labels)
    for label, value in values.items():
        gauge.add_metric([str(part) for part in label], float(value))
    return gauge


def add_cluster(settings: Settings, into: CollectorRegistry) -> None:
    """Add the cluster's metrics to a registry. The first scrape opens the connections."""
    into.register(ClusterMetrics(settings, wiring.journal(settings)))
