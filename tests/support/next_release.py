"""The next release: a copy of this checkout that has gone on, as a real one would.

What it adds: a column and an index of the journal, and writes to the column; an argument of every
step's message; a field of a public request, and with it the next version of the contract; a task
on the schedule. It notes in the timeline which steps it did itself, and whose message they had.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from support.servers import ROOT

PACKAGES = ("foundation", "vtex", "erp", "journal", "tasks", "workers")

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
_ENDS = {
    "journal/storage/tables.py": 'jobs.append_column(Column("channel", String(16)))\n',
    "tasks/scheduled.py": _TASK,
    "celeryconfig.py": (
        'task_routes["journal.tidy"] = {"queue": "control"}\n'
        'beat_schedule["journal.tidy"] = {"task": "journal.tidy", "schedule": 1.0}\n'
    ),
}
_CHANGES = {
    "journal/storage/rows.py": [('"not_ready": 0,', '"not_ready": 0, "channel": "web",')],
    "tasks/workflow.py": [
        ('"attempt": ticket.attempt}', '"attempt": ticket.attempt, "channel": "web"}')
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
}


def next_release(folder: Path) -> Path:
    """Write the next release into a folder of its own; return its root."""
    home = folder / "next"
    for package in PACKAGES:
        shutil.copytree(ROOT / package, home / package)
    shutil.copy(ROOT / "celeryconfig.py", home)
    versions = home / "journal/migrations/versions"
    head = max(path.stem[:4] for path in versions.glob("0*.py"))
    (versions / "9001_channel.py").write_text(_COLUMN.format(head=head))
    (versions / "9002_channel_index.py").write_text(_INDEX)
    for name, changes in _CHANGES.items():
        for old, new in changes:
            text = (home / name).read_text()
            assert old in text, f"{name} has no {old!r} any more: let this change follow"
            (home / name).write_text(text.replace(old, new))
    for name, text in _ENDS.items():
        with (home / name).open("a") as file:
            file.write(text)
    return home
