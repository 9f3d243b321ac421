"""The look at everything, every minute, and what is told of it."""

from __future__ import annotations

from celery import shared_task

from journal.monitoring.heartbeats import ALERTS_EVALUATED
from tasks.alerts.delivery import tell
from tasks.alerts.rules import look
from tasks.base import StoreTask


@shared_task(base=StoreTask, bind=True, name="alerts.evaluate")
def evaluate(self: StoreTask, /, **_: object) -> None:
    """Look at all rules of all stores, keep what is wrong, and send what is new about it.

    Beat calls this every ``ALERT_CHECK_INTERVAL_SECONDS``. Two that run at once send
    nothing twice; the lock only saves the work.
    """
    alarm = self.context.alarm
    if alarm is None:
        return
    with self.context.lock("alerts.evaluate") as renew:
        if renew is None:
            return
        look(self.journal, alarm.rules, self.journal.now(), alarm.facts())
        self.journal.heartbeats.record(ALERTS_EVALUATED)
        renew()
        tell(self.journal, alarm.notifier, alarm.rules, now=self.journal.now)
