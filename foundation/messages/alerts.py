"""Alerts: the problem of each rule, and the next step (docs/alerts.md)."""

from foundation.messages.message import message

_CHECK_SHOP = "Check the shop and its payments, then run vtex-erp reconcile --store {store}"
_RAISE_LIMIT = "Raise VTEX_QUOTA_PER_MINUTE if VTEX grants more calls (docs/rate-limit.md)"
_DEAD_LETTERS = (
    "Run vtex-erp dead-letters list{options}, fix the cause, then run "
    "vtex-erp dead-letters retry{options}"
)
_FEED = "Run vtex-erp feed show --store {store}, and check which other program uses its key"
_START_BEAT = (
    "Start celery -A workers beat and a worker of the queue control, then run vtex-erp check"
)

# --- the rules of the workers -----------------------------------------------------------------
MISSING_ORDERS = message(
    "VE-6001", "about {expected} orders are missing by the store's usual rate", _CHECK_SHOP
)
LAST_ORDER_OLD = message("VE-6002", "the last new order is {days} days old", _CHECK_SHOP)
VTEX_SILENT = message(
    "VE-6003",
    "VTEX has not answered a request for the list of orders",
    "Run vtex-erp check. If it passes, read the logs of a worker of the queue control",
)
JOBS_WAITING = message(
    "VE-6004",
    "{jobs} open for more than {minutes} minutes, the oldest of kind {kind}",
    "Run vtex-erp orders show {order_id}. For the others run vtex-erp orders list --store {store} "
    "--older-than {minutes} and vtex-erp requests list --store {store} --older-than {minutes}",
)
DEAD_LETTERS = message("VE-6005", "{dead_letters}: {cause}", _DEAD_LETTERS)
MORE_DEAD_LETTERS = message("VE-6006", "{dead_letters} of further causes", _DEAD_LETTERS)
PAUSED_BY_HAND = message(
    "VE-6007", "paused by hand: {reason}", "Run vtex-erp stores resume --store {store}"
)
STORE_PAUSED = message(
    "VE-6008",
    "calls to VTEX are paused: {reason}",
    "Run vtex-erp check. The store resumes by itself, or at once by "
    "vtex-erp stores resume --store {store}",
)
ERP_DOWN = message(
    "VE-6009", "the ERP does not accept orders: {reason}", "Start the ERP, then run vtex-erp check"
)
RATE_LIMIT_EXHAUSTED = message(
    "VE-6010",
    "the rate limit is used up: {used} of {allowed} calls in the last minute",
    _RAISE_LIMIT + ". The orders that wait: vtex-erp orders list --store {store}",
)
FEED_FAILED = message("VE-6011", "the feed fails, orders come by the list: {reason}", _FEED)
FEED_RESTORED = message("VE-6012", "the feed was lost and is restored: {reason}", _FEED)
RECONCILIATION_FINDINGS = message(
    "VE-6013",
    "the reconciliation found {orders}: {finding}",
    "Run vtex-erp reconcile --store {store}, then again with --fix",
)
BEAT_SILENT = message(
    "VE-6014", "scheduled tasks do not run, so orders stand still: {reason}", _START_BEAT
)
CLOCK_SKEW = message(
    "VE-6015",
    "the clock of {host} differs by {seconds} s from the clock of the journal's database",
    "Run NTP on both hosts",
)

# --- the reason of BEAT_SILENT ----------------------------------------------------------------
BEAT_STOPPED = message("VE-6021", "beat is stopped")
CONTROL_QUEUE_UNREAD = message(
    "VE-6022", "beat runs, but its tasks in the queue control stay unread"
)
REDIS_SILENT = message("VE-6023", "Redis does not answer")

# --- further rules of Prometheus --------------------------------------------------------------
ORDERS_STOPPED = message(
    "VE-6101",
    "zero new orders in three hours, against ten or more a week ago",
    "Run vtex-erp check and vtex-erp reconcile --store {store}",
)
LAST_ORDER_A_DAY_OLD = message(
    "VE-6102",
    "the last new order is more than a day old",
    "Run vtex-erp check and vtex-erp reconcile --store {store}",
)
ORDER_DELAYED = message(
    "VE-6103",
    "an order has been open for {age}",
    "Run vtex-erp orders list --store {store} --state open --older-than 30",
)
REQUEST_DELAYED = message(
    "VE-6104",
    "a job of kind {kind} has been open for {age}",
    "Run vtex-erp requests list --store {store} --older-than 360",
)
CALLS_STOPPED = message(
    "VE-6105", "calls to VTEX are paused", "Run vtex-erp check, which shows the reason"
)
ERP_DOWN_FOR = message(
    "VE-6106",
    "the ERP has accepted zero orders for {age}",
    "Start the ERP, then run vtex-erp check. Orders continue by themselves, the oldest first",
)
RATE_LIMIT_NEARLY_EXHAUSTED = message(
    "VE-6107", "90 % of the rate limit has been used for a quarter of an hour", _RAISE_LIMIT
)
THROTTLED = message(
    "VE-6108",
    "VTEX answered 429 more than three times in a quarter of an hour",
    "Lower VTEX_QUOTA_PER_MINUTE, or check which other integrations use the quota "
    "(docs/rate-limit.md)",
)
FEED_BROKEN = message(
    "VE-6109",
    "the feed fails, orders come by the list some minutes later",
    "Run vtex-erp feed show --store {store} and vtex-erp check",
)
SCHEDULE_STOPPED = message("VE-6110", "scheduled tasks do not run", _START_BEAT)
OUTCOMES_UNREPORTED = message(
    "VE-6111",
    "{count} outcomes of kind {kind} have not reached the ERP",
    "Run vtex-erp check, which shows whether the ERP responds",
)
SERVER_DOWN = message(
    "VE-6112",
    "{server} does not respond",
    "Run vtex-erp check. Every order is safe, and work continues when the server is back",
)
METRICS_MISSING = message(
    "VE-6113",
    "the cluster's metrics are missing",
    "Start vtex-erp metrics, or let Prometheus scrape Flower (docs/metrics.md)",
)
WORKERS_MISSING = message(
    "VE-6114",
    "the metrics of all workers are missing",
    "Run celery -A workers status. Workers serve metrics where METRICS_PORT is set",
)

# --- messages of many alerts ------------------------------------------------------------------
MANY_ALERTS = message("VE-6201", "{count} alerts", "Run vtex-erp alerts list, which shows all")
MANY_ALERTS_SOME_RESOLVED = message(
    "VE-6202", "{count} alerts, {resolved} resolved", "Run vtex-erp alerts list, which shows all"
)
