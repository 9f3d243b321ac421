"""Errors of the tasks. ``tasks.retry_policy`` defines a worker's reaction to each of them."""

from vtex.errors import VtexUnauthorized


class StoreUnknown(VtexUnauthorized):
    """The process lacks the credentials of the store. Other processes may have them."""


class StepFailed(Exception):
    """A step met an unexpected error. The text names its type and place, never its message."""


class ContractNewer(Exception):
    """A request needs a later version of the contract than this process knows."""


class RequestInvalid(Exception):
    """A request breaks the contract. The message names every fault by its field.

    Attributes:
        faults: field path to its fault, at most ``MAX_FAULTS``.
    """

    faults: dict[str, str]

    def __init__(self, message: str, *, faults: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.faults = faults or {}


class RequestRefused(Exception):
    """A request is refused. The journal keeps it as a dead job and reports it to the ERP."""
