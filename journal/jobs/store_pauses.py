"""The pauses of stores: their jobs do not call VTEX until the end of the pause."""

from datetime import datetime, timedelta

from sqlalchemy import select

from journal.storage.repository import Repository
from journal.storage.rows import upsert
from journal.storage.tables import store_pauses


class StorePauses(Repository):
    """The pauses of all stores."""

    def get(self, store: str) -> tuple[datetime, str] | None:
        """Return end and reason of a store's pause, or ``None``."""
        query = select(store_pauses.c.until, store_pauses.c.reason).where(
            store_pauses.c.store == store, store_pauses.c.until > self._now()
        )
        row = self._database.row(query)
        return None if row is None else (row.until, row.reason)

    def find(self) -> dict[str, tuple[datetime, str]]:
        """Return end and reason of each store's pause."""
        query = (
            select(store_pauses)
            .where(store_pauses.c.until > self._now())
            .order_by(store_pauses.c.store)
        )
        return {row.store: (row.until, row.reason) for row in self._database.rows(query)}

    def begin(self, store: str, *, seconds: float, reason: str) -> None:
        """Pause a store. A new pause can only extend the current one."""
        until = self._now() + timedelta(seconds=seconds)
        with self._database.transaction() as db:
            upsert(
                db,
                store_pauses,
                {"store": store},
                {"until": until, "reason": reason},
                only_if=store_pauses.c.until < until,
            )

    def end(self, store: str) -> None:
        """End a store's pause."""
        self._database.run(store_pauses.delete().where(store_pauses.c.store == store))
