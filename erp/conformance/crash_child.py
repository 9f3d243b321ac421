"""A process that inserts one order and is killed before it can tell anybody.

What it is told stands in the environment, since a command line is seen by all of a machine.
"""

from __future__ import annotations

import importlib
import os
import signal
from typing import Any

from erp.conformance.checks import sample
from erp.port import Erp

ADAPTER = "ERP_CONFORMANCE_ADAPTER"
URL = "ERP_CONFORMANCE_URL"
ORDER = "ERP_CONFORMANCE_ORDER"
DIES = "ERP_CONFORMANCE_DIES"


def adapter(named: str, url: str) -> Erp:
    """Return an adapter by ``module:Class`` and its URL."""
    module, _, name = named.partition(":")
    found: Any = importlib.import_module(module)
    for part in name.split("."):
        found = getattr(found, part)
    made: Erp = found(url)
    return made


def main() -> None:
    """Insert, and die if told to."""
    adapter(os.environ[ADAPTER], os.environ[URL]).insert(sample(os.environ[ORDER]))
    if os.environ[DIES]:
        os.kill(os.getpid(), signal.SIGKILL)
