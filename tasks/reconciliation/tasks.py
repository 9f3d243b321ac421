"""Once a day: each store's last days at VTEX against the journal and the ERP."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from datetime import datetime, timedelta

from celery import shared_task

from journal.journal import Journal
from journal.order_changes import ChangeHint
from tasks.base import StoreTask
from tasks.context import Renew
from tasks.job_kinds import priority_of
from tasks.reconciliation.compare import DAYS, GRACE, Compared, Found, compare_store
from vtex.errors import RateLimitReached

log = logging.getLogger(__name__)

EVERY = timedelta(hours=23)
"""Looked at each hour: a day, whenever beats begin and end."""

RECONCILE_SECONDS = 900.0
"""One reconciliation's share of a worker's thread: a few hundred thousand orders."""

WAIT_SECONDS = 10.0
"""Between two looks for calls: the lock is renewed so often."""

LOGGED = 1000
"""Findings that are told one by one; vtex-erp reconcile shows all."""


@shared_task(base=StoreTask, bind=True, name="orders.reconcile")
def reconcile(self: StoreTask, /, *, store: str, **_: object) -> None:
    """Compare what VTEX has of the last days with the journal and the ERP; mend nothing.

    Source: ``GET /api/oms/pvt/orders`` by creation date, all statuses.

    Args:
        store: VTEX account name, as in the settings.
    """
    if self.journal.store_pauses.get(store):
        return
    with self.context.lock(f"orders.reconcile:{store}") as renew:
        since = None if renew is None else since_when(self.journal, store)
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
        )
        self.journal.reconciliations.save(compared.summary(self.journal.now()))
        self.journal.order_changes.record(store, hints(compared))
    tell(compared)


def hints(compared: Compared) -> list[ChangeHint]:
    """Return what is looked into by itself, since telling the ERP of it twice does no harm."""
    day = f"{compared.until:%Y-%m-%d}"
    return [
        ChangeHint(
            one.order_id, f"{one.there.status} listed {day}", f"{one.kind}, by the reconciliation"
        )
        if one.kind is Found.CANCELED
        else ChangeHint(one.order_id, f"value {one.there.value_cents} {day}", one.detail)
        for one in compared.findings
        if one.kind in (Found.CANCELED, Found.TOTALS)
    ]


def patience(renew: Renew, seconds: float = RECONCILE_SECONDS) -> Callable[[float], None]:
    """Return what waits for calls, some seconds each time, and gives up in the end.

    A small rate limit has no call left within the half second for which a listing is patient, ever:
    given up at the first refusal, a store of few calls would never be read to its end.
    """
    until = time.monotonic() + seconds

    def wait(spent: float) -> None:
        if time.monotonic() + spent > until:
            raise RateLimitReached.until(spent)
        renew()
        time.sleep(min(spent, WAIT_SECONDS))

    return wait


def since_when(journal: Journal, store: str) -> datetime | None:
    """Return from when on a store is to be compared; None where it is not time yet.

    What was placed before its first order came in here was somebody else's to integrate.
    """
    now, last = journal.now(), journal.reconciliations.latest().get(store)
    if last is not None and now - last.at < EVERY:
        return None
    first = journal.orders.find(store=store, older_than=GRACE, limit=1)
    return max(first[0].listed_at, now - timedelta(days=DAYS)) if first else None


def tell(compared: Compared) -> None:
    """Write findings to the log, by identifiers alone."""
    for one in compared.findings[:LOGGED]:
        mark = {"store": one.store, "order_id": one.order_id, "reason": str(one.kind)}
        log.warning("reconciliation found", extra=mark)
    log.info("reconciled", extra={"store": compared.store, "count": len(compared.findings)})
