"""Due jobs to the queues: the only way in for work that waited."""

from __future__ import annotations

import logging

from celery import shared_task

from tasks.base import StoreTask
from tasks.chains import send

log = logging.getLogger(__name__)


@shared_task(base=StoreTask, bind=True, name="journal.dispatch")
def dispatch(self: StoreTask, /, **_: object) -> None:
    """Claim what is due and enqueue the rest of its chain; beat calls this every few seconds."""
    tickets = self.journal.dispatch(in_flight=self.with_team.in_flight)
    send(self.journal, tickets)
    if tickets:
        log.info("dispatched", extra={"count": len(tickets)})
