"""The timelines: one line for each event of an order."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from journal.model import Kind, Stage
from journal.storage.repository import Repository
from journal.storage.rows import event_row
from journal.storage.tables import events


@dataclass(frozen=True, slots=True)
class EventRow:
    """A line of an order's timeline."""

    at: datetime
    kind: Kind
    stage: Stage | None
    attempt: int
    event: str
    detail: str | None


class Timeline(Repository):
    """The lines of all orders."""

    def events(self, store: str, order_id: str) -> list[EventRow]:
        """Return an order's timeline, oldest first."""
        query = (
            select(events)
            .where(events.c.store == store, events.c.order_id == order_id)
            .order_by(events.c.id)
        )
        return [
            EventRow(
                row.at,
                Kind(row.kind),
                Stage(row.stage) if row.stage else None,
                row.attempt,
                row.event,
                row.detail,
            )
            for row in self._database.rows(query)
        ]

    def note(self, store: str, order_id: str, event: str, detail: str) -> None:
        """Write a line into an order's timeline."""
        row = event_row(store, order_id, self._now(), 0, event, detail=detail)
        self._database.run(events.insert().values(row))
