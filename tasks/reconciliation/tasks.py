"""The daily reconciliation: compares each store's recent orders at VTEX, here and in the ERP."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from datetime import datetime, timedelta, tzinfo

from celery import shared_task

from foundation.local_days import days_ago
from journal.journal import Journal
from journal.order_changes import ChangeHint
from tasks.base import StoreTask
from tasks.context import Renew
from tasks.job_kinds import priority_of
from tasks.reconciliation.compare import DAYS, GRACE, Comparison, FindingKind, compare_store
from vtex.errors import RateLimitReached

log = logging.getLogger(__name__)

INTERVAL = timedelta(hours=23)
"""Time between two comparisons. The task checks it each hour, which makes one comparison a day,
however often beat restarts."""

RECONCILE_SECONDS = 900.0
"""One comparison's share of a worker's thread, enough for a few hundred thousand orders."""

WAIT_SECONDS = 10.0
"""Maximum wait between two tries of a call. The lock is renewed before each wait."""

MAX_LOGGED = 1000
"""Maximum number of findings in the log. ``vtex-erp reconcile`` shows all."""


@shared_task(base=StoreTask, bind=True, name="orders.reconcile")
def reconcile(self: StoreTask, /, *, store: str, **_: object) -> None:
    """Compare the recent orders at VTEX with the journal and the ERP, without repairs.

    Source: ``GET /api/oms/pvt/orders`` by creation date, all statuses.

    Args:
        store: VTEX account name, as in the settings.
    """
    if self.journal.store_pauses.get(store):
        return
    with self.context.lock(f"orders.reconcile:{store}") as renew:
        since = (
            None if renew is None else range_start(self.journal, store, self.context.zone(store))
        )
        if renew is None or since is None:
            return
        patient = self.vtex(store).with_priority(priority_of(self.name), wait=patience(renew))
        compared = compare_store(
            self.journal,
            self.erp,
            patient,
            store,
            since,
            self.journal.now(),
            seen=lambda *_: renew(),
            seconds=RECONCILE_SECONDS,
            also_intake=self.context.also_intake.get(store),
        )
        self.journal.reconciliations.save(compared.summary(self.journal.now()))
        self.journal.order_changes.record(store, hints(compared))
    log_findings(compared)


def hints(compared: Comparison) -> list[ChangeHint]:
    """Return hints for the findings that a change job checks. A repeated report is harmless."""
    day = f"{compared.until:%Y-%m-%d}"
    return [
        ChangeHint(
            finding.order_id,
            f"{finding.there.status} listed {day}",
            f"{finding.kind}, by the reconciliation",
        )
        if finding.kind is FindingKind.CANCELED
        else ChangeHint(
            finding.order_id, f"value {finding.there.value_cents} {day}", finding.detail
        )
        for finding in compared.findings
        if finding.kind in (FindingKind.CANCELED, FindingKind.TOTALS)
    ]


def patience(renew: Renew, seconds: float = RECONCILE_SECONDS) -> Callable[[float], None]:
    """Return a function that waits for calls, some seconds each time, within a total time.

    A listing waits only half a second for a call, which a small rate limit never grants. Without
    this patience, the comparison of such a store would never end.
    """
    until = time.monotonic() + seconds

    def wait(spent: float) -> None:
        if time.monotonic() + spent > until:
            raise RateLimitReached.until(spent)
        renew()
        time.sleep(min(spent, WAIT_SECONDS))

    return wait


def range_start(journal: Journal, store: str, zone: tzinfo) -> datetime | None:
    """Return the start of the range to compare, or None before the next comparison is due.

    It is the start of a day of the store, unless the first order of this store here came later.
    Another integration handled the orders before that one.
    """
    now, last = journal.now(), journal.reconciliations.latest().get(store)
    if last is not None and now - last.at < INTERVAL:
        return None
    first = journal.orders.find(store=store, older_than=GRACE, limit=1)
    return max(first[0].listed_at, days_ago(DAYS, now, zone)) if first else None


def log_findings(compared: Comparison) -> None:
    """Write findings to the log, with identifiers only."""
    for finding in compared.findings[:MAX_LOGGED]:
        facts = {"store": finding.store, "order_id": finding.order_id, "reason": str(finding.kind)}
        log.warning("reconciliation found", extra=facts)
    log.info("reconciled", extra={"store": compared.store, "count": len(compared.findings)})
