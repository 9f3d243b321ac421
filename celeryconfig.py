"""How the cluster is wired: broker, queues, routes, schedule and safety, each with its reason."""

from __future__ import annotations

from kombu.entity import Queue

from workers.settings import load

_settings = load()

# --- broker -----------------------------------------------------------------------------------
broker_url = _settings.redis_url
broker_connection_retry_on_startup = True  # a worker that starts before Redis waits for it
broker_transport_options = {
    # Redelivery is a convenience, the journal decides: short, since no long wait travels here.
    "visibility_timeout": max(300, int(_settings.lease_seconds * 2)),
    # kombu sweeps every interval * throttle = 100 s by default, whatever the time-out is.
    "unacked_restore_interval": 5,
    "unacked_restore_throttle": 1,
    # Without it a publish to a broker that hangs blocks for ever.
    "socket_timeout": 10,
    "socket_connect_timeout": 5,
    "socket_keepalive": True,
    "health_check_interval": 30,
    "max_connections": _settings.threads + 20,
}
# A chain's next link is lost when its publishing fails for longer than this; the lease mends it.
task_publish_retry_policy = {
    "max_retries": 5,
    "interval_start": 0.1,
    "interval_step": 0.5,
    "interval_max": 2,
}

# --- queues and routes ------------------------------------------------------------------------
task_queues = tuple(
    Queue(name) for name in ("orders", "invoices", "tracking", "cancellations", "control")
)
task_default_queue = "control"
task_create_missing_queues = False  # a typo in a queue's name is an error, not a silent sink
task_routes = {
    "orders.carry": {"queue": "orders"},
    "orders.fetch": {"queue": "orders"},
    "orders.fetch_payment": {"queue": "orders"},
    "orders.insert": {"queue": "orders"},
    "orders.start_handling": {"queue": "orders"},
    "invoices.*": {"queue": "invoices"},
    "tracking.*": {"queue": "tracking"},
    "cancellations.*": {"queue": "cancellations"},
    # Listing and sweeping must not queue up behind the orders that they bring in.
    "orders.list": {"queue": "control"},
    "journal.dispatch": {"queue": "control"},
    "outbox.relay": {"queue": "control"},
    "outcomes.report": {"queue": "control"},
}
imports = (
    "tasks.orders",
    "tasks.invoices",
    "tasks.tracking",
    "tasks.cancellations",
    "tasks.outcomes",
    "tasks.dispatch",
)

# --- tasks ------------------------------------------------------------------------------------
task_serializer = "json"
accept_content = ["json"]  # nothing that could run code is read from the wire
task_ignore_result = True  # the journal remembers; a result would leave data in the broker
task_acks_late = True  # a killed worker's message comes back, besides the lease
task_reject_on_worker_lost = True  # prefork only; the journal bounds the repetitions
enable_utc = True
timezone = "UTC"

# --- workers ----------------------------------------------------------------------------------
worker_pool = "threads"  # the work is waiting on HTTP; gevent never redelivers on Redis
worker_concurrency = _settings.threads
# At 1 the threads pool stalls for up to 2 s each time its window is full.
worker_prefetch_multiplier = 4
worker_send_task_events = True  # what Flower shows
worker_hijack_root_logger = False  # workers/log.py writes JSON lines
worker_cancel_long_running_tasks_on_connection_loss = False  # a step is short and idempotent

# --- schedule ---------------------------------------------------------------------------------
beat_scheduler = "workers.beat:Scheduler"  # several beats, one of them at work
_OPTIONS = {
    # A backlog of sweeps must not run in a burst. Beat and worker compare two hosts' clocks
    # here: those that are minutes apart must not make every sweep come too late.
    "expires": 900.0,
}
beat_schedule = {
    **{
        name: {"task": name, "schedule": _settings.dispatch_seconds, "options": _OPTIONS}
        for name in ("journal.dispatch", "outbox.relay", "outcomes.report")
    },
    **{
        f"orders.list {store.name}": {
            "task": "orders.list",
            "schedule": _settings.list_seconds,
            "kwargs": {"store": store.name},
            "options": _OPTIONS,
        }
        for store in _settings.stores
    },
}
