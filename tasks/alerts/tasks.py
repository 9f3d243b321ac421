"""The look at everything, every minute, and what is told of it."""

from __future__ import annotations

from celery import shared_task

from journal.monitoring.heartbeats import ALERTS_EVALUATED
from tasks.alerts.delivery import notify
from tasks.alerts.evaluation import update_alerts
from tasks.base import StoreTask


@shared_task(base=StoreTask, bind=True, name="alerts.evaluate")
def evaluate(self: StoreTask, /, **_: object) -> None:
    """Look at all rules of all stores, keep what is wrong, and send what is new about it.

    Beat calls this every ``ALERT_CHECK_INTERVAL_SECONDS``. Two that run at once send
    nothing twice; the lock only saves the work.
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
