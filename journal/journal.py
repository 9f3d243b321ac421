"""The journal: small repositories over one database, a policy and a clock."""

from collections.abc import Callable
from datetime import datetime

from journal.cancel_requests import CancelRequests
from journal.erp_circuit_breaker import ErpCircuitBreaker
from journal.feeds import Feeds
from journal.jobs.dead_letters import DeadLetters
from journal.jobs.jobs import Jobs
from journal.jobs.store_pauses import StorePauses
from journal.model import Policy
from journal.monitoring.alert_queries import AlertQueries
from journal.monitoring.alerts import Alerts
from journal.monitoring.heartbeats import Heartbeats
from journal.monitoring.metrics_queries import MetricsQueries
from journal.monitoring.order_rate import OrderRates
from journal.observations import Observations
from journal.order_changes import OrderChanges
from journal.orders import Orders
from journal.outcomes import Outcomes
from journal.privacy.erasure import Erasure
from journal.privacy.retention import Retention
from journal.reconciliation import Reconciliations
from journal.requests import Requests
from journal.storage.clock import DatabaseClock
from journal.storage.database import JournalDatabase
from journal.stored_documents import StoredDocuments
from journal.timeline import Timeline

DEFAULT = Policy()


class Journal:
    """The state of every order and job, in one database. Threads and processes may share it."""

    def __init__(
        self, url: str, *, policy: Policy = DEFAULT, now: Callable[[], datetime] | None = None
    ) -> None:
        database = JournalDatabase(url)
        self._policy = policy
        self._database = database
        self._now = now or DatabaseClock(database)
        shared = (database, policy, self._now)
        self.jobs = Jobs(*shared)
        self.dead_letters = DeadLetters(*shared)
        self.store_pauses = StorePauses(*shared)
        self.erp_circuit = ErpCircuitBreaker(*shared)
        self.orders = Orders(*shared)
        self.observations = Observations(*shared)
        self.documents = StoredDocuments(*shared)
        self.timeline = Timeline(*shared)
        self.requests = Requests(*shared)
        self.outcomes = Outcomes(*shared)
        self.order_changes = OrderChanges(*shared)
        self.cancel_requests = CancelRequests(*shared)
        self.feeds = Feeds(*shared)
        self.reconciliations = Reconciliations(*shared)
        self.heartbeats = Heartbeats(*shared)
        self.order_rates = OrderRates(*shared)
        self.alert_queries = AlertQueries(*shared)
        self.alerts = Alerts(*shared)
        self.metrics = MetricsQueries(*shared)
        self.retention = Retention(*shared)
        self.erasure = Erasure(*shared)

    def migrate(self) -> None:
        """Migrate the tables. Several processes may call it at once."""
        self._database.migrate()

    def check(self) -> str:
        """Return a description of the database and the revision of its tables.

        Raises:
            JournalError: the database does not answer, or its tables are not up to date.
        """
        return self._database.check()

    def observes(self, store: str) -> bool:
        """Return whether a store is only observed."""
        return store in self._policy.observed

    def now(self) -> datetime:
        """Return the journal's time, which decides about every due time and lease.

        Raises:
            JournalUnavailable: the database does not respond, and the time was not read before.
        """
        return self._now()

    def close(self) -> None:
        """Close all connections."""
        self._database.close()
