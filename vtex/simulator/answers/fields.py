"""The fields that a body must have."""

from collections.abc import Mapping
from typing import Any

from vtex.simulator.faults import Refused


def require(body: Mapping[str, Any], fields: Mapping[str, type], at: str = "") -> None:
    """Refuse a body that lacks a field, or has one of another type.

    Args:
        at: path of the body, as in ``hook.``.
    """
    for name, kind in fields.items():
        if name not in body:
            raise Refused(f"{at}{name} is required")
        if type(body[name]) is not kind:
            raise Refused(f"{at}{name} must be of type {kind.__name__}")
