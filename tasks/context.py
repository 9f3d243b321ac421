"""What the tasks of a process work with: their collaborators, and the rules of a store."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal

from erp.codes import CodeMap
from erp.nfe.item_matching import MATCH
from erp.port import Erp
from journal.journal import Journal
from journal.model import InFlight
from journal.privacy.retention import RetentionPolicy
from tasks.alerts.delivery import Notifier
from tasks.alerts.model import AlertPolicy, Usage
from tasks.instrumentation import TaskObserver
from tasks.retry_policy import RetryPolicy
from vtex.client import VtexClient

REFILLED = 16
"""Where no more than so many orders of a store are under way at once, the next is claimed as one
ends: a sweep every few seconds would leave its rate limit unused."""

Renew = Callable[[], None]
"""Keeps a lock for longer; called between two steps of long work."""


@dataclass(frozen=True)
class NfeRules:
    """How an NF-e becomes an invoice (docs/nfe.md).

    Attributes:
        match: keys by which its lines find the order's items, in turn.
        production: refuse notas of SEFAZ's test environment.
        embed: send the XML along, exactly as received.
        product_map: ERP code to SKU id, and units of it in one unit of the ERP.
    """

    match: tuple[str, ...] = MATCH
    production: bool = True
    embed: bool = False
    product_map: Mapping[str, tuple[str, Decimal]] = field(default_factory=dict)


@dataclass(frozen=True)
class Alerting:
    """What looks after the stores (docs/alerts.md).

    Attributes:
        usage: returns the present use of the rate limits.
    """

    policy: AlertPolicy
    usage: Callable[[], Usage]
    notifier: Notifier


@dataclass(frozen=True)
class Context:
    """What the tasks of a process work with.

    Attributes:
        vtex: store name to its client.
        in_flight: orders of a store that are under way at once, at most; see ``REFILLED``.
        allow_sum_mismatch: stores that take orders whose sums do not add up, flagged.
        codes: store name to what the retailer calls things in the ERP.
        nfe: how an NF-e becomes an invoice.
        retention: how long the journal keeps what is closed.
        list_intervals: the interval of the order list while the feed works, of each store with
            a feed.
        alerting: the rules of alerts, and who is told; None where nobody looks.
        lock: a lock over the cluster by name; enters with what renews it, or with None where
            somebody else has it.
        retries: the numbers of the retry policy.
        observer: hears of what the tasks do; None where nobody wants to.
    """

    journal: Journal
    erp: Erp
    vtex: Mapping[str, VtexClient]
    in_flight: InFlight
    lock: Callable[[str], AbstractContextManager[Renew | None]]
    allow_sum_mismatch: frozenset[str] = field(default_factory=frozenset)
    codes: Mapping[str, CodeMap] = field(default_factory=dict)
    nfe: NfeRules = field(default_factory=NfeRules)
    retention: RetentionPolicy = field(default_factory=RetentionPolicy)
    list_intervals: Mapping[str, timedelta] = field(default_factory=dict)
    alerting: Alerting | None = None
    retries: RetryPolicy = field(default_factory=RetryPolicy)
    observer: TaskObserver | None = None
