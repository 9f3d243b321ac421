"""The heartbeats: the last success of a process or a periodic task."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import select

from journal.storage.repository import Repository
from journal.storage.rows import insert, upsert
from journal.storage.tables import heartbeats

ORDER_LIST_READ, HANDLED_LIST_READ, ALERTS_EVALUATED, STORE_REGISTERED = (
    "order_list_read",
    "handled_list_read",
    "alerts_evaluated",
    "store_registered",
)
"""Names: a store's list of ready orders, or of handled ones, was read to its end, the alerts were
evaluated, a store was first seen."""


class Heartbeats(Repository):
    """The last heartbeat of each name and store."""

    def record(self, name: str, store: str = "", *, every: timedelta = timedelta(0)) -> None:
        """Write a heartbeat.

        Args:
            every: a younger heartbeat stays as it is.
        """
        now = self._now()
        with self._database.transaction() as db:
            upsert(
                db,
                heartbeats,
                {"name": name, "store": store},
                {"at": now},
                only_if=heartbeats.c.at <= now - every,
            )

    def register_stores(self, stores: Sequence[str], now: datetime) -> None:
        """Record the first sight of stores, from which a silence counts."""
        query = select(heartbeats.c.store).where(heartbeats.c.name == STORE_REGISTERED)
        with self._database.transaction() as db:
            known = set(db.execute(query).scalars())
            new = [
                {"name": STORE_REGISTERED, "store": store, "at": now}
                for store in stores
                if store not in known
            ]
            if new:
                db.execute(insert(db, heartbeats).values(new).on_conflict_do_nothing())

    def last(self, name: str, store: str = "") -> datetime | None:
        """Return the time of the last heartbeat, or ``None``."""
        query = select(heartbeats.c.at).where(
            heartbeats.c.name == name, heartbeats.c.store == store
        )
        row = self._database.row(query)
        return row.at if row else None
