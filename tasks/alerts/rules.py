"""The table of alert rules, which also makes the tables of docs/ and the rules of Prometheus.

``python -m tasks.alerts.generate`` writes those files.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from foundation.messages import alerts as messages
from foundation.messages.message import Message
from journal.monitoring.alerts import Problem
from tasks.alerts import queries
from tasks.alerts.model import MonitoredStore, Rule
from tasks.alerts.queries import Evaluation

_STORE = "{{ $labels.store }}"
_AGE = "{{ $value | humanizeDuration }}"


@dataclass(frozen=True, slots=True)
class PrometheusRule:
    """An alert rule of Prometheus.

    Attributes:
        condition: the clause after "fires when" in docs/metrics.md.
        expr: expression in PromQL.
        message: gives summary and next step.
        fields: values of the message's fields, besides ``store``.
        subject: beginning of the summary.
        pending: duration such as ``5m``, or empty.
    """

    name: str
    condition: str
    expr: str
    message: Message
    fields: Mapping[str, str] = field(default_factory=dict)
    subject: str = f"{_STORE}: "
    pending: str = ""
    is_critical: bool = False


@dataclass(frozen=True, slots=True)
class AlertRule:
    """A rule of the workers.

    Attributes:
        condition: the clause after "fires when" in docs/alerts.md.
        message: its next step stands in docs/alerts.md.
        settings: names of settings that change it.
        of_cluster: yields problems of the whole cluster, with an empty store.
        store_query, cluster_query: functions that find the problems of a store or of the cluster. A
            rule of each worker's watchdog lacks both.
        prometheus: the same rule for Prometheus.
    """

    name: Rule
    condition: str
    message: Message
    settings: tuple[str, ...] = ()
    store_query: Callable[[Evaluation, MonitoredStore], Iterable[Problem]] | None = None
    cluster_query: Callable[[Evaluation], Iterable[Problem]] | None = None
    of_stores: bool = True
    of_cluster: bool = False
    prometheus: tuple[PrometheusRule, ...] = ()

    def problems(self, evaluation: Evaluation) -> Iterator[Problem]:
        """Yield the problems of the cluster and of all stores."""
        if self.cluster_query is not None:
            yield from self.cluster_query(evaluation)
        if self.store_query is not None:
            for store in evaluation.policy.stores:
                yield from self.store_query(evaluation, store)


RULES = (
    AlertRule(
        Rule.MISSING_ORDERS,
        "15 orders are missing by the store's usual rate",
        messages.MISSING_ORDERS,
        ("ALERT_MISSING_ORDERS", "alert_missing_orders"),
        queries.missing_orders,
        prometheus=(
            PrometheusRule(
                "VtexErpNoNewOrders",
                "a store has zero new orders in three hours, and had ten or more a week ago",
                "sum by (store) (increase(vtex_erp_orders_discovered_total[3h])) == 0\n"
                "  and sum by (store) (increase(vtex_erp_orders_discovered_total[3h] offset 1w)) "
                ">= 10",
                messages.ORDERS_STOPPED,
                pending="10m",
                is_critical=True,
            ),
            PrometheusRule(
                "VtexErpNoOrderForADay",
                "the last new order of a store is more than a day old",
                "time() - max by (store) (vtex_erp_last_order_timestamp_seconds) > 86400",
                messages.LAST_ORDER_A_DAY_OLD,
            ),
        ),
    ),
    AlertRule(
        Rule.VTEX_SILENT,
        "neither the list nor the feed of a store has answered for 15 minutes",
        messages.VTEX_SILENT,
        ("ALERT_VTEX_SILENT_MINUTES",),
        queries.vtex_silent,
    ),
    AlertRule(
        Rule.JOBS_WAITING,
        "the oldest job that could continue is older than 30 minutes",
        messages.JOBS_WAITING,
        ("ALERT_WAITING_MINUTES", "alert_waiting_minutes"),
        queries.jobs_waiting,
        prometheus=(
            PrometheusRule(
                "VtexErpOrderDelayed",
                "an order has been open for half an hour",
                'max by (store) (vtex_erp_oldest_open_job_age_seconds{kind="intake"}) > 1800',
                messages.ORDER_DELAYED,
                {"age": _AGE},
                pending="5m",
                is_critical=True,
            ),
            PrometheusRule(
                "VtexErpRequestDelayed",
                "a job for a request has been open for six hours",
                'max by (store, kind) (vtex_erp_oldest_open_job_age_seconds{kind!="intake"}) '
                "> 21600",
                messages.REQUEST_DELAYED,
                {"age": _AGE, "kind": "{{ $labels.kind }}"},
                pending="5m",
            ),
        ),
    ),
    AlertRule(
        Rule.DEAD_LETTERS,
        "a store has dead letters: one alert for each store and cause",
        messages.DEAD_LETTERS,
        cluster_query=queries.dead_letters,
        of_cluster=True,
        prometheus=(
            PrometheusRule(
                "VtexErpDeadLetters",
                "a store has dead letters: one alert for each store, kind and reason",
                "max by (store, kind, reason) (vtex_erp_dead_letters) > 0",
                messages.DEAD_LETTERS,
                {
                    "dead_letters": "{{ $value }} dead letters",
                    "cause": "{{ $labels.kind }}, {{ $labels.reason }}",
                    "options": f" --store {_STORE}",
                },
                pending="1m",
                is_critical=True,
            ),
        ),
    ),
    AlertRule(
        Rule.STORE_PAUSED,
        "calls to VTEX are paused: refused credentials, a 429, or by hand",
        messages.STORE_PAUSED,
        store_query=queries.store_paused,
        prometheus=(
            PrometheusRule(
                "VtexErpStorePaused",
                "calls to VTEX have been paused for five minutes",
                "max by (store) (vtex_erp_store_paused) == 1",
                messages.CALLS_STOPPED,
                pending="5m",
                is_critical=True,
            ),
        ),
    ),
    AlertRule(
        Rule.ERP_DOWN,
        "the ERP accepts no orders",
        messages.ERP_DOWN,
        cluster_query=queries.erp_down,
        of_stores=False,
        of_cluster=True,
        prometheus=(
            PrometheusRule(
                "VtexErpErpDown",
                "the ERP has accepted zero orders for two minutes",
                "max(vtex_erp_erp_down_seconds) > 120",
                messages.ERP_DOWN_FOR,
                {"age": _AGE},
                subject="",
                is_critical=True,
            ),
        ),
    ),
    AlertRule(
        Rule.RATE_LIMIT_EXHAUSTED,
        "a store uses 90 % of its rate limit for 10 minutes",
        messages.RATE_LIMIT_EXHAUSTED,
        ("VTEX_QUOTA_PER_MINUTE",),
        queries.rate_limit_exhausted,
        prometheus=(
            PrometheusRule(
                "VtexErpRateLimitExhausted",
                "a store uses 90 % of its rate limit for a quarter of an hour",
                "max by (store) (vtex_erp_rate_limit_used_calls_per_minute "
                "/ vtex_erp_rate_limit_allowed_calls_per_minute) > 0.9",
                messages.RATE_LIMIT_NEARLY_EXHAUSTED,
                pending="15m",
            ),
        ),
    ),
    AlertRule(
        Rule.FEED_BROKEN,
        "a feed was lost and restored, or fails while the list works",
        messages.FEED_FAILED,
        store_query=queries.feed_broken,
        prometheus=(
            PrometheusRule(
                "VtexErpFeedBroken",
                "a feed has failed for ten minutes",
                "max by (store) (vtex_erp_feed_healthy) == 0",
                messages.FEED_BROKEN,
                pending="10m",
            ),
        ),
    ),
    AlertRule(
        Rule.RECONCILIATION_FINDINGS,
        "the daily [reconciliation](reconciliation.md) found differences: one alert for each kind",
        messages.RECONCILIATION_FINDINGS,
        store_query=queries.reconciliation_findings,
        prometheus=(
            PrometheusRule(
                "VtexErpReconciliationFindings",
                "the daily reconciliation found differences: one alert for each kind",
                "max by (store, finding) (vtex_erp_reconciliation_findings) > 0",
                messages.RECONCILIATION_FINDINGS,
                {"orders": "{{ $value }} orders", "finding": "{{ $labels.finding }}"},
            ),
        ),
    ),
    AlertRule(
        Rule.BEAT_SILENT,
        "the last evaluation of alerts is older than 5 minutes: each worker watches this",
        messages.BEAT_SILENT,
        ("ALERT_BEAT_SILENT_SECONDS",),
        of_stores=False,
        # An evaluation proves that scheduled tasks run, so it resolves this alert.
        of_cluster=True,
        prometheus=(
            PrometheusRule(
                "VtexErpBeatSilent",
                "beat is stopped, or its tasks reach no worker",
                "max(vtex_erp_beat_active) == 0\n"
                '  or sum(increase(vtex_erp_tasks_total{task="journal.dispatch"}[5m])) == 0',
                messages.SCHEDULE_STOPPED,
                subject="",
                pending="1m",
                is_critical=True,
            ),
        ),
    ),
    AlertRule(
        Rule.CLOCK_SKEW,
        "the clock of a worker's host differs by 5 s from the journal's database",
        messages.CLOCK_SKEW,
        ("ALERT_CLOCK_SKEW_SECONDS",),
        of_stores=False,
        prometheus=(
            PrometheusRule(
                "VtexErpClockSkew",
                "the clock of a host differs by more than five seconds from the journal's",
                "abs(vtex_erp_clock_skew_seconds) > 5",
                messages.CLOCK_SKEW,
                {"host": "{{ $labels.instance }}", "seconds": "{{ $value }}"},
                subject="",
                pending="5m",
            ),
        ),
    ),
)
"""All rules of the workers, in the order of docs/alerts.md."""

PROMETHEUS_ONLY = (
    PrometheusRule(
        "VtexErpThrottled",
        "VTEX answered a store more than three times with 429 in a quarter of an hour",
        'sum by (store) (increase(vtex_erp_vtex_calls_total{status="429"}[15m])) > 3',
        messages.THROTTLED,
    ),
    PrometheusRule(
        "VtexErpOutcomesUnreported",
        "100 outcomes have waited half an hour for the ERP",
        "max by (kind) (vtex_erp_outcomes_unreported) > 100",
        messages.OUTCOMES_UNREPORTED,
        {"count": "{{ $value }}", "kind": "{{ $labels.kind }}"},
        subject="",
        pending="30m",
    ),
    PrometheusRule(
        "VtexErpServerDown",
        "the journal's database or Redis does not respond",
        "max by (server) (vtex_erp_up) == 0",
        messages.SERVER_DOWN,
        {"server": "{{ $labels.server }}"},
        subject="",
        pending="1m",
        is_critical=True,
    ),
    PrometheusRule(
        "VtexErpNoMetrics",
        "the metrics of the cluster are missing",
        "absent(vtex_erp_up)",
        messages.METRICS_MISSING,
        subject="",
        pending="5m",
        is_critical=True,
    ),
    PrometheusRule(
        "VtexErpNoWorkers",
        "the metrics of all workers are missing",
        'absent(vtex_erp_process_info{kind="worker"})',
        messages.WORKERS_MISSING,
        subject="",
        pending="5m",
        is_critical=True,
    ),
)
"""Rules of Prometheus without a counterpart among the rules of the workers."""
