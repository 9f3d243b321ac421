"""The tasks, queue, priority and request of each kind of job. Other tables derive from it.

``journal.model.JOB_KINDS`` holds the stages of each kind. CONTRIBUTING.md explains how to add one.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from journal.model import STAGES, Kind, Stage
from vtex.payloads import Cancellation, Denial, Invoice, Tracking
from vtex.transport.rate_limit import Priority

Payload = Invoice | Tracking | Cancellation | Denial
"""A request of the ERP, as its fields are read."""


@dataclass(frozen=True, slots=True)
class KindTasks:
    """The work for one kind of job.

    Attributes:
        queue: the queue of all its tasks.
        priority: the priority of its calls to VTEX.
        steps: the task that continues a job from each stage but the last, in order.
        request_task: the public task that takes the ERP's request. Jobs that the workers start
            themselves lack it.
        payload: the class of the request; ``tasks.outbound.request_schemas`` holds its schema.
    """

    queue: str
    priority: Priority
    steps: tuple[str, ...]
    request_task: str | None = None
    payload: type[Payload] | None = None

    @property
    def tasks(self) -> tuple[str, ...]:
        """Return the names of all its tasks."""
        return (*self.steps, *filter(None, [self.request_task]))


KIND_TASKS: Mapping[Kind, KindTasks] = {
    Kind.INTAKE: KindTasks(
        queue="orders",
        priority=Priority.ORDERS,
        steps=("orders.fetch", "orders.fetch_payment", "orders.insert", "orders.start_handling"),
    ),
    Kind.INVOICE: KindTasks(
        queue="invoices",
        priority=Priority.URGENT,
        steps=("invoices.post", "invoices.confirm"),
        request_task="invoices.send",
        payload=Invoice,
    ),
    Kind.TRACKING: KindTasks(
        queue="tracking",
        priority=Priority.TRACKING,
        steps=("tracking.post",),
        request_task="tracking.send",
        payload=Tracking,
    ),
    Kind.CANCELLATION: KindTasks(
        queue="cancellations",
        priority=Priority.URGENT,
        steps=("cancellations.post", "cancellations.confirm"),
        request_task="cancellations.request",
        payload=Cancellation,
    ),
    Kind.DENIAL: KindTasks(
        # Its own queue, which workers of a version without denials do not read.
        queue="denials",
        priority=Priority.URGENT,
        steps=("denials.post", "denials.confirm"),
        request_task="cancellations.deny",
        payload=Denial,
    ),
    Kind.CHANGE: KindTasks(
        queue="changes", priority=Priority.TRACKING, steps=("changes.read", "changes.report")
    ),
    Kind.OBSERVATION: KindTasks(
        queue="orders", priority=Priority.LISTING, steps=("observations.observe",)
    ),
}

RUN_TASK = "orders.run"
"""The task of a message with several orders."""

CONTROL_QUEUE = "control"
"""The queue of lists and sweeps, so that they do not wait behind the orders that they bring."""

CONTROL_TASKS = (
    "orders.list",
    "orders.read_feed",
    "orders.poll_cancellations",
    "orders.reconcile",
    "journal.dispatch",
    "journal.purge",
    "outbox.relay",
    "outcomes.report",
    "alerts.evaluate",
)
"""Tasks of the schedule. Their calls to VTEX come after all others."""

REQUEST_TASKS = {
    kind: facts.request_task for kind, facts in KIND_TASKS.items() if facts.request_task is not None
}
"""The kinds that the ERP requests, and the public task that takes each."""

REQUEST_QUEUES = tuple(KIND_TASKS[kind].queue for kind in REQUEST_TASKS)

QUEUES = (*dict.fromkeys(facts.queue for facts in KIND_TASKS.values()), CONTROL_QUEUE)

ROUTES = (
    {task: facts.queue for facts in KIND_TASKS.values() for task in facts.tasks}
    | {RUN_TASK: KIND_TASKS[Kind.INTAKE].queue}
    | dict.fromkeys(CONTROL_TASKS, CONTROL_QUEUE)
)
"""The queue of each task."""

KIND_OF_TASK = {task: kind for kind, facts in KIND_TASKS.items() for task in facts.tasks}


def priority_of(task: str) -> Priority:
    """Return the priority of a task's calls to VTEX (docs/rate-limit.md)."""
    kind = KIND_OF_TASK.get(task)
    return Priority.LISTING if kind is None else KIND_TASKS[kind].priority


def remaining_tasks(kind: Kind, stage: str) -> list[str]:
    """Return a job's remaining tasks at a stage. A stage of a newer version yields []."""
    stages = STAGES[kind]
    return list(KIND_TASKS[kind].steps[stages.index(Stage(stage)) :]) if stage in stages else []
