"""The next release: a copy of this checkout that has gone on, as a real one would.

What it adds: a column and an index of the journal, and writes to the column; an argument of every
step's message; a field of a public request, and with it the next version of the contract; a task
on the schedule. It notes in the timeline which steps it did itself, and whose message they had.
"""

from __future__ import annotations

from pathlib import Path

from support.recipes.edited_copy import Edit, apply, copy_packages

_COLUMN = '''"""What the next release adds."""
import sqlalchemy as sa
from alembic import op

revision, down_revision = "9001", "{head}"

def upgrade():
    op.add_column("journal_jobs", sa.Column("channel", sa.String(16)))
'''
_INDEX = '''"""What the next release looks jobs up by."""
from journal.migrations.building import create_index

revision, down_revision = "9002", "9001"

def upgrade():
    create_index("ix_journal_jobs_channel", "journal_jobs", ["channel", "state"])
'''
_TASK = '''
@shared_task(base=StoreTask, bind=True, name="journal.tidy")
def tidy(self: StoreTask, /, **_: object) -> None:
    """What the next release does now and then."""
'''
_EDITS: dict[str, Edit] = {
    "journal/migrations/versions/9002_channel_index.py": _INDEX,
    "journal/storage/tables.py": [("", 'jobs.append_column(Column("channel", String(16)))\n')],
    "journal/storage/rows.py": [('"not_ready": 0,', '"not_ready": 0, "channel": "web",')],
    "tasks/scheduled.py": [("", _TASK)],
    "tasks/workflow.py": [
        ('"attempt": lease.attempt}', '"attempt": lease.attempt, "channel": "web"}')
    ],
    "tasks/intake/orders.py": [
        ("attempt: int, **_: object", 'attempt: int, channel: str = "none", **_: object'),
        ("as job:\n", 'as job:\n        job.note(f"next release, channel {channel}")\n'),
    ],
    "tasks/outbound/request_schemas.py": [
        ("VERSION = 1\n", "VERSION = 2\n"),
        ("    requested_by_user = ", "    channel = _Text(16)\n    requested_by_user = "),
    ],
    "vtex/payloads.py": [
        (
            "    requested_by_user: bool = False\n",
            "    requested_by_user: bool = False\n    channel: str | None = None\n",
        )
    ],
    "celeryconfig.py": [
        (
            "",
            'task_routes["journal.tidy"] = {"queue": "control"}\n'
            'beat_schedule["journal.tidy"] = {"task": "journal.tidy", "schedule": 1.0}\n',
        )
    ],
}


def next_release(folder: Path) -> Path:
    """Write the next release into a folder of its own; return its root."""
    home = copy_packages(folder / "next")
    head = max(path.stem[:4] for path in (home / "journal/migrations/versions").glob("0*.py"))
    column = {"journal/migrations/versions/9001_channel.py": _COLUMN.format(head=head)}
    apply(home, column | _EDITS)
    return home
