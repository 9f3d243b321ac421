"""The whole catalogue, by code: all areas together, for pages, translations and tests."""

from collections.abc import Mapping
from types import MappingProxyType

from foundation.messages import (
    alerts,
    checks,
    commands,
    database,
    erp,
    journal,
    log_events,
    nfe,
    orders,
    requests,
    settings,
    vtex,
)
from foundation.messages.message import Message, registered

AREAS = (
    alerts,
    checks,
    commands,
    database,
    erp,
    journal,
    log_events,
    nfe,
    orders,
    requests,
    settings,
    vtex,
)
"""The modules that hold messages. Ranges of codes: VE-1xxx VTEX, VE-2xxx orders and the ERP,
VE-3xxx NF-e, VE-4xxx requests, VE-5xxx journal and workers, VE-6xxx alerts, VE-7xxx checks and
the command line, VE-8xxx settings."""

CATALOGUE: Mapping[str, Message] = MappingProxyType(dict(registered()))
