"""How the cluster is wired: broker, queues, routes, schedule and safety, each with its reason."""

from __future__ import annotations

from kombu.entity import Exchange, Queue

from tasks.job_kinds import CONTROL_QUEUE, QUEUES, REQUEST_QUEUES, ROUTES
from workers.configuration.settings import load
from workers.configuration.urls import is_rabbitmq

_settings = load()

# --- broker -----------------------------------------------------------------------------------
broker_url = _settings.broker_url
_ON_RABBITMQ = is_rabbitmq(broker_url)
_REDIS: dict[str, object] = {
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
    "max_connections": _settings.worker_threads + 20,
}
_RABBITMQ: dict[str, object] = {
    # Else RabbitMQ may refuse or lose a message, and nobody hears of it: a request of the ERP that
    # is put off would be gone. What it does to events: workers/monitoring/celery_events.py.
    "confirm_publish": True,
    # Without them a publish to a broker that hangs, or is short of memory, blocks for ever.
    "read_timeout": 10,
    "write_timeout": 10,
}
broker_transport_options = _RABBITMQ if _ON_RABBITMQ else _REDIS
# A name of None is the URL's own: without it a certificate is checked, but not whose it is.
broker_use_ssl = {"server_hostname": None} if broker_url.startswith("amqps://") else None
broker_heartbeat = 30  # a RabbitMQ that hangs is left after a minute; Celery's own is four
broker_connection_retry_on_startup = True  # a worker that starts before the broker waits for it
# On RabbitMQ a worker's own mailbox is locked by the connection that made it: while that of a dead
# or silent worker stands, another of the same name exits. One that outlives its connection by
# seconds is not.
control_queue_exclusive = False
control_queue_durable = True
# A chain's next link is lost when its publishing fails for longer than this; the lease mends it.
task_publish_retry_policy = {
    "max_retries": 5,
    "interval_start": 0.1,
    "interval_step": 0.5,
    "interval_max": 2,
}

# --- queues and routes ------------------------------------------------------------------------
# Not direct, as Celery's own: a message that is to wait would wait in a worker's window then, and
# keep out what comes after. This way it waits in RabbitMQ.
_TOPIC = Exchange("vtex-erp", type="topic")


def _queue(name: str) -> Queue:
    if not _ON_RABBITMQ:
        return Queue(name)
    arguments = {
        # Replicated, and kept through a node's death; RabbitMQ 4 has no other that is. Without
        # priorities, and with a window of its own for each queue.
        "x-queue-type": "quorum",
        # How often RabbitMQ brings a message whose worker died; RabbitMQ 4 takes 20 where nothing
        # is said, 3 has no end. What is dropped then costs nothing, its lease or the next sweep
        # brings it anew; but a request of the ERP may be in nobody's journal yet: none is dropped.
        "x-delivery-limit": 1_000_000 if name in REQUEST_QUEUES else 20,
    }
    return Queue(name, _TOPIC, routing_key=name, queue_arguments=arguments)


task_queues = tuple(map(_queue, QUEUES))
task_default_queue = CONTROL_QUEUE
task_create_missing_queues = False  # a typo in a queue's name is an error, not a silent sink
task_routes = {task: {"queue": queue} for task, queue in ROUTES.items()}
imports = (
    "tasks.intake.orders",
    "tasks.intake.feed",
    "tasks.outbound.invoices",
    "tasks.outbound.tracking",
    "tasks.outbound.cancellations",
    "tasks.outbound.cancellation_denials",
    "tasks.order_changes.tasks",
    "tasks.order_changes.polling",
    "tasks.outbound.outbox",
    "tasks.scheduled",
    "tasks.reconciliation.tasks",
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
worker_concurrency = _settings.worker_threads
# At 1 the threads pool stalls on Redis for up to 2 s each time its window is full.
worker_prefetch_multiplier = 4
worker_send_task_events = True  # what Flower shows
worker_hijack_root_logger = False  # workers/log.py writes JSON lines
worker_cancel_long_running_tasks_on_connection_loss = False  # a step is short and idempotent

# --- schedule ---------------------------------------------------------------------------------
beat_scheduler = "workers.beat:Scheduler"  # several beats, one of them at work
_OPTIONS = {
    # A backlog of sweeps must not run in a burst. Beat and worker compare two hosts' clocks
    # here: those that are minutes apart must not make every sweep come too late.
    "expires": 900.0
}
beat_schedule = {
    # Also at each start of a beat. A run is bounded: what is left is taken by the next.
    "journal.purge": {"task": "journal.purge", "schedule": 6 * 3600.0, "options": _OPTIONS},
    "alerts.evaluate": {
        "task": "alerts.evaluate",
        "schedule": _settings.alert_check_interval_seconds,
        "options": _OPTIONS,
    },
    **{
        name: {"task": name, "schedule": _settings.dispatch_interval_seconds, "options": _OPTIONS}
        for name in ("journal.dispatch", "outbox.relay", "outcomes.report")
    },
    **{
        f"orders.list {store.name}": {
            "task": "orders.list",
            "schedule": _settings.order_list_interval_seconds,
            "kwargs": {"store": store.name},
            "options": _OPTIONS,
        }
        for store in _settings.stores
    },
    **{
        f"orders.read_feed {store.name}": {
            "task": "orders.read_feed",
            "schedule": _settings.feed_interval_seconds,
            "kwargs": {"store": store.name},
            "options": _OPTIONS,
        }
        for store in _settings.stores
        if store.intake != "list"
    },
    **{
        f"orders.poll_cancellations {store.name}{' ended' if ended else ''}": {
            "task": "orders.poll_cancellations",
            # Who is canceled goes on being listed: that costs more, and most ask before.
            "schedule": _settings.cancellation_poll_interval_seconds * (6 if ended else 1),
            "kwargs": {"store": store.name, "ended": ended},
            "options": _OPTIONS,
        }
        for store in _settings.stores
        for ended in (False, True)
    },
    **{
        # Once a day: the task itself knows when the last one was. One that found no calls left in
        # the rate limit, or died, is made up for within the hour.
        f"orders.reconcile {store.name}": {
            "task": "orders.reconcile",
            "schedule": 3600.0,
            "kwargs": {"store": store.name},
            "options": _OPTIONS,
        }
        for store in _settings.stores
    },
}
