"""A note of the ERP on an order: a kind of request with a queue of its own."""

from __future__ import annotations

from support.recipes.recipe import Recipe

RECIPE = Recipe(
    "Add a job kind",
    {
        "journal/model.py": [
            ('    DENIAL = "denial"\n', '    DENIAL = "denial"\n    NOTE = "note"\n'),
            (
                "    Kind.TRACKING: JobKind(",
                "    Kind.NOTE: JobKind((Stage.REQUESTED, Stage.SENT), priority=1),\n"
                "    Kind.TRACKING: JobKind(",
            ),
        ],
        "vtex/payloads.py": [
            (
                "@dataclass(frozen=True, slots=True)\nclass Denial:",
                '''@dataclass(frozen=True, slots=True)
class Note:
    """A note on an order."""

    text: str


@dataclass(frozen=True, slots=True)
class Denial:''',
            )
        ],
        "tasks/job_kinds.py": [
            (
                "from vtex.payloads import Cancellation, Denial, Invoice, Tracking",
                "from vtex.payloads import Cancellation, Denial, Invoice, Note, Tracking",
            ),
            (
                "Payload = Invoice | Tracking | Cancellation | Denial",
                "Payload = Invoice | Tracking | Cancellation | Denial | Note",
            ),
            (
                "    Kind.CHANGE: KindTasks(",
                """    Kind.NOTE: KindTasks(
        queue="notes",
        priority=Priority.TRACKING,
        steps=("notes.post",),
        request_task="notes.send",
        payload=Note,
    ),
    Kind.CHANGE: KindTasks(""",
            ),
        ],
        "tasks/outbound/request_schemas.py": [
            ("VERSION = 1\n", "VERSION = 2\n"),
            ("    Invoice,\n", "    Invoice,\n    Note,\n"),
            (
                "class _Denial(_Request):",
                """class _Note(_Request):
    text = _Text(500, required=True)

    @post_load
    def _made(self, data: dict[str, Any], **_: Any) -> Note:
        return Note(**data)


class _Denial(_Request):""",
            ),
            ("    Denial: _Denial,\n", "    Denial: _Denial,\n    Note: _Note,\n"),
        ],
        "tasks/outbound/notes.py": '''"""Notes on orders."""

from __future__ import annotations

from typing import Any

from celery import shared_task

from journal.model import Stage
from tasks.base import RequestTask, StepTask
from tasks.outbound import request_intake as requests


@shared_task(base=RequestTask, bind=True, name="notes.send")
def send(self: RequestTask, /, **arguments: Any) -> None:
    """Take a note of the ERP. Public API: docs/messages.md."""
    requests.take(self.context, "note", arguments, again=not self.redelivered)


@shared_task(base=StepTask, bind=True, name="notes.post")
def post(
    self: StepTask, /, *, store: str, order_id: str, attempt: int, job: int, **_: object
) -> None:
    """Write the note. Arguments as in ``invoices.post``."""
    with self.step(store, order_id, attempt, to=Stage.SENT, job=job) as owned:
        owned.result["receipt"] = "noted"
''',
        "celeryconfig.py": [
            (
                '    "tasks.outbound.outbox",\n',
                '    "tasks.outbound.outbox",\n    "tasks.outbound.notes",\n',
            )
        ],
        "docker-compose.yml": [
            ("cancellations,denials,changes", "cancellations,denials,notes,changes")
        ],
        "docs/messages.md": [
            ("(version 1)", "(version 2)"),
            (
                "## `cancellations.deny`",
                "## `notes.send` (queue `notes`)\n\n"
                "| field | type | required | limits, unit | example |\n"
                "| --- | --- | --- | --- | --- |\n"
                "| `text` | text | yes | at most 500 | `portaria 2` |\n\n"
                "## `cancellations.deny`",
            ),
        ],
    },
    """
from support.order_flow import order_flow
from support.recipes.recipe import run_tests
from tests.unit import test_docs
from workers.app import app

with order_flow("sqlite:///journal.db") as flow:
    order_id = flow.order()
    flow.ask("note", order_id, text="portaria 2")
    (lease,) = flow.journal.jobs.dispatch(in_flight=500)
    flow.run([lease])
    (request,) = flow.journal.requests.find(state=None)

assert (request.kind, request.state, request.result["receipt"]) == ("note", "done", "noted")
for task in ("notes.send", "notes.post"):
    assert app.amqp.router.route({}, task)["queue"].name == "notes"
run_tests(test_docs, "message_contract")
""",
)
