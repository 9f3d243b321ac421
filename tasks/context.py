"""The context of a process's tasks: the collaborators and settings that they share."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import timedelta, tzinfo

from erp.codes import CodeMap
from erp.mapping.sales_orders import Proof
from erp.nfe.rules import NfeRules
from erp.port import Erp
from foundation.local_days import DEFAULT_ZONE
from journal.journal import Journal
from journal.model import InFlight
from journal.privacy.retention import RetentionPolicy
from tasks.alerts.delivery import Notifier
from tasks.alerts.model import AlertPolicy, Usage
from tasks.instrumentation import TaskObserver
from tasks.retry_policy import RetryPolicy
from vtex.client import VtexClient
from vtex.statuses import HandledOrders

MAX_REFILLED = 16
"""A store with at most so many orders in flight starts another order as soon as one ends. A sweep
every few seconds would leave its rate limit unused."""

Renew = Callable[[], None]
"""Renews a lock. Long work calls it between two steps."""


@dataclass(frozen=True)
class Alerting:
    """The collaborators of the alerts (docs/alerts.md).

    Attributes:
        usage: function that returns the present use of the rate limits.
    """

    policy: AlertPolicy
    usage: Callable[[], Usage]
    notifier: Notifier


@dataclass(frozen=True)
class Context:
    """The collaborators and settings of a process's tasks.

    Attributes:
        vtex: store name to its client.
        in_flight: maximum number of a store's orders in flight (``MAX_REFILLED``).
        proofs: rules for doubtful orders by store. Others hold them.
        codes: store name to its code map.
        zones: store name to its time zone.
        cnpjs: store name to the issuers of its notas.
        also_intake: store name to the orders that come in as handled.
        nfe: how an NF-e becomes an invoice.
        invoice_tolerance_cents: an invoice of all open units gets the order's open value, if it is
            so near.
        retention: how long the journal keeps the data of ended orders.
        list_intervals: the interval of the order list while the feed works, of each store with
            a feed.
        alerting: collaborators of the alerts, unless alerts are disabled.
        lock: returns a lock of the cluster by its name. Entering yields the function that renews
            it, or None while another process holds it.
        retries: the numbers of the retry policy.
        observer: receives the events of the tasks, if metrics or traces are enabled.
    """

    journal: Journal
    erp: Erp
    vtex: Mapping[str, VtexClient]
    in_flight: InFlight
    lock: Callable[[str], AbstractContextManager[Renew | None]]
    proofs: Mapping[str, Proof] = field(default_factory=dict)
    codes: Mapping[str, CodeMap] = field(default_factory=dict)
    zones: Mapping[str, tzinfo] = field(default_factory=dict)
    cnpjs: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    also_intake: Mapping[str, HandledOrders] = field(default_factory=dict)
    nfe: NfeRules = field(default_factory=NfeRules)
    invoice_tolerance_cents: int = 0
    retention: RetentionPolicy = field(default_factory=RetentionPolicy)
    list_intervals: Mapping[str, timedelta] = field(default_factory=dict)
    alerting: Alerting | None = None
    retries: RetryPolicy = field(default_factory=RetryPolicy)
    observer: TaskObserver | None = None

    def zone(self, store: str) -> tzinfo:
        """Return the time zone of a store's days."""
        return self.zones.get(store, DEFAULT_ZONE)

    def close(self) -> None:
        """Close the connections of the journal and the ERP."""
        self.journal.close()
        self.erp.close()
