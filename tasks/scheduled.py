"""Due jobs to the queues, the only way in for work that waited; what is old out of the journal."""

from __future__ import annotations

import logging

from celery import shared_task

from journal.privacy.retention import PurgeCount
from tasks import workflow
from tasks.base import StoreTask

log = logging.getLogger(__name__)

PURGE_SECONDS = 60.0
"""One purge's share of a worker's thread; what it leaves, the next one takes."""


@shared_task(base=StoreTask, bind=True, name="journal.dispatch")
def dispatch(self: StoreTask, /, **_: object) -> None:
    """Lease the jobs that are due and enqueue them; beat calls this every few seconds."""
    if count := workflow.dispatch(self.context):
        log.info("dispatched", extra={"count": count})


@shared_task(base=StoreTask, bind=True, name="journal.purge")
def purge(self: StoreTask, /, **_: object) -> None:
    """Forget what is past its retention; beat calls this every few hours."""
    with self.context.lock("journal.purge") as renew:
        if renew is None:
            return
        purged = PurgeCount()
        for batch in self.journal.retention.purge(self.context.retention, seconds=PURGE_SECONDS):
            renew()
            purged += batch
    if purged.any:
        log.info("purged", extra={"reason": str(purged)})
