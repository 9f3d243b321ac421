"""Celery's settings: broker, queues, routes, tasks, workers and schedule, each with its reason."""

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
    # The journal decides which work is done, so that redelivery is a convenience. The time-out
    # is short, since the long waits stay in the journal.
    "visibility_timeout": max(300, int(_settings.lease_seconds * 2)),
    # kombu's own defaults check every interval * throttle = 100 s, whatever the time-out is.
    "unacked_restore_interval": 5,
    "unacked_restore_throttle": 1,
    # Without it, a publish to a broker that hangs blocks for ever.
    "socket_timeout": 10,
    "socket_connect_timeout": 5,
    "socket_keepalive": True,
    "health_check_interval": 30,
    "max_connections": _settings.worker_threads + 20,
}
_RABBITMQ: dict[str, object] = {
    # Without it, RabbitMQ may refuse or lose a message unnoticed, and a postponed request of the
    # ERP would be lost. workers/monitoring/celery_events.py describes the effect on events.
    "confirm_publish": True,
    # Without them, a publish to a broker that hangs, or is short of memory, blocks for ever.
    "read_timeout": 10,
    "write_timeout": 10,
}
broker_transport_options = _RABBITMQ if _ON_RABBITMQ else _REDIS
# None stands for the host of the URL. Without this key, TLS accepts a certificate of any host.
broker_use_ssl = {"server_hostname": None} if broker_url.startswith("amqps://") else None
broker_heartbeat = 30  # detects a RabbitMQ that hangs within a minute, instead of Celery's four
broker_connection_retry_on_startup = True  # a worker that starts before the broker waits for it
# On RabbitMQ an exclusive control queue is locked by the connection that declared it. While the
# connection of a dead or silent worker stands, a new worker of the same name exits. A shared queue
# outlives its connection by seconds and has no such lock.
control_queue_exclusive = False
control_queue_durable = True
# If publishing fails for longer than this, the next task of a chain is lost. The lease then ends,
# and the job is dispatched again.
task_publish_retry_policy = {
    "max_retries": 5,
    "interval_start": 0.1,
    "interval_step": 0.5,
    "interval_max": 2,
}

# --- queues and routes ------------------------------------------------------------------------
# Celery's own exchange is direct: a delayed message would wait in a worker's prefetch window and
# block the messages behind it. With a topic exchange it waits in RabbitMQ.
_TOPIC = Exchange("vtex-erp", type="topic")


def _queue(name: str) -> Queue:
    if not _ON_RABBITMQ:
        return Queue(name)
    arguments = {
        # Quorum queues are the only replicated queues of RabbitMQ 4, and survive the death of a
        # node. They lack priorities, and each has its own prefetch window.
        "x-queue-type": "quorum",
        # How often RabbitMQ delivers a message whose worker died. The default is 20 in RabbitMQ 4,
        # and unlimited in RabbitMQ 3. Dropping a message costs little, since the lease or the next
        # sweep sends the work again. A request of the ERP may not be in the journal yet, so that
        # its message must stay.
        "x-delivery-limit": 1_000_000 if name in REQUEST_QUEUES else 20,
    }
    return Queue(name, _TOPIC, routing_key=name, queue_arguments=arguments)


task_queues = tuple(map(_queue, QUEUES))
task_default_queue = CONTROL_QUEUE
task_create_missing_queues = (
    False  # a typo in a queue's name is an error instead of a queue without readers
)
task_routes = {task: {"queue": queue} for task, queue in ROUTES.items()}
imports = (
    "tasks.intake.orders",
    "tasks.intake.observation",
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
accept_content = ["json"]  # other formats could run code from a message
task_ignore_result = True  # the journal keeps results; Celery's would leave data in the broker
task_acks_late = True  # a killed worker's message comes back, besides the lease
task_reject_on_worker_lost = True  # for the prefork pool only; the journal bounds the repetitions
enable_utc = True
timezone = "UTC"

# --- workers ----------------------------------------------------------------------------------
worker_pool = "threads"  # tasks wait for HTTP; the gevent pool never redelivers on Redis
worker_concurrency = _settings.worker_threads
# At 1, the threads pool stalls on Redis for up to 2 s each time its prefetch window is full.
worker_prefetch_multiplier = 4
worker_send_task_events = True  # for Flower
worker_hijack_root_logger = False  # workers/log.py writes JSON lines
worker_cancel_long_running_tasks_on_connection_loss = False  # a step is short and idempotent

# --- schedule ---------------------------------------------------------------------------------
beat_scheduler = "workers.beat:Scheduler"  # several beats, one of them at work
_OPTIONS = {
    # Bounds a burst of sweeps after a backlog. Beat sets the time and a worker checks it, so that
    # a short limit would drop every sweep when the clocks of their hosts differ by minutes.
    "expires": 900.0
}
beat_schedule = {
    # Beat also sends it at each start. A run is bounded, and the next run continues.
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
            # Ended orders stay in the list, so that this poll costs more. It may be rare, since
            # most cancellations are requested first.
            "schedule": _settings.cancellation_poll_interval_seconds * (6 if ended else 1),
            "kwargs": {"store": store.name, "ended": ended},
            "options": _OPTIONS,
        }
        for store in _settings.stores
        for ended in (False, True)
    },
    **{
        # The task runs each hour and compares once a day: the journal has the time of the last
        # comparison. A run that died, or found the rate limit used up, is repeated within the hour.
        f"orders.reconcile {store.name}": {
            "task": "orders.reconcile",
            "schedule": 3600.0,
            "kwargs": {"store": store.name},
            "options": _OPTIONS,
        }
        for store in _settings.stores
    },
}
