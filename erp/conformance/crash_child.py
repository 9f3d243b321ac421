"""A process that inserts one order and dies before it can report the reference.

Its input stands in the environment, since every user of a machine can read a command line.
"""

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
    value: Any = importlib.import_module(module)
    for part in name.split("."):
        value = getattr(value, part)
    made: Erp = value(url)
    return made


def main() -> None:
    """Insert the order, and die if the environment says so."""
    adapter(os.environ[ADAPTER], os.environ[URL]).insert(sample(os.environ[ORDER]))
    if os.environ[DIES]:
        os.kill(os.getpid(), signal.SIGKILL)
