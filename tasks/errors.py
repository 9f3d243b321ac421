"""Errors of the tasks. ``tasks.retry_policy`` says how a worker reacts to each of them."""

from __future__ import annotations

from vtex.errors import VtexUnauthorized


class StoreUnknown(VtexUnauthorized):
    """The process has no credentials of the store; others may have them."""


class StepFailed(Exception):
    """A step met an error that nobody foresaw; names its type and place, never its message."""


class ContractNewer(Exception):
    """A request is written for a later version of the contract than this one knows."""


class RequestInvalid(Exception):
    """A request breaks the contract; the message names every fault by its field.

    Attributes:
        faults: field path to what is wrong with it; the first MOST_FAULTS.
    """

    faults: dict[str, str]

    def __init__(self, message: str, *, faults: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.faults = faults or {}


class RequestRefused(Exception):
    """A request is not taken; it is kept as a dead job, and the ERP will be told."""
