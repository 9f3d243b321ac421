"""The tasks of the schedule that concern all stores: dispatch, purge, alerts."""

import logging

from celery import shared_task

from journal.monitoring.heartbeats import ALERTS_EVALUATED
from journal.privacy.retention import PurgeCount
from tasks import workflow
from tasks.alerts.delivery import notify
from tasks.alerts.evaluation import update_alerts
from tasks.base import StoreTask

log = logging.getLogger(__name__)

PURGE_SECONDS = 60.0
"""A purge's share of a worker's thread. The next purge continues."""


@shared_task(base=StoreTask, bind=True, name="journal.dispatch")
def dispatch(self: StoreTask, /, **_: object) -> None:
    """Lease the jobs that are due and enqueue them. Beat calls this every few seconds."""
    if count := workflow.dispatch(self.context):
        log.info("dispatched", extra={"count": count})


@shared_task(base=StoreTask, bind=True, name="journal.purge")
def purge(self: StoreTask, /, **_: object) -> None:
    """Delete the data that is past its retention. Beat calls this every few hours."""
    with self.context.lock("journal.purge") as renew:
        if renew is None:
            return
        purged = PurgeCount()
        for batch in self.journal.retention.purge(self.context.retention, seconds=PURGE_SECONDS):
            renew()
            purged += batch
    if purged.any:
        log.info("purged", extra={"reason": str(purged)})


@shared_task(base=StoreTask, bind=True, name="alerts.evaluate")
def evaluate_alerts(self: StoreTask, /, **_: object) -> None:
    """Evaluate the rules of all stores, keep the problems, and send the new ones.

    Beat calls this every ``ALERT_CHECK_INTERVAL_SECONDS``. Two runs at once send each message
    once. The lock only saves work.
    """
    alerting = self.context.alerting
    if alerting is None:
        return
    with self.context.lock("alerts.evaluate") as renew:
        if renew is None:
            return
        update_alerts(self.journal, alerting.policy, self.journal.now(), alerting.usage())
        self.journal.heartbeats.record(ALERTS_EVALUATED)
        renew()
        notify(self.journal, alerting.notifier, alerting.policy, now=self.journal.now)
