"""What an error that ends a task leads to, in a word: for those who count."""

from __future__ import annotations

import re

from journal.model import ErpCircuitOpen, JobLost, JournalUnavailable, StorePaused
from tasks.base import DEAD, LATER
from tasks.errors import ContractNewer, RequestRefused
from vtex.errors import RateLimitReached, VtexUnauthorized

OUTCOMES = ("done", "retry", "dead_letter", "superseded", "unforeseen")

_LATER = (
    *LATER, JournalUnavailable, ErpCircuitOpen, StorePaused, RateLimitReached, VtexUnauthorized,
    ContractNewer,
)  # fmt: skip
_DEAD = (*DEAD, RequestRefused)


def outcome_of(error: BaseException | None) -> str:
    """Return one of ``OUTCOMES``; what each is: docs/metrics.md."""
    if error is None:
        return "done"
    if isinstance(error, JobLost):
        return "superseded"
    if isinstance(error, _LATER):
        return "retry"
    return "dead_letter" if isinstance(error, _DEAD) else "unforeseen"


def reason_of(error: BaseException | None) -> str:
    """Return an error's kind as the value of a label, ``vtex_throttled``; never its words."""
    if error is None:
        return ""
    if outcome_of(error) == "unforeseen":
        # The names of foreign classes are theirs, and without number.
        return "unforeseen"
    kind = next(one for one in type(error).__mro__ if one.__module__.split(".")[0] in _OURS)
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", kind.__name__).lower()


_OURS = ("vtex", "erp", "journal", "tasks")
