"""One JSON object a line on standard error, with the store and the order id where there are."""

from __future__ import annotations

import json
import logging
import os
import sys
import traceback
from datetime import UTC, datetime

FACTS = ("store", "order_id", "attempt", "stage", "task", "count", "reason", "seconds")
"""What a line may carry besides its message; nothing else of ``extra`` is written."""


class JsonLines(logging.Formatter):
    """Write a record as one JSON object."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as a line."""
        line: dict[str, object] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        line |= {name: record.__dict__[name] for name in FACTS if name in record.__dict__}
        if record.exc_info and record.exc_info[2]:
            # The message of a foreign exception may quote a document: its type and place suffice.
            line["error"] = record.exc_info[0].__name__ if record.exc_info[0] else None
            line["trace"] = traceback.format_tb(record.exc_info[2])
        return json.dumps(line, ensure_ascii=False, default=str)


def set_up(level: int | str | None = None) -> None:
    """Send every log line of this process to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level or os.environ.get("LOG_LEVEL") or "INFO")
    # One line per outcome: Celery's "received" and "succeeded" would treble the log.
    for noisy in (
        "celery.worker.strategy",
        "celery.app.trace",
        "celery.beat",
        "urllib3",
        "alembic",
    ):
        logging.getLogger(noisy).setLevel(logging.WARNING)
