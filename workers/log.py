"""Log one JSON object a line on standard error, with the store and the order id if known.

The message of an exception may quote a document, and a URL may hold a password. This module
removes both from every line, in all modules.
"""

import json
import logging
import sys
import traceback
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

from foundation.redaction import masked

LOG_FIELDS = ("store", "order_id", "attempt", "stage", "task", "count", "reason", "code")
"""The fields of ``extra`` that a line shows (docs/operations.md). A line leaves all others out."""

NOISY = ("celery.worker.strategy", "celery.app.trace", "celery.beat", "urllib3", "alembic")
"""One line per outcome: Celery's "received" and "succeeded" would treble the log."""


class JsonLines(logging.Formatter):
    """Write a record as one JSON object."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as a line."""
        line: dict[str, object] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": _message(record),
        }
        facts = record.__dict__
        line |= {name: _plain(facts[name]) for name in LOG_FIELDS if name in facts}
        if record.exc_info and record.exc_info[0]:
            line["error"] = record.exc_info[0].__name__
            line["trace"] = traceback.format_tb(record.exc_info[2])
        return json.dumps(line, ensure_ascii=False)


def set_up(level: int | str) -> None:
    """Send every log line of this process to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in NOISY:
        logging.getLogger(name).setLevel(logging.WARNING)


def _message(record: logging.LogRecord) -> str:
    args = record.args
    arguments: object
    if isinstance(args, Mapping):
        arguments = {name: _named(value) for name, value in args.items()}
    else:
        arguments = tuple(_named(value) for value in args or ())
    try:
        text = str(record.msg) % arguments if args else str(_named(record.msg))
    except (TypeError, ValueError, KeyError):
        # The arguments do not fit the message: logging itself would print them.
        text = str(record.msg)
    # Celery passes the text of an exception, not the exception itself.
    for error in _chain(record.exc_info[1] if record.exc_info else None):
        for words in (repr(error), str(error)):
            # Shorter texts identify no person, and may occur within an id.
            if len(words) > 3:
                text = text.replace(words, type(error).__name__)
    return masked(text)


def _named(value: object) -> object:
    return type(value).__name__ if isinstance(value, BaseException) else value


def _plain(value: object) -> object:
    if value is None or isinstance(value, bool | int | float):
        return value
    return masked(str(_named(value)))


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__
