"""One line of ``vtex-erp check``."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Verdict:
    """One line of the check.

    Attributes:
        ok: True fine, False broken, None worth knowing.
        detail: what was found, and what to do where it is not fine.
    """

    name: str
    ok: bool | None
    detail: str
